//! Who gets an address that another had sees nothing of him, with a mail program that remembers him neither.

use serde_json::json;
use tests::imap_client::ImapClient;
use tests::world::{PASSWORD, World};

/// The UIDVALIDITY of each of these, as a mail program that signs in by this address is told.
fn validities(world: &World, address: &str, mailboxes: &[&str]) -> Vec<String> {
    let mut client = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    client.ok(&format!("LOGIN {address} {PASSWORD}"));
    let each = mailboxes.iter().map(|mailbox| {
        let selected = client.ok(&format!("EXAMINE {mailbox}"));
        selected.line("* OK [UIDVALIDITY").to_owned()
    });
    each.collect()
}

#[test]
fn an_address_that_is_given_again_sees_nothing_of_before() {
    let world = World::new();
    let api = world.api();
    let make = || {
        let new = json!({"address": "moi@thu.gov.vn", "agency": "T1", "name": "Người Mới"});
        let (status, made) = api.post_json("/api/v1/accounts", &new);
        assert_eq!(status, 201, "{made}");
        let id = made["id"].as_u64().unwrap();
        let password = json!({ "password": PASSWORD });
        let (status, told) = api.put_json(
            &format!("/api/v1/accounts/{id}/credentials/password"),
            &password,
        );
        assert!(status < 300, "{told}");
        id
    };
    let id = make();
    let alias = json!({"address": "vt@thu.gov.vn", "account": id});
    assert_eq!(api.post_json("/api/v1/aliases", &alias).0, 201);
    let mut sender = world.submission("an");
    let letter = b"From: an@thu.gov.vn\r\nSubject: cu\r\n\r\nThu cu\r\n";
    let told = sender.transaction("an@thu.gov.vn", &["moi@thu.gov.vn"], letter);
    assert!(told.starts_with("250"), "{told}");
    let mut old = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    old.ok(&format!("LOGIN moi@thu.gov.vn {PASSWORD}"));
    old.ok("CREATE Viec");
    old.ok("LOGOUT");
    let mailboxes = ["INBOX", "Sent", "Viec"];
    let before = validities(&world, "moi@thu.gov.vn", &mailboxes);
    assert_eq!(before, validities(&world, "vt@thu.gov.vn", &mailboxes));
    assert_eq!(api.delete(&format!("/api/v1/accounts/{id}")), 204);
    make();
    // The alias of who is gone is another's main address.
    let new = json!({"address": "vt@thu.gov.vn", "agency": "T1", "name": "Văn Thư"});
    let (status, made) = api.post_json("/api/v1/accounts", &new);
    assert_eq!(status, 201, "{made}");
    let password = json!({ "password": PASSWORD });
    let path = format!("/api/v1/accounts/{}/credentials/password", made["id"]);
    assert!(api.put_json(&path, &password).0 < 300);
    for address in ["moi@thu.gov.vn", "vt@thu.gov.vn"] {
        let mut new = ImapClient::connect_tls(world.address("imaps"), &world.ca());
        new.ok(&format!("LOGIN {address} {PASSWORD}"));
        new.ok("CREATE Viec");
        let inbox = new.ok("STATUS INBOX (MESSAGES)");
        assert!(inbox.line("* STATUS").contains("MESSAGES 0"));
        let after = validities(&world, address, &mailboxes);
        for (after, before) in after.iter().zip(&before) {
            assert_ne!(after, before, "{address}");
        }
    }
    world.finish();
}
