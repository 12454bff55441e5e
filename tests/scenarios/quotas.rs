//! An agency whose limit is reached: every protocol says so in its own words, and freeing helps.

use directory::{AgencyId, AgencyQuota, Quota};
use serde_json::json;
use tests::world::{DOMAIN, World};

fn deliver(world: &World, to: &str, letter: &[u8]) -> String {
    let mut client = world.smtp();
    client.ehlo();
    client.transaction("a@b.example", &[&format!("{to}@{DOMAIN}")], letter)
}

#[test]
fn a_full_agency_is_told_by_every_protocol() {
    let world = World::new();
    let directory = &world.services.directory;
    let letter = b"From: a@b.example\r\nSubject: Hop\r\n\r\nx\r\n";
    let placed = deliver(&world, "an", letter);
    assert!(placed.starts_with("250"), "{placed}");
    // Two accounts of one agency: what one holds, the other cannot have.
    let mut row = directory.agency(&AgencyId("T1".into())).unwrap();
    row.quota = AgencyQuota {
        total: Quota {
            octets: None,
            messages: Some(1),
        },
        ..AgencyQuota::default()
    };
    directory.change_agency(None, row, None).unwrap();

    let mut client = world.smtp();
    client.ehlo();
    client.expect("MAIL FROM:<a@b.example>", "250");
    for local in ["an", "binh"] {
        client.expect(&format!("RCPT TO:<{local}@{DOMAIN}>"), "452 4.2.2");
    }
    let mut binh = world.imap("binh");
    let answer = binh.append("INBOX", letter).unwrap();
    assert!(
        answer.tagged.contains("NO [OVERQUOTA] The agency"),
        "{answer:?}"
    );
    let set = world.http("binh").jmap("Mailbox/get", json!({"ids": null}));
    let inbox = set["list"][0]["id"].clone();
    let new = json!({"mailboxIds": {inbox.as_str().unwrap(): true}, "subject": "Chao"});
    let set = world
        .http("binh")
        .jmap("Email/set", json!({"create": {"k": new}}));
    assert_eq!(set["notCreated"]["k"]["type"], "overQuota", "{set}");
    let (status, _, body) = world.api().get("/api/v1/agencies/T1/usage");
    let used: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &used["level"]), (200, &json!("full")), "{used}");
    assert_eq!(
        (&used["messages"], &used["messages_max"]),
        (&json!(1), &json!(1))
    );

    let mut an = world.imap("an");
    an.ok("SELECT INBOX");
    an.ok("STORE 1 +FLAGS (\\Deleted)");
    an.ok("EXPUNGE");
    let placed = deliver(&world, "binh", letter);
    assert!(placed.starts_with("250"), "{placed}");
    world.finish();
}
