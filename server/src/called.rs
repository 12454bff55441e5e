//! Calls to addresses that somebody named: a webhook's, or where a program wants to be told of changes.
//!
//! Who names an address must not reach into the network of this machine by it: so only over HTTPS with a certificate that
//! verifies, to public addresses and those that the config names, which are looked up once and then kept to, and without
//! following anybody elsewhere.

use crate::outward::{Known, authorities, verified};
use crate::services::Services;
use directory::hook::host_of;
use rustls_pki_types::CertificateDer;
use smtp::relay::is_public;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use ureq::unversioned::transport::DefaultConnector;

/// What one call may take.
const CALL: Duration = Duration::from_secs(15);
/// What looking its host up may take.
const LOOKUP: Duration = Duration::from_secs(10);
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// What was said; the body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) status: u16,
    /// RFC 9110 §10.2.3, where it is a number of seconds.
    pub(crate) retry_after_s: Option<u64>,
}

/// Calls, as far as it may.
#[derive(Clone)]
pub(crate) struct Caller {
    authorities: Arc<Vec<CertificateDer<'static>>>,
    /// Addresses that may be called although they are not public ones.
    private: Arc<Vec<IpAddr>>,
    /// What names these in the config.
    key: &'static str,
}

impl Caller {
    /// Errors: no certificate could be verified.
    pub(crate) fn new(
        services: &Services,
        private: &[IpAddr],
        key: &'static str,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            authorities: Arc::new(authorities(&services.config.relay)?),
            private: Arc::new(private.to_vec()),
            key,
        })
    }

    /// What is answered to a POST; or why it was not answered, in English.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Said, String> {
        let places = places(url, &self.private, self.key).await?;
        let config = ureq::Agent::config_builder()
            .tls_config(verified(&self.authorities))
            .https_only(true)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(CALL))
            .user_agent(concat!("congvu/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Known(places));
        let mut request = agent.post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let sent = tokio::task::spawn_blocking(move || request.send(&body)).await;
        let answer = sent
            .map_err(|_| "calling it broke off".to_owned())?
            .map_err(|error| error.to_string())?;
        let retry = answer.headers().get("retry-after");
        Ok(Said {
            status: answer.status().as_u16(),
            retry_after_s: retry.and_then(|value| value.to_str().ok()?.trim().parse().ok()),
        })
    }
}

/// Where the host is, as far as it may be called; `key` names in the config those that may besides.
async fn places(url: &str, private: &[IpAddr], key: &str) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = host_of(url).ok_or("it is no address")?;
    let found = timeout(LOOKUP, tokio::net::lookup_host((host.as_str(), port))).await;
    let found = found
        .map_err(|_| "looking its host up took too long".to_owned())?
        .map_err(|error| format!("its host cannot be looked up: {error}"))?;
    let may = |ip: IpAddr| is_public(ip) || private.contains(&ip.to_canonical());
    let places: Vec<SocketAddr> = found
        .filter(|place| may(place.ip()))
        .take(ADDRESSES_MAX)
        .collect();
    match places.is_empty() {
        true => Err(format!(
            "its host has no public address, and none that {key} names"
        )),
        false => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_public_addresses_are_called_and_those_that_the_config_names() {
        let here: IpAddr = [127, 0, 0, 1].into();
        for url in [
            "https://127.0.0.1/",
            "https://localhost:8443/x",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://0.0.0.0/",
        ] {
            let refused = places(url, &[], "push.private").await.unwrap_err();
            assert!(refused.contains("no public address"), "{url}: {refused}");
        }
        let named = places("https://127.0.0.1:8443/", &[here], "x").await;
        assert_eq!(named.unwrap(), [SocketAddr::new(here, 8443)]);
        let mapped = places("https://[::ffff:127.0.0.1]/", &[here], "x").await;
        assert_eq!(mapped.unwrap().len(), 1);
        let public = places("https://203.0.114.7/", &[], "x").await;
        assert_eq!(public.unwrap()[0].port(), 443);
    }
}
