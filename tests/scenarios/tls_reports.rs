//! TLS reports: domains hear once a day how TLS with their servers went.

use crate::outside::There;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use delivery::TlsWish;
use serde_json::Value;
use server::config::{Relay, Route, RouteTls};
use server::outward::{Names, Reports};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use tests::fake_dnssec::{Signed, a, mx, tlsa, txt};
use tests::smtp_sink::{Sink, Taken};
use tests::until;
use tests::world::World;

const HOST: &str = "mx.noinhan.example";
const DAY_S: i64 = 86_400;
/// The beginning of a day.
const BEGIN_S: i64 = 20_000 * DAY_S;

fn dns(there: &There, right: bool) -> Signed {
    let dns = Signed::start();
    dns.add("thu.gov.vn", mx(10, HOST));
    dns.add(HOST, a([1, 1, 1, 1]));
    let hash = match right {
        true => there.paper.key_hash.clone(),
        false => vec![7; 32],
    };
    dns.add(&format!("_25._tcp.{HOST}"), tlsa(3, 1, &hash));
    let rua = "v=TLSRPTv1; rua=mailto:baocao@noi.example";
    dns.add("_smtp._tls.thu.gov.vn", txt(rua));
    dns
}

/// The JSON of the report in a letter.
fn report(letter: &str) -> Value {
    let part = letter.split("application/tlsrpt+gzip").nth(1).unwrap();
    let body = part.split("\r\n\r\n").nth(1).unwrap();
    let body: String = body
        .split("\r\n--")
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let packed = STANDARD.decode(body).unwrap();
    let mut json = String::new();
    let mut gzip = flate2::read::GzDecoder::new(&packed[..]);
    gzip.read_to_string(&mut json).unwrap();
    serde_json::from_str(&json).unwrap()
}

/// What a letter with a report must be.
fn looked_at(letter: &Taken) {
    assert_eq!(letter.to, ["RCPT TO:<baocao@noi.example>"]);
    for part in [
        "From: <postmaster@thu.gov.vn>\r\n",
        "Subject: Report Domain: thu.gov.vn\r\n Submitter: mail.thu.gov.vn\r\n Report-ID: <20000.thu.gov.vn@mail.thu.gov.vn>\r\n",
        "TLS-Report-Domain: thu.gov.vn\r\n",
        "TLS-Report-Submitter: mail.thu.gov.vn\r\n",
        "TLS-Required: No\r\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";",
        "filename=\"mail.thu.gov.vn!thu.gov.vn!1728000000!1728086399.json.gz\"",
        "2 phiên tốt, 2 phiên hỏng",
    ] {
        assert!(
            letter.content.contains(part),
            "{part} in {}",
            letter.content
        );
    }
    counted(&report(&letter.content));
}

/// Two sessions by the right record, two by the wrong one.
fn counted(report: &Value) {
    assert_eq!(
        report["date-range"]["start-datetime"],
        "2024-10-04T00:00:00Z"
    );
    assert_eq!(report["date-range"]["end-datetime"], "2024-10-04T23:59:59Z");
    let policies = report["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 2, "{report}");
    let (good, bad) = (&policies[0], &policies[1]);
    assert_eq!(good["policy"]["policy-type"], "tlsa");
    assert_eq!(good["summary"]["total-successful-session-count"], 2);
    let record = good["policy"]["policy-string"][0].as_str().unwrap();
    assert!(record.starts_with("3 1 1 "), "{record}");
    assert_eq!(bad["summary"]["total-failure-session-count"], 2);
    let failure = &bad["failure-details"][0];
    assert_eq!(failure["result-type"], "certificate-not-trusted");
    assert_eq!(failure["receiving-mx-hostname"], HOST);
    assert_eq!(failure["receiving-ip"], "1.1.1.1");
    assert_eq!(failure["failed-session-count"], 2);
}

#[test]
fn a_day_is_counted_over_restarts_and_told_once() {
    let there = There::new(HOST, (2020, 2090));
    let sink = Sink::new(|_| None);
    let here = World::with(|config| {
        config.relay.routes = vec![Route {
            domains: vec!["*".into()],
            host: sink.address.ip().to_string(),
            port: sink.address.port(),
            tls: RouteTls::Opportunistic,
            ..Route::default()
        }];
    });
    let now = Arc::new(AtomicI64::new(BEGIN_S + 60));
    let open = || {
        let clock = Arc::clone(&now);
        let store = here.services.store.clone();
        Arc::new(Reports::new(store, Arc::new(move || clock.load(SeqCst))).unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors");
    let by = |dns: &Signed| {
        std::fs::write(&anchors, &dns.anchor).unwrap();
        Relay {
            name_servers: vec![dns.address],
            trust_anchors: anchors.clone(),
            ..Relay::default()
        }
    };
    let (right, wrong) = (dns(&there, true), dns(&there, false));
    let reports = open();
    for dns in [&right, &right, &wrong] {
        let counts = Arc::clone(&reports);
        there.letter(&by(dns), TlsWish::None, |_, sockets| {
            sockets.with_reports(counts)
        });
    }
    reports.flush().unwrap();
    // What is counted after a restart comes on top.
    let reports = open();
    let counts = Arc::clone(&reports);
    there.letter(&by(&wrong), TlsWish::None, |_, sockets| {
        sockets.with_reports(counts)
    });
    let runtime = server::run::runtime().unwrap();
    let send = || {
        let reports = Arc::clone(&reports);
        let services = here.services.clone();
        let names = by(&right);
        runtime.block_on(async {
            let names = Arc::new(Names::new(&names).unwrap());
            reports.send(services, names).await;
        });
    };
    // The day is not over.
    send();
    now.store(BEGIN_S + DAY_S + 5 * 3600, SeqCst);
    send();
    assert!(until(|| sink.taken().len() == 1), "nothing was told");
    looked_at(&sink.taken()[0]);
    // Once.
    send();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(sink.taken().len(), 1);
    here.finish();
    there.world.finish();
}

fn gzip(octets: &[u8]) -> String {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, octets).unwrap();
    STANDARD.encode(gzip.finish().unwrap())
}

/// A letter with a report on TLS with thu.gov.vn.
fn letter(kind: &str, encoded: &str) -> String {
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let encoded = lines.join("\r\n");
    format!(
        "From: bao@noi.example\r\nSubject: Report\r\nTLS-Report-Domain: thu.gov.vn\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\
         Content-Type: application/{kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b--\r\n"
    )
}

/// A report of this day.
fn written(id: &str, day: &str) -> String {
    serde_json::json!({
        "organization-name": "Noi",
        "date-range": {"start-datetime": format!("{day}T00:00:00Z"), "end-datetime": format!("{day}T23:59:59Z")},
        "contact-info": "bao@noi.example",
        "report-id": id,
        "policies": [{
            "policy": {"policy-type": "sts", "policy-domain": "thu.gov.vn"},
            "summary": {"total-successful-session-count": 5, "total-failure-session-count": 3},
            "failure-details": [{
                "result-type": "certificate-expired", "failed-session-count": 3,
                "receiving-mx-hostname": "mail.thu.gov.vn", "unknown-field": [],
            }],
        }],
    })
    .to_string()
}

#[test]
fn what_others_report_is_shown_to_administrators() {
    let world = World::new();
    let now = world.services.directory.clock().now_s();
    let day = |ago: i64| formats::date::utc(now - ago * DAY_S)[..10].to_owned();
    let bomb = "[".repeat(20 << 20);
    let letters = [
        letter("tlsrpt+gzip", &gzip(written("a", &day(3)).as_bytes())),
        letter("tlsrpt+json", &STANDARD.encode(written("b", &day(2)))),
        // The same again; what is none; what unpacks to too much.
        letter("tlsrpt+gzip", &gzip(written("a", &day(3)).as_bytes())),
        letter("tlsrpt+gzip", "eA=="),
        letter("tlsrpt+gzip", &gzip(bomb.as_bytes())),
    ];
    for text in &letters {
        let mut client = world.smtp();
        client.ehlo();
        let reply = client.transaction("bao@noi.example", &["an@thu.gov.vn"], text.as_bytes());
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    let at = "/api/v1/domains/thu.gov.vn/tls-reports";
    let (status, _, body) = world.api().get(at);
    assert_eq!(status, 200);
    let page: Value = serde_json::from_slice(&body).unwrap();
    let items = page["items"].as_array().unwrap();
    let ids: Vec<&str> = items
        .iter()
        .map(|item| item["report_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["b", "a"], "{page}");
    assert_eq!(
        (&items[0]["good"], &items[0]["failed"]),
        (&5.into(), &3.into())
    );
    let failure = &items[0]["failures"][0];
    assert_eq!(failure["result"], "certificate-expired");
    assert_eq!(
        (&failure["policy"], &failure["sessions"]),
        (&"sts".into(), &3.into())
    );
    // Not for strangers, and not of what is not here (I-17).
    let (status, ..) = world.stranger().get(at);
    assert_eq!(status, 401);
    let other = "/api/v1/domains/khac.example/tls-reports";
    let (status, ..) = world.api().get(other);
    assert_eq!(status, 404);
    world.finish();
}
