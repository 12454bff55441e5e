//! An administration that nobody is left to get out of: by who runs the server, while it is stopped.

use std::path::Path;
use std::process::Command;
use tests::process::{Process, binary, free_base};

/// Status, and all that was said.
fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(binary());
    let done = command.args(arguments).arg(folder).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn admin(line: &str, folder: &Path) -> (Option<i32>, String) {
    let words = line.split(' ');
    let arguments: Vec<&str> = ["admin"]
        .into_iter()
        .chain(words)
        .chain(["--demo"])
        .collect();
    run(&arguments, folder)
}

/// `congvu rescue`, with a reason, in the folder.
fn rescue(words: &[&str], folder: &Path) -> (Option<i32>, String) {
    let reason = ["--reason", "Không còn ai duyệt", "--dir"];
    run(&[&["rescue"], words, &reason].concat(), folder)
}

#[test]
fn a_rule_that_nobody_can_lift_is_lifted_on_the_stopped_server() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let base = free_base();
    let process = Process::demo(&folder, base);
    let set = "policies set H99.1 two_persons=delete_account --lock";
    let (status, said) = admin(set, &folder);
    assert_eq!(status, Some(0), "{said}");
    let delete = "accounts delete annv@tinhmau.gov.vn";
    let (_, said) = admin(delete, &folder);
    assert!(said.contains("202"), "{said}");
    let lift = ["two-persons", "--agency", "H99.1"];
    let (status, said) = rescue(&lift, &folder);
    assert_eq!(status, Some(1), "a server that runs: {said}");
    assert_eq!(process.terminate(), Some(0));
    let (status, said) = rescue(&["two-persons", "--agency", "H99.2"], &folder);
    assert_eq!(status, Some(1), "it says nothing: {said}");
    let (status, said) = rescue(&lift, &folder);
    assert_eq!(status, Some(0), "{said}");
    let file = dir.path().join("token");
    let path = file.to_str().unwrap();
    let owner = "quantri@tinhmau.gov.vn";
    let token = ["token", "--address", owner, "--token-file", path];
    let (status, said) = rescue(&token, &folder);
    assert_eq!(status, Some(0), "{said}");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(!said.contains(secret.trim()), "it is in the file alone");
    let (status, said) = rescue(&token, &folder);
    assert_eq!(status, Some(1), "the file is there: {said}");

    let process = Process::demo(&folder, base);
    let (status, said) = admin(&format!("{delete} --token-file {path}"), &folder);
    assert_eq!(status, Some(0), "{said}");
    let (_, said) = admin("audit list --act two_persons", &folder);
    assert!(
        said.contains("system") && said.contains("Không còn ai duyệt"),
        "{said}"
    );
    let (_, said) = admin("audit list --act credential.create --limit 1", &folder);
    assert!(said.contains("system") && said.contains(owner), "{said}");
    assert_eq!(process.terminate(), Some(0));
}
