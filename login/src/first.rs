//! `POST /login/first`: a password of one's own in place of the first one, which a letter told.

use crate::Context;
use crate::cookie::session_cookie;
use crate::form::{
    Attempt, Connected, Entered, Refusal, again, language, paged, peer, repeats_token,
};
use crate::origin::{Source, source};
use crate::page::{Asks, Choose, Page};
use crate::second;
use crate::target::target;
use crate::words::{Trouble, Unfit};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use directory::{Directory, Error, Secret};
use serde::Deserialize;

/// Characters that every password has at least.
const LEAST: u64 = 8;

/// The form's fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    address: String,
    first: String,
    password: String,
    repeated: String,
    csrf: String,
    next: String,
}

/// Who is to choose.
pub(crate) struct Choice<'a> {
    pub(crate) address: &'a str,
    pub(crate) first: &'a str,
    pub(crate) trouble: Option<Unfit>,
}

/// The page that asks for a password of one's own.
pub(crate) fn page(
    context: &Context,
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    choice: Choice<'_>,
) -> Response {
    let page = Page {
        language: language(headers),
        domain: "",
        trouble: None,
        address: choice.address,
        next,
        token: "",
        asks: Asks::Choose(Choose {
            first: choice.first,
            wrong: choice.trouble,
        }),
    };
    paged(context, headers, status, page)
}

/// Why it is not chosen.
enum No {
    Unfit(Unfit),
    Refused(Refusal),
}

/// `POST /login/first`
pub(crate) async fn choose(
    State(context): State<Context>,
    connected: Connected,
    uri: Uri,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let tongue = language(&headers);
    // A form that cannot be read bears no token either.
    let fields = fields.map(|Form(fields)| fields).unwrap_or_default();
    let next = target(&fields.next);
    let refused = |status, trouble| {
        let address = fields.address.trim();
        again(
            &context,
            &headers,
            tongue,
            status,
            Some(trouble),
            address,
            next,
        )
    };
    if source(&headers, &uri) == Source::Foreign || !repeats_token(&headers, &fields.csrf) {
        return refused(StatusCode::FORBIDDEN, Trouble::Stale);
    }
    let unfit = |wrong| {
        let choice = Choice {
            address: fields.address.trim(),
            first: &fields.first,
            trouble: Some(wrong),
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        page(&context, &headers, status, next, choice)
    };
    if fields.password != fields.repeated {
        return unfit(Unfit::Differs);
    }
    let first = Secret::new(fields.first.as_str());
    let attempt = Attempt {
        name: fields.address.clone(),
        secret: Secret::new(fields.password.as_str()),
        peer: peer(connected),
        before: session_cookie(&headers).map(str::to_owned),
    };
    let directory = context.directory.clone();
    // argon2id and a commit: not on a thread that serves others.
    let done = tokio::task::spawn_blocking(move || chosen(&directory, &first, attempt)).await;
    match done.unwrap_or(Err(No::Refused(Refusal::Unavailable))) {
        Ok(entered) => second::entered(&context, &headers, next, entered),
        Err(No::Unfit(why)) => unfit(why),
        Err(No::Refused(Refusal::Later(wait))) => {
            let mut response = refused(StatusCode::TOO_MANY_REQUESTS, Trouble::Later(wait));
            let wait = HeaderValue::from(wait);
            response.headers_mut().insert(header::RETRY_AFTER, wait);
            response
        }
        Err(No::Refused(Refusal::Unavailable)) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, Trouble::Unavailable)
        }
        Err(No::Refused(Refusal::Barred(why))) => {
            refused(StatusCode::FORBIDDEN, Trouble::Barred(why))
        }
        Err(No::Refused(_)) => refused(StatusCode::UNAUTHORIZED, Trouble::Wrong),
    }
}

/// Sets the password and signs in with it.
fn chosen(directory: &Directory, first: &Secret, attempt: Attempt) -> Result<Entered, No> {
    let Attempt {
        name, secret, peer, ..
    } = &attempt;
    let set = directory
        .choose_password(name, first, secret, *peer)
        .map_err(|error| No::Refused(error.into()))?;
    match set {
        Ok(()) => attempt.run(directory).map_err(No::Refused),
        Err(Error::Invalid { expected, .. }) => Err(No::Unfit(why(&expected))),
        Err(cause) => {
            tracing::error!(%cause, "a password could not be set");
            Err(No::Refused(Refusal::Unavailable))
        }
    }
}

/// What the directory expects of a password.
fn why(expected: &str) -> Unfit {
    let number = |word: Option<&str>| word.and_then(|word| word.parse().ok());
    let mut words = expected.split(' ');
    match words.next() {
        Some("two") => Unfit::Classes(2),
        Some("three") => Unfit::Classes(3),
        Some("all") => Unfit::Classes(4),
        Some("another") => Unfit::Same,
        _ if expected.contains("address") => Unfit::Address,
        first => match (number(first), number(words.next_back())) {
            (None, Some(last)) => Unfit::Former(last),
            (least, _) => Unfit::Length(least.unwrap_or(LEAST)),
        },
    }
}
