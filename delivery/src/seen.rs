//! The door for mail from outside of which it was found out who sent it.

use crate::accept::Passed;
use crate::arrived::Brought;
use crate::dmarc_report::Judged;
use crate::header::{self, Header};
use crate::trace::Id;
use crate::verify::{Disposition, Wish};
use crate::{Delivery, Enforcement, Envelope, Evidence, Origin, Receipt, Refusal, Refused};
use crate::{dmarc_arrived, stamp, tls_arrived};
use std::sync::{Arc, PoisonError};
use storage::QueueId;

/// Hears of messages of which their author's domain wants to hear.
pub(crate) type Hears = Arc<dyn Fn(Judged) + Send + Sync>;

impl Delivery {
    /// Calls `hears` with each message from outside whose author's domain wants to hear of it in a report.
    pub fn on_judged(&self, hears: Arc<dyn Fn(Judged) + Send + Sync>) {
        let place = self.inner.hears.write();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(hears);
    }

    /// The same, of a message from outside of which it was found out who sent it, under this rule.
    pub fn accept_seen(
        &self,
        envelope: Envelope,
        content: &[u8],
        origin: &Origin,
        seen: Option<(Evidence, Enforcement)>,
    ) -> Result<Receipt, Refused> {
        let (from, count) = (envelope.from.to_string(), envelope.recipients.len());
        let judged = self.judged(&envelope, origin, seen.as_ref());
        let brought = self.brought(&envelope, content, origin, seen.as_ref());
        let passed = Passed {
            seen,
            ..Passed::default()
        };
        let taken = self.take(envelope, content, origin, passed);
        let brought = brought.filter(|_| taken.is_ok());
        let brings_report = brought.is_some_and(|brought| {
            self.keep_tls_report(&brought, content) || self.keep_dmarc_report(&brought, content)
        });
        // Of reports nobody reports: two servers would go on for ever. What failed here for now comes again.
        let counts = matches!(taken, Ok(_) | Err(Refused::Permanent(_))) && !brings_report;
        if let Some((judged, hears)) = judged.filter(|_| counts) {
            hears(judged);
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

    /// What is known of a letter that may bring a report, from outside or from this server itself, which tells its own
    /// domains; `None`: it brings none.
    fn brought(
        &self,
        envelope: &Envelope,
        content: &[u8],
        origin: &Origin,
        seen: Option<&(Evidence, Enforcement)>,
    ) -> Option<Brought> {
        let head = &content[..header::length(content)];
        let brings = tls_arrived::may_bring_report(head) || dmarc_arrived::may_bring_report(head);
        if !brings || matches!(origin, Origin::Submitted { .. }) {
            return None;
        }
        let author = Header::read(head)
            .from
            .into_iter()
            .flatten()
            .flatten()
            .next();
        let author = author.map(|author| author.domain.to_string());
        let evidence = seen.map(|(evidence, _)| evidence);
        let names = (
            author.as_deref().unwrap_or_default(),
            &*self.inner.settings.host,
        );
        Some(Brought::of(envelope, origin, evidence, names))
    }

    /// What its author's domain is to hear of a message, and who passes that on; `None`: nothing, or nobody does.
    fn judged(
        &self,
        envelope: &Envelope,
        origin: &Origin,
        seen: Option<&(Evidence, Enforcement)>,
    ) -> Option<(Judged, Hears)> {
        let (Origin::Remote { ip, .. }, Some((evidence, rule))) = (origin, seen) else {
            return None;
        };
        let hears = self.inner.hears.read();
        let hears = hears.unwrap_or_else(PoisonError::into_inner).clone()?;
        let judged = Judged::of(evidence, evidence.disposition(*rule), *ip, envelope)?;
        Some((judged, hears))
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
        Disposition(Wish::Reject) => Err(Refused::Permanent(Refusal::Unauthenticated)),
        became => Ok((evidence.field(host, became), evidence.checks(became))),
    }
}
