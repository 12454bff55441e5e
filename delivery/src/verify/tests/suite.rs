//! The test suite that openspf.org made of RFC 7208, by people who know nothing of this program.

use super::*;
use crate::verify::spf::check;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Records of each name, in their order: type and data.
type Zone = BTreeMap<String, Vec<(String, String)>>;

#[derive(Deserialize)]
struct Chapter {
    about: String,
    zone: Zone,
    /// Name, section, peer, greeting, reverse-path, results that are right.
    tests: Vec<[String; 6]>,
}

/// Where this program knowingly differs.
const DIFFERS: [&str; 3] = [
    // No domain of mail can be called so, and no other is asked for its mail exchangers: they are none.
    "mx-colon-domain",
    "mx-colon-domain-ip4mapped",
    // Nobody should use the macro (RFC 7208 §7.3); it is always `unknown`, as for peers without a name.
    "p-macro-multiple",
];
/// CNAMEs that are followed.
const LEADS_MAX: usize = 8;

struct Table(Zone);

impl Table {
    /// Data of one type; DNS that does not answer does so from where it is said on.
    fn find(&self, name: &str, kind: &str) -> Result<Vec<String>, LookupError> {
        let mut name = name.trim_end_matches('.').to_ascii_lowercase();
        for _ in 0..LEADS_MAX {
            let known = self
                .0
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(&name));
            let Some((_, records)) = known else {
                return Err(LookupError::NoName);
            };
            let mut found = Vec::new();
            let mut leads = None;
            for (of, data) in records {
                match of.as_str() {
                    "TIMEOUT" if found.is_empty() => {
                        return Err(LookupError::Failed("no answer".into()));
                    }
                    "CNAME" => leads = Some(data),
                    of if of == kind => found.push(data.clone()),
                    _ => {}
                }
            }
            match leads {
                None => return Ok(found),
                Some(to) => name = to.trim_end_matches('.').to_ascii_lowercase(),
            }
        }
        Err(LookupError::Failed("CNAMEs go round".into()))
    }
}

impl Resolver for Table {
    async fn mail_hosts(&self, domain: &DomainName) -> Result<MailHosts, LookupError> {
        let hosts = self.find(domain.as_str(), "MX")?.into_iter();
        Ok(MailHosts {
            hosts: hosts
                .map(|name| MailHost {
                    preference: 10,
                    name,
                })
                .collect(),
            secure: false,
        })
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let mut all = self.find(host, "A")?;
        all.extend(self.find(host, "AAAA")?);
        Ok(all.iter().map(|ip| ip.parse().unwrap()).collect())
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, LookupError> {
        self.find(name, "TXT")
    }

    async fn names_of(&self, ip: IpAddr) -> Result<Vec<String>, LookupError> {
        let name = match ip {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(v6) => {
                let nibbles = v6.octets().into_iter().rev().flat_map(|b| [b & 15, b >> 4]);
                let each: Vec<String> = nibbles.map(|n| format!("{n:x}")).collect();
                format!("{}.ip6.arpa", each.join("."))
            }
        };
        self.find(&name, "PTR")
    }
}

#[test]
fn the_suite_of_rfc_7208_is_answered_as_it_wants() {
    let chapters: Vec<Chapter> = serde_json::from_str(include_str!("rfc7208.json")).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for chapter in chapters {
        let table = Table(chapter.zone);
        for [name, section, ip, helo, from, right] in chapter.tests {
            let arriving = Arriving {
                helo,
                ..arriving(&ip, "", b"")
            };
            let identity = Identity::written(&arriving, &from);
            let mut asking = Asking::new(&table);
            let got = ready(check(&mut asking, &arriving, identity));
            count += 1;
            let right_or_known = right.split('|').any(|one| one == got.result.word())
                != DIFFERS.contains(&name.as_str());
            if !right_or_known {
                let got = got.result.word();
                wrong.push(format!(
                    "{} {name} ({section}): {got}, not {right}",
                    chapter.about
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "of {count}:\n{}", wrong.join("\n"));
    assert_eq!(count, 203);
}
