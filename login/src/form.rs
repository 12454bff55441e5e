//! Showing the form, taking it, and leaving.

use crate::Context;
use crate::cookie::{self, FORM_COOKIE, LANGUAGE_COOKIE, session_cookie};
use crate::first::{self, Choice};
use crate::half::Half;
use crate::origin::{Source, source};
use crate::page::{Asks, Page};
use crate::second;
use crate::target::target;
use crate::words::{Language, Trouble};
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Extension, Form, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use directory::{Barred, Directory, Error, Peer, Secret, SessionToken, SignInError, StepError};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use subtle::ConstantTimeEq;

/// No script, no frame, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";
/// Where no default domain is set.
const EXAMPLE_DOMAIN: &str = "coquan.gov.vn";
/// Octets of a form's token, before base64.
const TOKEN_OCTETS: usize = 24;
/// The header that the webmail's own script sends; another site's script may not, without being asked first.
const OWN_SCRIPT: HeaderName = HeaderName::from_static("x-congvu");

/// `/login?next=…&lang=…`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    next: String,
    lang: String,
}

/// The form's fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    address: String,
    password: String,
    csrf: String,
    next: String,
}

pub(crate) type Connected = Option<Extension<ConnectInfo<SocketAddr>>>;

/// `GET /login`
pub(crate) async fn show(
    State(context): State<Context>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Query(asked) = asked.unwrap_or_default();
    let chosen = Language::from_code(&asked.lang);
    let next = target(&asked.next);
    // Reading a session asks no disk.
    let entered = session_cookie(&headers).and_then(|token| context.directory.session(token));
    let mut response = if entered.is_some() && chosen.is_none() {
        see_other(next)
    } else {
        let language = chosen.unwrap_or_else(|| language(&headers));
        again(&context, &headers, language, StatusCode::OK, None, "", next)
    };
    if let Some(language) = chosen {
        append_cookie(&mut response, cookie::language(language.code()));
    }
    response
}

/// `POST /login`
pub(crate) async fn enter(
    State(context): State<Context>,
    connected: Connected,
    uri: Uri,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let language = language(&headers);
    let Ok(Form(fields)) = fields else {
        return again(
            &context,
            &headers,
            language,
            StatusCode::BAD_REQUEST,
            Some(Trouble::Stale),
            "",
            "/",
        );
    };
    let next = target(&fields.next);
    let shown = |status, trouble| {
        again(
            &context,
            &headers,
            language,
            status,
            Some(trouble),
            fields.address.trim(),
            next,
        )
    };
    if source(&headers, &uri) == Source::Foreign || !repeats_token(&headers, &fields.csrf) {
        return shown(StatusCode::FORBIDDEN, Trouble::Stale);
    }
    if fields.address.trim().is_empty() || fields.password.is_empty() {
        return shown(StatusCode::UNPROCESSABLE_ENTITY, Trouble::Empty);
    }
    let attempt = Attempt {
        name: fields.address.clone(),
        secret: Secret::new(fields.password.as_str()),
        peer: peer(connected),
        before: session_cookie(&headers).map(str::to_owned),
    };
    let directory = context.directory.clone();
    // argon2id and a commit: not on a thread that serves others.
    let done = tokio::task::spawn_blocking(move || attempt.run(&directory)).await;
    match done.unwrap_or(Err(Refusal::Unavailable)) {
        Ok(entered) => second::entered(&context, &headers, next, entered),
        Err(Refusal::ChooseFirst) => {
            let first = Choice {
                address: fields.address.trim(),
                first: &fields.password,
                trouble: None,
            };
            first::page(&context, &headers, StatusCode::OK, next, first)
        }
        Err(Refusal::Wrong) => shown(StatusCode::UNAUTHORIZED, Trouble::Wrong),
        Err(Refusal::AppPassword) => shown(StatusCode::UNAUTHORIZED, Trouble::AppPassword),
        Err(Refusal::Barred(why)) => shown(StatusCode::FORBIDDEN, Trouble::Barred(why)),
        Err(Refusal::Unavailable) => shown(StatusCode::SERVICE_UNAVAILABLE, Trouble::Unavailable),
        Err(Refusal::Later(wait)) => {
            let mut response = shown(StatusCode::TOO_MANY_REQUESTS, Trouble::Later(wait));
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
            response
        }
    }
}

/// `POST /logout`
pub(crate) async fn leave(
    State(context): State<Context>,
    uri: Uri,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let token = fields.map(|Form(fields)| fields.csrf).unwrap_or_default();
    let from = source(&headers, &uri);
    let ours =
        from == Source::Ours || headers.contains_key(OWN_SCRIPT) || repeats_token(&headers, &token);
    if from == Source::Foreign || !ours {
        return (
            StatusCode::FORBIDDEN,
            "Yêu cầu không đến từ trang này. / Not asked from this site.\n",
        )
            .into_response();
    }
    if let Some(token) = session_cookie(&headers).map(str::to_owned) {
        let directory = context.directory.clone();
        let closed = tokio::task::spawn_blocking(move || directory.close_session(&token)).await;
        if !matches!(closed, Ok(Ok(()))) {
            // Told honestly: the session still stands on the server.
            let trouble = Some(Trouble::Unavailable);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return again(
                &context,
                &headers,
                language(&headers),
                status,
                trouble,
                "",
                "/",
            );
        }
    }
    let mut response = see_other("/login");
    append_cookie(&mut response, cookie::no_session());
    // Attachments and pictures that were opened stay in the browser's cache otherwise, for whoever sits there next.
    let cache = HeaderValue::from_static("\"cache\"");
    let field = HeaderName::from_static("clear-site-data");
    response.headers_mut().insert(field, cache);
    response
}

/// One try to sign in, on a blocking thread.
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) secret: Secret,
    pub(crate) peer: Peer,
    /// The session that this browser has had.
    pub(crate) before: Option<String>,
}

pub(crate) enum Refusal {
    Wrong,
    /// A first password: one's own is chosen first.
    ChooseFirst,
    AppPassword,
    Barred(Barred),
    Later(u32),
    Unavailable,
}

/// A password that was right.
pub(crate) enum Entered {
    /// The browser is signed in.
    Whole(SessionToken),
    /// A code is wanted, or a second factor is to be set up.
    Half(Box<Half>),
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::Wrong,
            SignInError::ChooseFirst => Self::ChooseFirst,
            SignInError::Barred(why) => Self::Barred(why),
            SignInError::Later(wait) => Self::Later(wait),
            SignInError::Storage(cause) => {
                tracing::error!(%cause, "a sign-in could not be checked");
                Self::Unavailable
            }
        }
    }
}

impl Attempt {
    pub(crate) fn run(self, directory: &Directory) -> Result<Entered, Refusal> {
        let access = directory.sign_in(&self.name, &self.secret, self.peer)?;
        let unavailable = |cause: Error| {
            tracing::error!(%cause, "a session could not be opened");
            Refusal::Unavailable
        };
        let drawn = match directory.open_with_code(&access, None, self.peer) {
            Ok(token) => {
                close(directory, self.before);
                return Ok(Entered::Whole(token));
            }
            Err(StepError::Wanted) => None,
            Err(StepError::Enrol) => Some(directory.draw_second(&access).map_err(unavailable)?),
            Err(StepError::Denied(_)) => return Err(Refusal::AppPassword),
            Err(StepError::Later(wait) | StepError::Beset(wait)) => {
                return Err(Refusal::Later(wait));
            }
            Err(StepError::Wrong) => return Err(Refusal::Wrong),
            Err(StepError::Failed(cause)) => return Err(unavailable(cause)),
        };
        Ok(Entered::Half(Box::new(Half {
            access,
            drawn,
            before: self.before,
        })))
    }
}

/// Ends the session that a browser had before it got another.
pub(crate) fn close(directory: &Directory, before: Option<String>) {
    if let Some(Err(cause)) = before.map(|before| directory.close_session(&before)) {
        tracing::warn!(%cause, "the session before could not be closed");
    }
}

/// The sign-in page.
pub(crate) fn again(
    context: &Context,
    headers: &HeaderMap,
    language: Language,
    status: StatusCode,
    trouble: Option<Trouble>,
    address: &str,
    next: &str,
) -> Response {
    let page = Page {
        language,
        domain: "",
        trouble,
        address,
        next,
        token: "",
        asks: Asks::SignIn,
    };
    paged(context, headers, status, page)
}

/// A page, with the form's token as cookie and in the form.
pub(crate) fn paged(
    context: &Context,
    headers: &HeaderMap,
    status: StatusCode,
    page: Page<'_>,
) -> Response {
    // A token that the browser has is kept, so that two open pages both work.
    let kept = cookie::value(headers, FORM_COOKIE).map(str::to_owned);
    let Some(token) = kept.or_else(new_token) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let domain = context.directory.default_domain().map(ToString::to_string);
    let page = Page {
        domain: domain.as_deref().unwrap_or(EXAMPLE_DOMAIN),
        token: &token,
        ..page
    };
    let about = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        // With `no-referrer` browsers send `Origin: null` even to ourselves.
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "Cookie"),
    ];
    let mut response = (status, about, Html(page.render().into_string())).into_response();
    append_cookie(&mut response, cookie::form(&token));
    response
}

pub(crate) fn see_other(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    let about = [
        (header::LOCATION, to),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::SEE_OTHER, about).into_response()
}

pub(crate) fn append_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Whether the form repeats the token of the cookie.
pub(crate) fn repeats_token(headers: &HeaderMap, token: &str) -> bool {
    cookie::value(headers, FORM_COOKIE)
        .is_some_and(|kept| kept.as_bytes().ct_eq(token.as_bytes()).into())
}

pub(crate) fn new_token() -> Option<String> {
    let mut octets = [0; TOKEN_OCTETS];
    getrandom::fill(&mut octets).ok()?;
    Some(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets))
}

/// Vietnamese unless English was chosen.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    cookie::value(headers, LANGUAGE_COOKIE)
        .and_then(Language::from_code)
        .unwrap_or(Language::Vietnamese)
}

pub(crate) fn peer(connected: Connected) -> Peer {
    let ip = connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(info)| {
        info.0.ip()
    });
    Peer {
        ip,
        service: "login",
    }
}
