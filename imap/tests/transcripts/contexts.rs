//! RFC 5267 CONTEXT=SEARCH and CONTEXT=SORT.

use crate::door::{World, check};

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    for subject in ["mango", "banana", "orange", "apple"] {
        let raw = format!("Subject: {subject}\r\n\r\nbody of {subject}\r\n");
        world.append(1, "INBOX", "", raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    world
}

#[test]
fn changes_of_a_search_are_told() {
    let mut world = world();
    check(
        &mut world,
        r#"C: a SEARCH RETURN (UPDATE CONTEXT COUNT) FLAGGED
           S: * ESEARCH (TAG "a") COUNT 0
           S: a OK SEARCH completed
           C: b STORE 2:3 +FLAGS.SILENT (\Flagged)
           S: * ESEARCH (TAG "a") ADDTO (0 2:3)
           S: b OK …
           C: c STORE 2 -FLAGS.SILENT (\Flagged)
           S: * ESEARCH (TAG "a") REMOVEFROM (0 2)
           S: c OK …
           C: d STORE 3 +FLAGS.SILENT (viec)
           S: * FLAGS …
           S: d OK …"#,
    );
    world.login(2);
    world.ask(2, "SELECT INBOX");
    check(
        &mut world,
        r#"C2: b STORE 1 FLAGS.SILENT (\Flagged \Deleted)
           S2: b OK …
           C: e NOOP
           S: * 1 FETCH …
           S: * ESEARCH (TAG "a") ADDTO (0 1)
           S: e OK …
           C2: c EXPUNGE
           S2: * 1 EXPUNGE
           S2: c OK …
           C: f FETCH 2 UID
           S: * 2 FETCH (UID 2)
           S: * ESEARCH (TAG "a") REMOVEFROM (0 1)
           S: f OK …
           C: g NOOP
           S: * 1 EXPUNGE
           S: g OK …
           C: h SEARCH RETURN (UPDATE) FLAGGED
           S: h OK …
           C: h SEARCH RETURN (UPDATE) ALL
           S: h BAD [CLIENTBUG] this tag names a search that goes on
           C: i CANCELUPDATE "a" "nosuch" "h"
           S: i NO [CLIENTBUG] …
           C: i STORE 1 +FLAGS.SILENT (\Flagged)
           S: * ESEARCH (TAG "a") ADDTO (0 1)
           S: * ESEARCH (TAG "h") ADDTO (0 1)
           S: i OK …
           C: i STORE 1 -FLAGS.SILENT (\Flagged)
           S: * ESEARCH (TAG "a") REMOVEFROM (0 1)
           S: * ESEARCH (TAG "h") REMOVEFROM (0 1)
           S: i OK …
           C: i CANCELUPDATE "a" "h" "a"
           S: i OK …
           C: j STORE 1 +FLAGS.SILENT (\Flagged)
           S: j OK …
           C: k CANCELUPDATE "a"
           S: k NO [CLIENTBUG] …"#,
    );
}

#[test]
fn arrivals_are_judged_by_their_content() {
    let mut world = world();
    check(
        &mut world,
        r#"C: a UID SEARCH RETURN (UPDATE ALL) BODY "of kiwi"
           S: * ESEARCH (TAG "a") UID
           S: a OK …
           C: b UID SEARCH RETURN (UPDATE COUNT) UID 3:* UNSEEN
           S: * ESEARCH (TAG "b") UID COUNT 2
           S: b OK …
           C: c SEARCH RETURN (UPDATE COUNT) 1:4
           S: * ESEARCH (TAG "c") COUNT 4
           S: c OK …"#,
    );
    world.login(2);
    world.append(2, "INBOX", "", b"Subject: kiwi\r\n\r\nbody of kiwi\r\n");
    world.append(
        2,
        "INBOX",
        "(\\Seen)",
        b"Subject: kiwi\r\n\r\nnothing of it\r\n",
    );
    check(
        &mut world,
        r#"C: d NOOP
           S: * 6 EXISTS
           S: * 6 RECENT
           S: * ESEARCH (TAG "a") UID ADDTO (0 5)
           S: * ESEARCH (TAG "b") UID ADDTO (0 5)
           S: d OK …
           C: e UNSELECT
           S: e OK …"#,
    );
}

#[test]
fn changes_of_a_sorted_result_have_their_place() {
    let mut world = world();
    check(
        &mut world,
        r#"C: a UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED
           S: * ESEARCH (TAG "a") UID ALL 4,2,1,3
           S: a OK SORT completed
           C: b SORT RETURN (UPDATE PARTIAL 1:2) (REVERSE SUBJECT) UTF-8 UNDELETED
           S: * ESEARCH (TAG "b") PARTIAL (1:2 3,1)
           S: b OK SORT completed
           C: c STORE 2,3 +FLAGS.SILENT (\Deleted)
           S: * ESEARCH (TAG "a") UID REMOVEFROM (2 2 3 3)
           S: * ESEARCH (TAG "b") REMOVEFROM (1 3 2 2)
           S: c OK …
           C: d STORE 2,3 -FLAGS.SILENT (\Deleted)
           S: * ESEARCH (TAG "a") UID ADDTO (2 2 4 3)
           S: * ESEARCH (TAG "b") ADDTO (2 2 1 3)
           S: d OK …"#,
    );
    world.login(2);
    world.append(2, "INBOX", "", b"Subject: lemon\r\n\r\nx\r\n");
    check(
        &mut world,
        r#"C: e NOOP
           S: * 5 EXISTS
           S: * 5 RECENT
           S: * ESEARCH (TAG "a") UID ADDTO (3 5)
           S: * ESEARCH (TAG "b") ADDTO (3 5)
           S: e OK …"#,
    );
}

#[test]
fn i13_contexts_are_limited() {
    let mut world = world();
    for n in 1..=8 {
        world.send(1, format!("t{n} SEARCH RETURN (UPDATE) ALL\r\n").as_bytes());
        assert_eq!(world.line(1), format!("t{n} OK SEARCH completed"));
    }
    check(
        &mut world,
        r#"C: a UID SEARCH RETURN (UPDATE COUNT) ALL
           S: * ESEARCH (TAG "a") UID COUNT 4
           S: * NO [NOUPDATE "a"] …
           S: a OK …
           C: b CANCELUPDATE "t1" "t2"
           S: b OK …
           C: c SEARCH RETURN (UPDATE COUNT) YOUNGER 5
           S: * ESEARCH (TAG "c") COUNT …
           S: * NO [NOUPDATE "c"] …
           S: c OK …
           C: d SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY SUBJECT a
           S: * ESEARCH (TAG "d") COUNT 4
           S: * NO [NOUPDATE "d"] …
           S: d OK …
           C: e ESEARCH IN (mailboxes Sent) RETURN (UPDATE COUNT) ALL
           S: * NO [NOUPDATE "e"] …
           S: e OK …
           C: f ESEARCH RETURN (UPDATE COUNT) SUBJECT mango
           S: * ESEARCH (TAG "f" MAILBOX INBOX UIDVALIDITY …) UID COUNT 1
           S: f OK …
           C: g STORE 1 +FLAGS.SILENT (\Seen)
           S: g OK …
           C: h UNSELECT
           S: h OK …
           C: i ESEARCH IN (mailboxes Sent) RETURN (UPDATE) ALL
           S: i BAD …"#,
    );
}

/// A result as a client keeps it (RFC 5267 §4.3.2).
#[derive(Debug, Default)]
struct Followed {
    tag: &'static str,
    by_uid: bool,
    list: Vec<u32>,
}

impl Followed {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["*", number, "EXPUNGE"] = words[..]
            && !self.by_uid
        {
            let gone: u32 = number.parse().unwrap();
            assert!(!self.list.contains(&gone), "{} {line}", self.tag);
            self.list
                .iter_mut()
                .filter(|n| **n > gone)
                .for_each(|n| *n -= 1);
        }
        let uid = if self.by_uid { " UID" } else { "" };
        let start = format!("* ESEARCH (TAG \"{}\"){uid} ", self.tag);
        let Some(rest) = line.strip_prefix(&start) else {
            return;
        };
        let (word, pairs) = rest.split_once(" (").unwrap();
        let pairs: Vec<&str> = pairs.trim_end_matches(')').split(' ').collect();
        for pair in pairs.chunks(2) {
            let (at, set) = (pair[0].parse::<usize>().unwrap(), numbers(pair[1]));
            match word {
                "ADDTO" if at == 0 => {
                    self.list.extend(set);
                    self.list.sort_unstable();
                }
                "ADDTO" => drop(self.list.splice(at - 1..at - 1, set)),
                _ => set.iter().for_each(|n| {
                    let place = self.list.iter().position(|m| m == n).expect("it was there");
                    assert!(at == 0 || place == at - 1, "{line}");
                    self.list.remove(place);
                }),
            }
        }
    }
}

fn numbers(set: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        from.parse::<u32>().unwrap()..=to.parse().unwrap()
    };
    set.split(',').flat_map(range).collect()
}

fn fresh(world: &mut World, search: &str) -> Vec<u32> {
    let line = world.ask(1, search).swap_remove(0);
    let words = line.split(' ').skip(2);
    words.map(|n| n.parse().unwrap()).collect()
}

#[test]
fn i16_what_is_followed_is_what_a_new_search_finds() {
    let mut world = world();
    let searches = [
        ("a", true, "UID SORT", "(SUBJECT) UTF-8 UNDELETED"),
        ("b", false, "SEARCH", "UNSEEN"),
        ("c", true, "UID SEARCH", "OR FLAGGED SUBJECT an"),
        (
            "d",
            false,
            "SORT",
            "(REVERSE SIZE SUBJECT) UTF-8 NOT FLAGGED",
        ),
    ];
    let mut followed: Vec<Followed> = Vec::new();
    for (tag, by_uid, command, rest) in searches {
        let list = fresh(&mut world, &format!("{command} {rest}"));
        world.send(
            1,
            format!("{tag} {command} RETURN (UPDATE) {rest}\r\n").as_bytes(),
        );
        assert!(world.line(1).starts_with(&format!("{tag} OK")));
        followed.push(Followed { tag, by_uid, list });
    }
    world.login(2);
    world.ask(2, "SELECT INBOX");
    let mut dice = 20_261_122u64;
    let mut roll = |sides: u64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for step in 0..300 {
        let (who, uid) = (1 + roll(2) as u32, 1 + roll(12 + step / 8));
        let flag = ["\\Seen", "\\Flagged", "\\Deleted"][roll(3) as usize];
        let sign = ["+", "-"][roll(2) as usize];
        let command = match roll(12) {
            0 => "EXPUNGE".to_owned(),
            1 | 2 => {
                let subject = ["mango", "an apple", "Ổi", "banana"][roll(4) as usize];
                let raw = format!(
                    "Subject: {subject}\r\n\r\n{}\r\n",
                    "x".repeat(roll(90) as usize)
                );
                world.append(
                    2,
                    "INBOX",
                    ["", "(\\Flagged)"][roll(2) as usize],
                    raw.as_bytes(),
                );
                "NOOP".to_owned()
            }
            3 => "FETCH 1 UID".to_owned(),
            4 => format!("UID MOVE {uid} Trash"),
            _ => format!("UID STORE {uid}:{} {sign}FLAGS ({flag})", uid + roll(3)),
        };
        let told = world.ask(who, &command);
        if who == 1 {
            told.iter()
                .for_each(|line| followed.iter_mut().for_each(|f| f.hear(line)));
        }
        if step % 10 == 9 {
            let told = world.ask(1, "NOOP");
            told.iter()
                .for_each(|line| followed.iter_mut().for_each(|f| f.hear(line)));
            for (at, (_, _, command, rest)) in searches.iter().enumerate() {
                let new = fresh(&mut world, &format!("{command} {rest}"));
                assert_eq!(followed[at].list, new, "step {step}: {command} {rest}");
            }
        }
    }
}
