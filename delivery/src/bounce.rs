//! RFC 3464 delivery status notifications: the sender is told what could not be delivered, or not yet.

use crate::report::Report;
use crate::stamp;
use crate::{Delivery, Envelope, Origin, Recipient, Refused};
use formats::address::Address;

/// Octets of a peer's reply that are repeated.
const DIAGNOSTIC_MAX: usize = 500;

/// A recipient who did not get it, or not yet.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) address: Address,
    pub(crate) orcpt: Option<String>,
    /// An enhanced status code, then text.
    pub(crate) why: String,
    /// RFC 3461 §4.1 NOTIFY does not ask for it.
    unwanted: bool,
    /// It is tried until then, Unix seconds; `None`: it is over.
    pub(crate) until: Option<i64>,
}

impl Failure {
    /// `address` is where it went for `recipient`.
    pub(crate) fn of(recipient: &Recipient, address: &Address, why: &str) -> Self {
        Self {
            address: address.clone(),
            orcpt: recipient.orcpt.clone(),
            why: why
                .chars()
                .filter(|c| !c.is_control())
                .take(DIAGNOSTIC_MAX)
                .collect(),
            unwanted: !asks(recipient, "FAILURE"),
            until: None,
        }
    }

    /// It waits, and is tried until then.
    pub(crate) fn late(
        recipient: &Recipient,
        address: &Address,
        why: Option<&str>,
        until: i64,
    ) -> Self {
        let why = why.unwrap_or("4.4.0 it was not its turn yet");
        Self {
            unwanted: !asks(recipient, "DELAY"),
            until: Some(until),
            ..Self::of(recipient, address, why)
        }
    }

    /// RFC 3463 §2 status code, of the class that fits.
    pub(crate) fn status(&self) -> &str {
        let code = self.why.split(' ').next().unwrap_or_default();
        let digits =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let (class, unknown) = match self.until {
            None => ("5.", "5.0.0"),
            Some(_) => ("4.", "4.0.0"),
        };
        let fits =
            code.starts_with(class) && code.split('.').count() == 3 && code.split('.').all(digits);
        if fits { code } else { unknown }
    }
}

/// RFC 3461 §4.1: without NOTIFY failures are told, and delays may be.
fn asks(recipient: &Recipient, for_what: &str) -> bool {
    let notify = recipient.notify.as_deref();
    notify.is_none_or(|notify| notify.split(',').any(|word| word == for_what))
}

/// The delivery id of a notification: the same for the same news, so that it is placed once however often a crash
/// repeats it (I-09), and another one for other news.
pub(crate) fn delivery_of(message: u64, failures: &[Failure]) -> u64 {
    // FNV-1a: it only has to be the same after a restart.
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ message;
    let mut add = |octets: &[u8]| {
        for octet in octets {
            hash = (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for failure in failures {
        add(if failure.until.is_some() {
            b"late "
        } else {
            b"over "
        });
        add(failure.address.to_string().as_bytes());
        add(b"\n");
    }
    hash | 1
}

/// The message that failed.
pub(crate) struct About<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) trace: &'a str,
    pub(crate) accepted_at: i64,
    /// Of the bounce.
    pub(crate) delivery: Option<u64>,
}

impl Delivery {
    /// Tells the sender, through the same door. A null reverse-path is never answered (I-11): then, and
    /// when the sender cannot be reached, a log line is the end of it (I-10).
    /// Errors only when it could be told later: `Refused::Temporary`.
    pub(crate) fn bounce(
        &self,
        about: &About<'_>,
        content: &[u8],
        failures: &[Failure],
    ) -> Result<(), Refused> {
        for failure in failures {
            let (trace, to, why) = (about.trace, &failure.address, &failure.why);
            tracing::info!(%trace, %to, %why, "not delivered");
        }
        let wanted: Vec<&Failure> = failures.iter().filter(|f| !f.unwanted).collect();
        let Some(sender) = about.envelope.from.address() else {
            tracing::info!(
                trace = %about.trace,
                "discarded: a null reverse-path is not answered"
            );
            return Ok(());
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let envelope = Envelope {
            from: crate::ReversePath::Null,
            recipients: vec![Recipient {
                address: sender.clone(),
                notify: None,
                orcpt: None,
            }],
            envid: None,
            ret: None,
            smtputf8: !sender.is_ascii() || about.envelope.smtputf8,
            eight_bit: true,
            ..Envelope::default()
        };
        match self.post(about, sender, content, &wanted, envelope) {
            Ok(trace) => tracing::info!(trace = %about.trace, bounce = %trace, "bounced"),
            Err(refused @ Refused::Temporary(_)) => return Err(refused),
            Err(Refused::Permanent(cause)) => {
                let trace = about.trace;
                tracing::warn!(%trace, %sender, ?cause, "discarded: the bounce cannot be delivered");
            }
        }
        Ok(())
    }

    fn post(
        &self,
        about: &About<'_>,
        sender: &Address,
        content: &[u8],
        failures: &[&Failure],
        envelope: Envelope,
    ) -> Result<String, Refused> {
        let report = Report {
            host: &self.inner.settings.host,
            id: stamp::trace_id()?,
            now: self.inner.directory.clock().now_s(),
            about,
            sender,
            failures,
        };
        let text = report.print(content);
        self.take(envelope, &text, &Origin::Generated, about.delivery)
            .map(|r| r.trace)
    }
}
