//! Webhooks: calls the programs that are to hear of what happens to accounts, one call at a time for each.
//!
//! Who makes a webhook names an address, and this machine goes there: so only over HTTPS with a certificate that
//! verifies, to public addresses and those that the config names, which are looked up once and then kept to, and without
//! following anybody elsewhere.

use crate::outward::{Known, authorities, verified};
use crate::services::Services;
use crate::shutdown::Shutdown;
use directory::hook::{Answer, Call, host_of};
use rustls_pki_types::CertificateDer;
use smtp::relay::is_public;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use ureq::unversioned::transport::DefaultConnector;

/// Between two looks at what is due.
const EVERY: Duration = Duration::from_secs(1);
/// After the store refused to say it, or to keep what came of it.
const AGAIN: Duration = Duration::from_secs(30);
/// Calls at one time.
const AT_ONCE: usize = 8;
/// What one call may take.
const CALL: Duration = Duration::from_secs(15);
/// What looking its host up may take.
const LOOKUP: Duration = Duration::from_secs(10);
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// Calls until the server stops; at once, where the config has it switched off.
pub(crate) async fn run(services: Services, shutdown: Shutdown) {
    let config = &services.config.webhooks;
    if !config.enabled {
        return;
    }
    let authorities = match authorities(&services.config.relay) {
        Ok(authorities) => Arc::new(authorities),
        Err(error) => {
            tracing::error!(%error, "webhooks are not called: no certificate can be verified");
            return;
        }
    };
    let mut wait = EVERY;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.stopped() => return,
        }
        wait = tokio::select! {
            goes = pass(&services, &authorities) => if goes { EVERY } else { AGAIN },
            // What was under way is called again after the start.
            () = shutdown.stopped() => return,
        };
    }
}

/// Calls all that is due, until nothing is; whether the store goes along.
async fn pass(services: &Services, authorities: &Arc<Vec<CertificateDer<'static>>>) -> bool {
    loop {
        let directory = services.directory.clone();
        let due = tokio::task::spawn_blocking(move || directory.calls_due(AT_ONCE)).await;
        let calls = match due {
            Ok(Ok(calls)) if calls.is_empty() => return true,
            Ok(Ok(calls)) => calls,
            Ok(Err(error)) => {
                tracing::error!(%error, "what webhooks are to hear cannot be read");
                return false;
            }
            Err(_) => return false,
        };
        let mut under_way = JoinSet::new();
        for call in calls {
            let (services, authorities) = (services.clone(), Arc::clone(authorities));
            under_way.spawn(async move { one(&services, &authorities, call).await });
        }
        let mut kept = true;
        while let Some(done) = under_way.join_next().await {
            kept &= done.unwrap_or(false);
        }
        if !kept {
            return false;
        }
    }
}

/// One call; whether what came of it is kept.
async fn one(services: &Services, authorities: &[CertificateDer<'static>], call: Call) -> bool {
    let private = &services.config.webhooks.private;
    let answer = match places(&call.url, private).await {
        Ok(places) => made(&call, places, authorities).await,
        Err(why) => Answer::Failed(why),
    };
    if let Answer::Failed(why) = &answer {
        tracing::info!(webhook = call.hook, event = call.event, %why, "a webhook could not be called");
    }
    let directory = services.directory.clone();
    let kept = tokio::task::spawn_blocking(move || directory.call_ended(&call, &answer)).await;
    match kept {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(%error, "what came of calling a webhook is not kept: it is called again");
            false
        }
        Err(_) => false,
    }
}

/// Where the host is, as far as it may be called.
async fn places(url: &str, private: &[IpAddr]) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = host_of(url).ok_or("it is no address")?;
    let found = timeout(LOOKUP, tokio::net::lookup_host((host.as_str(), port))).await;
    let found = found
        .map_err(|_| format!("looking {host} up took too long"))?
        .map_err(|error| format!("{host} cannot be looked up: {error}"))?;
    let may = |ip: IpAddr| is_public(ip) || private.contains(&ip.to_canonical());
    let places: Vec<SocketAddr> = found
        .filter(|place| may(place.ip()))
        .take(ADDRESSES_MAX)
        .collect();
    match places.is_empty() {
        true => Err(format!(
            "{host} has no public address, and none that webhooks.private names"
        )),
        false => Ok(places),
    }
}

/// The request, to these addresses and no others.
async fn made(
    call: &Call,
    places: Vec<SocketAddr>,
    authorities: &[CertificateDer<'static>],
) -> Answer {
    let config = ureq::Agent::config_builder()
        .tls_config(verified(authorities))
        .https_only(true)
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(CALL))
        .user_agent(concat!("congvu/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Known(places));
    let request = agent
        .post(&call.url)
        .header("content-type", "application/json")
        .header("congvu-event", call.name)
        .header("congvu-event-id", call.event.to_string())
        .header("congvu-signature", &call.signature);
    let body = call.body.clone();
    let sent = tokio::task::spawn_blocking(move || request.send(body)).await;
    match sent {
        // What else it says is not read.
        Ok(Ok(answer)) => Answer::Status(answer.status().as_u16()),
        Ok(Err(error)) => Answer::Failed(error.to_string()),
        Err(_) => Answer::Failed("calling it broke off".to_owned()),
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
            let refused = places(url, &[]).await.unwrap_err();
            assert!(refused.contains("no public address"), "{url}: {refused}");
        }
        let named = places("https://127.0.0.1:8443/", &[here]).await;
        assert_eq!(named.unwrap(), [SocketAddr::new(here, 8443)]);
        let mapped = places("https://[::ffff:127.0.0.1]/", &[here]).await;
        assert_eq!(mapped.unwrap().len(), 1);
        let public = places("https://203.0.114.7/", &[]).await;
        assert_eq!(public.unwrap()[0].port(), 443);
    }
}
