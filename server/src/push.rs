//! Push: takes what the JMAP room has for push services where it goes, if it may go there (see `called`).

use crate::called::Caller;
use crate::services::Services;
use crate::shutdown::Shutdown;
use jmap::pushing::{Courier, Post, Posted, Posting};
use std::sync::Arc;

/// Calls push services over verified TLS.
struct Outward(Caller);

impl Courier for Outward {
    fn post(&self, post: Post) -> Posting {
        let caller = self.0.clone();
        Box::pin(async move {
            match caller.post(&post.url, post.headers, post.body).await {
                Ok(said) => Posted::Status {
                    code: said.status,
                    retry_after_s: said.retry_after_s,
                },
                Err(why) => Posted::Failed(why),
            }
        })
    }
}

/// Pushes until the server stops.
pub(crate) async fn run(services: Services, shutdown: Shutdown) {
    let private = &services.config.push.private;
    let caller = match Caller::new(&services, private, "push.private") {
        Ok(caller) => caller,
        Err(error) => {
            tracing::error!(%error, "nothing is pushed: no certificate can be verified");
            return;
        }
    };
    let context = crate::http::jmap_context(&services);
    tokio::select! {
        () = jmap::pushing::push(context, Arc::new(Outward(caller))) => {}
        () = shutdown.stopped() => {}
    }
}
