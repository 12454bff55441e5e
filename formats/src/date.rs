//! RFC 5322 §3.3 dates, and how IMAP (RFC 9051 §9) and RFC 3339 §5.6 spell them. No clock here.

use serde::{Deserialize, Serialize};

const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// The first and last second that four year digits can tell (0000-01-01, 9999-12-31).
const SECOND_RANGE: (i64, i64) = (-62_167_219_200, 253_402_300_799);
/// Longer text is no date.
const DATE_LEN_MAX: usize = 1024;

/// A day of the proleptic Gregorian calendar; kept and shown as `2026-11-02` (RFC 3339 §5.6 full-date).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    /// 0 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl Day {
    /// Reads `2026-11-02`; `None` also for a day that no calendar has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if !text.is_ascii() || b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
            return None;
        }
        let day = Self {
            year: i32::try_from(digits(&text[..4])?).ok()?,
            month: digits(&text[5..7])?,
            day: digits(&text[8..])?,
        };
        unix_day(day).map(|_| day)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a day such as 2026-11-02")
    }
}

struct Moment {
    day: Day,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
    sign: char,
    zone: i32,
}

/// Seconds outside the four-digit years are moved to their edge: printing is total.
fn moment(unix_s: i64, offset_min: i32) -> Moment {
    let offset_min = offset_min.clamp(-1439, 1439);
    let (first, last) = SECOND_RANGE;
    let shifted = unix_s.clamp(first, last) + i64::from(offset_min) * 60;
    let local = shifted.clamp(first, last);
    let days = local.div_euclid(DAY_S);
    let rest = local.rem_euclid(DAY_S);
    let zone = offset_min.abs();
    Moment {
        day: civil(days),
        weekday: days.rem_euclid(7) as usize,
        hour: rest / 3600,
        minute: rest / 60 % 60,
        second: rest % 60,
        sign: if offset_min < 0 { '-' } else { '+' },
        zone: zone / 60 * 100 + zone % 60,
    }
}

/// `Mon, 02 Nov 2026 08:00:00 +0700` (RFC 5322 §3.3).
#[must_use]
pub fn rfc5322(unix_s: i64, offset_min: i32) -> String {
    let m = moment(unix_s, offset_min);
    let month = MONTHS[(m.day.month - 1) as usize];
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:04}",
        WEEKDAYS[m.weekday],
        m.day.day,
        month,
        m.day.year,
        m.hour,
        m.minute,
        m.second,
        m.sign,
        m.zone
    )
}

/// `02-Nov-2026 08:00:00 +0700` (RFC 9051 §9 `date-time`, without its quotes).
#[must_use]
pub fn imap_internal(unix_s: i64, offset_min: i32) -> String {
    let m = moment(unix_s, offset_min);
    let month = MONTHS[(m.day.month - 1) as usize];
    format!(
        "{:02}-{}-{:04} {:02}:{:02}:{:02} {}{:04}",
        m.day.day, month, m.day.year, m.hour, m.minute, m.second, m.sign, m.zone
    )
}

/// `2026-11-02T01:00:00Z` (RFC 3339 §5.6).
#[must_use]
pub fn utc(unix_s: i64) -> String {
    let m = moment(unix_s, 0);
    let d = m.day;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        d.year, d.month, d.day, m.hour, m.minute, m.second
    )
}

/// Unix seconds of an RFC 3339 time; fractions are dropped, any offset is understood.
#[must_use]
pub fn parse_utc(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    if !text.is_ascii() || b.len() < 20 || b.len() > 40 {
        return None;
    }
    if b[4] != b'-' || b[7] != b'-' || !matches!(b[10], b'T' | b't' | b' ') {
        return None;
    }
    if b[13] != b':' || b[16] != b':' {
        return None;
    }
    let number = |from: usize, to: usize| digits(&text[from..to]);
    let day = Day {
        year: number(0, 4)? as i32,
        month: number(5, 7)?,
        day: number(8, 10)?,
    };
    let seconds = clock(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    let mut rest = &text[19..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit())?;
        if end == 0 {
            return None;
        }
        rest = &fraction[end..];
    }
    let offset_min = match rest {
        "Z" | "z" => 0,
        _ => numeric_zone(&rest.replacen(':', "", 1))?,
    };
    Some(unix_day(day)? * DAY_S + seconds - i64::from(offset_min) * 60)
}

/// Unix seconds and the sender's offset in minutes of a `Date` value, read leniently:
/// obsolete forms, comments, two-digit years and missing zones (RFC 5322 §4.3) are understood.
#[must_use]
pub fn parse_rfc5322(text: &str) -> Option<(i64, i32)> {
    if text.len() > DATE_LEN_MAX {
        return None;
    }
    let mut found = Pieces::default();
    let plain = without_comments(text);
    for token in plain
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|t| !t.is_empty())
    {
        found.take(token);
    }
    let day = Day {
        year: found.year?,
        month: found.month?,
        day: found.day?,
    };
    let offset_min = found.zone.unwrap_or(0);
    let seconds = unix_day(day)? * DAY_S + found.clock? - i64::from(offset_min) * 60;
    Some((seconds, offset_min))
}

#[derive(Default)]
struct Pieces {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    clock: Option<i64>,
    zone: Option<i32>,
}

impl Pieces {
    fn take(&mut self, token: &str) {
        let first = token.as_bytes()[0];
        if token.contains(':') {
            self.clock = self.clock.or_else(|| time_of_day(token));
        } else if first == b'+' || first == b'-' {
            self.zone = self.zone.or_else(|| numeric_zone(token));
        } else if token.contains('-') {
            token
                .split('-')
                .filter(|t| !t.is_empty())
                .for_each(|t| self.take(t));
        } else if first.is_ascii_digit() {
            self.number(token);
        } else if let Some(month) = month_number(token) {
            self.month = self.month.or(Some(month));
        } else if self.clock.is_some() {
            self.zone = self.zone.or_else(|| named_zone(token));
        }
    }

    fn number(&mut self, token: &str) {
        let Some(n) = digits(token) else { return };
        if self.day.is_none() && token.len() <= 2 {
            self.day = Some(n);
        } else if self.year.is_none() && token.len() <= 4 {
            // RFC 5322 §4.3: two digits below 50 are of this century, other short years add 1900.
            self.year = Some(match token.len() {
                1 | 2 if n < 50 => n as i32 + 2000,
                1..=3 => n as i32 + 1900,
                _ => n as i32,
            });
        }
    }
}

fn without_comments(text: &str) -> String {
    let mut depth = 0u32;
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => continue,
        }
        if depth == 1 && c == '(' {
            plain.push(' ');
        }
    }
    plain
}

fn time_of_day(token: &str) -> Option<i64> {
    let mut fields = token.split(':');
    let hour = digits(fields.next()?)?;
    let minute = digits(fields.next()?)?;
    let second = match fields.next() {
        Some(text) => digits(text.split('.').next()?)?,
        None => 0,
    };
    clock(hour, minute, second)
}

fn clock(hour: u32, minute: u32, second: u32) -> Option<i64> {
    // A leap second is read as the second after it.
    (hour < 24 && minute < 60 && second <= 60)
        .then(|| i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn month_number(token: &str) -> Option<u32> {
    let head = token.get(..3)?;
    let at = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(head))?;
    Some(at as u32 + 1)
}

fn numeric_zone(token: &str) -> Option<i32> {
    let sign = match token.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    // `+070` is `+0700` with a digit lost.
    let scale = match token.len() {
        4 => 10,
        5 => 1,
        _ => return None,
    };
    let value = digits(token.get(1..)?)? as i32 * scale;
    let (hours, minutes) = (value / 100, value % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// RFC 5322 §4.3 obs-zone; unknown names count as `-0000`. `ICT` is Indochina Time.
fn named_zone(token: &str) -> Option<i32> {
    let hours = match token.to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "ICT" => 7,
        _ => 0,
    };
    Some(hours * 60)
}

/// The day on which an instant falls for someone at that offset.
#[must_use]
pub fn day_of(unix_s: i64, offset_min: i32) -> Day {
    moment(unix_s, offset_min).day
}

/// Days since 1970-01-01, or `None` for a day that no calendar has.
#[must_use]
pub fn unix_day(day: Day) -> Option<i64> {
    let Day { year, month, day } = day;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(0..=9999).contains(&year) || day == 0 || day > length {
        return None;
    }
    // Counting years from March puts the leap day last, which makes the month lengths regular.
    let (y, m) = (
        i64::from(year) - i64::from(month <= 2),
        i64::from((month + 9) % 12),
    );
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * m + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn civil(days: i64) -> Day {
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let month = (m + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Day {
        year: year as i32,
        month: month as u32,
        day: (of_year - (153 * m + 2) / 5 + 1) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORNING: i64 = 1_793_581_200; // 2026-11-02 08:00:00 +0700

    fn check(input: &str, expected: Option<(i64, i32)>) {
        assert_eq!(parse_rfc5322(input), expected, "{input:?}");
    }

    #[test]
    fn days_are_read_as_printed_and_nothing_else_is() {
        for text in ["2026-11-02", "0000-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "2026-1-2",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "02-11-2026",
            "2026/11/02",
            "2026-11-02 ",
            "+026-11-02",
            "2026-11-0\u{664}",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad:?}");
        }
        let json = serde_json::to_string(&Day::parse("2025-06-30")).unwrap();
        assert_eq!(json, "\"2025-06-30\"");
        assert!(serde_json::from_str::<Day>("\"2025-06-31\"").is_err());
    }

    #[test]
    fn dates_are_printed_for_each_protocol() {
        assert_eq!(rfc5322(MORNING, 420), "Mon, 02 Nov 2026 08:00:00 +0700");
        assert_eq!(imap_internal(MORNING, 420), "02-Nov-2026 08:00:00 +0700");
        assert_eq!(utc(MORNING), "2026-11-02T01:00:00Z");
        assert_eq!(rfc5322(0, -570), "Wed, 31 Dec 1969 14:30:00 -0930");
        assert_eq!(
            day_of(MORNING - 2 * 3600, 420),
            Day {
                year: 2026,
                month: 11,
                day: 2
            }
        );
        assert_eq!(
            day_of(MORNING - 2 * 3600, 0),
            Day {
                year: 2026,
                month: 11,
                day: 1
            }
        );
        assert_eq!(utc(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(utc(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(
            rfc5322(i64::MIN, i32::MIN),
            "Sat, 01 Jan 0000 00:00:00 -2359"
        );
        assert_eq!(
            rfc5322(i64::MAX, i32::MAX),
            "Fri, 31 Dec 9999 23:59:59 +2359"
        );
    }

    #[test]
    fn dates_are_read_leniently() {
        check("Mon, 02 Nov 2026 08:00:00 +0700", Some((MORNING, 420)));
        check(
            "Mon, 2 Nov 2026 08:00 +0700 (Giờ Đông Dương (ICT))",
            Some((MORNING, 420)),
        );
        check(" 2 Nov 26 01:00:00 GMT", Some((MORNING, 0)));
        check("02-Nov-2026 08:00:00 +0700", Some((MORNING, 420)));
        check("Mon Nov  2 01:00:00 2026", Some((MORNING, 0)));
        check("Mon Nov  2 08:00:00 ICT 2026", Some((MORNING, 420)));
        check("Sun, 1 Nov 2026 17:00:00 PST", Some((MORNING, -480)));
        check("Mon, 2 Nov 2026 08:00:00 +070", Some((MORNING, 420)));
        check("Mon, 02 Nov 2026", None);
        check("Mon, 31 Feb 2026 08:00:00 +0700", None);
        check("", None);
        check("hôm nay", None);
    }

    #[test]
    fn rfc_3339_is_read_with_offset_and_fraction() {
        for text in [
            "2026-11-02T01:00:00Z",
            "2026-11-02T08:00:00+07:00",
            "2026-11-02t01:00:00.999z",
        ] {
            assert_eq!(parse_utc(text), Some(MORNING), "{text}");
        }
        for text in [
            "",
            "2026-11-02",
            "2026-13-02T01:00:00Z",
            "2026-11-02T01:00:00",
            "2026-11-02T01:00:00.Z",
        ] {
            assert_eq!(parse_utc(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_returns() {
        for days in -146_097..146_097 {
            assert_eq!(unix_day(civil(days)), Some(days));
        }
    }
}
