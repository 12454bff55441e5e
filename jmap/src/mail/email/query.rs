//! RFC 8621 §4.4 Email/query, RFC 8621 §4.5 Email/queryChanges.

use super::filter::{self, Budget, Clues, Filter, Threads};
use super::known::Known;
use super::search::{Rank, TYPED};
use super::sort::{self, Comparator, Key};
use crate::error::MethodError;
use crate::ident::Ids;
use crate::mail::DELETED;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, Window};
use crate::{limit, state};
use directory::Right;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use storage::{Change, EmailId, State, ThreadId};

/// Messages whose summaries are read at once.
const CHUNK: usize = 256;
/// Hex digits that tell lists of results apart in states.
const MARK_DIGITS: usize = 12;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
    filter: Option<Value>,
    sort: Option<Value>,
    #[serde(default)]
    position: i64,
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    limit: Option<i64>,
    #[serde(default)]
    calculate_total: bool,
    #[serde(default)]
    collapse_threads: bool,
}

/// What a query asks for.
pub(crate) struct Query {
    pub(crate) filter: Filter,
    pub(crate) sort: Vec<Comparator>,
    pub(crate) collapse_threads: bool,
    /// Words are looked for and no order was asked for (RFC 8620 §5.5 leaves it to the server): what is written as it
    /// was typed comes first, marks and all, then what is written without marks, then what has other marks; within
    /// each, the newest.
    ranked: bool,
}

impl Query {
    pub(crate) fn read(
        filter: Option<&Value>,
        sort: Option<&Value>,
        collapse_threads: bool,
        ids: Ids,
    ) -> Result<Self, MethodError> {
        let filter = filter::read(filter, ids)?;
        let unsaid = |sort: &Value| sort.is_null() || sort.as_array().is_some_and(Vec::is_empty);
        Ok(Self {
            sort: sort::read(sort)?,
            collapse_threads,
            ranked: sort.is_none_or(unsaid) && filter::has_words(&filter),
            filter,
        })
    }

    /// The texts of attached files become known, and searches quicker, while no state of the account changes: so the
    /// state says what was found, and no change can be calculated from it (RFC 8620 §5.5).
    fn can_calculate_changes(&self) -> bool {
        !filter::looks_into_contents(&self.filter)
    }

    /// RFC 8620 §5.5 queryState.
    fn state(&self, now: String, found: &[EmailId]) -> String {
        if self.can_calculate_changes() {
            return now;
        }
        let mut hash = blake3::Hasher::new();
        for email in found {
            hash.update(&email.raw().to_be_bytes());
        }
        format!("{now}-{}", &hash.finalize().to_hex()[..MARK_DIGITS])
    }
}

struct Row {
    email: EmailId,
    thread: ThreadId,
    keys: Vec<Key>,
    rank: Rank,
    /// Kept while the verdict, or the rank, is open.
    open: Option<State>,
}

/// The whole list of results, in order.
/// `budget`: how much content may be read for it.
pub(crate) fn results(
    mail: &Sight,
    query: &Query,
    budget: &mut Budget,
) -> Result<Vec<EmailId>, MethodError> {
    let mut keywords = filter::thread_keywords(&query.filter);
    keywords.extend(sort::thread_keywords(&query.sort));
    let clues = Clues {
        threads: Threads::gather(mail, keywords)?,
        known: Known::of(mail, &query.filter, query.ranked, budget),
    };
    let mut rows = scan(mail, query, &clues)?;
    settle(mail, query, (&clues, budget), &mut rows)?;
    let upward = sort::ascending(&query.sort);
    rows.sort_unstable_by(|a, b| {
        let arrival = if upward {
            a.email.cmp(&b.email)
        } else {
            b.email.cmp(&a.email)
        };
        let rank = a.rank.cmp(&b.rank);
        rank.then_with(|| sort::compare(&query.sort, &a.keys, &b.keys).then(arrival))
    });
    if query.collapse_threads {
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert(row.thread));
    }
    Ok(rows.into_iter().map(|row| row.email).collect())
}

/// Reads states: of the messages that the index names, else of one mailbox when the filter names one, else of the account.
fn scan(mail: &Sight, query: &Query, clues: &Clues<'_>) -> Result<Vec<Row>, MethodError> {
    let mut rows = Vec::new();
    let mut take = |state: &State| {
        if state.has(DELETED) {
            return true;
        }
        let verdict = query
            .filter
            .judge(&mut |t| filter::by_clues(t, state, clues));
        if verdict != Some(false) {
            let rank = match query.ranked && verdict.is_some() {
                true => filter::rank_by_clues(&query.filter, state, clues),
                false => Some(TYPED),
            };
            rows.push(Row {
                email: state.email,
                thread: state.thread,
                keys: sort::keys(&query.sort, state, &clues.threads),
                rank: rank.unwrap_or(TYPED),
                open: (verdict.is_none() || rank.is_none()).then(|| state.clone()),
            });
        }
        true
    };
    let scanned = match filter::only_mailbox(&query.filter) {
        Some(None) => Ok(()),
        only => match (clues.known.reach(&query.filter), only.flatten()) {
            (Some((emails, until)), _) => mail.scan_these((&emails, until), &mut take),
            (None, Some(id)) => mail.scan(id, &mut take),
            (None, None) => mail.scan_all(&mut take),
        },
    };
    match scanned {
        Ok(()) | Err(storage::Error::NotFound) => Ok(rows),
        Err(other) => Err(other.into()),
    }
}

/// Judges the rows that the state left open, the newest first, and fills in text keys.
fn settle(
    mail: &Sight,
    query: &Query,
    (clues, budget): (&Clues<'_>, &mut Budget),
    rows: &mut Vec<Row>,
) -> Result<(), MethodError> {
    let texts = sort::needs_summary(&query.sort);
    if !texts && rows.iter().all(|r| r.open.is_none()) {
        return Ok(());
    }
    rows.sort_unstable_by_key(|row| Reverse(row.email));
    let mut out = HashSet::new();
    for chunk in rows.chunks_mut(CHUNK) {
        let ids: Vec<EmailId> = chunk
            .iter()
            .filter(|r| texts || r.open.is_some())
            .map(|r| r.email)
            .collect();
        let summaries = mail.summaries(&ids)?;
        let mut next = summaries.into_iter().peekable();
        for row in chunk {
            let found = next.next_if(|(email, _)| *email == row.email);
            let Some((_, summary)) = found else {
                // Expunged meanwhile, or neither verdict nor key needs it.
                if texts || row.open.is_some() {
                    out.insert(row.email);
                }
                continue;
            };
            if let Some(state) = row.open.take() {
                let read = (&state, &*summary);
                match filter::by_reading(&query.filter, mail, read, clues, budget)? {
                    Some(rank) if query.ranked => row.rank = rank,
                    Some(_) => {}
                    None => {
                        out.insert(row.email);
                        continue;
                    }
                }
            }
            sort::text_keys(&query.sort, &summary, &mut row.keys);
        }
    }
    rows.retain(|row| !out.contains(&row.email));
    Ok(())
}

/// RFC 8621 §4.4.
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let query = Query::read(
        arguments.filter.as_ref(),
        arguments.sort.as_ref(),
        arguments.collapse_threads,
        mail.ids(),
    )?;
    let window = Window {
        position: arguments.position,
        anchor: arguments.anchor,
        anchor_offset: arguments.anchor_offset,
        limit: arguments.limit,
    };
    let asked = Asked {
        account: &arguments.account_id,
        query: &query,
        window: &window,
        calculate_total: arguments.calculate_total,
    };
    respond(&mail, &asked, &mut turn.search)
}

/// A query as it was asked.
pub(crate) struct Asked<'a> {
    pub(crate) account: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) window: &'a Window,
    pub(crate) calculate_total: bool,
}

/// The response of RFC 8620 §5.5.
pub(crate) fn respond(
    mail: &Sight,
    asked: &Asked<'_>,
    budget: &mut Budget,
) -> Result<Value, MethodError> {
    let state = state::current(mail)?;
    let ids = results(mail, asked.query, budget)?;
    let shown = asked.window.show(ids.len(), |anchor| {
        let anchor = mail.ids().parse_email(anchor)?;
        ids.iter().position(|id| *id == anchor)
    })?;
    let page: Vec<String> = ids[shown.from..shown.to]
        .iter()
        .map(|id| mail.ids().email(*id))
        .collect();
    let mut response = json!({
        "accountId": asked.account,
        "queryState": asked.query.state(state, &ids),
        "canCalculateChanges": asked.query.can_calculate_changes(),
        "position": shown.from,
        "ids": page,
    });
    if asked.calculate_total {
        response["total"] = ids.len().into();
    }
    if let Some(limit) = shown.limit {
        response["limit"] = limit.into();
    }
    Ok(response)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangesArguments {
    account_id: String,
    filter: Option<Value>,
    sort: Option<Value>,
    since_query_state: String,
    max_changes: Option<u64>,
    /// Ignored, as RFC 8620 §5.6 asks when filter or sort may be mutable.
    #[allow(dead_code)]
    up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
    #[serde(default)]
    collapse_threads: bool,
}

/// RFC 8620 §5.6: every message that changed is taken out, and put in again where it now stands.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let query = Query::read(
        arguments.filter.as_ref(),
        arguments.sort.as_ref(),
        arguments.collapse_threads,
        mail.ids(),
    )?;
    if !query.can_calculate_changes() {
        return Err(MethodError::CannotCalculateChanges);
    }
    let since = state::parse(&mail, &arguments.since_query_state)?;
    let log = state::log(&mail, since)?;
    if log.more {
        return Err(MethodError::CannotCalculateChanges);
    }
    let touched = touched(&mail, &query, log.list.into_iter().map(|(_, c)| c))?;
    let ids = if touched.all.is_empty() && !arguments.calculate_total {
        Vec::new()
    } else {
        results(&mail, &query, &mut turn.search)?
    };
    let removed: Vec<String> = touched
        .all
        .iter()
        .filter(|id| !touched.new.contains(id))
        .map(|id| mail.ids().email(*id))
        .collect();
    let added: Vec<Value> = ids
        .iter()
        .enumerate()
        .filter(|(_, id)| touched.all.contains(id))
        .map(|(index, id)| json!({"id": mail.ids().email(*id), "index": index}))
        .collect();
    let max = arguments.max_changes.map_or(limit::CHANGES_MAX, |n| {
        usize::try_from(n).unwrap_or(usize::MAX)
    });
    if removed.len() + added.len() > max {
        return Err(MethodError::TooManyChanges);
    }
    let mut response = json!({
        "accountId": arguments.account_id,
        "oldQueryState": arguments.since_query_state,
        "newQueryState": mail.state_at(log.until),
        "removed": removed,
        "added": added,
    });
    if arguments.calculate_total {
        response["total"] = ids.len().into();
    }
    Ok(response)
}

#[derive(Default)]
struct Touched {
    all: BTreeSet<EmailId>,
    /// Not there before, so not to be taken out.
    new: BTreeSet<EmailId>,
}

/// The messages whose place in the results may have changed. Where threads matter, that is every
/// message of a thread of which one changed.
fn touched(
    mail: &Sight,
    query: &Query,
    log: impl Iterator<Item = Change>,
) -> Result<Touched, MethodError> {
    let mut touched = Touched::default();
    let mut threads = BTreeSet::new();
    for change in log {
        let (email, thread) = match change {
            Change::EmailCreated { email, thread } => {
                touched.new.insert(email);
                (email, thread)
            }
            Change::EmailChanged { email, thread } | Change::EmailRemoved { email, thread } => {
                (email, thread)
            }
            _ => continue,
        };
        touched.all.insert(email);
        threads.insert(thread);
    }
    let by_thread = query.collapse_threads
        || !filter::thread_keywords(&query.filter).is_empty()
        || !sort::thread_keywords(&query.sort).is_empty();
    if by_thread {
        for thread in threads {
            touched
                .all
                .extend(crate::mail::thread::emails(mail, thread)?);
        }
    }
    Ok(touched)
}
