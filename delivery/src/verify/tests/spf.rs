//! RFC 7208: terms, macros, errors and limits.

use super::*;

fn spf(lines: &[&str], ip: &str, expected: &str) {
    let dns = Dns::new(lines);
    let evidence = seen(&dns, ip, "an@x.vn", b"From: an@x.vn\r\n\r\n");
    assert_eq!(evidence.spf.result.word(), expected, "{lines:?} {ip}");
    assert!(dns.asked.load(Ordering::Relaxed) <= QUESTIONS_MAX);
}

#[test]
fn spf_terms_are_matched_in_their_order() {
    let own = "192.0.2.9";
    spf(&[], own, "none");
    spf(&["x.vn hello"], own, "none");
    spf(&["x.vn v=spf10 -all"], own, "none");
    spf(&["x.vn !"], own, "temperror");
    spf(&["x.vn v=spf1 -all", "x.vn v=spf1 +all"], own, "permerror");
    spf(&["x.vn v=spf1"], own, "neutral");
    spf(&["x.vn V=SPF1 ?all"], own, "neutral");
    spf(&["x.vn v=spf1 ~all"], own, "softfail");
    spf(&["x.vn v=spf1  ip4:192.0.2.0/24   -all"], own, "pass");
    spf(&["x.vn v=spf1 ip4:192.0.2.0/29 -all"], own, "fail");
    spf(&["x.vn v=spf1 -ip4:192.0.2.9 +all"], own, "fail");
    spf(&["x.vn v=spf1 ip4:0.0.0.0/0 -all"], own, "pass");
    spf(
        &["x.vn v=spf1 ip6:2001:db8::/32 -all"],
        "2001:db8::1",
        "pass",
    );
    spf(&["x.vn v=spf1 ip6:::/0 -all"], "2001:db8::1", "pass");
    spf(
        &["x.vn v=spf1 ip4:192.0.2.9 -all"],
        "::ffff:192.0.2.9",
        "pass",
    );
}

#[test]
fn spf_hosts_are_asked_for_their_addresses() {
    let own = "192.0.2.9";
    spf(&["x.vn v=spf1 a -all", "x.vn A 192.0.2.9"], own, "pass");
    spf(
        &["x.vn v=spf1 a:b.vn/30//64 -all", "b.vn A 192.0.2.8"],
        own,
        "pass",
    );
    spf(
        &["x.vn v=spf1 a:b.vn//64 -all", "b.vn A 2001:db8::2"],
        "2001:db8::1",
        "pass",
    );
    spf(
        &["x.vn v=spf1 mx -all", "x.vn MX m.vn", "m.vn A 192.0.2.9"],
        own,
        "pass",
    );
    spf(
        &[
            "x.vn v=spf1 mx:y.vn/24 -all",
            "y.vn MX m.vn",
            "m.vn A 192.0.2.1",
        ],
        own,
        "pass",
    );
}

#[test]
fn spf_leads_on() {
    let own = "192.0.2.9";
    spf(
        &[
            "x.vn v=spf1 include:y.vn -all",
            "y.vn v=spf1 ip4:192.0.2.9 -all",
        ],
        own,
        "pass",
    );
    spf(
        &["x.vn v=spf1 include:y.vn ~all", "y.vn v=spf1 -all"],
        own,
        "softfail",
    );
    spf(&["x.vn v=spf1 include:y.vn ~all"], own, "permerror");
    spf(
        &["x.vn v=spf1 include:y.vn ~all", "y.vn !"],
        own,
        "temperror",
    );
    spf(
        &[
            "x.vn v=spf1 redirect=y.vn",
            "y.vn v=spf1 ip4:192.0.2.9 -all",
        ],
        own,
        "pass",
    );
    spf(&["x.vn v=spf1 redirect=y.vn"], own, "permerror");
    spf(
        &["x.vn v=spf1 -all redirect=y.vn", "y.vn v=spf1 +all"],
        own,
        "fail",
    );
}

#[test]
fn spf_macros_are_filled_in() {
    let own = "192.0.2.9";
    spf(
        &[
            "x.vn v=spf1 exists:%{ir}.%{v}.l.%{d2} -all",
            "9.2.0.192.in-addr.l.x.vn A 127.0.0.2",
        ],
        own,
        "pass",
    );
    spf(
        &[
            "x.vn v=spf1 exists:%{l}.%{o}.u.vn -all",
            "an.x.vn.u.vn A 127.0.0.2",
        ],
        own,
        "pass",
    );
    spf(
        &[
            "x.vn v=spf1 ptr -all",
            "z PTR mx.x.vn.",
            "mx.x.vn A 192.0.2.9",
        ],
        own,
        "pass",
    );
    spf(
        &[
            "x.vn v=spf1 ptr -all",
            "z PTR mx.x.vn.",
            "mx.x.vn A 192.0.2.8",
        ],
        own,
        "fail",
    );
    spf(
        &[
            "x.vn v=spf1 ptr:y.vn -all",
            "z PTR xy.vn",
            "xy.vn A 192.0.2.9",
        ],
        own,
        "fail",
    );
    spf(
        &["x.vn v=spf1 unknown=%{s} exp=e.%{d} moo=x -all"],
        own,
        "fail",
    );
}

#[test]
fn spf_errors_and_limits_end_it() {
    let own = "192.0.2.9";
    for wrong in [
        "+all foo",
        "+all ip4:1.2.3",
        "+all ip4:192.0.2.1/33",
        "+all ip4",
        "+all a:",
        "+all include",
        "+all include:y",
        "+all redirect=y.vn redirect=y.vn",
        "+all exists:%{z}.vn",
        "+all exists:%{d",
        "+all all:x",
        "+all a:%{d0}.vn",
        "+all ip4:192.0.2.1/024",
        "+all exp=%",
        "+all a:b.vn/33",
    ] {
        spf(&[&format!("x.vn v=spf1 {wrong}")], own, "permerror");
    }
    // RFC 7208 §4.6.4: ten terms that ask, two without an answer, loops.
    let asks = |n: usize| format!("x.vn v=spf1 {}-all", "a:b.vn ".repeat(n));
    let address = "b.vn A 198.51.100.1";
    spf(&[&asks(10), address], own, "fail");
    spf(&[&asks(11), address], own, "permerror");
    spf(&["x.vn v=spf1 a:p.vn a:q.vn -all"], own, "fail");
    spf(&["x.vn v=spf1 a:p.vn a:q.vn a:r.vn -all"], own, "permerror");
    spf(&["x.vn v=spf1 include:x.vn -all"], own, "permerror");
    spf(
        &["x.vn v=spf1 include:y.vn -all", "y.vn v=spf1 redirect=x.vn"],
        own,
        "permerror",
    );
    let many: Vec<String> = (0..11).map(|n| format!("x.vn MX m{n}.vn")).collect();
    let mut lines: Vec<&str> = many.iter().map(String::as_str).collect();
    lines.push("x.vn v=spf1 mx -all");
    spf(&lines, own, "permerror");
    spf(
        &[&format!("x.vn v=spf1 {}", "ip4:1.2.3.4 ".repeat(201))],
        own,
        "permerror",
    );
    // An empty reverse-path is judged by the greeting.
    let dns = Dns::new(&["mx.noi.vn v=spf1 ip4:192.0.2.9 -all"]);
    let evidence = seen(&dns, own, "", b"From: x@noi.vn\r\n\r\n");
    assert_eq!(
        (evidence.spf.result, evidence.spf.by_helo),
        (SpfResult::Pass, true)
    );
}
