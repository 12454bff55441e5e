//! Arguments of every wrong kind: each call is answered, by its own response or an error, never by 500.

use crate::house::{House, RICH, api};
use http::StatusCode;
use serde_json::{Value, json};

/// A method and arguments for it.
type Call = (&'static str, Value);

/// Calls that are answered well.
fn good(house: &House, email: &str) -> Vec<Call> {
    let inbox = house.inbox();
    let mut calls = mailboxes_and_threads(&inbox);
    calls.extend(reading(&inbox, email));
    calls.extend(writing(&inbox, email));
    calls.extend(beside(email));
    calls.extend(submitting(email));
    calls
}

fn mailboxes_and_threads(inbox: &str) -> Vec<Call> {
    vec![
        (
            "Mailbox/get",
            json!({"ids": [inbox], "properties": ["name"]}),
        ),
        (
            "Mailbox/changes",
            json!({"sinceState": "1", "maxChanges": 5}),
        ),
        (
            "Mailbox/query",
            json!({
                "filter": {"name": "a"}, "sort": [{"property": "name"}], "position": 0, "anchor": inbox,
                "anchorOffset": 1, "limit": 5, "calculateTotal": true, "sortAsTree": true,
                "filterAsTree": true,
            }),
        ),
        (
            "Mailbox/set",
            json!({
                "ifInState": null, "create": {"k": {"name": "a", "parentId": null, "sortOrder": 1}},
                "update": {inbox: {"sortOrder": 2}}, "destroy": [], "onDestroyRemoveEmails": false,
            }),
        ),
        (
            "Thread/get",
            json!({"ids": ["t1"], "properties": ["emailIds"]}),
        ),
        (
            "Thread/changes",
            json!({"sinceState": "1", "maxChanges": 5}),
        ),
    ]
}

fn reading(inbox: &str, email: &str) -> Vec<Call> {
    let filter = json!({"operator": "OR", "conditions": [{"text": "a"}, {"inMailbox": inbox}]});
    let sort = json!([{"property": "subject", "isAscending": true}]);
    vec![
        (
            "Email/get",
            json!({
                "ids": [email], "properties": ["id", "bodyValues"], "bodyProperties": ["size"],
                "fetchTextBodyValues": true, "fetchHTMLBodyValues": true, "fetchAllBodyValues": true,
                "maxBodyValueBytes": 10,
            }),
        ),
        ("Email/changes", json!({"sinceState": "1", "maxChanges": 5})),
        (
            "Email/query",
            json!({
                "filter": filter, "sort": sort, "position": 0, "anchor": email, "anchorOffset": 1,
                "limit": 5, "calculateTotal": true, "collapseThreads": true,
            }),
        ),
        (
            "Email/queryChanges",
            json!({
                "filter": filter, "sort": sort, "sinceQueryState": "1", "maxChanges": 50,
                "upToId": email, "calculateTotal": true, "collapseThreads": true,
            }),
        ),
        (
            "Email/parse",
            json!({"blobIds": [format!("{email}-3")], "properties": ["subject"]}),
        ),
        (
            "SearchSnippet/get",
            json!({"filter": filter, "emailIds": [email]}),
        ),
    ]
}

fn writing(inbox: &str, email: &str) -> Vec<Call> {
    let place = json!({inbox: true});
    vec![
        (
            "Email/set",
            json!({
                "ifInState": null, "update": {email: {"keywords/$seen": true}}, "destroy": [],
                "create": {"k": {"mailboxIds": place, "keywords": {}, "from": [{"email": "a@x.vn"}],
                    "subject": "a", "textBody": [{"partId": "1"}], "bodyValues": {"1": {"value": "a"}},
                    "attachments": [{"blobId": email, "type": "message/rfc822"}]}},
            }),
        ),
        (
            "Email/import",
            json!({
                "ifInState": null, "emails": {"k": {"blobId": email, "mailboxIds": place}},
            }),
        ),
    ]
}

fn beside(email: &str) -> Vec<Call> {
    vec![
        (
            "VacationResponse/get",
            json!({"ids": ["singleton"], "properties": ["id"]}),
        ),
        (
            "VacationResponse/set",
            json!({
                "ifInState": null, "create": {}, "destroy": [],
                "update": {"singleton": {"isEnabled": true, "fromDate": "2026-11-22T00:00:00Z", "toDate": null,
                    "subject": "a", "textBody": "a", "htmlBody": "a"}},
            }),
        ),
        (
            "MDN/send",
            json!({
                "identityId": "i1", "onSuccessUpdateEmail": {"#k": {"keywords/$mdnsent": true}},
                "send": {"k": {"forEmailId": email, "subject": "a", "textBody": "a", "reportingUA": "a",
                    "finalRecipient": "a@x.vn", "includeOriginalMessage": true, "extensionFields": {"X-A": "1"},
                    "disposition": {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually",
                        "type": "displayed"}}},
            }),
        ),
        ("MDN/parse", json!({"blobIds": [email]})),
        (
            "Blob/upload",
            json!({"create": {"k": {"type": "text/plain", "data": [
                {"data:asText": "a"}, {"data:asBase64": "YQ=="}, {"blobId": email, "offset": 1, "length": 2}]}}}),
        ),
        (
            "Blob/get",
            json!({"ids": [email], "properties": ["data", "digest:sha"], "offset": 1, "length": 2}),
        ),
        (
            "Blob/lookup",
            json!({"ids": [email], "typeNames": ["Email", "Mailbox"]}),
        ),
        (
            "Quota/get",
            json!({"ids": ["q-octets"], "properties": ["used"]}),
        ),
        ("Quota/changes", json!({"sinceState": "1", "maxChanges": 5})),
        (
            "Quota/query",
            json!({
                "filter": {"operator": "AND", "conditions": [{"name": "a"}, {"scope": "account"}]},
                "sort": [{"property": "used", "isAscending": true}], "position": 0, "anchor": "q-octets",
                "anchorOffset": 0, "limit": 5, "calculateTotal": true,
            }),
        ),
    ]
}

fn submitting(email: &str) -> Vec<Call> {
    vec![
        ("Identity/get", json!({"ids": [], "properties": ["email"]})),
        (
            "Identity/set",
            json!({"create": {"k": {"email": "a@x.vn"}}, "update": {}, "destroy": []}),
        ),
        (
            "EmailSubmission/get",
            json!({"ids": ["s1"], "properties": ["id"]}),
        ),
        (
            "EmailSubmission/query",
            json!({"anchor": null, "calculateTotal": true}),
        ),
        (
            "EmailSubmission/set",
            json!({
                "create": {"k": {"identityId": "i1", "emailId": email, "envelope": {
                    "mailFrom": {"email": "a@x.vn"}, "rcptTo": [{"email": "b@x.vn"}]}}},
                "update": {}, "destroy": [], "onSuccessUpdateEmail": {"#k": {"keywords": {}}},
                "onSuccessDestroyEmail": ["#k"],
            }),
        ),
    ]
}

fn bad() -> Vec<Value> {
    let deep = (0..50).fold(
        json!({}),
        |inner, _| json!({"operator": "NOT", "conditions": [inner]}),
    );
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("#x"),
        json!("\0"),
        json!("e1-1-1-1-1-1"),
        json!("ế".repeat(3000)),
        json!([]),
        json!([[]]),
        json!([null]),
        json!(["a", "a"]),
        json!({}),
        json!({"": ""}),
        json!({"a": {}}),
        json!({"#k": {"": null, "/": true, "a/b/c": []}}),
        deep,
    ]
}

/// Replaces every value inside, one at a time, by each bad one.
fn spoiled(value: &Value, bad: &[Value], out: &mut Vec<Value>) {
    out.extend(bad.iter().cloned());
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let mut variants = Vec::new();
                spoiled(inner, bad, &mut variants);
                out.extend(variants.into_iter().map(|variant| {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), variant);
                    Value::Object(copy)
                }));
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut variants = Vec::new();
                spoiled(&items[at], bad, &mut variants);
                out.extend(variants.into_iter().map(|variant| {
                    let mut copy = items.clone();
                    copy[at] = variant;
                    Value::Array(copy)
                }));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn wrong_arguments_are_answered() {
    let house = House::new();
    let email = house.put(RICH);
    let bad = bad();
    let mut asked = 0;
    for (name, arguments) in good(&house, &email) {
        let mut variants = Vec::new();
        spoiled(&arguments, &bad, &mut variants);
        let calls: Vec<Value> = variants
            .into_iter()
            .filter_map(|mut arguments| {
                arguments
                    .as_object_mut()?
                    .insert("accountId".into(), house.account().into());
                Some(json!([name, arguments, "c"]))
            })
            .collect();
        for batch in calls.chunks(16) {
            let answer = house.ask(Some(&house.an), api(&json!(batch))).await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{name}: {:.300}",
                json!(batch)
            );
            let response = answer.json();
            for (call, answered) in batch.iter().zip(responses(&response, name)) {
                let kind = answered[1]["type"].as_str().unwrap_or_default();
                assert_ne!(kind, "serverFail", "{call:.300}");
                asked += 1;
            }
        }
    }
    assert!(asked > 3_000, "{asked}");
    assert!(house.store.check().unwrap().is_empty());
}

/// Own responses and errors; those of implicit calls left out.
fn responses<'a>(response: &'a Value, name: &str) -> Vec<&'a Value> {
    let all = response["methodResponses"].as_array().unwrap().iter();
    all.filter(|r| r[0] == name || r[0] == "error").collect()
}
