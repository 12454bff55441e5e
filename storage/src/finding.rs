//! What a verification found. Whose it is, is told by type: whoever knows addresses names them.

use crate::{AccountId, Error};
use std::collections::BTreeMap;

/// Findings that are listed; of more only the number is told.
const FINDINGS_MAX: usize = 10_000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose it is; `None`: the whole store's.
    pub account: Option<AccountId>,
    /// In English.
    pub what: String,
}

/// All that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
    more: usize,
}

impl Findings {
    /// How many there are, listed or not.
    pub fn count(&self) -> usize {
        self.list.len() + self.more
    }

    /// A line for each, and one that counts those that are not listed. Accounts go by their numbers.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.named(|_| None);
        if self.more > 0 {
            lines.push(format!("and {} more", self.more));
        }
        lines
    }

    /// A line for each that is listed; accounts go by their names, as far as `name` knows them.
    pub fn named(&self, name: impl Fn(AccountId) -> Option<String>) -> Vec<String> {
        let mut names: BTreeMap<AccountId, String> = BTreeMap::new();
        let lines = self.list.iter().map(|finding| match finding.account {
            None => finding.what.clone(),
            Some(id) => {
                let named = || name(id).unwrap_or_else(|| id.to_string());
                let name = names.entry(id).or_insert_with(named);
                format!("account {name}: {}", finding.what)
            }
        });
        lines.collect()
    }

    /// Notes one about the whole store.
    pub(crate) fn add(&mut self, what: String) {
        self.note(None, what);
    }

    /// Notes one about an account.
    pub(crate) fn of(&mut self, account: AccountId, what: String) {
        self.note(Some(account), what);
    }

    pub(crate) fn note(&mut self, account: Option<AccountId>, what: String) {
        if self.list.len() < FINDINGS_MAX {
            self.list.push(Finding { account, what });
        } else {
            self.more += 1;
        }
    }

    /// Notes damage as a finding. Errors: all others.
    pub(crate) fn take<T: Default>(
        &mut self,
        what: &str,
        looked: Result<T, Error>,
    ) -> Result<T, Error> {
        match looked {
            Err(e @ Error::Corrupt(_)) => {
                self.add(format!("{what}: {e}"));
                Ok(T::default())
            }
            looked => looked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_not_listed_count_and_accounts_have_names() {
        let mut findings = Findings::default();
        let ids = [2, 3].map(|n| AccountId::new(n).unwrap());
        findings.add("the queue".into());
        for number in 0..FINDINGS_MAX {
            findings.of(ids[number % 2], format!("message {number}"));
        }
        assert_eq!(findings.count(), FINDINGS_MAX + 1);
        let lines = findings.lines();
        assert_eq!(lines.len(), FINDINGS_MAX + 1);
        assert_eq!(lines[1], "account 2: message 0");
        assert_eq!(lines[FINDINGS_MAX], "and 1 more");
        let named = findings.named(|id| (id == ids[0]).then(|| "an@x.vn".into()));
        assert_eq!(named.len(), FINDINGS_MAX);
        assert_eq!(
            named[..3],
            [
                "the queue",
                "account an@x.vn: message 0",
                "account 3: message 1"
            ]
        );
    }
}
