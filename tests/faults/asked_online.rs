//! What an operator asks of a store while its server runs: the command for a stopped one asks the server.

use std::process::{Command, Stdio};
use tests::process::{Process, binary, free_base};

fn congvu(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    let done = command.env_remove("CONGVU_TOKEN").output().unwrap();
    let both = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    (done.status.code(), text)
}

#[test]
fn a_running_server_verifies_its_own_store() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let process = Process::demo(&folder, free_base());
    // It has started itself anew, as the same process, with a measure for the memory that it keeps.
    let environment = std::fs::read(format!("/proc/{}/environ", process.id())).unwrap();
    let measured = |variable: &[u8]| variable.starts_with(b"MALLOC_MMAP_THRESHOLD_=");
    assert!(environment.split(|octet| *octet == 0).any(measured));
    let path = folder.to_str().unwrap();
    for more in [&[][..], &["--deep"]] {
        let words = [&["store", "verify", "--dir", path], more].concat();
        let (status, text) = congvu(&words);
        assert_eq!(status, Some(0), "{text}");
        // Nothing but the answer: no progress where there is no terminal.
        assert_eq!(text, "Kho thư toàn vẹn. / Every invariant holds.\n");
        let words = [&["admin", "--demo", path, "store", "verify"], more].concat();
        assert_eq!(congvu(&words), (Some(0), "Kho thư toàn vẹn.\n".into()));
    }
    let pid = format!("(pid {})", process.id());
    let foreign = [
        "store",
        "verify",
        "--dir",
        path,
        "--url",
        "https://127.0.0.1:9",
    ];
    let (status, text) = congvu(&[&foreign[..], &["--token", "x"]].concat());
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains(&pid) && text.contains("could not be asked"),
        "{text}"
    );
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    for words in [
        &["store", "rebuild", "--dir", path][..],
        &["store", "maintain", "--dir", path],
    ] {
        let (status, text) = congvu(words);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(&pid), "{text}");
    }
    assert_eq!(process.terminate(), Some(0));
}
