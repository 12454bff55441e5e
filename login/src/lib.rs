//! Server-rendered sign-in pages and browser sessions. They work without scripts, so that a broken
//! bundle never locks anyone out; their policy allows no script at all.
//!
//! A sign-in form is answered only with the token that our own page put both into the form and into a
//! `__Host-` cookie: nobody can sign a browser in, or out, from another site.

mod cookie;
mod first;
mod form;
mod half;
mod origin;
mod page;
mod picture;
mod second;
mod second_page;
mod second_words;
mod style;
mod target;
mod words;

pub use cookie::{SESSION_COOKIE, session_cookie};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use directory::Directory;

/// Octets of a form.
pub const FORM_MAX: usize = 16 * 1024;

/// What the pages need.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) directory: Directory,
    pub(crate) halves: half::Halves,
}

impl Context {
    /// Over this directory.
    pub fn new(directory: Directory) -> Self {
        Self {
            directory,
            halves: half::Halves::default(),
        }
    }
}

/// `GET /login`, `POST /login`, `POST /login/first`, what is below `/login/second`, `POST /logout` and the style sheet. The peer's address comes from
/// `ConnectInfo<SocketAddr>` when it is there.
pub fn router(state: Context) -> Router {
    Router::new()
        .route("/login", get(form::show).post(form::enter))
        .route("/login/first", post(first::choose))
        .route("/login/second", get(second::show).post(second::begin))
        .route("/login/second/code", post(second::prove))
        .route("/login/second/set", post(second::enrol))
        .route("/login/second/spare", post(second::renew))
        .route("/login/second/change", post(second::change))
        .route("/login/second/off", post(second::withdraw))
        .route("/logout", post(form::leave))
        .route("/login/style.css", get(style::sheet))
        .layer(DefaultBodyLimit::max(FORM_MAX))
        .with_state(state)
}
