//! RFC 8461: what a domain says, over verified HTTPS, of the hosts that take its mail. Reading it is pure; who asks and
//! keeps it is the [`Wire`](super::Wire).

use serde::{Deserialize, Serialize};

/// RFC 8461 §3.3: octets of a policy file that are read.
pub const POLICY_MAX: usize = 64 * 1024;
/// RFC 8461 §3.2: a policy holds for a year at most, seconds.
pub const MAX_AGE_S: u64 = 31_557_600;
/// Patterns of hosts that are kept.
const HOSTS_MAX: usize = 100;
/// RFC 8461 §3.1: octets of a policy's id.
const ID_MAX: usize = 32;

/// RFC 8461 §5: what is done with a host that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// No mail goes there.
    Enforce,
    /// It is told in reports only.
    Testing,
    /// Nothing: the domain takes its policy back.
    None,
}

/// What a domain says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What is done with other hosts.
    pub mode: Mode,
    /// Names of hosts, `*.` for one label at their beginning.
    pub hosts: Vec<String>,
    /// Seconds that it may be kept.
    pub max_age: u64,
}

impl Policy {
    /// RFC 8461 §3.2: the fields of a policy file, one a line. `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mut version, mut mode, mut max_age) = (None, None, None);
        let mut hosts = Vec::new();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim_matches([' ', '\t']);
            // Of what must stand once the first counts.
            match key {
                "version" => _ = version.get_or_insert(value),
                "mode" => _ = mode.get_or_insert(value),
                "max_age" => _ = max_age.get_or_insert(value),
                "mx" if hosts.len() < HOSTS_MAX => hosts.push(plain(value)),
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return None;
        }
        let mode = match mode? {
            "enforce" => Mode::Enforce,
            "testing" => Mode::Testing,
            "none" => Mode::None,
            _ => return None,
        };
        let digits = |text: &&str| {
            (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        let max_age = max_age.filter(digits)?.parse::<u64>().ok()?;
        let said = mode == Mode::None || !hosts.is_empty();
        said.then_some(Self {
            mode,
            hosts,
            max_age: max_age.min(MAX_AGE_S),
        })
    }

    /// RFC 8461 §4.1: whether a host of this name takes the domain's mail.
    #[must_use]
    pub fn permits(&self, host: &str) -> bool {
        let host = plain(host);
        self.hosts
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                // One label, and not none.
                Some(rest) => host
                    .split_once('.')
                    .is_some_and(|(label, above)| !label.is_empty() && above == rest),
                None => *pattern == host,
            })
    }
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// RFC 8461 §3.1: the id of a domain's policy, out of the TXT records of `_mta-sts.DOMAIN`. `None`: it has none, or it
/// is not told which.
#[must_use]
pub fn id(records: &[String]) -> Option<String> {
    let mut found = records.iter().filter(|record| {
        let rest = record.strip_prefix("v=STSv1");
        rest.is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(';'))
    });
    let (record, None) = (found.next()?, found.next()) else {
        return None;
    };
    let mut fields = record
        .split(';')
        .map(|field| field.trim_matches([' ', '\t']));
    let id = fields.find_map(|field| field.strip_prefix("id="))?;
    let fits = (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_meant() {
        let check = |text: &str, expected: Option<(Mode, &[&str], u64)>| {
            let got = Policy::parse(text);
            let expected = expected.map(|(mode, hosts, max_age)| Policy {
                mode,
                hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
                max_age,
            });
            assert_eq!(got, expected, "{text}");
        };
        check(
            "version: STSv1\r\nmode: enforce\r\nmx: MAIL.example.com.\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
            Some((
                Mode::Enforce,
                &["mail.example.com", "*.example.net"],
                604_800,
            )),
        );
        // Other line ends, no space, other fields, and a field twice.
        check(
            "version:STSv1\nnew: 1\nmode:testing\nmode: none\nmx:a\nmax_age:9999999999\n",
            Some((Mode::Testing, &["a"], MAX_AGE_S)),
        );
        check(
            "version: STSv1\nmode: none\nmax_age: 0\n",
            Some((Mode::None, &[], 0)),
        );
        for bad in [
            "",
            "version: STSv2\nmode: none\nmax_age: 1\n",
            "mode: none\nmax_age: 1\n",
            "version: STSv1\nmax_age: 1\n",
            "version: STSv1\nmode: strict\nmax_age: 1\nmx: a\n",
            "version: STSv1\nmode: enforce\nmax_age: 1\n",
            "version: STSv1\nmode: none\n",
            "version: STSv1\nmode: none\nmax_age: 1d\n",
            "version: STSv1\nmode: none\nmax_age: -1\n",
            "version: STSv1\nmode: none\nmax_age: 12345678901\n",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_star_stands_for_one_label() {
        let check = |pattern: &str, host: &str, fits: bool| {
            let policy = Policy {
                mode: Mode::Enforce,
                hosts: vec![pattern.to_owned()],
                max_age: 1,
            };
            assert_eq!(policy.permits(host), fits, "{pattern} {host}");
        };
        check("mail.example.com", "Mail.Example.com.", true);
        check("mail.example.com", "mail.example.org", false);
        check("*.example.com", "mail.example.com", true);
        check("*.example.com", "a.mail.example.com", false);
        check("*.example.com", "example.com", false);
        check("*.example.com", ".example.com", false);
        check("*.com", "example.com", true);
        check("mail.*.com", "mail.example.com", false);
    }

    #[test]
    fn the_id_is_told_by_one_record() {
        let check = |records: &[&str], expected: Option<&str>| {
            let records: Vec<String> = records.iter().map(|r| (*r).to_owned()).collect();
            assert_eq!(id(&records).as_deref(), expected, "{records:?}");
        };
        check(&["v=STSv1; id=20160831085700Z;"], Some("20160831085700Z"));
        check(&["v=STSv1;id=1", "v=spf1 -all"], Some("1"));
        check(&["v=STSv1 ; x=y; id=a1 "], Some("a1"));
        check(&["v=STSv1; id=1;", "v=STSv1; id=2;"], None);
        check(&["v=STSv1"], None);
        check(&["v=STSv1; id=;"], None);
        check(&["v=STSv1; id=a-b;"], None);
        check(&["v=STSv12; id=1;"], None);
        check(&[" v=STSv1; id=1;"], None);
        check(&[&format!("v=STSv1; id={};", "1".repeat(33))], None);
        check(&[], None);
    }
}
