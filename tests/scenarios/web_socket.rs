//! JMAP over one WebSocket: requests beside each other, changes told, and nothing that HTTP would refuse.

use base64::Engine as _;
use serde_json::{Value, json};
use tests::world::{DOMAIN, PASSWORD, World};
use tests::ws_client::{BINARY, PING, PONG, TEXT, WsClient};

fn basic(local: &str) -> String {
    let proof = format!("{local}@{DOMAIN}:{PASSWORD}");
    let proof = base64::engine::general_purpose::STANDARD.encode(proof);
    format!("Basic {proof}")
}

fn open(world: &World, fields: &[(&str, &str)]) -> Result<WsClient, (u16, String)> {
    WsClient::open(world.address("https"), &world.ca(), fields)
}

fn signed_in(world: &World, local: &str) -> WsClient {
    let proof = basic(local);
    let fields = [
        ("Authorization", proof.as_str()),
        ("Sec-WebSocket-Protocol", "xmpp, jmap"),
    ];
    open(world, &fields).unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn request(id: &str, calls: Value) -> Value {
    json!({
        "@type": "Request", "id": id, "methodCalls": calls,
        "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
    })
}

fn letter(world: &World, subject: &str) {
    let mut smtp = world.smtp();
    smtp.ehlo();
    let text = format!("From: x@noikhac.vn\r\nSubject: {subject}\r\n\r\nThư.\r\n");
    let to = format!("an@{DOMAIN}");
    let done = smtp.transaction("x@noikhac.vn", &[&to], text.as_bytes());
    assert!(done.starts_with("250"), "{done}");
}

#[test]
fn requests_are_answered_by_their_ids() {
    let world = World::new();
    let http = world.http("an");
    let (_, _, session) = http.get("/jmap/session");
    let session: Value = serde_json::from_slice(&session).unwrap();
    let told = &session["capabilities"]["urn:ietf:params:jmap:websocket"];
    let url = format!("{}/jmap/ws", http.site().replace("https:", "wss:"));
    assert_eq!(*told, json!({"url": url, "supportsPush": true}));
    let mut socket = signed_in(&world, "an");
    let echo = |n: usize| json!([["Core/echo", {"n": n}, "c"]]);
    for n in 0..5 {
        socket.say(&request(&format!("R{n}"), echo(n)));
    }
    let mut answered: Vec<Value> = (0..5).map(|_| socket.hear()).collect();
    answered.sort_by_key(|answer| answer["requestId"].to_string());
    for (n, answer) in answered.iter().enumerate() {
        assert_eq!(answer["@type"], "Response");
        assert_eq!(answer["requestId"], format!("R{n}"));
        assert_eq!(answer["methodResponses"], echo(n));
        assert_eq!(answer["sessionState"], session["state"]);
    }
    // Without an id there is none in the answer either.
    let mut plain = request("", echo(7));
    plain.as_object_mut().unwrap().remove("id");
    socket.say(&plain);
    let answer = socket.hear();
    assert!(answer.get("requestId").is_none(), "{answer}");
    socket.send(PING, b"con do khong");
    assert_eq!(socket.frame(), (PONG, b"con do khong".to_vec()));
    world.finish();
}

#[test]
fn what_cannot_be_is_told_with_its_id_and_the_connection_goes_on() {
    let world = World::new();
    let mut socket = signed_in(&world, "an");
    let unknown = json!({"@type": "Request", "id": "u", "using": ["urn:x"], "methodCalls": []});
    let calls: Vec<Value> = (0..17).map(|_| json!(["Core/echo", {}, "c"])).collect();
    let deep = format!(
        "{{\"@type\":\"Request\",\"x\":{}{}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    let error = |kind: &str| format!("urn:ietf:params:jmap:error:{kind}");
    let table = [
        ("{".to_owned(), Value::Null, error("notJSON")),
        ("\u{feff}{}".to_owned(), Value::Null, error("notJSON")),
        (
            "{\"id\":\"a\",\"id\":\"b\"}".to_owned(),
            Value::Null,
            error("notJSON"),
        ),
        (deep, Value::Null, error("notJSON")),
        ("[]".to_owned(), Value::Null, error("notRequest")),
        ("7".to_owned(), Value::Null, error("notRequest")),
        ("{\"id\":\"x\"}".to_owned(), json!("x"), error("notRequest")),
        (
            json!({"@type": "Response", "id": "y"}).to_string(),
            json!("y"),
            error("notRequest"),
        ),
        (
            json!({"@type": "Request", "id": 7}).to_string(),
            Value::Null,
            error("notRequest"),
        ),
        (
            json!({"@type": "Request", "id": "z"}).to_string(),
            json!("z"),
            error("notRequest"),
        ),
        (
            json!({"@type": "WebSocketPushEnable", "id": "e", "dataTypes": "Email"}).to_string(),
            json!("e"),
            error("notRequest"),
        ),
        (unknown.to_string(), json!("u"), error("unknownCapability")),
        (
            request("many", json!(calls)).to_string(),
            json!("many"),
            error("limit"),
        ),
    ];
    for (text, id, kind) in table {
        socket.send(TEXT, text.as_bytes());
        let answer = socket.hear();
        assert_eq!(answer["@type"], "RequestError", "{text}: {answer}");
        assert_eq!(answer["requestId"], id, "{text}: {answer}");
        assert_eq!(answer["type"], kind, "{text}: {answer}");
    }
    socket.say(&request("still", json!([["Core/echo", {}, "c"]])));
    assert_eq!(socket.hear()["requestId"], "still");
    world.finish();
}

/// They are read elsewhere, and answered alike.
#[test]
fn long_messages_are_answered_as_short_ones() {
    let world = World::new();
    let mut socket = signed_in(&world, "an");
    let error = |kind: &str| format!("urn:ietf:params:jmap:error:{kind}");
    let long = "x".repeat(jmap::limit::SOCKET_AT_ONCE_OCTETS);
    let table = [
        (format!("{{\"id\":\"{long}"), Value::Null, error("notJSON")),
        (
            json!({"@type": "Gì", "id": "l", "x": long}).to_string(),
            json!("l"),
            error("notRequest"),
        ),
        (
            json!({"@type": "Request", "id": 7, "x": long}).to_string(),
            Value::Null,
            error("notRequest"),
        ),
    ];
    for (text, id, kind) in table {
        socket.send(TEXT, text.as_bytes());
        let answer = socket.hear();
        assert_eq!(answer["requestId"], id, "{answer}");
        assert_eq!(answer["type"], kind, "{answer}");
    }
    let calls = json!([["Core/echo", {"x": long}, "c"]]);
    socket.say(&request("long", calls.clone()));
    let answer = socket.hear();
    assert_eq!(answer["requestId"], "long");
    assert_eq!(answer["methodResponses"], calls);
    world.finish();
}

#[test]
fn changes_are_told_from_where_the_client_was() {
    let world = World::new();
    let account = world.http("an").account();
    let state = || {
        let got = world.http("an").jmap("Email/get", json!({"ids": []}));
        got["state"].clone()
    };
    let before = state();
    let mut socket = signed_in(&world, "an");
    let enable = |types: Value, from: &Value| json!({"@type": "WebSocketPushEnable", "dataTypes": types, "pushState": from});
    socket.say(&enable(json!(["Email"]), &Value::Null));
    // Answered after it was turned on.
    socket.say(&request("on", json!([["Core/echo", {}, "c"]])));
    assert_eq!(socket.hear()["requestId"], "on");
    letter(&world, "Thư một");
    let told = socket.hear();
    let expected = json!({"@type": "StateChange", "changed": {&account: {"Email": state()}}, "pushState": state()});
    assert_eq!(told, expected);
    // Turned off, nothing is told; turned on with an old state, all since then is.
    socket.say(&json!({"@type": "WebSocketPushDisable"}));
    letter(&world, "Thư hai");
    socket.say(&request("off", json!([["Core/echo", {}, "c"]])));
    assert_eq!(socket.hear()["requestId"], "off");
    socket.say(&enable(Value::Null, &before));
    let told = socket.hear();
    assert_eq!(told["changed"][&account]["EmailDelivery"], state());
    assert_eq!(told["pushState"], state());
    // RFC 8887 §4.3.5.2: null is all types that there are, and a state that is none of ours tells everything.
    socket.say(&enable(Value::Null, &json!("rác")));
    let told = socket.hear();
    let changed = told["changed"][&account].as_object().unwrap();
    let types: Vec<&String> = changed.keys().collect();
    let all = [
        "Email",
        "EmailDelivery",
        "EmailSubmission",
        "Identity",
        "Mailbox",
        "Quota",
        "ShareNotification",
        "Thread",
        "VacationResponse",
    ];
    assert_eq!(types, all);
    assert_eq!(changed["Mailbox"], state());
    world.finish();
}

#[test]
fn who_may_not_come_in_does_not() {
    let world = World::new();
    let status = |fields: &[(&str, &str)]| open(&world, fields).err().map(|refused| refused.0);
    let jmap = ("Sec-WebSocket-Protocol", "jmap");
    let proof = basic("an");
    let signed = ("Authorization", proof.as_str());
    assert_eq!(status(&[jmap]), Some(401));
    let wrong = basic("khong-co");
    assert_eq!(status(&[jmap, ("Authorization", &wrong)]), Some(401));
    assert_eq!(status(&[signed]), Some(400), "no subprotocol");
    let other = ("Sec-WebSocket-Protocol", "xmpp");
    assert_eq!(status(&[signed, other]), Some(400));
    let (plain, _, _) = world.http("an").get("/jmap/ws");
    assert_eq!(plain, 400, "no handshake");
    // A browser's session, from this host's page and from another's.
    let directory = &world.services.directory;
    let peer = directory::Peer {
        ip: "192.0.2.1".parse().unwrap(),
        service: "web",
    };
    let secret = directory::Secret::new(PASSWORD);
    let access = directory.sign_in(&format!("an@{DOMAIN}"), &secret, peer);
    let token = directory.open_session(&access.unwrap(), peer).unwrap();
    let cookie = format!("__Host-session={}", token.0);
    let session = ("Cookie", cookie.as_str());
    let elsewhere = ("Origin", "https://evil.example");
    assert_eq!(status(&[jmap, session, elsewhere]), Some(403));
    let own = format!("https://localhost:{}", world.address("https").port());
    assert_eq!(status(&[jmap, session, ("Origin", &own)]), None);
    world.finish();
}

#[test]
fn i13_what_is_too_much_ends_the_connection() {
    let world = World::new();
    let mut socket = signed_in(&world, "an");
    socket.send(BINARY, b"{}");
    assert_eq!(socket.gone(), 1003, "RFC 6455 §7.4.1: text alone");
    let mut socket = signed_in(&world, "an");
    socket.announce(jmap::limit::REQUEST_OCTETS_MAX as u64 + 1);
    // RFC 8887 §4.3.1: told before it ends.
    let told = socket.hear();
    assert_eq!(
        (&told["@type"], &told["requestId"], &told["limit"]),
        (
            &json!("RequestError"),
            &Value::Null,
            &json!("maxSizeRequest")
        ),
        "{told}"
    );
    assert_eq!(socket.gone(), 1009, "too big");
    // Each account has a limit of them.
    let mut held: Vec<WsClient> = (0..jmap::limit::SOCKETS_MAX)
        .map(|_| signed_in(&world, "binh"))
        .collect();
    let proof = basic("binh");
    let fields = [
        ("Authorization", proof.as_str()),
        ("Sec-WebSocket-Protocol", "jmap"),
    ];
    assert_eq!(open(&world, &fields).err().map(|r| r.0), Some(429));
    // Who goes makes room.
    held.pop();
    assert!(tests::until(|| open(&world, &fields).is_ok()));
    world.finish();
}

#[test]
fn a_password_that_was_changed_ends_it() {
    let world = World::new();
    let mut socket = signed_in(&world, "an");
    let directory = &world.services.directory;
    let address = formats::address::Address::parse(&format!("an@{DOMAIN}")).unwrap();
    let account = directory.account_at(&address).unwrap().id;
    let secret = directory::Secret::new("Mat-khau-khac-2026");
    directory.set_password(None, account, &secret).unwrap();
    socket.say(&request("late", json!([["Core/echo", {}, "c"]])));
    assert_eq!(socket.gone(), 1008);
    world.finish();
}
