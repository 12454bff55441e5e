//! An administration that nobody is left to get out of: by who runs the server, while it is stopped.

use directory::{Clock, Directory, Settings};
use formats::Address;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;
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

/// The time that it is.
#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        i64::try_from(since.unwrap().as_millis()).unwrap()
    }
}

/// Takes every right from the demo's administrator, as no act of anybody does.
fn orphan(folder: &Path) {
    let options = storage::Options {
        dir: folder.join("store"),
        ..storage::Options::default()
    };
    let store = storage::Store::open(&options).unwrap();
    let settings = Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 0,
        default_domain: None,
        default_quota: None,
    };
    let directory = Directory::open(store.clone(), Arc::new(Now), settings).unwrap();
    let owner = Address::parse("quantri@tinhmau.gov.vn").unwrap();
    let mut account = directory.account_at(&owner).unwrap();
    account.grants.clear();
    directory.change_account(None, account, None).unwrap();
    drop(directory);
    store.close().unwrap();
}

#[test]
fn a_tree_that_nobody_administers_gets_an_administrator() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let base = free_base();
    let process = Process::demo(&folder, base);
    let (status, said) = admin("accounts delete quantri@tinhmau.gov.vn", &folder);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("H99") && said.contains("administrator"),
        "{said}"
    );
    assert_eq!(process.terminate(), Some(0));

    let file = dir.path().join("token");
    let path = file.to_str().unwrap();
    let new = [
        "administrator",
        "--address",
        "moi@tinhmau.gov.vn",
        "--token-file",
        path,
    ];
    let (status, said) = rescue(&new, &folder);
    assert_eq!(status, Some(1), "there is one: {said}");
    assert!(
        said.contains("quantri@tinhmau.gov.vn") && !file.exists(),
        "{said}"
    );
    orphan(&folder);
    let (status, said) = rescue(&new, &folder);
    assert_eq!(status, Some(0), "{said}");

    let process = Process::demo(&folder, base);
    let (status, said) = admin("accounts show annv@tinhmau.gov.vn", &folder);
    assert_ne!(
        status,
        Some(0),
        "whom the demo names may see nothing: {said}"
    );
    let give = "grants give quantri@tinhmau.gov.vn --agency H99 --role administrator";
    let (status, said) = admin(&format!("{give} --token-file {path}"), &folder);
    assert_eq!(status, Some(0), "{said}");
    let (_, said) = admin("audit list --act administrator", &folder);
    assert!(
        said.contains("system") && said.contains("Không còn ai duyệt"),
        "{said}"
    );
    assert_eq!(process.terminate(), Some(0));
}
