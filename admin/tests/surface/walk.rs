//! The walk: every route and method of the OpenAPI document as the administrator of a sister agency. With the real names
//! of the other agency in path, query and body the answer is the one for what does not exist (I-17).

use crate::queue::submit;
use crate::world::*;
use directory::Access;
use serde_json::{Value, json};

/// What no answer to the sister may hold: names, addresses and codes of the branch.
const MARKS: [&str; 10] = [
    "Ghế kín",
    "H99.1",
    "Sở Nội vụ",
    "Phòng Tổ chức",
    "quantri.nhanh",
    "kiemtoan",
    "bidanh",
    "snv.x.vn",
    "VU-KIN",
    "ai@ngoai.vn",
];

/// A name of each thing that a path, query or body may have.
struct Names(Vec<(&'static str, String)>);

impl Names {
    fn of(&self, what: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| *name == what);
        found.map_or_else(
            || panic!("the walk knows no {what}: add one of the branch"),
            |(_, value)| value,
        )
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A request that waits for a second person, and then a legal hold, under which nothing is deleted at all.
async fn asked_and_held(w: &World, person: u32) -> String {
    let rule = json!({"values": {"two_persons": {"value": ["delete_account"]}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    let gone = w.delete(&w.branch, &format!("accounts/{person}")).await;
    check(&gone, 202);
    let hold = json!({"name": "VU-KIN", "reason": "kín"});
    let holds = format!("accounts/{person}/holds");
    check(&w.post(&w.root, &holds, hold).await, 201);
    let approval = gone.header("location").rsplit('/').next();
    approval.unwrap().to_owned()
}

/// Something of the branch of each kind that a path, query or body may name.
async fn of_the_branch(w: &World) -> Vec<(&'static str, String)> {
    let (person, admin) = (w.id("kiemtoan"), w.id("quantri.nhanh"));
    let domain = json!({"name": "snv.x.vn", "agency": "H99.1"});
    check(&w.post(&w.root, "domains", domain).await, 201);
    let key = w.post(&w.root, "domains/snv.x.vn/dkim", json!({})).await;
    let alias = json!({"address": "bidanh@x.vn", "account": person});
    check(&w.post(&w.root, "aliases", alias).await, 201);
    let approval = asked_and_held(w, person).await;
    let app = json!({"kind": "app_password", "label": "máy"});
    let app = w
        .post(&w.root, &format!("accounts/{person}/credentials"), app)
        .await;
    let token = json!({"account": person, "label": "api"});
    let token = w.post(&w.root, "tokens", token).await;
    let seat = json!({"agency": "H99.1", "kind": "chairman", "title": "Ghế kín"});
    let seat = w.post(&w.root, "positions", seat).await;
    check(&seat, 201);
    w.directory.set_hooks(true);
    let hook = json!({"label": "Ghế kín", "agency": "H99.1", "url": "https://snv.x.vn/"});
    let hook = w.post(&w.root, "webhooks", hook).await;
    check(&hook, 201);
    let until = formats::date::utc(w.now() + 3_600);
    let order =
        json!({"number": "Ghế kín", "date": "2026-01-01", "issuer": "CA", "hidden_until": until});
    let order = w
        .post(&w.root, &format!("accounts/{person}/orders"), order)
        .await;
    check(&order, 201);
    let line = format!("POST accounts/{person}/impersonations");
    let why = [("audit-reason", "Ghế kín")];
    let read = w
        .with(&w.root, &line, &why, Some(json!({"minutes": 60})))
        .await;
    check(&read, 201);
    let queued = submit(w, &w.branch, "ai@ngoai.vn");
    let item = w.get(&w.root, &format!("queue/{queued}")).await;
    let table = "Địa chỉ thư,Họ và tên,Mã cơ quan\nkin@x.vn,Phòng Tổ chức,H99.1\n";
    let job = w.import(&w.branch, "accounts", table).await["id"].to_string();
    let audit = w.get(&w.root, "audit?object=snv.x.vn").await;
    vec![
        ("agency", "H99.1".to_owned()),
        ("account", person.to_string()),
        ("address", "bidanh@x.vn".into()),
        ("domain", "snv.x.vn".into()),
        ("selector", text(&key.json["items"][0]["selector"])),
        ("credential", text(&app.json["id"])),
        ("token", text(&token.json["id"])),
        ("hold", "VU-KIN".into()),
        ("webhook", text(&hook.json["id"])),
        ("order", text(&order.json["id"])),
        ("impersonation", text(&read.json["id"])),
        ("queue", queued.to_string()),
        ("trace", text(&item.json["trace"])),
        ("grant", format!("{admin}-1")),
        ("approval", approval),
        ("position", text(&seat.json["id"])),
        ("audit", audit.names("number")[0].clone()),
        ("report", "0".into()),
        ("run", "1".into()),
        ("job", job),
        ("table", "accounts".into()),
        ("find", "noi vu".into()),
        ("message", "thu@x.vn".into()),
    ]
}

/// What nothing is called.
fn absent(what: &str) -> &'static str {
    match what {
        "agency" => "H77",
        "address" => "khongco@x.vn",
        "domain" => "khong.vn",
        "token" | "grant" => "9999-1",
        "trace" | "selector" | "hold" => "khongco",
        "find" => "khong co",
        "table" => "accounts",
        "message" => "khong@x.vn",
        _ => "9999",
    }
}

/// The administrator of H99.2, and names of the branch, of nothing, and of her own.
async fn begin(w: &World) -> (Access, [Names; 3]) {
    let sister = w.id("nguoila");
    let grant = json!({"account": sister, "agency": "H99.2", "role": "administrator"});
    let own_grant = w.post(&w.root, "grants", grant).await.json["id"].clone();
    let branch = of_the_branch(w).await;
    let nothing = branch
        .iter()
        .map(|(name, _)| (*name, absent(name).to_owned()));
    let own = branch.iter().map(|(name, value)| {
        let value = match *name {
            "agency" => "H99.2".to_owned(),
            "account" => sister.to_string(),
            "grant" => text(&own_grant),
            _ => value.clone(),
        };
        (*name, value)
    });
    let own = Names(own.collect());
    let nothing = Names(nothing.collect());
    (w.nobody.clone(), [Names(branch), nothing, own])
}

/// What a variable part of a path names.
fn slot(path: &str, part: &str) -> &'static str {
    let resource = path.split('/').nth(3).unwrap_or_default();
    match (part, resource) {
        ("{id}", _) if path.contains("-reports/") => "report",
        ("{id}", "agencies" | "policies") => "agency",
        ("{id}", "accounts") => "account",
        ("{id}", "queue") => "queue",
        ("{id}", "trace") => "trace",
        ("{id}", "tokens") => "token",
        ("{id}", "grants") => "grant",
        ("{id}", "approvals") => "approval",
        ("{id}", "jobs") => "job",
        ("{subject}", _) => "table",
        ("{id}", "positions") => "position",
        ("{name}", "domains") => "domain",
        ("{address}", _) => "address",
        ("{credential}", _) => "credential",
        ("{hold}", _) => "hold",
        ("{id}", "webhooks") => "webhook",
        ("{order}", _) => "order",
        ("{impersonation}", _) => "impersonation",
        ("{number}", _) => "audit",
        ("{run}", _) => "run",
        ("{selector}", _) => "selector",
        _ => panic!("the walk does not know {part} of {path}: say what it names"),
    }
}

fn filled(path: &str, names: &Names) -> String {
    let parts = path.split('/').map(|part| match part.starts_with('{') {
        true => names.of(slot(path, part)),
        false => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    path.strip_prefix("/api/v1/").unwrap().to_owned()
}

/// What a field of a body or of a query names; `None`: it names nothing of anybody. Whether an address is taken here
/// tells itself to whoever writes to it.
fn field(name: &str) -> Option<&'static str> {
    match name {
        "agency" | "parent" | "under" | "code" => Some("agency"),
        "account" | "mailbox" | "to" | "holder" => Some("account"),
        "domain" | "alias_of" => Some("domain"),
        "find" => Some("find"),
        "message_id" => Some("message"),
        "object" | "actor" | "recipient" | "sender" | "from" | "submitter" | "address" => {
            Some("address")
        }
        _ => None,
    }
}

/// A body with all that it must have, and with all that names something.
fn body(document: &Value, operation: &Value, names: &Names) -> Option<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let named = schema["$ref"].as_str()?.rsplit('/').next()?;
    let schema = &document["components"]["schemas"][named];
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut body = serde_json::Map::new();
    for (name, property) in schema["properties"].as_object()? {
        let number = property["type"].to_string().contains("integer");
        let fits = |what: &&str| *what != "address" && (*what == "account") == number;
        let said = field(name).filter(fits);
        let value = match said {
            Some("account") => json!(names.of("account").parse::<u32>().unwrap()),
            Some(what) => json!(names.of(what)),
            None if required.contains(&json!(name)) => sample(document, name, property),
            None => continue,
        };
        body.insert(name.clone(), value);
    }
    Some(Value::Object(body))
}

/// Something of the kind.
fn sample(document: &Value, name: &str, property: &Value) -> Value {
    if name == "address" {
        return json!("moi@x.vn");
    }
    if !property["example"].is_null() {
        return property["example"].clone();
    }
    if let Some(reference) = property["$ref"].as_str() {
        let named = reference.rsplit('/').next().unwrap();
        return sample(document, name, &document["components"]["schemas"][named]);
    }
    if let Some(first) = property["enum"]
        .get(0)
        .or_else(|| property["oneOf"][0]["enum"].get(0))
    {
        return first.clone();
    }
    match property["type"].as_str() {
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("x"),
    }
}

/// Two answers tell the same, and neither tells anything of the branch.
#[track_caller]
fn alike(line: &str, real: &Answer, absent: &Answer) {
    assert_eq!(real.status, absent.status, "{line}: {real:#?} {absent:#?}");
    if !real.status.is_success() {
        assert_eq!(real.json, absent.json, "{line}");
    }
    silent(line, real);
}

#[track_caller]
fn silent(line: &str, answer: &Answer) {
    let told = MARKS.iter().find(|mark| answer.text.contains(**mark));
    assert_eq!(told, None, "{line}: {answer:#?}");
    assert_eq!(answer.header("idempotency-replayed"), "", "{line}");
}

/// Each operation: method, path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for verb in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(verb) {
                found.push((verb.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn i17_a_sister_sees_nothing_by_any_path() {
    let w = World::new();
    let (sister, [branch, nothing, _]) = begin(&w).await;
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    for (verb, path, operation) in operations(&document) {
        let ask = async |names: &Names| {
            let mut line = format!("{verb} {}", filled(&path, names));
            if path.ends_with("/{subject}") {
                // A table is of the agency that the query names.
                line = format!("{line}?agency={}", names.of("agency"));
            }
            let body = body(&document, &operation, &branch);
            let table = !operation["requestBody"]["content"]["text/csv"].is_null();
            let kind = [("content-type", "text/csv")];
            let fields = if table { &kind[..] } else { &[] };
            w.with(&sister, &line, fields, body).await
        };
        let (real, absent) = (ask(&branch).await, ask(&nothing).await);
        let line = format!("{verb} {path}");
        alike(&line, &real, &absent);
        let varied = path.contains('{');
        if varied && verb != "GET" {
            assert!(
                [404, 403, 422].contains(&real.status.as_u16()),
                "{line}: {real:#?}"
            );
        }
        if varied && verb == "GET" {
            // The store is of no agency: who is not at the top may ask for nothing of it.
            // A table's agency is named by the query.
            let expected = match path.split('/').nth(3) {
                Some("store") => 403,
                Some("audit") if path.contains("/verify/") => 403,
                Some("exports") => 422,
                _ => 404,
            };
            assert_eq!(real.status.as_u16(), expected, "{line}: {real:#?}");
        }
    }
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[tokio::test]
async fn i17_a_sister_sees_nothing_by_any_body() {
    let w = World::new();
    let (sister, [branch, nothing, own]) = begin(&w).await;
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let mut asked = 0;
    for (verb, path, operation) in operations(&document) {
        let said = [&branch, &nothing].map(|names| body(&document, &operation, names));
        // A body that names nothing of anybody tells nothing, and would do the same thing twice.
        let [Some(real), Some(absent)] = said else {
            continue;
        };
        if real == absent {
            continue;
        }
        asked += 1;
        let ask = async |body: Value| {
            let line = format!("{verb} {}", filled(&path, &own));
            w.with(&sister, &line, &[], Some(body)).await
        };
        let (real, absent) = (ask(real).await, ask(absent).await);
        alike(&format!("{verb} {path} with a body"), &real, &absent);
    }
    assert!(asked > 9, "{asked}");
}

#[tokio::test]
async fn i17_a_sister_sees_nothing_by_any_query() {
    let w = World::new();
    let (sister, [branch, nothing, own]) = begin(&w).await;
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let mut lists = 0;
    for (verb, path, operation) in operations(&document) {
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if verb != "GET" {
            continue;
        }
        let path = filled(&path, &own);
        let get = async |query: String| w.get(&sister, &format!("{path}?{query}")).await;
        silent(&path, &get(String::new()).await);
        for parameter in parameters.iter().filter(|p| p["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            if name == "cursor" {
                // Where the one above stands in his list is no way in.
                let first = w.get(&w.root, &format!("{path}?limit=1")).await;
                if let Some(cursor) = first.json["cursor"].as_str() {
                    silent(&path, &get(format!("cursor={cursor}")).await);
                    lists += 1;
                }
            }
            let Some(what) = field(name) else { continue };
            let asked = |names: &Names| format!("{name}={}", names.of(what).replace(' ', "%20"));
            let (real, absent) = (get(asked(&branch)).await, get(asked(&nothing)).await);
            alike(&format!("{path} {name}"), &real, &absent);
            assert_eq!(real.json, absent.json, "{path} {name}");
        }
    }
    assert!(lists > 4, "{lists}");
}

#[tokio::test]
async fn i17_an_answer_is_replayed_to_nobody_else() {
    let w = World::new();
    let (sister, _) = begin(&w).await;
    let key = [("idempotency-key", "k1")];
    let new = json!({"id": "H99.1.7", "name": "Phòng kín", "parent": "H99.1"});
    let made = w
        .with(&w.branch, "POST agencies", &key, Some(new.clone()))
        .await;
    check(&made, 201);
    let real = w.with(&sister, "POST agencies", &key, Some(new)).await;
    let absent = json!({"id": "H77.7", "name": "Phòng kín", "parent": "H77"});
    let absent = w
        .with(
            &sister,
            "POST agencies",
            &[("idempotency-key", "k2")],
            Some(absent),
        )
        .await;
    alike("POST agencies with a key", &real, &absent);
    check(&real, 422);
}

/// Whatever is offered, and even where it is refused: a dry run leaves no entry and no row behind.
#[tokio::test]
async fn a_dry_run_of_every_operation_changes_nothing() {
    let w = World::new();
    let (_, [branch, _, _]) = begin(&w).await;
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let last = || w.directory.audit(None, 1).unwrap()[0].number;
    let mut tried = 0;
    for (verb, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let offered = parameters.clone().any(|p| p["name"] == "dry_run");
        if !offered || path.ends_with("/undo") || path.ends_with("/{subject}") {
            assert!(
                verb == "GET" || path.contains("/{subject}") || path.ends_with("/undo"),
                "{verb} {path}"
            );
            continue;
        }
        let line = format!("{verb} {}?dry_run=true", filled(&path, &branch));
        let body = body(&document, &operation, &branch);
        let (before, figures) = (last(), format!("{:?}", w.store.figures()));
        let answer = w.with(&w.root, &line, &[], body).await;
        assert_eq!(last(), before, "{line}: {answer:?}");
        assert_eq!(
            format!("{:?}", w.store.figures()),
            figures,
            "{line}: {answer:?}"
        );
        tried += usize::from(answer.json["dry_run"] == true);
    }
    assert!(tried > 25, "{tried}");
    // What it is measured by moves with the smallest act.
    let figures = format!("{:?}", w.store.figures());
    let renamed = json!({"name_en": "Province"});
    check(&w.patch(&w.root, "agencies/H99", renamed).await, 200);
    assert_ne!(format!("{:?}", w.store.figures()), figures);
}
