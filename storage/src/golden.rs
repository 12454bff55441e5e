//! What this program writes stays readable: each record's octets are kept in `tests/golden/v3.txt`.
//!
//! When this test fails, a stored shape has changed. Raise `record::VERSION` and read the old one
//! too, or nobody's mail can be opened after an update.

use crate::history::{self, Before, BoxBefore, Came, Undo, Undone};
use crate::record::{
    Delivered, Form, Location, MailboxRecord, Meta, QueueRecord, Row, StateRecord, decode,
    decode_row, encode, encode_row,
};
use crate::*;
use formats::message::{Summary, summarize};

const KEPT: &str = include_str!("../tests/golden/v3.txt");

const LETTER: &[u8] = "From: =?UTF-8?Q?Nguy=E1=BB=85n_V=C4=83n_An?= <an@x.vn>\r\n\
    To: b@x.vn, Phòng: c@x.vn;\r\nSubject: Họp giao ban\r\nMessage-ID: <1@x.vn>\r\n\
    In-Reply-To: <0@x.vn>\r\nReferences: <9@x.vn> <0@x.vn>\r\n\
    Date: Fri, 20 Nov 2026 10:00:00 +0700\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nKính gửi\r\n--b\r\n\
    Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b\r\n\
    Content-Type: message/rfc822\r\n\r\nSubject: trong\r\n\r\nx\r\n--b--\r\n"
    .as_bytes();

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
        .collect()
}

fn kept(name: &str) -> Vec<u8> {
    let line = KEPT
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
    octets(line.unwrap_or_default())
}

/// The record is written as it was, and what was written is read.
fn check<T: PartialEq + std::fmt::Debug>(
    name: &str,
    value: &T,
    written: &[u8],
    read: impl Fn(&[u8]) -> Result<T, Error>,
) {
    assert_eq!(
        hex(written),
        hex(&kept(name)),
        "the line should be\n{name} {}",
        hex(written)
    );
    assert_eq!(read(&kept(name)).as_ref(), Ok(value), "{name}");
}

fn mailbox(raw: u32) -> MailboxId {
    MailboxId::new(raw).unwrap()
}

#[test]
fn i18_counters_mailboxes_and_places_are_written_as_before() {
    let meta = Meta {
        modseq: ModSeq::new(300).unwrap(),
        next_email: EmailId::new(1 << 40).unwrap(),
        next_mailbox: mailbox(7),
        held: Some((1 << 33, 70_000)),
    };
    check("meta", &meta, &encode(&meta).unwrap(), |b| {
        decode(b, "meta")
    });
    let record = a_mailbox();
    check("mailbox", &record, &encode(&record).unwrap(), |b| {
        decode(b, "mailbox")
    });
    let location = Location {
        pack: 2,
        offset: 1 << 27,
        stored: 4_000,
        raw: 10_000,
        form: Form::Zipped,
    };
    check("location", &location, &encode(&location).unwrap(), |b| {
        decode(b, "location")
    });
    let item = QueueRecord {
        due: -1,
        blob: BlobId([9; 32]),
        payload: vec![1, 2, 3],
    };
    check("queue", &item, &encode(&item).unwrap(), |b| {
        decode(b, "queue")
    });
    let (email, thread) = (EmailId::new(4).unwrap(), ThreadId::new(2).unwrap());
    let delivered = Delivered {
        email,
        thread,
        uids: vec![(mailbox(1), Uid::FIRST)],
    };
    check("delivered", &delivered, &encode(&delivered).unwrap(), |b| {
        decode(b, "delivered")
    });
}

/// One of each form.
fn undo(row: &Row) -> Undo {
    let (words, modseq) = (vec![Keyword::new("khan").unwrap()], row.state.modseq);
    let places = vec![(mailbox(1), Uid::FIRST)];
    Undo {
        rows: vec![
            Before::Marks(5, modseq),
            Before::Whole(Box::new(StateRecord::of(row))),
            Before::Keywords(1, words.clone(), modseq),
            Before::Places(places.clone(), modseq),
            Before::Both(1, words, places, modseq),
        ],
        boxes: vec![
            (mailbox(1), BoxBefore::Counters(Uid::FIRST, modseq)),
            (mailbox(2), BoxBefore::Whole(Box::new(a_mailbox()))),
        ],
        came: vec![Came {
            new: row.state.email,
            from: EmailId::FIRST,
            copy: false,
        }],
    }
}

fn a_mailbox() -> MailboxRecord {
    MailboxRecord {
        parent: Some(mailbox(3)),
        name: "Công văn".into(),
        role: Some(Role::Archive),
        subscribed: true,
        sort_order: 10,
        uid_validity: UidValidity::new(1_000_000).unwrap(),
        uid_next: Uid::new(129).unwrap(),
        modseq: ModSeq::new(5).unwrap(),
        highest_modseq: ModSeq::new(300).unwrap(),
    }
}

#[test]
fn i18_messages_and_their_changes_are_written_as_before() {
    let (email, thread) = (EmailId::new(4).unwrap(), ThreadId::new(2).unwrap());
    let words = ["$deleted", "$flagged", "$seen", "khan"];
    let state = State {
        email,
        thread,
        blob: BlobId([7; 32]),
        size: 10_000,
        growth: 0,
        received_at: 1_800_000_000,
        sent_at: -5,
        has_attachment: true,
        mailboxes: vec![
            (mailbox(1), Uid::FIRST),
            (mailbox(9), Uid::new(70_000).unwrap()),
        ],
        saved: vec![(mailbox(9), 1_800_000_100)],
        keywords: words.iter().filter_map(|w| Keyword::new(w)).collect(),
        modseq: ModSeq::new(12).unwrap(),
        created: ModSeq::new(11).unwrap(),
    };
    let row = Row {
        state,
        ids: vec![1, u64::MAX],
    };
    check("state", &row, &encode_row(&row).unwrap(), |b| {
        decode_row(email, b)
    });
    let changes = vec![
        Change::MailboxCreated(mailbox(1)),
        Change::MailboxChanged(mailbox(2)),
        Change::MailboxCounts(mailbox(3)),
        Change::MailboxRemoved(mailbox(4)),
        Change::EmailCreated { email, thread },
        Change::EmailChanged { email, thread },
        Change::EmailRemoved { email, thread },
        Change::EmailChanged { email, thread },
        Change::EmailChanged { email, thread },
        Change::EmailChanged { email, thread },
        Change::Vanished {
            mailbox: mailbox(5),
            uid: Uid::FIRST,
        },
    ];
    let undo = undo(&row);
    let log = (1_800_000_000, changes, undo);
    let written = history::encode(log.0, &log.1, &log.2).unwrap();
    check("log", &log, &written, |b| {
        let entry = history::read(b)?;
        let Undone { rows, boxes, came } = entry.undone()?.unwrap_or_default();
        let rows = rows.into_iter().map(|(_, before)| before).collect();
        Ok((
            entry.time,
            entry.changes.clone(),
            Undo { rows, boxes, came },
        ))
    });
    let summary: Summary = summarize(LETTER);
    check("summary", &summary, &encode(&summary).unwrap(), |b| {
        decode(b, "summary")
    });
}
