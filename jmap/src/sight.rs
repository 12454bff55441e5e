//! What one sees of an account's mail: everything of one's own; of somebody else's, what the rights over each
//! mailbox give (RFC 4314 §2.1, RFC 8621 §2). Whatever else is in the account does not exist (I-17).
//!
//! The rights are read once for each method call, so that one answer is of one piece. In the account of somebody
//! else a message is seen in the mailboxes that one may read, and its other mailboxes are left out. Uploads stay
//! with who made them.

use crate::error::MethodError;
use crate::ident::Ids;
use directory::{Access, Denied, Held, Right, Rights};
use formats::message::Summary;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use storage::{
    AccountId, AccountStore, BlobId, Change, Changes, EmailId, Error, Mailbox, MailboxId, ModSeq,
    Sought, State, Subscription, TextPlace, ThreadId, Uid, Writer,
};

/// RFC 8621 §2 mayReadItems: both letters are needed to see messages.
const SEES: Rights = Rights::LOOKUP.with(Rights::READ);
/// RFC 8621 §2 mayRemoveItems: both letters.
pub(crate) const TAKES_OUT: Rights = Rights::DELETE.with(Rights::EXPUNGE);
/// Who has none of these anywhere in an account only reads in it (RFC 8620 §2 isReadOnly).
pub(crate) const CHANGES: Rights = TAKES_OUT
    .with(Rights::SEEN)
    .with(Rights::WRITE)
    .with(Rights::INSERT)
    .with(Rights::CREATE)
    .with(Rights::REMOVE)
    .with(Rights::ADMINISTER);
/// Who reads by virtue of an office changes nothing: refused before this where it is asked for.
const ONLY_READS: Error = Error::Invalid("a sign-in that only reads");
/// Hex digits that say in a state under which rights it was given.
const MARK_DIGITS: usize = 12;

/// The mail of one account, as one person may see it.
pub(crate) struct Sight {
    access: Access,
    store: AccountStore,
    /// `None`: one's own.
    shared: Option<Shared>,
}

struct Shared {
    held: Held,
    /// The account of who looks; `None`: he looks as its owner and has nothing of his own here.
    own: Option<AccountStore>,
    subscribed: BTreeMap<MailboxId, bool>,
    mark: String,
}

/// The mailboxes to look up, and those above them.
fn shown(held: &Held, all: &[Mailbox]) -> BTreeSet<MailboxId> {
    let parents: BTreeMap<MailboxId, Option<MailboxId>> =
        all.iter().map(|m| (m.id, m.parent)).collect();
    let mut shown = BTreeSet::new();
    for mailbox in all {
        let seen = held.over(mailbox.id).has(Rights::LOOKUP);
        let mut next = seen.then_some(mailbox.id);
        while let Some(id) = next.filter(|id| shown.insert(*id)) {
            next = parents.get(&id).copied().flatten();
        }
    }
    shown
}

impl Shared {
    fn new(
        access: &Access,
        account: AccountId,
        held: Held,
        store: &AccountStore,
    ) -> Result<Self, MethodError> {
        let said = access.subscriptions()?.into_iter();
        let here = said.filter(|((owner, _), _)| *owner == account);
        let mut hash = blake3::Hasher::new();
        // Whoever knows ids without their account before them is to read everything anew.
        hash.update(b"a1-m2 ");
        hash.update(held.whole.to_string().as_bytes());
        for (mailbox, rights) in &held.single {
            hash.update(format!(" {mailbox} {rights}").as_bytes());
        }
        // What is seen only as the way to another comes and goes with a rename, and the log does not say which
        // (RFC 8620 §5.2): then all is to be read anew.
        if !held.whole.has(Rights::LOOKUP) {
            let all = store.mailboxes()?;
            for way in shown(&held, &all) {
                if !held.over(way).has(Rights::LOOKUP) {
                    hash.update(format!(" way {way}").as_bytes());
                }
            }
        }
        Ok(Self {
            own: match access.only_reads() {
                true => None,
                false => Some(access.own()?),
            },
            subscribed: here.map(|((_, mailbox), on)| (mailbox, on)).collect(),
            mark: hash.finalize().to_hex()[..MARK_DIGITS].to_owned(),
            held,
        })
    }

    /// Those as they are seen.
    fn shown(&self, all: Vec<Mailbox>) -> Vec<Mailbox> {
        let shown = shown(&self.held, &all);
        let kept = all.into_iter().filter(|m| shown.contains(&m.id));
        kept.map(|m| self.dressed(m)).collect()
    }

    /// RFC 8621 §2 isSubscribed is each one's own.
    fn dressed(&self, mailbox: Mailbox) -> Mailbox {
        let rights = self.held.over(mailbox.id);
        let unsaid = self.held.follows(mailbox.id, mailbox.subscribed);
        let said = self.subscribed.get(&mailbox.id).copied();
        Mailbox {
            subscribed: said.unwrap_or(unsaid),
            // What is there only as the way to another has a name and nothing else.
            role: mailbox.role.filter(|_| rights.has(Rights::LOOKUP)),
            ..mailbox
        }
    }
}

impl Sight {
    /// Of this account. Errors: `AccountNotFound` also where there is nothing to see.
    pub(crate) fn of(
        access: &Access,
        account: AccountId,
        right: Right,
    ) -> Result<Self, MethodError> {
        if account == access.account() && !access.only_reads() {
            let store = access.mail(account, right)?;
            return Ok(Self {
                access: access.clone(),
                store,
                shared: None,
            });
        }
        let held = access.held(account).ok_or(Denied)?;
        if !held.anywhere().has(Rights::LOOKUP) {
            return Err(MethodError::AccountNotFound);
        }
        let store = access.reach(account)?;
        let shared = Some(Shared::new(access, account, held, &store)?);
        Ok(Self {
            access: access.clone(),
            store,
            shared,
        })
    }

    pub(crate) fn id(&self) -> AccountId {
        self.store.id()
    }

    /// How who looks names what is in it.
    pub(crate) fn ids(&self) -> Ids {
        Ids::of(self.access.account(), self.id())
    }

    /// Who looks.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn is_own(&self) -> bool {
        self.shared.is_none()
    }

    /// What may be done with this mailbox.
    pub(crate) fn rights(&self, mailbox: MailboxId) -> Rights {
        let held = self.shared.as_ref().map(|s| &s.held);
        held.map_or(Rights::ALL, |held| held.over(mailbox))
    }

    /// What may be done with every mailbox of the account.
    pub(crate) fn rights_over_all(&self) -> Rights {
        let held = self.shared.as_ref().map(|s| &s.held);
        held.map_or(Rights::ALL, |held| held.whole)
    }

    /// What may be done anywhere in the account.
    pub(crate) fn rights_anywhere(&self) -> Rights {
        let held = self.shared.as_ref().map(|s| &s.held);
        held.map_or(Rights::ALL, Held::anywhere)
    }

    /// Whether the messages of this mailbox may be seen.
    pub(crate) fn reads(&self, mailbox: MailboxId) -> bool {
        self.rights(mailbox).has(SEES)
    }

    /// RFC 8620 §5.1: the state; under other rights, another one.
    pub(crate) fn state_at(&self, at: ModSeq) -> String {
        match &self.shared {
            None => at.to_string(),
            Some(shared) => format!("{at}-{}", shared.mark),
        }
    }

    /// The number in a state that was given under the same rights.
    pub(crate) fn number_of<'t>(&self, state: &'t str) -> Option<&'t str> {
        match &self.shared {
            None => Some(state),
            Some(shared) => state.strip_suffix(shared.mark.as_str())?.strip_suffix('-'),
        }
    }

    pub(crate) fn modseq(&self) -> Result<ModSeq, Error> {
        self.store.modseq()
    }

    /// Those to look up, and those above them.
    pub(crate) fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        let all = self.store.mailboxes()?;
        Ok(match &self.shared {
            None => all,
            Some(shared) => shared.shown(all),
        })
    }

    /// One of those. Errors: `NotFound`.
    pub(crate) fn mailbox(&self, id: MailboxId) -> Result<Mailbox, Error> {
        if self.is_own() || self.rights(id).has(Rights::LOOKUP) {
            let found = self.store.mailbox(id)?;
            return Ok(match &self.shared {
                None => found,
                Some(shared) => shared.dressed(found),
            });
        }
        let all = self.mailboxes()?;
        all.into_iter().find(|m| m.id == id).ok_or(Error::NotFound)
    }

    /// The message as far as it is seen; `None` when it is in no mailbox that may be read.
    pub(crate) fn part_of(&self, mut state: State) -> Option<State> {
        if !self.is_own() {
            state.mailboxes.retain(|(mailbox, _)| self.reads(*mailbox));
        }
        (!state.mailboxes.is_empty()).then_some(state)
    }

    /// Errors: `NotFound`.
    pub(crate) fn state(&self, email: EmailId) -> Result<State, Error> {
        self.part_of(self.store.state(email)?)
            .ok_or(Error::NotFound)
    }

    fn each<'e>(
        &'e self,
        each: &'e mut dyn FnMut(&State) -> bool,
    ) -> impl FnMut(&State) -> bool + 'e {
        move |state: &State| match self.is_own() {
            true => each(state),
            false => self.part_of(state.clone()).is_none_or(|part| each(&part)),
        }
    }

    /// As [`AccountStore::scan`]. Errors: `NotFound` for a mailbox that may not be read.
    pub(crate) fn scan(
        &self,
        mailbox: MailboxId,
        each: &mut dyn FnMut(&State) -> bool,
    ) -> Result<(), Error> {
        if !self.reads(mailbox) {
            return Err(Error::NotFound);
        }
        let mut each = self.each(each);
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        self.store
            .scan(mailbox, Uid::FIRST, last, &mut |_, state| each(state))
    }

    /// As [`AccountStore::scan_all`].
    pub(crate) fn scan_all(&self, each: &mut dyn FnMut(&State) -> bool) -> Result<(), Error> {
        self.store.scan_all(&mut self.each(each))
    }

    pub(crate) fn thread(&self, thread: ThreadId) -> Result<Vec<EmailId>, Error> {
        self.store.thread(thread)
    }

    /// Errors: `NotFound`.
    pub(crate) fn summary(&self, email: EmailId) -> Result<Arc<Summary>, Error> {
        self.state(email)?;
        self.store.summary(email)
    }

    /// Of those among them that are seen.
    pub(crate) fn summaries(
        &self,
        emails: &[EmailId],
    ) -> Result<Vec<(EmailId, Arc<Summary>)>, Error> {
        if self.is_own() {
            return self.store.summaries(emails);
        }
        let seen = emails.iter().copied().filter(|e| self.state(*e).is_ok());
        self.store.summaries(&seen.collect::<Vec<_>>())
    }

    /// Errors: `NotFound`.
    pub(crate) fn content(&self, email: EmailId) -> Result<Arc<[u8]>, Error> {
        self.state(email)?;
        self.store.content(email)
    }

    /// As [`AccountStore::sought_folded`]: of the whole account, also of what one may not see.
    pub(crate) fn sought(&self, place: TextPlace, bare: &str) -> Option<Sought> {
        self.store.sought_folded(place, bare)
    }

    /// As [`AccountStore::sought`], marks and all, of the whole account.
    pub(crate) fn sought_exactly(&self, place: TextPlace, typed: &str) -> Option<Sought> {
        self.store.sought(place, typed)
    }

    /// As [`AccountStore::with_word`], of the whole account; none where words are not kept, but `None` before there is an
    /// index.
    pub(crate) fn with_word(&self, place: TextPlace, word: &str) -> Option<Vec<EmailId>> {
        self.store.with_word(place, word)
    }

    /// Those of these messages that are seen, and all that are newer than the last of them may be.
    pub(crate) fn scan_these(
        &self,
        (emails, until): (&[EmailId], EmailId),
        each: &mut dyn FnMut(&State) -> bool,
    ) -> Result<(), Error> {
        let mut each = self.each(each);
        for email in emails.iter().filter(|email| **email <= until) {
            match self.store.state(*email) {
                Ok(state) => {
                    if !each(&state) {
                        return Ok(());
                    }
                }
                Err(Error::NotFound | Error::Expunged) => {}
                Err(other) => return Err(other),
            }
        }
        self.store.scan_after(Some(until), &mut each)
    }

    /// Messages of the account that may have this text in attached files, sorted: also such as one may not see.
    pub(crate) fn sought_attached(&self, needle: &str) -> Vec<EmailId> {
        self.store.sought_attached(needle)
    }

    /// The text of a message's attached files, as far as it is known.
    pub(crate) fn attached_text(&self, email: EmailId) -> Option<String> {
        self.state(email).ok()?;
        self.store.attached_text(email)
    }

    /// What one has uploaded oneself. Errors: `NotFound`.
    pub(crate) fn uploaded(&self, blob: BlobId) -> Result<Arc<[u8]>, Error> {
        self.shelf().ok_or(Error::NotFound)?.uploaded(blob)
    }

    /// Errors: `Invalid` for who only reads.
    pub(crate) fn upload(&self, bytes: &[u8], now_s: i64) -> Result<BlobId, Error> {
        self.shelf().ok_or(ONLY_READS)?.upload(bytes, now_s)
    }

    fn shelf(&self) -> Option<&AccountStore> {
        match &self.shared {
            None => Some(&self.store),
            Some(shared) => shared.own.as_ref(),
        }
    }

    pub(crate) fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        if self.access.only_reads() {
            return Err(ONLY_READS);
        }
        self.store.put_blob(bytes)
    }

    /// The writer sees the whole account: what it is told is for the caller to check. Errors: `Invalid` for who only reads.
    pub(crate) fn write(&self) -> Result<Writer, Error> {
        if self.access.only_reads() {
            return Err(ONLY_READS);
        }
        self.store.write()
    }

    pub(crate) fn subscribe(&self, told: Arc<dyn Fn(ModSeq) + Send + Sync>) -> Subscription {
        self.store.subscribe(told)
    }

    /// As [`AccountStore::changes`], of what is seen.
    pub(crate) fn changes(&self, since: ModSeq, max: usize) -> Result<Changes, Error> {
        let mut changes = self.store.changes(since, max)?;
        if self.is_own() {
            return Ok(changes);
        }
        let mut seen = Vec::with_capacity(changes.list.len());
        let mut rest = changes.list.as_slice();
        while let Some(&(at, _)) = rest.first() {
            let (commit, later) = rest.split_at(rest.partition_point(|(m, _)| *m == at));
            let mut left = Left::default();
            for (_, change) in commit {
                if let Change::Vanished { mailbox, .. } = change {
                    *left.of(self.reads(*mailbox)) = true;
                }
            }
            for (_, change) in commit {
                seen.extend(self.change(change, &left)?.map(|change| (at, change)));
            }
            rest = later;
        }
        changes.list = seen;
        Ok(changes)
    }

    /// What a change is to who looks. Moved out of what may be read, a message is gone; moved in, it is new.
    fn change(&self, change: &Change, left: &Left) -> Result<Option<Change>, Error> {
        use Change as C;
        let told = change.clone();
        Ok(match *change {
            C::MailboxCreated(id) | C::MailboxChanged(id) => {
                self.mailbox(id).is_ok().then_some(told)
            }
            C::MailboxCounts(id) => self.reads(id).then_some(told),
            // A list of its own goes with the mailbox, and with the list the state's mark.
            C::MailboxRemoved(_) => {
                let whole = self.rights_over_all();
                whole.has(Rights::LOOKUP).then_some(told)
            }
            C::EmailCreated { email, .. } => self.is_seen(email)?.then_some(told),
            C::EmailChanged { email, thread } => match self.is_seen(email)? {
                true if left.hidden => Some(C::EmailCreated { email, thread }),
                true => Some(told),
                false => left.shown.then_some(C::EmailRemoved { email, thread }),
            },
            C::EmailRemoved { .. } => left.shown.then_some(told),
            C::Vanished { mailbox, .. } => self.reads(mailbox).then_some(told),
        })
    }

    fn is_seen(&self, email: EmailId) -> Result<bool, Error> {
        match self.state(email) {
            Ok(_) => Ok(true),
            Err(Error::NotFound | Error::Expunged) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

/// From where messages went in one commit.
#[derive(Default)]
struct Left {
    shown: bool,
    hidden: bool,
}

impl Left {
    fn of(&mut self, reads: bool) -> &mut bool {
        match reads {
            true => &mut self.shown,
            false => &mut self.hidden,
        }
    }
}
