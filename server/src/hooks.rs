//! Webhooks: calls the programs that are to hear of what happens to accounts, one call at a time for each.

use crate::called::Caller;
use crate::services::Services;
use crate::shutdown::Shutdown;
use directory::hook::{Answer, Call};
use std::time::Duration;
use tokio::task::JoinSet;

/// Between two looks at what is due.
const EVERY: Duration = Duration::from_secs(1);
/// After the store refused to say it, or to keep what came of it.
const AGAIN: Duration = Duration::from_secs(30);
/// Calls at one time.
const AT_ONCE: usize = 8;

/// Calls until the server stops; at once, where the config has it switched off.
pub(crate) async fn run(services: Services, shutdown: Shutdown) {
    let config = &services.config.webhooks;
    if !config.enabled {
        return;
    }
    let caller = match Caller::new(&services, &config.private, "webhooks.private") {
        Ok(caller) => caller,
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
            goes = pass(&services, &caller) => if goes { EVERY } else { AGAIN },
            // What was under way is called again after the start.
            () = shutdown.stopped() => return,
        };
    }
}

/// Calls all that is due, until nothing is; whether the store goes along.
async fn pass(services: &Services, caller: &Caller) -> bool {
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
            let (services, caller) = (services.clone(), caller.clone());
            under_way.spawn(async move { one(&services, &caller, call).await });
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
async fn one(services: &Services, caller: &Caller, call: Call) -> bool {
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("congvu-event", call.name.to_owned()),
        ("congvu-event-id", call.event.to_string()),
        ("congvu-signature", call.signature.clone()),
    ];
    let body = call.body.clone().into_bytes();
    let answer = match caller.post(&call.url, headers, body).await {
        Ok(said) => Answer::Status(said.status),
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
