//! RFC 8620 §7.2: push subscriptions, and what is sent for them.

use crate::house::{House, letter};
use jmap::pushing::{Courier, Post, Posted, Posting};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(20);
const URL: &str = "https://push.example.net/mot-dia-chi-rieng";

/// A post, and the place for its answer.
type Sent = (Post, tokio::sync::oneshot::Sender<Posted>);

/// Hands each post to the test, which says what comes of it.
struct ByHand(mpsc::Sender<Sent>);

impl Courier for ByHand {
    fn post(&self, post: Post) -> Posting {
        let to = self.0.clone();
        Box::pin(async move {
            let (answer, answered) = tokio::sync::oneshot::channel();
            if to.send((post, answer)).await.is_err() {
                return Posted::Failed("the test is over".into());
            }
            answered.await.unwrap_or(Posted::Failed("dropped".into()))
        })
    }
}

struct Pushed {
    house: House,
    sent: Mutex<mpsc::Receiver<Sent>>,
    pushing: JoinHandle<()>,
}

impl Drop for Pushed {
    fn drop(&mut self) {
        self.pushing.abort();
    }
}

fn status(code: u16) -> Posted {
    Posted::Status {
        code,
        retry_after_s: None,
    }
}

impl Pushed {
    fn new() -> Self {
        let house = House::new();
        let (sent, pushing) = start(&house);
        Self {
            house,
            sent: Mutex::new(sent),
            pushing,
        }
    }

    /// The next post, not answered yet.
    async fn next(&self) -> Sent {
        let mut sent = self.sent.lock().await;
        let next = tokio::time::timeout(PATIENCE, sent.recv()).await;
        next.unwrap().unwrap()
    }

    /// The next post, answered so; its JSON.
    async fn take(&self, answer: Posted) -> Value {
        let (post, place) = self.next().await;
        place.send(answer).unwrap();
        serde_json::from_slice(&post.body).unwrap()
    }

    async fn set(&self, arguments: Value) -> Value {
        call(&self.house, "PushSubscription/set", arguments).await
    }

    async fn create(&self, new: Value) -> Value {
        self.set(json!({"create": {"k": new}})).await
    }

    /// Made and verified; its id.
    async fn proved(&self, types: Value) -> String {
        let made = self.create(plain(types)).await;
        let id = made["created"]["k"]["id"].as_str().unwrap().to_owned();
        let code = self.take(status(201)).await["verificationCode"].clone();
        let done = self
            .set(json!({"update": {&id: {"verificationCode": code}}}))
            .await;
        assert_eq!(done["updated"], json!({&id: null}), "{done}");
        id
    }

    async fn list(&self) -> Value {
        let all = call(&self.house, "PushSubscription/get", json!({"ids": null})).await;
        all["list"].clone()
    }
}

fn start(house: &House) -> (mpsc::Receiver<Sent>, JoinHandle<()>) {
    let (to, sent) = mpsc::channel(8);
    let courier: Arc<dyn Courier> = Arc::new(ByHand(to));
    let pushing = tokio::spawn(jmap::pushing::push(house.context.clone(), courier));
    (sent, pushing)
}

fn plain(types: Value) -> Value {
    json!({"deviceClientId": "may-an", "url": URL, "types": types})
}

/// A call that names no account.
async fn call(house: &House, name: &str, arguments: Value) -> Value {
    let response = house
        .calls(&house.an, json!([[name, arguments, "c"]]))
        .await;
    let first = &response["methodResponses"][0];
    assert_eq!(first[0], name, "{first}");
    first[1].clone()
}

async fn refusal(house: &House, name: &str, arguments: Value) -> String {
    let response = house
        .calls(&house.an, json!([[name, arguments, "c"]]))
        .await;
    let first = &response["methodResponses"][0];
    assert_eq!(first[0], "error", "{name}: {first}");
    first[1]["type"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_made_is_told_without_its_secrets() {
    let pushed = Pushed::new();
    let made = pushed.create(plain(json!(["Email"]))).await;
    let object = &made["created"]["k"];
    let id = object["id"].as_str().unwrap();
    assert_eq!(
        *object,
        json!({"id": id, "keys": null, "expires": "2026-12-22T00:00:00Z", "verificationCode": null})
    );
    for absent in ["accountId", "oldState", "newState"] {
        assert!(made.get(absent).is_none(), "{absent}");
    }
    let all = call(&pushed.house, "PushSubscription/get", json!({"ids": null})).await;
    let shown = json!({
        "id": id, "deviceClientId": "may-an", "verificationCode": null,
        "expires": "2026-12-22T00:00:00Z", "types": ["Email"],
    });
    assert_eq!(all, json!({"list": [shown], "notFound": []}));
    let some = json!({"ids": [id, "s0", "x", "s00000000000000001"], "properties": ["types"]});
    let some = call(&pushed.house, "PushSubscription/get", some).await;
    assert_eq!(some["list"], json!([{"id": id, "types": ["Email"]}]));
    assert_eq!(some["notFound"].as_array().unwrap().len(), 3);
    for secret in ["url", "keys"] {
        let asked = json!({"ids": null, "properties": ["id", secret]});
        let refused = refusal(&pushed.house, "PushSubscription/get", asked).await;
        assert_eq!(refused, "forbidden", "{secret}");
    }
    // Another person, and another sign-in of the same one, see nothing of it.
    for other in [&pushed.house.binh, &pushed.house.session()] {
        let calls = json!([
            ["PushSubscription/get", {"ids": null}, "0"],
            ["PushSubscription/set", {"destroy": [id], "update": {id: {"types": null}}}, "1"],
        ]);
        let response = pushed.house.calls(other, calls).await;
        let answers = &response["methodResponses"];
        assert_eq!(answers[0][1]["list"], json!([]));
        assert_eq!(answers[1][1]["notDestroyed"][id]["type"], "notFound");
        assert_eq!(answers[1][1]["notUpdated"][id]["type"], "notFound");
    }
    let gone = pushed.set(json!({"destroy": [id]})).await;
    assert_eq!(gone["destroyed"], json!([id]));
}

#[tokio::test]
async fn a_creation_is_updated_and_destroyed_by_its_reference() {
    let pushed = Pushed::new();
    let calls = json!([
        ["PushSubscription/set", {"create": {"k": plain(Value::Null)}}, "0"],
        ["PushSubscription/set", {"update": {"#k": {"types": ["Mailbox"]}}}, "1"],
        ["PushSubscription/get", {"ids": null, "properties": ["types"]}, "2"],
        ["PushSubscription/set", {"destroy": ["#k"]}, "3"],
    ]);
    let response = pushed.house.calls(&pushed.house.an, calls).await;
    let answers = &response["methodResponses"];
    assert_eq!(answers[2][1]["list"][0]["types"], json!(["Mailbox"]));
    assert!(answers[3][1]["destroyed"].is_array(), "{answers}");
}

#[tokio::test]
async fn wrong_properties_are_named() {
    let pushed = Pushed::new();
    let off_curve =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw8";
    let auth = "BTBZMqHH6r4Tts7J_aSIgg";
    let keys = |p256dh: &str| json!({"p256dh": p256dh, "auth": auth});
    let mut more = keys(off_curve);
    more["x"] = json!(1);
    let table = [
        ("url", Value::Null),
        ("url", json!(7)),
        ("url", json!("http://push.example.net/")),
        ("deviceClientId", json!(["x"])),
        ("deviceClientId", json!("")),
        ("keys", json!("x")),
        ("keys", json!({})),
        ("keys", json!({"p256dh": off_curve})),
        ("keys", keys("*")),
        ("keys", keys(off_curve)),
        ("keys", more),
        ("verificationCode", json!("x")),
        ("expires", json!("tomorrow")),
        ("expires", json!(1_800_000_000)),
        ("expires", json!("2026-11-22T00:00:00Z")),
        ("expires", json!("2030-01-01T00:00:00+07:00")),
        ("types", json!("Email")),
        ("types", json!([7])),
        ("types", json!(["a b"])),
        ("id", json!("s1")),
        ("congvu", json!(true)),
    ];
    for (name, value) in table {
        let mut new = plain(Value::Null);
        new[name] = value.clone();
        let made = pushed.create(new).await;
        let error = &made["notCreated"]["k"];
        assert_eq!(error["type"], "invalidProperties", "{name} {value}: {made}");
        assert_eq!(error["properties"], json!([name]), "{name} {value}");
    }
    for bad in [json!([]), json!("x"), Value::Null] {
        let made = pushed.create(bad.clone()).await;
        assert_eq!(
            made["notCreated"]["k"]["type"], "invalidProperties",
            "{bad}"
        );
    }
    let made = pushed.create(json!({})).await;
    let missing = &made["notCreated"]["k"]["properties"];
    assert_eq!(*missing, json!(["deviceClientId", "url"]));
}

#[tokio::test]
async fn what_cannot_be_changed_is_not() {
    let pushed = Pushed::new();
    let id = pushed.proved(Value::Null).await;
    for (patch, kind) in [
        (json!({"url": URL}), "invalidProperties"),
        (json!({"keys": null}), "invalidProperties"),
        (json!({"deviceClientId": "khac"}), "invalidProperties"),
        (json!({"verificationCode": "khac"}), "invalidProperties"),
        (json!({"verificationCode": null}), "invalidProperties"),
        (
            json!({"expires": "2020-01-01T00:00:00Z"}),
            "invalidProperties",
        ),
        (json!({"types": {"Email": true}}), "invalidProperties"),
        (json!({"types/0": "Email"}), "invalidPatch"),
        (json!([]), "invalidPatch"),
    ] {
        let done = pushed.set(json!({"update": {&id: patch}})).await;
        let error = &done["notUpdated"][&id];
        assert_eq!(error["type"], kind, "{patch}: {done}");
    }
    let same = json!({"id": id, "deviceClientId": "may-an", "types": null});
    let done = pushed.set(json!({"update": {&id: same}})).await;
    assert_eq!(done["updated"], json!({&id: null}), "{done}");
}

#[tokio::test]
async fn wrong_arguments_are_refused() {
    let house = House::new();
    for (name, arguments) in [
        ("PushSubscription/get", json!({"accountId": "a1"})),
        ("PushSubscription/get", json!({"ids": "x"})),
        ("PushSubscription/get", json!({"properties": ["congvu"]})),
        ("PushSubscription/set", json!({"ifInState": "1"})),
        ("PushSubscription/set", json!({"create": []})),
        ("PushSubscription/set", json!({"destroy": [7]})),
    ] {
        let refused = refusal(&house, name, arguments.clone()).await;
        assert_eq!(refused, "invalidArguments", "{name} {arguments}");
    }
    let many: Vec<String> = (0..=jmap::limit::SET_OBJECTS_MAX)
        .map(|n| format!("s{n:016x}"))
        .collect();
    let refused = refusal(&house, "PushSubscription/set", json!({"destroy": many})).await;
    assert_eq!(refused, "requestTooLarge");
}

#[tokio::test]
async fn an_end_too_far_is_brought_nearer_and_told() {
    let pushed = Pushed::new();
    let mut new = plain(Value::Null);
    new["expires"] = json!("2026-11-25T00:00:00Z");
    let made = pushed.create(new).await;
    assert!(made["created"]["k"].get("expires").is_none(), "{made}");
    let id = made["created"]["k"]["id"].as_str().unwrap();
    let far = json!({"update": {id: {"expires": "2030-01-01T00:00:00Z"}}});
    let done = pushed.set(far).await;
    assert_eq!(
        done["updated"][id],
        json!({"expires": "2026-12-22T00:00:00Z"})
    );
}

#[tokio::test]
async fn what_comes_while_a_push_is_under_way_goes_with_the_next() {
    let pushed = Pushed::new();
    pushed.proved(json!(["Email"])).await;
    pushed.house.put(&letter("x@x.vn", "một", "a"));
    let (_, answer) = pushed.next().await;
    for n in 0..5 {
        pushed.house.put(&letter("x@x.vn", "nữa", &n.to_string()));
    }
    let got = pushed.house.call("Email/get", json!({"ids": []})).await;
    answer.send(status(201)).unwrap();
    let told = pushed.take(status(201)).await;
    let own = pushed.house.account();
    let expected = json!({"@type": "StateChange", "changed": {own: {"Email": got["state"]}}});
    assert_eq!(told, expected);
    let mut sent = pushed.sent.lock().await;
    let more = tokio::time::timeout(Duration::from_millis(1_600), sent.recv()).await;
    assert!(more.is_err(), "five letters were one push");
}

#[tokio::test]
async fn a_restart_tells_what_came_meanwhile_and_asks_for_no_code_twice() {
    let mut pushed = Pushed::new();
    pushed.proved(json!(["Email"])).await;
    pushed.house.put(&letter("x@x.vn", "một", "a"));
    pushed.take(status(201)).await;
    pushed.create(plain(Value::Null)).await;
    assert_eq!(pushed.take(status(201)).await["@type"], "PushVerification");
    // That its code was sent is written a moment later.
    let directory = &pushed.house.directory;
    let asked = || {
        let mut all = directory.pushes().into_iter();
        all.all(|id| directory.push(id).unwrap().0.asked)
    };
    let began = tokio::time::Instant::now();
    while !asked() && began.elapsed() < PATIENCE {
        tokio::task::yield_now().await;
    }
    pushed.pushing.abort();
    pushed.house.put(&letter("x@x.vn", "hai", "b"));
    let got = pushed.house.call("Email/get", json!({"ids": []})).await;
    let (sent, pushing) = start(&pushed.house);
    (pushed.sent, pushed.pushing) = (Mutex::new(sent), pushing);
    let told = pushed.take(status(201)).await;
    let own = pushed.house.account();
    assert_eq!(told["changed"][own]["Email"], got["state"]);
}

#[tokio::test]
async fn i17_what_others_get_is_pushed_to_nobody_else() {
    let pushed = Pushed::new();
    pushed.proved(Value::Null).await;
    pushed.house.put_for(
        &pushed.house.binh,
        &letter("x@x.vn", "của chị", "a"),
        0,
        &[],
    );
    pushed.house.put(&letter("x@x.vn", "của anh", "b"));
    let told = pushed.take(status(201)).await;
    let changed = told["changed"].as_object().unwrap();
    let accounts: Vec<&String> = changed.keys().collect();
    assert_eq!(accounts, [&pushed.house.account()]);
}

#[tokio::test]
async fn a_subscription_that_its_service_knows_no_more_is_removed() {
    for code in [404, 410] {
        let pushed = Pushed::new();
        pushed.proved(json!(["Email"])).await;
        pushed.house.put(&letter("x@x.vn", "một", "a"));
        pushed.take(status(code)).await;
        let began = tokio::time::Instant::now();
        while pushed.list().await != json!([]) {
            assert!(began.elapsed() < PATIENCE, "{code}");
        }
    }
}

#[tokio::test]
async fn a_code_that_is_refused_is_not_sent_again() {
    let pushed = Pushed::new();
    let made = pushed.create(plain(Value::Null)).await;
    let id = made["created"]["k"]["id"].clone();
    pushed.take(status(403)).await;
    pushed.house.put(&letter("x@x.vn", "một", "a"));
    // What is sent next is another one's.
    let other = pushed.create(plain(Value::Null)).await;
    let next = pushed.take(status(201)).await;
    assert_eq!(next["@type"], "PushVerification");
    assert_eq!(next["pushSubscriptionId"], other["created"]["k"]["id"]);
    assert_ne!(next["pushSubscriptionId"], id);
}

#[tokio::test]
async fn i13_an_account_has_a_limit() {
    let house = House::new();
    for n in 0..=directory::push::PUSHES_MAX {
        let create = json!({"create": {"k": plain(Value::Null)}});
        let made = call(&house, "PushSubscription/set", create).await;
        match n < directory::push::PUSHES_MAX {
            true => assert!(made["created"]["k"]["id"].is_string(), "{made}"),
            false => assert_eq!(made["notCreated"]["k"]["type"], "overQuota", "{made}"),
        }
    }
}

#[tokio::test]
async fn the_server_key_is_told_and_stays() {
    let house = House::new();
    let session = || async { house.get(&house.an, "/jmap/session").await.json() };
    let name = "urn:ietf:params:jmap:webpush-vapid";
    let key = session().await["capabilities"][name]["applicationServerKey"].clone();
    assert_eq!(key.as_str().unwrap().len(), 87, "65 octets in base64url");
    assert_eq!(
        session().await["capabilities"][name]["applicationServerKey"],
        key
    );
    let house = house.with(|context| context.push = false);
    let session = house.get(&house.an, "/jmap/session").await.json();
    assert!(session["capabilities"].get(name).is_none());
}
