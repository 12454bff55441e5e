//! "Where is my mail?": whence it came, each try with TLS and the other server's own words, and who was told.

use serde_json::Value;
use server::config::{Route, RouteTls};
use tests::http_client::HttpClient;
use tests::until;
use tests::world::World;

const LETTER: &[u8] =
    b"From: An <an@thu.gov.vn>\r\nTo: x@noi.example\r\nMessage-ID: <tim@thu.gov.vn>\r\n\r\nx\r\n";

fn get(api: &HttpClient, path: &str) -> Value {
    let (status, _, body) = api.get(&format!("/api/v1/{path}"));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn the_way_of_a_letter_is_told_from_end_to_end() {
    // Another server of ours, which takes nothing for others.
    let other = World::with(|config| config.server.host = "mx.noi.example".into());
    let to = other.address("smtp");
    let world = World::with(|config| {
        config.relay.routes = vec![Route {
            domains: vec!["*".into()],
            host: to.ip().to_string(),
            port: to.port(),
            tls: RouteTls::Encrypted,
            ..Route::default()
        }];
    });
    let reply = world
        .submission("an")
        .transaction("an@thu.gov.vn", &["x@noi.example"], LETTER);
    let id = reply.trim_end().rsplit(' ').next().unwrap().to_owned();
    let api = world.api();
    let told = || {
        let timeline = get(&api, &format!("trace/{id}"));
        let events = timeline["events"].as_array().unwrap().clone();
        let kind = |name: &str| events.iter().find(|event| event["kind"] == name).cloned();
        // The notification is on disk a moment before the try that it tells of.
        kind("told").and_then(|told| Some((timeline["message"].clone(), kind("tried")?, told)))
    };
    assert!(
        until(|| told().is_some()),
        "{}",
        get(&api, &format!("trace/{id}"))
    );
    let (message, tried, told) = told().unwrap();
    let origin = &message["origin"];
    assert_eq!(origin["kind"], "submitted");
    assert_eq!(origin["protocol"], "ESMTPSA");
    let tls = |value: &Value| value["tls"].as_str().unwrap_or_default().to_owned();
    assert!(tls(origin).starts_with("TLSv1.3 TLS13_"), "{origin}");
    assert!(tls(&tried).starts_with("TLSv1.3 TLS13_"), "{tried}");
    let said = tried["results"][0]["said"].as_str().unwrap();
    assert!(said.contains("said to RCPT TO: 550 5.7.1"), "{said}");
    let far = get(&api, &format!("trace/{id}"))["progress"][0].clone();
    assert_eq!(far["state"], "failed", "{far}");
    let meaning = "Nơi nhận không cho phép gửi thư này.";
    assert_eq!(
        (&far["meaning"], &far["tls"]),
        (&meaning.into(), &tried["tls"])
    );
    // The notification lies in the sender's mailbox, and has a timeline of its own.
    let notice = get(&api, &format!("trace/{}", told["notice"].as_str().unwrap()));
    assert_eq!(notice["message"]["origin"]["about"], id.as_str());
    assert_eq!(notice["events"][0]["kind"], "placed");
    let found = get(&api, "trace?message_id=tim@thu.gov.vn");
    assert_eq!(found["items"][0]["id"], id.as_str());
    world.finish();
    other.finish();
}
