//! Recipient -> here, elsewhere or refused.

use crate::accept::temporary;
use crate::news::News;
use crate::spool::Row;
use crate::{Delivery, Envelope, Origin, Refusal, Refused};
use directory::Resolution;
use formats::address::Address;
use std::collections::HashSet;
use storage::AccountId;

/// Destinations that the recipients of one message may come to, those reached twice counted twice:
/// four of the largest lists.
pub(crate) const EXPANDED_MAX: usize = 200_000;

/// Octets that a mailbox must have left before it takes a recipient. No message is as short as this with its
/// header and ours, and a full mailbox seldom is full to the last octet.
pub(crate) const ROOM_MIN: u64 = 512;

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
}

impl Targets {
    /// What the sender is told of recipients that were refused beside others that were not.
    pub(crate) fn failures(&self, envelope: &Envelope) -> Vec<News> {
        let each = self.refused.iter().map(|(index, refusal)| {
            let recipient = &envelope.recipients[*index as usize];
            let why = match refusal {
                Refusal::RecipientClosed => "5.2.1 the mailbox takes no mail",
                Refusal::RelayDenied => "5.7.1 relaying denied",
                _ => "5.1.1 there is no such mailbox",
            };
            News::failed(recipient, &recipient.address, why)
        });
        each.collect()
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
}

impl Delivery {
    /// All recipients of an envelope. An error when none is left.
    pub(crate) fn resolve(&self, envelope: &Envelope, origin: &Origin) -> Result<Targets, Refused> {
        let mut targets = Targets::default();
        let (mut accounts_seen, mut addresses_seen) = (HashSet::new(), HashSet::new());
        let mut expanded = 0;
        for (index, recipient) in envelope.recipients.iter().enumerate() {
            let index = index as u32;
            let (accounts, addresses) = match self.lookup(&recipient.address)? {
                Resolution::Local { accounts, remote } if accounts.len() + remote.len() > 0 => {
                    (accounts, remote)
                }
                Resolution::Local { .. } | Resolution::Closed => {
                    targets.refused.push((index, Refusal::RecipientClosed));
                    continue;
                }
                Resolution::Unknown => {
                    targets.refused.push((index, Refusal::UnknownRecipient));
                    continue;
                }
                Resolution::Elsewhere if matches!(origin, Origin::Remote { .. }) => {
                    targets.refused.push((index, Refusal::RelayDenied));
                    continue;
                }
                Resolution::Elsewhere => (Vec::new(), vec![recipient.address.clone()]),
            };
            expanded += accounts.len() + addresses.len();
            if accounts.len() + addresses.len() > 1 {
                targets.expanded.push(index);
            }
            if expanded > EXPANDED_MAX {
                let max = EXPANDED_MAX;
                return Err(Refused::Permanent(Refusal::TooManyRecipients { max }));
            }
            let fresh = accounts
                .into_iter()
                .filter(|account| accounts_seen.insert(*account));
            targets.local.extend(fresh.map(|account| (account, index)));
            let fresh = addresses
                .into_iter()
                .filter(|address| addresses_seen.insert(address.key()));
            targets.remote.extend(fresh.map(|address| (address, index)));
        }
        match targets.refused.first() {
            Some((_, refusal)) if targets.local.is_empty() && targets.remote.is_empty() => {
                Err(Refused::Permanent(refusal.clone()))
            }
            _ => Ok(targets),
        }
    }

    /// One recipient, before there is a message.
    pub(crate) fn resolve_one(&self, address: &Address, origin: &Origin) -> Result<(), Refused> {
        let no = |refusal| Err(Refused::Permanent(refusal));
        let remote_peer = matches!(origin, Origin::Remote { .. });
        // Somebody waits for the answer, a server or a person.
        let waits = !matches!(origin, Origin::Generated);
        match self.lookup(address)? {
            Resolution::Unknown => no(Refusal::UnknownRecipient),
            Resolution::Closed => no(Refusal::RecipientClosed),
            Resolution::Elsewhere if remote_peer => no(Refusal::RelayDenied),
            Resolution::Elsewhere => Ok(()),
            Resolution::Local { accounts, remote } => match accounts.as_slice() {
                [] if remote.is_empty() => no(Refusal::RecipientClosed),
                // A list's other members still want theirs; one person's mailbox is full or not. Said here,
                // it needs no bounce later, whether the recipient is one or one of several.
                [account] if waits && remote.is_empty() && self.is_full(*account)? => {
                    no(Refusal::OverQuota)
                }
                _ => Ok(()),
            },
        }
    }

    fn lookup(&self, address: &Address) -> Result<Resolution, Refused> {
        self.inner
            .directory
            .resolve(address)
            .map_err(|e| temporary("cannot resolve", &e))
    }

    fn is_full(&self, account: AccountId) -> Result<bool, Refused> {
        let quotas = self.inner.store.quotas();
        let refused = quotas.would_refuse(account, ROOM_MIN);
        let refused = refused.map_err(|e| temporary("cannot read the usage", &e))?;
        Ok(refused.is_some())
    }
}
