//! Small documents as programs write them, hostile ones, and both with octets changed at random.

use super::*;
use std::io::Write as _;

/// A package of these files, as APPNOTE 6.3.10 §4.3.6 has it; `stored`: not packed.
fn zip(files: &[(&str, &[u8])], stored: bool) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut packer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(content).unwrap();
        let packed = match stored {
            true => content.to_vec(),
            false => packer.finish().unwrap(),
        };
        let method = if stored { 0u16 } else { 8 };
        let at = out.len() as u32;
        let sizes = |to: &mut Vec<u8>| {
            to.extend(method.to_le_bytes());
            to.extend([0; 8]);
            to.extend((packed.len() as u32).to_le_bytes());
            to.extend((content.len() as u32).to_le_bytes());
            to.extend((name.len() as u16).to_le_bytes());
            to.extend([0, 0]);
        };
        out.extend(b"PK\x03\x04\x14\x00\x00\x00");
        sizes(&mut out);
        out.extend(name.as_bytes());
        out.extend(&packed);
        list.extend(b"PK\x01\x02\x14\x00\x14\x00\x00\x00");
        sizes(&mut list);
        list.extend([0; 10]);
        list.extend(at.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (at, count) = (out.len() as u32, files.len() as u16);
    let length = list.len() as u32;
    out.extend(list);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

const WORD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w"><w:body><w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>
<w:r><w:t>Quy</w:t></w:r><w:r><w:t xml:space="preserve">ết định </w:t></w:r><w:r><w:t>số&#32;45 &amp; 46</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>
<w:p><w:r><w:t>Điều 1.</w:t><w:tab/><w:t>Ban hành</w:t></w:r></w:p></w:body></w:document>"#;

fn docx(document: &str) -> Vec<u8> {
    zip(
        &[
            ("[Content_Types].xml", b"<Types/>"),
            ("word/document.xml", document.as_bytes()),
            (
                "word/header1.xml",
                "<w:hdr><w:p><w:t>UBND tỉnh</w:t></w:p></w:hdr>".as_bytes(),
            ),
            ("word/styles.xml", b"<w:t>not this</w:t>"),
        ],
        false,
    )
}

fn xlsx() -> Vec<u8> {
    let strings = "<sst><si><t>Kinh phí</t></si><si><r><t>Tổ</t></r><r><t>ng</t></r></si></sst>";
    let sheet = r#"<worksheet><sheetData><row><c t="s"><v>0</v></c><c><v>1500000</v></c>
        <c t="inlineStr"><is><t>Ghi chú</t></is></c><c t="b"><v>1</v></c></row></sheetData></worksheet>"#;
    zip(
        &[
            (
                "xl/workbook.xml",
                r#"<workbook><sheets><sheet name="Dự toán" sheetId="1"/></sheets></workbook>"#
                    .as_bytes(),
            ),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
            ("xl/sharedStrings.xml", strings.as_bytes()),
        ],
        true,
    )
}

fn pptx() -> Vec<u8> {
    let slide = "<p:sld><a:p><a:r><a:t>Chuyển đổi</a:t></a:r><a:r><a:t> số</a:t></a:r></a:p><a:p><a:t>Hai</a:t></a:p></p:sld>";
    zip(
        &[
            ("ppt/slides/slide1.xml", slide.as_bytes()),
            (
                "ppt/notesSlides/notesSlide1.xml",
                "<a:t>lời nói</a:t>".as_bytes(),
            ),
        ],
        false,
    )
}

fn odt() -> Vec<u8> {
    let content = "<office:document-content><office:meta>bỏ qua</office:meta><office:body><office:text><text:h>Báo cáo</text:h>\
        <text:p>Quý<text:s/>ba<text:tab/>năm <text:span>20</text:span>26</text:p></office:text></office:body></office:document-content>";
    zip(
        &[
            ("mimetype", b"application/vnd.oasis.opendocument.text"),
            ("content.xml", content.as_bytes()),
            (
                "styles.xml",
                "<s><text:p>Chân trang</text:p></s>".as_bytes(),
            ),
        ],
        false,
    )
}

/// A page as Word makes it: two fonts within a word, each run at a place of its own.
fn pdf(packed: bool) -> Vec<u8> {
    let content = b"q 1 0 0 1 50 700 cm BT /F1 10 Tf 1 0 0 1 0 0 Tm (Quy) Tj ET BT /F2 10 Tf 1 0 0 1 15 0 Tm <0003> Tj ET \
        BT /F1 10 Tf 1 0 0 1 20 0 Tm [(t)-400(s\\363)] TJ ET BT /F1 10 Tf 1 0 0 1 0 -14 Tm (so 45) Tj ET Q";
    let mut stream = content.to_vec();
    if packed {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(content).unwrap();
        stream = packer.finish().unwrap();
    }
    let cmap = "1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfchar <0003> <1EBF> endbfchar";
    let mut out = b"%PDF-1.7\n".to_vec();
    let filter = if packed { "/Filter /FlateDecode" } else { "" };
    for object in [
        "1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n".to_owned(),
        "2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >> endobj\n".into(),
        "3 0 obj << /Type /Page /Parent 2 0 R /Contents 4 0 R >> endobj\n".into(),
        "5 0 obj << /Type /Font /Subtype /TrueType /FirstChar 32 /Widths 9 0 R >> endobj\n".into(),
        "6 0 obj << /Type /Font /Subtype /Type0 /ToUnicode 7 0 R /DescendantFonts [8 0 R] >> endobj\n".into(),
        format!("7 0 obj << /Length {} >> stream\n{cmap}\nendstream endobj\n", cmap.len()),
        "8 0 obj << /W [0 [500 500 500 500]] >> endobj\n".into(),
        format!("9 0 obj [{}] endobj\n", "500 ".repeat(220)),
        format!("4 0 obj << /Length {} {filter} >> stream\n", stream.len()),
    ] {
        out.extend(object.as_bytes());
    }
    out.extend(stream);
    out.extend(b"\nendstream endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n");
    out
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    b"\xff\xfe".iter().copied().chain(units).collect()
}

fn documents() -> Vec<(Kind, Vec<u8>, &'static str)> {
    let letter = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nKính gửi\r\n";
    vec![
        (
            Kind::Office,
            docx(WORD),
            "Quyết định số 45 & 46 Điều 1. Ban hành UBND tỉnh",
        ),
        (
            Kind::Office,
            xlsx(),
            "Dự toán Kinh phí Tổng 1500000 Ghi chú",
        ),
        (Kind::Office, pptx(), "Chuyển đổi số Hai lời nói"),
        (Kind::Open, odt(), "Báo cáo Quý ba năm 2026 Chân trang"),
        (Kind::Pdf, pdf(false), "Quyết só so 45"),
        (Kind::Pdf, pdf(true), "Quyết só so 45"),
        (Kind::Plain, "Công  văn\r\nđến".into(), "Công văn đến"),
        (Kind::Plain, "ho\u{300}a".into(), "hòa"),
        (Kind::Plain, utf16("Họ,Tên\r\nLê,Văn"), "Họ,Tên Lê,Văn"),
        (
            Kind::Html,
            "<p>C&ocirc;ng <b>v</b>ăn</p>".into(),
            "Công văn",
        ),
        (Kind::Message, letter.into(), "kính gửi"),
    ]
}

#[test]
fn documents_become_their_text() {
    for (kind, octets, expected) in documents() {
        assert_eq!(text(kind, &octets).as_deref(), Ok(expected), "{kind:?}");
        assert_eq!(Kind::named(kind.word()), Some(kind));
    }
}

fn refuses(what: &str, kind: Kind, octets: &[u8], expected: Result<&str, Unread>) {
    let found = text(kind, octets);
    assert_eq!(found.as_deref().map_err(|e| *e), expected, "{what}");
}

#[test]
fn hostile_packages_cost_little() {
    let office =
        |what: &str, octets: &[u8], expected| refuses(what, Kind::Office, octets, expected);
    let header = Ok("UBND tỉnh");
    let entities = "<!DOCTYPE a [<!ENTITY b \"&c;&c;\"><!ENTITY c \"x\">]><w:t>&b;</w:t>";
    office("entities", &docx(entities), header);
    let deep = format!("{}<w:t>x</w:t>", "<w:p>".repeat(100_000));
    office("depth", &docx(&deep), header);
    office(
        "an entity of nobody",
        &docx("<w:t>a&x;</w:t>"),
        Ok("a UBND tỉnh"),
    );
    let bomb = zip(&[("content.xml", &vec![b' '; 40 * 1024 * 1024])], false);
    refuses("a bomb", Kind::Open, &bomb, Err(Unread::TooLarge));
    let many: Vec<(String, Vec<u8>)> = (0..200)
        .map(|n| (format!("ppt/slides/slide{n}.xml"), vec![b' '; 2_000_000]))
        .collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(n, c)| (n.as_str(), c.as_slice()))
        .collect();
    office("many bombs", &zip(&many, false), Err(Unread::TooLarge));
    let whole = docx(WORD);
    let rows: Vec<usize> = memchr::memmem::find_iter(&whole, b"PK\x01\x02").collect();
    let mut sealed = whole.clone();
    rows.iter().for_each(|at| sealed[at + 8] |= 1);
    office("a password", &sealed, Err(Unread::Sealed));
    let compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest";
    office("a compound file", compound, Err(Unread::Sealed));
    let mut count = whole.clone();
    let end = memchr::memmem::rfind(&count, b"PK\x05\x06").unwrap();
    count[end + 10..end + 12].copy_from_slice(&[0xff, 0xff]);
    office("a list of 65535", &count, Err(Unread::TooLarge));
    office("cut off", &whole[..rows[0]], Err(Unread::Damaged));
    office("no package", b"PK", Err(Unread::Damaged));
    office("another type", &pdf(true), Err(Unread::Damaged));
    let large = vec![b'a'; OCTETS_MAX + 1];
    refuses("too large", Kind::Plain, &large, Err(Unread::TooLarge));
}

#[test]
fn hostile_pdfs_cost_little() {
    let check = |what: &str, octets: &[u8], expected| refuses(what, Kind::Pdf, octets, expected);
    check("another type", &docx(WORD), Err(Unread::Damaged));
    let sealed = [pdf(true), b"trailer << /Encrypt 9 0 R >>".to_vec()].concat();
    check("a password", &sealed, Err(Unread::Sealed));
    let circles = b"%PDF-1.4\n1 0 obj 2 0 R endobj 2 0 obj 1 0 R endobj \
        3 0 obj << /Type /Page /Parent 3 0 R /Contents 1 0 R >> endobj";
    check("circles", circles, Ok(""));
    check("nothing", b"%PDF-1.4", Err(Unread::Damaged));
}

#[test]
fn i13_text_and_nesting_have_limits() {
    let long = "từ ".repeat(TEXT_MAX);
    assert!(text(Kind::Plain, long.as_bytes()).unwrap().len() <= TEXT_MAX);
    let document = format!("<w:t>{long}</w:t>");
    assert!(text(Kind::Office, &docx(&document)).unwrap().len() <= TEXT_MAX);
    // Lists within lists, strings that never end, objects without end.
    for inner in [
        "[".repeat(200_000),
        "(".repeat(200_000),
        "<<".repeat(100_000),
    ] {
        let pdf = format!("%PDF-1.4\n1 0 obj << /Type /Page /A {inner}");
        let found = text(Kind::Pdf, pdf.as_bytes());
        assert_eq!(found.unwrap_or_default(), "");
    }
    // One stream, shown by every page, that refers to a form that shows itself.
    let mut many = String::from(
        "%PDF-1.4\n1 0 obj << /Subtype /Form /Length 10 >> stream\n/A Do /A Do\nendstream endobj\n",
    );
    for page in 2..3_500 {
        many += &format!(
            "{page} 0 obj << /Type /Page /Contents 1 0 R /Resources << /XObject << /A 1 0 R >> >> >> endobj\n"
        );
    }
    assert_eq!(text(Kind::Pdf, many.as_bytes()).as_deref(), Ok(""));
}

/// Octets changed, taken out and put in: text or an error, never a panic.
#[test]
fn changed_documents_are_read_or_refused() {
    let mut dice = 17u64;
    let mut next = |below: usize| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % below.max(1)
    };
    for (kind, whole, _) in documents() {
        for _ in 0..400 {
            let mut octets = whole.clone();
            for _ in 0..1 + next(4) {
                let at = next(octets.len());
                match next(4) {
                    0 => octets[at] ^= 1 << next(8),
                    1 => octets[at] = b"()<>[]/ \0\xff"[next(10)],
                    2 => octets.truncate(at.max(1)),
                    _ => {
                        let from = next(octets.len());
                        let piece = octets[from..octets.len().min(from + 40)].to_vec();
                        octets.splice(at..at, piece);
                    }
                }
            }
            if let Ok(text) = text(kind, &octets) {
                assert!(text.len() <= TEXT_MAX);
            }
        }
    }
}

#[test]
fn what_is_read_of_a_message() {
    let part = |head: &str, body: &str| format!("--o\r\n{head}\r\n\r\n{body}\r\n");
    let raw = [
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n".to_owned(),
        part("Content-Type: text/plain", "thư"),
        part(
            "Content-Type: application/octet-stream; name=\"Bao cao.DOCX\"",
            "x",
        ),
        part("Content-Type: application/pdf", "x"),
        part("Content-Type: text/csv; name=a.csv", "x"),
        part(
            "Content-Type: text/plain; name=b.txt\r\nContent-Transfer-Encoding: base64",
            "//5h4LsA",
        ),
        part("Content-Type: application/octet-stream; name=c.csv", "x"),
        part("Content-Type: image/png; name=d.png", "x"),
        part(
            "Content-Type: application/vnd.ms-excel; name=\"e.xlsx\"",
            "x",
        ),
        "--o--\r\n".to_owned(),
    ]
    .concat();
    let summary = summarize(raw.as_bytes());
    let found: Vec<Kind> = files(&summary, raw.as_bytes())
        .map(|(kind, _)| kind)
        .collect();
    let expected = [
        Kind::Office,
        Kind::Pdf,
        Kind::Plain,
        Kind::Plain,
        Kind::Office,
    ];
    assert_eq!(found, expected);
}
