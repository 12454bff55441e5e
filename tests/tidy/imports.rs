//! Who may import whom: ARCHITECTURE.md's table against every Cargo.toml.

use crate::files::{none, root, with_ending};

/// Room, and which of ours it may import. Imports point only down the page.
const TABLE: &[(&str, &[&str])] = &[
    ("formats", &[]),
    ("storage", &["formats"]),
    ("directory", &["storage", "formats"]),
    ("delivery", &["directory", "storage", "formats"]),
    ("smtp", &["delivery", "directory", "formats"]),
    ("imap", &["directory", "storage", "formats"]),
    ("pop3", &["directory", "storage", "formats"]),
    ("jmap", &["delivery", "directory", "storage", "formats"]),
    ("login", &["directory", "formats"]),
    ("webmail", &[]),
    ("admin", &["delivery", "directory", "storage", "formats"]),
    (
        "server",
        &[
            "formats",
            "storage",
            "directory",
            "delivery",
            "smtp",
            "imap",
            "pop3",
            "jmap",
            "login",
            "webmail",
            "admin",
        ],
    ),
    (
        "tests",
        &[
            "formats",
            "storage",
            "directory",
            "delivery",
            "smtp",
            "imap",
            "pop3",
            "jmap",
            "login",
            "webmail",
            "admin",
            "server",
        ],
    ),
];

/// Crates of others that only these rooms may name.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("anyhow", &["server"]),
    ("clap", &["server"]),
    ("hickory-resolver", &["server", "tests"]),
    ("rlimit", &["server"]),
    ("rustls", &["server", "tests"]),
    ("tokio-rustls", &["server", "tests"]),
    ("sled", &["storage"]),
    ("tantivy", &["storage"]),
    // Sign-ins, and passphrases of sealed backups.
    ("argon2", &["directory", "storage"]),
    ("chacha20poly1305", &["storage"]),
    ("fjall", &["storage"]),
    ("axum", &["jmap", "login", "webmail", "admin", "server"]),
    (
        "tokio",
        &[
            "smtp", "imap", "pop3", "jmap", "login", "admin", "server", "tests",
        ],
    ),
];

/// The names in `[section]` of a room's manifest.
fn names(room: &str, section: &str) -> Vec<String> {
    let path = root().join(room).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}", path.display()));
    let table: toml::Table = toml::from_str(&text).expect("a manifest");
    table
        .get(section)
        .and_then(toml::Value::as_table)
        .map(|section| section.keys().cloned().collect())
        .unwrap_or_default()
}

#[test]
fn imports_follow_the_table() {
    let rooms: Vec<&str> = TABLE.iter().map(|row| row.0).collect();
    let mut wrong = Vec::new();
    for (room, allowed) in TABLE {
        for name in names(room, "dependencies") {
            if rooms.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{room} imports {name}"));
            }
        }
    }
    none("imports against the table", &wrong);
}

#[test]
fn every_member_has_a_row() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let table: toml::Table = toml::from_str(&text).expect("a manifest");
    let members = table["workspace"]["members"].as_array().expect("members");
    for member in members {
        let member = member.as_str().expect("a name");
        assert!(
            TABLE.iter().any(|row| row.0 == member),
            "{member} has no row in the import table"
        );
    }
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (room, _) in TABLE {
        for name in names(room, "dependencies") {
            if let Some((_, rooms)) = ONLY_IN.iter().find(|row| row.0 == name)
                && !rooms.contains(room)
            {
                wrong.push(format!("{room} names {name}"));
            }
        }
    }
    none("crates outside their rooms", &wrong);
}

#[test]
fn each_engine_is_named_in_one_file() {
    for engine in ["sled", "fjall"] {
        let named: Vec<String> = with_ending(&[".rs"])
            .into_iter()
            .filter(|(name, _)| !name.starts_with("tests/"))
            .filter(|(_, text)| text.contains(&format!("{engine}::")))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(named, [format!("storage/src/engine/{engine}.rs")]);
    }
}

/// Machines and wire formats have no socket, no clock and no task (I-14, I-15).
#[test]
fn machines_know_no_socket_and_no_clock() {
    let machines = [
        "machine.rs",
        "receiver.rs",
        "data.rs",
        "command.rs",
        "view.rs",
        "maildrop.rs",
        "reply.rs",
        "ask.rs",
    ];
    let mut wrong = Vec::new();
    for (name, text) in with_ending(&[".rs"]) {
        let protocol = ["smtp/src", "imap/src", "pop3/src"]
            .iter()
            .any(|room| name.starts_with(room));
        let machine = machines
            .iter()
            .any(|end| name.ends_with(&format!("/{end}")))
            || name.contains("/wire/");
        let formats = name.starts_with("formats/src");
        if (protocol && machine) || formats {
            for word in [
                "tokio",
                "SystemTime",
                "Instant::now",
                "std::net::Tcp",
                "std::env",
            ] {
                if text
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(word))
                {
                    wrong.push(format!("{name}: {word}"));
                }
            }
        }
    }
    none("machines that know too much", &wrong);
}
