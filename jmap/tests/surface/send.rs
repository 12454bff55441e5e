//! RFC 8621 §6, §7: identities and sending.

use crate::house::{House, letter};
use serde_json::{Value, json};
use storage::Role;

async fn identity(house: &House) -> String {
    let got = house.call("Identity/get", json!({"ids": null})).await;
    got["list"][0]["id"].as_str().unwrap().to_owned()
}

/// A draft of An's; its id.
async fn draft(house: &House, mut new: Value) -> String {
    new["mailboxIds"] = json!({house.role(&house.an, Role::Drafts): true});
    new["keywords"] = json!({"$draft": true, "$seen": true});
    if new.get("from").is_none() {
        new["from"] = json!([{"name": "Nguyễn Văn An", "email": "annv@tinh.gov.vn"}]);
    }
    new["bodyValues"] = json!({"1": {"value": "Chào chị"}});
    new["textBody"] = json!([{"partId": "1"}]);
    let set = house.call("Email/set", json!({"create": {"k": new}})).await;
    set["created"]["k"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"))
        .to_owned()
}

async fn send(house: &House, new: Value) -> Value {
    house
        .call("EmailSubmission/set", json!({"create": {"s": new}}))
        .await
}

#[tokio::test]
async fn identities() {
    let house = House::new();
    let alias = formats::address::Address::parse("vanthu@tinh.gov.vn").unwrap();
    house
        .directory
        .create_alias(None, alias, house.an.account())
        .unwrap();
    let got = house.call("Identity/get", json!({})).await;
    let emails: Vec<&Value> = got["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["email"])
        .collect();
    assert_eq!(emails, ["annv@tinh.gov.vn", "vanthu@tinh.gov.vn"]);
    assert_eq!(got["list"][0]["name"], "Nguyễn Văn An");
    assert_eq!(got["list"][0]["mayDelete"], false);
    let id = got["list"][0]["id"].as_str().unwrap();
    let one = house
        .call(
            "Identity/get",
            json!({"ids": [id, "i0"], "properties": ["email"]}),
        )
        .await;
    assert_eq!(
        one["list"],
        json!([{"id": id, "email": "annv@tinh.gov.vn"}])
    );
    assert_eq!(one["notFound"], json!(["i0"]));
    let same = house
        .call("Identity/changes", json!({"sinceState": got["state"]}))
        .await;
    assert_eq!(same["hasMoreChanges"], false);
    let stale = json!({"sinceState": "x"});
    assert_eq!(
        house.refusal("Identity/changes", stale).await,
        "cannotCalculateChanges"
    );
    let set = house
        .call("Identity/set", json!({
            "create": {"own": {"email": "annv@tinh.gov.vn"}, "other": {"email": "chutich@tinh.gov.vn"}},
            "update": {id: {"email": "chutich@tinh.gov.vn"}, "i0": {}},
            "destroy": [id],
        }))
        .await;
    assert_eq!(set["notCreated"]["own"]["type"], "forbidden");
    assert_eq!(set["notCreated"]["other"]["type"], "forbiddenFrom");
    assert_eq!(set["notUpdated"][id]["type"], "invalidProperties");
    assert_eq!(set["notUpdated"]["i0"]["type"], "notFound");
    assert_eq!(set["notDestroyed"][id]["type"], "forbidden");
}

/// Makes a draft, sends it, and moves it from the drafts to what was sent.
fn draft_and_send(account: &str, identity: &str, (drafts, sent): (&str, &str)) -> Value {
    json!([
        ["Email/set", {"accountId": account, "create": {"d": {
            "mailboxIds": {drafts: true},
            "keywords": {"$draft": true, "$seen": true},
            "from": [{"name": "Nguyễn Văn An", "email": "annv@tinh.gov.vn"}],
            "to": [{"name": "Trần Thị Bình", "email": "binhtt@tinh.gov.vn"}],
            "bcc": [{"email": "annv@tinh.gov.vn"}],
            "subject": "Trình ký",
            "bodyValues": {"1": {"value": "Kính chuyển chị."}},
            "textBody": [{"partId": "1"}],
        }}}, "0"],
        ["EmailSubmission/set", {
            "accountId": account,
            "create": {"s": {"identityId": identity, "emailId": "#d"}},
            "onSuccessUpdateEmail": {"#s": {
                format!("mailboxIds/{drafts}"): null,
                format!("mailboxIds/{sent}"): true,
                "keywords/$draft": null,
            }},
        }, "1"],
    ])
}

#[tokio::test]
async fn a_letter_goes_to_a_colleague() {
    let house = House::new();
    let (drafts, sent) = (
        house.role(&house.an, Role::Drafts),
        house.role(&house.an, Role::Sent),
    );
    let identity = identity(&house).await;
    let account = house.account();
    let response = house
        .calls(
            &house.an,
            draft_and_send(&account, &identity, (&drafts, &sent)),
        )
        .await;
    let responses = response["methodResponses"].as_array().unwrap();
    let names: Vec<&Value> = responses.iter().map(|r| &r[0]).collect();
    assert_eq!(
        names,
        ["Email/set", "EmailSubmission/set", "Email/set"],
        "{response}"
    );
    assert_eq!(
        responses[2][2], "1",
        "the implicit call bears its maker's id"
    );
    let created = &responses[1][1]["created"]["s"];
    assert_eq!(created["undoStatus"], "final");
    assert_eq!(created["sendAt"], "2026-11-22T00:00:00Z");
    assert_eq!(created["envelope"]["mailFrom"]["email"], "annv@tinh.gov.vn");
    let status = &created["deliveryStatus"]["binhtt@tinh.gov.vn"];
    assert_eq!(status["delivered"], "yes");
    assert!(
        status["smtpReply"]
            .as_str()
            .unwrap()
            .starts_with("250 2.0.0 ")
    );
    let email = responses[0][1]["created"]["d"]["id"].clone();
    let got = house.call("Email/get", json!({"ids": [email]})).await;
    assert_eq!(got["list"][0]["mailboxIds"], json!({sent.as_str(): true}));
    assert_eq!(got["list"][0]["keywords"], json!({"$seen": true}));
    received(&house).await;
    assert!(house.store.check().unwrap().is_empty());
}

/// What Bình got.
async fn received(house: &House) {
    let theirs = json!([["Email/query", {"accountId": format!("a{}", house.binh.account())}, "0"]]);
    let found = house.calls(&house.binh, theirs).await;
    let id = found["methodResponses"][0][1]["ids"][0].clone();
    let get = json!([["Email/get", {"accountId": format!("a{}", house.binh.account()), "ids": [id],
        "properties": ["subject", "bcc", "preview", "header:Received", "keywords"]}, "0"]]);
    let got = house.calls(&house.binh, get).await;
    let email = &got["methodResponses"][0][1]["list"][0];
    assert_eq!(
        (&email["subject"], &email["bcc"]),
        (&json!("Trình ký"), &Value::Null)
    );
    assert_eq!(email["preview"], "Kính chuyển chị.");
    assert_eq!(email["keywords"], json!({}));
    assert!(email["header:Received"].as_str().unwrap().contains("JMAP"));
}

#[tokio::test]
async fn destroyed_when_sent() {
    let house = House::new();
    let identity = identity(&house).await;
    let email = draft(&house, json!({"to": [{"email": "binhtt@tinh.gov.vn"}]})).await;
    let arguments = json!({
        "accountId": house.account(),
        "create": {"s": {"identityId": identity, "emailId": email}, "bad": {}},
        "onSuccessDestroyEmail": ["#s", "#bad"],
    });
    let response = house
        .calls(&house.an, json!([["EmailSubmission/set", arguments, "0"]]))
        .await;
    let implicit = &response["methodResponses"][1];
    assert_eq!(implicit[1]["destroyed"], json!([email]), "{response}");
}

#[tokio::test]
async fn mail_for_elsewhere_waits_in_the_queue() {
    let house = House::new();
    let identity = identity(&house).await;
    let email = draft(&house, json!({"to": [{"email": "ai@noikhac.vn"}]})).await;
    let set = send(&house, json!({"identityId": identity, "emailId": email})).await;
    let created = &set["created"]["s"];
    assert_eq!(
        created["deliveryStatus"]["ai@noikhac.vn"]["delivered"], "queued",
        "{set}"
    );
    assert_eq!(house.store.queue().count(), 1);
}

/// One that may go, and four that may not.
async fn drafts(house: &House) -> [String; 5] {
    let good = draft(house, json!({"to": [{"email": "binhtt@tinh.gov.vn"}]})).await;
    let nobody = draft(house, json!({"subject": "không ai"})).await;
    let unknown = draft(
        house,
        json!({"to": [{"email": "khongco@tinh.gov.vn"}, {"email": "dở dang"}]}),
    )
    .await;
    let absent = draft(
        house,
        json!({"to": [{"email": "khongco@tinh.gov.vn"}, {"email": "binhtt@tinh.gov.vn"}]}),
    )
    .await;
    let false_from = draft(
        house,
        json!({
            "from": [{"email": "chutich@tinh.gov.vn"}], "to": [{"email": "binhtt@tinh.gov.vn"}],
        }),
    )
    .await;
    [good, nobody, unknown, absent, false_from]
}

#[tokio::test]
async fn refused_submissions() {
    let house = House::new();
    let id = identity(&house).await;
    let [good, nobody, unknown, absent, false_from] = drafts(&house).await;
    let envelope =
        |from: &str, to: &str| json!({"mailFrom": {"email": from}, "rcptTo": [{"email": to}]});
    let parameters = json!({
        "mailFrom": {"email": "annv@tinh.gov.vn", "parameters": {"X-HOLD": "60"}},
        "rcptTo": [{"email": "binhtt@tinh.gov.vn"}],
    });
    for (new, kind) in [
        (
            json!({"identityId": "i0", "emailId": good}),
            "invalidProperties",
        ),
        (
            json!({"identityId": id, "emailId": "e999"}),
            "invalidProperties",
        ),
        (json!({"identityId": id}), "invalidProperties"),
        (
            json!({"identityId": id, "emailId": good, "undoStatus": "pending"}),
            "invalidProperties",
        ),
        (json!({"identityId": id, "emailId": nobody}), "noRecipients"),
        (
            json!({"identityId": id, "emailId": unknown}),
            "invalidRecipients",
        ),
        (
            json!({"identityId": id, "emailId": absent}),
            "invalidRecipients",
        ),
        (
            json!({"identityId": id, "emailId": false_from}),
            "forbiddenFrom",
        ),
        (
            json!({"identityId": id, "emailId": good,
            "envelope": envelope("chutich@tinh.gov.vn", "binhtt@tinh.gov.vn")}),
            "forbiddenMailFrom",
        ),
        (
            json!({"identityId": id, "emailId": good,
            "envelope": envelope("annv@tinh.gov.vn", "không phải")}),
            "invalidRecipients",
        ),
        (
            json!({"identityId": id, "emailId": good, "envelope": parameters}),
            "invalidProperties",
        ),
    ] {
        let set = send(&house, new.clone()).await;
        assert_eq!(set["notCreated"]["s"]["type"], kind, "{new}: {set}");
    }
    let set = send(
        &house,
        json!({"identityId": id, "emailId": 1, "sendAt": null}),
    )
    .await;
    let named = &set["notCreated"]["s"]["properties"];
    assert_eq!(*named, json!(["emailId", "sendAt"]));
    let set = send(&house, json!({"identityId": id, "emailId": absent})).await;
    let named = &set["notCreated"]["s"]["invalidRecipients"];
    assert_eq!(
        *named,
        json!(["khongco@tinh.gov.vn"]),
        "only the wrong ones"
    );
    let theirs = house.store.account(house.binh.account());
    assert_eq!(theirs.usage().unwrap().1, 0, "nothing was sent");
}

/// A draft in the mailbox of a seat, sent as the seat by who holds it.
#[tokio::test]
async fn a_seat_sends_what_lies_in_its_own_account() {
    let house = House::new();
    let (an, seat) = (house.an.account(), seat(&house));
    let account = format!("a{seat}");
    let h = &house;
    let as_an = |call: Value| async move { h.calls(&h.an, json!([call])).await };
    let give = |letters: &str| {
        let rights = directory::Rights::parse(letters).unwrap();
        let d = &house.directory;
        d.set_member(None, seat, an, rights, None).unwrap();
    };
    // Who only reads there sends nothing from there.
    give("lrswi");
    let got = as_an(json!(["Identity/get", {"accountId": account}, "0"])).await;
    assert_eq!(got["methodResponses"][0][1]["list"], json!([]), "{got}");
    let mail = house.store.account(seat);
    let drafts = mail.by_role(Role::Drafts).unwrap().unwrap().id;
    let new = json!({
        "mailboxIds": {format!("a{seat}-m{drafts}"): true},
        "from": [{"email": "chutich@tinh.gov.vn"}], "to": [{"email": "binhtt@tinh.gov.vn"}],
        "bodyValues": {"1": {"value": "Kính gửi"}}, "textBody": [{"partId": "1"}],
    });
    let made = as_an(json!(["Email/set", {"accountId": account, "create": {"k": new}}, "0"])).await;
    let email = made["methodResponses"][0][1]["created"]["k"]["id"].clone();
    assert!(email.is_string(), "{made}");
    let own = identity(&house).await;
    let create = |identity: &str| json!({"s": {"identityId": identity, "emailId": email}});
    let set = |account: &str, identity: &str| json!(["EmailSubmission/set", {"accountId": account, "create": create(identity)}, "0"]);
    let refused =
        |response: &Value| response["methodResponses"][0][1]["notCreated"]["s"]["type"].clone();
    assert_eq!(
        refused(&as_an(set(&account, &own)).await),
        "forbiddenToSend"
    );
    give("lrswite");
    let got = as_an(json!(["Identity/get", {"accountId": account}, "0"])).await;
    let list = &got["methodResponses"][0][1]["list"];
    assert_eq!(list[0]["email"], "chutich@tinh.gov.vn", "{got}");
    assert_eq!(list[0]["name"], "Chủ tịch");
    let id = list[0]["id"].as_str().unwrap();
    // The same among one's own identities, which are for one's own account.
    let all = house.call("Identity/get", json!({})).await;
    assert_eq!(all["list"][1]["id"], id, "{all}");
    assert_eq!(
        refused(&as_an(set(&account, &own)).await),
        "invalidProperties"
    );
    let sent = as_an(set(&account, id)).await;
    let created = &sent["methodResponses"][0][1]["created"]["s"];
    assert_eq!(
        created["envelope"]["mailFrom"]["email"], "chutich@tinh.gov.vn",
        "{sent}"
    );
    let got = house.store.account(house.binh.account());
    assert_eq!(got.usage().unwrap().1, 1, "it arrived");
    // The seat passes on: its account is no longer there.
    give("");
    let gone = as_an(set(&account, id)).await;
    assert_eq!(gone["methodResponses"][0][1]["type"], "accountNotFound");
}

fn seat(house: &House) -> directory::AccountId {
    let new = directory::NewAccount {
        address: formats::address::Address::parse("chutich@tinh.gov.vn").unwrap(),
        kind: directory::AccountKind::Shared,
        agency: directory::AgencyId("H99".into()),
        name: "Chủ tịch".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    house.directory.create_account(None, new).unwrap().id
}

/// RFC 8621 §7: DSN parameters, without xtext.
#[tokio::test]
async fn what_is_to_be_told_of_it_is_asked_in_the_envelope() {
    let house = House::new();
    let id = identity(&house).await;
    let email = draft(&house, json!({"to": [{"email": "binhtt@tinh.gov.vn"}]})).await;
    let with = |mail: Value, rcpt: Value| {
        json!({"identityId": id, "emailId": email, "envelope": {
            "mailFrom": {"email": "annv@tinh.gov.vn", "parameters": mail},
            "rcptTo": [{"email": "binhtt@tinh.gov.vn", "parameters": rcpt}],
        }})
    };
    let bad = [
        (
            json!({"RET": "SOME"}),
            json!(null),
            "mailFrom/parameters/RET",
        ),
        (
            json!({"ENVID": null}),
            json!(null),
            "mailFrom/parameters/ENVID",
        ),
        (
            json!({"RET": "FULL", "ret": "FULL"}),
            json!(null),
            "mailFrom/parameters/ret",
        ),
        (
            json!(null),
            json!({"NOTIFY": "NEVER,DELAY"}),
            "rcptTo/parameters/NOTIFY",
        ),
        (
            json!(null),
            json!({"ORCPT": "binhtt@tinh.gov.vn"}),
            "rcptTo/parameters/ORCPT",
        ),
        (json!(null), json!({"RET": "FULL"}), "rcptTo/parameters/RET"),
    ];
    for (mail, rcpt, property) in bad {
        let set = send(&house, with(mail, rcpt)).await;
        let wrong = &set["notCreated"]["s"];
        assert_eq!(wrong["type"], "invalidProperties", "{set}");
        assert_eq!(wrong["properties"], json!([format!("envelope/{property}")]));
    }
    let good = with(
        json!({"envid": "số + 1", "SIZE": "9"}),
        json!({"notify": "success", "ORCPT": "rfc822;b+1@x.vn"}),
    );
    let set = send(&house, good).await;
    assert_eq!(set["created"]["s"]["undoStatus"], "final", "{set}");
    let mine = house.store.account(house.an.account());
    assert_eq!(mine.usage().unwrap().1, 2, "the draft, and that it arrived");
}

/// RFC 8621 §7, RFC 4865: a letter that goes tomorrow is seen, and taken back.
#[tokio::test]
async fn a_letter_for_later_can_be_taken_back() {
    let house = House::new();
    let id = identity(&house).await;
    let session = jmap_session(&house).await;
    assert_eq!(session["maxDelayedSend"], 2_592_000);
    let email = draft(&house, json!({"to": [{"email": "binhtt@tinh.gov.vn"}]})).await;
    let with = |hold: Value| {
        json!({"identityId": id, "emailId": email, "envelope": {
            "mailFrom": {"email": "annv@tinh.gov.vn", "parameters": hold},
            "rcptTo": [{"email": "binhtt@tinh.gov.vn"}],
        }})
    };
    for bad in [
        json!({"HOLDFOR": "0"}),
        json!({"HOLDFOR": "2592001"}),
        json!({"HOLDFOR": "60", "HOLDUNTIL": "2026-11-23T00:00:00Z"}),
        json!({"MT-PRIORITY": "10"}),
        json!({"REQUIRETLS": "yes"}),
    ] {
        let set = send(&house, with(bad)).await;
        assert_eq!(set["notCreated"]["s"]["type"], "invalidProperties", "{set}");
    }
    let before = house.call("EmailSubmission/get", json!({})).await["state"].clone();
    let hold = json!({"HOLDUNTIL": "2026-11-23T00:00:00Z", "MT-PRIORITY": "4"});
    let set = send(&house, with(hold)).await;
    let made = &set["created"]["s"];
    assert_eq!(made["undoStatus"], "pending", "{set}");
    assert_eq!(made["sendAt"], "2026-11-23T00:00:00Z");
    assert_ne!(set["newState"], before);
    let waits = made["id"].as_str().unwrap();
    let got = house.call("EmailSubmission/get", json!({})).await;
    let shown = &got["list"][0];
    assert_eq!(shown["id"], waits, "{got}");
    assert_eq!(
        (
            &shown["emailId"],
            &shown["identityId"],
            &shown["undoStatus"]
        ),
        (&json!(email), &json!(id), &json!("pending"))
    );
    let filter = json!({"filter": {"undoStatus": "pending", "after": "2026-11-22T00:00:00Z"}});
    let found = house.call("EmailSubmission/query", filter).await;
    assert_eq!(found["ids"], json!([waits]));
    let none = json!({"filter": {"before": "2026-11-22T00:00:00Z"}});
    let found = house.call("EmailSubmission/query", none).await;
    assert_eq!(found["ids"], json!([]));
    came_and_went(&house, &before, [&[waits][..], &[]]).await;
    let update = |patch: Value| json!({"update": {waits: patch}});
    let wrong = house
        .call("EmailSubmission/set", update(json!({"sendAt": "x"})))
        .await;
    assert_eq!(wrong["notUpdated"][waits]["type"], "invalidProperties");
    let cancel = update(json!({"undoStatus": "canceled"}));
    let done = house.call("EmailSubmission/set", cancel.clone()).await;
    assert_eq!(done["updated"][waits], Value::Null, "{done}");
    assert!(done["updated"].as_object().unwrap().contains_key(waits));
    came_and_went(&house, &got["state"], [&[], &[waits][..]]).await;
    let again = house.call("EmailSubmission/set", cancel).await;
    assert_eq!(again["notUpdated"][waits]["type"], "notFound");
    assert_eq!(house.store.queue().count(), 0);
}

/// RFC 8620 §5.2, §5.6: what is told of the time since a state, when there is one submission at most.
async fn came_and_went(house: &House, since: &Value, [came, went]: [&[&str]; 2]) {
    let now = house.call("EmailSubmission/get", json!({})).await["state"].clone();
    let told = house.call("EmailSubmission/changes", json!({"sinceState": since}));
    let told = told.await;
    assert_eq!(told["created"], json!(came));
    assert_eq!(told["destroyed"], json!(went));
    assert_eq!((&told["oldState"], &told["newState"]), (since, &now));
    let query = json!({"sinceQueryState": since, "calculateTotal": true});
    let told = house.call("EmailSubmission/queryChanges", query).await;
    let added: Vec<Value> = came
        .iter()
        .map(|id| json!({"id": id, "index": 0}))
        .collect();
    assert_eq!(told["added"], json!(added), "{told}");
    assert_eq!(told["removed"], json!(went));
    assert_eq!(told["total"], came.len());
    let few = json!({"sinceQueryState": since, "maxChanges": 0});
    let refused = house.refusal("EmailSubmission/queryChanges", few).await;
    assert_eq!(refused, "tooManyChanges");
}

async fn jmap_session(house: &House) -> Value {
    let session = house.get(&house.an, "/jmap/session").await.json();
    session["accounts"][house.account()]["accountCapabilities"]["urn:ietf:params:jmap:submission"]
        .clone()
}

#[tokio::test]
async fn submissions_leave_no_record() {
    let house = House::new();
    house.put(&letter("x@x.vn", "a", "b"));
    let got = house
        .call("EmailSubmission/get", json!({"ids": ["s1"]}))
        .await;
    assert_eq!(
        (&got["list"], &got["notFound"]),
        (&json!([]), &json!(["s1"]))
    );
    let found = house
        .call("EmailSubmission/query", json!({"calculateTotal": true}))
        .await;
    assert_eq!((&found["ids"], &found["total"]), (&json!([]), &json!(0)));
    let same = json!({"sinceState": got["state"]});
    assert_eq!(
        house.call("EmailSubmission/changes", same).await["created"],
        json!([])
    );
    let same = json!({"sinceQueryState": found["queryState"]});
    assert_eq!(
        house.call("EmailSubmission/queryChanges", same).await["added"],
        json!([])
    );
    for (arguments, kind) in [
        (json!({"limit": -1}), "invalidArguments"),
        (json!({"position": "x"}), "invalidArguments"),
        (json!({"bogus": 1}), "invalidArguments"),
        (json!({"filter": {"emailIds": "e1"}}), "invalidArguments"),
        (json!({"filter": {"bogus": 1}}), "unsupportedFilter"),
        (json!({"sort": [{"property": "bogus"}]}), "unsupportedSort"),
        (json!({"anchor": "s1"}), "anchorNotFound"),
    ] {
        let refused = house.refusal("EmailSubmission/query", arguments).await;
        assert_eq!(refused, kind);
    }
    let without_state = house.refusal("EmailSubmission/queryChanges", json!({}));
    assert_eq!(without_state.await, "invalidArguments");
    let stale = json!({"sinceState": "7"});
    assert_eq!(
        house.refusal("EmailSubmission/changes", stale).await,
        "cannotCalculateChanges"
    );
    let set = house
        .call(
            "EmailSubmission/set",
            json!({"update": {"s1": {}}, "destroy": ["s1"]}),
        )
        .await;
    assert_eq!(set["notUpdated"]["s1"]["type"], "notFound");
    assert_eq!(set["notDestroyed"]["s1"]["type"], "notFound");
}
