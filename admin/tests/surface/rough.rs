//! Many at once, and nonsense: nothing is lost, done twice, or answered by a failure of the server.

use crate::world::*;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_one_time_lose_nothing() {
    let w = Arc::new(World::new());
    let path = format!("accounts/{}", w.id("kiemtoan"));
    let changes = [
        json!({"name": "Kiểm Toán Viên"}),
        json!({"position": "Kiểm toán viên"}),
        json!({"quota": 12345}),
        json!({"state": "suspended"}),
    ];
    let tasks: Vec<_> = changes
        .into_iter()
        .map(|change| {
            let (w, path) = (w.clone(), path.clone());
            tokio::spawn(async move { w.patch(&w.root, &path, change).await })
        })
        .collect();
    for task in tasks {
        check(&task.await.unwrap(), 200);
    }
    let row = w.get(&w.root, &path).await.json;
    let expected = json!(["Kiểm Toán Viên", "Kiểm toán viên", 12345, "suspended"]);
    assert_eq!(
        json!([row["name"], row["position"], row["quota"], row["state"]]),
        expected
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_at_one_time_acts_once() {
    let w = Arc::new(World::new());
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let w = w.clone();
            tokio::spawn(async move {
                let key = [("idempotency-key", "k")];
                w.with(&w.root, "POST tokens", &key, Some(json!({"label": "x"})))
                    .await
            })
        })
        .collect();
    let mut secrets = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status.as_u16() {
            201 => secrets.push(answer.json["secret"].clone()),
            409 => assert_eq!(answer.json["type"], "urn:congvu:problem:in-progress"),
            other => panic!("{other} {answer:?}"),
        }
    }
    assert!(!secrets.is_empty());
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    let made = w
        .get(&w.root, "audit?act=credential.create&actor=quantri@x.vn")
        .await;
    assert_eq!(made.names("act").len(), 1);
}

/// A small generator with a fixed seed: the same nonsense at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.roll(if depth == 0 { 8 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.roll(2) == 0),
            2 => json!(self.roll(1000)),
            3 => json!(-1),
            4 => json!(u64::MAX),
            5 => json!(1.5),
            6 => json!(self.pick(&[
                "",
                "H99",
                "H99.1",
                "a@x.vn",
                "quantri@x.vn",
                "list",
                "token"
            ])),
            7 => json!(self.pick(&[
                "\u{0}",
                "\r\n",
                "đ",
                "\u{202e}",
                "a@b@c",
                "..",
                "2026-01-01"
            ])),
            8 => (0..self.roll(3)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let fields = (0..self.roll(4)).map(|_| (self.field(), self.value(depth - 1)));
                Value::Object(fields.collect())
            }
        }
    }

    fn field(&mut self) -> String {
        let names = [
            "id",
            "name",
            "parent",
            "name_en",
            "agency",
            "address",
            "account",
            "kind",
            "members",
            "grants",
            "role",
            "label",
            "expires_at",
            "quota",
            "position",
            "state",
            "password",
            "title",
            "to",
            "earlier",
            "mailbox",
            "rule",
            "codes",
            "order",
            "until",
            "x",
        ];
        self.pick(&names).to_owned()
    }
}

/// Acts to try with nonsense.
fn lines(account: u32, list: &Value) -> Vec<String> {
    vec![
        "POST agencies".to_owned(),
        "PATCH agencies/H99.1.1".to_owned(),
        "POST domains".to_owned(),
        "PATCH domains/x.vn".to_owned(),
        "POST accounts".to_owned(),
        format!("PATCH accounts/{account}"),
        format!("POST accounts/{account}/credentials"),
        format!("PUT accounts/{account}/credentials/password"),
        "POST aliases".to_owned(),
        "PATCH aliases/a@x.vn".to_owned(),
        "POST tokens".to_owned(),
        "POST positions".to_owned(),
        "PATCH positions/1".to_owned(),
        "POST positions/1/handover".to_owned(),
        format!("PUT accounts/{list}/list"),
    ]
}

#[tokio::test]
async fn nonsense_is_never_a_failure_of_the_server() {
    let w = World::new();
    let account = w.id("kiemtoan");
    let list = json!({"address": "ds@x.vn", "kind": "list", "agency": "H99", "name": "DS"});
    let list = w.post(&w.root, "accounts", list).await.json["id"].clone();
    let seat = json!({"agency": "H99", "title": "Văn thư"});
    check(&w.post(&w.root, "positions", seat).await, 201);
    let lines = lines(account, &list);
    let mut dice = Dice(0x0c09_00a1_2026_1122);
    for n in 0..3000 {
        let fields = (0..dice.roll(6)).map(|_| (dice.field(), dice.value(2)));
        let body = Value::Object(fields.collect());
        let answer = w
            .with(&w.root, &lines[n % lines.len()], &[], Some(body.clone()))
            .await;
        assert!(
            answer.status.as_u16() < 500,
            "{} {body} {answer:?}",
            lines[n % lines.len()]
        );
    }
    for n in 0..1000 {
        let name = dice.pick(&[
            "agencies",
            "positions",
            "domains",
            "accounts",
            "aliases",
            "tokens",
            "queue",
            "audit",
        ]);
        let part = dice.pick(&[
            "",
            "/",
            "/1",
            "/%00",
            "/-",
            "/..",
            "/a%2Fb",
            "/%C4%91@x.vn",
            "/1/credentials/0",
        ]);
        let query = dice.pick(&[
            "",
            "?",
            "?limit=1",
            "?limit=1&limit=2",
            "?cursor=a",
            "?cursor=a00",
            "?cursor=a3432",
            "?find=%F0%9F%98%80",
            "?account=4294967295",
            "?find=%00",
            "?=",
            "?&&",
        ]);
        let uri = format!("/api/v1/{name}{part}{query}");
        let request = Request::builder().uri(&uri).body(Body::empty()).unwrap();
        let answer = w.send(Some(&w.root), request).await;
        assert!(answer.status.as_u16() < 500, "{n} {uri} {answer:?}");
    }
    assert_eq!(w.directory.audit_check().unwrap(), None);
}
