//! RFC 4865: mail that its sender wants to go later. It lies in the queue until then, over restarts; who submitted it
//! by JMAP can see it there, and take it back (RFC 8621 §7 undoStatus).
//!
//! ```text
//! hold-for-param   = "HOLDFOR=" future-release-interval      ; seconds, 1 to 9 digits, the first no zero
//! hold-until-param = "HOLDUNTIL=" future-release-date-time   ; date-time of RFC 3339
//! ```

use crate::dispatch::{encode_small, events};
use crate::header::Header;
use crate::spool::{self, HELD, Record};
use crate::trace::What;
use crate::{Delivery, Envelope};
use formats::address::Address;
use formats::date;
use serde::{Deserialize, Serialize};
use storage::{AccountId, EmailId, Error, QueueId, QueueItem, RowChange};

/// Seconds that mail may wait for its time at most.
pub const RELEASE_MAX_S: i64 = 30 * 24 * 3600;
/// Held messages of one account that are listed.
const LISTED_MAX: usize = 1_000;
/// Rows of what was submitted from an account to go later: the account, then the number in the queue.
const TABLE: &str = "delivery.later";
/// As the timeline names it, beside the acts of administrators.
pub(crate) const TAKE_BACK: &str = "queue.take_back";
/// Why what its sender took back does not arrive.
pub(crate) const TAKEN_BACK: &str = "5.0.0 its sender took this message back";
/// As the timeline names it that the server keeps back what a suspended account had scheduled.
pub(crate) const KEEP_SUSPENDED: &str = "queue.keep_suspended";
/// Why what a suspended account had scheduled does not go.
pub const SUSPENDED: &str = "4.7.1 its sender's account is suspended: it is held back";
/// As the timeline names it that the server keeps back what a deleted account had scheduled.
pub(crate) const KEEP_DELETED: &str = "queue.keep_deleted";
/// Why what a deleted account had scheduled does not go.
pub const DELETED: &str = "4.7.1 its sender's account was deleted: it is held back";
/// As the timeline names it that the server keeps back what was scheduled from an address that its sender has no more.
pub(crate) const KEEP_ADDRESS: &str = "queue.keep_address";
/// Why it does not go.
pub const ADDRESS_LOST: &str =
    "4.7.1 its sender has the address no more from which it is to go: it is held back";
/// Why what was kept back by an act of this name does not go.
pub(crate) fn kept(act: &str) -> Option<&'static str> {
    match act {
        KEEP_SUSPENDED => Some(SUSPENDED),
        KEEP_DELETED => Some(DELETED),
        KEEP_ADDRESS => Some(ADDRESS_LOST),
        _ => None,
    }
}

/// The version of these rows.
const VERSION: u8 = 1;

/// What a sender asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Seconds from now.
    For(i64),
    /// Unix seconds.
    Until(i64),
}

impl Hold {
    /// RFC 4865 §4 HOLDFOR.
    pub fn hold_for(value: &str) -> Option<Self> {
        let digits = (1..=9).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        let fits = digits && !value.starts_with('0');
        fits.then(|| value.parse().ok()).flatten().map(Self::For)
    }

    /// RFC 4865 §4 HOLDUNTIL: RFC 3339 §5.6 date-time, of any zone.
    pub fn hold_until(value: &str) -> Option<Self> {
        if let Some(at) = date::parse_utc(value) {
            return Some(Self::Until(at));
        }
        let (local, zone) = value.split_at_checked(value.len().checked_sub(6)?)?;
        let east = match zone.as_bytes() {
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let number = |a: &u8, b: &u8| {
                    let digits = a.is_ascii_digit() && b.is_ascii_digit();
                    digits.then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
                };
                let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
                let seconds = hours * 3600 + minutes * 60;
                let fits = hours < 24 && minutes < 60;
                fits.then_some(if *sign == b'-' { -seconds } else { seconds })?
            }
            _ => return None,
        };
        let at = date::parse_utc(&format!("{local}Z"))?;
        Some(Self::Until(at - east))
    }

    /// When it goes, Unix seconds; a time that has passed is now. `None`: later than may be asked for.
    pub fn at(self, now: i64) -> Option<i64> {
        let at = match self {
            Self::For(seconds) => now.saturating_add(seconds),
            Self::Until(at) => at.max(now),
        };
        (at <= now.saturating_add(RELEASE_MAX_S)).then_some(at)
    }
}

/// RFC 6710 §7 priority-value: -9 to 9, without a plus sign or zeros before it.
pub fn priority(value: &str) -> Option<i8> {
    let number: i8 = value.parse().ok()?;
    let fits = (-9..=9).contains(&number) && number.to_string() == value;
    fits.then_some(number)
}

/// A message that waits for its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// In the queue.
    pub id: QueueId,
    /// What was submitted.
    pub email: EmailId,
    /// Under which identity of JMAP.
    pub identity: String,
    /// When it goes, Unix seconds.
    pub at: i64,
    /// As it was taken.
    pub envelope: Envelope,
    /// Names the acceptance.
    pub trace: String,
}

#[derive(Serialize, Deserialize)]
struct Row {
    email: u64,
    identity: String,
}

fn key(account: AccountId, id: QueueId) -> Vec<u8> {
    let mut key = account.raw().to_be_bytes().to_vec();
    key.extend_from_slice(&id.raw().to_be_bytes());
    key
}

/// When it goes, if nothing of it was tried yet.
pub(crate) fn waits_until(record: &Record, now: i64) -> Option<i64> {
    let untouched = record
        .rows
        .iter()
        .all(|row| row.next > now && row.tries == 0 && row.pending());
    let at = record.rows.iter().map(|row| row.next).min();
    at.filter(|_| untouched)
}

impl Delivery {
    /// Remembers what it was that was submitted from an account, so that it can be seen while it waits.
    pub fn note_later(
        &self,
        account: AccountId,
        id: QueueId,
        email: EmailId,
        identity: &str,
    ) -> Result<(), Error> {
        let row = Row {
            email: email.raw(),
            identity: identity.to_owned(),
        };
        let value = postcard::to_extend(&row, vec![VERSION])
            .map_err(|_| Error::Invalid("a row that cannot be encoded"))?;
        self.later_row(account, id, Some(value))
    }

    /// Keeps back what still waits, for the time that was chosen or for another try, where its sender, or one in whose
    /// name it goes, was suspended meanwhile: as if an administrator had held it, until one releases it. What waited for its
    /// time is kept back as well where its sender is no more, or may no more send from an address of its reverse-path or of
    /// its From. True: it is held now.
    pub(crate) fn keep_suspended(
        &self,
        item: &QueueItem,
        record: &mut Record,
        now: i64,
    ) -> Result<bool, Error> {
        let untouched = |row: &spool::Row| row.tries == 0 && row.last.is_none() && row.pending();
        let scheduled = record.held_s > 0 && record.rows.iter().all(untouched);
        let waits = |row: &spool::Row| row.pending() && (row.tries > 0 || row.last.is_some());
        let deferred = record.rows.iter().any(waits);
        let Some(submitter) = record.submitter.filter(|_| scheduled || deferred) else {
            return Ok(false);
        };
        if waits_until(record, now).is_some() {
            return Ok(false);
        }
        let directory = &self.inner.directory;
        let names = self.names(item, record)?;
        let gone = scheduled && directory.account(submitter).is_err();
        let is_lost = |from| {
            let whose = directory.sent_for(submitter, from, record.accepted_at);
            whose.is_none()
        };
        let lost = scheduled && names.iter().any(is_lost);
        let owners = names.iter().filter_map(|a| directory.account_at(a).ok());
        let stopped = owners
            .map(|owner| owner.id)
            .chain([submitter])
            .any(|account| directory.is_suspended(account));
        if scheduled {
            // It is no longer among what waits for its time.
            self.inner.store.account(submitter).wake();
        }
        let (act, why) = match (gone, stopped, lost) {
            (true, ..) => (KEEP_DELETED, DELETED),
            (_, true, _) => (KEEP_SUSPENDED, SUSPENDED),
            (.., true) => (KEEP_ADDRESS, ADDRESS_LOST),
            _ => return Ok(false),
        };
        record.held = Some(now);
        let what = What::Act {
            act: act.to_owned(),
            by: None,
            to: None,
        };
        let rows = events(record, now, [what])?;
        let payload = encode_small(record)?;
        let queue = self.inner.store.queue();
        queue.update_with(item.id, HELD, payload, rows)?;
        tracing::warn!(queue = item.id.raw(), trace = %record.trace, why, "held");
        Ok(true)
    }

    /// In whose names it goes: that of the reverse-path, and those of its authors.
    fn names(&self, item: &QueueItem, record: &Record) -> Result<Vec<Address>, Error> {
        let header = Header::read(&self.inner.store.blob(item.blob)?);
        let authors = header.from.into_iter().flatten().flatten();
        let from = record.envelope.from.address().cloned();
        Ok(from.into_iter().chain(authors).collect())
    }

    fn later_row(
        &self,
        account: AccountId,
        id: QueueId,
        value: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let row = RowChange {
            table: TABLE,
            key: key(account, id),
            value,
        };
        self.inner.store.commit_rows(vec![row])?;
        // Whoever is told of what waits looks again.
        self.inner.store.account(account).wake();
        Ok(())
    }

    /// What was submitted from an account and waits for its time, the first to go first. What went is forgotten.
    pub fn later(&self, account: AccountId) -> Result<Vec<Later>, Error> {
        let table = self.inner.store.table(TABLE);
        let rows = table.rows(&account.raw().to_be_bytes(), None, LISTED_MAX)?;
        let mut all = Vec::new();
        for (key, value) in rows {
            let id = key.get(4..).and_then(|octets| octets.try_into().ok());
            let id = id.map(u64::from_be_bytes).and_then(QueueId::new);
            let Some(id) = id else {
                continue;
            };
            match self.later_item(id, &value)? {
                Some(later) => all.push(later),
                None => self.later_row(account, id, None)?,
            }
        }
        all.sort_by_key(|later| (later.at, later.id));
        Ok(all)
    }

    fn later_item(&self, id: QueueId, value: &[u8]) -> Result<Option<Later>, Error> {
        let Some((&VERSION, rest)) = value.split_first() else {
            return Err(Error::Corrupt("a row of an unknown version".into()));
        };
        let row: Row = postcard::from_bytes(rest)
            .map_err(|_| Error::Corrupt("a row that cannot be read".into()))?;
        let item = match self.inner.store.queue().item(id) {
            Err(Error::NotFound) => return Ok(None),
            other => other?,
        };
        let record = Record::decode(&item.payload)?;
        let now = self.inner.directory.clock().now_s();
        let Some((at, email)) = waits_until(&record, now).zip(EmailId::new(row.email)) else {
            return Ok(None);
        };
        Ok(Some(Later {
            id,
            email,
            identity: row.identity,
            at,
            envelope: record.envelope,
            trace: record.trace,
        }))
    }

    /// Takes back what waits for its time: nobody gets it, and nobody is told. False: it has gone, or goes now.
    pub fn take_back(&self, account: AccountId, id: QueueId) -> Result<bool, Error> {
        let now = self.inner.directory.clock().now_s();
        {
            let _turn = self.inner.turns.take(id);
            let item = match self.inner.store.queue().item(id) {
                Err(Error::NotFound) => return Ok(false),
                other => other?,
            };
            let record = Record::decode(&item.payload)?;
            if waits_until(&record, now).is_none() || self.schedule().under_way(id) {
                return Ok(false);
            }
            let by = self.inner.directory.account(account).ok();
            let told = What::Act {
                act: TAKE_BACK.to_owned(),
                by: by.map(|by| by.address.to_string()),
                to: None,
            };
            // Its timeline ends with it, in one commit.
            let mut rows = events(&record, now, [told])?;
            rows.push(RowChange {
                table: TABLE,
                key: key(account, id),
                value: None,
            });
            self.schedule().withdraw(id, now);
            self.inner.store.queue().remove_with(id, rows)?;
            tracing::info!(queue = id.raw(), trace = %record.trace, "discarded: its sender took it back");
        }
        self.inner.store.account(account).wake();
        Ok(true)
    }

    /// Shows it no more; it goes all the same.
    pub fn forget_later(&self, account: AccountId, id: QueueId) -> Result<(), Error> {
        self.later_row(account, id, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_and_priorities_are_read() {
        let check = |text: &str, expected: Option<i64>| {
            let got = Hold::hold_until(text).and_then(|hold| hold.at(1_795_305_600));
            assert_eq!(got, expected, "{text}");
        };
        check("2026-11-22T01:00:00Z", Some(1_795_309_200));
        check("2026-11-22T08:00:00+07:00", Some(1_795_309_200));
        check("2026-11-21T20:00:00-05:00", Some(1_795_309_200));
        // What has passed is now.
        check("2020-01-01T00:00:00Z", Some(1_795_305_600));
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T08:00:00",
            "x+07:00",
            "2026-11-22T08:00:00+7:00",
            "2030-01-01T00:00:00Z",
            "é+07:00",
        ] {
            check(bad, None);
        }
        assert_eq!(Hold::hold_for("60"), Some(Hold::For(60)));
        for bad in ["", "0", "060", "-1", "1234567890", "6x"] {
            assert_eq!(Hold::hold_for(bad), None, "{bad}");
        }
        assert_eq!(Hold::For(RELEASE_MAX_S).at(7), Some(RELEASE_MAX_S + 7));
        assert_eq!(Hold::For(RELEASE_MAX_S + 1).at(7), None);
        for (text, expected) in [
            ("0", Some(0)),
            ("-9", Some(-9)),
            ("9", Some(9)),
            ("10", None),
            ("+1", None),
            ("01", None),
            ("-0", None),
            ("", None),
        ] {
            assert_eq!(priority(text), expected, "{text}");
        }
    }
}
