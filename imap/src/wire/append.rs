//! RFC 9051 §6.3.12: the arguments of APPEND.

use super::command::name_of;
use super::flag::{Flag, flag_list};
use super::lexer::{Lexer, Parsed, Syntax};
use super::search;

/// RFC 9051 §6.3.12 APPEND.
#[derive(Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Append {
    pub mailbox: Vec<u8>,
    pub flags: Vec<Flag>,
    /// Unix seconds.
    pub date: Option<i64>,
    pub message: Vec<u8>,
}

impl std::fmt::Debug for Append {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Append({} octets)", self.message.len())
    }
}

/// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal;
/// RFC 3516 §6 allows literal8, which the machine gathers alike.
pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<Append> {
    let mailbox = name_of(lexer)?;
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
    let octets = lexer.take(b'~');
    let message = lexer.literal()?;
    if !octets && message.contains(&0) {
        return Err(Syntax("NUL is allowed in a literal8 only"));
    }
    Ok(Append {
        mailbox,
        flags,
        date,
        message,
    })
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
