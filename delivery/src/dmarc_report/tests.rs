//! Counting, writing, places, and reading what others wrote or forged.

use super::*;
use crate::ledger::Tally as _;
use crate::verify::{Disposition, Wish};
use crate::{Envelope, Evidence, ReversePath};
use formats::address::{Address, DomainName};
use read::Unread;
use std::io::Write as _;

fn published(places: &str) -> Published {
    Published {
        domain: "x.vn".into(),
        wish: Wish::Reject,
        percent: 100,
        places: places.into(),
        ..Published::default()
    }
}

fn judged(ip: &str, to: &str) -> Judged {
    let mut evidence = Evidence::unknown(&ReversePath::Null);
    evidence.dmarc.published = Some(published("mailto:a@x.vn"));
    evidence.dmarc.domain = "m.x.vn".into();
    (evidence.dmarc.said, evidence.dmarc.wish) = (Wish::Reject, Wish::Reject);
    evidence.dmarc.result = crate::verify::DmarcResult::Fail;
    let envelope = Envelope {
        recipients: vec![crate::Recipient {
            address: Address::parse(to).unwrap(),
            notify: None,
            orcpt: None,
        }],
        ..Envelope::default()
    };
    let became = Disposition(Wish::Quarantine);
    Judged::of(&evidence, became, ip.parse().unwrap(), &envelope).unwrap()
}

#[test]
fn messages_that_are_alike_are_one_row() {
    let mut counted = Counted::default();
    for ip in ["192.0.2.1", "192.0.2.2", "192.0.2.1", "::ffff:192.0.2.1"] {
        counted.add(judged(ip, "b@z.vn"), true);
    }
    counted.add(judged("192.0.2.1", "b@w.vn"), true);
    // What was written comes back, and grows on.
    let parts = counted.parts().unwrap();
    assert_eq!(parts.len(), 4);
    assert!(counted.parts().unwrap().is_empty());
    let mut again = Counted::default();
    for part in &parts {
        again.put(&part.name, &part.value);
    }
    again.add(judged("192.0.2.2", "b@z.vn"), true);
    assert_eq!(again.parts().unwrap().len(), 1);
    let (policy, rows, left_out) = again.told();
    assert_eq!((policy, left_out), (published("mailto:a@x.vn"), 0));
    let told: Vec<(&str, u64, Option<&str>)> = rows
        .iter()
        .map(|row| (row.ip.as_str(), row.count, row.envelope_to.as_deref()))
        .collect();
    let expected = [
        ("192.0.2.1", 3, Some("z.vn")),
        ("192.0.2.2", 2, Some("z.vn")),
        ("192.0.2.1", 1, Some("w.vn")),
    ];
    assert_eq!(told, expected);
    let reason = &rows[0].reasons[0];
    assert_eq!(
        (rows[0].disposition.as_str(), reason.kind.as_str()),
        ("quarantine", "local_policy")
    );
}

#[test]
fn what_is_too_much_is_told_as_such() {
    let mut counted = Counted::default();
    for n in 0..3_000 {
        counted.add(judged("192.0.2.1", &format!("b@d{n}.vn")), true);
    }
    // From the thousandth row on recipients' domains are left out; there is one source.
    let (_, rows, left_out) = counted.told();
    assert_eq!((rows.len(), left_out), (1_001, 0));
    assert_eq!(
        (rows[0].count, rows[0].envelope_to.as_deref()),
        (2_000, None)
    );
    let mut counted = Counted::default();
    for n in 0..3_000u32 {
        let ip = std::net::Ipv4Addr::from_bits(n);
        counted.add(judged(&ip.to_string(), "b@z.vn"), true);
    }
    counted.add(judged("10.0.0.1", "b@z.vn"), false);
    let (published, rows, left_out) = counted.told();
    assert_eq!((rows.len(), left_out), (ROWS_MAX, 1_001));
    let report = DmarcReport {
        policy: PolicyTold::from(&published),
        rows,
        left_out,
        ..DmarcReport::default()
    };
    assert_eq!(report.sums(), (3_001, 0));
    assert!(xml(&report).contains("<error>1001 more messages were counted"));
}

#[test]
fn nobody_hears_who_does_not_ask() {
    let mut evidence = Evidence::unknown(&ReversePath::Null);
    let ip = "192.0.2.1".parse().unwrap();
    let of = |evidence: &Evidence| {
        Judged::of(evidence, Disposition::default(), ip, &Envelope::default())
    };
    assert_eq!(of(&evidence), None);
    evidence.dmarc.published = Some(published(""));
    assert_eq!(of(&evidence), None);
    evidence.dmarc.published = Some(published("https://x.vn/in"));
    assert_eq!(of(&evidence), None);
    evidence.dmarc.published = Some(published("mailto:a@x.vn"));
    assert!(of(&evidence).is_some());
}

#[test]
fn places_have_sizes_and_agree() {
    let check = |uris: &str, expected: &[(&str, Option<u64>)]| {
        let got: Vec<(String, Option<u64>)> = places(uris)
            .into_iter()
            .map(|place| (place.address.to_string(), place.size_max))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, n)| ((*a).to_owned(), *n))
            .collect();
        assert_eq!(got, expected, "{uris}");
    };
    check("mailto:a@x.vn", &[("a@x.vn", None)]);
    check(
        " MAILTO:a@x.vn!10m , mailto:b@y.vn!512 ,https://x.vn,mailto:c@z.vn!1K",
        &[
            ("a@x.vn", Some(10 << 20)),
            ("b@y.vn", Some(512)),
            ("c@z.vn", Some(1024)),
        ],
    );
    check("mailto:a%21b@x.vn?subject=x", &[("a!b@x.vn", None)]);
    check("mailto:a@x.vn!10q,mailto:a@x.vn!,mailto:,mailto:a%2", &[]);
    check("mailto:a@x.vn!99999999999999t", &[]);
    check(&["mailto:a@x.vn"; 9].join(","), &[("a@x.vn", None); 4]);
    let place = &places("mailto:a@y.vn")[0];
    let check = |records: &[&str]| {
        let records: Vec<String> = records.iter().map(|r| (*r).to_owned()).collect();
        let all = agreed(place, &records);
        all.iter()
            .map(|p| p.address.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(check(&["v=DMARC1"]), ["a@y.vn"]);
    assert_eq!(check(&["x", "v=DMARC1;"]), ["a@y.vn"]);
    assert_eq!(check(&["v=DMARC1; rua=mailto:other@y.vn"]), ["other@y.vn"]);
    assert!(check(&["v=DMARC1; rua=mailto:a@victim.vn"]).is_empty());
    assert!(check(&["v=DMARC2", "v=spf1 -all"]).is_empty());
    assert!(check(&[]).is_empty());
}

fn report() -> DmarcReport {
    let judged = judged("2001:db8::1", "b@z.vn");
    let mut row = judged.row;
    row.signatures.push(Signature {
        domain: "x.vn".into(),
        selector: "s".into(),
        result: "fail".into(),
        why: "a < b & \"c\"".into(),
    });
    DmarcReport {
        organization: "mail.z.vn".into(),
        email: "postmaster@z.vn".into(),
        report_id: report_id("mail.z.vn", &judged.domain, 20_000),
        begin: 1_728_000_000,
        end: 1_728_086_399,
        generator: "Congvu".into(),
        policy: PolicyTold::from(&judged.published),
        rows: vec![row],
        ..DmarcReport::default()
    }
}

#[test]
fn what_is_written_is_read_again() {
    let report = report();
    let text = xml(&report);
    assert_eq!(read(text.as_bytes()), Ok(report.clone()), "{text}");
    for part in [
        "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n<version>1.0</version>\n<report_metadata>\n",
        "<sp>reject</sp>\n",
        "<source_ip>2001:db8::1</source_ip>\n<count>1</count>\n",
        "<disposition>quarantine</disposition>\n<dkim>fail</dkim>\n<spf>fail</spf>\n<reason>\n<type>local_policy</type>\n",
        "<envelope_from></envelope_from>\n<header_from>m.x.vn</header_from>\n",
        "<human_result>a &lt; b &amp; \"c\"</human_result>",
        "<scope>mfrom</scope>\n<result>temperror</result>\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let host = "mail.z.vn";
    let from = Address::parse("postmaster@z.vn").unwrap();
    let to = ["a@x.vn", "b@y.vn"].map(|to| Address::parse(to).unwrap());
    let letter = report_letter(&report, (host, &from, 1_728_100_000), &to, b"packed");
    let letter = String::from_utf8(letter).unwrap();
    let id = &report.report_id;
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
    for part in [
        "To: <a@x.vn>,\r\n <b@y.vn>\r\n",
        &format!("Subject: Report Domain: x.vn\r\n Submitter: mail.z.vn\r\n Report-ID: <{id}>\r\n"),
        &format!("filename=\"mail.z.vn!x.vn!1728000000!1728086399!{id}.xml.gz\"\r\n"),
        "Content-Type: application/gzip; ",
        "0 thư đạt, 1 thư không đạt",
    ] {
        assert!(letter.contains(part), "{part} in {letter}");
    }
    let other = DomainName::parse("y.vn").unwrap();
    assert_ne!(report_id(host, &other, 20_000), *id);
}

#[test]
fn reports_of_others_are_read_as_they_write_them() {
    // As Google writes: no namespace, two signatures; as Microsoft: attributes, a version, envelope_to.
    let google = "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<feedback>\n  <report_metadata>\n    <org_name>google.com</org_name>\
        \n    <email>noreply-dmarc-support@google.com</email>\n    <extra_contact_info>https://support.google.com/a/answer/2466580\
        </extra_contact_info>\n    <report_id>123</report_id>\n    <date_range>\n      <begin>1728000000</begin>\n      \
        <end>1728086399</end>\n    </date_range>\n  </report_metadata>\n  <policy_published>\n    <domain>x.vn</domain>\n    \
        <adkim>r</adkim>\n    <aspf>r</aspf>\n    <p>quarantine</p>\n    <sp>quarantine</sp>\n    <pct>100</pct>\n  \
        </policy_published>\n  <record>\n    <row>\n      <source_ip>192.0.2.1</source_ip>\n      <count>7</count>\n      \
        <policy_evaluated>\n        <disposition>none</disposition>\n        <dkim>pass</dkim>\n        <spf>fail</spf>\n      \
        </policy_evaluated>\n    </row>\n    <identifiers>\n      <header_from>x.vn</header_from>\n    </identifiers>\n    \
        <auth_results>\n      <dkim>\n        <domain>x.vn</domain>\n        <result>pass</result>\n        \
        <selector>cv1</selector>\n      </dkim>\n      <dkim><domain>list.vn</domain><result>fail</result></dkim>\n      \
        <spf>\n        <domain>list.vn</domain>\n        <result>softfail</result>\n      </spf>\n    </auth_results>\n  </record>\n</feedback>\n";
    let got = read(google.as_bytes()).unwrap();
    assert_eq!((got.sums(), got.policy.pct.as_str()), ((7, 7), "100"));
    let row = &got.rows[0];
    assert_eq!(
        (row.signatures.len(), row.signatures[0].selector.as_str()),
        (2, "cv1")
    );
    assert_eq!(row.senders[0].result, "softfail");
    let microsoft = "\u{feff}<?xml version=\"1.0\"?><feedback xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><version>1.0</version><report_metadata>\
        <org_name>Enterprise Outlook</org_name><email>dmarcreport@microsoft.com</email><report_id>abc</report_id><date_range>\
        <begin>1728000000</begin><end>1728086400</end></date_range></report_metadata><policy_published><domain>x.vn</domain>\
        <adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>reject</sp><pct>100</pct><fo>0</fo></policy_published><record><row>\
        <source_ip>2001:db8::1</source_ip><count>2</count><policy_evaluated><disposition>reject</disposition><dkim>fail</dkim>\
        <spf>fail</spf><reason><type>local_policy</type><comment>arc=&#112;ass &amp; more</comment></reason></policy_evaluated>\
        </row><identifiers><envelope_to>z.vn</envelope_to><envelope_from/><header_from>x.vn</header_from></identifiers>\
        <auth_results><spf><domain>y.vn</domain><scope>mfrom</scope><result>fail</result></spf></auth_results>\
        <ext:x xmlns:ext=\"urn:x\"><ext:dkim><ext:domain>no</ext:domain></ext:dkim></ext:x></record></feedback>";
    let got = read(microsoft.as_bytes()).unwrap();
    let row = &got.rows[0];
    assert_eq!(row.reasons[0].comment, "arc=pass & more");
    assert_eq!(
        (row.envelope_from.as_deref(), row.envelope_to.as_deref()),
        (Some(""), Some("z.vn"))
    );
    assert_eq!((got.sums(), row.signatures.len()), ((2, 0), 0));
}

#[test]
fn what_is_no_report_is_refused() {
    let check = |text: &str, expected: Unread| {
        assert_eq!(read(text.as_bytes()).unwrap_err(), expected, "{text}");
    };
    let lol = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><feedback>&b;</feedback>";
    check(lol, Unread::Defines);
    check(
        "<!DOCTYPE feedback SYSTEM \"file:///etc/passwd\"><feedback/>",
        Unread::Defines,
    );
    check("<feedback>&b;</feedback>", Unread::Defines);
    check("<feedback/>", Unread::NoReport);
    check("<html></html>", Unread::NoReport);
    check("", Unread::NoReport);
    check(
        "<feedback><policy_published><domain>x.vn</domain>",
        Unread::Damaged,
    );
    check("<feedback><a></b></feedback>", Unread::Damaged);
    check("<feedback>&#xD800;</feedback>", Unread::Damaged);
    check(
        &format!("<feedback>{}", "<a>".repeat(100_000)),
        Unread::TooDeep,
    );
}

/// A report of one row, with this declaration, organization and count.
fn told(head: &str, organization: &str, count: &str) -> String {
    format!(
        "{head}<feedback><report_metadata><org_name>{organization}</org_name><report_id>r</report_id></report_metadata>\
         <policy_published><domain>x.vn</domain></policy_published><record><row><count>{count}</count></row></record>\
         </feedback>"
    )
}

#[test]
fn characters_are_read_as_they_are_declared() {
    let check = |octets: &[u8], expected: Result<&str, Unread>| {
        // As they come out of a package, too.
        let packed = crate::attachment::gzipped(octets).unwrap();
        let got = read(&unpacked(&packed).unwrap()).map(|report| report.organization);
        assert_eq!(
            got.as_deref(),
            expected.as_ref().map(|name| *name),
            "{octets:?}"
        );
        let plain = unpacked(octets).map(|xml| read(&xml));
        let plain = plain.map(|report| report.map(|report| report.organization));
        assert_eq!(plain, Some(got));
    };
    let name = "Tỉnh ủy";
    let declared = |encoding: &str| {
        let head = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>\n");
        told(&head, name, "1")
    };
    let little =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let big = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    let utf16 = declared("UTF-16");
    check(declared("utf-8").as_bytes(), Ok(name));
    check(told("", name, "1").as_bytes(), Ok(name));
    check(&[b"\xff\xfe", &little(&utf16)[..]].concat(), Ok(name));
    check(&[b"\xfe\xff", &big(&utf16)[..]].concat(), Ok(name));
    check(&little(&utf16), Ok(name));
    check(&big(&utf16), Ok(name));
    let latin = |encoding: &str| -> Vec<u8> {
        let head = format!("<?xml version='1.0' encoding='{encoding}' ?>");
        let text = told(&head, "Caf\u{e9}", "1");
        text.chars().map(|c| c as u8).collect()
    };
    check(&latin("ISO-8859-1"), Ok("Café"));
    check(&latin("windows-1258"), Err(Unread::Charset));
    check(&latin("EBCDIC-CP-US"), Err(Unread::Charset));
    check(declared("UTF-16").as_bytes(), Err(Unread::Charset));
    // An octet is missing, or half of a pair.
    check(
        &[b"\xff\xfe", &little(&utf16)[..], b"x"].concat(),
        Err(Unread::Charset),
    );
    check(
        &[b"\xff\xfe", &little(&utf16)[..], b"\x00\xd8"].concat(),
        Err(Unread::Charset),
    );
}

#[test]
fn numbers_and_document_types_that_can_be_are_read() {
    let check = |text: &str, expected: Result<u64, Unread>| {
        let got = read(text.as_bytes()).map(|report| report.sums().0);
        assert_eq!(got, expected, "{text}");
    };
    check(&told("", "x", "3"), Ok(3));
    check(&told("", "x", " 3\n"), Ok(3));
    check(&told("", "x", "9007199254740991"), Ok((1 << 53) - 1));
    for count in [
        "9007199254740992",
        "18446744073709551616",
        "-3",
        "1e3",
        "x",
        "",
    ] {
        check(&told("", "x", count), Err(Unread::Numbers));
    }
    let row = "<record><row><count>9007199254740991</count></row></record>";
    let two = told("", "x", "1").replace("<record>", &format!("{row}<record>"));
    check(&two, Err(Unread::Numbers));
    let many = told("", "x", "1").replace("<record>", &format!("{}<record>", row.repeat(ROWS_MAX)));
    check(&many, Err(Unread::Numbers));
    let times = "<report_metadata><date_range><begin>soon</begin></date_range>";
    let times = told("", "x", "1").replace("<report_metadata>", times);
    check(&times, Err(Unread::Times));
    check(&told("<!DOCTYPE feedback>", "x", "3"), Ok(3));
    check(
        &told("<?xml version=\"1.0\"?>\n<!DOCTYPE  feedback >\n", "x", "3"),
        Ok(3),
    );
    for defines in [
        "<!DOCTYPE feedback []>",
        "<!DOCTYPE feedback [<!ENTITY a \"A\">]>",
        "<!DOCTYPE feedback PUBLIC \"a\" \"b\">",
        "<!DOCTYPE feedback SYSTEM \"a.dtd\">",
    ] {
        check(&told(defines, "x", "3"), Err(Unread::Defines));
    }
}

#[test]
fn what_steers_a_terminal_is_left_out() {
    let name = "\u{202e}x&#27;[31m\u{2066}y&#x9b;\u{200f}&#7;z";
    let got = read(told("", name, "1").as_bytes()).unwrap();
    assert_eq!(got.organization, "x[31myz");
}

#[test]
fn a_report_may_be_long_and_is_kept_in_part() {
    let row = |n: usize| {
        format!(
            "<record><row><source_ip>10.0.0.{n}</source_ip><count>2</count></row><auth_results>{}</auth_results></record>",
            "<dkim><domain>x.vn</domain></dkim>".repeat(50)
        )
    };
    let rows: String = (0..ROWS_MAX + 5).map(row).collect();
    let text = format!(
        "<feedback><policy_published><domain>x.vn</domain></policy_published>{rows}<error>{}</error></feedback>",
        "x".repeat(1 << 20)
    );
    let got = read(text.as_bytes()).unwrap();
    assert_eq!(got.sums().0, 2 * (ROWS_MAX as u64 + 5));
    assert!(got.rows.len() <= ROWS_MAX && got.rows[0].signatures.len() == 20);
    let long = format!(
        "<feedback><report_metadata><org_name>{}</org_name></report_metadata><policy_published><domain>x.vn</domain>\
         </policy_published></feedback>",
        "ế".repeat(1 << 20)
    );
    assert_eq!(
        read(long.as_bytes()).unwrap().organization.chars().count(),
        255
    );
}

/// A zip of one file, as its own header says; `late`: lengths come behind it.
fn zip(name: &str, content: &[u8], (method, late): (u16, bool)) -> Vec<u8> {
    let body = match method {
        8 => {
            let mut deflate =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            deflate.write_all(content).unwrap();
            deflate.finish().unwrap()
        }
        _ => content.to_vec(),
    };
    let sizes = if late {
        (0, 0)
    } else {
        (body.len() as u32, content.len() as u32)
    };
    let flags: u16 = if late { 8 } else { 0 };
    let mut out = b"PK\x03\x04\x14\x00".to_vec();
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&method.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&sizes.0.to_le_bytes());
    out.extend_from_slice(&sizes.1.to_le_bytes());
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&body);
    out
}

#[test]
fn packages_are_unpacked_within_bounds() {
    let text = xml(&report()).into_bytes();
    let gzip = crate::attachment::gzipped(&text).unwrap();
    assert_eq!(unpacked(&gzip).as_ref(), Some(&text));
    assert_eq!(unpacked(&text).as_ref(), Some(&text));
    for form in [(8, false), (8, true), (0, false)] {
        assert_eq!(
            unpacked(&zip("a.xml", &text, form)).as_ref(),
            Some(&text),
            "{form:?}"
        );
    }
    let folder = [
        zip("a/", b"", (0, false)),
        zip("a/b.xml", &text, (8, false)),
    ]
    .concat();
    assert_eq!(unpacked(&folder).as_ref(), Some(&text));
    // RFC 1952 §2.2: in several members; what follows them is nothing.
    let (first, second) = text.split_at(text.len() / 2);
    let members = [first, second].map(|part| crate::attachment::gzipped(part).unwrap());
    assert_eq!(unpacked(&members.concat()).as_ref(), Some(&text));
    for behind in [&[0; 100][..], b"x", b"PK\x03\x04"] {
        let with = [&gzip[..], behind].concat();
        assert_eq!(unpacked(&with).as_ref(), Some(&text), "{behind:?}");
    }
    assert_eq!(unpacked(&[&gzip[..], &gzip[..20]].concat()), None);
    let empty = crate::attachment::gzipped(b"").unwrap();
    assert_eq!(unpacked(&empty.repeat(5_000)), None);
    // Bombs, pieces, sealed ones, and what is something else.
    let bomb = vec![b'<'; unpack::XML_MAX + 1];
    let packed = crate::attachment::gzipped(&bomb).unwrap();
    assert_eq!(unpacked(&packed), None);
    let half = crate::attachment::gzipped(&bomb[..bomb.len() / 2 + 1]).unwrap();
    assert_eq!(unpacked(&half.repeat(2)), None);
    assert_eq!(unpacked(&zip("a.xml", &bomb, (8, false))), None);
    assert_eq!(unpacked(&bomb), None);
    let many: Vec<u8> = (0..100).flat_map(|_| zip("a/", b"", (0, false))).collect();
    assert_eq!(unpacked(&many), None);
    let mut sealed = zip("a.xml", &text, (8, false));
    sealed[6] |= 1;
    assert_eq!(unpacked(&sealed), None);
    assert_eq!(unpacked(&zip("a.xml", &text, (0, true))), None);
    for end in 0..gzip.len() {
        assert_eq!(unpacked(&gzip[..end]), None, "{end}");
    }
    let zip = zip("a.xml", b"<feedback/>", (8, false));
    for end in 0..zip.len() - 1 {
        assert!(
            unpacked(&zip[..end]).is_none_or(|out| out.len() < 11),
            "{end}"
        );
    }
    for other in [&b"%PDF-1.4"[..], b"", b"PK\x05\x06", b"{}"] {
        assert_eq!(unpacked(other), None);
    }
}
