//! Clients set themselves up: Thunderbird's autoconfig, Outlook's autodiscover, Apple's profiles.
//!
//! All of it is for people who have not signed in. What is answered depends on the domain alone, never on
//! whether an address exists: a served domain gets the same for any address, every other a 404.

mod apple;
mod der;
mod offer;
mod outlook;
mod sign;
mod thunderbird;

pub(crate) use offer::{Kind, Offer, Security};
pub(crate) use sign::Signer;

use crate::services::Services;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use directory::{Directory, DomainState};
use formats::address::{Address, DomainName};
use serde::Deserialize;
use std::sync::Arc;

/// Octets of an address that are looked at.
const ADDRESS_MAX: usize = 1024;

/// What all answers need.
#[derive(Clone)]
pub(crate) struct Context {
    offer: Arc<Offer>,
    directory: Directory,
    /// Signs profiles for Apple; without it they are not signed.
    signer: Option<Arc<Signer>>,
}

/// Whose settings are asked for; each client has its own spelling.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(alias = "Email", alias = "email", alias = "emailAddress")]
    emailaddress: Option<String>,
    #[serde(rename = "Protocol", alias = "protocol")]
    protocol: Option<String>,
}

/// The pages of this folder.
pub(crate) fn router(services: &Services, signer: Option<Signer>) -> Router {
    let context = Context {
        offer: Arc::new(Offer::of(&services.config)),
        directory: services.directory.clone(),
        signer: signer.map(Arc::new),
    };
    let mut router = Router::new()
        .route(
            "/.well-known/autoconfig/mail/config-v1.1.xml",
            get(thunderbird::answer),
        )
        .route("/mail/config-v1.1.xml", get(thunderbird::answer))
        .route("/autoconfig/mail.mobileconfig", get(apple::answer));
    // Outlook's own spellings: its paths have no case.
    for name in [
        "/autodiscover/autodiscover",
        "/Autodiscover/Autodiscover",
        "/AutoDiscover/AutoDiscover",
    ] {
        router = router
            .route(&format!("{name}.xml"), post(outlook::answer))
            .route(&format!("{name}.json"), get(outlook::where_to_ask))
            .route(
                &format!("{name}.json/v1.0/{{address}}"),
                get(outlook::where_to_ask_for),
            );
    }
    router.with_state(context)
}

/// An address of a served domain, or the domain alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) domain: DomainName,
    pub(crate) address: Option<Address>,
}

impl Context {
    /// Whose settings these are: the address's domain, or the host's that was asked. `None` for a domain that
    /// is not served here.
    fn whose(&self, address: Option<&str>, headers: &HeaderMap) -> Option<Whose> {
        let whose = match address {
            Some(text) => {
                let text = text.trim();
                let fits = text.len() <= ADDRESS_MAX;
                let address = fits.then(|| Address::parse(text).ok()).flatten()?;
                Whose {
                    domain: address.domain.clone(),
                    address: Some(address),
                }
            }
            None => Whose {
                domain: self.domain_of(headers)?,
                address: None,
            },
        };
        let domain = self.directory.domain(&whose.domain).ok()?;
        (domain.state == DomainState::Active).then_some(whose)
    }

    /// The domain that a host name stands for: itself, or what is behind `autoconfig.` and the like.
    fn domain_of(&self, headers: &HeaderMap) -> Option<DomainName> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let bare = ["autoconfig.", "autodiscover."]
            .iter()
            .find_map(|prefix| host.strip_prefix(prefix));
        if host.eq_ignore_ascii_case(&self.offer.host) {
            return self.offer.default_domain.clone();
        }
        DomainName::parse(bare.unwrap_or(host)).ok()
    }
}

fn not_served() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn document(kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Text inside an XML element.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

type Asking = (State<Context>, Query<Asked>, HeaderMap);
