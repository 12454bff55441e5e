//! RFC 3464 delivery status notifications: the sender is told what could not be delivered, or not yet, and what was,
//! if he asked.

use crate::accept::{Passed, temporary};
use crate::news::{Action, News};
use crate::report::Report;
use crate::stamp;
use crate::trace::{self, Beginning, What};
use crate::{Delivery, Envelope, Origin, Recipient, Refused};
use formats::address::Address;
use storage::RowChange;

/// The delivery id of a notification: the same for the same news, so that it is placed once however often a crash
/// repeats it (I-09), and another one for other news.
fn delivery_of(message: u64, all: &[&News]) -> u64 {
    // FNV-1a: it only has to be the same after a restart.
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ message;
    let mut add = |octets: &[u8]| {
        for octet in octets {
            hash = (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for news in all {
        add(match news.action {
            Action::Failed => b"over ",
            Action::Delayed(_) => b"late ",
            _ => b"good ",
        });
        add(news.address.to_string().as_bytes());
        add(b"\n");
    }
    hash | 1
}

/// The message that there is news of.
pub(crate) struct About<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) trace: &'a str,
    pub(crate) accepted_at: i64,
    /// Of the message, where what is told of it may be told again.
    pub(crate) delivery: Option<u64>,
}

impl Delivery {
    /// Tells the sender, through the same door. A null reverse-path is never answered (I-11): then, and
    /// when the sender cannot be reached, a log line is the end of it (I-10).
    /// Returns what its timeline is to say of it, where that was not committed with the notification.
    /// Errors only when it could be told later: `Refused::Temporary` and `Failed`.
    pub(crate) fn bounce(
        &self,
        about: &About<'_>,
        content: &[u8],
        all: &[News],
    ) -> Result<Vec<RowChange>, Refused> {
        let now = self.inner.directory.clock().now_s();
        for news in all {
            let (trace, to, why, action) =
                (about.trace, &news.address, &news.why, news.action.word());
            if news.action.succeeds() {
                tracing::info!(%trace, %to, %why, action, "success is told");
            } else {
                tracing::info!(%trace, %to, %why, action, "not delivered");
            }
        }
        let Some(sender) = about.envelope.from.address() else {
            tracing::info!(
                trace = %about.trace,
                "discarded: a null reverse-path is not answered"
            );
            let bad = all.iter().filter(|news| !news.action.succeeds());
            return about.told(&bad.collect::<Vec<_>>(), None, now);
        };
        let (wanted, unwanted): (Vec<&News>, Vec<&News>) =
            all.iter().partition(|news| !news.unwanted);
        let unwanted = unwanted.into_iter().filter(|news| !news.action.succeeds());
        let mut rows = about.told(&unwanted.collect::<Vec<_>>(), None, now)?;
        let wanted = wanted.into_iter();
        let (good, bad): (Vec<&News>, Vec<&News>) = wanted.partition(|news| news.action.succeeds());
        for news in [bad, good] {
            if !news.is_empty() {
                rows.append(&mut self.inform(about, sender, content, &news, now)?);
            }
        }
        Ok(rows)
    }

    /// One notification, of news that are alike.
    fn inform(
        &self,
        about: &About<'_>,
        sender: &Address,
        content: &[u8],
        news: &[&News],
        now: i64,
    ) -> Result<Vec<RowChange>, Refused> {
        let envelope = Envelope {
            from: crate::ReversePath::Null,
            recipients: vec![Recipient {
                address: sender.clone(),
                // RFC 3461 §6.1: nothing is told of what is told.
                notify: Some("NEVER".into()),
                orcpt: None,
            }],
            envid: None,
            ret: None,
            smtputf8: !sender.is_ascii() || about.envelope.smtputf8,
            eight_bit: true,
            // RFC 8689 §5, §6: what tells of a message goes under the same protection.
            tls: about.envelope.tls,
            ..Envelope::default()
        };
        let id = stamp::trace_id(now)?;
        let passed = Passed {
            delivery: about.delivery.map(|message| delivery_of(message, news)),
            trace: Some(id.clone()),
            about: Some(about.trace.to_owned()),
            rows: about.told(news, Some(id.clone()), now)?,
            each: false,
            seen: None,
        };
        let report = Report {
            host: &self.inner.settings.host,
            id,
            now,
            about,
            sender,
            news,
        };
        let text = report.print(content);
        match self.take(envelope, &text, &Origin::Generated, passed) {
            Ok(receipt) => {
                tracing::info!(trace = %about.trace, bounce = %receipt.trace, "bounced");
                Ok(Vec::new())
            }
            Err(refused @ (Refused::Temporary(_) | Refused::Failed(_))) => Err(refused),
            Err(Refused::Permanent(cause)) => {
                let trace = about.trace;
                tracing::warn!(%trace, %sender, ?cause, "discarded: the bounce cannot be delivered");
                about.told(news, None, now)
            }
        }
    }
}

impl About<'_> {
    /// The rows of what its sender was told, or could not be told.
    fn told(
        &self,
        news: &[&News],
        notice: Option<String>,
        now: i64,
    ) -> Result<Vec<RowChange>, Refused> {
        if news.is_empty() {
            return Ok(Vec::new());
        }
        let what = What::Told {
            late: news.iter().any(|news| news.until().is_some()),
            good: news.iter().all(|news| news.action.succeeds()),
            recipients: Beginning::named(news.iter().map(|news| &news.address)),
            notice,
        };
        let rows = trace::event(self.trace, self.accepted_at, now, what);
        rows.map_err(|e| temporary("cannot trace", &e))
    }
}
