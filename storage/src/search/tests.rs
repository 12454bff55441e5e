//! What the index says, against reading every message.

use super::*;
use crate::keyring::tests::master;
use crate::{Append, Disk, EngineKind, KeySource, NewMailbox, Options, Role};
use formats::message::{sought, summarize};
use formats::text::{casemap, fold};
use std::path::Path;

/// Words as they are written, mixed, with and without their marks.
const WORDS: [&str; 24] = [
    "công",
    "văn",
    "số",
    "họp",
    "giao",
    "ban",
    "Ủy",
    "nhân",
    "dân",
    "CÔNG",
    "cong",
    "van",
    "Tỉnh",
    "2026",
    "12/QĐ-UBND",
    "Chiêm",
    "chiem",
    "đường",
    "ĐƯỜNG",
    "a",
    "ơ",
    "thông",
    "báo",
    "kính",
];
const NEEDLES: [&str; 26] = [
    "công văn",
    "ông v",
    "ông",
    "ng",
    "g",
    " ",
    "ơ",
    "số",
    "ô",
    "công",
    "cong",
    "thông báo",
    "họp giao ban",
    "họp giao",
    "12/qđ",
    "qđ-ubnd",
    "2026",
    "chiêm",
    "đường",
    "a@x.vn",
    "subject: ",
    "le van",
    "không có",
    "x.vn>",
    "\r\n",
    "zzz",
];
const PLACES: [Place; 9] = [
    Place::Subject,
    Place::From,
    Place::To,
    Place::Cc,
    Place::Bcc,
    Place::Identifier,
    Place::Header,
    Place::Body,
    Place::FileName,
];

/// Numbers that are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, max: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max
    }

    fn some(&mut self, max: usize) -> String {
        let count = self.below(max + 1);
        let words: Vec<_> = (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect();
        words
            .join([" ", "\r\n", ", "][self.below(3)].trim_end_matches('\n'))
            .replace('\r', "\r\n ")
    }

    pub(super) fn letter(&mut self) -> Vec<u8> {
        let (subject, body, number) = (self.some(4), self.some(30), self.below(90));
        let cc = if self.below(2) == 0 {
            "Cc: lê văn <le@x.vn>\r\n"
        } else {
            ""
        };
        let name = match number % 3 {
            0 => "; name*=utf-8''C%C3%B4ng%20v%C4%83n.txt",
            _ => "",
        };
        let text = format!(
            "From: Lê Văn {number} <a@x.vn>\r\nTo: b@y.vn, Chiêm <C@Y.VN>\r\n{cc}Subject: {subject}\r\n\
             Message-ID: <Tin.{number}@X.vn>\r\nContent-Type: text/plain; charset=utf-8{name}\r\n\r\n{body}\r\n"
        );
        text.into_bytes()
    }
}

pub(super) fn options(dir: &Path) -> Options {
    Options {
        dir: dir.join("store"),
        engine: EngineKind::Memory,
        ..Options::default()
    }
}

pub(super) fn account(store: &Store, number: u32) -> AccountStore {
    store.account(AccountId::new(number).unwrap())
}

pub(super) fn put(account: &AccountStore, letters: &[Vec<u8>]) {
    let inbox = account.by_role(Role::Inbox).unwrap().map(|m| m.id);
    let mut writer = account.write().unwrap();
    let new = NewMailbox {
        parent: None,
        name: "INBOX".into(),
        role: Some(Role::Inbox),
        subscribed: true,
        sort_order: 0,
    };
    let mailbox = inbox.unwrap_or_else(|| writer.create_mailbox(new).unwrap());
    for letter in letters {
        let append = Append {
            blob: account.put_blob(letter).unwrap(),
            summary: &summarize(letter),
            received_at: 1,
            keywords: Vec::new(),
            mailboxes: vec![mailbox],
            delivery: None,
        };
        writer.append(append).unwrap();
    }
    writer.commit().unwrap();
}

/// Every text of a place of a message, read.
fn texts(letter: &[u8], place: Place) -> Vec<String> {
    let summary = summarize(letter);
    let head = &summary.head;
    let mut texts = Vec::new();
    match place {
        Place::Subject => texts.push(sought::subject(head)),
        Place::From => texts.extend(sought::people(&head.from)),
        Place::To => texts.extend(sought::people(&head.to)),
        Place::Cc => texts.extend(sought::people(&head.cc)),
        Place::Bcc => texts.extend(sought::people(&head.bcc)),
        Place::Identifier => {
            let ids = [&head.message_id, &head.in_reply_to];
            texts.extend(ids.into_iter().flatten().map(|v| sought::kept_value(v)));
        }
        Place::Header => texts.extend(sought::header(&summary, letter)),
        Place::Body => sought::body(&summary, letter, &mut |text| texts.push(text)),
        Place::Attached => {}
        Place::FileName => texts.extend(sought::shown_names(&summary)),
    }
    texts
}

/// Whether a message has the needle there, marks and all, or without regard to them.
fn has(letter: &[u8], place: Place, needle: &str, folded: bool) -> bool {
    let texts = texts(letter, place).into_iter();
    let mut texts = texts.map(|text| if folded { fold(&text) } else { text });
    texts.any(|text| text.contains(needle))
}

fn all_steps(store: &Store) -> u64 {
    let mut messages = 0;
    for _ in 0..200 {
        let step = store.index_step().unwrap();
        messages += step.messages;
        if !step.more {
            return messages;
        }
    }
    panic!("the index is never done");
}

/// Every verdict is right, whatever is indexed; returns how many messages had to be read.
pub(super) fn check(store: &Store, accounts: &[u32]) -> usize {
    let mut open = 0;
    for number in accounts {
        let account = account(store, *number);
        let mut emails = Vec::new();
        account
            .scan_all(&mut |state| {
                emails.push(state.email);
                true
            })
            .unwrap();
        let letters: Vec<_> = emails
            .iter()
            .map(|e| account.content(*e).unwrap())
            .collect();
        for place in PLACES {
            let exact = NEEDLES.map(|needle| (casemap(needle), false));
            let folded = NEEDLES.map(|needle| (fold(needle), true));
            for (needle, folded) in exact.into_iter().chain(folded) {
                let sought = match folded {
                    true => account.sought_folded(place, &needle),
                    false => account.sought(place, &needle),
                };
                let Some(sought) = sought else {
                    open += emails.len();
                    continue;
                };
                assert!(sought.certain.iter().all(|e| sought.possible.contains(e)));
                for (email, letter) in emails.iter().zip(&letters) {
                    match sought.verdict(*email) {
                        Some(said) => assert_eq!(
                            said,
                            has(letter, place, &needle, folded),
                            "{needle:?} ({folded}) in {place:?} of {}",
                            String::from_utf8_lossy(letter)
                        ),
                        None => open += 1,
                    }
                }
            }
        }
    }
    open
}

#[test]
fn random_histories_are_searched_as_if_every_message_were_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&options(dir.path())).unwrap();
    let mut dice = Dice(7);
    for round in 0..12 {
        let number = 2 + dice.below(2) as u32;
        let own = account(&store, number);
        let letters: Vec<_> = (0..1 + dice.below(6)).map(|_| dice.letter()).collect();
        put(&own, &letters);
        if dice.below(3) == 0 {
            let mut emails = Vec::new();
            own.scan_all(&mut |state| {
                emails.push(state.email);
                true
            })
            .unwrap();
            let mut writer = own.write().unwrap();
            writer.destroy(emails[dice.below(emails.len())]).unwrap();
            writer.commit().unwrap();
        }
        match dice.below(4) {
            0 => drop(store.index_step().unwrap()),
            1 => drop(all_steps(&store)),
            2 => store.inner.shared.search.sweep(),
            _ => {}
        }
        if round % 3 == 2 {
            check(&store, &[2, 3]);
        }
    }
    all_steps(&store);
    let mut messages = 0;
    for number in [2, 3] {
        let each = &mut |_: &crate::State| {
            messages += 1;
            true
        };
        account(&store, number).scan_all(each).unwrap();
    }
    let open = check(&store, &[2, 3]);
    let asked = messages * PLACES.len() * NEEDLES.len() * 2;
    assert!(open * 15 < asked, "{open} of {asked} had to be read");
}

#[test]
fn words_and_short_needles_are_certain_and_newer_messages_are_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&options(dir.path())).unwrap();
    let own = account(&store, 2);
    let letter = |text: &str| format!("Subject: x\r\n\r\n{text}\r\n").into_bytes();
    put(
        &own,
        &[letter("hop giao ban"), letter("hopgiao"), letter("h o p")],
    );
    assert_eq!(
        own.sought(Place::Body, "hop"),
        None,
        "before the first step"
    );
    all_steps(&store);
    let raw = |list: &[EmailId]| list.iter().map(|e| e.raw()).collect::<Vec<_>>();
    let check = |needle: &str, certain: &[u64], possible: &[u64]| {
        let found = own.sought(Place::Body, needle).unwrap();
        assert_eq!(
            (raw(&found.certain), raw(&found.possible)),
            (certain.to_vec(), possible.to_vec()),
            "{needle}"
        );
        assert_eq!(found.until.map(EmailId::raw), Some(3));
    };
    check("giao", &[1], &[1, 2]);
    check("hop", &[1, 2], &[1, 2]);
    check("p", &[1, 2, 3], &[1, 2, 3]);
    check("o ", &[1, 3], &[1, 3]);
    check("p giao", &[], &[1]);
    check("\r\n", &[1, 2, 3], &[1, 2, 3]);
    check("hopx", &[], &[]);
    assert_eq!(own.sought(Place::Body, ""), None);
    put(&own, &[letter("giao")]);
    let found = own.sought(Place::Body, "giao").unwrap();
    assert_eq!(found.verdict(EmailId::new(4).unwrap()), None);
    let mut newer = Vec::new();
    own.scan_after(found.until, &mut |state| {
        newer.push(state.email.raw());
        true
    })
    .unwrap();
    assert_eq!(newer, [4]);
    assert_eq!(all_steps(&store), 1);
    let found = own.sought(Place::Body, "giao").unwrap();
    assert_eq!(found.verdict(EmailId::new(4).unwrap()), Some(true));
    let nobody = account(&store, 9).sought(Place::Body, "giao").unwrap();
    assert_eq!(nobody, Sought::default(), "another account");
}

#[test]
fn a_needle_without_marks_finds_all_spellings_and_a_word_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&options(dir.path())).unwrap();
    let own = account(&store, 2);
    let letter = |text: &str| format!("Subject: x\r\n\r\n{text}\r\n").into_bytes();
    let texts = [
        "Công vụ",
        "cong vu",
        "CỔNG vũ",
        "congvu",
        "co\u{30a}ng",
        "vụ công",
    ];
    put(&own, &texts.map(letter));
    assert_eq!(
        own.sought_folded(Place::Body, "cong"),
        None,
        "before the first step"
    );
    all_steps(&store);
    let raw = |list: &[EmailId]| list.iter().map(|e| e.raw()).collect::<Vec<_>>();
    // The fifth has a mark that joins nothing, so it is to be read.
    for (needle, certain, possible) in [
        ("cong", &[1, 2, 3, 5, 6][..], &[1, 2, 3, 4, 5, 6][..]),
        ("ngvu", &[], &[4, 5]),
        ("vu", &[1, 2, 3, 4, 6], &[1, 2, 3, 4, 5, 6]),
        ("ong", &[1, 2, 3, 4, 6], &[1, 2, 3, 4, 5, 6]),
        ("cong vu", &[], &[1, 2, 3, 5]),
        ("zzzz", &[], &[5]),
    ] {
        let found = own.sought_folded(Place::Body, needle).unwrap();
        assert_eq!(raw(&found.certain), certain, "{needle}");
        assert_eq!(raw(&found.possible), possible, "{needle}");
    }
    assert_eq!(own.sought_folded(Place::Body, "công"), None, "it has marks");
    assert_eq!(own.sought_folded(Place::Body, ""), None);
    let word = |word: &str| own.with_word(Place::Body, word).map(|found| raw(&found));
    assert_eq!(word("công"), Some(vec![1, 6]));
    assert_eq!(word("cong"), Some(vec![2]));
    assert_eq!(word("vũ"), Some(vec![3]));
    assert_eq!(word("họp"), Some(vec![]));
    assert_eq!(word("công vụ"), None, "two words");
    assert_eq!(own.with_word(Place::From, "công"), None, "not kept there");
}

/// In one segment, whoever has three letters beside somebody's two thousand pays for his own.
#[test]
fn a_search_goes_through_no_more_than_the_account_has() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&options(dir.path())).unwrap();
    let letter = |text: &str| format!("Subject: x\r\n\r\n{text}\r\n").into_bytes();
    let (small, large) = (account(&store, 2), account(&store, 3));
    put(&small, &["công vụ", "co\u{30a}ng vu", "ý kiến"].map(letter));
    let many: Vec<_> = (0..2_000)
        .map(|n| letter(&format!("công vụ ý y {n}")))
        .collect();
    put(&large, &many);
    all_steps(&store);
    let steps = |look: &dyn Fn() -> Option<Sought>| {
        seek::STEPS.set(0);
        let found = look().unwrap();
        let raw = |list: Vec<EmailId>| list.iter().map(|e| e.raw()).collect::<Vec<_>>();
        (seek::STEPS.get(), raw(found.certain), raw(found.possible))
    };
    for (needle, certain, possible) in [
        ("cong", &[1, 2][..], &[1, 2][..]),
        ("cong vu", &[], &[1, 2]),
        ("vu", &[1, 2], &[1, 2]),
        ("y", &[3], &[2, 3]),
        ("zzzz", &[], &[2]),
    ] {
        let found = steps(&|| small.sought_folded(Place::Body, needle));
        assert!(found.0 < 100, "{needle}: {found:?}");
        assert_eq!((&*found.1, &*found.2), (certain, possible), "{needle}");
        let all = large.sought_folded(Place::Body, needle).unwrap();
        let expected = if needle == "zzzz" { 0 } else { 2_000 };
        assert_eq!(all.possible.len(), expected, "{needle}");
    }
    let found = steps(&|| small.sought(Place::Body, "ý"));
    assert!(found.0 < 100 && found.1 == [3], "{found:?}");
}

#[test]
fn what_is_gone_leaves_with_a_sweep_and_a_restart_indexes_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let store = Store::open(&options).unwrap();
    let own = account(&store, 2);
    let mut dice = Dice(3);
    put(&own, &(0..20).map(|_| dice.letter()).collect::<Vec<_>>());
    assert_eq!(all_steps(&store), 20);
    let mut writer = own.write().unwrap();
    (1..=15).for_each(|n| writer.destroy(EmailId::new(n).unwrap()).unwrap());
    writer.commit().unwrap();
    let x = || own.sought(Place::From, "x.vn").unwrap().possible.len();
    all_steps(&store);
    assert_eq!(x(), 20, "before the sweep");
    store.inner.shared.search.sweep();
    all_steps(&store);
    assert_eq!(x(), 5);
    store.close().unwrap();
    drop((own, store));
    let store = Store::open(&options).unwrap();
    assert_eq!(all_steps(&store), 0);
    let own = account(&store, 2);
    assert_eq!(own.sought(Place::From, "x.vn").unwrap().possible.len(), 5);
    check(&store, &[2]);
    assert!(store.figures().search > 0);
}

/// An index that is made anew looks at every account: that must not fill the memory with them.
#[test]
fn accounts_that_nobody_uses_do_not_stay_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let store = Store::open(&options).unwrap();
    let mut dice = Dice(4);
    for id in 2..=5 {
        let letters: Vec<_> = (0..4).map(|_| dice.letter()).collect();
        put(&account(&store, id), &letters);
    }
    store.close().unwrap();
    drop(store);
    let store = Store::open(&options).unwrap();
    account(&store, 3).modseq().unwrap();
    assert_eq!(all_steps(&store), 16);
    let stays = |id| {
        store
            .inner
            .cells
            .peek(AccountId::new(id).unwrap())
            .is_some()
    };
    assert_eq!([2, 3, 4, 5].map(stays), [false, true, false, false]);
    check(&store, &[2, 3, 4, 5]);
}

/// Each file cut, flipped or gone: the index is made anew, and nothing is ever said wrongly.
#[test]
fn a_damaged_index_is_made_anew_and_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let store = Store::open(&options).unwrap();
    let mut dice = Dice(11);
    put(
        &account(&store, 2),
        &(0..30).map(|_| dice.letter()).collect::<Vec<_>>(),
    );
    all_steps(&store);
    store.close().unwrap();
    drop(store);
    let folder = options.dir.join(FOLDER);
    let whole: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .map(|path| (std::fs::read(&path).unwrap(), path))
        .collect();
    assert!(whole.len() > 5, "{whole:?}");
    for (harm, (octets, path)) in whole.iter().enumerate() {
        let mut changed = octets.clone();
        match harm % 3 {
            0 => changed[octets.len() / 2] ^= 1,
            1 => changed.truncate(octets.len() / 2),
            _ => changed.clear(),
        }
        std::fs::write(path, &changed).unwrap();
        let store = Store::open(&options).unwrap();
        check(&store, &[2]);
        all_steps(&store);
        check(&store, &[2]);
        // A search may have been the first to read the damage.
        all_steps(&store);
        let open = check(&store, &[2]);
        assert!(
            open < 1_000,
            "{open} had to be read after damage to {}",
            path.display()
        );
        store.close().unwrap();
        drop(store);
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        whole
            .iter()
            .for_each(|(octets, path)| std::fs::write(path, octets).unwrap());
    }
}

/// The power fails at each step of an index commit: whatever is left is right or made anew.
#[test]
fn the_power_may_fail_anywhere() {
    for cut in (0..40).step_by(3) {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::forgetful(cut);
        let options = Options {
            disk: disk.clone(),
            ..options(dir.path())
        };
        let store = Store::open(&options).unwrap();
        let mut dice = Dice(cut);
        put(
            &account(&store, 2),
            &(0..4).map(|_| dice.letter()).collect::<Vec<_>>(),
        );
        store.index_step().unwrap();
        put(
            &account(&store, 2),
            &(0..4).map(|_| dice.letter()).collect::<Vec<_>>(),
        );
        disk.fail_after(cut);
        let _ = store.index_step();
        check(&store, &[2]);
        let _ = store.close();
        drop(store);
        disk.power_cut().unwrap();
        let store = Store::open(&options).unwrap();
        all_steps(&store);
        check(&store, &[2]);
        all_steps(&store);
        check(&store, &[2]);
        let found = account(&store, 2).sought(Place::From, "x.vn").unwrap();
        assert_eq!(found.possible.len(), 8, "cut {cut}");
    }
}

#[test]
fn a_sealed_store_seals_its_index_and_nothing_of_the_text_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let plain = options(dir.path());
    let secret = b"Subject: hop kin\r\n\r\nmatkhaubimat\r\n".to_vec();
    let store = Store::open(&plain).unwrap();
    put(&account(&store, 2), std::slice::from_ref(&secret));
    all_steps(&store);
    store.close().unwrap();
    drop(store);
    let there = |word: &[u8]| {
        let files = std::fs::read_dir(plain.dir.join(FOLDER)).unwrap();
        files.flatten().any(|file| {
            let octets = std::fs::read(file.path()).unwrap();
            octets.windows(word.len()).any(|w| w == word)
        })
    };
    assert!(there(b"segments"), "a plain index can be read");
    let sealed = Options {
        keys: KeySource::Master(master()),
        ..plain.clone()
    };
    let store = Store::open(&sealed).unwrap();
    all_steps(&store);
    let own = account(&store, 2);
    assert_eq!(
        own.sought(Place::Body, "matkhaubimat")
            .unwrap()
            .certain
            .len(),
        1
    );
    assert!(!there(b"segments"), "the plain index was thrown away");
    store.close().unwrap();
    drop((own, store));
    let store = Store::open(&sealed).unwrap();
    assert_eq!(all_steps(&store), 0, "it opens again");
}
