//! One account out of a backup, put back into place or into a folder, never twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use storage::backup::*;
use storage::*;
use world::bench::{Bench, long, quiet, secrets, subjects};
use world::{keyword, new_mailbox};

/// Backs up account 2 with a letter in two mailboxes; then loses six letters and moves one.
fn bench_with_losses(secret: Secret) -> (Bench, Vec<Vec<u8>>) {
    let bench = Bench::new(secret);
    let account = bench.world.account(2);
    let inbox = account.mailboxes().unwrap()[0].id;
    let archive = bench.world.mailbox(2, "Lưu trữ", Some(Role::Archive));
    // The second copy of this letter.
    let twice = bench.world.deliver(2, inbox, &long(200), None);
    let mut writer = account.write().unwrap();
    writer.place(twice.email, &[inbox, archive]).unwrap();
    let words = KeywordChange::Add(vec![keyword("$seen"), keyword("khan")]);
    writer.keywords(twice.email, &words).unwrap();
    writer.commit().unwrap();
    let then = subjects(&account);
    assert_eq!(then.len(), 21);
    bench.take(7);
    let mut emails = Vec::new();
    let gather = &mut |state: &State| {
        emails.push(state.email);
        true
    };
    account.scan_all(gather).unwrap();
    let mut writer = account.write().unwrap();
    for email in emails[..5].iter().chain([&twice.email]) {
        writer.destroy(*email).unwrap();
    }
    writer.relocate(emails[6], inbox, archive).unwrap();
    writer.commit().unwrap();
    (bench, then)
}

#[test]
fn one_account_comes_back_into_place_or_into_a_folder_and_never_twice() {
    for secret in secrets() {
        let (bench, then) = bench_with_losses(secret);
        let account = bench.world.account(2);
        let scratch = bench.world.dir.path().join("scratch");
        let cut = bench.cut(Which::Newest, 2, &scratch).unwrap();
        assert_eq!(subjects(&cut.read()), then);
        let into = |into: Into, mailbox: Option<&str>| {
            place(&cut.read(), &account, &into, mailbox, &mut quiet).unwrap()
        };
        let restored = into(Into::Place, None);
        let expected = (6, 15, 0);
        assert_eq!(
            (restored.messages, restored.already, restored.mailboxes),
            expected
        );
        assert_eq!(subjects(&account), then);
        let again = into(Into::Place, None);
        assert_eq!((again.messages, again.already), (0, 21));
        assert_eq!(subjects(&account), then);
        let mut back = None;
        let find = &mut |state: &State| {
            if state.mailboxes.len() == 2 {
                back = Some(state.clone());
            }
            true
        };
        account.scan_all(find).unwrap();
        let back = back.unwrap();
        assert_eq!(back.blob, BlobId::of(long(200).as_bytes()));
        assert!(back.has("$seen") && back.has("khan") && back.received_at == 1_700_000_000);
        // Into a folder: all again, once.
        let folder = || Into::Folder("Khôi phục".into());
        let restored = into(folder(), Some("INBOX"));
        assert_eq!((restored.messages, restored.mailboxes), (21, 2));
        let again = into(folder(), Some("INBOX"));
        assert_eq!((again.messages, again.already, again.mailboxes), (0, 21, 0));
        let rest = into(folder(), None);
        assert_eq!((rest.messages, rest.mailboxes), (1, 1));
        let none = place(
            &cut.read(),
            &account,
            &folder(),
            Some("Không có"),
            &mut quiet,
        );
        assert!(matches!(none, Err(Failure::Refused(Refusal::NoMailbox(_)))));
        assert_eq!(bench.world.check(), Vec::<String>::new());
        drop(cut);
        assert!(!scratch.exists());
        let none = bench.cut(Which::Newest, 77, &scratch);
        assert!(matches!(none, Err(Failure::Refused(Refusal::NoAccount))));
        assert!(!scratch.exists());
    }
}

fn uids(account: &AccountStore, mailbox: MailboxId) -> Vec<u32> {
    let (mut found, last) = (Vec::new(), Uid::new(u32::MAX).unwrap());
    let each = &mut |uid: Uid, _: &State| {
        found.push(uid.raw());
        true
    };
    account.scan(mailbox, Uid::FIRST, last, each).unwrap();
    found
}

#[test]
fn a_shared_attachment_comes_along() {
    let bench = Bench::new(Secret::None);
    let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
    let digits: String = (0..2_000u64)
        .map(|n| format!("{}\r\n", BlobId::of(&n.to_le_bytes())))
        .collect();
    let circular = |to: &str| {
        format!(
            "From: a@x.vn\r\nTo: {to}\r\nSubject: Công văn\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nKính gửi {to}\r\n\
             --b\r\nContent-Type: application/pdf\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{digits}--b--\r\n"
        )
    };
    for account in [2, 3] {
        bench
            .world
            .deliver(account, inbox, &circular(&format!("{account}@x.vn")), None);
    }
    bench.take(1);
    for account in [2, 3] {
        let then = subjects(&bench.world.account(account));
        let scratch = bench.world.dir.path().join("scratch");
        let cut = bench.cut(Which::Newest, account, &scratch).unwrap();
        assert_eq!(subjects(&cut.read()), then);
    }
}

#[test]
fn an_account_comes_back_as_at_a_time_before_the_backup() {
    let mut bench = Bench::new(Secret::None);
    let time = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(100));
    let told = time.clone();
    bench.world.options.clock = Clock::new(move || told.load(std::sync::atomic::Ordering::SeqCst));
    bench.world.reopen();
    let account = bench.world.account(2);
    let inbox = account.mailboxes().unwrap()[0].id;
    bench.world.deliver(2, inbox, &long(400), None);
    let mut writer = account.write().unwrap();
    let gone = writer.at(inbox, Uid::new(7).unwrap()).unwrap().email;
    writer.expunge(gone, inbox).unwrap();
    writer.commit().unwrap();
    bench.world.deliver(2, inbox, &long(401), None);
    let then = subjects(&account);
    let uids_then = uids(&account, inbox);
    time.store(200, std::sync::atomic::Ordering::SeqCst);
    let mut writer = account.write().unwrap();
    writer.remove_mailbox(inbox).unwrap();
    writer.commit().unwrap();
    bench.take(300);
    let scratch = bench.world.dir.path().join("scratch");
    let cut = bench.cut(Which::Newest, 2, &scratch).unwrap();
    assert_eq!(subjects(&cut.read()).len(), 0);
    let view = cut.read().as_at(150).unwrap();
    let restored = place(&view, &account, &Into::Place, None, &mut quiet).unwrap();
    assert_eq!((restored.messages, restored.mailboxes), (21, 1));
    // A mailbox that is made again gives the Uids that its letters had.
    let made = account.mailboxes().unwrap()[0].id;
    assert_eq!(uids(&account, made), uids_then);
    assert_eq!(subjects(&account), then);
    assert_eq!(bench.world.check(), Vec::<String>::new());
}

#[test]
fn a_lost_mailbox_is_made_again_with_those_above_it() {
    let bench = Bench::new(Secret::None);
    let account = bench.world.account(2);
    let mut writer = account.write().unwrap();
    let top = writer.create_mailbox(new_mailbox("Dự án", None)).unwrap();
    let below = NewMailbox {
        parent: Some(top),
        ..new_mailbox("2026", None)
    };
    let below = writer.create_mailbox(below).unwrap();
    writer.commit().unwrap();
    bench.world.deliver(2, below, &long(300), None);
    bench.take(7);
    let mut writer = account.write().unwrap();
    writer.remove_mailbox(below).unwrap();
    writer.remove_mailbox(top).unwrap();
    writer.commit().unwrap();
    let cut = bench
        .cut(Which::Newest, 2, &bench.world.dir.path().join("scratch"))
        .unwrap();
    let restored = place(
        &cut.read(),
        &account,
        &Into::Place,
        Some("Dự án/2026"),
        &mut quiet,
    )
    .unwrap();
    assert_eq!((restored.messages, restored.mailboxes), (1, 2));
    let boxes = account.mailboxes().unwrap();
    let made = boxes.iter().find(|m| m.name == "2026").unwrap();
    let above = boxes.iter().find(|m| m.name == "Dự án").unwrap();
    assert_eq!((made.parent, made.counts.total), (Some(above.id), 1));
}
