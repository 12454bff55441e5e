//! DMARC reports: domains hear once a day what came in their name; what others report of ours is kept and shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::{AgencyId, AgencyQuota, NewAgency};
use formats::address::DomainName;
use serde_json::Value;
use server::config::{Config, Relay, Route, RouteTls};
use server::outward::{DmarcReports, Names};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use tests::fake_dns::Texts;
use tests::smtp_sink::{Sink, Taken};
use tests::until;
use tests::world::{DOMAIN, World};

const DAY_S: i64 = 86_400;
/// The beginning of a day.
const BEGIN_S: i64 = 20_000 * DAY_S;

fn texts() -> Texts {
    Texts::new(&[
        ("tot.example", "v=spf1 ip4:127.0.0.1 -all"),
        ("xau.example", "v=spf1 ip4:127.0.0.1 -all"),
        (
            "_dmarc.tot.example",
            "v=DMARC1; p=reject; rua=mailto:bao@m.tot.example,mailto:x@ngoai.example!10m,\
             mailto:y@khong.example,mailto:z@nho.example!1k",
        ),
        ("_dmarc.im.example", "v=DMARC1; p=reject"),
        ("tot.example._report._dmarc.ngoai.example", "v=DMARC1"),
        ("tot.example._report._dmarc.nho.example", "v=DMARC1;"),
    ])
}

fn set(config: &mut Config, sink: &Sink, dns: SocketAddr) {
    config.inbound.trusted = Vec::new();
    config.relay.sign = true;
    config.relay.name_servers = vec![dns];
    config.relay.routes = vec![Route {
        domains: vec!["*".into()],
        host: sink.address.ip().to_string(),
        port: sink.address.port(),
        tls: RouteTls::Opportunistic,
        ..Route::default()
    }];
}

fn send(world: &World, from: &str, author: &str) {
    let letter = format!("From: {author}\r\nSubject: x\r\n\r\nx\r\n");
    deliver(world, from, &letter);
}

fn deliver(world: &World, from: &str, letter: &str) {
    deliver_to(world, from, "an@thu.gov.vn", letter);
}

fn deliver_to(world: &World, from: &str, to: &str, letter: &str) {
    let mut client = world.smtp();
    client.ehlo();
    let reply = client.transaction(from, &[to], letter.as_bytes());
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
}

/// The XML of the report in a letter.
fn report(letter: &str) -> String {
    let part = letter
        .split("Content-Type: application/gzip;")
        .nth(1)
        .unwrap();
    let body = part.split("\r\n\r\n").nth(1).unwrap();
    let body = body.split("\r\n--").next().unwrap();
    let packed = STANDARD.decode(body.replace("\r\n", "")).unwrap();
    let mut xml = String::new();
    let mut gzip = flate2::read::GzDecoder::new(&packed[..]);
    gzip.read_to_string(&mut xml).unwrap();
    xml
}

/// What the letter with the report must be.
fn looked_at(letter: &Taken) {
    assert!(letter.from.starts_with("MAIL FROM:<>"), "{}", letter.from);
    let to = ["RCPT TO:<bao@m.tot.example>", "RCPT TO:<x@ngoai.example>"];
    let mut got = letter.to.clone();
    got.sort();
    assert_eq!(got, to);
    let text = &letter.content;
    for part in [
        "From: <postmaster@thu.gov.vn>\r\n",
        "Subject: Report Domain: tot.example\r\n Submitter: mail.thu.gov.vn\r\n Report-ID: <20000",
        "filename=\"mail.thu.gov.vn!tot.example!1728000000!1728086399!20000",
        "3 thư đạt, 1 thư không đạt",
        "d=thu.gov.vn;",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let xml = report(text).replace('\n', "");
    for part in [
        "<domain>tot.example</domain><discovery_method>treewalk</discovery_method><p>reject</p>",
        "<begin>1728000000</begin><end>1728086399</end>",
        "<source_ip>127.0.0.1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition>\
         <dkim>fail</dkim><spf>pass</spf></policy_evaluated>",
        "<count>1</count><policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf>\
         <reason><type>local_policy</type></reason></policy_evaluated>",
        "<envelope_to>thu.gov.vn</envelope_to><envelope_from>xau.example</envelope_from>\
         <header_from>tot.example</header_from>",
        "<spf><domain>xau.example</domain><scope>mfrom</scope><result>pass</result></spf>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    assert_eq!(xml.matches("<record>").count(), 2, "{xml}");
}

#[test]
fn a_day_is_counted_over_restarts_and_told_once() {
    let (sink, dns) = (Sink::new(|_| None), texts().serve());
    let world = World::with(|config| set(config, &sink, dns));
    let domain = DomainName::parse(DOMAIN).unwrap();
    let made = world.services.directory.make_first_dkim_keys(None, &domain);
    made.unwrap();
    let now = Arc::new(AtomicI64::new(BEGIN_S + 60));
    let open = || {
        let clock = Arc::clone(&now);
        let store = world.services.store.clone();
        let reports = DmarcReports::new(store, Arc::new(move || clock.load(SeqCst))).unwrap();
        let reports = Arc::new(reports);
        let hears = Arc::clone(&reports);
        let hears = Arc::new(move |judged| hears.count(judged));
        world.services.delivery.on_judged(hears);
        reports
    };
    let reports = open();
    send(&world, "a@tot.example", "a@tot.example");
    send(&world, "a@tot.example", "b@tot.example");
    send(&world, "a@xau.example", "a@tot.example");
    // Who does not ask does not hear, and of reports nobody reports.
    send(&world, "a@xau.example", "a@im.example");
    deliver(&world, "a@tot.example", &google("tot.example", BEGIN_S));
    reports.flush().unwrap();
    let reports = open();
    send(&world, "a@tot.example", "a@tot.example");
    let runtime = server::run::runtime().unwrap();
    let tell = || {
        let reports = Arc::clone(&reports);
        let services = world.services.clone();
        runtime.block_on(async {
            let relay = Relay {
                name_servers: vec![dns],
                ..Relay::default()
            };
            let names = Arc::new(Names::new(&relay).unwrap());
            reports.send(services, names).await;
        });
    };
    // The day is not over.
    tell();
    now.store(BEGIN_S + DAY_S + 5 * 3600, SeqCst);
    tell();
    assert!(until(|| sink.taken().len() == 1), "nothing was told");
    looked_at(&sink.taken()[0]);
    tell();
    let left = world
        .services
        .store
        .table("inbound.dmarc")
        .rows(&[], None, 9);
    assert_eq!(left.unwrap(), []);
    assert_eq!(sink.taken().len(), 1);
    world.finish();
}

fn xml(domain: &str, id: &str, day: i64) -> String {
    let (begin, end) = (day, day + DAY_S - 1);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<feedback><report_metadata><org_name>google.com</org_name>\
         <email>noreply-dmarc-support@google.com</email><report_id>{id}</report_id><date_range><begin>{begin}</begin>\
         <end>{end}</end></date_range></report_metadata><policy_published><domain>{domain}</domain><adkim>r</adkim>\
         <aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct></policy_published><record><row><source_ip>192.0.2.1</source_ip>\
         <count>5</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated>\
         </row><identifiers><header_from>{domain}</header_from></identifiers><auth_results><dkim><domain>{domain}</domain>\
         <result>pass</result><selector>cv1</selector></dkim><spf><domain>list.example</domain><result>pass</result></spf>\
         </auth_results></record><record><row><source_ip>192.0.2.2</source_ip><count>9</count><policy_evaluated>\
         <disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers>\
         <header_from>{domain}</header_from></identifiers><auth_results><spf><domain>{domain}</domain><result>softfail</result>\
         </spf></auth_results></record></feedback>\n"
    )
}

/// As Google sends one: the letter is the package.
fn google(domain: &str, day: i64) -> String {
    let xml = xml(domain, "g1", day);
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflate.write_all(xml.as_bytes()).unwrap();
    let body = deflate.finish().unwrap();
    let name = format!("google.com!{domain}!{day}!{}.xml", day + DAY_S - 1);
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
    zip.extend_from_slice(&(body.len() as u32).to_le_bytes());
    zip.extend_from_slice(&(xml.len() as u32).to_le_bytes());
    zip.extend_from_slice(&(name.len() as u16).to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    zip.extend_from_slice(name.as_bytes());
    zip.extend_from_slice(&body);
    let file = name.replace(".xml", ".zip");
    format!(
        "From: noreply-dmarc-support@google.com\r\nSubject: Report domain: {domain} Submitter: google.com Report-ID: g1\r\n\
         MIME-Version: 1.0\r\nContent-Type: application/zip; name=\"{file}\"\r\n\
         Content-Disposition: attachment; filename=\"{file}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        lines(&zip)
    )
}

fn lines(octets: &[u8]) -> String {
    let encoded = STANDARD.encode(octets);
    let lines = encoded.as_bytes().chunks(76);
    let lines: Vec<&str> = lines
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\r\n")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// As Microsoft sends one: beside words for people.
fn beside(kind: &str, packed: &[u8]) -> String {
    format!(
        "From: dmarcreport@microsoft.com\r\nSubject: Report Domain: thu.gov.vn Submitter: x Report-ID: y\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n\
         --b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"a!thu.gov.vn!1!2.xml.gz\"\r\n\r\n{}\r\n--b--\r\n",
        lines(packed)
    )
}

fn get(world: &World, path: &str) -> Value {
    let (status, _, body) = world.api().get(path);
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn what_others_report_is_shown_to_administrators() {
    let world = World::new();
    let day = world.services.directory.clock().now_s() / DAY_S * DAY_S - DAY_S;
    let later = xml("thu.gov.vn", "m1", day);
    let lol = format!(
        "<!DOCTYPE f [<!ENTITY a \"x\">]>{}",
        xml("thu.gov.vn", "bad", day)
    );
    let bomb = "<feedback>".to_owned() + &" ".repeat(40 << 20);
    let letters = [
        google("thu.gov.vn", day - 2 * DAY_S),
        beside("application/gzip", &gzip(&later)),
        beside("text/xml", xml("thu.gov.vn", "p1", day - DAY_S).as_bytes()),
        // The same again; entities; what unpacks to too much; what is none; of somebody else's domain.
        beside("application/octet-stream", &gzip(&later)),
        beside("application/gzip", &gzip(&lol)),
        beside("application/gzip", &gzip(&bomb)),
        beside("application/zip", b"PK\x03\x04"),
        beside("application/gzip", &gzip(&xml("khac.example", "k1", day))),
    ];
    for text in &letters {
        deliver(&world, "bao@noi.example", text);
    }
    assert_eq!(world.letters("an", "INBOX").len(), letters.len());
    let at = "/api/v1/domains/thu.gov.vn/dmarc-reports";
    let page = get(&world, at);
    let items = page["items"].as_array().unwrap();
    let ids: Vec<&str> = items
        .iter()
        .map(|item| item["report_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["m1", "p1", "g1"], "{page}");
    let sums = ["messages", "passed", "failed"].map(|sum| items[0][sum].as_u64().unwrap());
    assert_eq!(sums, [14, 5, 9]);
    let id = items[0]["id"].as_str().unwrap();
    let whole = get(&world, &format!("{at}/{id}"));
    let rows = whole["rows"].as_array().unwrap();
    assert_eq!((&whole["policy"], rows.len()), (&"none".into(), 2));
    assert_eq!(
        (&rows[0]["source_ip"], &rows[0]["messages"], &rows[0]["spf"]),
        (&"192.0.2.2".into(), &9.into(), &"fail".into())
    );
    assert_eq!(rows[1]["signatures"][0], "thu.gov.vn cv1 pass");
    // Not for strangers, and not of what is not here or of another agency (I-17).
    let (status, ..) = world.stranger().get(at);
    assert_eq!(status, 401);
    let other = NewAgency {
        id: AgencyId("T2".into()),
        parent: None,
        name: "Tỉnh khác".into(),
        name_en: None,
        quota: AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    let directory = &world.services.directory;
    directory.create_agency(None, other).unwrap();
    let theirs = DomainName::parse("tinhkhac.gov.vn").unwrap();
    directory
        .create_domain(None, theirs, AgencyId("T2".into()))
        .unwrap();
    for path in [
        "/api/v1/domains/khac.example/dmarc-reports".to_owned(),
        "/api/v1/domains/tinhkhac.gov.vn/dmarc-reports".to_owned(),
        format!("/api/v1/domains/tinhkhac.gov.vn/dmarc-reports/{id}"),
        format!("{at}/{}", "0".repeat(24)),
        format!("{at}/x"),
    ] {
        let (status, ..) = world.api().get(&path);
        assert_eq!(status, 404, "{path}");
    }
    world.finish();
}

/// A letter that is the report.
fn plain(author: &str, xml: &str) -> String {
    format!(
        "From: {author}\r\nSubject: Report Domain: thu.gov.vn Submitter: x Report-ID: y\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/xml; name=r.xml\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        lines(xml.as_bytes())
    )
}

const AT: &str = "/api/v1/domains/thu.gov.vn/dmarc-reports";

/// Of each report of all pages that have so many: number, how far it is believed, messages.
fn listed(world: &World, limit: usize) -> Vec<(String, String, u64)> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(world, &format!("{AT}?limit={limit}{cursor}"));
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{page}");
        all.extend(items.iter().map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            let messages = item["messages"].as_u64().unwrap();
            (text("report_id"), text("standing"), messages)
        }));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Reports of anybody crowd out nobody's, replace nobody's, and what is not kept is told.
#[test]
fn strangers_reports_do_not_crowd_out_those_that_are_asked_for() {
    let world = World::new();
    let day = world.services.directory.clock().now_s() / DAY_S * DAY_S - DAY_S;
    let of = |id: &str, count: &str| {
        let text = xml("thu.gov.vn", id, day);
        text.replace("<count>5<", &format!("<count>{count}<"))
    };
    let google = "noreply-dmarc-support@google.com";
    for n in 0..27 {
        let text = plain(google, &of(&format!("f{n}"), "1"));
        deliver(&world, "x@xau.example", &text);
    }
    // The true one, to where the domain asks for it; then a stranger's of its number, and his own anew.
    let postmaster = "postmaster@thu.gov.vn";
    let real = plain(google, &of("g1", "5"));
    deliver_to(&world, "bao@noi.example", postmaster, &real);
    deliver(&world, "x@xau.example", &plain(google, &of("g1", "999")));
    deliver_to(&world, "bao@noi.example", postmaster, &real);
    let all = listed(&world, 10);
    assert_eq!(all.len(), 25, "{all:?}");
    assert_eq!(all[0], ("g1".into(), "half".into(), 14));
    assert!(all[1..].iter().all(|one| one.1 == "stranger"), "{all:?}");
    // Those that cannot be are told of where they were asked for, and not sorted first.
    for text in [
        of("n", "-3"),
        of("o", "18446744073709551616"),
        xml("thu.gov.vn", "t", 99_999_999_999),
        xml("thu.gov.vn", "t", -5),
    ] {
        deliver_to(&world, "bao@noi.example", postmaster, &plain(google, &text));
    }
    assert_eq!(listed(&world, 500).len(), 25);
    let page = get(&world, AT);
    let lost = page["not_kept"].as_array().unwrap();
    let unread = lost.iter().find(|day| day["dropped"] == 0).unwrap();
    assert_eq!(
        unread["unreadable"],
        serde_json::json!({"numbers": 2, "times": 2})
    );
    // Two beyond the share, one that gave way to the true one, and the forged one.
    let dropped: Vec<u64> = lost
        .iter()
        .filter_map(|day| day["dropped"].as_u64())
        .collect();
    assert_eq!(dropped.iter().sum::<u64>(), 4, "{page}");
    for bad in ["501", "0", "x"] {
        let (status, ..) = world.api().get(&format!("{AT}?limit={bad}"));
        assert_eq!(status, 400, "{bad}");
    }
    let (status, ..) = world.api().get(&format!("{AT}?cursor=b00"));
    assert_eq!(status, 400);
    world.finish();
}

/// Who is known, and came to where DNS says that the domain asks, is believed most.
#[test]
fn who_is_known_is_believed() {
    let sink = Sink::new(|_| None);
    let dns = Texts::new(&[
        ("tot.example", "v=spf1 ip4:127.0.0.1 -all"),
        ("_dmarc.tot.example", "v=DMARC1; p=none"),
        (
            "_dmarc.thu.gov.vn",
            "v=DMARC1; p=none; rua=mailto:binh@thu.gov.vn",
        ),
    ])
    .serve();
    let world = World::with(|config| set(config, &sink, dns));
    let day = world.services.directory.clock().now_s() / DAY_S * DAY_S - DAY_S;
    let text = |id: &str| plain("bao@tot.example", &xml("thu.gov.vn", id, day));
    deliver_to(&world, "x@xau.example", "an@thu.gov.vn", &text("a"));
    deliver_to(&world, "x@xau.example", "binh@thu.gov.vn", &text("b"));
    deliver_to(&world, "bao@tot.example", "an@thu.gov.vn", &text("c"));
    deliver_to(&world, "bao@tot.example", "binh@thu.gov.vn", &text("d"));
    let all = listed(&world, 1);
    let of = |id: &str| {
        let mut found = all.iter().filter(|one| one.0 == id);
        found.next().map(|one| one.1.as_str())
    };
    assert_eq!(all[0].0, "d", "{all:?}");
    let each = ["a", "b", "c", "d"].map(of);
    assert_eq!(
        each,
        [
            Some("stranger"),
            Some("half"),
            Some("half"),
            Some("verified")
        ]
    );
    let page = get(&world, AT);
    assert_eq!(page["items"][0]["reporter"], "tot.example");
    assert_eq!(page["items"][3]["reporter"], Value::Null);
    world.finish();
}
