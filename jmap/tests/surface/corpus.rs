//! Real and hostile mail: every property, every part, every letter, without a panic and octet for octet.

use crate::house::House;
use http::StatusCode;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 5] = [
    "james-mailbox",
    "mimekit",
    "sisimai-bounces",
    "stalwart-mail-parser",
    "discourse-replies",
];

fn files() -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let read = |folder: &str| std::fs::read_dir(shared.join(folder)).into_iter().flatten();
    let mut files: Vec<PathBuf> = FOLDERS
        .iter()
        .flat_map(|folder| read(folder))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_corpus_is_read_whole() {
    let files = files();
    if files.is_empty() {
        println!("skipped: ../shared/corpus is absent");
        return;
    }
    let house = House::new();
    let mut parts = 0;
    for file in &files {
        let raw = std::fs::read(file).unwrap();
        let id = house.put(&raw);
        let name = file.display();
        let path = format!("/jmap/download/{}/{id}/x.eml", house.account());
        assert_eq!(house.get(&house.an, &path).await.body, raw, "{name}");
        let arguments = json!({
            "ids": [id],
            "properties": ["bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments",
                "headers", "from", "to", "subject", "messageId", "sentAt", "preview",
                "header:Received:all", "header:X-Mailer:asText", "header:To:asGroupedAddresses"],
            "bodyProperties": ["partId", "blobId", "size", "type", "name", "subParts", "headers"],
            "fetchAllBodyValues": true,
        });
        let got = house.call("Email/get", arguments).await;
        let email = &got["list"][0];
        assert!(
            email["preview"].as_str().unwrap().chars().count() <= 256,
            "{name}"
        );
        parts += check_parts(&house, &email["bodyStructure"]).await;
        let path = format!("/mail/html/{}/{id}?images=1", house.account());
        let letter = house.get(&house.an, &path).await;
        assert_eq!(letter.status, StatusCode::OK, "{name}");
        let html = letter.text().to_lowercase();
        for evil in ["<script", "<iframe", "<object", "<form", "javascript:"] {
            let shown_as_text = html.contains("class=\"part text\"");
            assert!(shown_as_text || !html.contains(evil), "{name}: {evil}");
        }
        assert!(!html.contains("<script"), "{name}");
    }
    println!("{} messages, {parts} parts", files.len());
    let found = house.call(
        "Email/query",
        json!({"filter": {"text": "the"}, "calculateTotal": true}),
    );
    assert!(found.await["total"].as_u64().unwrap() > 50);
    assert!(house.store.check().unwrap().is_empty());
}

/// Each part's blob has the size that is told; how many there are.
async fn check_parts(house: &House, root: &Value) -> usize {
    let mut waiting = vec![root];
    let mut count = 0;
    while let Some(part) = waiting.pop() {
        waiting.extend(part["subParts"].as_array().into_iter().flatten());
        let Some(blob) = part["blobId"].as_str() else {
            continue;
        };
        let path = format!("/jmap/download/{}/{blob}/x", house.account());
        let answer = house.get(&house.an, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{blob}");
        assert_eq!(json!(answer.body.len()), part["size"], "{blob}");
        count += 1;
    }
    count
}
