//! RFC 5321 §5.1: which hosts take a domain's mail, in which order, and which addresses of theirs are asked. Pure.

use delivery::MailHost;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Mail exchangers of one domain that are asked; some domains name dozens.
pub const HOSTS_MAX: usize = 10;
/// Addresses of one host that are asked.
pub const ADDRESSES_MAX: usize = 8;

/// Why a domain's mail goes nowhere, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nowhere {
    /// RFC 7505 §3: the domain says that it takes no mail.
    Null,
    /// RFC 5321 §5.1: the best host is this one, which knows no such domain.
    Here,
}

/// The hosts to ask, in order: by preference, at random within one (RFC 5321 §5.1), and none that is as far from
/// the mailbox as we are. `own`: our names.
pub(crate) fn hosts(
    mut hosts: Vec<MailHost>,
    own: &[String],
    random: &mut dyn FnMut() -> u64,
) -> Result<Vec<String>, Nowhere> {
    let named = |host: &MailHost| !host.name.is_empty();
    if !hosts.is_empty() && !hosts.iter().any(named) {
        return Err(Nowhere::Null);
    }
    // RFC 7505 §3 forbids a null MX beside others: then the others count.
    hosts.retain(named);
    let ours = |host: &&MailHost| own.iter().any(|own| own.eq_ignore_ascii_case(&host.name));
    if let Some(here) = hosts.iter().filter(ours).map(|h| h.preference).min() {
        hosts.retain(|host| host.preference < here);
        if hosts.is_empty() {
            return Err(Nowhere::Here);
        }
    }
    let mut keyed: Vec<(u16, u64, String)> = hosts
        .into_iter()
        .map(|host| (host.preference, random(), host.name.to_ascii_lowercase()))
        .collect();
    keyed.sort();
    let mut names: Vec<String> = Vec::new();
    for (_, _, name) in keyed {
        if names.len() < HOSTS_MAX && !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// RFC 8305 §4: addresses in the order to try: the families in turn, IPv6 first.
pub(crate) fn addresses(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut six, mut four): (Vec<IpAddr>, Vec<IpAddr>) =
        found.into_iter().partition(IpAddr::is_ipv6);
    six.reverse();
    four.reverse();
    let mut order: Vec<IpAddr> = Vec::new();
    while order.len() < ADDRESSES_MAX {
        let next = match order.len() % 2 {
            0 => six.pop().or_else(|| four.pop()),
            _ => four.pop().or_else(|| six.pop()),
        };
        match next {
            Some(ip) if order.contains(&ip) => {}
            Some(ip) => order.push(ip),
            None => break,
        }
    }
    order
}

/// Whether DNS of strangers may send us there: not to this machine, not into its network (RFC 6890 §2.2). Only
/// a route that the operator wrote leads to such addresses.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // RFC 6052 §2.1 and RFC 3056 §2: an IPv4 address in disguise.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        // Teredo, documentation, and what else is no host's own.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only global unicast is given out (2000::/3).
        _ => s[0] & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[(u16, &str)], own: &[&str], expected: Result<&[&str], Nowhere>) {
        let own: Vec<String> = own.iter().map(|o| (*o).to_owned()).collect();
        let given = given.iter().map(|(preference, name)| MailHost {
            preference: *preference,
            name: (*name).to_owned(),
        });
        // Counting down: within one preference the last comes first.
        let mut n = 100;
        let got = hosts(given.collect(), &own, &mut || {
            n -= 1;
            n
        });
        let expected = expected.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
        assert_eq!(got, expected);
    }

    #[test]
    fn hosts_come_by_preference_and_at_random_within_one() {
        check(
            &[(20, "c"), (10, "a"), (10, "B")],
            &[],
            Ok(&["b", "a", "c"]),
        );
        check(&[], &[], Ok(&[]));
        check(&[(0, "")], &[], Err(Nowhere::Null));
        check(&[(0, ""), (10, "a")], &[], Ok(&["a"]));
        check(
            &[(10, "a"), (20, "US"), (20, "b"), (30, "c")],
            &["us"],
            Ok(&["a"]),
        );
        check(&[(10, "us"), (10, "a")], &["us"], Err(Nowhere::Here));
        check(&[(10, "a"), (20, "a")], &[], Ok(&["a"]));
        let many: Vec<(u16, String)> = (0..50).map(|n| (n, format!("h{n}"))).collect();
        let many: Vec<(u16, &str)> = many.iter().map(|(p, n)| (*p, n.as_str())).collect();
        let names: Vec<&str> = many.iter().take(HOSTS_MAX).map(|(_, n)| *n).collect();
        check(&many, &[], Ok(&names));
    }

    #[test]
    fn families_take_turns_and_ipv6_is_first() {
        let check = |given: &[&str], expected: &[&str]| {
            let parse = |list: &[&str]| -> Vec<IpAddr> {
                list.iter().map(|ip| ip.parse().unwrap()).collect()
            };
            assert_eq!(addresses(parse(given)), parse(expected));
        };
        check(
            &["192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.1"],
            &["2001:db8::1", "192.0.2.1", "192.0.2.2"],
        );
        check(
            &["2001:db8::1", "2001:db8::2"],
            &["2001:db8::1", "2001:db8::2"],
        );
        check(&[], &[]);
    }

    #[test]
    fn strangers_do_not_send_us_into_our_own_network() {
        let check = |ip: &str, public: bool| {
            assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
        };
        for ip in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ] {
            check(ip, false);
        }
        for ip in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "203.0.112.1",
            "2606:4700::1",
            "2405:4800::25",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            check(ip, true);
        }
    }
}
