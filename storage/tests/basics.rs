//! The promises, one by one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::sync::{Arc, Mutex};
use storage::*;
use world::{World, deliver, keyword, letter, new_mailbox};

const ENGINES: [EngineKind; 2] = [EngineKind::Sled, EngineKind::Memory];

#[test]
fn i01_a_message_is_there_after_a_clean_stop_and_after_a_crash() {
    for (clean, engine) in [
        (true, ENGINES[0]),
        (true, ENGINES[1]),
        (false, ENGINES[0]),
        (false, ENGINES[1]),
    ] {
        let mut world = World::new(engine);
        let inbox = world.inbox(2);
        let text = letter(1, "Chào", &[]);
        let placed = world.deliver(2, inbox, &text, None);
        let before = world.store().fingerprint().unwrap();
        if clean {
            world.store().close().unwrap();
        }
        world.reopen();
        assert_eq!(
            world.store().fingerprint().unwrap(),
            before,
            "{engine:?} {clean}"
        );
        let account = world.account(2);
        assert_eq!(account.state(placed.email).unwrap().mailboxes, placed.uids);
        assert_eq!(&*account.content(placed.email).unwrap(), text.as_bytes());
        assert_eq!(
            account
                .summary(placed.email)
                .unwrap()
                .head
                .subject
                .as_deref(),
            Some("Chào")
        );
        assert_eq!(world.check(), Vec::<String>::new());
    }
}

#[test]
fn i02_announced_in_order_and_only_what_readers_see() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let told = Arc::new(Mutex::new(Vec::new()));
    let (sink, account) = (told.clone(), world.account(2));
    let reader = account.clone();
    let subscription = account.subscribe(Arc::new(move |modseq| {
        assert!(
            reader.modseq().unwrap() >= modseq,
            "told of what cannot be read"
        );
        sink.lock().unwrap().push(modseq.raw());
    }));
    for number in 0..20 {
        world.deliver(2, inbox, &letter(number, "x", &[]), None);
        world.inbox(100 + number as u32); // another account's commits are not told
    }
    assert_eq!(*told.lock().unwrap(), (3..23).collect::<Vec<_>>());
    drop(subscription);
    world.deliver(2, inbox, &letter(99, "x", &[]), None);
    assert_eq!(told.lock().unwrap().len(), 20);
}

#[test]
fn i03_i07_numbers_are_not_given_twice() {
    for engine in ENGINES {
        let mut world = World::new(engine);
        let inbox = world.inbox(2);
        let first = world.deliver(2, inbox, &letter(1, "x", &[]), None);
        let other = world.mailbox(2, "Khác", None);
        let mut writer = world.account(2).write().unwrap();
        writer.expunge(first.email, inbox).unwrap();
        writer.remove_mailbox(other).unwrap();
        writer.commit().unwrap();
        world.reopen();
        let second = world.deliver(2, inbox, &letter(1, "x", &[]), None);
        assert!(
            second.uids[0].1 > first.uids[0].1,
            "{engine:?}: a Uid again"
        );
        assert!(second.email > first.email, "{engine:?}: an EmailId again");
        let again = world.mailbox(2, "Khác", None);
        assert!(again > other, "{engine:?}: a MailboxId again");
    }
}

#[test]
fn i03_a_mailbox_made_again_has_another_uid_validity() {
    let world = World::new(EngineKind::Memory);
    let first = world.mailbox(2, "Thư", None);
    let validity = world.account(2).mailbox(first).unwrap().uid_validity;
    let mut writer = world.account(2).write().unwrap();
    writer.remove_mailbox(first).unwrap();
    writer.commit().unwrap();
    let again = world.mailbox(2, "Thư", None);
    assert!(world.account(2).mailbox(again).unwrap().uid_validity > validity);
}

#[test]
fn i04_each_commit_has_the_next_modseq() {
    for engine in ENGINES {
        let mut world = World::new(engine);
        let inbox = world.inbox(2);
        let placed = world.deliver(2, inbox, &letter(1, "x", &[]), None);
        let email = placed.email;
        let seen = KeywordChange::Add(vec![keyword("$seen")]);
        type Step<'a> = &'a dyn Fn(&mut Writer);
        let table: [(&str, u64, Step<'_>); 6] = [
            ("nothing", 0, &|_| ()),
            ("a keyword", 1, &|w| {
                assert!(w.keywords(email, &seen).unwrap())
            }),
            ("the same keyword", 0, &|w| {
                assert!(!w.keywords(email, &seen).unwrap())
            }),
            ("there and back", 0, &|w| {
                w.keywords(email, &KeywordChange::Set(Vec::new())).unwrap();
                w.keywords(email, &seen).unwrap();
            }),
            ("a copy", 1, &|w| drop(w.copy(email, inbox).unwrap())),
            ("an end", 1, &|w| w.destroy(email).unwrap()),
        ];
        for (what, step, act) in table {
            let before = world.account(2).modseq().unwrap().raw();
            let mut writer = world.account(2).write().unwrap();
            act(&mut writer);
            let after = writer.commit().unwrap();
            assert_eq!(after.raw(), before + step, "{engine:?}: {what}");
            world.reopen();
            assert_eq!(
                world.account(2).modseq().unwrap(),
                after,
                "{engine:?}: {what}"
            );
        }
    }
}

#[test]
fn i05_a_reader_holds_no_guard() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    for number in 0..3 {
        world.deliver(2, inbox, &letter(number, "x", &[]), None);
    }
    let (account, mut seen) = (world.account(2), 0);
    let last = Uid::new(u32::MAX).unwrap();
    // A reader may take its time, and even write, while it reads; it keeps the state it began with.
    account
        .scan(inbox, Uid::FIRST, last, &mut |uid, _| {
            seen += 1;
            world.deliver(2, inbox, &letter(100 + seen, "x", &[]), None);
            assert!(account.at(inbox, uid).is_ok());
            true
        })
        .unwrap();
    assert_eq!((seen, account.usage().unwrap().1), (3, 6));
}

#[test]
fn i06_content_is_stored_once_and_stays() {
    let mut world = World::new(EngineKind::Memory);
    let (mine, yours) = (world.inbox(2), world.inbox(3));
    let text = letter(1, "x", &[]).repeat(200);
    world.deliver(2, mine, &text, None);
    let size = |world: &World| {
        let packs = std::fs::read_dir(world.options.dir.join("packs")).unwrap();
        packs
            .map(|p| p.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    let once = size(&world);
    let placed = world.deliver(3, yours, &text, None);
    assert_eq!(size(&world), once);
    for id in [2, 3] {
        let mut writer = world.account(id).write().unwrap();
        writer.destroy(placed.email).unwrap();
        writer.commit().unwrap();
    }
    world.reopen();
    let blob = BlobId::of(text.as_bytes());
    assert_eq!(&*world.store().blob(blob).unwrap(), text.as_bytes());
}

#[test]
fn i09_a_delivery_is_placed_once() {
    let mut world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    let first = world.deliver(2, inbox, &letter(1, "x", &[]), Some(7));
    let again = world.deliver(2, inbox, &letter(1, "x", &[]), Some(7));
    assert_eq!(
        again,
        Placed {
            already: true,
            ..first.clone()
        }
    );
    world.reopen();
    let again = world.deliver(2, inbox, &letter(1, "x", &[]), Some(7));
    assert!(again.already);
    let other = world.deliver(2, inbox, &letter(1, "x", &[]), Some(8));
    assert!(!other.already);
    assert_eq!(world.account(2).mailbox(inbox).unwrap().counts.total, 2);
    let theirs = world.inbox(3);
    assert!(
        !world
            .deliver(3, theirs, &letter(1, "x", &[]), Some(7))
            .already
    );
}

#[test]
fn threads_need_an_id_and_the_subject() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let table: [(u64, &str, &[u64], usize); 7] = [
        // number, subject, references, the message whose thread it joins
        (1, "Họp giao ban", &[], 0),
        (2, "Re: Họp giao ban", &[1], 0),
        (3, "Họp giao ban", &[], 2),   // no id in common
        (4, "Re: Lịch nghỉ", &[1], 3), // an id, but another subject
        (5, "RE: Re: họp GIAO ban", &[2], 0),
        (1, "Họp giao ban", &[], 0), // the same message again
        (9, "Re: Họp giao ban", &[8, 5], 0),
    ];
    let mut threads = Vec::new();
    for (number, subject, references, joins) in table {
        let placed = world.deliver(2, inbox, &letter(number, subject, references), None);
        threads.push(placed.thread);
        assert_eq!(placed.thread, threads[joins], "message {number}: {subject}");
    }
    let account = world.account(2);
    assert_eq!(account.thread(threads[0]).unwrap().len(), 5);
    assert_eq!(account.mailbox(inbox).unwrap().counts.threads, 3);
    assert_eq!(
        account.thread(ThreadId::new(999).unwrap()),
        Err(Error::NotFound)
    );
}

#[test]
fn a_quota_refuses_growth_and_nothing_else() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let placed = world.deliver(2, inbox, &letter(1, "x", &[]), None);
    let (held, _) = world.account(2).usage().unwrap();
    let mut writer = world.account(2).write().unwrap();
    writer.quota(Some(held));
    writer.copy(placed.email, inbox).unwrap();
    assert_eq!(
        writer.commit(),
        Err(Error::OverQuota(Bound::Account(AccountId::new(2).unwrap())))
    );
    let mut writer = world.account(2).write().unwrap();
    writer.quota(Some(held / 2));
    assert!(
        writer
            .keywords(placed.email, &KeywordChange::Add(vec![keyword("$seen")]))
            .unwrap()
    );
    writer.commit().unwrap();
    assert_eq!(world.account(2).usage().unwrap(), (held, 1));
}

#[test]
fn mailboxes_keep_the_rules_of_the_tree() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let mut writer = world.account(2).write().unwrap();
    let below = |parent, name: &str| NewMailbox {
        parent: Some(parent),
        ..new_mailbox(name, None)
    };
    let child = writer.create_mailbox(below(inbox, "con")).unwrap();
    assert_eq!(
        writer.create_mailbox(below(inbox, "con")),
        Err(Error::Exists)
    );
    assert_eq!(
        writer.create_mailbox(new_mailbox("b", Some(Role::Inbox))),
        Err(Error::Exists)
    );
    for bad in ["", "a/b", "a\nb"] {
        assert!(matches!(
            writer.create_mailbox(new_mailbox(bad, None)),
            Err(Error::Invalid(_))
        ));
    }
    let long = "x".repeat(256);
    assert!(matches!(
        writer.create_mailbox(new_mailbox(&long, None)),
        Err(Error::TooLarge(_))
    ));
    let nowhere = MailboxId::new(999).unwrap();
    assert_eq!(
        writer.create_mailbox(below(nowhere, "x")),
        Err(Error::NotFound)
    );
    let loops = MailboxChange {
        parent: Some(Some(child)),
        ..MailboxChange::default()
    };
    assert!(matches!(
        writer.change_mailbox(inbox, loops),
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        writer.remove_mailbox(inbox),
        Err(Error::Invalid(_))
    ));
    let mut deepest = child;
    let depth = (0..30).take_while(|_| match writer.create_mailbox(below(deepest, "x")) {
        Ok(id) => {
            deepest = id;
            true
        }
        Err(e) => e != Error::TooLarge("depth of mailboxes"),
    });
    assert_eq!(depth.count(), 18);
}

#[test]
fn the_queue_keeps_items_by_due_time() {
    for engine in ENGINES {
        let mut world = World::new(engine);
        let blob = world.store().put_blob(b"content").unwrap();
        let queue = world.store().queue();
        let late = queue.put(200, blob, vec![1; 100_000]).unwrap();
        let soon = queue.put(100, blob, b"soon".to_vec()).unwrap();
        let gone = queue.put(150, blob, Vec::new()).unwrap();
        queue.remove(gone).unwrap();
        assert_eq!(queue.remove(gone), Err(Error::NotFound));
        assert_eq!(queue.next_due(), Some(100));
        queue.update(late, 50, b"now".to_vec()).unwrap();
        assert!(
            queue.put(1, BlobId([0; 32]), Vec::new()).is_err(),
            "content that is not there"
        );
        drop(queue);
        world.reopen();
        let queue = world.store().queue();
        let ids = |items: Vec<QueueItem>| items.into_iter().map(|i| i.id).collect::<Vec<_>>();
        assert_eq!(ids(queue.due(100, 10).unwrap()), [late, soon]);
        assert_eq!(ids(queue.due(99, 10).unwrap()), [late]);
        assert_eq!(ids(queue.list(Some(late), 10).unwrap()), [soon]);
        assert_eq!((queue.count(), queue.next_due()), (2, Some(50)));
        assert_eq!(queue.item(late).unwrap().payload, b"now");
        assert!(queue.put(9, blob, Vec::new()).unwrap() > soon);
        assert_eq!(world.check(), Vec::<String>::new());
    }
}

#[test]
fn what_is_put_off_comes_up_later_until_a_restart_or_a_change() {
    let mut world = World::new(EngineKind::Memory);
    let blob = world.store().put_blob(b"content").unwrap();
    let queue = world.store().queue();
    let one = queue.put(100, blob, b"one".to_vec()).unwrap();
    let two = queue.put(110, blob, Vec::new()).unwrap();
    let before = world.store().fingerprint().unwrap();
    queue.put_off(one, 500).unwrap();
    queue.put_off(one, 400).unwrap();
    assert_eq!(world.store().fingerprint().unwrap(), before, "no write");
    assert_eq!(
        (queue.due_ids(399, 9), queue.next_due()),
        (vec![two], Some(110))
    );
    assert_eq!(queue.due_ids(400, 9), [two, one]);
    assert_eq!(queue.item(one).unwrap().due, 400);
    assert_eq!(world.check(), Vec::<String>::new());
    queue.update(one, 120, b"1".to_vec()).unwrap();
    assert_eq!(queue.due_ids(120, 9), [two, one]);
    queue.put_off(two, i64::MAX).unwrap();
    queue.remove(two).unwrap();
    assert_eq!(queue.put_off(two, 1), Err(Error::NotFound));
    assert_eq!(queue.due_ids(i64::MAX, 9), [one]);
    queue.put_off(one, 1_000).unwrap();
    drop(queue);
    world.reopen();
    assert_eq!(world.store().queue().due_ids(120, 9), [one]);
}

#[test]
fn tables_keep_rows_in_order_and_apart() {
    for engine in ENGINES {
        let mut world = World::new(engine);
        let (table, other) = (world.store().table("a"), world.store().table("ab"));
        let row = |table, key: &[u8], value: Option<Vec<u8>>| RowChange {
            table,
            key: key.to_vec(),
            value,
        };
        world
            .store()
            .commit_rows(vec![
                row("a", b"k1", Some(vec![1; 1024 * 1024])),
                row("a", b"k2", Some(b"two".to_vec())),
                row("ab", b"k1", Some(Vec::new())),
            ])
            .unwrap();
        table.put(b"k3", Some(b"three".to_vec())).unwrap();
        table.put(b"z", Some(b"last".to_vec())).unwrap();
        table.put(b"k2", None).unwrap();
        assert_eq!(table.put(b"", None), Err(Error::Invalid("empty row key")));
        assert!(matches!(
            table.put(b"k", Some(vec![0; 1024 * 1024 + 1])),
            Err(Error::TooLarge(_))
        ));
        drop((table, other));
        world.reopen();
        let (table, other) = (world.store().table("a"), world.store().table("ab"));
        let keys = |prefix: &[u8], after, max| {
            let rows = table.rows(prefix, after, max).unwrap();
            rows.into_iter()
                .map(|(k, _)| String::from_utf8(k).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(b"", None, 9), ["k1", "k3", "z"]);
        assert_eq!(keys(b"k", None, 9), ["k1", "k3"]);
        assert_eq!(keys(b"k", Some(b"k1"), 9), ["k3"]);
        assert_eq!(keys(b"", Some(b"k1"), 1), ["k3"]);
        assert_eq!(table.row(b"k1").unwrap().unwrap().len(), 1024 * 1024);
        assert_eq!(table.row(b"k2").unwrap(), None);
        assert_eq!(other.row(b"k1").unwrap(), Some(Vec::new()));
        table.put(b"k1", Some(b"small now".to_vec())).unwrap();
        assert_eq!(table.row(b"k1").unwrap().unwrap(), b"small now");
    }
}

#[test]
fn uploads_belong_to_their_account() {
    let mut world = World::new(EngineKind::Sled);
    let blob = world.account(2).upload(b"tep", 1).unwrap();
    world.reopen();
    assert_eq!(&*world.account(2).uploaded(blob).unwrap(), b"tep");
    assert_eq!(world.account(3).uploaded(blob), Err(Error::NotFound));
    assert_eq!(world.account(2).modseq().unwrap(), ModSeq::FIRST);
}

#[test]
fn one_commit_may_change_very_many_messages() {
    let mut world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    let text = letter(1, "x", &[]);
    let blob = world.store().put_blob(text.as_bytes()).unwrap();
    let summary = formats::message::summarize(text.as_bytes());
    let mut writer = world.account(2).write().unwrap();
    for _ in 0..5_000 {
        let mailboxes = vec![inbox];
        let (received_at, keywords, delivery) = (1, Vec::new(), None);
        writer
            .append(Append {
                blob,
                summary: &summary,
                received_at,
                keywords,
                mailboxes,
                delivery,
            })
            .unwrap();
    }
    let made = writer.commit().unwrap();
    world.reopen();
    let account = world.account(2);
    let changes = account
        .changes(ModSeq::new(made.raw() - 1).unwrap(), 10)
        .unwrap();
    assert_eq!(
        (changes.list.len(), changes.until, changes.more),
        (5_001, made, false)
    );
    let mut all = Vec::new();
    account
        .scan_all(&mut |s| {
            all.push(s.email);
            true
        })
        .unwrap();
    assert_eq!(account.summaries(&all).unwrap().len(), 5_000);
    let asked: Vec<EmailId> = [90, 7, 7, 9_000, 8]
        .iter()
        .chain(&[50; 30])
        .map(|n| EmailId::new(*n).unwrap())
        .collect();
    let found: Vec<EmailId> = account
        .summaries(&asked)
        .unwrap()
        .into_iter()
        .map(|s| s.0)
        .collect();
    let expected: Vec<EmailId> = asked.into_iter().filter(|e| e.raw() <= 5_000).collect();
    assert_eq!(found, expected);
    let asked: Vec<EmailId> = (60..100)
        .rev()
        .chain([61])
        .filter_map(EmailId::new)
        .collect();
    let found: Vec<EmailId> = account
        .summaries(&asked)
        .unwrap()
        .into_iter()
        .map(|s| s.0)
        .collect();
    assert_eq!(found, asked);
    let mut writer = account.write().unwrap();
    writer.remove_mailbox(inbox).unwrap();
    writer.commit().unwrap();
    assert_eq!(account.usage().unwrap(), (0, 0));
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn a_closed_store_refuses_writes() {
    let world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    world.store().close().unwrap();
    world.store().close().unwrap();
    let refused = deliver(world.store(), 2, inbox, &letter(1, "x", &[]), None);
    assert!(matches!(refused, Err(Error::Unavailable(_))));
    assert!(!world.store().writable());
    assert_eq!(world.account(2).mailboxes().unwrap().len(), 1);
}

#[test]
fn a_folder_is_opened_once_and_its_name_is_told() {
    let world = World::new(EngineKind::Memory);
    let refused = Store::open(&world.options).map(|_| ());
    let expected = Error::InUse {
        dir: world.options.dir.clone(),
        process: Some(std::process::id()),
    };
    assert_eq!(refused, Err(expected));
    let file = world.dir.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let options = Options {
        dir: file.join("store"),
        ..world.options.clone()
    };
    let Err(Error::Unavailable(text)) = Store::open(&options).map(|_| ()) else {
        panic!("opened below a file");
    };
    assert!(text.to_string().contains(file.to_str().unwrap()), "{text}");
}

#[test]
fn only_the_owner_may_read_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    world.deliver(2, inbox, &letter(1, "x", &[]), None);
    let mode = |path: &str| {
        std::fs::metadata(world.options.dir.join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    for dir in ["", "journal", "packs"] {
        assert_eq!(mode(dir), 0o700, "{dir}");
    }
    for file in [
        "lock",
        "checkpoint",
        "journal/0000000001.log",
        "packs/000001.pack",
    ] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}
