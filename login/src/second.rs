//! `/login/second…`: the code after the password, and setting up the second factor.

use crate::Context;
use crate::cookie::{self, session_cookie};
use crate::form::{Entered, append_cookie, close, language, paged, peer, repeats_token, see_other};
use crate::half::Half;
use crate::origin::{Source, source};
use crate::page::{Asks, Page};
use crate::second_page::Ask;
use crate::second_words::Slip;
use crate::target::target;
use crate::words::{Language, Trouble};
use axum::extract::{Extension, Form, FromRequest, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use directory::{Access, Enrolment, Peer, Secret, SessionToken, SignInError, StepError};
use serde::Deserialize;
use std::convert::Infallible;

/// Vietnam's days begin so many minutes before those of UTC.
const ZONE_MIN: i32 = 7 * 60;

/// The fields of all these forms.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    half: String,
    code: String,
    password: String,
    csrf: String,
    next: String,
}

/// One of these forms as it came.
pub(crate) struct Sent {
    peer: Peer,
    headers: HeaderMap,
    /// `None`: our own page did not send them.
    fields: Option<Fields>,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let connected = request.extensions().get().cloned().map(Extension);
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let fields = Form::<Fields>::from_request(request, state).await.ok();
        let fields = fields.map(|Form(fields)| fields).filter(|fields| {
            source(&headers, &uri) != Source::Foreign && repeats_token(&headers, &fields.csrf)
        });
        Ok(Self {
            peer: peer(connected),
            headers,
            fields,
        })
    }
}

/// `/login/second?lang=…`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    lang: String,
}

/// What came of a step that asked the directory.
enum Done {
    Signed(SessionToken),
    /// Spare codes to be shown, and the session when one was opened.
    Codes(Vec<String>, Option<SessionToken>),
    Off,
    /// Another telephone is to be told.
    Draw(Box<Half>),
}

/// A page of the second factor.
fn page(
    context: &Context,
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    ask: Ask<'_>,
) -> Response {
    let page = Page {
        language: language(headers),
        trouble: None,
        domain: "",
        address: "",
        next,
        token: "",
        asks: Asks::Second(ask),
    };
    paged(context, headers, status, page)
}

/// After a right password: into the mailbox, or on to the code.
pub(crate) fn entered(
    context: &Context,
    headers: &HeaderMap,
    next: &str,
    entered: Entered,
) -> Response {
    match entered {
        Entered::Whole(token) => {
            let mut response = see_other(next);
            append_cookie(&mut response, cookie::session(&token.0));
            response
        }
        Entered::Half(half) => {
            let drawn = half.drawn.clone();
            let demanded = context.directory.second_factor(&half.access).demanded;
            match context.halves.keep(*half) {
                Some(name) => {
                    let ask = asked(&name, drawn.as_ref(), demanded, None);
                    page(context, headers, StatusCode::OK, next, ask)
                }
                None => stale(context, headers, next, Trouble::Unavailable),
            }
        }
    }
}

fn asked<'a>(
    half: &'a str,
    drawn: Option<&'a Enrolment>,
    demanded: bool,
    wrong: Option<Slip>,
) -> Ask<'a> {
    match drawn {
        Some(drawn) => Ask::Enrol {
            half,
            drawn,
            demanded,
            wrong,
        },
        None => Ask::Code { half, wrong },
    }
}

/// The sign-in page again: nothing is half done any more.
fn stale(context: &Context, headers: &HeaderMap, next: &str, trouble: Trouble) -> Response {
    let status = match trouble {
        Trouble::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    crate::form::again(
        context,
        headers,
        language(headers),
        status,
        Some(trouble),
        "",
        next,
    )
}

/// Why it was not done, and with which status that is told.
fn slip(error: StepError) -> (StatusCode, Slip) {
    match error {
        StepError::Wrong | StepError::Wanted | StepError::Denied(_) => {
            (StatusCode::UNAUTHORIZED, Slip::Wrong)
        }
        StepError::Enrol => (StatusCode::FORBIDDEN, Slip::Demanded),
        StepError::Later(wait) => (StatusCode::TOO_MANY_REQUESTS, Slip::Later(wait)),
        StepError::Beset(wait) => (StatusCode::TOO_MANY_REQUESTS, Slip::Beset(wait)),
        StepError::Failed(cause) => {
            tracing::error!(%cause, "a step of the second factor failed");
            (StatusCode::SERVICE_UNAVAILABLE, Slip::Unavailable)
        }
    }
}

/// With the time to wait in its header, where there is one.
fn waiting(mut response: Response, why: Slip) -> Response {
    if let Slip::Later(wait) | Slip::Beset(wait) = why {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// `POST /login/second/code`: the code after the password.
pub(crate) async fn prove(State(context): State<Context>, sent: Sent) -> Response {
    let step = |context: &Context, half: &Half, code: &str, peer: Peer| {
        let directory = &context.directory;
        let token = directory.open_with_code(&half.access, Some(code), peer)?;
        Ok(Done::Signed(token))
    };
    halfway(context, sent, step).await
}

/// `POST /login/second/set`: the first code of an app that was told.
pub(crate) async fn enrol(State(context): State<Context>, sent: Sent) -> Response {
    let step = |context: &Context, half: &Half, code: &str, peer: Peer| {
        let Some(drawn) = &half.drawn else {
            return Err(StepError::Wrong);
        };
        let directory = &context.directory;
        let (codes, token) = directory.enrol_second(&half.access, drawn, code, peer)?;
        Ok(Done::Codes(codes, token))
    };
    halfway(context, sent, step).await
}

/// A step of somebody whose password was right.
async fn halfway<F>(context: Context, sent: Sent, step: F) -> Response
where
    F: FnOnce(&Context, &Half, &str, Peer) -> Result<Done, StepError> + Send + 'static,
{
    let Sent {
        peer,
        headers,
        fields,
    } = sent;
    let Some(fields) = fields else {
        return stale(&context, &headers, "/", Trouble::Stale);
    };
    let next = target(&fields.next).to_owned();
    let Some(half) = context.halves.find(&fields.half) else {
        return stale(&context, &headers, &next, Trouble::Stale);
    };
    let (kept, asker) = (half.clone(), context.clone());
    // A commit: not on a thread that serves others.
    let code = fields.code.clone();
    let done = tokio::task::spawn_blocking(move || step(&asker, &kept, &code, peer)).await;
    match done {
        Ok(Ok(done)) => {
            context.halves.end(&fields.half);
            close(&context.directory, half.before);
            told(&context, &headers, &next, done)
        }
        // The password was changed meanwhile.
        Ok(Err(StepError::Denied(_))) => stale(&context, &headers, &next, Trouble::Stale),
        Ok(Err(StepError::Enrol)) if half.drawn.is_none() => {
            context.halves.end(&fields.half);
            set_up(&context, &headers, &next, half)
        }
        Ok(Err(error)) => {
            let (status, why) = slip(error);
            let demanded = context.directory.second_factor(&half.access).demanded;
            let ask = asked(&fields.half, half.drawn.as_ref(), demanded, Some(why));
            waiting(page(&context, &headers, status, &next, ask), why)
        }
        Err(_) => stale(&context, &headers, &next, Trouble::Unavailable),
    }
}

/// Who was asked for a code has none to give any more, since somebody withdrew the second factor meanwhile, and the agency
/// demands one: another is set up, as at any sign-in.
fn set_up(context: &Context, headers: &HeaderMap, next: &str, half: Half) -> Response {
    match context.directory.draw_second(&half.access) {
        Ok(drawn) => {
            let drawn = Some(drawn);
            let half = Box::new(Half { drawn, ..half });
            entered(context, headers, next, Entered::Half(half))
        }
        Err(directory::Error::Denied(_)) => stale(context, headers, next, Trouble::Stale),
        Err(_) => stale(context, headers, next, Trouble::Unavailable),
    }
}

fn told(context: &Context, headers: &HeaderMap, next: &str, done: Done) -> Response {
    let (mut response, token) = match done {
        Done::Signed(token) => (see_other(next), Some(token)),
        Done::Codes(codes, token) => {
            let ask = Ask::Spare { codes: &codes };
            (page(context, headers, StatusCode::OK, next, ask), token)
        }
        Done::Off => (see_other("/login/second"), None),
        Done::Draw(half) => return entered(context, headers, next, Entered::Half(half)),
    };
    if let Some(token) = token {
        append_cookie(&mut response, cookie::session(&token.0));
    }
    response
}

/// Who is signed in.
fn signed(context: &Context, headers: &HeaderMap) -> Option<Access> {
    let token = session_cookie(headers)?;
    context.directory.session(token)
}

fn manage(
    context: &Context,
    headers: &HeaderMap,
    access: &Access,
    status: StatusCode,
    wrong: Option<Slip>,
) -> Response {
    let factor = context.directory.second_factor(access);
    let since = factor.since.map(day).unwrap_or_default();
    let ask = Ask::Manage {
        factor,
        since: &since,
        wrong,
    };
    page(context, headers, status, "/", ask)
}

/// `31/12/2026`, as people here write it in both languages.
fn day(at: i64) -> String {
    let day = formats::date::day_of(at, ZONE_MIN);
    format!("{:02}/{:02}/{}", day.day, day.month, day.year)
}

/// `GET /login/second`: one's own second factor.
pub(crate) async fn show(
    State(context): State<Context>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
    mut headers: HeaderMap,
) -> Response {
    let Some(access) = signed(&context, &headers) else {
        return see_other("/login");
    };
    let chosen = asked
        .ok()
        .and_then(|Query(asked)| Language::from_code(&asked.lang));
    let set = chosen.and_then(|language| cookie::language(language.code()));
    if let Some(language) = chosen
        && let Ok(line) = HeaderValue::from_str(&format!("lang={}", language.code()))
    {
        // Before what the browser has, so that it is the one that counts.
        let others: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
        headers.insert(header::COOKIE, line);
        for other in others {
            headers.append(header::COOKIE, other);
        }
    }
    let mut response = manage(&context, &headers, &access, StatusCode::OK, None);
    append_cookie(&mut response, set);
    response
}

/// `POST /login/second`: the password once more, and on to the app.
pub(crate) async fn begin(State(context): State<Context>, sent: Sent) -> Response {
    let Sent {
        peer,
        headers,
        fields,
    } = sent;
    let (Some(fields), Some(access)) = (fields, signed(&context, &headers)) else {
        return stale(&context, &headers, "/", Trouble::Stale);
    };
    let directory = context.directory.clone();
    let name = access.address().to_string();
    let secret = Secret::new(fields.password);
    // argon2id: not on a thread that serves others.
    let done = tokio::task::spawn_blocking(move || directory.sign_in(&name, &secret, peer)).await;
    let why = match done {
        // Another telephone is told by a code of the one that there is.
        Ok(Ok(again))
            if again.account() == access.account()
                && context.directory.second_factor(&again).since.is_none() =>
        {
            match context.directory.draw_second(&again) {
                Ok(drawn) => {
                    let half = Half {
                        access: again,
                        drawn: Some(drawn),
                        before: session_cookie(&headers).map(str::to_owned),
                    };
                    return entered(&context, &headers, "/", Entered::Half(Box::new(half)));
                }
                Err(directory::Error::Denied(_)) => Slip::Password,
                Err(_) => Slip::Unavailable,
            }
        }
        Ok(Err(SignInError::Later(wait))) => Slip::Later(wait),
        Ok(Err(SignInError::Storage(_))) | Err(_) => Slip::Unavailable,
        Ok(_) => Slip::Password,
    };
    let status = match why {
        Slip::Later(_) => StatusCode::TOO_MANY_REQUESTS,
        Slip::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNAUTHORIZED,
    };
    let response = manage(&context, &headers, &access, status, Some(why));
    waiting(response, why)
}

/// `POST /login/second/spare`: new spare codes.
pub(crate) async fn renew(State(context): State<Context>, sent: Sent) -> Response {
    let step = |access: &Access, context: &Context, code: &str, peer: Peer| {
        let codes = context.directory.renew_spare(access, code, peer)?;
        Ok(Done::Codes(codes, None))
    };
    changed(context, sent, step).await
}

/// `POST /login/second/change`: another telephone.
pub(crate) async fn change(State(context): State<Context>, sent: Sent) -> Response {
    let step = |access: &Access, context: &Context, code: &str, peer: Peer| {
        let drawn = context.directory.change_second(access, code, peer)?;
        Ok(Done::Draw(Box::new(Half {
            access: access.clone(),
            drawn: Some(drawn),
            before: None,
        })))
    };
    changed(context, sent, step).await
}

/// `POST /login/second/off`: without it again.
pub(crate) async fn withdraw(State(context): State<Context>, sent: Sent) -> Response {
    let step = |access: &Access, context: &Context, code: &str, peer: Peer| {
        context.directory.withdraw_second(access, code, peer)?;
        Ok(Done::Off)
    };
    changed(context, sent, step).await
}

/// A change that somebody who is signed in makes by a code.
async fn changed<F>(context: Context, sent: Sent, step: F) -> Response
where
    F: FnOnce(&Access, &Context, &str, Peer) -> Result<Done, StepError> + Send + 'static,
{
    let Sent {
        peer,
        headers,
        fields,
    } = sent;
    let (Some(fields), Some(access)) = (fields, signed(&context, &headers)) else {
        return stale(&context, &headers, "/", Trouble::Stale);
    };
    let (asker, who) = (context.clone(), access.clone());
    // A commit: not on a thread that serves others.
    let code = fields.code;
    let done = tokio::task::spawn_blocking(move || step(&who, &asker, &code, peer)).await;
    match done {
        Ok(Ok(done)) => told(&context, &headers, "/", done),
        Ok(Err(error)) => {
            let (status, why) = slip(error);
            waiting(manage(&context, &headers, &access, status, Some(why)), why)
        }
        Err(_) => stale(&context, &headers, "/", Trouble::Unavailable),
    }
}
