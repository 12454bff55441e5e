//! Citations: one form, each with a row in STANDARDS.md; a row that says *full* is cited by code.

use crate::files::{none, root, with_ending};
use std::collections::{BTreeMap, BTreeSet};

/// RFC numbers named in a text as `RFC` and a number.
fn cited(text: &str) -> BTreeSet<u32> {
    text.match_indices("RFC ")
        .filter_map(|(at, _)| {
            let digits: String = text[at + 4..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            (3..=5)
                .contains(&digits.len())
                .then(|| digits.parse().ok())
                .flatten()
        })
        .collect()
}

/// Rows `| 9051 | title | status | room |`.
fn rows() -> BTreeMap<u32, (String, String)> {
    let text = std::fs::read_to_string(root().join("STANDARDS.md")).expect("STANDARDS.md");
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let number = cells.get(1)?.parse().ok()?;
            Some((
                number,
                (cells.get(3)?.to_string(), cells.get(4)?.to_string()),
            ))
        })
        .collect()
}

#[test]
fn every_cited_rfc_has_a_row() {
    let rows = rows();
    let mut missing = BTreeSet::new();
    for (path, text) in with_ending(&[".rs", ".ts", ".tsx"]) {
        for number in cited(&text) {
            if !rows.contains_key(&number) {
                missing.insert(format!("RFC {number} ({path})"));
            }
        }
    }
    none(
        "cited without a row in STANDARDS.md",
        &missing.into_iter().collect::<Vec<_>>(),
    );
}

#[test]
fn rows_are_honest() {
    let mut by_room: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (path, text) in with_ending(&[".rs", ".ts", ".tsx"]) {
        let room = path.split('/').next().unwrap_or_default().to_owned();
        by_room.entry(room).or_default().extend(cited(&text));
    }
    let mut wrong = Vec::new();
    for (number, (status, room)) in rows() {
        if !["full", "partial", "planned", "no"].contains(&status.as_str()) {
            wrong.push(format!("RFC {number}: status {status:?}"));
        }
        let cites = room
            .split(' ')
            .any(|room| by_room.get(room).is_some_and(|set| set.contains(&number)));
        if status == "full" && !cites {
            wrong.push(format!("RFC {number} is full, yet {room} cites it nowhere"));
        }
    }
    none("rows of STANDARDS.md", &wrong);
}

#[test]
fn citations_have_one_form() {
    let mut wrong = Vec::new();
    for (path, text) in with_ending(&[".rs", ".ts", ".tsx"]) {
        if path.starts_with("tests/tidy") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let other = ["RFC-", "rfc ", "Rfc ", ", section ", " Section "]
                .iter()
                .any(|form| line.contains(form));
            // RFC822 is a word of IMAP itself (RFC 3501 §6.4.5).
            let plain = line.replace("RFC822", "");
            let glued = plain
                .match_indices("RFC")
                .any(|(at, _)| plain[at + 3..].starts_with(|c: char| c.is_ascii_digit()));
            if (other && line.to_lowercase().contains("rfc")) || glued {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("cite as `RFC 9051 §6.3.2`", &wrong);
}
