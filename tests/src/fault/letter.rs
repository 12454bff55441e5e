//! The letters that are stored: each follows from its tag alone.

use super::Chance;

/// Octets of the attachment that many letters carry.
const SHARED_OCTETS: usize = 90_000;
/// How many such attachments there are.
const SHARED: u64 = 4;

/// The octets of the letter with this tag. The tag's last part, a number, tells its size: most are
/// short, some long, some carry an attachment that others carry too.
pub fn letter(tag: &str) -> Vec<u8> {
    let number: u64 = tag
        .rsplit('.')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let mut chance = Chance::of(&[number, tag.len() as u64]);
    let head = format!(
        "From: a@x.gov.vn\r\nTo: b@x.gov.vn\r\nSubject: {tag}\r\nMessage-ID: <{tag}@x.gov.vn>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0700\r\n"
    );
    let line = "Kính gửi Ủy ban nhân dân các xã, phường trên địa bàn tỉnh.\r\n";
    match number % 16 {
        0 => format!("{head}\r\n{}", line.repeat(300)).into_bytes(),
        1 => with_attachment(&head, chance.below(SHARED)),
        n => format!("{head}\r\n{tag}\r\n{}", line.repeat(n as usize)).into_bytes(),
    }
}

fn with_attachment(head: &str, which: u64) -> Vec<u8> {
    let mut noise = Chance::of(&[which, 77]);
    let octets: Vec<u8> = (0..SHARED_OCTETS).map(|_| noise.draw() as u8).collect();
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(octets);
    let mut out = format!(
        "{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nxem tep kem\r\n--b\r\nContent-Type: application/pdf\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    for line in text.as_bytes().chunks(76) {
        out.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        out.push_str("\r\n");
    }
    out.push_str("--b--\r\n");
    out.into_bytes()
}
