//! The routes, who may use them, and the same-origin rule.

use crate::pool::{Pool, Seat, Seats, Use};
use crate::problem::Problem;
use crate::remembered::Remembered;
use crate::{blob, discovery, letter, limit, push, request, socket};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::response::Response;
use axum::routing::{get, post};
use delivery::Delivery;
use directory::{Access, Directory, Through};
use formats::language::Language;
use http::request::Parts;
use http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What the room needs of the house. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Who may.
    pub directory: Directory,
    /// The door for mail that is sent.
    pub delivery: Delivery,
    /// Octets of one upload and of one message (RFC 8620 §2 `maxSizeUpload`).
    pub size_max: u64,
    /// How the outside reaches this server, `https://mail.tinhmau.gov.vn`, without a slash at the end.
    /// `None`: `https://` and the `Host` of each request.
    pub base_url: Option<String>,
    /// Whether a reader may let one letter load images from elsewhere by a click (`images=1`).
    /// The sender then learns the reader's address; a closed network switches it off.
    pub remote_images: bool,
    /// Whether programs may have changes pushed to addresses of theirs; otherwise this server calls none.
    pub push: bool,
}

impl Context {
    /// With the host of each request as base, remote images left to the reader, and pushes.
    pub fn new(directory: Directory, delivery: Delivery, size_max: u64) -> Self {
        Self {
            directory,
            delivery,
            size_max,
            base_url: None,
            remote_images: true,
            push: true,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) pool: Pool,
    pub(crate) remembered: Remembered,
    seats: Arc<Seats>,
}

pub(crate) type Shared = Arc<Inner>;

impl Inner {
    pub(crate) fn seat(&self, access: &Access, what: Use) -> Option<Seat> {
        self.seats.take(access.account(), what)
    }

    /// Unix seconds.
    pub(crate) fn now_s(&self) -> i64 {
        self.context.directory.clock().now_s()
    }
}

/// Every route of this room. The server puts [`Access`] into the request's extensions, and
/// `ConnectInfo<SocketAddr>` when it has it.
pub fn router(context: Context) -> Router {
    let inner = Inner {
        context,
        pool: Pool::new(),
        remembered: Remembered::default(),
        seats: Arc::default(),
    };
    Router::new()
        .route("/.well-known/jmap", get(discovery::session))
        .route("/jmap/session", get(discovery::session))
        .route("/jmap/api", post(api))
        .route("/jmap/upload/{account}/", post(blob::upload))
        .route(
            "/jmap/download/{account}/{blob}/{name}",
            get(blob::download),
        )
        .route("/jmap/eventsource/", get(push::stream))
        .route("/jmap/ws", get(socket::open))
        .route("/mail/html/{account}/{email}", get(letter::document))
        .route("/mail/cid/{account}/{email}/{cid}", get(letter::image))
        .with_state(Arc::new(inner))
}

/// The one who asks. Refuses with 401 when nobody signed in, or the sign-in no longer stands.
pub(crate) struct Signed(pub(crate) Access);

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The webmail asks with X-Congvu and shows its own page; a dialog of the browser must not pop up.
        let challenge = !parts.headers.contains_key("x-congvu")
            && !parts.headers.contains_key("sec-fetch-mode");
        match parts.extensions.get::<Access>() {
            Some(access) if access.stands() => Ok(Self(access.clone())),
            _ => Err(Problem::unauthorized(challenge)),
        }
    }
}

/// Where the request comes from, when the server said so.
pub(crate) struct From(pub(crate) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let named = parts.extensions.get::<IpAddr>();
        Ok(Self(named.copied().or(connected.map(|c| c.0.ip()))))
    }
}

/// The host that the request was sent to, for addresses in the session object and in policies.
pub(crate) struct Site {
    host: Option<String>,
    origin: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Site {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // RFC 9113 §8.3.1: over HTTP/2 the host is the target's authority.
        let authority = parts.uri.authority().map(|a| a.as_str());
        let named = parts
            .headers
            .get(header::HOST)
            .and_then(|v| v.to_str().ok());
        let origin = parts.headers.get(header::ORIGIN);
        Ok(Self {
            host: named
                .or(authority)
                .filter(|h| is_host(h))
                .map(str::to_owned),
            origin: origin.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()),
        })
    }
}

/// RFC 9110 §7.2: only letters, digits and `.:-[]`, since it is copied into a policy header.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".:-[]".contains(&b))
}

impl Site {
    /// `https://host`.
    pub(crate) fn base(&self, context: &Context) -> Result<String, Problem> {
        if let Some(base) = &context.base_url {
            return Ok(base.clone());
        }
        let host = self.host.as_deref();
        let host = host.ok_or_else(|| Problem::bad_request("a Host header is needed"))?;
        Ok(format!("https://{host}"))
    }

    /// A browser's session rides on a cookie, so another site's page could ride on it too
    /// (`ui/README.md` §6 vector 16): `Origin`, when present, must be this host.
    pub(crate) fn check(&self, access: &Access) -> Result<(), Problem> {
        let Some(origin) = &self.origin else {
            return Ok(());
        };
        if access.through() != Through::Session {
            return Ok(());
        }
        let from = origin
            .strip_prefix("https://")
            .or(origin.strip_prefix("http://"));
        match (from, &self.host) {
            (Some(from), Some(host)) if from.eq_ignore_ascii_case(host) => Ok(()),
            _ => Err(Problem::forbidden(
                "Yêu cầu từ trang khác bị từ chối. / Cross-origin requests are refused.",
            )),
        }
    }
}

/// RFC 8620 §3.1: the content type is part of the same-origin defence, since a form cannot send it.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    kind.and_then(|v| v.split(';').next())
        .is_some_and(|v| v.trim().eq_ignore_ascii_case("application/json"))
}

/// The body, if it is no longer than `max` octets; `name` is the limit that is told otherwise.
pub(crate) async fn body(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    name: &'static str,
) -> Result<Bytes, Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|n| n > max) {
        return Err(Problem::limit(name));
    }
    axum::body::to_bytes(body, max).await.map_err(|error| {
        let over = std::error::Error::source(&error)
            .is_some_and(|e| e.is::<http_body_util::LengthLimitError>());
        if over {
            Problem::limit(name)
        } else {
            Problem::bad_request("the request broke off")
        }
    })
}

/// RFC 9110 §12.5.4.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let field = headers.get(header::ACCEPT_LANGUAGE);
    Language::of(field.and_then(|v| v.to_str().ok()).unwrap_or_default())
}

/// RFC 8620 §3.1: `POST` of a Request object.
async fn api(
    State(inner): State<Shared>,
    Signed(access): Signed,
    From(ip): From,
    site: Site,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Problem> {
    if !is_json(&headers) {
        return Err(Problem::not_json(
            "the content type must be application/json",
        ));
    }
    site.check(&access)?;
    let seat = inner
        .seat(&access, Use::Request)
        .ok_or_else(|| Problem::limit("maxConcurrentRequests"))?;
    let language = language(&headers);
    let bytes = body(
        &headers,
        content,
        limit::REQUEST_OCTETS_MAX,
        "maxSizeRequest",
    )
    .await?;
    let base = site.base(&inner.context)?;
    let work = Arc::clone(&inner);
    let answer = inner
        .pool
        .run(move || {
            let _seat = seat;
            let request = request::Request::parse(&bytes)?;
            drop(bytes);
            let answer = request::execute(&work, &access, &base, (ip, language), request);
            Ok(answer.to_string())
        })
        .await?;
    Ok(json(answer))
}

/// An uncached JSON answer.
pub(crate) fn json(text: String) -> Response {
    use axum::response::IntoResponse;
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
        .into_response()
}
