//! RFC 4978 COMPRESS, RFC 8437 UNAUTHENTICATE: what happens to the connection itself.

use crate::door::{END, PASSWORD, USER, World, check};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use imap::Settings;

/// The client's end of both streams.
struct Deflated {
    to: Compress,
    from: Decompress,
    read: Vec<u8>,
    /// In clear, after the stream has ended.
    behind: Vec<u8>,
}

impl Deflated {
    fn new() -> Self {
        Self {
            to: Compress::new(Compression::best(), false),
            from: Decompress::new(false),
            read: Vec::new(),
            behind: Vec::new(),
        }
    }

    fn coded(&mut self, octets: &[u8], how: FlushCompress) -> Vec<u8> {
        let mut coded = Vec::with_capacity(octets.len() + 1_000);
        self.to.compress_vec(octets, &mut coded, how).unwrap();
        coded
    }

    fn send(&mut self, world: &mut World, text: &str) {
        let coded = self.coded(text.as_bytes(), FlushCompress::Sync);
        world.send(1, &coded);
    }

    /// A line in clear behind the end of the stream.
    fn plain(&mut self, world: &mut World) -> String {
        let mut line = std::mem::take(&mut self.behind);
        match line.iter().position(|b| *b == b'\n') {
            Some(end) => self.behind = line.split_off(end + 1),
            None => line.extend(format!("{}\r\n", world.line(1)).bytes()),
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// One line without CRLF.
    fn line(&mut self, world: &mut World) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            let octets = world.some(1);
            if octets.is_empty() {
                return END.to_owned();
            }
            let mut at = 0;
            while at < octets.len() {
                let before = self.from.total_in();
                let mut more = Vec::with_capacity(100_000);
                let how = FlushDecompress::None;
                let status = self.from.decompress_vec(&octets[at..], &mut more, how);
                at += (self.from.total_in() - before) as usize;
                self.read.extend(more);
                if status.unwrap() == Status::StreamEnd {
                    // What came in one go with the end of the stream is plain.
                    self.behind.extend_from_slice(&octets[at..]);
                    break;
                }
            }
        }
    }
}

fn compressed() -> (World, Deflated) {
    let mut world = World::new();
    world.login(1);
    world.append(
        1,
        "INBOX",
        "",
        &[&b"Subject: x\r\n\r\n"[..], &[b'y'; 300_000]].concat(),
    );
    assert!(world.ask(1, "COMPRESS LZMA")[0].starts_with("q BAD"));
    assert_eq!(world.ask(1, "COMPRESS DEFLATE"), ["q OK DEFLATE active"]);
    (world, Deflated::new())
}

#[test]
fn both_directions_are_compressed() {
    let mut world = World::new();
    assert!(!world.connect(2, true).contains("COMPRESS"));
    check(
        &mut world,
        "C2: a COMPRESS DEFLATE\nS2: a BAD [CLIENTBUG] sign in first",
    );
    let (mut world, mut deflated) = compressed();
    deflated.send(&mut world, "c COMPRESS DEFLATE\r\nd NOOP\r\n");
    let line = deflated.line(&mut world);
    assert!(line.starts_with("c NO [COMPRESSIONACTIVE]"), "{line}");
    assert_eq!(deflated.line(&mut world), "d OK NOOP completed");
    deflated.send(
        &mut world,
        "e SELECT INBOX\r\nf FETCH 1 BODY.PEEK[TEXT]\r\n",
    );
    while !deflated.line(&mut world).starts_with("e OK") {}
    let before = deflated.from.total_in();
    assert_eq!(deflated.line(&mut world), "* 1 FETCH (BODY[TEXT] {300000}");
    let body = deflated.line(&mut world);
    assert_eq!(body.trim_end_matches(')').len(), 300_000);
    assert_eq!(deflated.line(&mut world), "f OK FETCH completed");
    assert!(deflated.from.total_in() - before < 10_000);
    deflated.send(&mut world, "g LOGOUT\r\n");
    assert_eq!(deflated.line(&mut world), "* BYE Goodbye");
    assert_eq!(deflated.line(&mut world), "g OK LOGOUT completed");
    assert_eq!(deflated.line(&mut world), END);
}

#[test]
fn i13_little_that_stands_for_much_meets_the_limits() {
    // A line without end.
    let (mut world, mut deflated) = compressed();
    let coded = deflated.coded(&vec![b'x'; 17_000_000], FlushCompress::Sync);
    assert!(coded.len() < 30_000);
    world.send(1, &coded);
    assert_eq!(deflated.line(&mut world), "* BYE the line is too long");
    assert_eq!(deflated.line(&mut world), END);
    // One that does end is passed over.
    let (mut world, mut deflated) = compressed();
    let set = format!("c FETCH {}1 UID\r\nd NOOP\r\n", "1,".repeat(1_000_000));
    deflated.send(&mut world, &set);
    assert_eq!(
        deflated.line(&mut world),
        "c BAD [LIMIT] the line is too long"
    );
    assert_eq!(deflated.line(&mut world), "d OK NOOP completed");
    // A message larger than is taken is passed over; the session lives on.
    let (mut world, mut deflated) = compressed();
    let octets = [
        &b"c APPEND INBOX {60000000+}\r\n"[..],
        &vec![b'x'; 60_000_000],
        b"\r\nd NOOP\r\n",
    ];
    let coded = deflated.coded(&octets.concat(), FlushCompress::Sync);
    world.send(1, &coded);
    let line = deflated.line(&mut world);
    assert!(line.starts_with("c NO [TOOBIG]"), "{line}");
    assert_eq!(deflated.line(&mut world), "d OK NOOP completed");
    // No DEFLATE at all.
    let (mut world, mut deflated) = compressed();
    world.send(1, b"\xff\xff\xff\xff");
    let line = deflated.line(&mut world);
    assert_eq!(line, "* BYE The compressed data cannot be read");
    assert_eq!(deflated.line(&mut world), END);
}

#[test]
fn signed_out_everything_is_forgotten() {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", b"Subject: x\r\n\r\n");
    check(
        &mut world,
        &format!(
            "C: a CREATE Công
             S: a OK …
             C: b ENABLE IMAP4rev2 UTF8=ACCEPT
             S: * ENABLED IMAP4rev2 UTF8=ACCEPT
             S: b OK …
             C: c LIST \"\" C*
             S: * LIST (\\HasNoChildren) \"/\" \"Công\"
             S: c OK …
             C: d SELECT INBOX
             S: ⋮
             S: d OK …
             C: e UNAUTHENTICATE
             S: e OK Signed out
             C: f FETCH 1 UID
             S: f BAD [CLIENTBUG] sign in first
             C: g UNAUTHENTICATE
             S: g BAD [CLIENTBUG] sign in first
             C: h CAPABILITY
             S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR AUTH=…
             S: h OK …
             C: i LOGIN {USER} \"{PASSWORD}\"
             S: i OK …
             C: j FETCH 1 UID
             S: j BAD [CLIENTBUG] no mailbox is selected
             C: k LIST \"\" C*
             S: * LIST (\\HasNoChildren) \"/\" \"C&APQ-ng\"
             S: k OK …",
        ),
    );
    // Without a mailbox to close, and the next one in the same breath.
    world.send(
        1,
        format!("l UNAUTHENTICATE\r\nm LOGIN {USER} \"{PASSWORD}\"\r\n").as_bytes(),
    );
    assert_eq!(world.line(1), "l OK Signed out");
    assert!(world.line(1).starts_with("m OK "));
    let mut world = World::with(Settings {
        unauthenticate: false,
        ..Settings::default()
    });
    check(
        &mut world,
        "C: a UNAUTHENTICATE
         S: a BAD [CLIENTBUG] UNAUTHENTICATE is not offered",
    );
}

#[test]
fn signed_out_compression_ends() {
    let (mut world, mut deflated) = compressed();
    let mut octets = deflated.coded(b"c UNAUTHENTICATE\r\n", FlushCompress::Finish);
    octets.extend_from_slice(format!("d LOGIN {USER} \"{PASSWORD}\"\r\n").as_bytes());
    world.send(1, &octets);
    assert_eq!(deflated.line(&mut world), "c OK Signed out");
    // The stream has ended behind the OK; what follows is plain.
    world.send(1, b"e NOOP\r\n");
    let plain = deflated.plain(&mut world);
    assert!(plain.contains("d OK [CAPABILITY "), "{plain}");
    assert_eq!(deflated.plain(&mut world), "e OK NOOP completed");
    // A client that does not end its stream, and waits.
    let (mut world, mut deflated) = compressed();
    deflated.send(&mut world, "c UNAUTHENTICATE\r\n");
    assert_eq!(deflated.line(&mut world), "c OK Signed out");
    world.send(1, b"d NOOP\r\n");
    let plain = deflated.plain(&mut world);
    assert!(plain.ends_with("d OK NOOP completed"), "{plain}");
}

#[test]
fn jmap_is_named_where_there_is_such() {
    let mut world = World::new();
    check(
        &mut world,
        "C: a GETJMAPACCESS\nS: a BAD [CLIENTBUG] JMAPACCESS is not offered",
    );
    assert!(!world.ask(1, "CAPABILITY")[0].contains("JMAPACCESS"));
    let mut world = World::with(Settings {
        jmap_session: Some("https://mail.tinh.gov.vn/jmap/session".into()),
        ..Settings::default()
    });
    check(
        &mut world,
        "C: a GETJMAPACCESS
         S: * JMAPACCESS \"https://mail.tinh.gov.vn/jmap/session\"
         S: a OK …",
    );
    assert!(world.ask(1, "CAPABILITY")[0].contains(" JMAPACCESS "));
}
