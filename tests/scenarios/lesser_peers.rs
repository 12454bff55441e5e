//! Peers that lack an extension: the letter is made to fit where its author's words stay the same, and comes back where
//! they would not (RFC 6152, RFC 3030, RFC 6531, RFC 1870).

use server::config::{Route, RouteTls};
use tests::smtp_client::stuffed;
use tests::smtp_sink::{Sink, Taken};
use tests::until;
use tests::world::World;

/// What each peer answers to EHLO.
const PEERS: [(&str, &str); 5] = [
    (
        "full.example",
        "250-x\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-MT-PRIORITY\r\n250 BINARYMIME",
    ),
    ("eight.example", "250-x\r\n250-CHUNKING\r\n250 8BITMIME"),
    ("seven.example", "250-x\r\n250 PIPELINING"),
    ("helo.example", "502 5.5.1 what is that"),
    ("small.example", "250-x\r\n250-8BITMIME\r\n250 SIZE 300"),
];

struct Neighbours {
    world: World,
    sinks: Vec<(&'static str, Sink)>,
}

impl Neighbours {
    fn new() -> Self {
        let sinks: Vec<_> = PEERS
            .iter()
            .map(|(domain, offers)| {
                let sink = Sink::new(|line| line.starts_with("EHLO").then(|| (*offers).to_owned()));
                (*domain, sink)
            })
            .collect();
        let world = World::with(|config| {
            config.relay.routes = sinks
                .iter()
                .map(|(domain, sink)| Route {
                    domains: vec![(*domain).to_owned()],
                    host: sink.address.ip().to_string(),
                    port: sink.address.port(),
                    tls: RouteTls::Opportunistic,
                    ..Route::default()
                })
                .collect();
        });
        Self { world, sinks }
    }

    fn send(&self, parameters: &str, to: &[&str], letter: &[u8]) {
        let mut client = self.world.submission("an");
        client.expect(&format!("MAIL FROM:<an@thu.gov.vn>{parameters}"), "250");
        for one in to {
            client.expect(&format!("RCPT TO:<{one}>"), "250");
        }
        client.expect("DATA", "354");
        client.send(&stuffed(letter));
        let reply = client.reply();
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// What the peer of this domain got with this word in it.
    fn taken(&self, domain: &str, word: &str) -> Taken {
        let (_, sink) = self.sinks.iter().find(|(of, _)| *of == domain).unwrap();
        let find = || sink.taken().into_iter().find(|t| t.content.contains(word));
        assert!(until(|| find().is_some()), "{domain} got no {word}");
        find().unwrap()
    }

    /// Once the sender is told so of the recipient.
    fn told(&self, recipient: &str, status: &str) {
        let block = format!("; {recipient}\r\nAction: failed\r\nStatus: {status}\r\n");
        let mut letters = String::new();
        let told = until(|| {
            let mut reader = self.world.imap("an");
            reader.ok("SELECT INBOX");
            let got = reader.ok("UID FETCH 1:* BODY.PEEK[]");
            let all = (0..got.untagged.len()).flat_map(|n| got.literals(n));
            letters = all.map(String::from_utf8_lossy).collect();
            letters.contains(&block)
        });
        assert!(told, "{block} in {letters}");
    }
}

fn body(letter: &str) -> &str {
    letter.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn a_letter_is_made_to_fit_the_peer_or_comes_back() {
    let all = Neighbours::new();
    let eight = "From: An <an@thu.gov.vn>\r\nSubject: tam\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        Kính gửi quý cơ quan cùng các phòng ban: van ban nay dai hon mot dong, xin xem ky.\r\n.\r\n\
        Xin gửi lời chào trân trọng và mong nhận được phúc đáp sớm.\r\n";
    let to = PEERS.map(|(domain, _)| format!("x@{domain}"));
    let to = to.each_ref().map(String::as_str);
    all.send(" BODY=8BITMIME", &to, eight.as_bytes());
    for domain in ["full.example", "eight.example"] {
        let taken = all.taken(domain, "Subject: tam");
        assert!(taken.from.ends_with(" BODY=8BITMIME"), "{}", taken.from);
        assert!(taken.content.ends_with(eight), "{}", taken.content);
    }
    for domain in ["seven.example", "helo.example"] {
        let taken = all.taken(domain, "Subject: tam");
        assert_eq!(taken.from, "MAIL FROM:<an@thu.gov.vn>");
        assert!(taken.content.is_ascii());
        let summary = formats::message::summarize(taken.content.as_bytes());
        let text = formats::message::part::decode_body(&summary.part, taken.content.as_bytes());
        assert_eq!(String::from_utf8_lossy(&text), body(eight));
    }
    // RFC 1870 §6.1.
    all.told("x@small.example", "5.3.4");
    all.world.finish();
}

#[test]
fn what_is_signed_or_binary_or_in_utf8_keeps_its_octets() {
    let all = Neighbours::new();
    let parts = |subject: &str, kind: &str, what: &str| {
        format!(
            "From: An <an@thu.gov.vn>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/{kind}; boundary=b\r\n\r\n--b\r\n{what}\r\n--b--\r\n"
        )
    };
    let text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nKý ở đây";
    let signed = parts("ky", "signed", text);
    all.send(
        " BODY=8BITMIME",
        &["x@eight.example", "x@seven.example"],
        signed.as_bytes(),
    );
    let taken = all.taken("eight.example", "Subject: ky");
    assert!(taken.content.ends_with(&signed), "{}", taken.content);
    all.told("x@seven.example", "5.6.3");

    let image = "Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\nP\0NG";
    let binary = parts("anh", "mixed", image);
    all.send(
        "",
        &["x@full.example", "x@eight.example", "x@seven.example"],
        binary.as_bytes(),
    );
    let taken = all.taken("full.example", "Subject: anh");
    assert!(taken.from.ends_with(" BODY=BINARYMIME"), "{}", taken.from);
    assert!(taken.content.ends_with(&binary), "{}", taken.content);
    for domain in ["eight.example", "seven.example"] {
        let taken = all.taken(domain, "Subject: anh");
        assert!(!taken.from.contains("BODY=BINARYMIME"), "{}", taken.from);
        assert!(
            taken.content.contains("base64\r\n\r\nUABORw==\r\n"),
            "{}",
            taken.content
        );
    }

    let utf8 = "From: An <an@thu.gov.vn>\r\nSubject: Công văn\r\n\r\nx\r\n";
    all.send(
        " SMTPUTF8",
        &["x@full.example", "x@eight.example"],
        utf8.as_bytes(),
    );
    let taken = all.taken("full.example", "Subject: Công văn");
    assert!(taken.from.ends_with(" SMTPUTF8"), "{}", taken.from);
    all.told("x@eight.example", "5.6.9");

    // One address in UTF-8 does not keep the others from the letter.
    let plain = "From: An <an@thu.gov.vn>\r\nSubject: hai nguoi\r\n\r\nx\r\n";
    let two = ["văn.thư@eight.example", "y@eight.example"];
    all.send(" SMTPUTF8", &two, plain.as_bytes());
    let taken = all.taken("eight.example", "Subject: hai nguoi");
    assert_eq!(taken.to, ["RCPT TO:<y@eight.example>"]);
    all.told("văn.thư@eight.example", "5.6.7");
    all.world.finish();
}

#[test]
fn what_is_urgent_says_so_to_who_knows_it() {
    let all = Neighbours::new();
    // RFC 2047: the mark HỎA TỐC in the subject, an importance, and the parameter, which counts before both.
    for (parameters, head, told) in [
        (
            "",
            "Subject: =?utf-8?q?=5BH=E1=BB=8EA_T=E1=BB=90C=5D?= hop",
            " MT-PRIORITY=6",
        ),
        ("", "Importance: High", " MT-PRIORITY=4"),
        (" MT-PRIORITY=2", "X-Priority: 1", " MT-PRIORITY=2"),
        ("", "X-Priority: 3", ""),
    ] {
        let letter = format!("From: An <an@thu.gov.vn>\r\n{head}\r\n\r\nx\r\n");
        all.send(
            parameters,
            &["x@full.example", "x@seven.example"],
            letter.as_bytes(),
        );
        let line = |domain| {
            all.taken(domain, head)
                .from
                .split(" SIZE")
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            line("full.example"),
            format!("MAIL FROM:<an@thu.gov.vn>{told}"),
            "{head}"
        );
        assert_eq!(line("seven.example"), "MAIL FROM:<an@thu.gov.vn>", "{head}");
    }
    all.world.finish();
}

/// RFC 5321 §4.5.3.1.6: no line that leaves is longer than 998 octets, and the letter says the same.
#[test]
fn long_lines_leave_as_short_ones() {
    let all = Neighbours::new();
    let text = "mot dong rat dai, ".repeat(300);
    let letter = format!(
        "From: An <an@thu.gov.vn>\r\nSubject: dai {text}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{text}het\r\n"
    );
    all.send("", &["x@eight.example"], letter.as_bytes());
    let taken = all.taken("eight.example", "Subject: dai").content;
    assert!(taken.lines().all(|line| line.len() <= 998), "{taken}");
    let summary = formats::message::summarize(taken.as_bytes());
    let decoded = formats::message::part::decode_body(&summary.part, taken.as_bytes());
    assert_eq!(String::from_utf8_lossy(&decoded), body(&letter));
    let whole = formats::message::summarize(letter.as_bytes());
    assert_eq!(summary.head.subject, whole.head.subject);
    let mut client = all.world.submission("an");
    let long = "x".repeat(999);
    let letter = format!("From: an@thu.gov.vn\r\nX-Key: {long}\r\n\r\nx\r\n");
    let refused = client.transaction("an@thu.gov.vn", &["x@eight.example"], letter.as_bytes());
    assert!(refused.starts_with("554 5.6.0"), "{refused}");
    all.world.finish();
}
