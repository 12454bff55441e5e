//! RFC 9051 §5.1: mailbox names as paths with `/`, INBOX in any case, and patterns with `*` and `%`.

use crate::wire::utf7;
use directory::{AccountId, Rights};
use std::collections::{BTreeSet, HashMap};
use storage::{Mailbox, MailboxId, Role};
use unicode_normalization::UnicodeNormalization;

/// Between the levels of a name.
pub const SEPARATOR: char = '/';
/// Wildcards of one pattern, neighbours counted once.
pub const WILDCARDS_MAX: usize = 32;
/// Levels of a name; storage keeps no deeper tree.
pub const LEVELS_MAX: usize = 20;

/// One mailbox with its whole name.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Row {
    pub path: String,
    pub children: bool,
    pub mailbox: Mailbox,
    /// Whose it is; `None`: one's own.
    pub owner: Option<AccountId>,
    /// What may be done with it (RFC 4314 §2.1); over one's own: everything.
    pub rights: Rights,
}

/// Mailboxes by name, an account's INBOX first, each parent before its children.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    rows: Vec<Row>,
    /// Names that are no mailbox, or not one's to see, and have some below them.
    levels: BTreeSet<String>,
}

impl Tree {
    /// From storage's list.
    pub fn of(mailboxes: Vec<Mailbox>) -> Self {
        let links: HashMap<MailboxId, (Option<MailboxId>, String)> = mailboxes
            .iter()
            .map(|m| {
                let inbox = m.role == Some(Role::Inbox);
                (
                    m.id,
                    (
                        m.parent,
                        if inbox {
                            "INBOX".to_owned()
                        } else {
                            m.name.clone()
                        },
                    ),
                )
            })
            .collect();
        let mut parents: Vec<MailboxId> = mailboxes.iter().filter_map(|m| m.parent).collect();
        parents.sort_unstable();
        let row = |mailbox: Mailbox| {
            let mut path = links
                .get(&mailbox.id)
                .map(|l| l.1.clone())
                .unwrap_or_default();
            let mut above = mailbox.parent;
            // Storage allows no loops; the bound holds even if it did.
            for _ in 0..LEVELS_MAX {
                let Some((next, name)) = above.and_then(|id| links.get(&id)) else {
                    break;
                };
                path = format!("{name}{SEPARATOR}{path}");
                above = *next;
            }
            Row {
                path,
                children: parents.binary_search(&mailbox.id).is_ok(),
                mailbox,
                owner: None,
                rights: Rights::ALL,
            }
        };
        let mut rows: Vec<Row> = mailboxes.into_iter().map(row).collect();
        rows.sort_by_cached_key(|r| (r.mailbox.role != Some(Role::Inbox), r.path.clone()));
        let levels = BTreeSet::new();
        Self { rows, levels }
    }

    /// Mailboxes of somebody else, named below `root`: those over which there are any rights.
    pub fn shared(
        root: &str,
        owner: AccountId,
        mailboxes: Vec<Mailbox>,
        rights: impl Fn(MailboxId) -> Rights,
    ) -> Self {
        let mut tree = Self::of(mailboxes);
        for row in &mut tree.rows {
            (row.owner, row.rights) = (Some(owner), rights(row.mailbox.id));
            row.path = format!("{root}{SEPARATOR}{}", row.path);
        }
        tree.rows.retain(|row| !row.rights.is_empty());
        let seen = tree.rows.iter().filter(|r| r.rights.has(Rights::LOOKUP));
        for row in seen {
            let ends = row.path.match_indices(SEPARATOR);
            let above = ends.map(|(at, _)| row.path[..at].to_owned());
            tree.levels.extend(above);
        }
        for row in &mut tree.rows {
            row.children = tree.levels.contains(&row.path);
            if row.rights.has(Rights::LOOKUP) {
                tree.levels.remove(&row.path);
            }
        }
        tree
    }

    /// Says of each mailbox whether it is subscribed to.
    pub fn subscribe(&mut self, subscribed: impl Fn(&Mailbox) -> bool) {
        for row in &mut self.rows {
            row.mailbox.subscribed = subscribed(&row.mailbox);
        }
    }

    /// Only the mailboxes for which this holds.
    pub fn keep(&mut self, holds: impl Fn(&Row) -> bool) {
        self.rows.retain(holds);
    }

    /// Adds those of another.
    pub fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.levels.extend(other.levels);
    }

    /// Adds a name that is no mailbox, and those above it.
    pub fn add_level(&mut self, path: &str) {
        for (at, _) in path.match_indices(SEPARATOR) {
            self.levels.insert(path[..at].to_owned());
        }
        self.levels.insert(path.to_owned());
    }

    /// Names that are no mailbox and have some below them.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().map(String::as_str)
    }

    /// Whether this is such a name.
    pub fn has_level(&self, path: &str) -> bool {
        self.levels.contains(path)
    }

    /// In order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The mailbox of this name, as [`name`] gives it.
    pub fn find(&self, path: &str) -> Option<&Row> {
        self.rows.iter().find(|r| r.path == path)
    }

    /// Whether any mailbox below this one fits.
    pub fn below(&self, path: &str, fits: impl Fn(&Row) -> bool) -> bool {
        let inside = |r: &&Row| {
            r.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with(SEPARATOR))
        };
        self.rows.iter().filter(inside).any(fits)
    }
}

/// A mailbox name as sent, to the form in which names are compared: modified UTF-7 or UTF-8 undone,
/// NFC, INBOX in upper case. `None` when it is neither. A rev1 client that sends plain UTF-8 is
/// understood too.
pub fn name(raw: &[u8], utf8: bool) -> Option<String> {
    let text: String = decoded(raw, utf8)?.nfc().collect();
    Some(with_inbox(text))
}

/// The same, but as its characters were written: not NFC.
pub fn written(raw: &[u8], utf8: bool) -> Option<String> {
    decoded(raw, utf8).map(with_inbox)
}

fn decoded(raw: &[u8], utf8: bool) -> Option<String> {
    match utf8 || !raw.is_ascii() {
        true => std::str::from_utf8(raw).ok().map(str::to_owned),
        false => utf7::decode(raw),
    }
}

/// RFC 9051 §5.1: INBOX in any case.
fn with_inbox(text: String) -> String {
    let (first, rest) = text.split_at(text.find(SEPARATOR).unwrap_or(text.len()));
    match first.eq_ignore_ascii_case("INBOX") {
        true => format!("INBOX{rest}"),
        false => text,
    }
}

/// The levels of a name that may be made; `None` when it may not: empty levels, control characters,
/// wildcards, too deep.
pub fn levels(path: &str) -> Option<Vec<&str>> {
    let levels: Vec<&str> = path.split(SEPARATOR).collect();
    // RFC 9051 §5.1: Net-Unicode without control characters and line or paragraph separators.
    let bad = |c: char| c.is_control() || matches!(c, '*' | '%' | '\u{2028}' | '\u{2029}');
    let fits = |l: &&str| !l.is_empty() && !l.chars().any(bad);
    (levels.len() <= LEVELS_MAX && levels.iter().all(fits)).then_some(levels)
}

/// A LIST pattern: `*` is anything, `%` anything but the separator.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: Vec<char>,
}

impl Pattern {
    /// Reads reference and pattern, joined; `None` when it is not a name or has too many wildcards.
    pub fn of(reference: &[u8], pattern: &[u8], utf8: bool) -> Option<Self> {
        let joined = [reference, pattern].concat();
        let mut text: Vec<char> = name(&joined, utf8)?.chars().collect();
        // Neighbouring wildcards are as one, the wider.
        text.dedup_by(|next, kept| {
            let both = matches!(next, '*' | '%') && matches!(kept, '*' | '%');
            if both && *next == '*' {
                *kept = '*';
            }
            both
        });
        let wild = text.iter().filter(|c| matches!(c, '*' | '%')).count();
        (wild <= WILDCARDS_MAX).then_some(Self { text })
    }

    /// The one that every name fits.
    pub fn any() -> [Self; 1] {
        [Self { text: vec!['*'] }]
    }

    /// Whether some name that begins so may fit.
    pub fn may_begin(&self, start: &str) -> bool {
        !reached(&self.text, start).is_empty()
    }

    /// Whether it asks for levels too (RFC 9051 §6.3.9: `%` at the end).
    pub fn asks_levels(&self) -> bool {
        self.text.last() == Some(&'%')
    }

    /// Whether the name fits.
    pub fn fits(&self, path: &str) -> bool {
        reached(&self.text, path).contains(&self.text.len())
    }
}

/// RFC 9051 §5.1: INBOX in any case, as itself and as the level above others. How many characters that is.
fn inbox(path: &str) -> usize {
    let level = path.split(SEPARATOR).next().unwrap_or_default();
    if level == "INBOX" { level.len() } else { 0 }
}

/// All positions of the pattern that may be reached, character by character: no backtracking.
fn reached(pattern: &[char], path: &str) -> Vec<usize> {
    let mut reached = vec![0];
    skip(pattern, &mut reached);
    let inbox = inbox(path);
    for (place, c) in path.chars().enumerate() {
        let same = |p: char| p == c || (place < inbox && p.eq_ignore_ascii_case(&c));
        let mut next = Vec::with_capacity(reached.len() + 1);
        for &at in &reached {
            match pattern.get(at) {
                Some('*') => next.push(at),
                Some('%') if c != SEPARATOR => next.push(at),
                Some(p) if same(*p) => next.push(at + 1),
                _ => {}
            }
        }
        skip(pattern, &mut next);
        reached = next;
        if reached.is_empty() {
            break;
        }
    }
    reached
}

/// A wildcard may stand for nothing.
fn skip(pattern: &[char], reached: &mut Vec<usize>) {
    let mut at = 0;
    while let Some(&position) = reached.get(at) {
        if matches!(pattern.get(position), Some('*' | '%')) {
            reached.push(position + 1);
        }
        at += 1;
    }
    reached.sort_unstable();
    reached.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        let found = Pattern::of(b"", pattern.as_bytes(), true).is_some_and(|p| p.fits(path));
        assert_eq!(found, expected, "{pattern:?} {path:?}");
    }

    #[test]
    fn patterns_match_as_rfc_9051_says() {
        check("*", "a/b", true);
        check("%", "a/b", false);
        check("%", "a", true);
        check("a/%", "a/b", true);
        check("a/%", "a/b/c", false);
        check("a*c", "a/b/c", true);
        check("%/%", "a/b", true);
        check("*%", "a/b", true);
        check("inbox", "INBOX", true);
        check("InB%", "INBOX", true);
        check("inbox/x", "INBOX/x", true);
        check("inbox*", "INBOX/x", true);
        check("in%/%", "INBOX/x", true);
        check("inbox*", "inboxes", true);
        check("inbox/X", "INBOX/x", false);
        check("INBOXES", "inboxes", false);
        check("sent", "Sent", false);
        check("Công văn/%", "Công văn/Đến", true);
        check("", "a", false);
        check("a%b%c", "axxbyyc", true);
        check(&"*a".repeat(33), "a", false);
    }

    #[test]
    fn i13_hostile_patterns_are_matched_in_bounded_steps() {
        let pattern = "*a".repeat(WILDCARDS_MAX);
        assert!(
            !Pattern::of(b"", pattern.as_bytes(), true)
                .unwrap()
                .fits(&"a".repeat(5_000).replace("aaa", "ab")[..31])
        );
        assert!(
            Pattern::of(b"", pattern.as_bytes(), true)
                .unwrap()
                .fits(&"a".repeat(5_000))
        );
    }

    #[test]
    fn a_pattern_knows_what_it_cannot_reach() {
        let may = |pattern: &str, start| {
            Pattern::of(b"", pattern.as_bytes(), true).is_some_and(|p| p.may_begin(start))
        };
        assert!(may("*", "Shared/a@b/") && may("Shared/%/%", "Shared/a@b/"));
        assert!(!may("%", "Shared/a@b/") && !may("INBOX", "Shared/") && !may("S%/x", "Shared/a"));
    }

    #[test]
    fn names_are_compared_in_one_form() {
        assert_eq!(name(b"inbox", false).as_deref(), Some("INBOX"));
        assert_eq!(name(b"Inbox/Viec", false).as_deref(), Some("INBOX/Viec"));
        assert_eq!(name(b"inboxes", false).as_deref(), Some("inboxes"));
        assert_eq!(
            name(b"Th&AbA- nh&AOE-p", false).as_deref(),
            Some("Thư nháp")
        );
        assert_eq!(name("Thu\u{31b}".as_bytes(), true).as_deref(), Some("Thư"));
        assert_eq!(name("Thư".as_bytes(), false).as_deref(), Some("Thư"));
        assert_eq!(name(b"&bad", false), None);
        assert_eq!(name(b"&-", true).as_deref(), Some("&-"));
        assert_eq!(levels("a/b"), Some(vec!["a", "b"]));
        assert_eq!(levels("a//b"), None);
        assert_eq!(levels("a*"), None);
        assert_eq!(levels("a\u{2028}b"), None);
        assert_eq!(levels(&"a/".repeat(30)), None);
    }
}
