//! The repository as text: its files, and the rules about their size.

use std::path::{Path, PathBuf};

/// Lines of one source file at most.
const LINES_MAX: usize = 600;
/// Lines of ARCHITECTURE.md at most.
const ARCHITECTURE_LINES_MAX: usize = 300;
/// Folders that are not ours or are made.
const SKIPPED: &[&str] = &[
    ".git",
    ".cargo",
    "target",
    "node_modules",
    "demo-data",
    "test-output",
    "dist",
];

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the root")
        .to_owned()
}

/// All files with one of these endings, as (path from the root, text), in order.
pub fn with_ending(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        let name = path
            .strip_prefix(root())
            .expect("below the root")
            .to_string_lossy()
            .into_owned();
        if endings.iter().any(|ending| name.ends_with(ending))
            && let Ok(text) = std::fs::read_to_string(path)
        {
            found.push((name, text));
        }
    });
    found.sort();
    assert!(!found.is_empty(), "no files with {endings:?}");
    found
}

fn walk(dir: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).expect("readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !SKIPPED.iter().any(|skip| name == *skip) {
                walk(&path, each);
            }
        } else {
            each(&path);
        }
    }
}

/// Fails with the list, if there is one.
pub fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn files_are_small() {
    let large: Vec<String> = with_ending(&[".rs", ".ts", ".tsx"])
        .iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(name, text)| {
            format!(
                "{name}: {} lines, at most {LINES_MAX}",
                text.lines().count()
            )
        })
        .collect();
    none("files too long (split by command, state or noun)", &large);
}

#[test]
fn the_architecture_fits_on_some_pages() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(text.lines().count() <= ARCHITECTURE_LINES_MAX);
}

#[test]
fn the_root_has_its_files() {
    let needed = [
        "README.md",
        "ARCHITECTURE.md",
        "STANDARDS.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "LICENSE",
        "check",
        ".ci/run",
        "clippy.toml",
        "deny.toml",
        "rustfmt.toml",
        "congvu.toml",
        "Cargo.lock",
    ];
    let missing: Vec<String> = needed
        .iter()
        .filter(|name| !root().join(name).exists())
        .map(|name| (*name).to_owned())
        .collect();
    none("missing at the root", &missing);
}
