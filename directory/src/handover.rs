//! Handover: a position passes from who holds it to another, or to nobody, in one act.
//!
//! The rights of the one end and those of the other begin in the same commit, which is also what the audit log tells:
//! membership of the seat's mailbox and with it sending as the seat, what was said of either as a sender, passwords and
//! sessions of the mailbox itself, and where its mail was forwarded to. Nobody needs a password of the seat: who knew
//! one knows none any more.
//!
//! What the new holder reads of earlier mail is all of it, or none ([`Earlier`]). For none, the mailbox is not emptied:
//! the account that was the seat's mailbox is retired under another address, with all its mail, its numbers and its
//! holds, and has no members any more; a new account takes its address, its aliases, its other members and its place.
//! So no protocol needs to know: rights are asked by account, and there are none on the old one.

use crate::act::{Note, check_version, invalid, name_if_any};
use crate::book::Book;
use crate::fact::Fact;
use crate::grant::succeed;
use crate::join::Join;
use crate::notice::News;
use crate::position::{HOLDINGS_MAX, Holding, Position, PositionId, Sealed, object};
use crate::sender::HOLDER;
use crate::trial::only_tried;
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, Alias, Capability, Directory, Error,
    Rights, Share, Sharing, Stop,
};
use formats::address::{Address, LocalPart};
use formats::date::Day;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use storage::MailboxId;

/// What the new holder may read of the mail that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Earlier {
    /// All of it.
    #[default]
    Readable,
    /// None of it, nor may the other members: it is sealed.
    Sealed,
}

/// How a position is handed over.
#[derive(Debug, Clone, Default)]
pub struct Handover {
    /// To whom; `None`: nobody holds it from now on.
    pub to: Option<AccountId>,
    /// In another's place.
    pub acting: bool,
    /// The day that the history names; today when `None`. Rights change at once in any case.
    pub on: Option<Day>,
    /// Over the seat's mailbox; those of a holder when `None`.
    pub rights: Option<Rights>,
    /// What of earlier mail may be read.
    pub earlier: Earlier,
    /// For the audit log.
    pub reason: Option<String>,
}

/// The account that is to be a seat's mailbox, in the place of another.
#[derive(Clone, Copy)]
struct Heir {
    of: AccountId,
    id: AccountId,
}

/// The inboxes of which those hear whose rights change, for all mailboxes.
#[derive(Clone, Copy, Default)]
struct Inboxes {
    old: Option<MailboxId>,
    heir: Option<MailboxId>,
}

/// What a handover changes, found under one lock.
struct Change<'a> {
    facts: Vec<Fact>,
    news: Vec<News<'a>>,
    position: Position,
    note: Note,
    /// Whose mail programs are to look again.
    wake: Vec<AccountId>,
    /// Who comes into the seat's mailbox.
    join: Option<Join>,
}

impl Directory {
    /// Hands a position over. The reason is that of the audit entry too, where `by` brings none; who takes it himself says
    /// one, and it is told to the mailbox's other members (`join`). Errors: `Invalid` (`to`:
    /// a person that `by` may see, and another than holds it so; `on`; `rights`), `Held` where mail is to be sealed that
    /// is under a legal hold, `Conflict`, `Denied`.
    pub fn hand_over(
        &self,
        by: Option<&Access>,
        id: PositionId,
        what: Handover,
        version: Option<u64>,
    ) -> Result<Position, Error> {
        let what = Handover {
            reason: name_if_any("reason", what.reason.as_deref())?,
            ..what
        };
        let reasoned = by.zip(what.reason.as_deref()).map(|(by, why)| {
            let brought = by.reason().is_some();
            match brought {
                true => Ok(by.clone()),
                false => by.clone().because(why),
            }
        });
        let reasoned = reasoned.transpose()?;
        let by = reasoned.as_ref().or(by);
        // Refused before a new mailbox is made, where it can be known.
        let change = self.handed_over(by, id, &what, version, (None, Inboxes::default()))?;
        let join = change.join;
        if let Some(join) = join {
            // Used up when it is done.
            let _ = self.second_of_join(&mut self.acts(), by, join)?;
        }
        only_tried(by, || change.note)?;
        let heir = self.heir(id, &what)?;
        let inboxes = self.inboxes(id, heir);
        let mut acts = self.acts();
        let change = self.handed_over(by, id, &what, version, (heir, inboxes))?;
        let Change {
            mut facts,
            news,
            position,
            note,
            wake,
            ..
        } = change;
        let mut notes = vec![note];
        for news in news {
            facts.extend(self.notice(news)?);
        }
        if let Some(join) = join {
            self.settle_join(&mut acts, by, join, &mut notes, &mut facts)?;
        }
        self.commit_all(&mut acts, by, notes, facts)?;
        drop(acts);
        for account in wake {
            self.inner.store.account(account).wake();
        }
        Ok(position)
    }

    /// The account that is to be the seat's mailbox from now on, with mailboxes of its own, where mail is to be sealed.
    /// It is nobody's until the handover is committed; a crash before leaves mailboxes without an account.
    fn heir(&self, id: PositionId, what: &Handover) -> Result<Option<Heir>, Error> {
        let old = {
            let book = self.read();
            let mailbox = book.seats.one(id).and_then(|position| position.mailbox);
            mailbox.and_then(|id| book.account(id).cloned())
        };
        let Some(old) = old.filter(|_| what.earlier == Earlier::Sealed) else {
            return Ok(None);
        };
        self.check_not_held(old.id)?;
        let heir = Account {
            id: self.next_account(&mut self.acts())?,
            ..(*old).clone()
        };
        self.seal_account(&heir)?;
        // Mail programs know mailboxes by name and UIDVALIDITY: these are others than those of the same names before.
        let first = self.inner.store.account(old.id).next_mailbox()?;
        self.make_mailboxes_from(&heir, Some(first))?;
        Ok(Some(Heir {
            of: old.id,
            id: heir.id,
        }))
    }

    fn inboxes(&self, id: PositionId, heir: Option<Heir>) -> Inboxes {
        let old = self.read().seats.one(id).and_then(|seat| seat.mailbox);
        let inbox = |account: AccountId| {
            let store = self.inner.store.account(account);
            let inbox = store.by_role(storage::Role::Inbox).ok().flatten();
            inbox.map(|mailbox| mailbox.id)
        };
        Inboxes {
            old: old.and_then(inbox),
            heir: heir.and_then(|heir| inbox(heir.id)),
        }
    }

    fn handed_over<'a>(
        &self,
        by: Option<&'a Access>,
        id: PositionId,
        what: &Handover,
        version: Option<u64>,
        (heir, inboxes): (Option<Heir>, Inboxes),
    ) -> Result<Change<'a>, Error> {
        let now = self.now_s();
        let book = self.read();
        let old = book.seat(by, Capability::ManageAccounts, id)?;
        check_version(version, old.version)?;
        let leaves = old.holder().map(|holding| holding.account);
        let position = book.next_holder(by, old, what)?;
        let takes = position.holder().map(|holding| holding.account);
        let rights = what.rights.unwrap_or(HOLDER);
        if rights.is_empty() {
            return Err(invalid("rights", "one or more letters of lrswipkxtea"));
        }
        let mut change = Change {
            facts: Vec::new(),
            news: Vec::new(),
            wake: leaves.into_iter().chain(takes).collect(),
            join: old.mailbox.zip(takes).map(|(mailbox, member)| Join {
                mailbox,
                member,
                rights,
            }),
            note: Note {
                act: "position.handover",
                object: object(id),
                detail: json!({
                    "title": old.title, "agency": old.agency,
                    "from": old.holder().map(|h| h.address.clone()),
                    "to": position.holder().map(|h| h.address.clone()),
                    "acting": what.acting, "reason": what.reason,
                    "rights": takes.map(|_| rights.to_string()),
                    "earlier": match what.earlier {
                        Earlier::Readable => "readable",
                        Earlier::Sealed => "sealed",
                    },
                }),
            },
            position,
        };
        if let Some(mailbox) = old.mailbox {
            let mailbox = book.account(mailbox).ok_or(Error::NotFound("account"))?;
            book.check_account(by, Capability::ManageAccounts, mailbox)?;
            // Another handover came between, and this one's new mailbox was made for the one before.
            if heir.is_some_and(|heir| heir.of != mailbox.id) {
                return Err(Error::Conflict);
            }
            let heir = heir.map(|heir| heir.id);
            let passes = Passes {
                book: &book,
                mailbox,
                leaves,
                takes: takes.map(|who| (who, rights)),
                now,
            };
            change.note.detail["mailbox"] = json!([mailbox.address, mailbox.id, heir]);
            change.wake.push(mailbox.id);
            change.facts = passes.facts(heir)?;
            change.news = passes.news(by, heir, inboxes);
            if let Some(heir) = heir {
                let on = book.today();
                let account = mailbox.id;
                change.position.sealed.push(Sealed { account, on });
                change.position.mailbox = Some(heir);
            }
        }
        change.facts.push(Fact::Position(change.position.clone()));
        Ok(change)
    }
}

impl Book {
    /// The position with who holds it next.
    pub(crate) fn next_holder(
        &self,
        by: Option<&Access>,
        old: &Position,
        what: &Handover,
    ) -> Result<Position, Error> {
        let today = self.today();
        let on = what.on.unwrap_or(today);
        let began = old.holdings.last().map(|h| h.until.unwrap_or(h.from));
        if on > today || began.is_some_and(|began| on < began) {
            let expected = "a day that has come, and not before the last handover";
            return Err(invalid("on", expected));
        }
        let mut next = old.clone();
        next.version += 1;
        if let Some(last) = next.holdings.last_mut().filter(|h| h.until.is_none()) {
            last.until = Some(on);
        }
        let Some(to) = what.to else {
            return match old.holder() {
                Some(_) => Ok(next),
                None => Err(invalid("to", "somebody: nobody holds the position now")),
            };
        };
        if old.until.is_some_and(|last| last < today) {
            return Err(invalid("to", "nobody: the position has ended"));
        }
        if old
            .holder()
            .is_some_and(|h| h.account == to && h.acting == what.acting)
        {
            return Err(invalid(
                "to",
                "another person: this one holds the position now",
            ));
        }
        self.check_goes_on("to", &old.agency)?;
        let found = self.account(to).filter(|account| {
            account.kind == AccountKind::Person
                && account.state != AccountState::Retired
                && self.allows(by, Capability::ReadDirectory, &account.agency)
        });
        let found = found.ok_or_else(|| invalid("to", "the account of a person in your scope"))?;
        if next.holdings.len() >= HOLDINGS_MAX {
            return Err(invalid("to", format!("at most {HOLDINGS_MAX} handovers")));
        }
        next.holdings.push(Holding {
            account: found.id,
            name: found.name.clone(),
            address: found.address.to_string(),
            from: on,
            until: None,
            acting: what.acting,
        });
        Ok(next)
    }
}

impl Book {
    /// Whether a mailbox has what ends when somebody takes it over with a seat: secrets and sessions of its own, where
    /// its mail goes on to, and what was said of him as its sender.
    pub(crate) fn has_what_ends(&self, mailbox: AccountId, takes: AccountId) -> bool {
        let some = |count: Option<usize>| count.is_some_and(|count| count > 0);
        let said = self.senders.get(&mailbox).and_then(|s| s.said(takes));
        some(self.credentials.get(&mailbox).map(BTreeMap::len))
            || some(self.sessions_of.get(&mailbox).map(HashSet::len))
            || self.forwardings.contains_key(&mailbox)
            || self.vacations.contains_key(&mailbox)
            || said.is_some()
    }
}

/// What becomes of a seat's mailbox.
struct Passes<'a> {
    book: &'a Book,
    mailbox: &'a Account,
    leaves: Option<AccountId>,
    takes: Option<(AccountId, Rights)>,
    /// Unix seconds.
    now: i64,
}

impl Passes<'_> {
    fn facts(&self, heir: Option<AccountId>) -> Result<Vec<Fact>, Error> {
        let of = self.mailbox.id;
        let mut facts = self.withdrawn();
        let keeps = heir.unwrap_or(of);
        facts.extend(self.book.senders_handed(of, keeps, self.both()));
        let mut members = self.members();
        members.account = keeps;
        match heir {
            None => {
                let left = self
                    .left()
                    .map(|who| self.book.single_shares_without(of, who));
                facts.extend(left.into_iter().flatten());
            }
            Some(heir) => {
                facts.extend(self.book.own_shares_of(of));
                facts.extend(self.succeeded(heir)?);
            }
        }
        facts.push(members.fact());
        Ok(facts)
    }

    /// Who is a member from now on.
    fn members(&self) -> Share {
        let mut members = self.book.share(self.mailbox.id, None);
        if let Some(leaves) = self.leaves {
            members.put(Sharing::Account(leaves), Rights::NONE);
        }
        if let Some((takes, rights)) = self.takes {
            members.put(Sharing::Account(takes), rights);
        }
        members
    }

    /// Who leaves, and does not come again with other rights.
    fn left(&self) -> Option<AccountId> {
        let stays = self.takes.map(|(who, _)| who);
        self.leaves.filter(|who| stays != Some(*who))
    }

    /// What those are told whose rights change by the handover itself.
    fn news<'a>(
        &self,
        by: Option<&'a Access>,
        heir: Option<AccountId>,
        inboxes: Inboxes,
    ) -> Vec<News<'a>> {
        let (members, of) = (self.members(), self.mailbox.id);
        let book = self.book;
        let told = |who: AccountId, account, mailbox: Option<MailboxId>, after: Option<Rights>| {
            let mailbox = mailbox?;
            let mut news = match after {
                None => book.news(by, Sharing::Account(who), mailbox, &members)?,
                Some(after) => News {
                    by,
                    to: who,
                    account,
                    mailbox,
                    before: book.rights(who, account, Some(mailbox)),
                    after,
                    name: String::new(),
                },
            };
            news.name.clone_from(&self.mailbox.name);
            Some(news)
        };
        let nothing = heir.map(|_| Rights::NONE);
        let left = self
            .left()
            .and_then(|who| told(who, of, inboxes.old, nothing));
        let taken = self.takes.and_then(|(who, rights)| match heir {
            None => told(who, of, inboxes.old, None),
            Some(heir) => told(who, heir, inboxes.heir, Some(rights)),
        });
        left.into_iter().chain(taken).collect()
    }

    fn both(&self) -> impl Iterator<Item = AccountId> + Clone {
        let takes = self.takes.map(|(who, _)| who);
        self.leaves.into_iter().chain(takes)
    }

    /// Passwords, tokens and sessions of the mailbox itself, and where its mail went on to.
    fn withdrawn(&self) -> Vec<Fact> {
        let of = self.mailbox.id;
        let credentials = self.book.credentials.get(&of).into_iter().flatten();
        let credentials = credentials.map(|(credential, _)| Fact::NoCredential(of, *credential));
        let sessions = self.book.sessions_of.get(&of).into_iter().flatten();
        let sessions = sessions.map(|hash| Fact::NoSession(*hash));
        let forwarding = self.book.forwarding_of_departed(self.mailbox);
        let vacation = self.book.vacation_of_departed(of);
        let said = forwarding.into_iter().chain(vacation);
        credentials.chain(sessions).chain(said).collect()
    }

    /// The old account retires under an address of its own; the new one takes its address and aliases.
    fn succeeded(&self, heir: AccountId) -> Result<Vec<Fact>, Error> {
        let old = self.mailbox;
        let mut grants = old.grants.clone();
        succeed(&mut grants, old.id, heir);
        let mut facts = vec![
            Fact::Account(Account {
                address: self.sealed_address()?,
                state: AccountState::Retired,
                grants: Vec::new(),
                version: old.version + 1,
                ..old.clone()
            }),
            Fact::Account(Account {
                id: heir,
                grants,
                created_at: self.now,
                version: 1,
                ..old.clone()
            }),
        ];
        facts.extend(self.book.grants_inherited(old.id, heir));
        let aliases = self.book.aliases_of.get(&old.id).into_iter().flatten();
        let aliases = aliases.filter_map(|key| self.book.aliases.get(key));
        facts.extend(aliases.map(|alias| {
            Fact::Alias(Alias {
                address: alias.address.clone(),
                account: heir,
                until: alias.until,
                version: alias.version + 1,
            })
        }));
        if let Some(stop) = self.book.stops.get(&old.id) {
            facts.push(Fact::NoStop(old.id));
            facts.push(Fact::Stop(Stop {
                account: heir,
                ..stop.clone()
            }));
        }
        Ok(facts)
    }

    /// `vanthu` of account 41 becomes `vanthu.luu-41`: nobody's, since no other account has that number.
    fn sealed_address(&self) -> Result<Address, Error> {
        let old = &self.mailbox.address;
        let number = self.mailbox.id;
        let named = [
            format!("{}.luu-{number}", old.local),
            format!("luu-{number}"),
        ];
        let free = named.iter().find_map(|local| {
            let address = Address {
                local: LocalPart::parse(local).ok()?,
                domain: old.domain.clone(),
            };
            let taken = self.book.addresses.contains_key(&address.key());
            (!taken).then_some(address)
        });
        free.ok_or_else(|| Error::Exists(format!("luu-{number}@{}", old.domain)))
    }
}
