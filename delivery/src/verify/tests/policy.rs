//! RFC 9989: policies of records that are not as they should be, of domains that are not there, and what DNS of others
//! must not spare.

use super::*;

const SPF: &str = "y.vn v=spf1 ip4:192.0.2.9 -all";

fn judged(lines: &[&str], from: &str, author: &str) -> Dmarc {
    let letter = format!("From: {author}\r\nSubject: x\r\n\r\nbody\r\n");
    seen(&Dns::new(lines), "192.0.2.9", from, letter.as_bytes()).dmarc
}

fn check(lines: &[&str], author: &str, expected: (&str, &str)) {
    let mut all = lines.to_vec();
    all.push(SPF);
    let found = judged(&all, "a@y.vn", author);
    let got = (found.result.word(), found.wish.word());
    assert_eq!(got, expected, "{lines:?} {author}");
}

#[test]
fn what_is_no_tag_spoils_no_record() {
    let fail = ("fail", "reject");
    for record in [
        "v=DMARC1; p=reject",
        "v = DMARC1 ;p=REJECT;",
        "v=DMARC1; p=reject; nonsense; =; x=",
        "v=DMARC1; pct; p=reject; rua=mailto:a@x.vn!10m",
        "v=DMARC1; p=reject; p=none",
        "v=DMARC1; unknown=1; p=reject",
    ] {
        check(&[&format!("_dmarc.x.vn {record}")], "a@x.vn", fail);
    }
    // Records of other versions, or of something else, stand beside it.
    let beside = [
        "_dmarc.x.vn v=DMARC1; p=reject",
        "_dmarc.x.vn v=DMARC10; p=none",
        "_dmarc.x.vn hello",
        "_dmarc.x.vn v=dmarc1; p=none",
    ];
    check(&beside, "a@x.vn", fail);
}

#[test]
fn a_policy_that_cannot_be_read_is_none_where_somebody_wants_to_hear() {
    let none = ("none", "none");
    let heard = ("fail", "none");
    for (record, expected) in [
        ("v=DMARC1", none),
        ("v=DMARC1; p=reject; sp=odd", none),
        ("v=DMARC1; p=reject; np=odd; rua=nowhere", none),
        ("v=DMARC1; p=reject; sp=odd; rua=mailto:a@x.vn", heard),
        ("v=DMARC1; rua=https://x.vn/in", heard),
    ] {
        check(&[&format!("_dmarc.x.vn {record}")], "a@x.vn", expected);
    }
    // It says which organization it is nevertheless.
    let named = [
        "_dmarc.x.vn v=DMARC1; p=reject",
        "_dmarc.m.x.vn v=DMARC1; psd=n",
    ];
    check(&named, "a@n.m.x.vn", none);
}

#[test]
fn names_that_are_not_there_have_a_policy_of_their_own() {
    let record = "_dmarc.x.vn v=DMARC1; p=none; sp=quarantine; np=reject";
    check(&[record], "a@x.vn", ("fail", "none"));
    check(
        &[record, "m.x.vn A 192.0.2.1"],
        "a@m.x.vn",
        ("fail", "quarantine"),
    );
    check(&[record], "a@m.x.vn", ("fail", "reject"));
    let only = "_dmarc.x.vn v=DMARC1; p=quarantine; np=reject";
    check(
        &[only, "m.x.vn A 192.0.2.1"],
        "a@m.x.vn",
        ("fail", "quarantine"),
    );
}

#[test]
fn who_cannot_be_asked_is_not_said_to_fail() {
    let reject = "_dmarc.x.vn v=DMARC1; p=reject";
    let temporary = ("temperror", "reject");
    let got = |lines: &[&str], from: &str| {
        let found = judged(lines, from, "a@x.vn");
        (found.result.word(), found.wish.word())
    };
    assert_eq!(got(&[reject, "x.vn !"], "a@x.vn"), temporary);
    assert_eq!(got(&[reject, "m.x.vn !"], "a@m.x.vn"), temporary);
    // Not of the author's organization: whatever it says, it would not have counted.
    assert_eq!(got(&[reject, "y.vn !"], "a@y.vn"), ("fail", "reject"));
    let strict = "_dmarc.x.vn v=DMARC1; p=reject; aspf=s";
    assert_eq!(got(&[strict, "m.x.vn !"], "a@m.x.vn"), ("fail", "reject"));
}

#[test]
fn dead_dns_of_others_spares_nobody_his_authors_policy() {
    let dead = |n: usize| {
        format!("DKIM-Signature: v=1; a=rsa-sha256; d=dead.vn; s=s{n}; h=From; bh=AA==; b=AA==\r\n")
    };
    let many: String = (0..10).map(dead).collect();
    let keys: Vec<String> = (0..10)
        .map(|n| format!("s{n}._domainkey.dead.vn !"))
        .collect();
    let mut lines: Vec<&str> = keys.iter().map(String::as_str).collect();
    let includes: String = (0..9).map(|n| format!(" exists:e{n}.dead.vn")).collect();
    let spf = format!("y.vn v=spf1{includes} include:dead.vn -all");
    lines.extend(["_dmarc.x.vn v=DMARC1; p=reject", "dead.vn !", &spf]);
    let dns = Dns::new(&lines);
    let letter = format!("{many}From: a@x.vn\r\n\r\nx\r\n");
    let arriving = arriving("192.0.2.9", "a@y.vn", letter.as_bytes());
    let so_far = SoFar::new(&arriving.from);
    let evidence = ready(verify(&dns, &arriving, &so_far));
    let words = (evidence.dmarc.result.word(), evidence.dmarc.wish.word());
    assert_eq!(words, ("fail", "reject"));
    assert!(
        evidence
            .dkim
            .iter()
            .all(|one| one.result == DkimResult::TempError)
    );
    assert!(dns.asked.load(Ordering::Relaxed) <= QUESTIONS_MAX);
    // Who stops waiting after that has the same.
    assert_eq!(so_far.get().dmarc, evidence.dmarc);
}

#[test]
fn the_greeting_is_looked_at_beside_the_reverse_path() {
    let dns = Dns::new(&["mx.noi.vn v=spf1 ip4:192.0.2.9 -all", "x.vn v=spf1 -all"]);
    let letter = b"From: a@x.vn\r\n\r\nx\r\n";
    let evidence = seen(&dns, "192.0.2.9", "a@x.vn", letter);
    let field = evidence.field("h", Disposition::default());
    let both = "spf=fail smtp.mailfrom=x.vn;\r\n\tspf=pass smtp.helo=mx.noi.vn;\r\n";
    assert!(field.contains(both), "{field}");
    assert_eq!(
        evidence.checks(Disposition::default())[1],
        "helo=pass mx.noi.vn"
    );
    // RFC 9989 §4.4.2: it is no part of DMARC.
    let record = "_dmarc.noi.vn v=DMARC1; p=reject";
    let dns = Dns::new(&["mx.noi.vn v=spf1 ip4:192.0.2.9 -all", record]);
    let evidence = seen(&dns, "192.0.2.9", "a@x.vn", b"From: a@noi.vn\r\n\r\nx\r\n");
    assert_eq!(evidence.dmarc.result, DmarcResult::Fail);
    // But where there is no reverse-path it stands for it (RFC 7208 §2.4).
    let evidence = seen(&dns, "192.0.2.9", "", b"From: a@noi.vn\r\n\r\nx\r\n");
    assert_eq!(
        (evidence.dmarc.result, evidence.helo),
        (DmarcResult::Pass, None)
    );
}
