//! RFC 3030 BINARYMIME: what comes in binary is kept octet for octet, and everybody gets it as he can.

use base64::Engine as _;
use directory::{AgencyForwarding, AgencyId, Forwarding};
use formats::address::Address;
use formats::message::part::decode_body;
use formats::message::summarize;
use server::config::{Route, RouteTls};
use std::net::{Ipv4Addr, SocketAddr};
use tests::smtp_client::SmtpClient;
use tests::smtp_sink::Sink;
use tests::stream::Stream;
use tests::until;
use tests::world::{DOMAIN, PASSWORD, World};

/// Every octet, and what some server takes for the end of something.
pub fn picture() -> Vec<u8> {
    let mut octets = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    for n in 0..60_000u32 {
        octets.push((n * n / 7) as u8);
    }
    octets.extend_from_slice(b"\n.\n\r.\r\r\n.\r\nQUIT\r\nBDAT 0 LAST\r\n\0\r");
    octets
}

pub fn letter(subject: &str) -> Vec<u8> {
    let head = format!(
        "From: An <an@thu.gov.vn>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nẢnh đây\r\n\
         --b\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\
         Content-Transfer-Encoding: binary\r\n\r\n"
    );
    let mut letter = head.into_bytes();
    letter.extend(picture());
    letter.extend_from_slice(b"\r\n--b--\r\n");
    letter
}

/// One transaction in chunks of so many octets; the last reply.
pub fn send(
    client: &mut SmtpClient,
    from: &str,
    to: &[&str],
    letter: &[u8],
    chunk: usize,
) -> String {
    let size = letter.len();
    client.expect(
        &format!("MAIL FROM:<{from}> SIZE={size} BODY=BINARYMIME RET=FULL ENVID=q1"),
        "250",
    );
    for to in to {
        client.expect(&format!("RCPT TO:<{to}> NOTIFY=FAILURE"), "250");
    }
    for piece in letter.chunks(chunk) {
        client.send(format!("BDAT {}\r\n", piece.len()).as_bytes());
        client.send(piece);
        let reply = client.reply();
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    client.say("BDAT 0 LAST")
}

/// What the only attachment of a letter that came in lines holds.
pub fn attached(letter: &[u8]) -> Vec<u8> {
    assert!(
        is_made_of_lines(letter),
        "a NUL, or a line end that stands alone"
    );
    let part = summarize(letter).part;
    let found = part.find(&[2]).unwrap();
    assert_eq!(found.part.encoding, "base64");
    decode_body(found.part, letter).into_owned()
}

/// No NUL, and every CR and LF with the other one.
fn is_made_of_lines(octets: &[u8]) -> bool {
    let text = octets.split(|b| *b == b'\n');
    let lines: Vec<&[u8]> = text.collect();
    let (last, ended) = lines.split_last().unwrap();
    let clean = |line: &[u8]| !line.contains(&b'\r') && !line.contains(&0);
    clean(last)
        && ended
            .iter()
            .all(|line| line.strip_suffix(b"\r").is_some_and(clean))
}

fn told_size(response: &str) -> usize {
    let digits = response.split("RFC822.SIZE ").nth(1).unwrap();
    let digits = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

/// RFC 3516 §6: over IMAP it has base64 parts, in whatever pieces; BINARY gives the octets themselves.
fn read_by_imap(world: &World) {
    let mut reader = world.imap("an");
    reader.ok("SELECT INBOX");
    reader.ok("COPY 1 Sent");
    for mailbox in ["INBOX", "Sent"] {
        reader.ok(&format!("SELECT {mailbox}"));
        let all = reader.ok("FETCH 1 (RFC822.SIZE BODYSTRUCTURE BODY.PEEK[])");
        let whole = all.literals(0)[0].to_vec();
        let line = all.line("* 1 FETCH");
        assert_eq!(told_size(&line), whole.len());
        assert!(
            line.contains("\"base64\" ") && !line.to_lowercase().contains("\"binary\""),
            "{line}"
        );
        assert_eq!(attached(&whole), picture());
        let part = reader.ok("FETCH 1 (BODY.PEEK[2.MIME] BODY.PEEK[2])");
        let base64: Vec<u8> = part.literals(0)[1]
            .iter()
            .copied()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let decoded = base64::engine::general_purpose::STANDARD
            .decode(base64)
            .unwrap();
        assert_eq!(decoded, picture());
        // As clients do that read in pieces up to the size that they were told.
        let mut pieces = Vec::new();
        while pieces.len() < whole.len() {
            let got = reader.ok(&format!("FETCH 1 BODY.PEEK[]<{}.20000>", pieces.len()));
            pieces.extend_from_slice(got.literals(0)[0]);
        }
        assert!(pieces == whole);
        let binary = reader.ok("FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2])");
        assert!(
            binary
                .line("* 1 FETCH")
                .contains(&format!("BINARY.SIZE[2] {} ", picture().len()))
        );
        assert!(binary.line("* 1 FETCH").contains("BINARY[2] ~{"));
        assert_eq!(binary.literals(0)[0], picture());
        // What is told of sizes elsewhere is the same.
        let found = reader.ok(&format!("SEARCH LARGER {}", whole.len() - 1));
        assert_eq!(found.line("* SEARCH").trim_end(), "* SEARCH 1");
        let status = reader.ok(&format!("STATUS {mailbox} (SIZE)"));
        assert!(
            status
                .line("* STATUS")
                .contains(&format!("SIZE {}", whole.len()))
        );
    }
}

/// RFC 1939 §11: LIST tells what RETR gives.
fn read_by_pop3(world: &World) {
    let directory = &world.services.directory;
    let address = Address::parse("an@thu.gov.vn").unwrap();
    let mut account = directory.account_at(&address).unwrap();
    account.pop3 = true;
    directory.change_account(None, account, None).unwrap();
    let mut stream = Stream::tls(world.address("pop3s"), &world.ca());
    stream.line();
    let mut say = |line: &str| {
        stream.write(format!("{line}\r\n").as_bytes());
        String::from_utf8(stream.line()).unwrap()
    };
    say(&format!("USER an@{DOMAIN}"));
    assert!(say(&format!("PASS {PASSWORD}")).starts_with("+OK"));
    let told = say("LIST 1");
    assert!(say("RETR 1").starts_with("+OK"));
    let (mut letter, mut octets) = (Vec::new(), 0);
    loop {
        let line = stream.line();
        if line == b".\r\n" {
            break;
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        octets += line.len();
        letter.extend_from_slice(line);
    }
    assert_eq!(told.trim_end(), format!("+OK 1 {octets}"));
    assert_eq!(attached(&letter), picture());
}

/// JMAP gives what is kept: the message as it came, and the part without its encoding.
fn read_by_jmap(world: &World, sent: &[u8]) {
    let http = world.http("an");
    let found = http.jmap("Email/query", serde_json::json!({}));
    let wanted = serde_json::json!({"ids": [found["ids"][0]], "properties": ["blobId", "size", "attachments"]});
    let email = http.jmap("Email/get", wanted)["list"][0].clone();
    let get = |blob: &serde_json::Value| {
        let path = format!(
            "/jmap/download/{}/{}/x",
            http.account(),
            blob.as_str().unwrap_or_else(|| panic!("{email}"))
        );
        let (status, _, body) = http.get(&path);
        assert_eq!(status, 200);
        body
    };
    let whole = get(&email["blobId"]);
    assert!(whole.ends_with(sent));
    assert_eq!(email["size"], whole.len());
    assert_eq!(get(&email["attachments"][0]["blobId"]), picture());
}

#[test]
fn what_comes_in_binary_is_kept_octet_for_octet_and_read_by_all() {
    let world = World::with(|config| {
        config.listen.lmtp = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    });
    let sent = letter("anh");
    let mut client = world.smtp();
    let offers = client.ehlo();
    assert!(
        offers.contains("BINARYMIME") && offers.contains("CHUNKING"),
        "{offers}"
    );
    let reply = send(
        &mut client,
        "x@noi.example",
        &["an@thu.gov.vn"],
        &sent,
        7_001,
    );
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    read_by_imap(&world);
    read_by_pop3(&world);
    read_by_jmap(&world, &sent);
    // RFC 3030 §3: never by DATA; a bare LF outside of a binary part never at all.
    client.expect("MAIL FROM:<x@noi.example> BODY=BINARYMIME", "250");
    client.expect("RCPT TO:<an@thu.gov.vn>", "250");
    client.expect("DATA", "503 5.5.1");
    client.expect("RSET", "250");
    let loose = b"Subject: a\n\r\nb\r\n";
    let reply = send(&mut client, "x@noi.example", &["an@thu.gov.vn"], loose, 7);
    assert!(reply.starts_with("554 5.6.0"), "{reply}");
    // By LMTP, to two.
    let mut client = SmtpClient::connect(world.address("lmtp"));
    client.expect("LHLO x", "250");
    let both = ["an@thu.gov.vn", "binh@thu.gov.vn"];
    let reply = send(&mut client, "x@noi.example", &both, &sent, sent.len());
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert!(client.reply().starts_with("250 2.0.0"));
    let mut reader = world.imap("binh");
    reader.ok("SELECT INBOX");
    let got = reader.ok("FETCH 1 BINARY.PEEK[2]");
    assert_eq!(got.literals(0)[0], picture());
    world.finish();
}

/// Peers that take binary and others, and who forwards to them; `RET=FULL` returns what can be returned.
#[test]
fn what_is_binary_leaves_as_the_peer_can_take_it() {
    let offers = |words: &'static str| {
        Sink::new(move |line| line.starts_with("EHLO").then(|| words.to_owned()))
    };
    let full = offers("250-x\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 BINARYMIME");
    let eight = offers("250-x\r\n250-8BITMIME\r\n250 CHUNKING");
    let route = |domain: &str, sink: &Sink| Route {
        domains: vec![domain.to_owned()],
        host: sink.address.ip().to_string(),
        port: sink.address.port(),
        tls: RouteTls::Opportunistic,
        ..Route::default()
    };
    let world = World::with(|config| {
        config.relay.routes = vec![route("full.example", &full), route("eight.example", &eight)];
    });
    let address = |text: &str| Address::parse(text).unwrap();
    let directory = &world.services.directory;
    let said = AgencyForwarding {
        agency: AgencyId("T1".into()),
        outside: Some(true),
        version: 0,
    };
    directory.set_agency_forwarding(None, said, None).unwrap();
    let new = Forwarding {
        account: directory
            .account_at(&address("binh@thu.gov.vn"))
            .unwrap()
            .id,
        to: vec![address("y@full.example"), address("y@eight.example")],
        keep: true,
        version: 0,
    };
    directory.set_forwarding(None, new, None).unwrap();
    let taken = |sink: &Sink, word: &str| {
        let find = || sink.taken().into_iter().find(|t| t.content.contains(word));
        assert!(until(|| find().is_some()), "no {word}");
        find().unwrap()
    };
    let check = |word: &str| {
        let binary = taken(&full, word);
        assert!(binary.from.contains(" BODY=BINARYMIME"), "{}", binary.from);
        let all = String::from_utf8_lossy(&picture()).into_owned();
        assert!(binary.content.contains(&all));
        let lines = taken(&eight, word);
        assert!(!lines.from.contains("BINARYMIME"), "{}", lines.from);
        assert_eq!(attached(lines.content.as_bytes()), picture());
    };
    let to = ["x@full.example", "x@eight.example"];
    let mut client = world.submission("an");
    let reply = send(&mut client, "an@thu.gov.vn", &to, &letter("gui di"), 30_000);
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    check("Subject: gui di");
    let mut client = world.smtp();
    client.ehlo();
    let reply = send(
        &mut client,
        "z@noi.example",
        &["binh@thu.gov.vn"],
        &letter("chuyen"),
        30_000,
    );
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    check("Subject: chuyen");
    world.finish();
}
