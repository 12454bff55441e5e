//! The door for mail from outside of which it was found out who sent it.

use crate::accept::Passed;
use crate::trace::Id;
use crate::verify::Disposition;
use crate::{Delivery, Enforcement, Envelope, Evidence, Origin, Receipt, Refusal, Refused, stamp};
use storage::QueueId;

impl Delivery {
    /// The same, of a message from outside of which it was found out who sent it, under this rule.
    pub fn accept_seen(
        &self,
        envelope: Envelope,
        content: &[u8],
        origin: &Origin,
        seen: Option<(Evidence, Enforcement)>,
    ) -> Result<Receipt, Refused> {
        let (from, count) = (envelope.from.to_string(), envelope.recipients.len());
        let passed = Passed {
            seen,
            ..Passed::default()
        };
        let taken = self.take(envelope, content, origin, passed);
        if let (Ok(_), Origin::Remote { .. }) = (&taken, origin) {
            self.keep_tls_report(&from, content);
        }
        let octets = content.len();
        match &taken {
            Ok(receipt) => tracing::info!(
                trace = %receipt.trace, %from, recipients = count, octets, origin = %origin,
                placed = receipt.placed, queued = receipt.queued.map(QueueId::raw), "accepted"
            ),
            Err(refused) => tracing::info!(
                %from, recipients = count, octets, origin = %origin, ?refused, "refused"
            ),
        }
        taken
    }

    /// When it was accepted, Unix seconds, and the name of that: given, or new.
    pub(crate) fn named(&self, given: Option<String>) -> Result<(i64, String), Refused> {
        // The name of an acceptance tells its time.
        let given = given.and_then(|name| Some((Id::parse(&name)?.at(), name)));
        match given {
            Some(given) => Ok(given),
            None => {
                let now = self.inner.directory.clock().now_s();
                Ok((now, stamp::trace_id(now)?))
            }
        }
    }
}

/// What is said in the header and in the timeline of what was found out. Errors: it is not to be taken.
pub(crate) fn seen(
    seen: Option<(Evidence, Enforcement)>,
    host: &str,
) -> Result<(String, Vec<String>), Refused> {
    let Some((evidence, rule)) = seen else {
        return Ok((String::new(), Vec::new()));
    };
    match evidence.disposition(rule) {
        Disposition::Reject => Err(Refused::Permanent(Refusal::Unauthenticated)),
        became => Ok((evidence.field(host, became), evidence.checks(became))),
    }
}
