//! Forbidden names, unfinished work, and the numbers of invariants.

use crate::files::{none, root, with_ending};

/// Words that say nothing about what is inside.
const FORBIDDEN: &[&str] = &[
    "common", "util", "utils", "helper", "helpers", "manager", "core", "base", "misc", "types",
    "handler",
];

/// The words of a name: `BaseThing`, `base_thing` and `base-thing` have two.
fn parts(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if !letter.is_alphanumeric() || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            words
                .last_mut()
                .expect("never empty")
                .extend(letter.to_lowercase());
        }
    }
    words
}

fn forbidden(name: &str) -> bool {
    parts(name)
        .iter()
        .any(|word| FORBIDDEN.contains(&word.as_str()))
}

#[test]
fn names_say_what_is_inside() {
    let mut wrong = Vec::new();
    for (path, text) in with_ending(&[".rs", ".ts", ".tsx"]) {
        // `base_subject` and `base64` are the field's own words.
        if path
            .split(['/', '.'])
            .any(|piece| forbidden(&piece.replace("base_subject", "")))
        {
            wrong.push(path.clone());
        }
        for line in text.lines() {
            let line = line
                .trim_start()
                .trim_start_matches("pub ")
                .trim_start_matches("export ");
            for kind in ["struct ", "enum ", "trait ", "mod ", "class ", "interface "] {
                let Some(rest) = line.strip_prefix(kind) else {
                    continue;
                };
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if forbidden(&name) {
                    wrong.push(format!("{path}: {name}"));
                }
            }
        }
    }
    none("names that say nothing", &wrong);
}

#[test]
fn nothing_is_left_unfinished() {
    // Spelt in two pieces so that this file does not find itself.
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
    ];
    let mut found = Vec::new();
    for (path, text) in with_ending(&[".rs", ".ts", ".tsx", ".mjs"]) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("unfinished or ignored", &found);
}

/// Every invariant of ARCHITECTURE.md (I-01 …) has a test whose name begins with its number.
#[test]
fn invariants_have_tests_with_their_numbers() {
    let architecture =
        std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let sources = with_ending(&[".rs"]);
    let mut missing = Vec::new();
    for number in 1..=20 {
        let name = format!("I-{number:02}");
        if !architecture.contains(&name) {
            missing.push(format!("{name} is not in ARCHITECTURE.md"));
        }
        let mark = format!("fn i{number:02}_");
        if !sources.iter().any(|(_, text)| text.contains(&mark)) {
            missing.push(format!("{name} has no test named i{number:02}_…"));
        }
    }
    none("invariants", &missing);
}

/// I-13: where something can grow, a constant with a name says how far; queues are never unbounded.
#[test]
fn i13_queues_are_bounded() {
    let mut wrong = Vec::new();
    for (path, text) in with_ending(&[".rs"]) {
        for word in [
            concat!("unbounded_", "channel"),
            concat!("mpsc::chan", "nel()"),
            concat!("channel::<()>", "()"),
        ] {
            if text.lines().any(|line| line.contains(word)) && !path.starts_with("tests/tidy") {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    none("unbounded queues", &wrong);
}

/// I-15: nothing below server reads clock, environment or a path of its own.
#[test]
fn i15_only_server_knows_the_machine() {
    let mut wrong = Vec::new();
    for (path, text) in with_ending(&[".rs"]) {
        let below =
            path.contains("/src/") && !path.starts_with("server/") && !path.starts_with("tests/");
        if !below {
            continue;
        }
        for word in [
            "SystemTime::now",
            "std::env::",
            "env::var",
            "\"/proc",
            "\"/etc",
            "\"/tmp",
            "\"/var",
        ] {
            for (number, line) in text.lines().enumerate() {
                if line.contains(word) && !line.trim_start().starts_with("//") {
                    wrong.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    none("rooms that know the machine", &wrong);
}

/// I-05: an account's writer is taken in plain functions only, so that it cannot live across an `.await`.
#[test]
fn i05_no_writer_in_async_functions() {
    let mut wrong = Vec::new();
    for (path, text) in with_ending(&[".rs"]) {
        if !path.contains("/src/") {
            continue;
        }
        let mut in_async = false;
        for (number, line) in text.lines().enumerate() {
            if line.contains("fn ") && !line.trim_start().starts_with("//") {
                in_async = line.contains("async fn ");
            }
            if in_async && (line.contains(".write()?") || line.contains(".commit()")) {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("writers in async functions", &wrong);
}
