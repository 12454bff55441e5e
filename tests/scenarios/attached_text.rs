//! What stands in an attached document is found over JMAP, a little after the letter itself.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tests::http_client::HttpClient;
use tests::world::World;

/// Word's document of one paragraph, in two runs: a package of one file that is not packed.
fn docx() -> Vec<u8> {
    let name = "word/document.xml";
    let content = "<w:document><w:body><w:p><w:r><w:t>Quy</w:t></w:r><w:r><w:t>ết định số 45</w:t></w:r></w:p></w:body></w:document>";
    let (length, name_length) = (content.len() as u32, name.len() as u16);
    let facts = [
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
        &length.to_le_bytes(),
        &length.to_le_bytes(),
        &name_length.to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    let file = [
        b"PK\x03\x04\x14\0\0\0",
        &facts[..],
        name.as_bytes(),
        content.as_bytes(),
    ]
    .concat();
    let row = [
        b"PK\x01\x02\x14\0\x14\0\0\0",
        &facts[..],
        &[0; 14],
        name.as_bytes(),
    ]
    .concat();
    let (row_length, at) = (row.len() as u32, file.len() as u32);
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &row_length.to_le_bytes()[..],
        &at.to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    [file, row, end].concat()
}

fn letter(subject: &str, name: &str, file: &[u8]) -> Vec<u8> {
    format!(
        "From: snv@xa.example\r\nTo: an@thu.gov.vn\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Xin gửi kèm.\r\n--o\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\n\
         Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--o--\r\n",
        BASE64_STANDARD.encode(file)
    )
    .into_bytes()
}

fn found(http: &HttpClient, filter: &serde_json::Value) -> Vec<String> {
    let found = http.jmap("Email/query", json!({"filter": filter}));
    let ids = found["ids"].as_array().unwrap();
    ids.iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn words_of_an_attached_document_are_found() {
    let world = World::new();
    let mut sender = world.smtp();
    sender.ehlo();
    let hostile = b"PK\x05\x06\xff\xff\xff\xff".repeat(2_000);
    for letter in [
        letter("hong", "hong.docx", &hostile),
        letter("tot", "vb.docx", &docx()),
    ] {
        let reply = sender.transaction("snv@xa.example", &["an@thu.gov.vn"], &letter);
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    let http = world.http("an");
    let by_subject = found(&http, &json!({"subject": "tot"}));
    assert_eq!(by_subject.len(), 1, "at once by what the letter says");
    assert_eq!(found(&http, &json!({"body": "xin gui kem"})).len(), 2);

    let filter = json!({"text": "\"quyet dinh\" 45"});
    assert!(
        tests::until(|| found(&http, &filter) == by_subject)
            || tests::until(|| found(&http, &filter) == by_subject)
    );
    // A word of the letter and one of the document; the exact marks; what is in neither.
    for (filter, count) in [
        (json!({"body": "kem quyet"}), 1),
        (json!({"body": "\"Quyết định số 45\""}), 1),
        (json!({"body": "Quyêt"}), 1),
        (json!({"body": "Quyêts"}), 0),
        (json!({"text": "tot quyet"}), 1),
        (json!({"subject": "quyet"}), 0),
        (
            json!({"operator": "NOT", "conditions": [{"text": "quyet"}]}),
            1,
        ),
    ] {
        assert_eq!(found(&http, &filter).len(), count, "{filter}");
    }
    let snippets = http.jmap(
        "SearchSnippet/get",
        json!({"filter": {"text": "quyet"}, "emailIds": by_subject}),
    );
    assert_eq!(
        snippets["list"][0]["preview"],
        "<mark>Quyết</mark> định số 45"
    );
    // RFC 9051 §6.4.4: IMAP looks into the text of the message itself.
    let mut reader = world.imap("an");
    reader.ok("SELECT INBOX");
    let searched = reader.ok("UID SEARCH RETURN (COUNT) TEXT quyet");
    assert!(searched.line("* ESEARCH").contains("COUNT 0"));
    world.finish();
}
