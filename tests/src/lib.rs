//! The harness of the end-to-end tests: a whole server on loopback, and small clients of our own
//! that speak to it as strangers do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test harness fails loudly"
)]

pub mod bad_dns;
pub mod dkim_check;
pub mod fake_dns;
pub mod fake_dnssec;
pub mod fault;
pub mod http_client;
pub mod https_peer;
pub mod imap_client;
pub mod process;
pub mod push_service;
pub mod smtp_client;
pub mod smtp_sink;
pub mod stream;
pub mod world;
pub mod ws_client;

use std::path::PathBuf;

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A folder beside the repository that holds what lies at hand, if it is there; says so when not.
pub fn shared(part: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared").join(part);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: ../shared/{part} is not here");
    None
}

/// Asks again until it is so, for ten seconds at most.
#[allow(
    clippy::disallowed_methods,
    reason = "waiting for another process or thread"
)]
pub fn until(mut so: impl FnMut() -> bool) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(10) {
        if so() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    false
}

/// Where tests leave what people may want to look at (screenshots).
pub fn output(name: &str) -> PathBuf {
    let dir = root().join("test-output").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
