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

/// A person with a password and a mailbox of his own.
fn somebody(world: &World, local: &str, name: &str) -> u64 {
    let api = world.api();
    let new = json!({"address": format!("{local}@thu.gov.vn"), "agency": "T1", "name": name});
    let (status, made) = api.post_json("/api/v1/accounts", &new);
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_u64().unwrap();
    let path = format!("/api/v1/accounts/{id}/credentials/password");
    let password = json!({ "password": PASSWORD });
    assert!(api.put_json(&path, &password).0 < 300);
    let mut client = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    client.ok(&format!("LOGIN {local}@thu.gov.vn {PASSWORD}"));
    client.ok("CREATE Viec");
    id
}

const MAILBOXES: [&str; 3] = ["INBOX", "Sent", "Viec"];

#[test]
fn who_is_there_and_gets_an_address_has_other_mailboxes_for_it() {
    let world = World::new();
    let api = world.api();
    let gone = somebody(&world, "cu", "Người Cũ");
    let heir = somebody(&world, "ke", "Người Kế");
    let third = somebody(&world, "ba", "Người Ba");
    let mut sender = world.submission("an");
    let letter = b"From: an@thu.gov.vn\r\nSubject: moi\r\n\r\nThu\r\n";
    assert!(
        sender
            .transaction("an@thu.gov.vn", &["ke@thu.gov.vn"], letter)
            .starts_with("250")
    );
    assert_eq!(world.letters("ke", "INBOX").len(), 1);
    let mut open = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    open.ok(&format!("LOGIN ke@thu.gov.vn {PASSWORD}"));
    open.ok("SELECT INBOX");
    let uids = open.ok("UID SEARCH ALL").line("* SEARCH");
    let seen = validities(&world, "cu@thu.gov.vn", &MAILBOXES);
    let own = validities(&world, "ke@thu.gov.vn", &MAILBOXES);
    assert_eq!(seen, own, "each account counts from where the store began");
    // The address of who is deleted becomes an alias of who is there.
    assert_eq!(api.delete(&format!("/api/v1/accounts/{gone}")), 204);
    let alias = json!({"address": "cu@thu.gov.vn", "account": heir});
    assert_eq!(api.post_json("/api/v1/aliases", &alias).0, 201);
    let after = validities(&world, "cu@thu.gov.vn", &MAILBOXES);
    let differ = |one: &[String], other: &[String]| {
        let alike = one.iter().zip(other).filter(|(a, b)| a == b).count();
        assert_eq!(alike, 0, "{one:?} {other:?}");
    };
    differ(&after, &seen);
    // Whoever was reading goes on; the messages have the numbers that they had.
    assert_eq!(open.ok("UID SEARCH ALL").line("* SEARCH"), uids);
    open.ok("UID STORE 1:* +FLAGS (\\Flagged)");
    let found = open.ok("UID SEARCH FLAGGED").line("* SEARCH");
    assert_eq!(found, uids);
    // An alias that it has already, or one that nobody had, changes nothing.
    let fresh = json!({"address": "moi2@thu.gov.vn", "account": heir});
    assert_eq!(api.post_json("/api/v1/aliases", &fresh).0, 201);
    assert_eq!(validities(&world, "ke@thu.gov.vn", &MAILBOXES), after);
    // The alias goes over to another who is there, and back.
    let over = json!({ "account": third });
    let (status, told) = api.patch_json("/api/v1/aliases/cu@thu.gov.vn", &over);
    assert_eq!(status, 200, "{told}");
    let with_third = validities(&world, "cu@thu.gov.vn", &MAILBOXES);
    differ(&with_third, &seen);
    differ(&with_third, &after);
    let back = json!({ "account": heir });
    assert_eq!(
        api.patch_json("/api/v1/aliases/cu@thu.gov.vn", &back).0,
        200
    );
    let again = validities(&world, "cu@thu.gov.vn", &MAILBOXES);
    for before in [&seen, &after, &with_third] {
        differ(&again, before);
    }
    world.finish();
}

#[test]
fn a_main_address_that_another_gave_up_has_other_mailboxes() {
    let world = World::new();
    let api = world.api();
    let first = somebody(&world, "chung", "Người Một");
    let second = somebody(&world, "hai", "Người Hai");
    let before = validities(&world, "chung@thu.gov.vn", &MAILBOXES);
    let renamed = json!({"address": "mot@thu.gov.vn"});
    let (status, told) = api.patch_json(&format!("/api/v1/accounts/{first}"), &renamed);
    assert_eq!(status, 200, "{told}");
    // Who keeps his mailboxes under another address keeps their numbers.
    assert_eq!(validities(&world, "mot@thu.gov.vn", &MAILBOXES), before);
    // On trial nothing happens.
    let given = json!({"address": "chung@thu.gov.vn"});
    let path = format!("/api/v1/accounts/{second}");
    let (status, told) = api.patch_json(&format!("{path}?dry_run=true"), &given);
    assert_eq!(status, 200, "{told}");
    assert_eq!(validities(&world, "hai@thu.gov.vn", &MAILBOXES), before);
    assert_eq!(api.patch_json(&path, &given).0, 200);
    let after = validities(&world, "chung@thu.gov.vn", &MAILBOXES);
    let alike = after.iter().zip(&before).filter(|(a, b)| a == b).count();
    assert_eq!(alike, 0, "{after:?} {before:?}");
    world.finish();
}
