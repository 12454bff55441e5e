//! The room judged from outside: real mail, hostile mail, Vietnamese vectors, attacks on webmail.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod attack;
mod corpus;
mod hostile;
mod letter;
mod message;
mod vectors;

use std::path::{Path, PathBuf};

/// A folder of the shared test material; prints a line and gives nothing when it is absent.
fn shared(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [root.join("../../shared"), root.join("../shared")];
    let found = places
        .into_iter()
        .map(|place| place.join(folder))
        .find(|place| place.exists());
    if found.is_none() {
        println!("skipped: shared/{folder} is absent");
    }
    found
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
