//! Timelines looked up: one by its name, some by who sent what to whom and when; and what is too old forgotten.

use super::id::{self, Id};
use super::{Event, Head, RECIPIENTS_MAX, TABLE, What, bare, decode};
use crate::Delivery;
use crate::carry::PLACED_AT_ONCE_MAX;
use directory::AccountKind;
use formats::address::Address;
use std::ops::ControlFlow;
use storage::{AccountId, Error, RowChange};

/// Messages that one call looks at.
pub(crate) const LOOKS_MAX: usize = 2_000;
/// Rows read at once.
const ROWS_AT_ONCE: usize = 200;
/// Rows that one commit forgets.
const FORGOTTEN_AT_ONCE: usize = 1_000;
/// Events of one timeline that are shown.
const EVENTS_MAX: usize = 5_000;

/// Which timelines. All that is given must fit.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Reverse-path.
    pub from: Option<Address>,
    /// A recipient, as the sender wrote it or as an account here has it.
    pub to: Option<Address>,
    /// Message-ID header, with or without brackets.
    pub message_id: Option<String>,
    /// Accepted then or later, Unix seconds.
    pub since: Option<i64>,
    /// Accepted before, Unix seconds.
    pub until: Option<i64>,
    /// What this account submitted, or was to get.
    pub account: Option<AccountId>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Names its acceptance.
    pub id: String,
    /// When it was accepted, Unix seconds.
    pub at: i64,
    /// What was known then.
    pub head: Head,
}

/// Some of them, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// Those that fit.
    pub found: Vec<Found>,
    /// After which to go on; `None`: nothing follows.
    pub last: Option<String>,
}

/// By what rows are looked up, on each day.
struct Way {
    kind: u8,
    middle: Vec<u8>,
}

/// What is compared with each head.
struct Sieve<'a> {
    sought: &'a Sought,
    from: Option<String>,
    to: Option<String>,
    to_account: Option<AccountId>,
}

impl<'a> Sieve<'a> {
    fn of(sought: &'a Sought, to_account: Option<AccountId>) -> Self {
        Self {
            sought,
            from: sought.from.as_ref().map(Address::key),
            to: sought.to.as_ref().map(Address::key),
            to_account,
        }
    }

    /// The rows that name the fewest messages.
    fn way(&self) -> Way {
        let hashed = |kind: u8, text: &str| Way {
            kind,
            middle: id::hash(text).to_vec(),
        };
        let account = |account: AccountId| Way {
            kind: id::ACCOUNT,
            middle: account.raw().to_be_bytes().to_vec(),
        };
        if let Some(message_id) = &self.sought.message_id {
            return hashed(id::MESSAGE_ID, bare(message_id));
        }
        match (self.sought.account, self.to_account, &self.to, &self.from) {
            // What somebody sends is less than what he gets.
            (Some(_), None, None, Some(from)) => hashed(id::SENDER, from),
            (Some(own), ..) => account(own),
            (_, Some(to), ..) => account(to),
            (_, _, Some(to), _) => hashed(id::RECIPIENT, to),
            (_, _, _, Some(from)) => hashed(id::SENDER, from),
            (None, None, None, None) => Way {
                kind: id::HEAD,
                middle: Vec::new(),
            },
        }
    }

    fn fits(&self, head: &Head) -> bool {
        let key = |text: &str| Address::parse(text).map(|address| address.key()).ok();
        let is_for = |account: AccountId| head.for_accounts().any(|(to, _)| to == account);
        let to = |to: &String| {
            self.to_account.is_some_and(is_for)
                || head.recipients.iter().any(|r| key(r).as_ref() == Some(to))
                || head.beyond.leads_to(to)
                || head.recipient_count as usize > RECIPIENTS_MAX
        };
        let sought = self.sought;
        let named = |id: &String| {
            let own = head.message_id.as_deref().map(bare);
            own == Some(bare(id))
        };
        self.from
            .as_ref()
            .is_none_or(|from| key(&head.from).as_ref() == Some(from))
            && self.to.as_ref().is_none_or(to)
            && sought.message_id.as_ref().is_none_or(named)
            && sought
                .account
                .is_none_or(|own| head.submitter() == Some(own) || is_for(own))
    }
}

impl Head {
    /// Who submitted it.
    #[must_use]
    pub fn submitter(&self) -> Option<AccountId> {
        match self.whence {
            super::Whence::Submitted { account, .. } => Some(account),
            super::Whence::Remote { .. } | super::Whence::Generated { .. } => None,
        }
    }
}

impl Delivery {
    /// One timeline, by the name of the acceptance. Errors: `NotFound`.
    pub fn trace(&self, name: &str) -> Result<(Found, Vec<Event>), Error> {
        let id = Id::parse(name).ok_or(Error::NotFound)?;
        let table = self.inner.store.table(TABLE);
        let head = table.row(&id.head())?.ok_or(Error::NotFound)?;
        let head = Head::decode(&head)?;
        let mut events = Vec::new();
        // One is placed without the queue, which has events for all others; an older program so placed some.
        if head.accounts.len() <= PLACED_AT_ONCE_MAX {
            for (account, _) in &head.accounts {
                let row = table.row(&id.account(*account))?;
                let Some(row) = row.filter(|row| !row.is_empty()) else {
                    continue;
                };
                let at = decode(&row)?;
                let what = What::Placed(vec![*account]);
                events.push(Event { at, what });
            }
        }
        let rows = table.rows(&id.events(), None, EVENTS_MAX)?;
        for (key, value) in rows {
            let at = Id::event_at(&key).unwrap_or_default();
            let what = decode(&value)?;
            events.push(Event { at, what });
        }
        // Those of one second stay in their order.
        events.sort_by_key(|event| event.at);
        let found = Found {
            id: name.to_owned(),
            at: id.at(),
            head,
        };
        Ok((found, events))
    }

    /// What was known of a message when it was accepted under this name at this time (Unix seconds). `None`: that is not
    /// kept, or no longer, or cannot be read.
    pub(crate) fn head(&self, trace: &str, accepted_at: i64) -> Result<Option<Head>, Error> {
        let Some(id) = Id::of(trace, accepted_at) else {
            return Ok(None);
        };
        let head = self.inner.store.table(TABLE).row(&id.head())?;
        Ok(head.and_then(|head| Head::decode(&head).ok()))
    }

    /// At most `max` of those that fit, the newest first, after `after`. Looks at so many messages at most that a rare
    /// match does not hold a thread: what it answers may be less, or nothing, although more follow.
    pub fn traces(
        &self,
        sought: &Sought,
        after: Option<&str>,
        max: usize,
    ) -> Result<Traces, Error> {
        let to = sought.to.as_ref();
        let to = to.and_then(|to| self.inner.directory.account_at(to).ok());
        // Nothing is placed in a list: it is found as it was written to.
        let to = to.filter(|to| !matches!(to.kind, AccountKind::List { .. }));
        let sieve = Sieve::of(sought, to.map(|account| account.id));
        let table = self.inner.store.table(TABLE);
        let mut traces = Traces::default();
        let mut looks = 0;
        let last = self.each(sought, &sieve.way(), after, &mut |id| {
            looks += 1;
            if let Some(head) = table.row(&id.head())? {
                let head = Head::decode(&head)?;
                if sieve.fits(&head) {
                    traces.found.push(Found {
                        id: id.to_string(),
                        at: id.at(),
                        head,
                    });
                }
            }
            Ok(match traces.found.len() >= max || looks >= LOOKS_MAX {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
        traces.last = last.map(|id| id.to_string());
        Ok(traces)
    }

    /// Visits the messages of these rows within the time that is asked for; where the visitor stopped.
    fn each(
        &self,
        sought: &Sought,
        way: &Way,
        after: Option<&str>,
        visit: &mut dyn FnMut(Id) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<Id>, Error> {
        let table = self.inner.store.table(TABLE);
        let Some((oldest, _)) = table.rows(&[], None, 1)?.pop() else {
            return Ok(None);
        };
        let since = sought.since.unwrap_or(0);
        let first = id::day_of(&oldest).unwrap_or(0).max(id::day_at(since));
        // Nothing was accepted after now; and what comes while somebody reads belongs to no page.
        let now = self.inner.directory.clock().now_s();
        let until = sought.until.unwrap_or(i64::MAX).min(now.saturating_add(1));
        let begin = match after.and_then(Id::parse) {
            Some(id) => id,
            None => Id::new(until.saturating_sub(1), [0; 5]),
        };
        let mut from = Some(begin.tail().to_vec()).filter(|_| after.is_some());
        if after.is_none() {
            // All of the last second, too.
            from = Some(begin.tail()[..4].to_vec());
        }
        for day in (first..=begin.day()).rev() {
            let prefix = id::prefix(day, way.kind, &way.middle);
            let mut cursor = from.take().map(|tail| [prefix.as_slice(), &tail].concat());
            loop {
                let rows = table.rows(&prefix, cursor.as_deref(), ROWS_AT_ONCE)?;
                let Some((last, _)) = rows.last() else {
                    break;
                };
                cursor = Some(last.clone());
                for (key, _) in &rows {
                    let Some(id) = Id::of_key(key) else {
                        continue;
                    };
                    if id.at() < since {
                        return Ok(None);
                    }
                    if id.at() < until && visit(id)?.is_break() {
                        return Ok(Some(id));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Forgets what was accepted on days before this time (Unix seconds), at most so many times a thousand rows. True:
    /// more of it is left.
    pub fn forget_traces(&self, before: i64, steps: usize) -> Result<bool, Error> {
        let table = self.inner.store.table(TABLE);
        let first_kept = id::day_at(before);
        for _ in 0..steps {
            let rows = table.rows(&[], None, FORGOTTEN_AT_ONCE)?;
            let count = rows.len();
            let old = rows.into_iter().filter(|(key, _)| {
                let day = id::day_of(key);
                day.is_none_or(|day| day < first_kept)
            });
            let gone: Vec<RowChange> = old
                .map(|(key, _)| RowChange {
                    table: TABLE,
                    key,
                    value: None,
                })
                .collect();
            if gone.is_empty() {
                return Ok(false);
            }
            let all = gone.len() == count;
            self.inner.store.commit_rows(gone)?;
            if !all {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
