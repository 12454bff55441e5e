//! The texts of a message that a search looks into, mapped for comparison without regard to case.
//!
//! RFC 9051 §6.4.4: who judges a message and who keeps an index of many must read the same texts,
//! or the index would hide what the judge would find. So both read them here. Whoever changes what
//! comes out, here or in [`casemap`], raises [`TEXTS_VERSION`]: indexes of older texts are made anew.

use super::header::Line;
use super::summary::{Letterhead, Part, PartKind, Range, Summary};
use super::{Person, charset, header, parameter, part};
use crate::html;
use crate::text::casemap;

/// What the texts are like; kept beside every index of them.
pub const TEXTS_VERSION: u32 = 4;

/// Octets of the largest text part that is looked into; nobody reads a longer one, and decoding it
/// for each of many searches would take the memory of all.
const TEXT_MAX: u32 = 16 * 1024 * 1024;

/// Lines of one header that are a text each; what comes behind them is one text, up to [`TEXT_MAX`] octets.
const LINES_MAX: usize = 2_000;

/// The subject as people read it; empty where there is none.
#[must_use]
pub fn subject(head: &Letterhead) -> String {
    let subject = head.subject.as_deref().unwrap_or_default();
    casemap(&header::decode_words(subject))
}

/// Name and address as people read them, of a group its name; not mapped yet.
#[must_use]
pub fn person(person: &Person) -> String {
    match person.is_mailbox() {
        true => {
            let name = person.display_name().unwrap_or_default();
            format!("{name} <{}>", person.email().unwrap_or_default())
        }
        false => header::decode_words(person.mailbox.as_deref().unwrap_or_default()),
    }
}

/// Names and addresses as people read them, and the names of groups, one text each.
pub fn people(people: &[Person]) -> impl Iterator<Item = String> + '_ {
    people.iter().map(|one| casemap(&person(one)))
}

/// The value of a field that the summary keeps whole, such as Message-ID.
#[must_use]
pub fn kept_value(value: &str) -> String {
    casemap(&header::decode_words(value))
}

/// Each field of these octets of a header as `Name: value`, and each line that is none as it is read: RFC 9051 §6.4.4
/// TEXT looks into the header, whatever somebody has put there.
pub fn fields(octets: &[u8]) -> impl Iterator<Item = String> + '_ {
    let mut lines = header::lines(octets);
    let mut left = LINES_MAX;
    std::iter::from_fn(move || {
        let rest = lines.rest();
        let text = match left {
            0 => {
                lines = header::lines(b"");
                let rest = &rest[..rest.len().min(TEXT_MAX as usize)];
                let text = header::decode_words(charset::guess(rest).trim());
                (!text.is_empty()).then_some(text)?
            }
            _ => match lines.next()? {
                Line::Field(field) => format!("{}: {}", field.name, header::text(field.value)),
                Line::Stray(line) => header::text(line),
            },
        };
        left = left.saturating_sub(1);
        Some(casemap(&text))
    })
}

/// The fields of the message's own header and of the MIME headers of its parts, and the names of
/// attachments, which stand there in pieces and escapes (RFC 2231 §3, §4) that nobody would look for.
pub fn header<'a>(summary: &Summary, raw: &'a [u8]) -> impl Iterator<Item = String> + use<'a> {
    let mut headers = vec![summary.part.header];
    gather(&summary.part, &mut headers);
    let parts = summary.part.walk();
    let names: Vec<String> = parts.flat_map(|(_, part)| file_names(part)).collect();
    headers
        .into_iter()
        .flat_map(move |header| fields(header.of(raw)))
        .chain(names)
}

/// The names of files as they are shown, one text each.
pub fn shown_names(summary: &Summary) -> impl Iterator<Item = String> + '_ {
    let names = summary.part.walk().filter_map(|(_, p)| part::file_name(p));
    names.map(|name| casemap(&name))
}

/// What a part says that its file is called.
fn file_names(part: &Part) -> Vec<String> {
    let disposed = part.disposition.as_ref();
    let disposed = disposed.and_then(|(_, params)| parameter::decoded(params, "filename"));
    let typed = parameter::decoded(&part.params, "name");
    let names = disposed.into_iter().chain(typed);
    names.map(|name| casemap(&name)).collect()
}

/// Where the MIME headers inside of a part are; the header of a message inside is its body's.
fn gather(part: &Part, headers: &mut Vec<Range>) {
    match &part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => {
            for part in parts {
                headers.push(part.header);
                gather(part, headers);
            }
        }
        PartKind::Message(nested) => gather(&nested.part, headers),
    }
}

/// Calls `each` with every text part, decoded, and every field of the messages inside. Of HTML that is
/// what its reader sees (at most [`html::OUTPUT_MAX`] octets of it), without tags and comments: a word may be
/// written with references, and have markup in its midst.
pub fn body(summary: &Summary, raw: &[u8], each: &mut dyn FnMut(String)) {
    for (_, found) in summary.part.walk() {
        match &found.kind {
            PartKind::Message(nested) => fields(nested.part.header.of(raw)).for_each(&mut *each),
            _ if found.media == "text" && found.body.len <= TEXT_MAX => {
                let text = part::decode_text(found, raw);
                each(match found.subtype == "html" {
                    true => casemap(&html::html_to_text(&text)),
                    false => casemap(&text),
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::summarize;
    use super::*;

    const RAW: &[u8] = b"From: =?utf-8?q?L=C3=AA_V=C4=83n?= <Le@Tinh.VN>\r\nTo: a@b.vn\r\n\
        Subject: =?utf-8?b?SOG7jHAgR0lBTyBCQU4=?=\r\nMessage-ID: <X1@b.vn>\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\nK\xc3\xadnh G\xe1\xbb\xadi\r\n";

    fn all(raw: &[u8]) -> Vec<String> {
        let summary = summarize(raw);
        let mut texts = vec![subject(&summary.head)];
        texts.extend(people(&summary.head.from));
        texts.extend(header(&summary, raw));
        body(&summary, raw, &mut |text| texts.push(text));
        texts
    }

    #[test]
    fn texts_are_as_people_read_them_and_lower_case() {
        let texts = all(RAW);
        assert_eq!(texts[0], "họp giao ban");
        assert_eq!(texts[1], "lê văn <le@tinh.vn>");
        assert!(
            texts.contains(&"subject: họp giao ban".to_owned()),
            "{texts:?}"
        );
        assert_eq!(texts.last().map(String::as_str), Some("kính gửi\r\n"));
        assert_eq!(kept_value("<X1@b.vn>"), "<x1@b.vn>");
    }

    #[test]
    fn the_headers_of_parts_are_looked_into() {
        let raw = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\
            Content-Type: multipart/related; boundary=i; x=Kep\r\n\r\n--i\r\n\r\nxin\r\n--i--\r\n--o\r\n\
            Content-Disposition: attachment; filename=Baocao.pdf\r\n\r\nx\r\n--o--\r\n";
        let summary = summarize(raw);
        let texts: Vec<String> = header(&summary, raw).collect();
        let has = |needle: &str| texts.iter().any(|text| text.contains(needle));
        assert!(
            has("x=kep") && has("filename=baocao.pdf") && has("subject: x"),
            "{texts:?}"
        );
    }

    /// What has no field name, and what stands behind more fields than are told apart.
    #[test]
    fn every_line_of_a_header_is_looked_into() {
        let raw = "From x@y.vn Mon Nov 23\r\nUTF8 (Subject: Nháp =?utf-8?q?=C4=91i?=\r\nTo: a@b.vn\r\n\r\nNhau\r\n";
        let summary = summarize(raw.as_bytes());
        let texts: Vec<String> = header(&summary, raw.as_bytes()).collect();
        let expected = [
            "from x@y.vn mon nov 23",
            "utf8 (subject: nháp đi",
            "to: a@b.vn",
        ];
        assert_eq!(texts, expected);
        let many = format!(
            "{}Cuoi: Cung\r\nkhong phai\r\n\r\nthân",
            "A: b\r\n".repeat(LINES_MAX)
        );
        let summary = summarize(many.as_bytes());
        let texts: Vec<String> = header(&summary, many.as_bytes()).collect();
        assert_eq!(texts.len(), LINES_MAX + 1);
        let last = texts.last().unwrap();
        assert!(
            last.contains("cuoi: cung") && !last.contains("thân"),
            "{last}"
        );
    }

    #[test]
    fn html_is_looked_into_as_it_is_read() {
        let raw = "Content-Type: text/html; charset=utf-8\r\n\r\n<!-- ghi chú --><p class=MsoNormal>C&ocirc;ng\r\n             v&#259;n <b>kh</b>ẩn&nbsp;s&#x1ED1; 7</p>\r\n";
        let texts = all(raw.as_bytes());
        assert_eq!(texts.last().map(String::as_str), Some("công văn khẩn số 7"));
    }

    #[test]
    fn names_of_files_and_groups_are_looked_into() {
        let raw = b"To: =?utf-8?q?C=C3=A1n_b=E1=BB=99?=:a@x.vn;, undisclosed:;\r\n\
            Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\
            Content-Type: application/pdf; name*0*=utf-8''B%C3%A1o; name*1=cao.pdf\r\n\
            Content-Disposition: attachment; filename*=utf-8''Quy%E1%BA%BFt.pdf\r\n\r\nx\r\n--o--\r\n";
        let summary = summarize(raw);
        let texts: Vec<String> = header(&summary, raw).collect();
        let has = |name: &str| texts.iter().any(|text| text == name);
        assert!(has("quyết.pdf") && has("báocao.pdf"), "{texts:?}");
        let to: Vec<String> = people(&summary.head.to).collect();
        assert_eq!(to, ["cán bộ", " <a@x.vn>", "", "undisclosed", ""]);
    }

    /// The texts of this version. Who must change a line here raises [`TEXTS_VERSION`] too.
    #[test]
    fn the_version_is_of_these_texts() {
        assert_eq!(TEXTS_VERSION, 4);
        let check = |text: &str, mapped: &str| assert_eq!(casemap(text), mapped, "{text}");
        check("HÒA Ho\u{300}a", "hòa hòa");
        check("ĐẶNG Ơ Ư", "đặng ơ ư");
        check("ﬁle № ½ Ａ", "file no 1⁄2 a");
        check("Straße ΣΊΣΥΦΟΣ İ", "straße σίσυφοσ i\u{307}");
    }
}
