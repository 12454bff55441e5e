//! The same door for a peer that keeps the queue itself and hears of each recipient (RFC 2033 §4.2).

use crate::accept::Passed;
use crate::{Delivery, Envelope, Origin, Refusal, Refused};
use std::collections::BTreeMap;

impl Delivery {
    /// As `accept`, for a peer that hears of each recipient by himself (RFC 2033 §4.2) and tells the sender: for each,
    /// in their order, the name of the acceptance or why not.
    pub fn accept_each(
        &self,
        envelope: Envelope,
        content: &[u8],
        origin: &Origin,
    ) -> Vec<Result<String, Refused>> {
        let (from, count) = (envelope.from.to_string(), envelope.recipients.len());
        let passed = Passed {
            each: true,
            ..Passed::default()
        };
        let taken = self.take(envelope, content, origin, passed);
        let octets = content.len();
        match taken {
            Ok(receipt) => {
                tracing::info!(
                    trace = %receipt.trace, %from, recipients = count, octets, origin = %origin,
                    placed = receipt.placed, refused = receipt.refused.len(), "accepted"
                );
                let refused: BTreeMap<u32, Refusal> = receipt.refused.into_iter().collect();
                let one = |n: u32| match refused.get(&n) {
                    Some(refusal) => Err(Refused::Permanent(refusal.clone())),
                    None => Ok(receipt.trace.clone()),
                };
                (0..count as u32).map(one).collect()
            }
            Err(refused) => {
                tracing::info!(%from, recipients = count, octets, origin = %origin, ?refused, "refused");
                vec![Err(refused); count]
            }
        }
    }
}
