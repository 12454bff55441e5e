//! Real mail clients and a real browser against `congvu demo`.
//! `./check fast` leaves out what is here by the prefix of its names.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail loudly, and start and stop programs"
)]

mod dkim;
mod peers;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use tests::process::{Process, free_base};

/// One demo for all clients of this run.
fn demo() -> &'static Path {
    static DEMO: OnceLock<(tempfile::TempDir, Process)> = OnceLock::new();
    let (_, process) = DEMO.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("demo");
        std::fs::create_dir(&folder).unwrap();
        let process = Process::demo(&folder, free_base());
        // The test process's end takes the demo along: statics are not dropped.
        end_with_us(process.id());
        (dir, process)
    });
    &process.dir
}

/// Kills the demo when this test process is gone.
fn end_with_us(demo: u32) {
    let own = std::process::id();
    let watch =
        format!("while kill -0 {own} 2>/dev/null; do sleep 1; done; kill -TERM {demo} 2>/dev/null");
    let mut watcher = Command::new("sh").args(["-c", &watch]).spawn().unwrap();
    std::thread::spawn(move || watcher.wait());
}

fn need(programs: &[&str]) {
    for program in programs {
        let there = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output()
            .unwrap();
        assert!(
            there.status.success(),
            "{program} is missing: ./check installs it from Debian's packages"
        );
    }
}

/// The scripts read one person's mail over POP3, which one session at a time may do.
static MAILDROP: Mutex<()> = Mutex::new(());

fn script(name: &str, programs: &[&str]) {
    let _alone = MAILDROP.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(script) = tests::shared(&format!("clients/{name}")) else {
        return;
    };
    need(programs);
    let done = Command::new("bash")
        .arg(script)
        .env("DEMO", demo().join("demo.json"))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{name}: {text}");
    assert!(text.contains("== OK"), "{name}: {text}");
}

#[test]
fn clients_curl() {
    script("curl-mail.sh", &["curl", "python3"]);
}

#[test]
fn clients_msmtp_and_mbsync() {
    script("msmtp-mbsync.sh", &["msmtp", "mbsync", "openssl"]);
}

#[test]
fn clients_swaks() {
    script("swaks.sh", &["swaks"]);
}

#[test]
fn clients_fetchmail() {
    script("fetchmail.sh", &["fetchmail"]);
}

#[test]
fn clients_getmail() {
    script("getmail.sh", &["getmail"]);
}

/// A flow that lies beside this file; each has a person of its own.
fn flow(program: &str, name: &str, programs: &[&str]) {
    need(programs);
    let facts = demo().join("demo.json");
    let done = Command::new(program)
        .arg(tests::root().join("tests/clients").join(name))
        .arg(&facts)
        .env("DEMO", &facts)
        .env("NODE_EXTRA_CA_CERTS", demo().join("ca.pem"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{name}: {text}");
    assert!(text.contains("== OK"), "{name}: {text}");
}

#[test]
fn clients_poplib() {
    flow("python3", "maildrop.py", &["python3"]);
}

#[test]
fn clients_imaplib() {
    flow("python3", "imap_flow.py", &["python3"]);
}

#[test]
fn clients_jmapc() {
    flow("python3", "jmap_flow.py", &["python3"]);
}

/// npm's package is the webmail's development dependency.
#[test]
fn clients_jmap_jam() {
    flow("node", "jam_flow.mjs", &["node"]);
}

#[test]
fn clients_offlineimap() {
    flow("bash", "offlineimap.sh", &["offlineimap", "python3"]);
}

#[test]
fn clients_neomutt() {
    flow("bash", "neomutt.sh", &["neomutt", "script", "python3"]);
}

#[test]
fn clients_scram() {
    flow("bash", "scram.sh", &["gsasl", "mpop", "python3"]);
}

#[test]
fn clients_imapclient() {
    flow("python3", "flows/python_clients.py", &["python3"]);
}

#[test]
fn clients_alpine() {
    flow("python3", "flows/alpine.py", &["alpine", "python3"]);
}

#[test]
fn clients_thunderbird() {
    flow(
        "python3",
        "flows/thunderbird.py",
        &["thunderbird", "Xvfb", "python3"],
    );
}

#[test]
fn clients_claws_mail() {
    flow(
        "python3",
        "flows/claws.py",
        &["claws-mail", "Xvfb", "xdotool", "python3"],
    );
}

#[test]
fn clients_browser() {
    need(&["node", "chromium"]);
    // A province of its own: the other clients' letters would come in between.
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let process = Process::demo(&folder, free_base());
    let done = Command::new("node")
        .arg(tests::root().join("tests/clients/browser.mjs"))
        .env("DEMO", process.dir.join("demo.json"))
        .env("OUT", tests::output("browser"))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}");
}
