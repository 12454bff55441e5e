//! RFC 3464 delivery status notifications: the sender is told what could not be delivered, or not yet, and what was,
//! if he asked.

use crate::accept::{Passed, temporary};
use crate::news::{Action, News};
use crate::report::Report;
use crate::stamp;
use crate::trace::{self, Beginning, What};
use crate::{Delivery, Envelope, Origin, Recipient, Refused};
use formats::address::Address;
use std::borrow::Cow;
use storage::{AccountId, RowChange};

/// Rows of notifications that were taken, until what they tell of is forgotten: their delivery ids.
const TABLE: &str = "delivery.told";

/// The delivery id of a notification: the same for the same news, so that it is made once however often a crash
/// repeats it (I-09), and another one for other news. That it takes long is told once, whoever waits then.
fn delivery_of(message: u64, list: Option<&Address>, all: &[&News]) -> u64 {
    // FNV-1a: it only has to be the same after a restart.
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ message;
    let mut add = |octets: &[u8]| {
        for octet in octets {
            hash = (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    if let Some(list) = list {
        add(list.key().as_bytes());
        add(b"\n");
    }
    for news in all {
        match news.action {
            Action::Failed => add(b"over "),
            Action::Delayed(_) => {
                add(b"late");
                break;
            }
            _ => add(b"good "),
        }
        add(news.address.to_string().as_bytes());
        add(b"\n");
    }
    hash | 1
}

/// The row that a notification was taken, or that nobody asks any more.
fn told_row(delivery: Option<u64>, value: Option<Vec<u8>>) -> Vec<RowChange> {
    let row = |delivery: u64| RowChange {
        table: TABLE,
        key: delivery.to_be_bytes().to_vec(),
        value,
    };
    delivery.map(row).into_iter().collect()
}

/// The message that there is news of.
pub(crate) struct About<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) trace: &'a str,
    pub(crate) accepted_at: i64,
    /// Of the message, where what is told of it may be told again.
    pub(crate) delivery: Option<u64>,
    /// The list through which it came to those of whom is told.
    pub(crate) list: Option<&'a Address>,
    /// Who submitted it, where he is told himself.
    pub(crate) author: Option<AccountId>,
    /// Somebody signed in sent it, or the list that is told has its own owner; otherwise its sender is a claim.
    pub(crate) vouched: bool,
}

impl Delivery {
    /// Tells the sender, through the same door. A null reverse-path is never answered (I-11): then, and
    /// when the sender cannot be reached, a log line is the end of it (I-10).
    /// Returns rows for the commit that forgets what is told: what its timeline is to say, where that was not committed
    /// with the notification, and that nobody asks any more whether it was told.
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
        let Some(sender) = self.heard_at(about, sender) else {
            tracing::warn!(trace = %about.trace, "discarded: who sent it is no more, and has its address no more");
            let bad = all.iter().filter(|news| !news.action.succeeds());
            return about.told(&bad.collect::<Vec<_>>(), None, now);
        };
        let sender = &sender;
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

    /// Where the sender is told: whoever was given his address since has nothing of it.
    fn heard_at(&self, about: &About<'_>, sender: &Address) -> Option<Address> {
        match about.author {
            Some(author) => {
                let directory = &self.inner.directory;
                directory.news_go_to(author, sender, about.accepted_at)
            }
            None => Some(sender.clone()),
        }
    }

    /// Whether it was taken before a crash.
    fn was_told(&self, delivery: Option<u64>) -> Result<bool, Refused> {
        let Some(delivery) = delivery else {
            return Ok(false);
        };
        let row = self.inner.store.table(TABLE).row(&delivery.to_be_bytes());
        let row = row.map_err(|e| temporary("cannot look what was told", &e))?;
        Ok(row.is_some())
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
        // Who claims to be a list of ours would reach by what he is told all to whom he may not post.
        if !about.vouched && self.inner.directory.leads_to_list(sender) {
            tracing::info!(trace = %about.trace, %sender, "discarded: a list is told nothing of what strangers send");
            return about.told(news, None, now);
        }
        let message = about.delivery;
        let delivery = message.map(|message| delivery_of(message, about.list, news));
        if self.was_told(delivery)? {
            return Ok(told_row(delivery, None));
        }
        let id = stamp::trace_id(now)?;
        let mut rows = about.told(news, Some(id.clone()), now)?;
        rows.extend(told_row(delivery, Some(Vec::new())));
        let passed = Passed {
            delivery,
            trace: Some(id.clone()),
            about: Some(about.trace.to_owned()),
            rows,
            each: false,
            seen: None,
        };
        let shown: Vec<Cow<'_, News>> = news.iter().map(|news| news.as_told()).collect();
        let shown: Vec<&News> = shown.iter().map(|news| &**news).collect();
        let report = Report {
            host: &self.inner.settings.host,
            id,
            now,
            about,
            sender,
            news: &shown,
        };
        let text = report.print(content);
        match self.take(envelope, &text, &Origin::Generated, passed) {
            Ok(receipt) => {
                tracing::info!(trace = %about.trace, bounce = %receipt.trace, "bounced");
                Ok(told_row(delivery, None))
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
            // Who was named by the sender comes after where his mail went on to.
            recipients: Beginning::named(news.iter().flat_map(|news| {
                let through = news.through.as_ref();
                std::iter::once(&news.address).chain(through)
            })),
            notice,
        };
        let rows = trace::event(self.trace, self.accepted_at, now, what);
        rows.map_err(|e| temporary("cannot trace", &e))
    }
}
