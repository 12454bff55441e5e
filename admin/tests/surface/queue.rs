use crate::redirects::plain;
use crate::world::*;
use delivery::{Envelope, Origin, Recipient, ReversePath};
use directory::{Access, AgencyId, NewAgency};
use formats::Address;
use serde_json::{Value, json};
use storage::QueueId;

/// Mail for elsewhere waits: there is no transport yet.
pub(crate) fn submit(w: &World, who: &Access, to: &str) -> u64 {
    submit_to(w, who, &[to])
}

/// The same to some.
pub(crate) fn submit_to(w: &World, who: &Access, to: &[&str]) -> u64 {
    submit_as(w, who, &who.address().to_string(), to)
}

/// The same in the name of a seat.
pub(crate) fn submit_as(w: &World, who: &Access, from: &str, to: &[&str]) -> u64 {
    submit_for(w, who, from, to, None)
}

/// The same for later, Unix seconds.
pub(crate) fn submit_for(
    w: &World,
    who: &Access,
    from: &str,
    to: &[&str],
    release_at: Option<i64>,
) -> u64 {
    let from = Address::parse(from).unwrap();
    let recipients = to.iter().map(|to| Recipient {
        address: Address::parse(to).unwrap(),
        notify: None,
        orcpt: None,
    });
    let envelope = Envelope {
        from: ReversePath::Address(from.clone()),
        recipients: recipients.collect(),
        envid: None,
        ret: None,
        smtputf8: false,
        eight_bit: true,
        release_at,
        ..Envelope::default()
    };
    let content = format!(
        "From: <{from}>\r\nTo: <{}>\r\nSubject: Thử\r\nMessage-ID: <thu@x.vn>\r\n\
         Date: Mon, 26 Oct 2026 08:00:00 +0700\r\n\r\nThân thư\r\n",
        to[0]
    );
    let origin = Origin::Submitted {
        access: who.clone(),
        ip: None,
        helo: "thu".to_owned(),
        with: "ESMTPSA",
        tls: None,
    };
    let receipt = w
        .delivery
        .accept(envelope, content.as_bytes(), &origin)
        .unwrap();
    receipt.queued.unwrap().raw()
}

#[tokio::test]
async fn waiting_mail_is_seen_tried_and_given_up() {
    let w = World::new();
    let id = submit(&w, &w.branch, "ai@ngoai.vn");
    let listed = w.get(&w.root, "queue").await;
    check(&listed, 200);
    let item = &listed.json["items"][0];
    assert_eq!(item["id"], id);
    assert_eq!(item["from"], "quantri.nhanh@x.vn");
    assert_eq!(item["recipients"][0]["address"], "ai@ngoai.vn");
    assert_eq!(item["recipients"][0]["state"], "remote");
    assert_eq!(item["submitter"], w.id("quantri.nhanh"));
    assert_eq!(w.get(&w.root, &format!("queue/{id}")).await.json, *item);

    let some = async |query: &str| {
        w.get(&w.root, &format!("queue?{query}"))
            .await
            .names("id")
            .len()
    };
    assert_eq!(some("recipient=AI@ngoai.vn").await, 1);
    assert_eq!(some("recipient=khac@ngoai.vn").await, 0);
    assert_eq!(some("from=").await, 0);
    assert_eq!(some("from=quantri.nhanh@x.vn").await, 1);
    assert_eq!(some("submitter=1").await, 0);
    // As a header has it, and as people copy it out of there.
    assert_eq!(some("message_id=thu@x.vn").await, 1);
    assert_eq!(some("message_id=%3Cthu@x.vn%3E").await, 1);
    assert_eq!(some("message_id=%3Cthu@x.vn").await, 0);

    check(
        &w.with(&w.root, &format!("POST queue/{id}/retry"), &[], None)
            .await,
        202,
    );
    let log = w.get(&w.root, "audit?limit=1").await;
    assert_eq!(log.names("act"), ["queue.retry"]);
    check(&w.delete(&w.root, &format!("queue/{id}")).await, 204);
    check(&w.get(&w.root, &format!("queue/{id}")).await, 404);
    check(&w.delete(&w.root, &format!("queue/{id}")).await, 404);
    check(&w.get(&w.root, "queue/0").await, 404);
    assert_eq!(
        w.get(&w.root, "audit?act=queue.delete")
            .await
            .names("object"),
        [format!("queue/{id}")]
    );
}

#[tokio::test]
async fn i17_mail_of_others_does_not_exist() {
    let w = World::new();
    let own = submit(&w, &w.branch, "ai@ngoai.vn");
    let other = submit(&w, &w.nobody, "ai@ngoai.vn");
    assert_eq!(w.get(&w.root, "queue").await.names("id").len(), 2);
    assert_eq!(
        w.get(&w.branch, "queue").await.names("id"),
        [own.to_string()]
    );
    assert!(w.get(&w.nobody, "queue").await.names("id").is_empty());
    check(&w.get(&w.branch, &format!("queue/{other}")).await, 404);
    check(&w.delete(&w.branch, &format!("queue/{other}")).await, 404);
    check(
        &w.with(&w.auditor, &format!("POST queue/{own}/retry"), &[], None)
            .await,
        403,
    );
    check(&w.delete(&w.auditor, &format!("queue/{own}")).await, 403);
    check(&w.get(&w.auditor, &format!("queue/{own}")).await, 200);
    // A second province on the same machine is none of the first one's business.
    let top = NewAgency {
        id: AgencyId("H50".into()),
        parent: None,
        name: "Tỉnh khác".into(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    w.directory.create_agency(None, top).unwrap();
    check(&w.get(&w.root, "agencies/H50").await, 404);
}

/// Who answers for one of several recipients neither sees the others nor stops their mail.
#[tokio::test]
async fn i17_one_of_several_recipients_shows_nothing_of_the_others() {
    let w = World::new();
    let later = |to: &[&str]| submit_for(&w, &w.nobody, "nguoila@x.vn", to, Some(w.now() + 3600));
    let alone = later(&["quantri.nhanh@x.vn"]);
    let beside = later(&["quantri.nhanh@x.vn", "ai@ngoai.vn"]);
    assert_eq!(
        w.get(&w.branch, "queue").await.names("id"),
        [alone.to_string()]
    );
    let sought = w.get(&w.branch, "queue?recipient=ai@ngoai.vn").await;
    assert!(sought.names("id").is_empty());
    check(&w.get(&w.branch, &format!("queue/{beside}")).await, 404);
    let hold = format!("POST queue/{beside}/hold");
    check(&w.with(&w.branch, &hold, &[], None).await, 404);
    check(&w.delete(&w.branch, &format!("queue/{beside}")).await, 404);
    check(&w.get(&w.root, &format!("queue/{beside}")).await, 200);
    check(&w.delete(&w.branch, &format!("queue/{alone}")).await, 204);
}

#[tokio::test]
async fn waiting_mail_is_held_and_released() {
    let w = World::new();
    let id = submit(&w, &w.branch, "ai@ngoai.vn");
    let act = async |who: &Access, act: &str| {
        let line = format!("POST queue/{id}/{act}");
        w.with(who, &line, &[], None).await.status.as_u16()
    };
    assert_eq!(act(&w.root, "hold").await, 204);
    assert_eq!(act(&w.root, "hold").await, 204, "held is held");
    let item = w.get(&w.root, &format!("queue/{id}")).await.json;
    assert_eq!(
        (&item["state"], &item["due"]),
        (&json!("held"), &Value::Null)
    );
    assert!(item["held_since"].is_string());
    assert_eq!(
        w.get(&w.root, "queue?state=held").await.names("id").len(),
        1
    );
    assert_eq!(
        w.get(&w.root, "queue?state=waiting")
            .await
            .names("id")
            .len(),
        0
    );
    assert_eq!(act(&w.root, "retry").await, 409);
    assert_eq!(act(&w.auditor, "release").await, 403);
    assert_eq!(act(&w.nobody, "release").await, 404);
    assert_eq!(act(&w.branch, "release").await, 204);
    let log = w.get(&w.root, "audit?limit=2").await;
    assert_eq!(log.names("act"), ["queue.release", "queue.hold"]);
    let path = format!("POST queue/{id}/reroute");
    let to = json!({"to": {"host": "10.1.2.3", "port": 25, "tls": "encrypted"}});
    // Only the top says where mail leaves; and from here none does.
    check(&w.with(&w.branch, &path, &[], Some(to.clone())).await, 403);
    check(&w.with(&w.root, &path, &[], Some(to)).await, 422);
    let wrong = json!({"to": {"host": "a b", "port": 25, "tls": "encrypted"}});
    check(&w.with(&w.root, &path, &[], Some(wrong)).await, 422);
}

/// Whose host it is reads what comes there.
#[tokio::test]
async fn to_hand_others_letters_to_a_host_needs_a_reason_and_a_second() {
    let w = World::sending();
    let id = submit(&w, &w.auditor, "ai@ngoai.vn");
    for n in 0..2 {
        submit(&w, &w.auditor, &format!("ai{n}@ngoai.vn"));
    }
    let own = submit(&w, &w.root, "ai@ngoai.vn");
    let host = json!({"host": "10.1.2.3", "port": 25, "tls": "encrypted"});
    let reroute = async |id: u64, to: &Value, reason: Value| {
        let body = json!({"to": to, "reason": reason});
        let line = format!("POST queue/{id}/reroute");
        plain(&w, &w.root, &line, body).await
    };
    let why = json!("Đường truyền hỏng");
    let bare = reroute(id, &host, Value::Null).await;
    check(&bare, 422);
    assert_eq!(bare.json["errors"][0]["field"], "reason");
    check(&reroute(own, &host, Value::Null).await, 204);
    check(&reroute(id, &host, why.clone()).await, 204);
    let path = format!("accounts/{}/reads", w.id("kiemtoan"));
    let reads = w.get(&w.root, &path).await;
    let row = &reads.json["items"][0];
    assert_eq!((&row["scope"], &row["reason"]), (&json!("redirect"), &why));
    assert_eq!(row["to"], json!(["10.1.2.3:25 encrypted"]));
    assert_eq!(row["by"], "quantri@x.vn");
    check(&reroute(id, &Value::Null, Value::Null).await, 204);

    let rule = json!({"values": {"two_persons": {"value": ["impersonate"]}}});
    check(
        &w.with(&w.root, "PATCH policies/H99.1", &[], Some(rule))
            .await,
        200,
    );
    let waits = reroute(id, &host, why.clone()).await;
    check(&waits, 202);
    assert!(w.get(&w.root, &format!("queue/{id}")).await.json["detour"].is_null());
    let many = json!({"act": "reroute", "all": true, "to": host, "reason": why});
    let done = plain(&w, &w.root, "POST queue/acts", many).await;
    check(&done, 200);
    let count = |name: &str| done.json[name].as_u64().unwrap();
    assert_eq!(
        (count("matching"), count("done"), count("awaiting")),
        (3, 0, 3)
    );
    let requests = w.get(&w.root, "approvals").await;
    assert_eq!(requests.names("act"), ["redirect_mail"; 3]);
}

#[tokio::test]
async fn an_act_on_many_is_counted_first_and_bounded() {
    let w = World::new();
    for n in 0..5 {
        submit(&w, &w.branch, &format!("ai{n}@ngoai.vn"));
    }
    submit(&w, &w.branch, "ai@noi-khac.vn");
    submit(&w, &w.nobody, "ai@ngoai.vn");
    let bulk =
        async |who: &Access, asked: Value| w.with(who, "POST queue/acts", &[], Some(asked)).await;
    let counts = async |who: &Access, asked: Value| {
        let answer = bulk(who, asked).await;
        check(&answer, 200);
        let count = |name: &str| answer.json[name].as_u64().unwrap();
        (count("matching"), count("done"))
    };
    let dry = json!({"act": "hold", "domain": "NGOAI.vn", "dry_run": true});
    assert_eq!(counts(&w.root, dry.clone()).await, (6, 0));
    // I-17: not in counts either.
    assert_eq!(counts(&w.branch, dry.clone()).await, (5, 0));
    assert_eq!(counts(&w.nobody, dry).await, (0, 0));
    let some = json!({"act": "hold", "domain": "ngoai.vn", "limit": 2});
    assert_eq!(counts(&w.branch, some.clone()).await, (5, 2));
    assert_eq!(counts(&w.branch, some).await, (3, 2));
    assert_eq!(
        w.get(&w.root, "queue?state=held").await.names("id").len(),
        4
    );
    let old = json!({"act": "hold", "older_than": 3600});
    assert_eq!(counts(&w.root, old).await, (0, 0));
    let release = json!({"act": "release", "all": true});
    assert_eq!(counts(&w.root, release).await, (4, 4));
    let delete = json!({"act": "delete", "recipient": "ai@noi-khac.vn"});
    assert_eq!(counts(&w.branch, delete).await, (1, 1));
    let log = w.get(&w.root, "audit?act=queue.delete").await;
    assert_eq!(log.names("act").len(), 1);
    check(&bulk(&w.root, json!({"act": "delete"})).await, 422);
    check(
        &bulk(&w.root, json!({"act": "hold", "all": true, "limit": 1001})).await,
        422,
    );
    check(
        &bulk(
            &w.branch,
            json!({"act": "reroute", "all": true, "to": null}),
        )
        .await,
        403,
    );
    check(
        &bulk(&w.root, json!({"act": "explode", "all": true})).await,
        422,
    );
}

/// RFC 4865: whoever helps the queue on does not choose another time for what waits for its own.
#[tokio::test]
async fn a_retry_leaves_what_waits_for_the_time_that_its_sender_chose() {
    let w = World::new();
    submit(&w, &w.branch, "ai@ngoai.vn");
    let at = w.now() + 3600;
    let id = submit_for(
        &w,
        &w.branch,
        &w.branch.address().to_string(),
        &["ai@ngoai.vn"],
        Some(at),
    );
    for (dry, done) in [(true, 0), (false, 1)] {
        let asked = json!({"act": "retry", "all": true, "dry_run": dry});
        let answer = w.with(&w.root, "POST queue/acts", &[], Some(asked)).await;
        check(&answer, 200);
        let told = &answer.json;
        assert_eq!(
            (&told["matching"], &told["done"], &told["scheduled"]),
            (&json!(1), &json!(done), &json!(1))
        );
    }
    let line = format!("POST queue/{id}/retry");
    let answer = w.with(&w.root, &line, &[], None).await;
    check(&answer, 409);
    assert_eq!(
        w.delivery.queued(QueueId::new(id).unwrap()).unwrap().due,
        at
    );
}

/// Who works through many letters with a second person gets further with each call: what waits for the other one stands
/// before nothing, and is not asked for twice.
#[tokio::test]
async fn many_letters_are_rerouted_by_two() {
    let w = World::sending();
    let rule = json!({"values": {"two_persons": {"value": ["impersonate"]}}});
    check(&w.patch(&w.root, "policies/H99", rule).await, 200);
    let top = directory::Grant::of(directory::Role::Administrator, AgencyId("H99".into()));
    let second = w.directory.account_at(&address("kiemtoan")).unwrap().id;
    w.directory.give_grant(None, second, top).unwrap();
    let second = token_of(&w.directory, "kiemtoan");
    for _ in 0..4 {
        submit(&w, &w.branch, "ai@ngoai.vn");
    }
    let round = async |limit: u32| {
        let to = json!({"host": "10.0.0.7", "port": 25, "tls": "encrypted"});
        let asked = json!({"act": "reroute", "all": true, "to": to, "limit": limit,
            "reason": "Đường truyền hỏng"});
        let told = w.with(&w.root, "POST queue/acts", &[], Some(asked)).await;
        check(&told, 200);
        let of = |name: &str| told.json[name].as_u64().unwrap();
        (of("matching"), of("done"), of("awaiting"), of("unasked"))
    };
    let waiting = || {
        let all = w.directory.approvals(&second, None, 500).into_iter();
        let waits = all.filter(|one| one.decision == directory::Decision::Waiting);
        waits.map(|one| one.id).collect::<Vec<u64>>()
    };
    assert_eq!(round(2).await, (4, 0, 2, 0));
    assert_eq!(round(2).await, (4, 0, 4, 0));
    assert_eq!(round(2).await, (4, 0, 4, 0));
    assert_eq!(waiting().len(), 4, "each letter has one request");
    // Those of the last two letters: the first two go on waiting before them.
    for request in &waiting()[..2] {
        w.directory.decide(&second, *request, true).unwrap();
    }
    assert_eq!(round(2).await, (4, 2, 2, 0));
    assert_eq!(round(2).await, (2, 0, 2, 0));
    // As many wait as may: what was approved behind them is done all the same.
    for _ in 0..100 {
        submit(&w, &w.branch, "ai@ngoai.vn");
    }
    assert_eq!(round(1_000).await, (102, 0, 100, 2));
    w.directory.decide(&second, waiting()[0], true).unwrap();
    assert_eq!(round(1_000).await, (102, 1, 100, 1));
    assert_eq!(w.directory.audit_check().unwrap(), None);
}
