//! The letters: each follows from its number alone, and with it who must get it.

use crate::fault::Chance;
use std::collections::BTreeSet;

/// Here.
pub const DOMAIN: &str = "tinh.gov.vn";
/// People whose mailboxes have room.
pub const PEOPLE: [&str; 6] = ["p0", "p1", "p2", "p3", "p4", "p5"];
/// Whose mail goes on, a copy of it stays.
pub const FORWARDER: &str = "chuyen";
/// Where it goes on.
pub const FORWARDED: [&str; 2] = ["p5@tinh.gov.vn", "ban@khac.vn"];
/// A mailbox that is full.
pub const FULL: &str = "day";
/// A list, with a list within it.
pub const LIST: &str = "phong";
pub const LIST_MEMBERS: [&str; 5] = ["p0", "p1", "p2", "to", "m1@noi.vn"];
pub const INNER: &str = "to";
pub const INNER_MEMBERS: [&str; 4] = ["p2", "p3", "phong", "m2@khac.vn"];
/// A list whose owner hears of its members.
pub const OWNED: &str = "chung";
pub const OWNED_MEMBERS: [&str; 3] = ["p0", "p4", "m3@noi.vn"];
pub const OWNER: &str = "p5";

/// Whence it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Somebody here.
    Inside(&'static str),
    /// Somebody elsewhere.
    Outside(String),
    /// Nobody: the reverse-path is null.
    Null,
}

/// A letter.
#[derive(Debug, Clone)]
pub struct Letter {
    pub number: u64,
    pub from: From,
    /// Recipients as its sender names them.
    pub to: Vec<String>,
    /// RFC 3461 NOTIFY.
    pub notify: Option<&'static str>,
    /// RFC 4865: seconds that it waits.
    pub later_s: Option<i64>,
}

/// Who must get a letter.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Names of mailboxes here.
    pub here: BTreeSet<String>,
    /// Addresses elsewhere.
    pub there: BTreeSet<String>,
    /// Of both those who came through the list that answers for itself alone.
    pub owned: BTreeSet<String>,
}

pub fn local(name: &str) -> String {
    format!("{name}@{DOMAIN}")
}

impl Letter {
    pub fn new(number: u64) -> Self {
        let mut chance = Chance::of(&[number, 77]);
        let mut person = || PEOPLE[chance.below(PEOPLE.len() as u64) as usize];
        let from = person();
        let (a, b, c) = (local(person()), local(person()), local(person()));
        let there = |host: &str| format!("x{number}@{host}");
        let kind = chance.below(16);
        let to = match kind {
            0 => vec![a],
            1 | 2 => vec![a, b, c],
            3 | 4 => vec![there("noi.vn")],
            5 => vec![
                there("noi.vn"),
                there("khac.vn"),
                format!("y{number}@noi.vn"),
            ],
            6 | 7 => vec![a, there("noi.vn"), there("xa.vn")],
            8 | 9 => vec![local(LIST)],
            10 => vec![local(LIST), a, there("khac.vn")],
            11 | 12 => vec![local(OWNED)],
            13 => vec![local(FORWARDER)],
            14 => vec![local(FORWARDER), a],
            _ => vec![local(FULL), a],
        };
        let mut to: Vec<String> = to;
        to.dedup();
        let mut seen = BTreeSet::new();
        to.retain(|one| seen.insert(one.clone()));
        let relayed = to.iter().any(|to| !to.ends_with(DOMAIN));
        let from = match chance.below(8) {
            // Only who signed in may send elsewhere.
            0..=2 if !relayed => From::Outside(format!("s{number}@xa.vn")),
            3 if !relayed => From::Null,
            _ => From::Inside(from),
        };
        let notify = match chance.below(6) {
            0 => Some("SUCCESS,DELAY,FAILURE"),
            1 => Some("NEVER"),
            2 => Some("SUCCESS"),
            _ => None,
        };
        let later = matches!(from, From::Inside(_)) && chance.once_in(6);
        let later_s = later.then(|| 600 + chance.below(5 * 3600) as i64);
        Self {
            number,
            from,
            to,
            notify,
            later_s,
        }
    }

    /// As it is sent.
    pub fn content(&self) -> Vec<u8> {
        let from = match &self.from {
            From::Inside(name) => local(name),
            From::Outside(address) => address.clone(),
            From::Null => "mailer@xa.vn".to_owned(),
        };
        let n = self.number;
        format!(
            "From: <{from}>\r\nTo: <ai@x.vn>\r\nSubject: Thu {n}\r\nMessage-ID: <k{n}@queue.example>\r\n\
             Date: Sun, 22 Nov 2026 07:00:00 +0700\r\n\r\nThu so {n}.\r\n"
        )
        .into_bytes()
    }

    /// Who must get it.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        let mut owned = BTreeSet::new();
        for to in &self.to {
            let name = to.strip_suffix(&format!("@{DOMAIN}"));
            match name {
                Some(OWNED) => owned.extend(OWNED_MEMBERS.map(str::to_owned)),
                Some(name) => expand(name, &mut reach),
                None => {
                    reach.there.insert(to.clone());
                }
            }
        }
        for member in owned {
            let set = match member.contains('@') {
                true => &mut reach.there,
                false => &mut reach.here,
            };
            if set.insert(member.clone()) {
                reach.owned.insert(member);
            }
        }
        reach
    }

    /// Whether it leads to several by an address that is no mailbox alone.
    pub fn expands(&self) -> bool {
        let several = [LIST, OWNED, FORWARDER].map(local);
        self.to.iter().any(|to| several.contains(to))
    }

    /// Whether its sender wants to hear of this (RFC 3461 §4.1).
    pub fn wants(&self, word: &str) -> bool {
        let asked = match self.notify {
            None => word != "SUCCESS",
            Some(notify) => notify.split(',').any(|one| one == word),
        };
        asked && self.from != From::Null
    }
}

fn expand(name: &str, reach: &mut Reach) {
    match name {
        LIST | INNER => {
            // The lists name each other.
            let all = LIST_MEMBERS.iter().chain(&INNER_MEMBERS);
            for member in all.filter(|member| ![LIST, INNER].contains(*member)) {
                match member.contains('@') {
                    true => reach.there.insert((*member).to_owned()),
                    false => reach.here.insert((*member).to_owned()),
                };
            }
        }
        FORWARDER => {
            reach.here.insert(FORWARDER.to_owned());
            reach.here.insert("p5".to_owned());
            reach.there.insert(FORWARDED[1].to_owned());
        }
        name => {
            reach.here.insert(name.to_owned());
        }
    }
}
