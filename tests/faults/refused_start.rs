//! What the operator sees when the server cannot start: the cause, and what to do.

use std::process::Command;
use tests::process::{binary, free_base};

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
