//! What the repository must not hold: paths of one machine, download addresses, secrets.

use crate::files::{none, with_ending};

#[test]
fn no_machine_paths() {
    // Spelt in two pieces so that this file does not find itself.
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/home", "/"),
    ];
    let mut found = Vec::new();
    for (path, text) in with_ending(&[
        ".rs", ".ts", ".tsx", ".mjs", ".md", ".toml", ".sh", "check", "run",
    ]) {
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("paths of one machine", &found);
}

#[test]
fn lock_files_hold_no_addresses() {
    let mut found = Vec::new();
    for (path, text) in with_ending(&["package-lock.json"]) {
        if text.contains("\"resolved\": \"http") {
            found.push(path);
        }
    }
    none(
        "download addresses in lock files (omit-lockfile-registry-resolved)",
        &found,
    );
}
