//! Hearing: a call when annotations change, or what a sign-in rests on. In memory only: who was not there reads them
//! when he comes.

use crate::book::Book;
use crate::fact::Fact;
use crate::{Access, AccountId, Annotated, Directory, Seen, Sharing};
use std::sync::Arc;
use storage::Listening;

/// Annotations that were set or removed, all of them on one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Reannotated {
    pub on: Annotated,
    /// Each with who sees it: what only one sees is `by`'s.
    pub names: Vec<(Seen, String)>,
    pub by: AccountId,
}

/// Ends the calls when dropped.
pub type Hearing = Listening<Reannotated>;

/// The same of what a sign-in rests on.
pub type Heeding = Listening<()>;

/// Whose sign-ins may stand no longer by this, or who may do less.
pub(crate) fn shaken(fact: &Fact) -> Option<AccountId> {
    match fact {
        Fact::Account(account) => Some(account.id),
        Fact::NoAccount(id) | Fact::Credential(id, _) | Fact::NoCredential(id, _) => Some(*id),
        _ => None,
    }
}

/// Whose addresses, name or limits this changes, as the account itself and who sends in its name have them: who
/// listens to one of those accounts looks again.
pub(crate) fn concerned(fact: &Fact, book: &Book) -> Vec<AccountId> {
    let changed = match fact {
        Fact::Account(account) => Some(account.id),
        Fact::Alias(alias) => Some(alias.account),
        Fact::NoAlias(address) => book.aliases.get(&address.key()).map(|alias| alias.account),
        _ => None,
    };
    let all = changed.map(|owner| std::iter::once(owner).chain(book.named_beside(owner)));
    all.into_iter().flatten().collect()
}

impl Book {
    /// Who may send in the name of an account, by what was said of it or as a member of the whole of it.
    fn named_beside(&self, owner: AccountId) -> impl Iterator<Item = AccountId> {
        let said = self.senders.get(&owner);
        let said = said.into_iter().flat_map(|said| &said.entries);
        let members = self.shares.get(&(owner, None));
        let members = members.into_iter().flat_map(|share| &share.entries);
        let members = members.filter_map(|(to, _)| match to {
            Sharing::Account(member) => Some(*member),
            Sharing::Anyone => None,
        });
        said.map(|(sender, _)| *sender).chain(members)
    }
}

impl Access {
    /// Calls `told` after the account or one of its credentials has changed: then ask anew what this sign-in may do.
    /// It must only make a note. What ends by time alone is not told.
    pub fn heed(&self, told: Arc<dyn Fn(&()) + Send + Sync>) -> Heeding {
        self.directory.inner.heeding.add(self.account, told)
    }

    /// Calls `told` after annotations on mailboxes of this account have changed, and on the server for one's own
    /// account alone. It must only make a note, and ask rights when it is read.
    pub fn hear(
        &self,
        account: AccountId,
        told: Arc<dyn Fn(&Reannotated) + Send + Sync>,
    ) -> Hearing {
        self.directory.inner.listeners.add(account, told)
    }

    /// The same of what all see on the server.
    pub fn hear_server(&self, told: Arc<dyn Fn(&Reannotated) + Send + Sync>) -> Hearing {
        self.hear(AccountId::SYSTEM, told)
    }
}

impl Directory {
    /// Tells of a change that was committed.
    pub(crate) fn tell_annotated(&self, change: &Reannotated) {
        let listeners = &self.inner.listeners;
        match change.on {
            Annotated::Mailbox(account, _) => listeners.tell(account, change),
            Annotated::Server => {
                for (seen, listening) in
                    [(Seen::ByAll, AccountId::SYSTEM), (Seen::ByOne, change.by)]
                {
                    let named = change.names.iter().filter(|(s, _)| *s == seen);
                    let names: Vec<_> = named.cloned().collect();
                    if !names.is_empty() {
                        let change = Reannotated {
                            names,
                            ..change.clone()
                        };
                        listeners.tell(listening, &change);
                    }
                }
            }
        }
    }
}
