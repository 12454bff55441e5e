//! What may be sent along, in whatever way a letter says what it is.

use crate::world::{World, cause, envelope};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::AgencyId;
use directory::policy::{AgencyPolicy, Key, Said, Value};

const BASE64: &str = "Content-Transfer-Encoding: base64";

struct Sender {
    world: World,
    origin: delivery::Origin,
}

impl Sender {
    fn new() -> Self {
        let world = World::new();
        let origin = world.submitted("an");
        Self { world, origin }
    }

    fn rule(&self, key: Key, words: &[&str]) {
        let value = Value::Words(words.iter().map(|w| (*w).to_owned()).collect());
        let said = Said {
            value,
            locked: false,
        };
        let policy = AgencyPolicy {
            agency: AgencyId("H99".into()),
            said: [(key, said)].into(),
            version: 0,
        };
        let set = self.world.directory.set_agency_policy(None, policy, None);
        set.unwrap();
    }

    fn check(&self, what: &str, header_and_body: &str, allowed: bool) {
        let text =
            format!("From: an@tinh.gov.vn\r\nSubject: x\r\nMIME-Version: 1.0\r\n{header_and_body}");
        let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
        let told = cause(
            self.world
                .delivery
                .accept(sent, text.as_bytes(), &self.origin),
        );
        let expected = if allowed { "ok" } else { "AttachmentType" };
        assert_eq!(told, expected, "{what}: {text}");
    }

    /// The same of one part with this header in a mixed letter.
    fn part(&self, header: &str, allowed: bool) {
        self.check(header, &mixed(&format!("{header}\r\n\r\nQUFB")), allowed);
    }
}

fn mixed(part: &str) -> String {
    format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n{part}\r\n--b--\r\n"
    )
}

fn attachment(parameters: &str) -> String {
    format!(
        "Content-Type: application/pdf\r\nContent-Disposition: attachment; {parameters}\r\n{BASE64}"
    )
}

#[test]
fn a_refused_kind_is_refused_under_every_name_it_may_get() {
    let sender = Sender::new();
    sender.rule(Key::AttachmentTypesRefused, &["exe", "js"]);
    for parameters in [
        "filename=a.exe",
        "filename=\"a.pdf\"; filename=\"a.exe\"",
        "filename=\"a.exe:x\"",
        "filename=\"a.exe:x.pdf\"",
        "filename=\"a.ｅxe\"",
        "filename=\"a.exe. .\"",
        "filename=\"a.exe\u{200b}\"",
        "filename=\"a.exe\0.pdf\"",
        "filename=\"a.exe\0\"",
        "filename*=utf-8''a.exe%00.pdf",
        "filename=\"a\u{202e}fdp.exe\"",
        "filename=\"gpj.\u{202e}exe.pdf\"",
        "filename*=utf-8''a%2Eexe",
        "filename*=utf-16be''%00a%00.%00e%00x%00e",
        "filename*0=\"a.e\"; filename*1=\"xe\"",
        "filename*1=\"xe\"; filename*0=\"a.e\"",
        "filename*0*=utf-8''a%2E; filename*1=exe",
        "filename*0=a; filename*2=.exe",
        "filename=a.pdf; filename*=utf-8''a.exe",
        "filename=\"=?utf-8?B?YS5leGU=?=\"",
        "filename=\"=?utf-8?Q?a=2Ee?= =?utf-8?Q?xe?=\"",
        "name=a.exe",
        "filename=\"a.exe/b.pdf\"",
    ] {
        sender.part(&attachment(parameters), false);
    }
    for header in [
        "Content-Type: application/pdf; name=a.exe\r\nContent-Disposition: attachment; filename=a.pdf",
        "Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.exe",
        "Content-Disposition: attachment; filename=a.pdf\r\nContent-Disposition: attachment; filename=a.exe",
        "Content-Type: application/pdf; name=a.pdf\r\nContent-Type: application/pdf; name=a.exe",
        "Content-Type: application/x-msdownload",
        "Content-Type: application/x-msdownload; name=setup",
        "Content-Type: text/javascript",
        "Content-Type: application/pgp-signature; name=a.exe",
        "Content-Type: message/rfc822; name=a.exe",
        "Content-Type: message/partial; id=x; number=1; total=2",
        "Content-Type: application/pdf\r\nContent-Type: application/zip",
    ] {
        sender.part(header, false);
    }
}

#[test]
fn a_refused_kind_is_found_wherever_it_is_put() {
    let sender = Sender::new();
    sender.rule(Key::AttachmentTypesRefused, &["exe", "js"]);
    let inner = "Subject: i\r\nContent-Type: application/octet-stream; name=a.exe\r\n\r\nAAA";
    let encoded = STANDARD.encode(inner);
    let check = |what: &str, letter: &str| sender.check(what, letter, false);
    let carries = |encoding: &str, body: &str| {
        let part = format!(
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        );
        mixed(&part)
    };
    check("a letter within", &carries("7bit", inner));
    check("one in base64", &carries("base64", &encoded));
    let twice = format!("Subject: o\r\nContent-Type: message/rfc822\r\n{BASE64}\r\n\r\n{encoded}");
    check(
        "one in one in base64",
        &carries("base64", &STANDARD.encode(twice)),
    );
    let quoted = inner
        .replace("a.exe", "a=2Eexe")
        .replace("name=a", "name=3Da");
    check(
        "one in quoted-printable",
        &carries("quoted-printable", &quoted),
    );
    let multipart = format!("Content-Type: multipart/mixed; boundary=c\r\n{BASE64}\r\n\r\n");
    let parts = STANDARD.encode("--c\r\nContent-Type: a/b; name=a.exe\r\n\r\nx\r\n--c--\r\n");
    check("parts in base64", &format!("{multipart}{parts}"));
    let uu = "begin 644 a.exe\r\n#0V%T\r\n`\r\nend\r\n";
    check("uuencode", &format!("\r\nKinh gui\r\n{uu}"));
    check(
        "uuencode in a part",
        &mixed(&format!("Content-Type: text/plain\r\n\r\n{uu}")),
    );
    let within = format!(
        "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n{uu}"
    );
    check("the name within uuencode", &mixed(&within));
    check(
        "yEnc",
        "\r\n=ybegin line=128 size=3 name=a.exe\r\nabc\r\n=yend size=3\r\n",
    );
    let boundaries = mixed("Content-Type: a/b; name=a.exe\r\n\r\nx");
    let twice = boundaries.replace("boundary=b", "boundary=z; boundary=b");
    check("two boundaries", &twice);
    check(
        "a boundary that is nowhere",
        &boundaries.replace("boundary=b", "boundary=z"),
    );
    let before = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--c\r\ncontent-disposition: attachment; filename=a.exe\r\n\r\nx\r\n--b\r\n\r\nx\r\n--b--\r\n";
    check("before the first part", before);
    let behind = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--c\r\nContent-Type: a/b; name=a.exe\r\n\r\nx\r\n";
    check("behind the last part", behind);
    let alone =
        format!("Content-Type: application/octet-stream; name=a.exe\r\n{BASE64}\r\n\r\nQUFB\r\n");
    check("the letter itself", &alone);
}

#[test]
fn what_is_usual_is_not_refused() {
    let sender = Sender::new();
    sender.rule(
        Key::AttachmentTypesRefused,
        &["exe", "js", "com", "htm", "html"],
    );
    let signed = "Content-Type: application/pkcs7-signature; name=smime.p7s";
    for header in [
        &*attachment("filename=\"Công văn 12.2026.pdf\""),
        &*attachment("filename*=utf-8''C%C3%B4ng%20v%C4%83n.pdf"),
        &*attachment("filename*0*=utf-8''C%C3%B4ng; filename*1*=%20v%C4%83n.pdf"),
        &*attachment("filename=\"=?utf-8?B?Q8O0bmcgdsSDbi5wZGY=?=\""),
        "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"V/v hop 10:00.eml\"",
        signed,
        "Content-Type: text/html",
        "Content-Type: text/calendar; method=REQUEST",
        "Content-Type: image/png\r\nContent-ID: <x>",
        "Content-Type: application/octet-stream",
    ] {
        sender.part(header, true);
    }
    sender.check("text", "\r\nbegin with this\r\nend\r\n", true);
    let preamble = mixed("\r\nx").replace(
        "\r\n\r\n--b\r\nContent",
        "\r\n\r\nA letter in parts.\r\n--b\r\nContent",
    );
    sender.check("a preamble", &preamble, true);
}

#[test]
fn where_few_kinds_may_be_sent_each_name_is_one_of_them() {
    let sender = Sender::new();
    sender.rule(Key::AttachmentTypes, &["pdf", "docx"]);
    for (header, allowed) in [
        (&*attachment("filename=a.pdf"), true),
        (&*attachment("filename=\"Công văn 12.2026.docx\""), true),
        (&*attachment("filename=a.pdf; filename=a.docx"), true),
        (&*attachment("filename=a.pdf; filename=a.exe"), false),
        (&*attachment("filename=a.exe:x.pdf"), false),
        (&*attachment("filename=khong-duoi"), false),
        ("Content-Type: application/pdf", true),
        (
            "Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            true,
        ),
        ("Content-Type: application/octet-stream", false),
        ("Content-Type: text/calendar", true),
        (
            "Content-Type: text/plain\r\nContent-Disposition: attachment",
            false,
        ),
        (
            "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"Hop.eml\"",
            true,
        ),
        ("Content-Type: message/rfc822; name=a.exe", false),
        (
            "Content-Type: application/pkcs7-signature; name=smime.p7s",
            true,
        ),
        (
            "Content-Type: application/pkcs7-signature; name=smime.exe",
            false,
        ),
    ] {
        sender.part(header, allowed);
    }
    sender.check(
        "uuencode",
        "\r\nbegin 644 a.zip\r\n#0V%T\r\n`\r\nend\r\n",
        false,
    );
}

#[test]
fn files_in_text_have_a_size_too() {
    let sender = Sender::new();
    let said = Said {
        value: Value::Number(1000),
        locked: false,
    };
    let policy = AgencyPolicy {
        agency: AgencyId("H99".into()),
        said: [(Key::AttachmentOctets, said)].into(),
        version: 0,
    };
    let set = sender.world.directory.set_agency_policy(None, policy, None);
    set.unwrap();
    let told = |lines: usize| {
        let line = format!("M{}\r\n", "0".repeat(60));
        let text = format!(
            "From: an@tinh.gov.vn\r\n\r\nbegin 644 a.pdf\r\n{}`\r\nend\r\n",
            line.repeat(lines)
        );
        let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
        cause(
            sender
                .world
                .delivery
                .accept(sent, text.as_bytes(), &sender.origin),
        )
    };
    assert_eq!(told(22), "ok");
    assert_eq!(told(23), "AttachmentTooLarge { max: 1000 }");
}
