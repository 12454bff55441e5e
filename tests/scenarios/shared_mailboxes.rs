//! What is given over IMAP is seen over JMAP, and the other way; the mailbox of a seat follows who holds it.

use serde_json::{Value, json};
use tests::http_client::HttpClient;
use tests::world::{DOMAIN, World};

const LETTER: &[u8] = b"From: a@b.example\r\nSubject: Giay moi hop\r\n\r\nx\r\n";

fn deliver(world: &World, to: &str) {
    let mut sender = world.smtp();
    sender.ehlo();
    let reply = sender.transaction("a@b.example", &[&format!("{to}@{DOMAIN}")], LETTER);
    assert!(reply.starts_with("250"), "{reply}");
}

fn session(http: &HttpClient) -> Value {
    let (status, _, body) = http.get("/jmap/session");
    assert_eq!(status, 200);
    serde_json::from_slice(&body).unwrap()
}

/// One call on whatever account; the response's name and arguments.
pub(crate) fn call(http: &HttpClient, method: &str, arguments: Value) -> (String, Value) {
    let request = json!({
        "using": [
            "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail",
            "urn:ietf:params:jmap:principals", "urn:ietf:params:jmap:mail:share",
        ],
        "methodCalls": [[method, arguments, "0"]],
    });
    let (status, answer) = http.post_json("/jmap/api", &request);
    assert_eq!(status, 200, "{method}: {answer}");
    let first = &answer["methodResponses"][0];
    (first[0].as_str().unwrap().to_owned(), first[1].clone())
}

/// myRights of the one mailbox that is seen there; an INBOX is neither renamed nor deleted, whatever is given.
fn got_rights(http: &HttpClient, account: &str) -> Value {
    let (_, got) = call(http, "Mailbox/get", json!({"accountId": account}));
    got["list"][0]["myRights"].clone()
}

/// RFC 8621 §2 MailboxRights by the letters of RFC 4314 §2.1.
fn spelled(letters: &str) -> Value {
    let has = |needed: &str| needed.chars().all(|letter| letters.contains(letter));
    json!({
        "mayReadItems": has("lr"), "mayAddItems": has("i"), "mayRemoveItems": has("te"), "maySetSeen": has("s"),
        "maySetKeywords": has("w"), "mayCreateChild": has("k"), "mayRename": has("x"), "mayDelete": has("x"),
        "maySubmit": has("p"), "mayShare": has("a"),
    })
}

/// Every list that IMAP sets is the one that JMAP says, and MYRIGHTS agrees with myRights.
#[test]
fn each_list_of_letters_is_the_same_on_both_sides() {
    let world = World::new();
    let (mut an, mut binh) = (world.imap("an"), world.imap("binh"));
    let (an_http, binh_http) = (world.http("an"), world.http("binh"));
    let account = an_http.account();
    an.ok("CREATE Chung");
    let name = format!("\"Other Users/an@{DOMAIN}/Chung\"");
    for letters in [
        "l",
        "lr",
        "lrs",
        "lrw",
        "lri",
        "lrt",
        "lrte",
        "lrkx",
        "lrp",
        "lra",
        "lrswipkxtea",
    ] {
        an.ok(&format!("SETACL Chung binh@{DOMAIN} {letters}"));
        let line = binh.ok(&format!("MYRIGHTS {name}")).line("* MYRIGHTS");
        let given = line.rsplit(' ').next().unwrap().trim();
        let sorted = |text: &str| {
            let mut letters: Vec<char> = text.chars().filter(|c| !"cd".contains(*c)).collect();
            letters.sort_unstable();
            letters
        };
        assert_eq!(sorted(given), sorted(letters), "{line}");
        assert_eq!(
            got_rights(&binh_http, &account),
            spelled(letters),
            "{letters}"
        );
        // The owner's view of the same list.
        let wish = json!({"accountId": account, "properties": ["name", "shareWith"]});
        let (_, got) = call(&an_http, "Mailbox/get", wish);
        let boxes = got["list"].as_array().unwrap();
        let shared = boxes.iter().find(|m| m["name"] == "Chung").unwrap();
        let principal = format!("p{}", &binh_http.account()[1..]);
        assert_eq!(
            shared["shareWith"][&principal],
            spelled(letters),
            "{letters}"
        );
    }
    world.finish();
}

#[test]
fn rights_agree_between_imap_and_jmap() {
    let world = World::new();
    deliver(&world, "an");
    let (mut an, mut binh) = (world.imap("an"), world.imap("binh"));
    let (an_http, binh_http) = (world.http("an"), world.http("binh"));
    let account = an_http.account();
    an.ok(&format!("SETACL INBOX binh@{DOMAIN} lrs"));
    let shown = session(&binh_http)["accounts"][&account].clone();
    assert_eq!(shown["isPersonal"], false, "{shown}");
    let (_, got) = call(&binh_http, "Mailbox/get", json!({"accountId": account}));
    let boxes = got["list"].as_array().unwrap();
    assert_eq!(boxes.len(), 1, "{got}");
    assert_eq!(boxes[0]["myRights"]["maySetSeen"], true);
    assert_eq!(boxes[0]["myRights"]["mayAddItems"], false);
    let (_, found) = call(&binh_http, "Email/query", json!({"accountId": account}));
    let email = found["ids"][0].as_str().unwrap().to_owned();
    let seen = json!({"accountId": account, "update": {email.as_str(): {"keywords/$seen": true}}});
    let (_, done) = call(&binh_http, "Email/set", seen);
    assert_eq!(done["notUpdated"], Value::Null, "{done}");
    let inbox = format!("\"Other Users/an@{DOMAIN}/INBOX\"");
    binh.ok(&format!("SELECT {inbox}"));
    let line = binh.ok("FETCH 1 (FLAGS EMAILID)").line("* 1 FETCH");
    let id = format!("EMAILID ({email})");
    assert!(line.contains("\\Seen") && line.contains(&id), "{line}");
    // Given over JMAP, seen over IMAP.
    let principal = format!("p{}", &binh_http.account()[1..]);
    let mailbox = boxes[0]["id"].as_str().unwrap();
    let (_, own_name) = mailbox.split_once('-').unwrap();
    let path = format!("shareWith/{principal}/maySetKeywords");
    let share = json!({"accountId": account, "update": {own_name: {path: true}}});
    let (_, done) = call(&an_http, "Mailbox/set", share);
    assert_eq!(done["notUpdated"], Value::Null, "{done}");
    let listed = an.ok("GETACL INBOX").line("* ACL");
    assert!(
        listed.contains(&format!("binh@{DOMAIN}\" lrsw"))
            || listed.contains(&format!("binh@{DOMAIN} lrsw")),
        "{listed}"
    );
    binh.ok("STORE 1 +FLAGS (\\Flagged)");
    // Whoever and by whatever way changes the list, the one whom it concerns is told once for each mailbox.
    let own = json!({"accountId": binh_http.account(), "ids": null});
    let (_, told) = call(&binh_http, "ShareNotification/get", own.clone());
    let told = told["list"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["objectId"], mailbox);
    assert_eq!(told[0]["oldRights"], Value::Null);
    assert_eq!(told[0]["newRights"], got_rights(&binh_http, &account));
    // Taken away over JMAP: gone from both.
    let none = json!({"accountId": account, "update": {own_name: {"shareWith": null}}});
    call(&an_http, "Mailbox/set", none);
    let (_, told) = call(&binh_http, "ShareNotification/get", own);
    // What was read stays as it was; the withdrawal is news of its own.
    let told = told["list"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    let withdrawn = told.iter().find(|told| told["newRights"] == Value::Null);
    assert_eq!(withdrawn.unwrap()["oldRights"]["maySetKeywords"], true);
    let refused = binh.run("UID FETCH 1 FLAGS").tagged;
    assert!(refused.starts_with("NO "), "{refused}");
    let (name, error) = call(&binh_http, "Mailbox/get", json!({"accountId": account}));
    assert_eq!(
        (name.as_str(), &error["type"]),
        ("error", &json!("accountNotFound"))
    );
    world.finish();
}

/// RFC 9698 §3: a mailbox, message or thread has one id for each person, over IMAP and over JMAP; RFC 8474 §4: no two
/// that he sees have the same.
#[test]
fn ids_are_the_same_over_imap_and_jmap() {
    let world = World::new();
    let (an_http, binh_http) = (world.http("an"), world.http("binh"));
    for local in ["an", "binh"] {
        deliver(&world, local);
    }
    world
        .imap("an")
        .ok(&format!("SETACL INBOX binh@{DOMAIN} lr"));
    let others = format!("\"Other Users/an@{DOMAIN}/INBOX\"");
    let mut seen = Vec::new();
    for (local, name, http, owner) in [
        ("an", "INBOX", &an_http, &an_http),
        ("binh", "INBOX", &binh_http, &binh_http),
        ("binh", &others, &binh_http, &an_http),
    ] {
        let mut imap = world.imap(local);
        let account = owner.account();
        let got = |method: &str, more: Value| {
            let mut arguments = json!({"accountId": account});
            for (key, value) in more.as_object().unwrap() {
                arguments[key] = value.clone();
            }
            call(http, method, arguments).1
        };
        let boxes = got("Mailbox/query", json!({"filter": {"role": "inbox"}}));
        let mailbox = boxes["ids"][0].as_str().unwrap().to_owned();
        let emails = got("Email/query", json!({"filter": {"inMailbox": mailbox}}));
        let email = emails["ids"][0].as_str().unwrap().to_owned();
        let full = got(
            "Email/get",
            json!({"ids": [email], "properties": ["threadId", "mailboxIds"]}),
        );
        let letter = &full["list"][0];
        assert_eq!(letter["mailboxIds"], json!({mailbox.as_str(): true}));
        let thread = letter["threadId"].as_str().unwrap();
        let threads = got("Thread/get", json!({"ids": [thread]}));
        assert_eq!(threads["list"][0]["emailIds"], json!([email]));
        let status = imap.ok(&format!("STATUS {name} (MAILBOXID)"));
        let status = status.line("* STATUS");
        assert!(
            status.contains(&format!("MAILBOXID ({mailbox})")),
            "{status} {mailbox}"
        );
        imap.ok(&format!("SELECT {name}"));
        let line = imap.ok("FETCH 1 (EMAILID THREADID)").line("* 1 FETCH");
        let both = format!("EMAILID ({email}) THREADID ({thread})");
        assert!(line.contains(&both), "{line} {both}");
        for key in [format!("EMAILID {email}"), format!("THREADID {thread}")] {
            let found = imap.ok(&format!("SEARCH {key}")).line("* SEARCH");
            assert!(found.starts_with("* SEARCH 1"), "{key}: {found}");
        }
        seen.push((local, [mailbox, email, thread.to_owned()].concat()));
    }
    assert_ne!(seen[1].1, seen[2].1);
    world.finish();
}

#[test]
fn a_seats_mailbox_follows_its_holder() {
    let world = World::new();
    let api = world.api();
    let seat = json!({
        "address": format!("chutich@{DOMAIN}"), "kind": "shared", "agency": "T1", "name": "Chủ tịch",
    });
    let (status, made) = api.post_json("/api/v1/accounts", &seat);
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_u64().unwrap();
    let member = |who: &str| format!("/api/v1/accounts/{id}/members/{who}@{DOMAIN}");
    deliver(&world, "chutich");
    let (mut an, mut binh) = (world.imap("an"), world.imap("binh"));
    let (an_http, binh_http) = (world.http("an"), world.http("binh"));
    let account = format!("a{id}");
    let inbox = format!("Shared/chutich@{DOMAIN}/INBOX");
    let rights = json!({"rights": "lrswitek"});
    let (status, answer) = api.put_json(&member("an"), &rights);
    assert_eq!(status, 200, "{answer}");
    assert!(
        an.ok(&format!("LSUB \"\" {inbox}"))
            .line("* LSUB")
            .contains(&inbox)
    );
    an.ok(&format!("SELECT {inbox}"));
    assert_ne!(session(&an_http)["accounts"][&account], Value::Null);
    let own = json!({"accountId": an_http.account(), "ids": null});
    let (_, told) = call(&an_http, "ShareNotification/get", own);
    assert_eq!(told["list"][0]["name"], "Chủ tịch", "{told}");
    assert_eq!(told["list"][0]["objectAccountId"], account.as_str());
    assert_eq!(session(&binh_http)["accounts"][&account], Value::Null);
    // The seat passes from An to Bình, in the middle of their sessions.
    let (status, answer) = api.put_json(&member("binh"), &rights);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(api.delete(&member("an")), 204);
    let refused = an.run("UID FETCH 1 (FLAGS)").tagged;
    assert!(refused.starts_with("NO [NONEXISTENT]"), "{refused}");
    // RFC 4314 §4: to IMAP4rev1 the connection ends, and the next one finds nothing.
    assert!(an.unsolicited().starts_with("* BYE "));
    let mut an = world.imap("an");
    assert!(an.ok("LIST \"\" Shared/*").lines("* LIST").is_empty());
    let query = json!({"accountId": account});
    let (name, error) = call(&an_http, "Email/query", query.clone());
    assert_eq!(
        (name.as_str(), &error["type"]),
        ("error", &json!("accountNotFound"))
    );
    assert_eq!(session(&an_http)["accounts"][&account], Value::Null);
    binh.ok(&format!("SELECT {inbox}"));
    binh.ok("STORE 1 +FLAGS (\\Seen)");
    let (_, found) = call(&binh_http, "Email/query", query);
    assert_eq!(found["ids"].as_array().unwrap().len(), 1, "{found}");
    world.finish();
}
