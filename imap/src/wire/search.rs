//! RFC 9051 §6.4.4, RFC 3501 §6.4.4: SEARCH keys, with those of RFC 5032 and RFC 6203.
//!
//! What a search is to return is in `returns`, the orders of SORT and THREAD in `sort`, the mailboxes
//! of ESEARCH in `sources`.

use super::flag::{Flag, flag_keyword};
use super::ident::{self, ObjectId};
use super::lexer::{Lexer, Parsed, Syntax};
use super::returns::{self, Wanted};
use super::sequence::SequenceSet;
use super::sort::Order;
use super::sources::Source;
use formats::date::{Day, unix_day};
use formats::message::charset;

/// Nesting of parentheses, NOT and OR.
pub const DEPTH_MAX: usize = 32;
/// Keys of one SEARCH.
pub const KEYS_MAX: usize = 1_000;
/// Octets of one string to look for.
pub const NEEDLE_MAX: usize = 1_024;

/// Which numbers a day comparison accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum When {
    Before,
    On,
    Since,
}

/// Where a string is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    From,
    To,
    Cc,
    Bcc,
    Subject,
    /// A field by its name.
    Header(String),
    Body,
    /// Header and body.
    Text,
}

/// search-key
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Key {
    All,
    /// Message numbers, or `$`.
    Sequence(SequenceSet),
    Uid(SequenceSet),
    /// RFC 9738 §3.2: a UID greater than this one.
    UidAfter(u32),
    /// RFC 9738 §3.2: a UID less than this one.
    UidBefore(u32),
    /// Keyword set (`true`) or not.
    Flag(Flag, bool),
    /// RFC 3501 §6.4.4: `\Recent` or not.
    Recent(bool),
    /// Of the internal date; the day as days since 1970.
    Received(When, i64),
    /// RFC 8514 §4.3: of the day on which it was put into the mailbox.
    Saved(When, i64),
    /// RFC 8514 §4.3: the mailbox keeps that day.
    SavedKnown,
    /// Of the Date field.
    Sent(When, i64),
    Larger(u64),
    Smaller(u64),
    /// RFC 5032 §2: the internal date is so many seconds ago, or longer.
    Older(u32),
    /// RFC 5032 §2: the internal date is so many seconds ago, or less.
    Younger(u32),
    Find(Place, String),
    /// RFC 6203 §3: what is inside may be matched less strictly.
    Fuzzy(Box<Key>),
    /// RFC 7162 §3.1.5: of this mod-sequence or a later one.
    ModSeq(u64),
    /// RFC 8474 §6; `None`: no message has such an id.
    Email(Option<ObjectId>),
    /// RFC 8474 §6
    Thread(Option<ObjectId>),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

impl Key {
    /// Whether this key or one inside it is such a one.
    pub fn any(&self, fits: &dyn Fn(&Self) -> bool) -> bool {
        fits(self)
            || match self {
                Self::Fuzzy(key) | Self::Not(key) => key.any(fits),
                Self::Or(a, b) => a.any(fits) || b.any(fits),
                Self::And(keys) => keys.iter().any(|key| key.any(fits)),
                _ => false,
            }
    }

    /// Whether mod-sequences are asked about (RFC 7162 §3.1.5).
    pub fn asks_modseq(&self) -> bool {
        self.any(&|key| matches!(key, Self::ModSeq(_)))
    }

    /// Whether message numbers are named.
    pub fn names_numbers(&self) -> bool {
        self.any(&|key| {
            matches!(
                key,
                Self::Sequence(SequenceSet::Ranges(_) | SequenceSet::Both(_))
            )
        })
    }
}

/// A whole SEARCH, SORT, THREAD or ESEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Search {
    /// `None`: there was no RETURN.
    pub wanted: Option<Wanted>,
    pub key: Key,
    pub order: Order,
    /// A charset is named that could be left out.
    pub charset: bool,
    /// RFC 7377 §2: the mailboxes of an ESEARCH; `None` for the other commands.
    pub sources: Option<Vec<Source>>,
}

/// Why a SEARCH cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// BAD.
    Syntax(Syntax),
    /// RFC 9051 §6.4.4: NO [BADCHARSET]; whether the result was to be saved.
    Charset {
        /// RFC 5182 §2.1: then the saved result is emptied.
        save: bool,
    },
}

impl From<Syntax> for Fault {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

/// search = "SEARCH" [search-return-opts] SP search-program;
/// search-program = ["CHARSET" SP charset SP] search-key *(SP search-key); after "SEARCH".
pub fn parse(lexer: &mut Lexer<'_>) -> Result<Search, Fault> {
    lexer.sp()?;
    let wanted = returns::parse(lexer)?;
    let charset = lexer.looking_at("CHARSET ");
    let key = program(lexer, wanted)?;
    Search {
        wanted,
        key,
        order: Order::Mailbox,
        charset,
        sources: None,
    }
    .checked()
}

/// search-program
pub(super) fn program(lexer: &mut Lexer<'_>, wanted: Option<Wanted>) -> Result<Key, Fault> {
    let mut charset = Charset::Utf8;
    if lexer.take_word("CHARSET ") {
        charset = charset_of(lexer, wanted)?;
        lexer.sp()?;
    }
    keys(lexer, charset)
}

/// search-criteria = charset 1*(SP search-key) (RFC 5256 §5)
pub(super) fn criteria(lexer: &mut Lexer<'_>, wanted: Option<Wanted>) -> Result<Key, Fault> {
    let charset = charset_of(lexer, wanted)?;
    lexer.sp()?;
    keys(lexer, charset)
}

impl Search {
    /// Whether a mailbox must be selected (RFC 7377 §2.2).
    pub fn needs_selected(&self) -> bool {
        let update = self.wanted.is_some_and(|w| w.update);
        let among = |sources: &Vec<Source>| sources.contains(&Source::Selected);
        update || self.sources.as_ref().is_none_or(among)
    }

    /// What only the whole command shows.
    pub(super) fn checked(self) -> Result<Self, Fault> {
        let fuzzy = self.key.any(&|key| matches!(key, Key::Fuzzy(_)));
        let relevancy = self.wanted.is_some_and(|w| w.relevancy) || self.order.by_relevancy();
        // RFC 6203 §4.
        if relevancy && !fuzzy {
            return Err(Fault::Syntax(Syntax("RELEVANCY needs a FUZZY key")));
        }
        Ok(self)
    }
}

/// How the strings of a search are written.
enum Charset {
    /// And US-ASCII, which is part of it.
    Utf8,
    Other(String),
}

/// charset = atom / quoted
fn charset_of(lexer: &mut Lexer<'_>, wanted: Option<Wanted>) -> Result<Charset, Fault> {
    let name = String::from_utf8(lexer.astring()?).unwrap_or_default();
    let utf8 = ["US-ASCII", "UTF-8"];
    if utf8.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
        Ok(Charset::Utf8)
    } else if charset::is_known(&name) {
        Ok(Charset::Other(name))
    } else {
        let save = wanted.is_some_and(|w| w.save);
        Err(Fault::Charset { save })
    }
}

/// What the keys of one command share while they are read.
struct Scope {
    /// Keys that may still come.
    budget: usize,
    charset: Charset,
}

/// search-key *(SP search-key)
fn keys(lexer: &mut Lexer<'_>, charset: Charset) -> Result<Key, Fault> {
    let mut scope = Scope {
        budget: KEYS_MAX,
        charset,
    };
    let mut keys = vec![key(lexer, 0, &mut scope)?];
    while lexer.take(b' ') {
        keys.push(key(lexer, 0, &mut scope)?);
    }
    Ok(Key::And(keys))
}

fn key(lexer: &mut Lexer<'_>, depth: usize, scope: &mut Scope) -> Parsed<Key> {
    if depth > DEPTH_MAX {
        return Err(Syntax("[LIMIT] the search is nested too deep"));
    }
    scope.budget = scope
        .budget
        .checked_sub(1)
        .ok_or(Syntax("[LIMIT] too many search keys"))?;
    if lexer.take(b'(') {
        let mut keys = vec![key(lexer, depth + 1, scope)?];
        while lexer.take(b' ') {
            keys.push(key(lexer, depth + 1, scope)?);
        }
        lexer.must(b')', "a parenthesis is not closed")?;
        return Ok(Key::And(keys));
    }
    if SequenceSet::starts(lexer.peek()) {
        return SequenceSet::parse(lexer).map(Key::Sequence);
    }
    let name = lexer.keyword()?;
    match name.as_str() {
        "NOT" => {
            lexer.sp()?;
            Ok(Key::Not(Box::new(key(lexer, depth + 1, scope)?)))
        }
        "FUZZY" => {
            lexer.sp()?;
            Ok(Key::Fuzzy(Box::new(key(lexer, depth + 1, scope)?)))
        }
        "OR" => {
            lexer.sp()?;
            let left = key(lexer, depth + 1, scope)?;
            lexer.sp()?;
            Ok(Key::Or(
                Box::new(left),
                Box::new(key(lexer, depth + 1, scope)?),
            ))
        }
        _ => match bare(&name) {
            Some(key) => Ok(key),
            None => argument(lexer, &name, scope),
        },
    }
}

/// The keys without an argument.
fn bare(name: &str) -> Option<Key> {
    let set = !name.starts_with("UN");
    Some(match name {
        "ALL" => Key::All,
        "ANSWERED" | "UNANSWERED" => Key::Flag(Flag::system("$answered"), set),
        "DELETED" | "UNDELETED" => Key::Flag(Flag::system("$deleted"), set),
        "DRAFT" | "UNDRAFT" => Key::Flag(Flag::system("$draft"), set),
        "FLAGGED" | "UNFLAGGED" => Key::Flag(Flag::system("$flagged"), set),
        "SEEN" | "UNSEEN" => Key::Flag(Flag::system("$seen"), set),
        "SAVEDATESUPPORTED" => Key::SavedKnown,
        "RECENT" => Key::Recent(true),
        "OLD" => Key::Recent(false),
        "NEW" => Key::And(vec![
            Key::Recent(true),
            Key::Flag(Flag::system("$seen"), false),
        ]),
        _ => return None,
    })
}

const WITH_ARGUMENT: &[&str] = &[
    "UID",
    "UIDAFTER",
    "UIDBEFORE",
    "KEYWORD",
    "UNKEYWORD",
    "BEFORE",
    "ON",
    "SINCE",
    "SAVEDBEFORE",
    "SAVEDON",
    "SAVEDSINCE",
    "SENTBEFORE",
    "SENTON",
    "SENTSINCE",
    "LARGER",
    "SMALLER",
    "OLDER",
    "YOUNGER",
    "FROM",
    "TO",
    "CC",
    "BCC",
    "SUBJECT",
    "BODY",
    "TEXT",
    "HEADER",
    "MODSEQ",
    "EMAILID",
    "THREADID",
];

/// The keys with an argument.
fn argument(lexer: &mut Lexer<'_>, name: &str, scope: &Scope) -> Parsed<Key> {
    if !WITH_ARGUMENT.contains(&name) {
        return Err(Syntax("an unknown search key"));
    }
    lexer.sp()?;
    Ok(match name {
        "UID" => Key::Uid(SequenceSet::parse(lexer)?),
        "UIDAFTER" => Key::UidAfter(lexer.nz_number()?),
        "UIDBEFORE" => Key::UidBefore(lexer.nz_number()?),
        "MODSEQ" => modseq(lexer)?,
        "EMAILID" => Key::Email(ident::parse(lexer, 'e')?),
        "THREADID" => Key::Thread(ident::parse(lexer, 't')?),
        "KEYWORD" => Key::Flag(flag_keyword(lexer)?, true),
        "UNKEYWORD" => Key::Flag(flag_keyword(lexer)?, false),
        "BEFORE" => Key::Received(When::Before, date(lexer)?),
        "ON" => Key::Received(When::On, date(lexer)?),
        "SINCE" => Key::Received(When::Since, date(lexer)?),
        "SAVEDBEFORE" => Key::Saved(When::Before, date(lexer)?),
        "SAVEDON" => Key::Saved(When::On, date(lexer)?),
        "SAVEDSINCE" => Key::Saved(When::Since, date(lexer)?),
        "SENTBEFORE" => Key::Sent(When::Before, date(lexer)?),
        "SENTON" => Key::Sent(When::On, date(lexer)?),
        "SENTSINCE" => Key::Sent(When::Since, date(lexer)?),
        "LARGER" => Key::Larger(lexer.number64()?),
        "SMALLER" => Key::Smaller(lexer.number64()?),
        "OLDER" => Key::Older(lexer.nz_number()?),
        "YOUNGER" => Key::Younger(lexer.nz_number()?),
        "FROM" => Key::Find(Place::From, needle(lexer, scope)?),
        "TO" => Key::Find(Place::To, needle(lexer, scope)?),
        "CC" => Key::Find(Place::Cc, needle(lexer, scope)?),
        "BCC" => Key::Find(Place::Bcc, needle(lexer, scope)?),
        "SUBJECT" => Key::Find(Place::Subject, needle(lexer, scope)?),
        "BODY" => Key::Find(Place::Body, needle(lexer, scope)?),
        "TEXT" => Key::Find(Place::Text, needle(lexer, scope)?),
        "HEADER" => {
            let field = needle(lexer, scope)?;
            lexer.sp()?;
            Key::Find(Place::Header(field), needle(lexer, scope)?)
        }
        _ => return Err(Syntax("an unknown search key")),
    })
}

/// search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer (RFC 7162 §7).
/// Flags have no mod-sequences of their own here, so the entry is read and passed over (RFC 7162 §3.1.5).
fn modseq(lexer: &mut Lexer<'_>) -> Parsed<Key> {
    if lexer.peek() == Some(b'"') {
        let entry = lexer.astring_text()?;
        lexer.sp()?;
        let kind = lexer.keyword()?;
        if !entry.starts_with("/flags/") || !["PRIV", "SHARED", "ALL"].contains(&kind.as_str()) {
            return Err(Syntax("an entry is \"/flags/…\" with priv, shared or all"));
        }
        lexer.sp()?;
    }
    lexer.number64().map(Key::ModSeq)
}

/// A string to look for, out of the charset that was named.
fn needle(lexer: &mut Lexer<'_>, scope: &Scope) -> Parsed<String> {
    let octets = lexer.astring()?;
    if octets.len() > NEEDLE_MAX {
        return Err(Syntax("[LIMIT] the search string is too long"));
    }
    match &scope.charset {
        Charset::Utf8 => String::from_utf8(octets).map_err(|_| Syntax("the string is not UTF-8")),
        Charset::Other(name) => Ok(charset::decode(name, &octets)),
    }
}

/// date = date-text / DQUOTE date-text DQUOTE; date-text = date-day "-" date-month "-" date-year;
/// gives days since 1970-01-01.
fn date(lexer: &mut Lexer<'_>) -> Parsed<i64> {
    let text = lexer.astring_text()?;
    day(&text)
        .and_then(unix_day)
        .ok_or(Syntax("a date is d-Mon-yyyy"))
}

/// date-text = date-day "-" date-month "-" date-year
pub fn day(text: &str) -> Option<Day> {
    let mut pieces = text.split('-');
    let (day, month, year) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if pieces.next().is_some() || !digits(day) || !digits(year) {
        return None;
    }
    if !(1..=2).contains(&day.len()) || year.len() != 4 {
        return None;
    }
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?;
    Some(Day {
        year: year.parse().ok()?,
        month: month as u32 + 1,
        day: day.parse().ok()?,
    })
}

/// date-month
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, well: bool) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = parse(&mut lexer);
        let ended = got.is_ok() && lexer.end().is_ok();
        assert_eq!(ended, well, "{text:?} {got:?}");
    }

    const WELL: &[&str] = &[
        "ALL",
        "1:3,5",
        "$",
        "UID 1:*",
        "UID $",
        "UIDAFTER 25000",
        "UIDBEFORE 1",
        "MODSEQ 620162338",
        "EMAILID M6d99ac3275bb4e",
        "OR THREADID t7 EMAILID e1",
        "MODSEQ \"/flags/\\\\draft\" all 620162338",
        "ANSWERED",
        "UNANSWERED",
        "DELETED",
        "UNDELETED",
        "DRAFT",
        "UNDRAFT",
        "FLAGGED",
        "UNFLAGGED",
        "SEEN",
        "UNSEEN",
        "NEW",
        "OLD",
        "RECENT",
        "KEYWORD $Forwarded",
        "UNKEYWORD x",
        "BEFORE 1-Feb-1994",
        "ON \"01-Feb-1994\"",
        "SINCE 1-feb-1994",
        "SAVEDBEFORE 1-Feb-1994",
        "SAVEDON 1-Feb-1994",
        "SAVEDSINCE \"1-Feb-1994\"",
        "SAVEDATESUPPORTED",
        "SENTBEFORE 1-Feb-1994",
        "SENTON 1-Feb-1994",
        "SENTSINCE 1-Feb-1994",
        "LARGER 10",
        "SMALLER 4294967296",
        "FROM \"Smith\"",
        "TO x",
        "CC x",
        "BCC x",
        "SUBJECT \"công văn\"",
        "BODY x",
        "TEXT x",
        "HEADER Message-ID \"\"",
        "NOT SEEN",
        "OR SEEN NOT DELETED",
        "(SEEN (NOT DELETED))",
        "OLDER 3600",
        "YOUNGER 1",
        "FUZZY SUBJECT x",
        "FUZZY (FROM x NOT SEEN)",
        "CHARSET UTF-8 SEEN",
        "CHARSET us-ascii ALL",
    ];

    #[test]
    fn keys_of_both_revisions_are_read() {
        for key in WELL {
            check(&format!(" {key}"), true);
            check(
                &format!(
                    " RETURN (MIN MAX ALL COUNT SAVE) {key} NOT {}",
                    key.replace("CHARSET UTF-8 ", "")
                        .replace("CHARSET us-ascii ", "")
                ),
                true,
            );
        }
        for bad in [
            "",
            " ",
            " NOPE",
            " NOT",
            " OR SEEN",
            " ()",
            " (SEEN",
            " BEFORE 1994",
            " ON 31-Feb-1994",
            " LARGER x",
            " RETURN (NOPE) ALL",
            " RETURN ALL",
            " SEEN  SEEN",
            " CHARSET UTF-8",
            " KEYWORD \\Seen",
            " OLDER 0",
            " YOUNGER x",
            " FUZZY",
            " RETURN (RELEVANCY) SEEN",
            " RETURN (ALL PARTIAL 1:2) ALL",
            " RETURN (PARTIAL 1:-2) ALL",
            " RETURN (PARTIAL 0:2) ALL",
            " RETURN (PARTIAL 1:*) ALL",
            " RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
        ] {
            check(bad, false);
        }
        for well in [
            " RETURN (RELEVANCY) FUZZY SEEN",
            " RETURN (PARTIAL 1:500 COUNT) ALL",
            " RETURN (PARTIAL -1:-100 SAVE) ALL",
            " RETURN (UPDATE CONTEXT) ALL",
            " CHARSET windows-1258 ALL",
        ] {
            check(well, true);
        }
        let mut lexer = Lexer::new(b" CHARSET X-KLINGON ALL", Vec::new());
        assert_eq!(parse(&mut lexer), Err(Fault::Charset { save: false }));
    }

    #[test]
    fn i13_nesting_and_count_are_limited() {
        check(&format!(" {}ALL{}", "(".repeat(30), ")".repeat(30)), true);
        check(
            &format!(" {}ALL{}", "(".repeat(60_000), ")".repeat(60_000)),
            false,
        );
        check(&format!(" {}ALL", "NOT ".repeat(20_000)), false);
        check(
            &format!(" {}", "SEEN ".repeat(KEYS_MAX + 1).trim_end()),
            false,
        );
    }
}
