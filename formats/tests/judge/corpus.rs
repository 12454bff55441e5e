//! Every message of the public collections: read whole, every range within the file.

use formats::html::{CleanOptions, Images, clean, html_to_text};
use formats::message::{
    DEPTH_MAX, PARTS_MAX, Part, PartKind, Summary, bodies, file_name, header, part, summarize,
};

use crate::{files, shared};

const COLLECTIONS: [&str; 6] = [
    "enmime",
    "james-mailbox",
    "mimekit",
    "discourse-replies",
    "sisimai-bounces",
    "stalwart-mail-parser",
];

#[test]
fn every_message_is_read_within_its_octets() {
    let mut count = 0;
    for collection in COLLECTIONS {
        let Some(folder) = shared(&format!("corpus/{collection}")) else {
            return;
        };
        for path in files(&folder) {
            let raw = std::fs::read(&path).expect("a file can be read");
            whole(&raw, &path.display().to_string());
            count += 1;
        }
    }
    assert!(count > 400, "only {count} messages");
}

/// All that other rooms rely on, for any octets.
pub(crate) fn whole(raw: &[u8], name: &str) -> Summary {
    let summary = summarize(raw);
    assert_eq!(summary.size, raw.len() as u64, "{name}");
    assert_eq!(summary.part.header.at, 0, "{name}");
    assert_eq!(summary.header_size, summary.part.header.len, "{name}");
    assert_eq!(
        summary.part.body.end(),
        raw.len(),
        "{name}: the root ends where the file ends"
    );
    assert!(
        summary.preview.chars().count() <= 256 && !summary.preview.contains('\n'),
        "{name}"
    );
    let mut count = 0;
    nested(&summary.part, raw.len(), 0, &mut count, name);
    assert!(count <= PARTS_MAX * 2, "{name}: {count} parts");
    for (number, found) in summary.part.walk() {
        let again = summary
            .part
            .find_section(&number)
            .expect("a number that was walked");
        assert_eq!(again.part.body, found.body, "{name} {number}");
        let text = part::decode_text(found, raw);
        let _ = (file_name(found), part::decode_body(found, raw));
        if found.is("text", "html") {
            check_html(&text, name);
        }
    }
    let shown = bodies(&summary.part);
    for number in shown
        .text
        .iter()
        .chain(&shown.html)
        .chain(&shown.attachments)
    {
        assert!(
            summary.part.find_section(number).is_some(),
            "{name} {number}"
        );
    }
    for field in header::fields(raw) {
        let _ = (
            header::text(field.value),
            header::decoded_addresses(field.value),
        );
        let _ = (
            header::message_ids(field.value),
            formats::message::thread::base_subject(field.name),
        );
    }
    let stored = postcard::to_stdvec(&summary).expect("a summary can be written");
    let back: Summary = postcard::from_bytes(&stored).expect("a summary can be read");
    // The growth is kept beside it.
    let back = Summary {
        growth: summary.growth,
        ..back
    };
    assert_eq!(back, summary, "{name}");
    summary
}

/// A part lies in its parent, its header before its body, its children in order within it.
fn nested(part: &Part, raw_len: usize, depth: usize, count: &mut usize, name: &str) {
    *count += 1;
    assert!(depth <= DEPTH_MAX + 1, "{name}: depth {depth}");
    assert_eq!(
        part.header.end(),
        part.body.at as usize,
        "{name}: header and body adjoin"
    );
    assert!(part.body.end() <= raw_len, "{name}: body within the file");
    let children: Vec<&Part> = match &part.kind {
        PartKind::Leaf => {
            assert!(
                part.media != "multipart" && !part.is("message", "rfc822"),
                "{name}"
            );
            return;
        }
        PartKind::Multipart(parts) => {
            assert!(!parts.is_empty(), "{name}: a multipart has a part");
            parts.iter().collect()
        }
        PartKind::Message(inner) => vec![&inner.part],
    };
    let mut from = part.body.at as usize;
    for child in children {
        assert!(
            child.header.at as usize >= from,
            "{name}: children in order"
        );
        from = child.body.end();
        nested(child, raw_len, depth + 1, count, name);
    }
    assert!(
        from <= part.body.end(),
        "{name}: children within their parent"
    );
}

fn check_html(html: &str, name: &str) {
    let options = CleanOptions {
        images: Images::Blocked,
        cid_prefix: "/cid/",
        proxy: None,
    };
    let cleaned = clean(html, &options);
    crate::attack::harmless(&cleaned.html, name);
    let _ = html_to_text(html);
}
