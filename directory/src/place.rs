//! Place: from where and when somebody may sign in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Seconds by which the hours of policies are ahead of UTC: Viet Nam's one zone, without summer time.
const ZONE_S: i64 = 7 * 60 * 60;
/// Bits before those of an IPv4 address in an IPv6 one.
const MAPPED_BITS: u32 = 96;
/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// As they are written.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A network: an address and how many bits of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Net {
    first: IpAddr,
    bits: u32,
}

impl Net {
    /// `10.0.0.0/8`, `2001:db8::/32`, or one address. Bits that do not count are cleared.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = width(&address);
        let bits = bits.unwrap_or(most);
        let (address, bits) = match address.to_canonical() {
            // IPv4 in IPv6's clothes (RFC 4291 §2.5.5.2): where only its bits count it is IPv4's network.
            v4 @ IpAddr::V4(_) if most == 128 && bits >= MAPPED_BITS => (v4, bits - MAPPED_BITS),
            _ => (address, bits),
        };
        (bits <= width(&address)).then(|| Self {
            first: cut(address, bits),
            bits,
        })
    }

    /// Whether an address lies in it. An IPv4 address that came over IPv6 is one of IPv4.
    pub(crate) fn has(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        width(&ip) == width(&self.first) && cut(ip, self.bits) == self.first
    }

    /// Whether all of another lies in it.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        other.bits >= self.bits && self.has(other.first)
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

fn width(ip: &IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with only its first bits left.
fn cut(ip: IpAddr, bits: u32) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Ipv4Addr::from(u32::from(v4) & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Ipv6Addr::from(u128::from(v6) & mask).into()
        }
    }
}

/// Hours of a week.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Week {
    /// First minute and the one behind the last, of a week that begins on Monday.
    spans: Vec<(u32, u32)>,
}

impl Week {
    /// Of words such as `mon-fri 07:00-18:00`; what is none is passed over.
    pub(crate) fn of(words: &[String]) -> Self {
        let each = words.iter().filter_map(|word| read(word));
        let mut spans: Vec<(u32, u32)> = each
            .flat_map(|(days, from, to)| days.map(move |day| (day * DAY + from, day * DAY + to)))
            .collect();
        spans.sort_unstable();
        // Spans that meet are one, so that what lies in two of them lies in one.
        let mut met: Vec<(u32, u32)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match met.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => met.push((from, to)),
            }
        }
        Self { spans: met }
    }

    /// One word in its one spelling; `None`: it is none.
    pub(crate) fn spelled(word: &str) -> Option<String> {
        let (days, from, to) = read(word)?;
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let (first, last) = (days.start as usize, days.end as usize - 1);
        let days = match first == last {
            true => DAYS[first].to_owned(),
            false => format!("{}-{}", DAYS[first], DAYS[last]),
        };
        Some(format!("{days} {}-{}", clock(from), clock(to)))
    }

    /// Whether a time lies in them, by the clock of Viet Nam.
    pub(crate) fn has(&self, unix_s: i64) -> bool {
        let local = unix_s.saturating_add(ZONE_S);
        // 1970-01-01 was a Thursday.
        let day = (local.div_euclid(86_400) + 3).rem_euclid(7);
        let minute = day * i64::from(DAY) + local.rem_euclid(86_400) / 60;
        let mut spans = self.spans.iter();
        spans.any(|(from, to)| (i64::from(*from)..i64::from(*to)).contains(&minute))
    }

    /// Whether all of the others lie in them.
    pub(crate) fn holds(&self, others: &Self) -> bool {
        let within = |other: &(u32, u32)| {
            let mut spans = self.spans.iter();
            spans.any(|span| span.0 <= other.0 && other.1 <= span.1)
        };
        others.spans.iter().all(within)
    }
}

/// Days, and the first minute of each and the one behind the last.
fn read(word: &str) -> Option<(std::ops::Range<u32>, u32, u32)> {
    let (days, hours) = word.split_once(' ')?;
    let day = |name: &str| DAYS.iter().position(|known| *known == name);
    let (first, last) = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    let (from, to) = hours.trim().split_once('-')?;
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let at = hour.checked_mul(60)?.checked_add(minute)?;
        (minute < 60 && at <= DAY).then_some(at)
    };
    let (from, to) = (minute(from)?, minute(to)?);
    let days = u32::try_from(first).ok()?..u32::try_from(last).ok()? + 1;
    (first <= last && from < to).then_some((days, from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_networks() {
        let check = |net: &str, ip: &str, expected: bool| {
            let found = Net::parse(net).unwrap().has(ip.parse().unwrap());
            assert_eq!(found, expected, "{ip} in {net}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.1.1", true);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("::ffff:10.0.0.0/104", "10.2.3.4", true);
        check("::ffff:10.0.0.0/104", "::ffff:10.2.3.4", true);
        check("::ffff:10.0.0.0/104", "11.2.3.4", false);
        check("::ffff:192.0.2.7", "192.0.2.7", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "2001:db9::1", true);
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "x",
            "::/129",
            "::ffff:10.0.0.0/129",
            "10.0.0.0/-1",
        ] {
            assert_eq!(Net::parse(bad), None, "{bad}");
        }
        for (said, is) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ] {
            assert_eq!(Net::parse(said).unwrap().to_string(), is);
        }
    }

    #[test]
    fn hours_are_those_of_viet_nam() {
        let week = Week::of(&["mon-fri 07:00-18:00".into(), "sat 08:00-12:00".into()]);
        // Monday 2026-11-23, 07:00 in Viet Nam, is midnight UTC.
        let monday = 1_795_392_000;
        let check = |at: i64, expected: bool| assert_eq!(week.has(at), expected, "{at}");
        check(monday - 1, false);
        check(monday, true);
        check(monday + 11 * 3600 - 1, true);
        check(monday + 11 * 3600, false);
        check(monday + 4 * 86_400, true);
        check(monday + 5 * 86_400, false);
        check(monday + 5 * 86_400 + 3600, true);
        check(monday + 6 * 86_400 + 3600, false);
        let all = Week::of(&["mon-sun 00:00-24:00".into()]);
        assert!(all.holds(&week) && !week.holds(&all) && all.has(monday - 1));
        let joined = Week::of(&["mon 08:00-12:00".into(), "mon 12:00-17:00".into()]);
        assert!(joined.holds(&Week::of(&["mon 09:00-15:00".into()])));
        for bad in [
            "mon",
            "mon 7-8",
            "fri-mon 08:00-09:00",
            "mon 09:00-09:00",
            "day 08:00-09:00",
            "mon 08:60-09:00",
        ] {
            assert_eq!(Week::spelled(bad), None, "{bad}");
        }
    }
}
