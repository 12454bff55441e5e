//! Stores of earlier programs and of the other engine, as an operator meets them.

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::process::{Process, binary, free_base};

/// Status, and what was said.
fn run(arguments: &[&str], dir: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(binary());
    // Where there is no congvu.toml.
    command.args(arguments).current_dir(dir.parent().unwrap());
    let done = command.arg("--dir").arg(dir).output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (done.status.code(), text)
}

fn does(arguments: &[&str], dir: &Path, says: &str) -> String {
    let (status, text) = run(arguments, dir);
    assert_eq!(status, Some(0), "{arguments:?}: {text}");
    assert!(text.contains(says), "{arguments:?}: {text}");
    text
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, &to).unwrap()),
        }
    }
}

#[test]
fn an_upgrade_is_told_once_with_what_it_kept() {
    for (name, from, kept) in [
        ("v1-store", 1, "before-2"),
        ("v2-store", 2, "before-3"),
        ("v3-store", 3, "before-4"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let golden = tests::root().join("storage/tests/golden").join(name);
        copy(&golden, &data.join("store"));
        let text = does(&["store", "verify"], &data, "Every invariant holds");
        let told: Vec<&str> = text.lines().filter(|l| l.contains("upgraded")).collect();
        assert_eq!(told.len(), 1, "{text}");
        let kept = data.join("store").join(kept);
        for part in [
            &format!("từ định dạng {from} lên 4"),
            &format!("from the format {from} to 4"),
            kept.to_str().unwrap(),
        ] {
            assert!(told[0].contains(part), "{text}");
        }
        let again = does(&["store", "verify"], &data, "Every invariant holds");
        assert!(!again.contains("upgraded"), "{again}");
    }
}

#[test]
fn a_demo_that_was_moved_to_the_other_engine_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, base) = (folder.path().join("demo"), free_base());
    assert_eq!(Process::demo(&dir, base).terminate(), Some(0));
    let migrate = ["store", "migrate", "--engine", "fjall"];
    does(&migrate, &dir, "the config need not be changed");
    for command in ["verify", "rebuild", "snapshot", "maintain", "repair"] {
        does(&["store", command], &dir, "");
    }
    let demo = Process::demo(&dir, base);
    does(&["store", "verify"], &dir, "Every invariant holds");
    let other = free_base().to_string();
    let (status, text) = run(&["demo", "--base-port", &other], &dir);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains(&format!("(pid {})", demo.id())), "{text}");
    assert!(text.contains("đang chạy") && text.contains("runs in"));
    assert_eq!(demo.terminate(), Some(0));
    // A config that names another engine than the store's.
    let config = folder.path().join("c.toml");
    std::fs::write(&config, "[storage]\nengine = \"sled\"\n").unwrap();
    let verify = ["store", "verify", "--config", config.to_str().unwrap()];
    let (status, text) = run(&verify, &dir);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("is kept by fjall, not by sled"), "{text}");
}
