//! RFC 3501 §6.3.6, §6.3.9, RFC 9051 §6.3.6, §6.3.7, §6.3.9.1: names in the list of subscriptions that are no mailbox,
//! or no longer. The server never takes a name out of that list that the user has put there.
//!
//! The mailbox that is there says itself whether it is subscribed to, over JMAP as here. A name is kept besides by
//! SUBSCRIBE, and shows where no mailbox has it: after DELETE, after RENAME, and where somebody else's mailbox can
//! no longer be seen. What the server subscribes to on its own (a mailbox just made, one of a seat) was never
//! declared by the user (RFC 3501 §6.3.9), and ends with its mailbox; so does one that is removed over JMAP, where
//! a subscription is a property of the mailbox (RFC 8621 §2).

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::tree::{Pattern, SEPARATOR, Tree};
use directory::AccountId;
use std::collections::BTreeSet;
use storage::MailboxId;

/// Subscribed names that are no mailbox, in order.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    /// Those that fit a pattern.
    pub(super) fn fitting<'n>(&'n self, patterns: &'n [Pattern]) -> impl Iterator<Item = &'n str> {
        let names = self.0.iter().map(String::as_str);
        names.filter(move |name| patterns.iter().any(|p| p.fits(name)))
    }

    /// Whether any that is below this name fits.
    pub(super) fn below(&self, path: &str, fits: impl Fn(&str) -> bool) -> bool {
        let start = format!("{path}{SEPARATOR}");
        let after = self.0.range(start.clone()..);
        let mut inside = after.take_while(|name| name.starts_with(&start));
        inside.any(|name| fits(name))
    }

    /// The names above them that are neither mailboxes nor among them.
    pub(super) fn levels(&self, tree: &Tree) -> BTreeSet<String> {
        let mut levels = BTreeSet::new();
        for name in &self.0 {
            let above = name.match_indices(SEPARATOR).map(|(at, _)| &name[..at]);
            let empty = above.filter(|level| !self.contains(level) && tree.find(level).is_none());
            levels.extend(empty.map(str::to_owned));
        }
        levels
    }
}

impl Runner {
    /// Names subscribed to that none of these mailboxes has: all that can be seen, as far as they may fit what
    /// was asked for.
    pub(super) fn wanted(&self, tree: &Tree) -> Result<Names, Stop> {
        let access = self.access()?;
        let wanted = access.wanted()?;
        if wanted.is_empty() {
            return Ok(Names::default());
        }
        let said = access.subscriptions()?;
        let names = wanted.into_iter().filter(|(name, meant)| {
            let stands = match meant {
                None => true,
                // Renamed or removed over JMAP, and its subscription with it.
                Some((owner, _)) if *owner == access.account() => false,
                // Given up over JMAP.
                Some(place) => said.get(place) != Some(&false),
            };
            stands && tree.find(name).is_none()
        });
        Ok(Names(names.map(|(name, _)| name).collect()))
    }

    /// SUBSCRIBE and UNSUBSCRIBE of a mailbox that is there: of its name, and of those it had before.
    pub(super) fn list_name(
        &self,
        path: &str,
        place: (AccountId, MailboxId),
        on: bool,
    ) -> Result<(), Stop> {
        let access = self.access()?;
        if on {
            return Ok(access.want(path, place.0, place.1)?);
        }
        let wanted = access.wanted()?.into_iter();
        let names = wanted.filter(|(name, meant)| name == path || *meant == Some(place));
        Ok(access.unwant(names.map(|(name, _)| name).collect())?)
    }

    /// The same of a name that is no mailbox. RFC 9051 §6.3.7, §6.3.8: who is subscribed to it is, and need not be
    /// told that it is not there; nobody else can subscribe to it.
    pub(super) fn subscribe_to_name(
        &self,
        raw: &[u8],
        on: bool,
        refused: Completion,
    ) -> Result<Completion, Stop> {
        let access = self.access()?;
        let listed = match self.name(raw) {
            Ok(name) => access.wanted()?.remove_entry(&name),
            Err(_) => None,
        };
        if on {
            let done = Completion::ok("SUBSCRIBE completed");
            return Ok(listed.map_or(refused, |_| done));
        }
        if let Some((name, meant)) = listed {
            if let Some((owner, mailbox)) = meant.filter(|(owner, _)| *owner != access.account()) {
                // Should it be seen again, it is not subscribed to.
                access.subscribe(owner, mailbox, false)?;
            }
            access.unwant(vec![name])?;
        }
        Ok(Completion::ok("UNSUBSCRIBE completed"))
    }

    /// Before a mailbox is deleted or renamed: its name, and those below it, stay in its owner's list.
    pub(super) fn keep_names(
        &self,
        owner: AccountId,
        tree: &Tree,
        mailbox: MailboxId,
    ) -> Result<(), Stop> {
        let Some(top) = tree.rows().iter().find(|r| r.mailbox.id == mailbox) else {
            return Ok(());
        };
        let below = |path: &str| {
            let rest = path.strip_prefix(top.path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR))
        };
        let rows = tree.rows().iter().filter(|r| below(&r.path));
        let names: Vec<_> = rows
            .map(|r| (r.mailbox.id, r.path.as_str(), r.mailbox.subscribed))
            .collect();
        self.directory.keep_names(owner, &names)?;
        Ok(())
    }
}
