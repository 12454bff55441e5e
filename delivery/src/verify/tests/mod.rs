//! RFC 8463 appendix A, alignment, and fields that others forge.

mod policy;
mod spf;
mod suite;

use super::*;
use crate::{LookupError, MailHost, MailHosts};
use formats::address::{Address, DomainName};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// DNS as a table: TXT, addresses, mail exchangers by name; `!` as a text: no answer.
#[derive(Default)]
struct Dns {
    texts: HashMap<String, Vec<String>>,
    addresses: HashMap<String, Vec<IpAddr>>,
    hosts: HashMap<String, Vec<String>>,
    names: Vec<String>,
    asked: AtomicUsize,
}

impl Resolver for Dns {
    async fn mail_hosts(&self, domain: &DomainName) -> Result<MailHosts, LookupError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.hosts.get(domain.as_str()).ok_or(LookupError::NoName)?;
        let each = found.iter().map(|name| MailHost {
            preference: 10,
            name: name.clone(),
        });
        Ok(MailHosts {
            hosts: each.collect(),
            secure: false,
        })
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.addresses.get(host).cloned().ok_or(LookupError::NoName)
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, LookupError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.texts.get(name) {
            None => Err(LookupError::NoName),
            Some(all) if all[0] == "!" => Err(LookupError::Failed("no answer".into())),
            Some(all) => Ok(all.clone()),
        }
    }

    async fn names_of(&self, _ip: IpAddr) -> Result<Vec<String>, LookupError> {
        Ok(self.names.clone())
    }
}

impl Dns {
    /// Lines `name text`, `name A address`, `name MX host`.
    fn new(lines: &[&str]) -> Self {
        let mut dns = Self::default();
        for line in lines {
            let (name, rest) = line.split_once(' ').unwrap();
            let name = name.to_owned();
            match rest.split_once(' ') {
                Some(("A", ip)) => {
                    let ip = ip.parse().unwrap();
                    dns.addresses.entry(name).or_default().push(ip);
                }
                Some(("MX", host)) => dns.hosts.entry(name).or_default().push(host.into()),
                Some(("PTR", host)) => dns.names.push(host.into()),
                _ => dns.texts.entry(name).or_default().push(rest.into()),
            }
        }
        dns
    }
}

/// Nothing here waits: the future is ready when it is polled.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn arriving(ip: &str, from: &str, content: &[u8]) -> Arriving {
    Arriving {
        ip: ip.parse().unwrap(),
        helo: "mx.noi.vn".into(),
        from: match from {
            "" => ReversePath::Null,
            from => ReversePath::Address(Address::parse(from).unwrap()),
        },
        content: Arc::new(content.to_vec()),
        now: 1_795_305_600,
    }
}

fn seen(dns: &Dns, ip: &str, from: &str, content: &[u8]) -> Evidence {
    let arriving = arriving(ip, from, content);
    ready(verify(dns, &arriving, &SoFar::new(&arriving.from)))
}

const KEYS: [&str; 2] = [
    "brisbane._domainkey.football.example.com v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "test._domainkey.football.example.com v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR\
     iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5Qj\
     vHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
];
/// RFC 8463 appendix A.3.
const SIGNED: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
    subject : date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n \
    Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
    DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n \
    date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n \
    DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n \
    dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n\
    From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n\
    Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

/// What is said of both signatures.
fn dkim(keys: &[&str], message: &str, expected: [&str; 2]) {
    let evidence = seen(&Dns::new(keys), "192.0.2.9", "", message.as_bytes());
    let got: Vec<String> = evidence
        .dkim
        .iter()
        .map(|one| {
            format!("{} {}", one.result.word(), one.why)
                .trim_end()
                .to_owned()
        })
        .collect();
    assert_eq!(got, expected, "{message}");
}

#[test]
fn signatures_are_good_or_not() {
    dkim(&KEYS, SIGNED, ["pass", "pass"]);
    // White space and fields that are not signed may change; nothing else.
    let spaced = SIGNED
        .replace("game.  Are", "game.\t Are")
        .replace("To: Suzie", "TO:   Suzie");
    dkim(&KEYS, &spaced, ["pass", "pass"]);
    dkim(
        &KEYS,
        &format!("Received: x\r\n{SIGNED}\r\n\r\n"),
        ["pass", "pass"],
    );
    let changed = "fail the body was changed";
    dkim(&KEYS, &SIGNED.replace("hungry", "angry"), [changed; 2]);
    dkim(&KEYS, &format!("{SIGNED}more\r\n"), [changed; 2]);
    let broken = "fail the signature is not good";
    dkim(
        &KEYS,
        &SIGNED.replace("Is dinner", "Was dinner"),
        [broken; 2],
    );
    // A second From or Subject: they are signed once more than there are.
    dkim(&KEYS, &format!("From: x@y.vn\r\n{SIGNED}"), [broken; 2]);
    dkim(
        &KEYS,
        &SIGNED.replace("t=1528637909", "t=1528637908"),
        [broken; 2],
    );
    let none = "permerror there is no such key";
    dkim(&[], SIGNED, [none; 2]);
    dkim(&KEYS[..1], SIGNED, ["pass", none]);
    let revoked = [
        "brisbane._domainkey.football.example.com v=DKIM1; k=ed25519; p=",
        KEYS[1],
    ];
    dkim(&revoked, SIGNED, ["permerror the key is revoked", "pass"]);
    let dead = ["brisbane._domainkey.football.example.com !", KEYS[1]];
    dkim(&dead, SIGNED, ["temperror no answer from DNS", "pass"]);
    let other = [
        "test._domainkey.football.example.com v=DKIM1; k=ed25519; p=AAAA",
        KEYS[0],
    ];
    dkim(
        &other,
        SIGNED,
        ["pass", "permerror the key is of another kind"],
    );
}

#[test]
fn signatures_that_say_nonsense_are_nothing() {
    let change = |from: &str, to: &str, expected: &str| {
        let message = SIGNED.replacen(from, to, 1);
        dkim(&KEYS, &message, [expected, "pass"]);
    };
    change(
        "v=1; a=ed25519-sha256",
        "v=2; a=ed25519-sha256",
        "permerror the signature is of another version",
    );
    change(
        "a=ed25519-sha256",
        "a=rsa-sha1",
        "permerror the algorithm is too weak or unknown",
    );
    change(
        "i=@football.example.com",
        "i=@ball.example.com",
        "permerror i= is not of the domain",
    );
    change(
        "s=brisbane",
        "s=brisbane; x=1528637910",
        "permerror the signature has expired",
    );
    change(
        "t=1528637909",
        "t=99999999999",
        "permerror the signature is of a time to come",
    );
    change(
        "q=dns/txt",
        "q=other",
        "permerror the key is kept elsewhere than in DNS",
    );
    change(
        "c=relaxed/relaxed",
        "c=odd",
        "permerror the canonical form is unknown",
    );
    change(
        "d=football.example.com",
        "d=a b; d=c",
        "permerror the signature cannot be read",
    );
    let many = format!("{}{SIGNED}", "DKIM-Signature: v=1\r\n".repeat(50));
    let evidence = seen(&Dns::new(&KEYS), "192.0.2.9", "", many.as_bytes());
    assert_eq!(evidence.dkim.len(), 10);
}

/// A message of this author from 192.0.2.9 with this reverse-path, `spf` saying yes for it.
fn dmarc(lines: &[&str], from: &str, author: &str) -> Evidence {
    let domain = from.split('@').nth(1).unwrap().to_lowercase();
    let pass = format!("{domain} v=spf1 ip4:192.0.2.9 -all");
    let mut all = lines.to_vec();
    all.push(&pass);
    let letter = format!("{author}\r\nSubject: x\r\n\r\nbody\r\n");
    seen(&Dns::new(&all), "192.0.2.9", from, letter.as_bytes())
}

/// Result and wish for what this author writes from this reverse-path.
fn aligned(lines: &[&str], from: &str, author: &str, expected: (&str, &str)) {
    let found = dmarc(lines, from, &format!("From: {author}")).dmarc;
    let got = (found.result.word(), found.wish.word());
    assert_eq!(got, expected, "{lines:?} {from} {author}");
}

#[test]
fn what_passes_must_be_of_the_authors_organization() {
    let reject = "_dmarc.x.vn v=DMARC1; p=reject";
    aligned(&[], "a@x.vn", "a@x.vn", ("none", "none"));
    aligned(&[reject], "a@x.vn", "a@x.vn", ("pass", "reject"));
    aligned(&[reject], "a@X.vn", "a@x.VN", ("pass", "reject"));
    aligned(&[reject], "a@y.vn", "a@x.vn", ("fail", "reject"));
    aligned(&[reject], "a@m.x.vn", "a@x.vn", ("pass", "reject"));
    aligned(&[reject], "a@x.vn", "a@m.x.vn", ("pass", "reject"));
    aligned(&[reject], "a@p.x.vn", "a@q.x.vn", ("pass", "reject"));
    aligned(&[reject], "a@xx.vn", "a@x.vn", ("fail", "reject"));
    aligned(
        &["_dmarc.x.vn v=DMARC1; p=reject; aspf=s"],
        "a@m.x.vn",
        "a@x.vn",
        ("fail", "reject"),
    );
    aligned(
        &["_dmarc.x.vn v=DMARC1; p=reject; sp=none"],
        "a@y.vn",
        "a@m.x.vn",
        ("fail", "none"),
    );
    aligned(
        &["_dmarc.x.vn v=DMARC1; p=reject; t=y"],
        "a@y.vn",
        "a@x.vn",
        ("fail", "quarantine"),
    );
    aligned(
        &["_dmarc.x.vn v=DMARC1; p=quarantine; pct=0"],
        "a@y.vn",
        "a@x.vn",
        ("fail", "none"),
    );
    aligned(
        &["_dmarc.x.vn !"],
        "a@x.vn",
        "a@x.vn",
        ("temperror", "none"),
    );
    for nothing in [
        "v=DMARC2; p=reject",
        "v=DMARC1; p=odd",
        "v=DMARC1",
        "p=reject; v=DMARC1",
    ] {
        aligned(
            &[&format!("_dmarc.x.vn {nothing}")],
            "a@y.vn",
            "a@x.vn",
            ("none", "none"),
        );
    }
    aligned(
        &["_dmarc.x.vn v=DMARC1; p=odd; rua=mailto:a@x.vn"],
        "a@y.vn",
        "a@x.vn",
        ("fail", "none"),
    );
    aligned(
        &[reject, "_dmarc.x.vn v=DMARC1; p=none"],
        "a@y.vn",
        "a@x.vn",
        ("none", "none"),
    );
}

#[test]
fn a_public_suffix_is_no_organization() {
    let reject = "_dmarc.x.vn v=DMARC1; p=reject";
    // A public suffix is no organization: two of those below it have nothing in common.
    let suffix = "_dmarc.gov.vn v=DMARC1; p=reject; psd=y";
    aligned(&[suffix], "a@p.gov.vn", "a@q.gov.vn", ("fail", "reject"));
    aligned(&[suffix], "a@m.p.gov.vn", "a@p.gov.vn", ("pass", "reject"));
    let own = "_dmarc.q.gov.vn v=DMARC1; p=none; psd=n";
    aligned(&[suffix, own], "a@gov.vn", "a@m.q.gov.vn", ("fail", "none"));
    // However long the name is.
    let long = format!("a@{}x.vn", "a.".repeat(60));
    aligned(&[reject], "a@x.vn", &long, ("pass", "reject"));
}

#[test]
fn who_cannot_be_told_apart_goes_into_junk() {
    use Enforcement::{Junk, Mark, Reject};
    let reject = ["_dmarc.x.vn v=DMARC1; p=reject"];
    let check = |author: &str, rule, expected: Disposition| {
        let evidence = dmarc(&reject, "a@y.vn", author);
        assert_eq!(evidence.disposition(rule), expected, "{author} {rule:?}");
    };
    check("From: a@x.vn", Mark, Disposition(Wish::None));
    check("From: a@x.vn", Junk, Disposition(Wish::Quarantine));
    check("From: a@x.vn", Reject, Disposition(Wish::Reject));
    check("From: a@y.vn", Reject, Disposition(Wish::None));
    for odd in [
        "X: y",
        "From: a@y.vn\r\nFrom: a@x.vn",
        "From: a@y.vn, b@x.vn",
        "From: none",
    ] {
        check(odd, Reject, Disposition(Wish::Quarantine));
        check(odd, Mark, Disposition(Wish::None));
    }
}

#[test]
fn results_are_one_hosts_own_word() {
    let host = "mail.tinh.gov.vn";
    let evidence = seen(
        &Dns::new(&KEYS[..1]),
        "192.0.2.9",
        "a@x.vn",
        SIGNED.as_bytes(),
    );
    let field = evidence.field(host, Disposition(Wish::Quarantine));
    let expected = "Authentication-Results: mail.tinh.gov.vn;\r\n\
        \tspf=none smtp.mailfrom=x.vn;\r\n\
        \tspf=none smtp.helo=mx.noi.vn;\r\n\
        \tdkim=pass header.d=football.example.com header.s=brisbane header.b=\"/gCrinpc\";\r\n\
        \tdkim=permerror (there is no such key) header.d=football.example.com header.s=test header.b=\"F45dVWDf\";\r\n\
        \tdmarc=none (p=none dis=quarantine) header.from=football.example.com\r\n";
    assert_eq!(field, expected);
    assert!(quarantined(
        format!("Return-Path: <>\r\n{field}{SIGNED}").as_bytes(),
        host
    ));
    assert!(!quarantined(SIGNED.as_bytes(), host));
    // What others write in names is no part of the field.
    let mut odd = evidence;
    odd.spf.domain = "x.vn; dkim=pass\r\nX: y".into();
    assert!(
        odd.field(host, Disposition(Wish::None))
            .contains("smtp.mailfrom=\"x.vn??dkim?pass??X:?y\"")
    );
    let forged = "Received: x\r\nAuthentication-Results: (c ; d) MAIL.tinh.gov.vn 1;\r\n dmarc=pass\r\n\
        Authentication-Results: other.vn; spf=pass\r\nauthentication-results:\r\n \"mail.tinh.gov.vn\" ; none\r\n\
        From: a@x.vn\r\n\r\nAuthentication-Results: mail.tinh.gov.vn; x\r\n";
    let kept = "Received: x\r\nAuthentication-Results: other.vn; spf=pass\r\nFrom: a@x.vn\r\n\r\n\
        Authentication-Results: mail.tinh.gov.vn; x\r\n";
    let got = without_forged(forged.as_bytes(), host);
    assert_eq!(String::from_utf8_lossy(&got), kept);
}

/// RFC 8601 §5, RFC 8617 §4.1.1, RFC 7208 §9.1.
#[test]
fn nobody_else_speaks_in_this_hosts_name_however_he_spells_it() {
    let check = |field: &str, forged: bool| {
        let message = format!("A: b\r\n{field}\r\nFrom: a@x.vn\r\n\r\n{field}\r\n");
        let got = without_forged(message.as_bytes(), "mail.tinh.gov.vn");
        let rest = match forged {
            true => message.replacen(&format!("{field}\r\n"), "", 1),
            false => message.clone(),
        };
        assert_eq!(String::from_utf8_lossy(&got), rest, "{field}");
    };
    for name in [
        "mail.tinh.gov.vn",
        "Mail.tinh.gov.vn.",
        "mail.tinh.gov.vn/1",
        "mail.tinh.gov.vn./2 1",
        "(a;b) \"mail.tinh.gov.vn\"",
    ] {
        check(&format!("Authentication-Results: {name}; dmarc=pass"), true);
        check(
            &format!("ARC-Authentication-Results: i=1; {name}; spf=pass"),
            true,
        );
    }
    check(
        "Authentication-Results: xmail.tinh.gov.vn; dmarc=pass",
        false,
    );
    check(
        "ARC-Authentication-Results: i=1; other.vn; x=mail.tinh.gov.vn",
        false,
    );
    check("ARC-Authentication-Results: mail.tinh.gov.vn", false);
    check(
        "Received-SPF: pass (x) client-ip=1.1.1.1;\r\n\treceiver=mail.tinh.gov.vn;",
        true,
    );
    check("Received-SPF: pass RECEIVER=\"mail.tinh.gov.vn\"", true);
    check(
        "Received-SPF: pass receiver=other.vn; helo=mail.tinh.gov.vn",
        false,
    );
    check("Received-SPF: pass", false);
}
