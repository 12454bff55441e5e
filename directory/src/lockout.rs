//! Back-off after failed sign-ins; pure over a time argument.
//!
//! Three counts, since each alone can be abused: of a name from one network (guessing one password), of a
//! network (guessing many names), and of a name from anywhere (guessing from many networks). The last waits
//! a minute at most: nobody can lock another out for long. Many people share the address of an office, so a
//! network waits seconds only, and not at all with a name that lately signed in from there.
//!
//! Codes of a second factor have a count of their own for all networks together: six digits are few, so who knows the
//! password may try a few of them only, from however many networks. It does not wait where the account lately signed
//! in by a code, so that a stranger's tries do not keep its owner out.

use crate::bounded::Bounded;
use std::net::IpAddr;

/// A count is forgotten after so long without a failure.
pub const FORGET_MS: i64 = 60 * 60 * 1000;
/// Names and networks remembered, of each kind of count.
pub const REMEMBERED_MAX: usize = 100_000;
/// A name that signed in from a network is at home there for so long.
pub const AT_HOME_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Failures without a wait, and the longest wait; the first wait is a second, each next one double.
#[derive(Debug, Clone, Copy)]
struct Rule {
    free: u32,
    wait_max_s: u32,
}

const PAIR: Rule = Rule {
    free: 5,
    wait_max_s: 15 * 60,
};
const NETWORK: Rule = Rule {
    free: 100,
    wait_max_s: 10,
};
const NAME: Rule = Rule {
    free: 50,
    wait_max_s: 60,
};

/// Of codes of one account, from wherever: some twenty tries in the first quarter of an hour, then four an hour.
const CODES: Rule = Rule {
    free: 10,
    wait_max_s: 15 * 60,
};

/// A peer's network: an IPv4 address, or the /64 that one IPv6 host, or one customer of a provider, has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(u128);

impl Network {
    /// That of this address; an IPv4 address in IPv6 clothes is that address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self(u128::from(u32::from(v4))),
            // Above 2^64, so never the number of an IPv4 address.
            IpAddr::V6(v6) => Self((u128::from(v6) >> 64 << 64) | (1 << 63)),
        }
    }
}

/// A keyed digest of the name that was tried.
pub(crate) type NameDigest = [u8; 32];

#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last_ms: i64,
    until_ms: i64,
}

impl Failures {
    fn wait_s(&self, now_ms: i64) -> Option<u32> {
        let left = self.until_ms.saturating_sub(now_ms);
        (left > 0).then(|| u32::try_from(left.saturating_add(999) / 1000).unwrap_or(u32::MAX))
    }

    fn raise(&mut self, rule: Rule, now_ms: i64) {
        if now_ms.saturating_sub(self.last_ms) > FORGET_MS {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last_ms = now_ms;
        if let Some(over) = self.count.checked_sub(rule.free) {
            let wait_s = 1u32
                .checked_shl(over)
                .unwrap_or(u32::MAX)
                .clamp(1, rule.wait_max_s);
            self.until_ms = now_ms.saturating_add(i64::from(wait_s) * 1000);
        }
    }
}

/// What is remembered of failures.
#[derive(Debug)]
pub(crate) struct Lockout {
    pairs: Bounded<(NameDigest, Network), Failures>,
    networks: Bounded<Network, Failures>,
    names: Bounded<NameDigest, Failures>,
    /// Codes of a second factor.
    codes: Bounded<NameDigest, Failures>,
    /// When a name last signed in from a network.
    at_home: Bounded<(NameDigest, Network), i64>,
}

impl Lockout {
    pub(crate) fn new() -> Self {
        Self {
            pairs: Bounded::new(REMEMBERED_MAX),
            networks: Bounded::new(REMEMBERED_MAX),
            names: Bounded::new(REMEMBERED_MAX),
            codes: Bounded::new(REMEMBERED_MAX),
            at_home: Bounded::new(REMEMBERED_MAX),
        }
    }

    /// Seconds that this network must wait, with this name if one is given. A name that is at home there
    /// answers for its own failures only, not for its neighbours'.
    pub(crate) fn wait(&self, name: Option<NameDigest>, from: Network, now_ms: i64) -> Option<u32> {
        let pair = name.and_then(|name| self.pairs.get(&(name, from)));
        let at_home = name.is_some_and(|name| self.is_at_home(name, from, now_ms));
        let network = self.networks.get(&from).filter(|_| !at_home);
        let waits = [pair, network];
        waits
            .into_iter()
            .flatten()
            .filter_map(|f| f.wait_s(now_ms))
            .max()
    }

    fn is_at_home(&self, name: NameDigest, from: Network, now_ms: i64) -> bool {
        self.at_home
            .get(&(name, from))
            .is_some_and(|last_ms| now_ms.saturating_sub(*last_ms) <= AT_HOME_MS)
    }

    /// Seconds that everybody must wait with this name; not asked of a secret that is known to be right.
    pub(crate) fn wait_name(&self, name: NameDigest, now_ms: i64) -> Option<u32> {
        self.names.get(&name)?.wait_s(now_ms)
    }

    /// Seconds that a code of this account must wait from a network where none of its was right lately.
    pub(crate) fn wait_code(&self, of: NameDigest, from: Network, now_ms: i64) -> Option<u32> {
        let strange = !self.is_at_home(of, from, now_ms);
        self.codes
            .get(&of)
            .filter(|_| strange)
            .and_then(|f| f.wait_s(now_ms))
    }

    fn failed_from(&mut self, name: Option<NameDigest>, from: Network, now_ms: i64) {
        self.networks
            .entry(from, Failures::default)
            .raise(NETWORK, now_ms);
        if let Some(name) = name {
            self.pairs
                .entry((name, from), Failures::default)
                .raise(PAIR, now_ms);
        }
    }

    /// A wrong code of a second factor.
    pub(crate) fn failed_code(&mut self, of: NameDigest, from: Network, now_ms: i64) {
        self.failed_from(Some(of), from, now_ms);
        self.codes.entry(of, Failures::default).raise(CODES, now_ms);
    }

    pub(crate) fn failed(&mut self, name: Option<NameDigest>, from: Network, now_ms: i64) {
        self.failed_from(name, from, now_ms);
        if let Some(name) = name {
            self.names
                .entry(name, Failures::default)
                .raise(NAME, now_ms);
        }
    }

    /// Right at last: the name starts anew. The network does not: one right account must not buy more guesses
    /// at others. Nor does the count of an account's codes: its owner's must not buy a stranger more.
    pub(crate) fn succeeded(&mut self, name: NameDigest, from: Network, now_ms: i64) {
        self.pairs.remove(&(name, from));
        self.names.remove(&name);
        *self.at_home.entry((name, from), || now_ms) = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    /// Waits after each of `count` failures of one name from one network, one as soon as allowed.
    fn check(count: u32, expected: &[u32]) {
        let mut lockout = Lockout::new();
        let (name, from) = ([1; 32], network("192.0.2.1"));
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..count {
            lockout.failed(Some(name), from, now);
            let wait = lockout.wait(Some(name), from, now).unwrap_or(0);
            waits.push(wait);
            now += i64::from(wait) * 1000;
        }
        assert_eq!(waits, expected);
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        check(8, &[0, 0, 0, 0, 1, 2, 4, 8]);
        check(
            17,
            &[
                0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900,
            ],
        );
    }

    #[test]
    fn failures_are_forgotten_and_success_clears_the_name_only() {
        let mut lockout = Lockout::new();
        let (name, from) = ([1; 32], network("192.0.2.1"));
        for _ in 0..6 {
            lockout.failed(Some(name), from, 0);
        }
        assert_eq!(lockout.wait(Some(name), from, 0), Some(2));
        assert_eq!(
            lockout.wait(Some(name), network("192.0.2.2"), 0),
            None,
            "another network"
        );
        assert_eq!(lockout.wait(Some([2; 32]), from, 0), None, "another name");
        assert_eq!(lockout.wait(Some(name), from, 2000), None);
        lockout.failed(Some(name), from, 2001 + FORGET_MS);
        assert_eq!(lockout.wait(Some(name), from, 2001 + FORGET_MS), None);
        for _ in 0..120 {
            lockout.failed(None, from, 0);
        }
        lockout.succeeded(name, from, 0);
        assert!(
            lockout.wait(Some([2; 32]), from, 0).is_some(),
            "the network still waits"
        );
    }

    #[test]
    fn a_network_waits_seconds_and_those_at_home_there_do_not() {
        let mut lockout = Lockout::new();
        let (home, guest, from) = ([1; 32], [2; 32], network("192.0.2.1"));
        lockout.succeeded(home, from, 0);
        let later = AT_HOME_MS;
        for n in 0..1000u32 {
            let mut name = [9; 32];
            name[..4].copy_from_slice(&n.to_be_bytes());
            lockout.failed(Some(name), from, later);
        }
        assert_eq!(lockout.wait(Some(home), from, later), None);
        assert_eq!(lockout.wait(Some(guest), from, later), Some(10));
        assert_eq!(lockout.wait(None, from, later), Some(10));
        assert_eq!(
            lockout.wait(Some(home), from, later + 1),
            Some(10),
            "thirty days are over"
        );
        for _ in 0..6 {
            lockout.failed(Some(home), from, later);
        }
        assert_eq!(
            lockout.wait(Some(home), from, later),
            Some(2),
            "its own failures count"
        );
    }

    #[test]
    fn a_name_tried_from_everywhere_waits_a_minute_at_most() {
        let mut lockout = Lockout::new();
        for n in 0..1000u32 {
            lockout.failed(Some([1; 32]), Network::of(IpAddr::V4(n.into())), 0);
        }
        assert_eq!(lockout.wait_name([1; 32], 0), Some(60));
        assert_eq!(
            lockout.wait(Some([1; 32]), network("198.51.100.1"), 0),
            None
        );
    }

    #[test]
    fn codes_tried_from_everywhere_are_few_and_keep_no_owner_out() {
        const HOUR: i64 = 3600 * 1000;
        let mut lockout = Lockout::new();
        let (of, home) = ([1; 32], network("192.0.2.1"));
        lockout.succeeded(of, home, 0);
        // From as many networks as there are, whenever one is let: in the first hour, and in each of a day.
        let mut tried = [0u32; 24];
        for second in 0..24 * 3600u32 {
            let now = i64::from(second) * 1000;
            let from = Network::of(IpAddr::V4((0x0a00_0000 + second).into()));
            if lockout.wait_code(of, from, now).is_none() {
                lockout.failed_code(of, from, now);
                tried[(now / HOUR) as usize] += 1;
            }
            assert_eq!(lockout.wait_code(of, home, now), None, "at home");
        }
        assert!(tried[0] <= 25, "{tried:?}");
        assert!(tried[1..].iter().all(|hour| *hour <= 5), "{tried:?}");
        // That its owner came in meanwhile buys nobody more.
        let now = 24 * HOUR - 1000;
        lockout.succeeded(of, home, now);
        let strange = network("198.51.100.1");
        assert!(lockout.wait_code(of, strange, now).is_some());
        assert_eq!(lockout.wait(Some(of), strange, now), None);
    }

    #[test]
    fn an_ipv6_host_is_its_64() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("::1"), network("0.0.0.0"));
    }
}
