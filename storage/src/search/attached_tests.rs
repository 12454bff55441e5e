//! The text of attached files, from what is due to what is found.

use super::tests::{account, options, put};
use super::*;
use crate::keyring::tests::master;
use crate::{KeySource, Options};

const NONE: [u64; 0] = [];
const DUE_NONE: [(u32, u64); 0] = [];

fn letter(file: &str) -> Vec<u8> {
    format!(
        "Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nthân\r\n--o\r\n\
         Content-Type: application/octet-stream; name={file}\r\n\r\nx\r\n--o--\r\n"
    )
    .into_bytes()
}

fn settle(store: &Store) {
    for _ in 0..200 {
        if !store.index_step().unwrap().more {
            return;
        }
    }
    panic!("the index is never done");
}

fn due(store: &Store) -> Vec<(u32, u64)> {
    let all = std::iter::from_fn(|| store.attached_due());
    let mut all: Vec<_> = all
        .map(|(account, email)| (account.raw(), email.raw()))
        .collect();
    all.sort_unstable();
    all
}

fn keep(store: &Store, account: u32, email: u64, text: &str) {
    let found = Attached {
        account: AccountId::new(account).unwrap(),
        email: EmailId::new(email).unwrap(),
        text: text.to_owned(),
    };
    store.keep_attached(&[found]).unwrap();
}

fn found(store: &Store, number: u32, needle: &str) -> Vec<u64> {
    let found = account(store, number).sought_attached(needle);
    found.into_iter().map(EmailId::raw).collect()
}

fn text(store: &Store, number: u32, email: u64) -> Option<String> {
    account(store, number).attached_text(EmailId::new(email).unwrap())
}

fn check(options: &Options) {
    let store = Store::open(options).unwrap();
    let plain = || b"Subject: x\r\n\r\nth\r\n".to_vec();
    put(
        &account(&store, 2),
        &[letter("a.docx"), plain(), letter("b.pdf")],
    );
    put(&account(&store, 3), &[plain(), letter("c.xlsx")]);
    assert_eq!(due(&store), DUE_NONE);
    settle(&store);
    assert_eq!(due(&store), [(2, 1), (2, 3), (3, 2)]);
    assert_eq!(due(&store), DUE_NONE, "each is told once");
    let read = |due: (u32, u64)| {
        let due = (AccountId::new(due.0).unwrap(), EmailId::new(due.1).unwrap());
        store.attached_message(due)
    };
    let (summary, content) = read((2, 3)).unwrap();
    assert_eq!(&*content, letter("b.pdf"));
    assert_eq!(formats::document::files(&summary, &content).count(), 1);
    assert_eq!(read((2, 9)), Err(Error::NotFound));
    keep(&store, 2, 1, "Quyết định số 45");
    keep(&store, 2, 3, "");
    assert_eq!(found(&store, 2, "quyet dinh so 45"), [1]);
    assert_eq!(found(&store, 2, "Quyết"), [1]);
    assert_eq!(found(&store, 2, "45"), [1]);
    assert_eq!(found(&store, 2, "46"), NONE);
    assert_eq!(found(&store, 3, "quyet"), NONE);
    assert_eq!(text(&store, 2, 1).as_deref(), Some("Quyết định số 45"));
    assert_eq!(text(&store, 2, 3), None);
    // Neither of nobody, nor twice.
    keep(&store, 2, 2_000, "nhầm");
    keep(&store, 2, 1, "lần hai");
    assert_eq!(found(&store, 2, "nham"), NONE);
    assert_eq!(found(&store, 2, "lan hai"), NONE);
    let in_body = account(&store, 2).sought(Place::Body, "quyết").unwrap();
    assert!(in_body.possible.is_empty());
    store.close().unwrap();
    drop(store);
    // What stops in between is due again; what could not be read is not.
    let store = Store::open(options).unwrap();
    settle(&store);
    assert_eq!(due(&store), [(3, 2)]);
    store.look_for_attached();
    assert_eq!(due(&store), [(3, 2)]);
    assert_eq!(text(&store, 2, 1).as_deref(), Some("Quyết định số 45"));
    let own = account(&store, 2);
    let mut writer = own.write().unwrap();
    writer.destroy(EmailId::new(1).unwrap()).unwrap();
    writer.commit().unwrap();
    store.inner.shared.search.sweep();
    settle(&store);
    assert_eq!(found(&store, 2, "quyet"), NONE);
    assert_eq!(text(&store, 2, 1), None);
    keep(&store, 2, 1, "đã xóa");
    assert_eq!(found(&store, 2, "da xoa"), NONE);
}

#[test]
fn what_is_due_is_told_until_it_was_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    check(&options(dir.path()));
}

#[test]
fn a_sealed_store_keeps_the_text_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = Options {
        keys: KeySource::Master(master()),
        ..options(dir.path())
    };
    check(&sealed);
    let store = Store::open(&sealed).unwrap();
    settle(&store);
    let secret = "matkhaubimat ".repeat(50);
    keep(&store, 3, 2, &secret);
    assert_eq!(found(&store, 3, "matkhaubimat"), [2]);
    assert_eq!(text(&store, 3, 2), Some(secret));
    store.close().unwrap();
    for file in std::fs::read_dir(sealed.dir.join(FOLDER))
        .unwrap()
        .flatten()
    {
        let octets = std::fs::read(file.path()).unwrap();
        assert!(!octets.windows(12).any(|w| w == b"matkhaubimat"));
    }
}

/// What only the index knows of is told as well while new mail comes faster than anybody reads.
#[test]
fn old_mail_is_told_while_new_mail_comes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&options(dir.path())).unwrap();
    let three = [letter("a.docx"), letter("b.docx"), letter("c.docx")];
    put(&account(&store, 2), &three);
    settle(&store);
    store.look_for_attached();
    let mut told = Vec::new();
    for _ in 0..16 {
        put(&account(&store, 3), &[letter("d.docx"), letter("e.docx")]);
        settle(&store);
        let (account, email) = store.attached_due().unwrap();
        told.push((account.raw(), email.raw()));
    }
    let old = told.iter().filter(|(account, _)| *account == 2).count();
    assert_eq!(old, 3, "{told:?}");
    told.extend(due(&store));
    told.sort_unstable();
    let all = (1..=3)
        .map(|email| (2, email))
        .chain((1..=32).map(|e| (3, e)));
    assert_eq!(told, all.collect::<Vec<_>>(), "each once");
}

/// An index of another version is made anew, and the files are read again.
#[test]
fn an_older_index_is_made_anew_with_attached_files() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let store = Store::open(&options).unwrap();
    put(&account(&store, 2), &[letter("a.docx")]);
    settle(&store);
    assert_eq!(due(&store), [(2, 1)]);
    keep(&store, 2, 1, "một");
    store.close().unwrap();
    drop(store);
    let about = options.dir.join(FOLDER).join("about");
    std::fs::write(&about, "1 4 plain").unwrap();
    let store = Store::open(&options).unwrap();
    settle(&store);
    assert_eq!(due(&store), [(2, 1)]);
    keep(&store, 2, 1, "hai");
    assert_eq!(found(&store, 2, "hai"), [1]);
    assert_eq!(found(&store, 2, "mot"), NONE);
}

/// A text of more runs than the index takes is found all the same, by being read.
#[test]
fn a_text_of_too_many_runs_is_always_possible() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&options(dir.path())).unwrap();
    put(&account(&store, 2), &[letter("a.docx")]);
    settle(&store);
    let all = (0x4e00..0x4e00 + 20_000).filter_map(char::from_u32);
    let many: String = all.flat_map(|c| [c, 'a', c, 'b', c, 'c', ' ']).collect();
    keep(&store, 2, 1, &many);
    assert_eq!(found(&store, 2, "bất kỳ"), [1]);
    assert_eq!(text(&store, 2, 1), Some(many));
}
