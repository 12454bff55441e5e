//! The one HTTP router: joins login, webmail, JMAP and the API, and turns a request's proof
//! (session cookie, Basic, Bearer) into `Access`, which is all that the rooms below ever see.

use crate::autoconfig::{self, Signer};
use crate::drain::Drained;
use crate::premises::House;
use crate::services::Services;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use directory::{Access, Peer, Secret, SignInError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};

/// Below it lies what tokens administer, whatever the agencies rule of mail; all else that they open is mail.
const API: &str = "/api/";
/// Octets of one Authorization header that are looked at.
const AUTHORIZATION_MAX: usize = 4096;

/// The whole web side of the server; `signer` signs profiles for clients.
pub(crate) fn router(services: &Services, signer: Option<Signer>) -> Router {
    let jmap = jmap::router(jmap_context(services));
    let admin = admin::router(admin::Context {
        directory: services.directory.clone(),
        delivery: services.delivery.clone(),
        premises: Arc::new(House::new(services.config.clone())),
    });
    Router::new()
        .route("/", get(front))
        .with_state(services.clone())
        .merge(jmap)
        .merge(admin)
        .merge(login::router(login::Context::new(
            services.directory.clone(),
        )))
        .layer(axum::middleware::from_fn_with_state(
            services.clone(),
            authenticate,
        ))
        .merge(webmail::router())
        .merge(autoconfig::router(services, signer))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(
            Router::new()
                .route("/readyz", get(ready))
                .with_state(services.clone()),
        )
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(is_no_file)))
        .layer(axum::middleware::map_response(harden))
        .layer(axum::middleware::map_request(name_host))
}

/// A file of a letter is handed out as it lies: programs write what comes to the disk, some without asking how it is
/// encoded (jmapc), and most files are compressed already.
fn is_no_file(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::CONTENT_DISPOSITION)
}

/// RFC 9113 §8.3.1: HTTP/2 names the host in `:authority`; the rooms read `Host`, as in HTTP/1.1.
async fn name_host(mut request: Request) -> Request {
    let named = request.uri().authority().map(|a| a.as_str().to_owned());
    if let Some(value) = named.and_then(|name| HeaderValue::from_str(&name).ok()) {
        request.headers_mut().entry(header::HOST).or_insert(value);
    }
    request
}

/// What the JMAP room needs of the house.
pub(crate) fn jmap_context(services: &Services) -> jmap::Context {
    jmap::Context {
        directory: services.directory.clone(),
        delivery: services.delivery.clone(),
        size_max: services.config.mail.size_max,
        base_url: None,
        remote_images: true,
        push: services.config.push.enabled,
    }
}

/// Headers that every answer carries.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// `GET /readyz`: 503 while mail could not be taken.
async fn ready(State(services): State<Services>) -> (StatusCode, &'static str) {
    if services.store.writable() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store is not writable\n",
        )
    }
}

/// `GET /`: the webmail with its first rows, or the way to the sign-in page.
async fn front(State(services): State<Services>, request: Request) -> Response {
    let Some(access) = request.extensions().get::<Access>().cloned() else {
        return Redirect::to("/login").into_response();
    };
    let language = cookie(request.headers(), "lang").unwrap_or("vi").to_owned();
    let host = services.config.server.host.clone();
    let context = jmap_context(&services);
    let boot = services
        .blocking(move || {
            let mut boot = jmap::boot(&context, &access).unwrap_or_else(|error| {
                tracing::warn!(%error, "first rows left out");
                serde_json::json!({})
            });
            if let Some(object) = boot.as_object_mut() {
                let language = if language == "en" { "en" } else { "vi" };
                object.insert("lang".into(), language.into());
                // By this name the page tells what this server said of a letter from what others did.
                object.insert("host".into(), host.into());
            }
            boot.to_string()
        })
        .await;
    match boot {
        Some(boot) => webmail::page(&boot),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Puts `Access` into the request when it carries a proof; a wrong proof is answered here.
async fn authenticate(
    State(services): State<Services>,
    mut request: Request,
    next: Next,
) -> Response {
    let ip = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let tongue = Tongue::of(&request);
    let proof = proof(request.headers());
    let access = match proof {
        Proof::None => Ok(None),
        Proof::Session(token) => {
            let peer = Peer { ip, service: "web" };
            let session = services.directory.session(&token);
            Ok(session.map(|access| access.coming_from(peer)))
        }
        Proof::Basic(name, secret) => {
            let directory = services.directory.clone();
            let peer = Peer {
                ip,
                service: "jmap",
            };
            services
                .signing_in(move || directory.sign_in(&name, &secret, peer))
                .await
                .map(|access| Some(access.coming_from(peer)))
        }
        Proof::Bearer(token) => {
            let directory = services.directory.clone();
            let service = match request.uri().path().starts_with(API) {
                true => "api",
                false => "jmap",
            };
            let peer = Peer { ip, service };
            services
                .signing_in(move || directory.sign_in_token(&token, peer))
                .await
                .map(|access| Some(access.coming_from(peer)))
        }
    };
    match access {
        Ok(Some(access)) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(error) => refused(&error, tongue),
    }
}

/// What a request shows to prove who sends it.
enum Proof {
    None,
    Session(String),
    Basic(String, Secret),
    Bearer(Secret),
}

fn proof(headers: &HeaderMap) -> Proof {
    use base64::Engine as _;
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .filter(|value| value.len() <= AUTHORIZATION_MAX);
    if let Some((scheme, rest)) = authorization.and_then(|value| value.split_once(' ')) {
        if scheme.eq_ignore_ascii_case("bearer") {
            return Proof::Bearer(Secret::new(rest.trim()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = base64::engine::general_purpose::STANDARD
                .decode(rest.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some((name, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
                return Proof::Basic(name.to_owned(), Secret::new(secret));
            }
        }
    }
    match login::session_cookie(headers) {
        Some(token) => Proof::Session(token.to_owned()),
        None => Proof::None,
    }
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// In which languages a refusal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Vietnamese,
    English,
    /// To mail programs, which show it to whoever sits there.
    Both,
}

impl Tongue {
    /// Of the API as `Accept-Language` asks.
    fn of(request: &Request) -> Self {
        match request.uri().path().starts_with(API) {
            true if admin::likes_english(request.headers()) => Self::English,
            true => Self::Vietnamese,
            false => Self::Both,
        }
    }

    /// One thing, said in both with ` / ` between.
    fn pick(self, said: &str) -> &str {
        match (self, said.split_once(" / ")) {
            (Self::Vietnamese, Some((vietnamese, _))) => vietnamese,
            (Self::English, Some((_, english))) => english,
            _ => said,
        }
    }
}

/// RFC 9457 problem for a wrong proof, of the kinds that the API has.
fn refused(error: &SignInError, tongue: Tongue) -> Response {
    let (status, slug, title, detail) = match error {
        SignInError::Refused => (
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Chưa đăng nhập / Not signed in",
            "Sai địa chỉ, mật khẩu hoặc mã truy cập. / Wrong address, password or token."
                .to_owned(),
        ),
        SignInError::ChooseFirst => (
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Chưa đăng nhập / Not signed in",
            "Mật khẩu lần đầu: hãy đăng nhập trang web thư để đặt mật khẩu riêng. / A first password: sign in to the \
             webmail and choose your own."
                .to_owned(),
        ),
        SignInError::Barred(why) => (
            StatusCode::FORBIDDEN,
            "forbidden",
            "Không có quyền / Not allowed",
            format!("{}. / {}.", why.said_in_vietnamese(), why.said()),
        ),
        SignInError::Later(seconds) => (
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-failures",
            "Sai quá nhiều lần / Too many failures",
            format!(
                "Sai quá nhiều lần, hãy đợi {seconds} giây. / Too many failures, wait {seconds} s."
            ),
        ),
        SignInError::Storage(cause) => {
            tracing::error!(%cause, "sign-in failed inside");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Tạm thời không làm được / Unavailable",
                "Máy chủ chưa kiểm tra được lúc này. / The server cannot check this now."
                    .to_owned(),
            )
        }
    };
    let (title, detail) = (tongue.pick(title), tongue.pick(&detail));
    let body = serde_json::json!({
        "type": format!("urn:congvu:problem:{slug}"), "title": title, "status": status.as_u16(), "detail": detail,
    });
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    let told = match tongue {
        Tongue::Vietnamese => "vi",
        Tongue::English => "en",
        Tongue::Both => "vi, en",
    };
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(told));
    match error {
        SignInError::Refused | SignInError::ChooseFirst => {
            let realm = HeaderValue::from_static("Basic realm=\"Congvu\"");
            headers.insert(header::WWW_AUTHENTICATE, realm);
        }
        SignInError::Later(seconds) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
        SignInError::Barred(_) | SignInError::Storage(_) => {}
    }
    response
}

/// Seconds to read the head of a request.
const HEAD_S: u64 = 30;

/// One HTTPS connection.
pub async fn serve(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    tls: tokio_rustls::TlsAcceptor,
    site: Router,
    shutdown: crate::shutdown::Shutdown,
) {
    use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
    use hyper_util::server::conn::auto;
    use tower::ServiceExt as _;
    let handshake = tokio::time::timeout(
        std::time::Duration::from_secs(crate::tls::HANDSHAKE_S),
        tls.accept(stream),
    );
    let Ok(Ok(stream)) = handshake.await else {
        tracing::debug!(%peer, "TLS handshake failed");
        return;
    };
    let service =
        hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request = request.map(|body| axum::body::Body::new(Drained::new(body)));
            request.extensions_mut().insert(ConnectInfo(peer));
            site.clone().oneshot(request)
        });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(std::time::Duration::from_secs(HEAD_S));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.stopped() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(crate::shutdown::GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "HTTP connection ended");
    }
}
