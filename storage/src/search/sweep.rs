//! Takes out of the index what is no longer in the store.

use super::fill::Filling;
use super::{lock, term, told};
use crate::{AccountId, EmailId, Error, Store, key};
use std::collections::BTreeSet;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED, Term};

/// Messages that one step takes out.
const GONE_MAX: usize = 2_000;
/// Accounts that one step looks at.
const ACCOUNTS_MAX: usize = 200;

/// A step of the sweep that is under way, if one is; true when the index changes.
pub(super) fn step(store: &Store, open: &mut Filling) -> Result<bool, Error> {
    let search = &store.inner.shared.search;
    let mut gone = 0;
    for _ in 0..ACCOUNTS_MAX {
        let Some(from) = lock(&search.waiting).sweep else {
            break;
        };
        let known = lock(&open.until);
        let account = known
            .keys()
            .filter(|account| **account >= from)
            .min()
            .copied();
        drop(known);
        let Some(account) = account else {
            lock(&search.waiting).sweep = None;
            break;
        };
        let dead = dead(store, open, account)?;
        for email in dead.iter().take(GONE_MAX) {
            take_out(open, account, *email)?;
        }
        gone += dead.len();
        if gone >= GONE_MAX {
            // The account is looked at again, when these are out.
            lock(&search.waiting).sweep = Some(account);
            break;
        }
        lock(&search.waiting).sweep = account.next();
    }
    Ok(gone > 0)
}

/// The messages of an account that are in the index and not in the store.
fn dead(store: &Store, open: &Filling, account: AccountId) -> Result<Vec<EmailId>, Error> {
    let Some(shown) = store.inner.shared.search.shown() else {
        return Ok(Vec::new());
    };
    let until = lock(&open.until).get(&account).copied();
    let mut indexed = BTreeSet::new();
    for segment in &shown.segments {
        let own = segment.with(&term::of_account(term::ACCOUNT, account));
        let Some((_, mut own)) = own.map_err(|e| told(&e))? else {
            continue;
        };
        while own.doc() != TERMINATED {
            let lives = segment
                .alive()
                .is_none_or(|alive| alive.is_alive(own.doc()));
            indexed.extend(segment.email(own.doc()).filter(|_| lives));
            own.advance();
        }
    }
    // Ids only rise and what is gone does not come back, so nothing here is taken out too early.
    indexed.retain(|email| until.is_some_and(|until| *email <= until));
    if indexed.is_empty() {
        return Ok(Vec::new());
    }
    let states = key::kind(account, key::STATE);
    let read = store
        .inner
        .shared
        .index
        .scan(&states, &states, &mut |key, _| {
            if let Some(email) = key::number_of(key).and_then(EmailId::new) {
                indexed.remove(&email);
            }
            Ok(true)
        });
    match read {
        // Damage of an account is for others to tell.
        Err(Error::Corrupt(_)) => Ok(Vec::new()),
        read => read.map(|()| indexed.into_iter().collect()),
    }
}

fn take_out(open: &mut Filling, account: AccountId, email: EmailId) -> Result<(), Error> {
    let field = open.terms;
    let must = |term: Vec<u8>| -> (Occur, Box<dyn Query>) {
        let term = Term::from_field_bytes(field, &term);
        (
            Occur::Must,
            Box::new(TermQuery::new(term, IndexRecordOption::Basic)),
        )
    };
    // Its own document, and that of its attached files.
    let either = [term::ACCOUNT, term::ATTACHED].map(|list| {
        let (_, query) = must(term::of_account(list, account));
        (Occur::Should, query)
    });
    let either: Box<dyn Query> = Box::new(BooleanQuery::new(Vec::from(either)));
    let query = BooleanQuery::new(vec![(Occur::Must, either), must(term::of_email(email))]);
    let deleted = open.writer()?.delete_query(Box::new(query));
    deleted.map(drop).map_err(|e| told(&e))
}
