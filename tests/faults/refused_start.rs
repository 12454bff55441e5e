//! What the operator sees when the server cannot start: the cause, and what to do.

use std::process::Command;
use tests::process::{Process, binary, free_base};

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(binary()).args(arguments).output().unwrap();
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

#[test]
fn a_wrong_config_names_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, "[mail]\nsize_max = \"lots\"\n").unwrap();
    let (status, text) = run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(status, Some(2));
    assert!(
        text.contains("c.toml:2:12") && text.contains("expected"),
        "{text}"
    );
    let (status, _) = run(&["serve", "--config", path.to_str().unwrap()]);
    assert_eq!(status, Some(2));
    let (status, _) = run(&["no-such-command"]);
    assert_eq!(status, Some(2));
}

#[test]
fn a_taken_port_is_named_with_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let base = free_base();
    let _held = std::net::TcpListener::bind(("127.0.0.1", base + 143)).unwrap();
    let folder = dir.path().join("demo");
    let (status, text) = run(&[
        "demo",
        "--dir",
        folder.to_str().unwrap(),
        "--base-port",
        &base.to_string(),
    ]);
    assert_eq!(status, Some(1));
    let pid = format!("pid {}", std::process::id());
    assert!(
        text.contains(&(base + 143).to_string()) && text.contains(&pid),
        "{text}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let folder = file.join("demo");
    let (status, text) = run(&[
        "demo",
        "--dir",
        folder.to_str().unwrap(),
        "--base-port",
        "61000",
    ]);
    assert_eq!(status, Some(1));
    assert!(text.contains("file/demo"), "{text}");
}

/// A folder that is not a demo's is never touched, with or without --fresh.
#[test]
fn the_demo_touches_no_real_store() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("that");
    let config = dir.path().join("c.toml");
    let there = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (status, text) = run(&[
        "init",
        "--host",
        "mail.that.gov.vn",
        "--domain",
        "that.gov.vn",
        "--admin",
        "quantri@that.gov.vn",
        "--dir",
        &there(&folder),
        "--config",
        &there(&config),
    ]);
    assert_eq!(status, Some(0), "{text}");
    let base = free_base().to_string();
    for more in [&[][..], &["--fresh"]] {
        let mut arguments = vec!["demo", "--base-port", &base, "--dir"];
        let folder = there(&folder);
        arguments.push(&folder);
        arguments.extend_from_slice(more);
        let (status, text) = run(&arguments);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("not a folder of the demo"), "{text}");
    }
    let (status, text) = run(&["store", "verify", "--config", &there(&config)]);
    assert_eq!(status, Some(0), "{text}");
    let again = dir.path().join("again.toml");
    let (status, text) = run(&[
        "init",
        "--host",
        "mail.that.gov.vn",
        "--domain",
        "that.gov.vn",
        "--admin",
        "quantri@that.gov.vn",
        "--dir",
        &there(&folder),
        "--config",
        &there(&again),
    ]);
    assert_eq!(status, Some(1));
    assert!(text.contains("founded already"), "{text}");
    assert!(!again.exists(), "a refused init leaves no config");
    // A config that cannot be written founds nothing.
    let other = dir.path().join("other");
    let nowhere = dir.path().join("no-such-folder").join("c.toml");
    let (status, _) = run(&[
        "init",
        "--host",
        "mail.that.gov.vn",
        "--domain",
        "that.gov.vn",
        "--admin",
        "quantri@that.gov.vn",
        "--dir",
        &there(&other),
        "--config",
        &there(&nowhere),
    ]);
    assert_eq!(status, Some(1));
    assert!(!other.exists());
}

/// A running demo's folder is not cleared under it.
#[test]
fn a_running_demo_is_not_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let process = Process::demo(&folder, free_base());
    let other = free_base().to_string();
    let path = folder.to_str().unwrap();
    let (status, text) = run(&["demo", "--fresh", "--dir", path, "--base-port", &other]);
    assert_eq!(status, Some(1));
    assert!(text.contains("runs in"), "{text}");
    let mut client = tests::smtp_client::SmtpClient::connect(process.address("smtp"));
    client.ehlo();
    let letter = b"From: a@b.example\r\n\r\nstill here\r\n";
    let reply = client.transaction("a@b.example", &["annv@tinhmau.gov.vn"], letter);
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(process.terminate(), Some(0));
    let (status, text) = run(&["store", "verify", "--dir", path]);
    assert_eq!(status, Some(0), "{text}");
}
