//! RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 6855 §4: the arguments of APPEND.

use super::command::{Command, name_of};
use super::flag::{Flag, flag_list};
use super::lexer::{Lexer, Parsed, Syntax};
use super::search;
use super::sequence::SequenceSet;

/// Messages of one APPEND (RFC 3502).
pub const MESSAGES_MAX: usize = 1_000;
/// Pieces of one catenated message (RFC 4469).
pub const PIECES_MAX: usize = 1_000;

/// RFC 9051 §6.3.12 APPEND, with as many messages as RFC 3502 allows.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Append {
    pub mailbox: Vec<u8>,
    /// At least one.
    pub messages: Vec<Letter>,
}

/// One message to be added.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Letter {
    pub flags: Vec<Flag>,
    /// Unix seconds.
    pub date: Option<i64>,
    /// At least one; the message is all of them in a row.
    pub pieces: Vec<Piece>,
}

/// Where octets of a message come from.
#[derive(Clone, PartialEq)]
pub enum Piece {
    /// Sent along.
    Octets(Vec<u8>),
    /// RFC 4469 §3: what lies behind this URL, as it was written.
    Url(Vec<u8>),
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Octets(octets) => write!(f, "{} octets", octets.len()),
            Self::Url(url) => write!(f, "{:?}", String::from_utf8_lossy(url)),
        }
    }
}

/// append = "APPEND" SP mailbox 1*append-message (RFC 3502); after "APPEND ".
pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<Append> {
    let mailbox = name_of(lexer)?;
    let mut messages = vec![message(lexer)?];
    while lexer.peek() == Some(b' ') {
        if messages.len() == MESSAGES_MAX {
            return Err(Syntax("[LIMIT] one APPEND takes at most 1000 messages"));
        }
        messages.push(message(lexer)?);
    }
    Ok(Append { mailbox, messages })
}

/// append-message = [SP flag-list] [SP date-time] SP append-data
pub fn message(lexer: &mut Lexer<'_>) -> Parsed<Letter> {
    lexer.sp()?;
    let mut flags = Vec::new();
    if lexer.peek() == Some(b'(') {
        flags = flag_list(lexer)?;
        lexer.sp()?;
    }
    let mut date = None;
    if lexer.peek() == Some(b'"') {
        let text = lexer.astring_text()?;
        date = Some(date_time(&text).ok_or(Syntax("a date-time is dd-Mon-yyyy hh:mm:ss +zzzz"))?);
        lexer.sp()?;
    }
    Ok(Letter {
        flags,
        date,
        pieces: data(lexer)?,
    })
}

/// replace = "REPLACE" SP seq-number SP mailbox append-message (RFC 8508 §5)
pub fn replace(lexer: &mut Lexer<'_>, uid: bool, set: SequenceSet) -> Parsed<Command> {
    if !matches!(&set, SequenceSet::Ranges(ranges) if matches!(ranges[..], [(a, b)] if a == b)) {
        return Err(Syntax("REPLACE takes one message"));
    }
    let mailbox = name_of(lexer)?;
    let letter = message(lexer)?;
    Ok(Command::Replace {
        uid,
        set,
        mailbox,
        letter,
    })
}

/// append-data = literal / literal8 / utf8-literal / "CATENATE" SP "(" cat-part *(SP cat-part) ")";
/// cat-part = "TEXT" SP literal / "URL" SP astring / utf8-literal (RFC 3516 §6, RFC 4469 §5, RFC 6855 §4)
fn data(lexer: &mut Lexer<'_>) -> Parsed<Vec<Piece>> {
    if !lexer.take_word("CATENATE ") {
        return match utf8(lexer)? {
            Some(octets) => Ok(vec![Piece::Octets(octets)]),
            None => literal(lexer).map(|octets| vec![Piece::Octets(octets)]),
        };
    }
    let pieces = lexer.list(PIECES_MAX, |l| {
        if l.take_word("TEXT ") {
            return literal(l).map(Piece::Octets);
        }
        if l.take_word("URL ") {
            return l.astring().map(Piece::Url);
        }
        utf8(l)?
            .map(Piece::Octets)
            .ok_or(Syntax("a piece is TEXT, URL or UTF8"))
    })?;
    if pieces.is_empty() {
        Err(Syntax("nothing to catenate"))
    } else {
        Ok(pieces)
    }
}

/// utf8-literal = "UTF8" SP "(" literal8 ")" (RFC 6855 §4)
fn utf8(lexer: &mut Lexer<'_>) -> Parsed<Option<Vec<u8>>> {
    if !lexer.take_word("UTF8 (") {
        return Ok(None);
    }
    lexer.must(b'~', "a literal8 is expected")?;
    let octets = lexer.literal()?;
    lexer.must(b')', "UTF8 is not closed")?;
    Ok(Some(octets))
}

/// literal, without NUL, or literal8 = "~{" number64 ["+"] "}" CRLF *OCTET (RFC 9051 §9)
fn literal(lexer: &mut Lexer<'_>) -> Parsed<Vec<u8>> {
    let any = lexer.take(b'~');
    let octets = lexer.literal()?;
    if !any && memchr::memchr(0, &octets).is_some() {
        return Err(Syntax("NUL is allowed in a literal8 only"));
    }
    Ok(octets)
}

/// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE;
/// date-day-fixed = (SP DIGIT) / 2DIGIT. Gives Unix seconds.
fn date_time(text: &str) -> Option<i64> {
    let mut pieces = text.trim_start_matches(' ').split(' ');
    let day = search::day(pieces.next()?)?;
    let (clock, zone) = (pieces.next()?.as_bytes(), pieces.next()?.as_bytes());
    if pieces.next().is_some() || clock.len() != 8 || clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let two = |t: &[u8], at: usize| -> Option<i64> {
        let digits = t
            .get(at..at + 2)
            .filter(|d| d.iter().all(u8::is_ascii_digit))?;
        Some(i64::from(digits[0] - b'0') * 10 + i64::from(digits[1] - b'0'))
    };
    let (hour, minute, second) = (two(clock, 0)?, two(clock, 3)?, two(clock, 6)?);
    let sign = match zone.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (zone_h, zone_m) = (two(zone, 1)?, two(zone, 3)?);
    if zone.len() != 5 || hour > 23 || minute > 59 || second > 60 || zone_h > 23 || zone_m > 59 {
        return None;
    }
    let local = formats::date::unix_day(day)? * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(local - sign * (zone_h * 3_600 + zone_m * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each `{n}` of the text stands for a literal of so many `x`.
    fn check(text: &str, expected: Option<&str>) {
        use crate::wire::lexer::Literal;
        let braces = text.match_indices('{').map(|(at, _)| at);
        let literals = braces.map(|at| {
            let digits: String = text[at + 1..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let octets = vec![b'x'; digits.parse().unwrap()];
            Literal { at, octets }
        });
        let mut lexer = Lexer::new(text.as_bytes(), literals.collect());
        let got = parse(&mut lexer).and_then(|a| lexer.end().map(|()| a));
        let shown = got.map(|a| {
            let pieces = a.messages.iter().map(|m| format!("{:?}", m.pieces));
            pieces.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(shown.ok().as_deref(), expected, "{text:?}");
    }

    #[test]
    fn messages_and_pieces_are_read_as_the_grammars_say() {
        check("x {3}", Some("[3 octets]"));
        check("x ~{3+}", Some("[3 octets]"));
        check("x UTF8 (~{3})", Some("[3 octets]"));
        check(
            "x (\\Seen) {1} \"17-Jul-1996 02:44:25 -0700\" {2} () ~{0}",
            Some("[1 octets] [2 octets] [0 octets]"),
        );
        check(
            "x catenate (URL \"/INBOX/;UID=1\" text {4+} URL /a;UIDVALIDITY=7/;UID=2 UTF8 (~{1})) {5}",
            Some("[\"/INBOX/;UID=1\", 4 octets, \"/a;UIDVALIDITY=7/;UID=2\", 1 octets] [5 octets]"),
        );
        for bad in [
            "x",
            "x ",
            "x  {3}",
            "x {3} ",
            "x {3} y",
            "x (\\Seen)",
            "x UTF8 ({3})",
            "x UTF8 (~{3}",
            "x UTF8 ~{3}",
            "x CATENATE ()",
            "x CATENATE {3}",
            "x CATENATE (TEXT)",
            "x CATENATE ({3})",
            "x CATENATE (URL)",
            "x CATENATE (TEXT {3}  TEXT {3})",
            "x CATENATE (TEXT {3}",
        ] {
            check(bad, None);
        }
        check(&format!("x{}", " {1}".repeat(MESSAGES_MAX + 1)), None);
    }

    #[test]
    fn internal_dates_are_read_strictly() {
        let dates = [
            ("17-Jul-1996 02:44:25 -0700", Some(837_596_665)),
            (" 2-Nov-2026 08:00:00 +0700", Some(1_793_581_200)),
            ("02-nov-2026 08:00:00 +0700", Some(1_793_581_200)),
            ("02-Nov-2026 24:00:00 +0700", None),
            ("02-Nov-2026 08:00 +0700", None),
            ("02-Nov-2026 08:00:00 ICT", None),
            ("31-Feb-2026 08:00:00 +0700", None),
            ("02-Nov-2026 08:00:00 +07000", None),
            ("", None),
        ];
        for (text, expected) in dates {
            assert_eq!(date_time(text), expected, "{text:?}");
        }
    }
}
