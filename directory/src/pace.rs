//! Pace: how much was sent lately, by an account and by all accounts of an agency together.
//!
//! Counted in memory by the hour, for a day, with the busiest hour of each of the last days; written lazily, so that
//! a restart forgets seconds at most.

use crate::cap::Caps;
use crate::fact::{account_key, encode, table};
use crate::{AccountId, AgencyId};
use serde::{Deserialize, Serialize};
use storage::RowChange;

/// Seconds of one count.
const HOUR_S: i64 = 3_600;
/// Counts of a day.
const HOURS: usize = 24;
/// Days of which the busiest hour is remembered: two weeks of work.
pub(crate) const DAYS: usize = 14;
/// As often as the busiest hour of these days is more than anybody suddenly needs.
pub const SUDDEN_FACTOR: u64 = 10;
/// Messages within the hour below which nothing is sudden: one letter may have many recipients.
pub const SUDDEN_MESSAGES: u64 = 10;

/// Which cap is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The account's, for an hour.
    Hour,
    /// The account's, for a day.
    Day,
    /// That of an agency above it.
    Agency,
}

/// Messages and recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Sent {
    pub messages: u64,
    pub recipients: u64,
}

/// Whose pace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Whose {
    Account(AccountId),
    Agency(AgencyId),
}

impl Whose {
    fn key(&self) -> Vec<u8> {
        match self {
            Self::Account(id) => [b"a".to_vec(), account_key(*id)].concat(),
            Self::Agency(id) => format!("g{}", id.0).into_bytes(),
        }
    }

    pub(crate) fn read(key: &[u8]) -> Option<Self> {
        match key.split_first()? {
            (b'a', rest) => {
                let id = u32::from_be_bytes(rest.try_into().ok()?);
                AccountId::new(id).map(Self::Account)
            }
            (b'g', rest) => {
                let id = String::from_utf8(rest.to_vec()).ok()?;
                Some(Self::Agency(AgencyId(id)))
            }
            _ => None,
        }
    }
}

/// What was sent by the hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// Hours since 1970 of the newest count, which is the first.
    hour: i64,
    messages: [u32; HOURS],
    recipients: [u32; HOURS],
    /// Recipients of the busiest hour of each day before the newest count's, the newest first.
    busiest: [u32; DAYS],
    /// Being taken now: they count before they are sent, so that many sessions at once do not pass a cap together.
    #[serde(skip)]
    underway: Sent,
}

impl Pace {
    /// Brings the counts to this time. A clock that was set back adds to the newest.
    fn advance(&mut self, now: i64) {
        let hour = now.div_euclid(HOUR_S);
        if self.hour == 0 {
            self.hour = hour;
        }
        let gone = hour.saturating_sub(self.hour);
        // What is longer ago than all that is remembered needs no steps.
        if gone > ((DAYS + 1) * HOURS) as i64 {
            *self = Self {
                hour,
                underway: self.underway,
                ..Self::default()
            };
            return;
        }
        for _ in 0..gone {
            self.messages.rotate_right(1);
            self.recipients.rotate_right(1);
            (self.messages[0], self.recipients[0]) = (0, 0);
            self.hour += 1;
            if self.hour.rem_euclid(HOURS as i64) == 0 {
                self.busiest.rotate_right(1);
                self.busiest[0] = self.recipients[1..].iter().copied().max().unwrap_or(0);
            }
        }
    }

    /// Adds a message.
    pub(crate) fn add(&mut self, recipients: u64, now: i64) {
        self.advance(now);
        let more = u32::try_from(recipients).unwrap_or(u32::MAX);
        self.messages[0] = self.messages[0].saturating_add(1);
        self.recipients[0] = self.recipients[0].saturating_add(more);
    }

    /// A message is being taken; [`Pace::end`] follows.
    pub(crate) fn begin(&mut self, recipients: u64) {
        self.underway.messages += 1;
        self.underway.recipients += recipients;
    }

    /// It was taken, and [`Pace::add`] has counted it, or it was refused.
    pub(crate) fn end(&mut self, recipients: u64) {
        self.underway.messages = self.underway.messages.saturating_sub(1);
        self.underway.recipients = self.underway.recipients.saturating_sub(recipients);
    }

    /// In the last hour: the newest count, and of the one before as much as falls into it if it was even.
    pub(crate) fn hour(&mut self, now: i64) -> Sent {
        self.advance(now);
        let left = (HOUR_S - now.rem_euclid(HOUR_S)).clamp(0, HOUR_S) as u64;
        let of = |counts: &[u32; HOURS]| {
            u64::from(counts[0]) + u64::from(counts[1]) * left / HOUR_S as u64
        };
        Sent {
            messages: of(&self.messages),
            recipients: of(&self.recipients),
        }
    }

    /// In the last day.
    pub(crate) fn day(&mut self, now: i64) -> Sent {
        self.advance(now);
        let sum = |counts: &[u32; HOURS]| counts.iter().map(|n| u64::from(*n)).sum();
        Sent {
            messages: sum(&self.messages),
            recipients: sum(&self.recipients),
        }
    }

    /// Recipients of the busiest hour of the days before.
    pub(crate) fn usual(&mut self, now: i64) -> u64 {
        self.advance(now);
        self.busiest.iter().copied().max().unwrap_or(0).into()
    }

    /// Whether another message to so many is more than may be sent.
    pub(crate) fn reaches(&mut self, caps: &Caps, recipients: u64, now: i64) -> Option<Reached> {
        let underway = self.underway;
        let over = |sent: Sent, messages: Option<u64>, most: Option<u64>| {
            messages.is_some_and(|max| sent.messages + underway.messages + 1 > max)
                || most.is_some_and(|max| sent.recipients + underway.recipients + recipients > max)
        };
        if over(self.hour(now), caps.messages_hour, caps.recipients_hour) {
            return Some(Reached::Hour);
        }
        over(self.day(now), caps.messages_day, caps.recipients_day).then_some(Reached::Day)
    }

    /// Whether another message to so many is sudden: much more within an hour than in any hour of the days before.
    pub(crate) fn is_sudden(&mut self, from: u64, recipients: u64, now: i64) -> bool {
        let (sent, underway) = (self.hour(now), self.underway);
        let sent = Sent {
            messages: sent.messages + underway.messages,
            recipients: sent.recipients + underway.recipients,
        };
        let most = from.max(self.usual(now).saturating_mul(SUDDEN_FACTOR));
        sent.messages + 1 >= SUDDEN_MESSAGES && sent.recipients + recipients > most
    }

    /// What was sent within the hour is usual from now on.
    pub(crate) fn forgive(&mut self, now: i64) {
        let within = self.hour(now).recipients;
        let within = u32::try_from(within).unwrap_or(u32::MAX);
        self.busiest[0] = self.busiest[0].max(within);
    }

    pub(crate) fn row(&self, whose: &Whose) -> Result<RowChange, storage::Error> {
        Ok(RowChange {
            table: table::PACE,
            key: whose.key(),
            value: Some(encode(self)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 20_000 * 86_400 + 12 * HOUR_S;

    #[test]
    fn counts_pass_with_the_hours() {
        let mut pace = Pace::default();
        for minute in 0..10 {
            pace.add(5, NOON + minute * 60);
        }
        let sent = |messages, recipients| Sent {
            messages,
            recipients,
        };
        assert_eq!(pace.hour(NOON + 600), sent(10, 50));
        // Half of the count before falls into the hour that ends at half past.
        assert_eq!(pace.hour(NOON + HOUR_S + HOUR_S / 2), sent(5, 25));
        assert_eq!(pace.hour(NOON + 2 * HOUR_S), sent(0, 0));
        assert_eq!(pace.day(NOON + 2 * HOUR_S), sent(10, 50));
        assert_eq!(pace.day(NOON + 24 * HOUR_S), sent(0, 0));
        assert_eq!(pace.usual(NOON + 24 * HOUR_S), 50);
        assert_eq!(pace.usual(NOON + 13 * 86_400), 50);
        assert_eq!(pace.usual(NOON + 16 * 86_400), 0);
        // A clock that goes back loses nothing.
        let mut pace = Pace::default();
        pace.add(1, NOON);
        pace.add(1, NOON - 86_400);
        assert_eq!(pace.hour(NOON - 86_400).recipients, 2);
    }

    #[test]
    fn much_more_than_ever_is_sudden() {
        let check = |usual: u64, messages: u64, recipients: u64, expected: bool| {
            let mut pace = Pace::default();
            pace.add(usual, NOON - 3 * 86_400);
            for _ in 1..messages {
                pace.add(recipients / messages, NOON);
            }
            let last = recipients - recipients / messages * (messages - 1);
            assert_eq!(
                pace.is_sudden(500, last, NOON),
                expected,
                "{usual} {messages} {recipients}"
            );
        };
        check(0, 20, 500, false);
        check(0, 20, 501, true);
        check(0, 9, 5_000, false);
        check(49, 20, 501, true);
        check(100, 20, 1_000, false);
        check(100, 20, 1_001, true);
    }

    #[test]
    fn rows_return() {
        for whose in [
            Whose::Account(AccountId::FIRST),
            Whose::Agency(AgencyId("H99.1".into())),
        ] {
            let row = Pace::default().row(&whose).unwrap();
            assert_eq!(Whose::read(&row.key), Some(whose));
        }
        assert_eq!(Whose::read(b""), None);
    }
}
