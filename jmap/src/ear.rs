//! What is heard of changes, for whoever is told of them: event streams, push subscriptions, web sockets. RFC 8620 §7.1.

use crate::error::MethodError;
use crate::router::Context;
use crate::sight::Sight;
use crate::{beside, ident, notice, state};
use directory::{Access, PushTold, Right};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use storage::{AccountId, Change, ModSeq, Subscription};
use tokio::sync::watch;

/// What may be pushed of mail. RFC 8621 §1.5: `EmailDelivery` changes only when a message comes in.
const TYPES: [&str; 4] = ["Mailbox", "Email", "Thread", "EmailDelivery"];

/// Some types of those that can be wished for.
pub(crate) type Types = BTreeSet<&'static str>;

/// Wakes who listens; the number only grows.
pub(crate) type Wake = Arc<watch::Sender<u64>>;

/// What may be wished for: notices besides, of one's own account, whose state is one of their own. `None`: all.
pub(crate) fn wished(names: Option<&[&str]>) -> Types {
    let all = TYPES.into_iter().chain(beside::TYPES).chain([notice::TYPE]);
    all.filter(|name| names.is_none_or(|names| names.contains(name)))
        .collect()
}

/// Those of these types that are beside mail.
fn beside_mail(types: &Types) -> Types {
    let beside = beside::TYPES.into_iter();
    beside.filter(|name| types.contains(name)).collect()
}

/// RFC 8620 §7.1: the object that tells of changes.
pub(crate) fn state_change(changed: &Map<String, Value>) -> Value {
    json!({"@type": "StateChange", "changed": changed})
}

pub(crate) fn wake(wake: &Wake) {
    wake.send_modify(|count| *count = count.wrapping_add(1));
}

/// What the client knows of one account.
struct Told {
    at: ModSeq,
    /// The state as it was spelled: under other rights it is another one.
    state: String,
    _subscription: Subscription,
}

/// Which accounts woke the listener.
#[derive(Default)]
struct Woken(Mutex<BTreeSet<AccountId>>);

impl Woken {
    fn add(&self, account: AccountId) {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        woken.insert(account);
    }

    fn take(&self) -> BTreeSet<AccountId> {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut woken)
    }
}

/// What is heard: one's own account, and those that one follows (RFC 9670 §1.4), as they come and go.
pub(crate) struct Ear {
    context: Context,
    access: Access,
    told: BTreeMap<AccountId, Told>,
    woken: Arc<Woken>,
    wake: Wake,
    /// The state of one's notices that is known; `None`: not known which.
    notices: Option<String>,
    /// How what is beside mail stood when it was told of.
    beside: beside::States,
    /// Of which types it is known how they stood.
    sure: Types,
    /// Accounts of which everything is to be told.
    anew: BTreeSet<AccountId>,
}

impl Ear {
    fn new(context: Context, access: Access, wake: Wake) -> Self {
        Self {
            context,
            access,
            told: BTreeMap::new(),
            woken: Arc::default(),
            wake,
            notices: None,
            beside: beside::States::new(),
            sure: Types::new(),
            anew: BTreeSet::new(),
        }
    }

    /// Begins to listen; whether there is something to tell at once. `last` is the state of one's own account that the
    /// client knew last: to who comes back with one, the others are all told of, since they may have changed meanwhile,
    /// and so is one's own where nothing can be told from that state (RFC 8887 §4.3.5.2). `wished`: what will be looked at.
    pub(crate) fn open(
        context: Context,
        access: Access,
        wished: &Types,
        last: Option<&str>,
        wake: Wake,
    ) -> Result<(Self, bool), MethodError> {
        let own = access.account();
        let mut ear = Self::new(context, access, wake);
        let mail = Sight::of(&ear.access, own, Right::Read)?;
        let known = last.and_then(|text| state::parse(&mail, text).ok());
        ear.listen(own, known)?;
        let now = mail.modseq()?;
        if last.is_none() {
            ear.tune()?;
            ear.notices = Some(notice::state(&ear.access)?);
            ear.sure = beside_mail(wished);
            ear.beside = ear.stands_beside(wished);
        } else if known.is_none_or(|known| known > now) {
            // Not ours, or from before the store was put back.
            ear.anew.insert(own);
        }
        let due = ear.told.values().any(|told| told.at < now);
        if due {
            ear.woken.add(own);
        }
        Ok((ear, due || last.is_some()))
    }

    /// How what is wished for beside mail stands in all accounts that are heard. What cannot be told is left out: it
    /// keeps nobody from hearing of the rest.
    fn stands_beside(&self, wished: &Types) -> beside::States {
        let mut all = beside::States::new();
        for account in self.told.keys() {
            // What was shared a moment ago may be no longer.
            let Ok(mail) = Sight::of(&self.access, *account, Right::Read) else {
                continue;
            };
            for name in beside_mail(wished) {
                if let Ok(Some(stand)) = self.stand(&mail, name) {
                    all.insert((*account, name), stand);
                }
            }
        }
        all
    }

    fn stand(&self, mail: &Sight, name: &str) -> Result<Option<beside::Stand>, MethodError> {
        let found = beside::state(&self.context, &self.access, mail, name);
        found.inspect_err(|error| {
            tracing::warn!(account = %mail.id(), name, %error, "changes of one type are not told now");
        })
    }

    /// Begins to listen where somebody was told before, or with what comes from now on.
    pub(crate) fn resume(
        context: Context,
        access: Access,
        wished: &Types,
        told: Option<PushTold>,
        wake: Wake,
    ) -> Result<Self, MethodError> {
        let Some(told) = told else {
            return Ok(Self::open(context, access, wished, None, wake)?.0);
        };
        let own = access.account();
        let mut ear = Self::new(context, access, wake);
        for (account, at) in told.accounts {
            let heard = ear.listen(account, Some(at));
            // What was shared then may be no longer.
            if heard.is_ok() || account == own {
                heard?;
                ear.woken.add(account);
            }
        }
        let mark = told
            .notices
            .as_deref()
            .and_then(|said| said.split_once(' '));
        let (notices, marks) = mark.unzip();
        ear.notices = notices.map(str::to_owned).or(told.notices.clone());
        ear.beside = ear.stands_beside(wished);
        let marks = marks.unwrap_or_default();
        ear.sure = beside::unmoved(&ear.beside, &beside_mail(wished), marks);
        Ok(ear)
    }

    /// Where everything is now, for who resumes from here.
    pub(crate) fn now(context: Context, access: Access) -> Result<PushTold, MethodError> {
        let (wake, _) = watch::channel(0);
        let opened = Self::open(context, access, &wished(None), None, Arc::new(wake));
        Ok(opened?.0.told())
    }

    /// Up to where was told.
    pub(crate) fn told(&self) -> PushTold {
        let accounts = self.told.iter().map(|(account, told)| (*account, told.at));
        // Marks of what is beside mail go with the notices' state, in which there is no space.
        let marks = beside::marks(&self.beside, &self.sure);
        let notices = self.notices.as_ref();
        PushTold {
            accounts: accounts.collect(),
            notices: notices.map(|state| format!("{state} {marks}")),
        }
    }

    /// Whether the sign-in still stands.
    pub(crate) fn stands(&self) -> bool {
        self.access.stands()
    }

    /// Listens to this account from now on; what the client last knew is `since`.
    fn listen(&mut self, account: AccountId, since: Option<ModSeq>) -> Result<(), MethodError> {
        let mail = Sight::of(&self.access, account, Right::Read)?;
        let (woken, waker) = (Arc::clone(&self.woken), Arc::clone(&self.wake));
        let subscription = mail.subscribe(Arc::new(move |_| {
            woken.add(account);
            wake(&waker);
        }));
        // Read after subscribing: what comes between the two is told twice rather than never.
        let now = mail.modseq()?;
        let at = since.filter(|since| *since <= now).unwrap_or(now);
        let told = Told {
            at,
            state: mail.state_at(at),
            _subscription: subscription,
        };
        self.told.insert(account, told);
        Ok(())
    }

    /// Follows whom one follows now; those that came.
    fn tune(&mut self) -> Result<BTreeSet<AccountId>, MethodError> {
        let followed = self.access.followed()?.into_iter();
        let followed = followed.map(|(account, _)| account.id);
        let own = std::iter::once(self.access.account());
        let now: BTreeSet<AccountId> = own.chain(followed).collect();
        self.told.retain(|account, _| now.contains(account));
        let mut come = now;
        come.retain(|account| !self.told.contains_key(account));
        // What was shared a moment ago may be no longer.
        come.retain(|account| self.listen(*account, None).is_ok());
        Ok(come)
    }

    /// RFC 8620 §7.1 `changed`: of each account what changed since it was last told of, of those that just came
    /// everything.
    pub(crate) fn look(&mut self, wished: &Types) -> Result<Map<String, Value>, MethodError> {
        let woken = self.woken.take();
        let mut come = self.tune()?;
        come.append(&mut self.anew);
        let mut all = Map::new();
        for account in woken.union(&come) {
            let Some(told) = self.told.get_mut(account) else {
                continue;
            };
            let Ok(mail) = Sight::of(&self.access, *account, Right::Read) else {
                continue;
            };
            let same = told.state == mail.state_at(told.at);
            let (types, now) = match same && !come.contains(account) {
                true => changed(&mail, told.at)?,
                // Under other rights, everything may be another.
                false => (TYPES.into_iter().collect(), mail.modseq()?),
            };
            (told.at, told.state) = (now, mail.state_at(now));
            let state = |t: &str| (t.to_owned(), Value::from(told.state.clone()));
            let states = types.into_iter().filter(|t| wished.contains(t)).map(state);
            let states: Map<String, Value> = states.collect();
            if !states.is_empty() {
                all.insert(ident::account(*account), states.into());
            }
        }
        self.look_beside(wished, &woken, &come, &mut all);
        let own = self.access.account();
        let heard = woken.contains(&own) || self.notices.is_none();
        if heard && wished.contains(notice::TYPE) {
            let now = Some(notice::state(&self.access)?);
            if now != self.notices {
                let states = all.entry(ident::account(own)).or_insert_with(|| json!({}));
                states[notice::TYPE] = json!(now);
                self.notices = now;
            }
        }
        Ok(all)
    }

    /// Adds what changed beside mail in these accounts; of those that just came, and where it is not known how they stood,
    /// how they stand.
    fn look_beside(
        &mut self,
        wished: &Types,
        woken: &BTreeSet<AccountId>,
        come: &BTreeSet<AccountId>,
        all: &mut Map<String, Value>,
    ) {
        let accounts: Vec<AccountId> = self.told.keys().copied().collect();
        let told = &self.told;
        self.beside
            .retain(|(account, _), _| told.contains_key(account));
        for account in accounts {
            let anew = come.contains(&account);
            let heard = anew || woken.contains(&account);
            let mut due = beside_mail(wished);
            due.retain(|name| heard || !self.sure.contains(name));
            if due.is_empty() {
                continue;
            }
            let Ok(mail) = Sight::of(&self.access, account, Right::Read) else {
                continue;
            };
            for name in due {
                let Ok(now) = self.stand(&mail, name) else {
                    // Tried again when the next change is heard of.
                    self.woken.add(account);
                    continue;
                };
                let key = (account, name);
                let known = self.sure.contains(name);
                if known && !anew && now.as_ref() == self.beside.get(&key) {
                    continue;
                }
                let Some(now) = now else {
                    self.beside.remove(&key);
                    continue;
                };
                let states = all.entry(ident::account(account));
                states.or_insert_with(|| json!({}))[name] = json!(now.state);
                self.beside.insert(key, now);
            }
        }
        self.sure.append(&mut beside_mail(wished));
    }

    /// The state of one's own account that was last told.
    pub(crate) fn own(&self) -> Option<&str> {
        let told = self.told.get(&self.access.account());
        told.map(|told| told.state.as_str())
    }
}

/// The types of which something changed after `since`.
fn changed(mail: &Sight, since: ModSeq) -> Result<(Types, ModSeq), MethodError> {
    let now = mail.modseq()?;
    let log = match state::log(mail, since) {
        // Too long ago to tell: everything may have changed.
        Err(MethodError::CannotCalculateChanges) => return Ok((TYPES.into_iter().collect(), now)),
        other => other?,
    };
    if log.more {
        return Ok((TYPES.into_iter().collect(), now));
    }
    let mut types = BTreeSet::new();
    let mut until = since;
    for (at, change) in log.list {
        until = at;
        match change {
            Change::MailboxCreated(_)
            | Change::MailboxChanged(_)
            | Change::MailboxCounts(_)
            | Change::MailboxRemoved(_) => {
                types.insert("Mailbox");
            }
            Change::EmailCreated { .. } => types.extend(["Email", "Thread", "EmailDelivery"]),
            Change::EmailRemoved { .. } => types.extend(["Email", "Thread"]),
            Change::EmailChanged { email, .. } => {
                types.insert("Email");
                // RFC 8621 §4.1.1: marked deleted, it leaves its thread.
                if !types.contains("Thread") && state::hidden(mail, email)? {
                    types.insert("Thread");
                }
            }
            Change::Vanished { .. } => {}
        }
    }
    Ok((types, until.max(now)))
}
