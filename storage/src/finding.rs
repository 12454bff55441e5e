//! What a verification found, in both languages. Whose it is, is told by type: whoever knows addresses names them.

use crate::told::Told;
use crate::{AccountId, AccountStore, BlobId, Corrupt, Error, Fault, State, Uid, told};
use formats::message::header::decode_words;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Findings that are listed; of more only the number is told.
const FINDINGS_MAX: usize = 10_000;
/// Characters of a subject that are shown.
const SUBJECT_MAX: usize = 80;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose it is; `None`: the whole store's.
    pub account: Option<AccountId>,
    /// Which letter's.
    pub letter: Option<Letter>,
    /// What.
    pub what: Flaw,
}

/// A letter, as its owner knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Paths of its mailboxes, names joined by `/`, and its Uids there.
    pub places: Vec<(String, Uid)>,
    /// As it is read, its first 80 characters; `None` where it has none or that is damaged too.
    pub subject: Option<String>,
    /// When it came, Unix seconds.
    pub received_at: i64,
}

told! {
    /// What is wrong.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Flaw {
        /// Of a letter.
        LetterContent: "nội dung bị hỏng", "its content is damaged";
        /// The same, where already its place shows it.
        LetterPlace { why: Error }:
            "không đọc được nội dung ({why})",
            "its content cannot be read ({why}; I-06)";
        /// A content, of whichever letters have it.
        Content { what: Fault }: "hỏng: {what}", "damaged: {what}";
        /// It was mended.
        Keyring:
            "keyring đã mất hoặc hỏng; máy chủ còn mở kho nên đã ghi lại",
            "the keyring was gone or damaged; the store was open and wrote it again";
        /// Files of the store.
        Damage { why: Corrupt }: "{why}", "{why}";
        /// What does not fit, in the words of whoever wrote the program.
        Unfit { what: String }: "dữ liệu không khớp: {what}", "{what}";
    }
}

impl Flaw {
    /// That a content cannot be read; most errors name it themselves.
    pub(crate) fn content(id: BlobId, why: Error) -> Self {
        let what = match why {
            Error::Corrupt(why) => why.what,
            other => other.to_string().into(),
        };
        match what.to_string().contains(&id.to_string()) {
            true => Self::Content { what },
            false => Self::Content {
                what: format!("content {id}: {what}").into(),
            },
        }
    }
}

impl From<String> for Flaw {
    fn from(what: String) -> Self {
        Self::Unfit { what }
    }
}

impl From<Corrupt> for Flaw {
    fn from(why: Corrupt) -> Self {
        Self::Damage { why }
    }
}

impl Letter {
    /// What is known of it, as far as that can be read.
    pub(crate) fn of(account: &AccountStore, state: &State) -> Self {
        let places = state.mailboxes.iter();
        let summary = account.summary(state.email).ok();
        let subject = summary.and_then(|summary| summary.head.subject.clone());
        let shown = |subject: String| decode_words(&subject).chars().take(SUBJECT_MAX).collect();
        Self {
            places: places
                .map(|(id, uid)| (account.path(*id).join("/"), *uid))
                .collect(),
            subject: subject.map(shown),
            received_at: state.received_at,
        }
    }
}

impl Display for Letter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let places = self
            .places
            .iter()
            .map(|(path, uid)| format!("{path} UID {uid}"));
        let places: Vec<String> = places.collect();
        f.write_str(&places.join(", "))?;
        let at = formats::date::utc(self.received_at);
        match &self.subject {
            Some(subject) => write!(f, " ({subject:?}, {at})"),
            None => write!(f, " (không rõ tiêu đề / no subject known, {at})"),
        }
    }
}

impl Finding {
    /// One line in both languages. `name`: what the account is called.
    fn line(&self, name: Option<&str>) -> String {
        let mut line = String::new();
        if let Some(name) = name {
            line = format!("tài khoản / account {name}");
        }
        if let Some(letter) = &self.letter {
            line = format!("{line}, {letter}");
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line + &self.what.in_both()
    }
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
            lines.push(format!("và {0} lỗi nữa / and {0} more", self.more));
        }
        lines
    }

    /// A line for each that is listed; accounts go by their names, as far as `name` knows them.
    pub fn named(&self, name: impl Fn(AccountId) -> Option<String>) -> Vec<String> {
        let mut names: BTreeMap<AccountId, String> = BTreeMap::new();
        let lines = self.list.iter().map(|finding| {
            let name = finding.account.map(|id| {
                let named = || name(id).unwrap_or_else(|| id.to_string());
                names.entry(id).or_insert_with(named).as_str()
            });
            finding.line(name)
        });
        lines.collect()
    }

    /// Notes one about the whole store.
    pub(crate) fn add(&mut self, what: impl Into<Flaw>) {
        self.note(None, None, what.into());
    }

    /// Notes one about an account.
    pub(crate) fn of(&mut self, account: AccountId, what: impl Into<Flaw>) {
        self.note(Some(account), None, what.into());
    }

    /// Notes one about an account, or about the whole store.
    pub(crate) fn of_any(&mut self, account: Option<AccountId>, what: String) {
        self.note(account, None, what.into());
    }

    /// Notes one about a letter.
    pub(crate) fn of_letter(&mut self, account: AccountId, letter: Letter, what: impl Into<Flaw>) {
        self.note(Some(account), Some(letter), what.into());
    }

    fn note(&mut self, account: Option<AccountId>, letter: Option<Letter>, what: Flaw) {
        if self.list.len() < FINDINGS_MAX {
            self.list.push(Finding {
                account,
                letter,
                what,
            });
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
        findings.add("the queue".to_owned());
        for number in 0..FINDINGS_MAX {
            findings.of(ids[number % 2], format!("message {number}"));
        }
        assert_eq!(findings.count(), FINDINGS_MAX + 1);
        let lines = findings.lines();
        assert_eq!(lines.len(), FINDINGS_MAX + 1);
        let unfit = "dữ liệu không khớp: message 0 / message 0";
        assert_eq!(lines[1], format!("tài khoản / account 2: {unfit}"));
        assert_eq!(lines[FINDINGS_MAX], "và 1 lỗi nữa / and 1 more");
        let named = findings.named(|id| (id == ids[0]).then(|| "an@x.vn".into()));
        assert_eq!(named.len(), FINDINGS_MAX);
        let begins = [
            "dữ liệu",
            "tài khoản / account an@x.vn: ",
            "tài khoản / account 3: ",
        ];
        for (line, begin) in named.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
    }

    #[test]
    fn all_but_what_files_say_themselves_is_said_in_both_languages() {
        let (same, rows): (Vec<_>, Vec<_>) = Flaw::TABLE.iter().partition(|row| row.0 == row.1);
        assert_eq!(same, [("{why}", "{why}")]);
        told::check_table(&rows);
    }

    #[test]
    fn a_letter_goes_by_what_its_owner_knows() {
        let id = AccountId::new(36).unwrap();
        let line = |letter: Letter| {
            let mut findings = Findings::default();
            findings.of_letter(id, letter, Flaw::LetterContent);
            findings.named(|_| Some("an@x.vn".into())).remove(0)
        };
        let letter = Letter {
            places: vec![("Dự án/2026".into(), Uid::new(33).unwrap())],
            subject: Some("Họp".into()),
            received_at: 1_795_136_400,
        };
        assert_eq!(
            line(letter.clone()),
            "tài khoản / account an@x.vn, Dự án/2026 UID 33 (\"Họp\", 2026-11-20T01:00:00Z): nội dung bị hỏng / its content \
             is damaged"
        );
        let subject = None;
        assert!(line(Letter { subject, ..letter }).contains("no subject known, 2026"));
    }
}
