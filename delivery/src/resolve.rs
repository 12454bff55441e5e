//! Recipient -> here, elsewhere or refused.

use crate::accept::temporary;
use crate::carry::{FULL, FULL_NOW};
use crate::header::Header;
use crate::list::Lists;
use crate::news::{self, Action, News};
use crate::spool::Row;
use crate::{Delivery, Envelope, Origin, Refusal, Refused, ReversePath};
use directory::{ListFace, Onward, Passing, Poster, Resolution};
use formats::address::Address;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use storage::AccountId;

/// Destinations that the recipients of one message may come to, those reached twice counted twice:
/// four of the largest lists.
pub(crate) const EXPANDED_MAX: usize = 200_000;

/// Octets that a mailbox must have left before it takes a recipient. No message is as short as this with its
/// header and ours, and a full mailbox seldom is full to the last octet.
pub(crate) const ROOM_MIN: u64 = 512;

/// What is said of a list that takes nothing from a sender (RFC 3463 §3.8).
const MAY_NOT_POST: &str = "5.7.2 the list takes nothing from this sender";

/// Where a message goes. The number is that of the recipient in the envelope through which it goes there.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// Each account once.
    pub(crate) local: Vec<(AccountId, u32)>,
    /// Each address once.
    pub(crate) remote: Vec<(Address, u32)>,
    pub(crate) refused: Vec<(u32, Refusal)>,
    /// Recipients that lead to more than one destination.
    pub(crate) expanded: Vec<u32>,
    /// Recipients that are lists which change what comes through them.
    pub(crate) lists: Lists,
    /// Recipients that lead to an account which an earlier one leads to, and that one: what is said of it holds for both.
    pub(crate) same: Vec<(u32, u32)>,
    /// Accounts on the way whose mail goes on.
    pub(crate) onward: Vec<(u32, Onward)>,
    /// Lists within lists that take nothing from this sender.
    closed_lists: Vec<(u32, Address)>,
    /// Members of lists that are not here any more.
    gone: Vec<(u32, Address)>,
}

/// Why somebody gets nothing, as senders and timelines are told.
pub(crate) fn why(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::DomainEnded => "5.1.6 the address is not used any more: ask for the new one",
        Refusal::RecipientClosed => "5.2.1 the mailbox takes no mail",
        Refusal::RelayDenied => "5.7.1 relaying denied",
        Refusal::MayNotPost => MAY_NOT_POST,
        Refusal::Loop => "5.4.6 the message came through this list already",
        Refusal::OverQuota => FULL,
        Refusal::FullNow => FULL_NOW,
        _ => "5.1.1 there is no such mailbox",
    }
}

impl Targets {
    /// What the sender is told of recipients that were refused beside others that were not.
    /// `each`: the peer hears of each recipient, and he is told of lists within lists alone.
    pub(crate) fn failures(&self, envelope: &Envelope, each: bool) -> Vec<News> {
        let refused = self.refused.iter().filter(|_| !each);
        let refused = refused.map(|(index, refusal)| {
            let recipient = &envelope.recipients[*index as usize];
            News::failed(recipient, &recipient.address, why(refusal))
        });
        let lists = self.closed_lists.iter().map(|(index, list)| {
            let recipient = &envelope.recipients[*index as usize];
            News::failed(recipient, list, MAY_NOT_POST)
        });
        refused.chain(lists).collect()
    }

    /// What is told of members that are not there any more, of each recipient that is a list.
    pub(crate) fn gone(&self, envelope: &Envelope) -> Vec<(u32, Vec<News>)> {
        let by_list = self.gone.chunk_by(|a, b| a.0 == b.0);
        let news = by_list.filter_map(|members| {
            let index = members.first()?.0;
            let recipient = &envelope.recipients[index as usize];
            let why = "5.1.1 this member of the list is not there";
            let each = members
                .iter()
                .map(|(_, member)| News::failed(recipient, member, why));
            Some((index, each.collect()))
        });
        news.collect()
    }

    /// What the sender is told of lists, if he asked: that it went on to all to whom a list leads, who then ask for
    /// less; or that it was delivered to a list that answers for itself (RFC 3461 §5.2.7.1).
    pub(crate) fn sent_on(&self, envelope: &mut Envelope) -> Vec<News> {
        let (mut all, why) = (Vec::new(), "2.1.5 the list has taken it");
        for n in 0..envelope.recipients.len() as u32 {
            let recipient = &mut envelope.recipients[n as usize];
            if self.lists.of(n).is_some_and(|face| face.owner.is_some()) {
                all.extend(News::good(
                    recipient,
                    &recipient.address,
                    Action::Listed,
                    why,
                ));
            } else if self.expanded.contains(&n) {
                all.extend(news::expand(recipient));
            }
        }
        all
    }

    /// The rows of a spooled item.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let local = self
            .local
            .iter()
            .map(|(account, index)| Row::local(*index, *account));
        let remote = self
            .remote
            .iter()
            .map(|(address, index)| Row::remote(*index, address));
        local.chain(remote).collect()
    }

    /// The list through which all of it goes.
    pub(crate) fn only_list(&self) -> Option<&ListFace> {
        let (local, remote) = (self.local.iter(), self.remote.iter());
        let mut all = local.map(|(_, n)| *n).chain(remote.map(|(_, n)| *n));
        let first = all.next()?;
        let only = all.all(|n| n == first);
        self.lists.of(first).filter(|_| only).map(|face| &**face)
    }
}

/// What is gathered of an envelope's recipients.
#[derive(Default)]
struct Gathering {
    targets: Targets,
    /// By which recipient each was met first.
    accounts: HashMap<AccountId, u32>,
    addresses: HashSet<String>,
    /// Destinations, those met twice counted twice.
    expanded: usize,
}

impl Gathering {
    fn add(
        &mut self,
        index: u32,
        accounts: Vec<AccountId>,
        addresses: Vec<Address>,
    ) -> Result<(), Refused> {
        let count = accounts.len() + addresses.len();
        self.expanded += count;
        if count > 1 {
            self.targets.expanded.push(index);
        }
        if self.expanded > EXPANDED_MAX {
            let max = EXPANDED_MAX;
            return Err(Refused::Permanent(Refusal::TooManyRecipients { max }));
        }
        if let ([account], []) = (accounts.as_slice(), addresses.as_slice())
            && let Some(first) = self.accounts.get(account)
        {
            self.targets.same.push((index, *first));
        }
        let known = &mut self.accounts;
        let fresh = accounts
            .into_iter()
            .filter(|account| match known.entry(*account) {
                Entry::Occupied(_) => false,
                Entry::Vacant(free) => {
                    free.insert(index);
                    true
                }
            });
        self.targets
            .local
            .extend(fresh.map(|account| (account, index)));
        let fresh = addresses
            .into_iter()
            .filter(|a| self.addresses.insert(a.key()));
        self.targets
            .remote
            .extend(fresh.map(|address| (address, index)));
        Ok(())
    }

    /// Through this recipient it comes to these, and goes on.
    fn lead(&mut self, index: u32, onward: Vec<Onward>) {
        let onward = onward.into_iter().map(|on| (index, on));
        self.targets.onward.extend(onward);
    }
}

impl Delivery {
    /// All recipients of an envelope. An error when none is left.
    pub(crate) fn resolve(
        &self,
        envelope: &Envelope,
        origin: &Origin,
        header: &Header,
    ) -> Result<Targets, Refused> {
        let mut gathering = Gathering::default();
        let poster = poster(origin, &envelope.from);
        let passing = Passing {
            poster: &poster,
            met: &header.delivered_to,
        };
        let mut lists = Vec::new();
        for (index, recipient) in (0..).zip(&envelope.recipients) {
            let refusal = match self.lookup(&recipient.address, passing)? {
                Resolution::Local {
                    accounts,
                    remote,
                    list: None,
                    onward,
                    ..
                } => {
                    gathering.add(index, accounts, remote)?;
                    gathering.lead(index, onward);
                    continue;
                }
                Resolution::Local {
                    list: Some(face), ..
                } if header.has_met(&face) => Refusal::Loop,
                // Who is named himself and reached by a list besides gets the letter that is for him.
                list @ Resolution::Local { .. } => {
                    lists.push((index, list));
                    continue;
                }
                Resolution::Elsewhere if !matches!(origin, Origin::Remote { .. }) => {
                    gathering.add(index, Vec::new(), vec![recipient.address.clone()])?;
                    continue;
                }
                // Only what tells of a letter goes back to its sender.
                Resolution::SentBack(sender) if envelope.from == ReversePath::Null => {
                    gathering.add(index, Vec::new(), vec![sender])?;
                    continue;
                }
                no => refusal(&no),
            };
            gathering.targets.refused.push((index, refusal));
        }
        for (index, list) in lists {
            let Resolution::Local {
                accounts,
                remote,
                list: Some(face),
                closed_lists,
                gone,
                onward,
            } = list
            else {
                continue;
            };
            let targets = &mut gathering.targets;
            targets.lists.add(index, &face);
            targets
                .closed_lists
                .extend(closed_lists.into_iter().map(|list| (index, list)));
            targets
                .gone
                .extend(gone.into_iter().map(|member| (index, member)));
            gathering.add(index, accounts, remote)?;
            gathering.lead(index, onward);
        }
        let targets = gathering.targets;
        match targets.refused.first() {
            Some((_, refusal)) if targets.local.is_empty() && targets.remote.is_empty() => {
                Err(Refused::Permanent(refusal.clone()))
            }
            _ => Ok(targets),
        }
    }

    /// One recipient, before there is a message; of so many octets, as its sender says.
    pub(crate) fn resolve_one(
        &self,
        address: &Address,
        from: &ReversePath,
        origin: &Origin,
        octets: u64,
    ) -> Result<(), Refused> {
        let no = |refusal| Err(Refused::Permanent(refusal));
        // Somebody waits for the answer, a server or a person.
        let waits = !matches!(origin, Origin::Generated);
        let passing = Passing {
            poster: &poster(origin, from),
            met: &[],
        };
        match self.lookup(address, passing)? {
            Resolution::SentBack(_) if *from == ReversePath::Null => Ok(()),
            Resolution::Elsewhere if !matches!(origin, Origin::Remote { .. }) => Ok(()),
            Resolution::Local {
                accounts,
                remote,
                list: None,
                ..
            } => match accounts.as_slice() {
                // A list's other members still want theirs; one person's mailbox is full or not. Said here,
                // it needs no bounce later, whether the recipient is one or one of several.
                [account] if waits && remote.is_empty() => {
                    let full = self.full(origin);
                    let refused = self.room_refused(*account, octets, full.as_ref())?;
                    refused.map_or(Ok(()), no)
                }
                _ => Ok(()),
            },
            Resolution::Local { .. } => Ok(()),
            other => no(refusal(&other)),
        }
    }

    fn lookup(&self, address: &Address, passing: Passing<'_>) -> Result<Resolution, Refused> {
        let (directory, host) = (&self.inner.directory, &self.inner.settings.host);
        let mut found = directory.resolve(address, passing);
        if matches!(found, Ok(Resolution::Elsewhere))
            && address.domain.as_str().eq_ignore_ascii_case(host)
        {
            // No other host is called so.
            found = match directory.postmaster_of_host(address) {
                Some(postmaster) => directory.resolve(&postmaster, passing),
                None => Ok(Resolution::Unknown),
            };
        }
        found.map_err(|e| match e {
            directory::Error::Storage(e) => temporary("cannot resolve", &e),
            e => Refused::Failed(format!("cannot resolve: {e}")),
        })
    }

    /// What who brings a message hears where the mailbox is full: a server tries again itself, and what people here write
    /// waits in the queue (`None`), for as long as the config says.
    pub(crate) fn full(&self, origin: &Origin) -> Option<Refusal> {
        match origin {
            _ if self.inner.settings.full_wait_s <= 0 => Some(Refusal::OverQuota),
            Origin::Remote { .. } => Some(Refusal::FullNow),
            Origin::Submitted { .. } | Origin::Generated => None,
        }
    }

    /// Why a message of so many octets is not taken for this account; `full`: as [`Delivery::full`] says.
    pub(crate) fn room_refused(
        &self,
        account: AccountId,
        octets: u64,
        full: Option<&Refusal>,
    ) -> Result<Option<Refusal>, Refused> {
        if self.never_fits(account, octets) {
            return Ok(Some(Refusal::OverQuota));
        }
        let quotas = self.inner.store.quotas();
        let refused = quotas.would_refuse(account, octets.max(ROOM_MIN));
        let refused = refused.map_err(|e| temporary("cannot read the usage", &e))?;
        Ok(refused.and_then(|_| full.cloned()))
    }

    /// Whether it has no room for so many octets, however much is removed.
    pub(crate) fn never_fits(&self, account: AccountId, octets: u64) -> bool {
        let quota = self.inner.directory.quota(account);
        quota.is_some_and(|max| octets.max(ROOM_MIN) > max)
    }

    /// Seconds for which a message waits for room in this account.
    pub(crate) fn full_wait(&self, account: AccountId, octets: u64) -> i64 {
        match self.never_fits(account, octets) {
            true => 0,
            false => self.inner.settings.full_wait_s,
        }
    }
}

/// Who posts, as a list sees it.
fn poster(origin: &Origin, from: &ReversePath) -> Poster {
    match origin {
        Origin::Generated => Poster::System,
        Origin::Submitted { access, .. } => Poster::Account(access.account()),
        Origin::Remote { .. } => Poster::Elsewhere(from.address().cloned()),
    }
}

/// Why nothing is taken for an address that leads nowhere.
fn refusal(resolution: &Resolution) -> Refusal {
    match resolution {
        Resolution::Unknown => Refusal::UnknownRecipient,
        Resolution::Moved => Refusal::DomainEnded,
        Resolution::MayNotPost => Refusal::MayNotPost,
        Resolution::Elsewhere | Resolution::SentBack(_) => Refusal::RelayDenied,
        Resolution::Closed | Resolution::Local { .. } => Refusal::RecipientClosed,
    }
}
