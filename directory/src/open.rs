//! Directory: the one door to who is who. Cheap to clone; indexes in memory, rows in the store's tables.

use crate::act::Acts;
use crate::book::Book;
use crate::cap::SendingSettings;
use crate::fact::{
    ACCOUNT_COUNTER, CREDENTIAL_COUNTER, Fact, JOB_COUNTER, LOSS, POSITION_COUNTER, SALT_KEY,
    credential_of, decode, encode, table,
};
use crate::hash::Hasher;
use crate::lazy::Lazy;
use crate::lockout::Lockout;
use crate::pace::{Pace, Whose};
use crate::recent::Recents;
use crate::{AccountId, AccountKind, Clock, Error};
use formats::address::DomainName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use storage::{RowChange, Store};

/// Added to the counters after a loss: more than could have been given since the counters' rows were written.
const LEAP: u32 = 100_000;
/// Rows read at a time when the indexes are loaded.
const LOAD_PAGE: usize = 1000;
/// Items of one listed page.
pub const PAGE_MAX: usize = 1000;

/// Settings that the config gives.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Settings {
    /// argon2id memory, KiB.
    pub argon2_memory_kib: u32,
    pub argon2_passes: u32,
    /// PBKDF2 iterations of SCRAM's verifiers, at least [`crate::ITERATIONS_MIN`]; 0: none are kept, and
    /// SCRAM is not offered.
    pub scram_iterations: u32,
    /// Added to a bare local part at sign-in.
    pub default_domain: Option<DomainName>,
    /// Octets, for accounts without a quota of their own.
    pub default_quota: Option<u64>,
}

/// The directory.
#[derive(Clone)]
pub struct Directory {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) book: RwLock<Book>,
    pub(crate) acts: Mutex<Acts>,
    pub(crate) hasher: Hasher,
    pub(crate) lockout: Mutex<Lockout>,
    pub(crate) recents: Mutex<Recents>,
    /// Keys the digests that live in memory only: lately verified secrets, names of failed sign-ins.
    pub(crate) memory_key: [u8; 32],
    /// Makes SCRAM's salts, those of names that do not exist too; kept in the store.
    pub(crate) salt_key: [u8; 32],
    pub(crate) lazy: Lazy,
    pub(crate) sending: RwLock<SendingSettings>,
    /// What was sent lately.
    pub(crate) paces: Mutex<HashMap<Whose, Pace>>,
    /// Of the server, those to what is the system's.
    pub(crate) listeners: storage::Listeners<crate::Reannotated>,
    /// Those to what sign-ins rest on.
    pub(crate) heeding: storage::Listeners<()>,
    pub(crate) bereft: Vec<AccountId>,
    pub(crate) unheard: crate::notice::Unheard,
    pub(crate) desk: crate::bulk::Desk,
    pub(crate) windows: crate::reading::Windows,
    pub(crate) sittings: crate::impersonation::Sittings,
    pub(crate) hooks: crate::hook::Hooks,
    pub(crate) pushes: crate::push::Pushes,
    pub(crate) vapid: Option<crate::vapid::VapidKey>,
    /// Days for which the config keeps removed mail; 0: not told.
    pub(crate) restore_days: std::sync::atomic::AtomicU64,
    /// The server's own name.
    pub(crate) host: std::sync::OnceLock<DomainName>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Directory")
    }
}

impl Directory {
    /// Loads the indexes. Errors: `Storage(Corrupt)` for rows of another version (I-18), `Invalid` for settings
    /// that argon2 does not take.
    pub fn open(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Result<Self, Error> {
        let hasher = Hasher::new(settings.argon2_memory_kib, settings.argon2_passes)?;
        let now = clock.now_s();
        let (mut book, stale) = load(&store, now)?;
        if !stale.is_empty() {
            store.commit_rows(stale)?;
        }
        let loss = leap(&store, &book)?;
        book.apply(Fact::PositionCounter(
            counter(&store, POSITION_COUNTER)?.unwrap_or(0),
        ));
        let account_reserved = counter(&store, ACCOUNT_COUNTER)?.unwrap_or(AccountId::SYSTEM.raw());
        let acts = Acts {
            chain: Self::chain_end(&store)?,
            account_next: account_reserved.saturating_add(1),
            account_reserved,
            credential_last: counter(&store, CREDENTIAL_COUNTER)?.unwrap_or(0),
            job_last: job_last(&store, &book)?,
        };
        let salt_key = salt_key(&store)?;
        let hooks = crate::hook::Hooks::load(&store)?;
        let pushes = crate::push::Pushes::load(&store)?;
        let vapid = crate::vapid::VapidKey::load(&store)?;
        let inner = Inner {
            lazy: Lazy::start(store.clone())?,
            sending: RwLock::default(),
            paces: Mutex::new(paces(&store, &book)?),
            store,
            clock,
            settings,
            book: RwLock::new(book),
            acts: Mutex::new(acts),
            hasher,
            lockout: Mutex::new(Lockout::new()),
            recents: Mutex::new(Recents::new()),
            memory_key: crate::hash::random()?,
            salt_key,
            listeners: storage::Listeners::default(),
            heeding: storage::Listeners::default(),
            bereft: loss
                .as_ref()
                .map_or(Vec::new(), |(bereft, _)| bereft.clone()),
            unheard: crate::notice::Unheard::default(),
            desk: crate::bulk::Desk::default(),
            windows: crate::reading::Windows::default(),
            sittings: crate::impersonation::Sittings::default(),
            hooks,
            pushes,
            vapid,
            restore_days: std::sync::atomic::AtomicU64::new(0),
            host: std::sync::OnceLock::new(),
        };
        let directory = Self {
            inner: Arc::new(inner),
        };
        directory.seal_accounts()?;
        directory.start_quotas()?;
        if let Some((bereft, mark)) = loss {
            for id in bereft {
                directory.make_mailboxes(&directory.account(id)?)?;
            }
            directory.inner.store.commit_rows(vec![mark])?;
        }
        directory.end_fallen();
        Ok(directory)
    }

    /// Accounts of which a repair left nothing, when this is the first time that the directory is opened since.
    pub fn bereft(&self) -> &[AccountId] {
        &self.inner.bereft
    }

    /// The clock it was given.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The domain that is added to a bare local part at sign-in.
    pub fn default_domain(&self) -> Option<&DomainName> {
        self.inner.settings.default_domain.as_ref()
    }

    /// Whether a domain is ours (active or not).
    pub fn serves(&self, domain: &DomainName) -> bool {
        self.read().domains.contains_key(domain)
    }

    /// The quota that holds for this account itself, octets; `None`: no limit.
    pub fn quota(&self, id: AccountId) -> Option<u64> {
        self.limits(id).octets
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.inner.clock.now_s()
    }
}

/// All rows as a book, and the deletions of sessions that ended meanwhile.
fn load(store: &Store, now: i64) -> Result<(Book, Vec<RowChange>), Error> {
    let mut book = Book::default();
    let tables = [
        table::AGENCY,
        table::DOMAIN,
        table::DKIM,
        table::ACCOUNT,
        table::ALIAS,
        table::CREDENTIAL,
        table::SESSION,
        table::SHARE,
        table::SENDERS,
        table::LIST,
        table::FORWARDING,
        table::VACATION,
        table::OUTSIDE,
        table::CAPS,
        table::POLICY,
        table::APPROVAL,
        table::IMPERSONATION,
        table::STOP,
        table::POSITION,
        table::DEPARTED,
        table::FREED,
        table::JOB,
    ];
    for name in tables {
        each(store, name, &mut |key, value| {
            book.apply(Fact::read(name, key, value)?);
            Ok(())
        })?;
    }
    let mut stale = Vec::new();
    each(store, table::USED, &mut |key, value| {
        if !book.used(key, decode(table::USED, value)?) {
            stale.push(RowChange {
                table: table::USED,
                key: key.to_vec(),
                value: None,
            });
        }
        Ok(())
    })?;
    let ended: Vec<[u8; 32]> = book
        .sessions
        .iter()
        .filter(|(_, session)| session.ended(now) || book.account(session.row.account).is_none())
        .map(|(hash, _)| *hash)
        .collect();
    for hash in ended {
        stale.push(Fact::NoSession(hash).row()?);
        book.apply(Fact::NoSession(hash));
    }
    Ok((book, stale))
}

/// What was sent lately, of those who are still there.
fn paces(store: &Store, book: &Book) -> Result<HashMap<Whose, Pace>, storage::Error> {
    let mut paces = HashMap::new();
    each(store, table::PACE, &mut |key, value| {
        let there = |whose: &Whose| match whose {
            Whose::Account(id) => book.account(*id).is_some(),
            Whose::Agency(id) => book.agencies.contains_key(id),
        };
        if let Some(whose) = Whose::read(key).filter(there) {
            paces.insert(whose, decode(table::PACE, value)?);
        }
        Ok(())
    })?;
    Ok(paces)
}

/// Takes a row's key and value.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), storage::Error> + 'a;

/// Calls `row` for every row of a table.
pub(crate) fn each(
    store: &Store,
    name: &'static str,
    row: &mut Visit<'_>,
) -> Result<(), storage::Error> {
    let table = store.table(name);
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = table.rows(&[], after.as_deref(), LOAD_PAGE)?;
        for (key, value) in &page {
            row(key, value)?;
        }
        match page.into_iter().next_back() {
            Some((key, _)) => after = Some(key),
            None => return Ok(()),
        }
    }
}

/// After a repair that lost commits the counters may tell of a time before their last numbers were given: they
/// leap ahead, once for each such repair, so that none is given twice (I-07), and so do those of accounts of which
/// nothing is left. Returns these accounts, and the row that says that all was done.
fn leap(store: &Store, book: &Book) -> Result<Option<(Vec<AccountId>, RowChange)>, Error> {
    let Some(loss) = store.loss()? else {
        return Ok(None);
    };
    if counter::<[u8; 16]>(store, LOSS)? == Some(loss.mark) {
        return Ok(None);
    }
    let accounts: u32 = counter(store, ACCOUNT_COUNTER)?.unwrap_or(AccountId::SYSTEM.raw());
    let there = book.accounts.last_key_value().map(|(id, _)| *id);
    let highest = there.max(loss.last_account).map_or(0, AccountId::raw);
    let credentials: u64 = counter(store, CREDENTIAL_COUNTER)?.unwrap_or(0);
    let ids = book.credentials.values().flat_map(|of| of.keys());
    let last = ids.map(|id| id.0).max().unwrap_or(0);
    let accounts = Fact::AccountCounter(accounts.max(highest).saturating_add(LEAP));
    let credentials = Fact::CredentialCounter(credentials.max(last).saturating_add(LEAP.into()));
    let positions: u32 = counter(store, POSITION_COUNTER)?.unwrap_or(0);
    let positions = positions.max(book.seats.last()).saturating_add(LEAP);
    let positions = Fact::PositionCounter(positions);
    store.commit_rows(vec![accounts.row()?, credentials.row()?, positions.row()?])?;
    let mut bereft = Vec::new();
    for account in book.accounts.values() {
        let leapt = store.leap(account.id)?;
        let is_list = matches!(account.kind, AccountKind::List { .. });
        // Where the program ended in between, the counters have leapt and the mailboxes are not made yet.
        // A list never has any.
        if !is_list && (leapt || store.account(account.id).mailboxes()?.is_empty()) {
            bereft.push(account.id);
        }
    }
    match loss.restored {
        Some(origin) if bereft.is_empty() => tracing::info!(
            backup = origin.backup,
            as_of = formats::date::utc(origin.taken_at),
            "the store was restored from a backup: what came later is not in it; UIDs, ids and states go on far behind \
             the last ones known"
        ),
        _ => tracing::warn!(
            accounts = bereft.len(),
            "the store lost commits before its repair: numbers go on far behind the last ones known; of some accounts \
             nothing is left"
        ),
    }
    let mark = RowChange {
        table: table::COUNTER,
        key: LOSS.to_vec(),
        value: Some(encode(&loss.mark)?),
    };
    Ok(Some((bereft, mark)))
}

/// Drawn once for each store: a salt that changed when the server starts anew would tell that nobody has it.
fn salt_key(store: &Store) -> Result<[u8; 32], Error> {
    if let Some(kept) = counter(store, SALT_KEY)? {
        return Ok(kept);
    }
    let drawn: [u8; 32] = crate::hash::random()?;
    store.commit_rows(vec![RowChange {
        table: table::COUNTER,
        key: SALT_KEY.to_vec(),
        value: Some(encode(&drawn)?),
    }])?;
    Ok(drawn)
}

/// The last job id: after a repair that lost commits the counter may tell of a time before.
fn job_last(store: &Store, book: &Book) -> Result<u64, Error> {
    let counted: u64 = counter(store, JOB_COUNTER)?.unwrap_or(0);
    let there = book.jobs.last_key_value().map_or(0, |(id, _)| id.0);
    Ok(counted.max(there))
}

fn counter<T: serde::de::DeserializeOwned>(store: &Store, key: &[u8]) -> Result<Option<T>, Error> {
    let row = store.table(table::COUNTER).row(key)?;
    Ok(row
        .map(|value| decode(table::COUNTER, &value))
        .transpose()?)
}

impl Book {
    /// Takes in when a credential (key of 12 octets) or session (32) was last used; false when it is gone.
    fn used(&mut self, key: &[u8], at: i64) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        if let Ok(hash) = <[u8; 32]>::try_from(key) {
            return self
                .sessions
                .get(&hash)
                .map(|s| s.seen_at.store(at, Relaxed))
                .is_some();
        }
        let Some((account, id)) = credential_of(key) else {
            return false;
        };
        self.credential(account, id)
            .map(|kept| kept.used_at.store(at, Relaxed))
            .is_some()
    }
}
