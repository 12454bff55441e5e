//! Command lines, and whole commands against a scripted server on loopback with TLS.

mod audit;
mod routes;

use super::*;
use clap::Parser as _;
use rustls_pki_types::PrivateKeyDer;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: AdminArgs,
}

fn check(line: &str, fits: bool) {
    let parsed = Line::try_parse_from(line.split(' '));
    assert_eq!(parsed.is_ok(), fits, "{line}: {parsed:?}");
}

#[test]
fn command_lines_of_sending() {
    check(
        "admin senders set chutich@x.vn annv@x.vn --sending on_behalf",
        true,
    );
    check(
        "admin senders set chutich@x.vn annv@x.vn --sending gladly",
        false,
    );
    check("admin senders set chutich@x.vn annv@x.vn", false);
    check("admin senders list 7", true);
    check("admin lists add phong@x.vn a@x.vn b@y.vn", true);
    check("admin lists add phong@x.vn a@x.vn --force", true);
    check("admin lists add phong@x.vn", false);
    check(
        "admin lists set phong@x.vn --posting members --owner a@x.vn",
        true,
    );
    check("admin lists set phong@x.vn --posting all", false);
    check("admin forwarding set a@x.vn --to b@x.vn --no-copy", true);
    check("admin forwarding set a@x.vn", false);
    check("admin forwarding outside H99 allow", true);
    check("admin forwarding outside H99 perhaps", false);
    check("admin sending resume annv@x.vn", true);
    check(
        "admin sending set-limits H99 --each messages_hour=9 --total recipients_day=9",
        true,
    );
    check("admin sending resume", false);
}

#[test]
fn command_lines_of_tables_and_jobs() {
    check("admin import accounts a.csv --dry-run --agency H99", true);
    check("admin import accounts a.csv --skip-errors --no-wait", true);
    check("admin import cars a.csv", false);
    check("admin import accounts", false);
    check(
        "admin export members --delimiter semicolon --out m.csv",
        true,
    );
    check(
        "admin jobs results 7 --outcome error --limit 3 --json",
        true,
    );
    check("admin jobs results 7 --outcome bad", false);
    check("admin jobs letters 7 --out l.html --again", true);
    check("admin jobs letters 7", false);
    check("admin job apply 7 --skip-errors", true);
    check("admin jobs undo", false);
}

#[test]
fn command_lines_are_understood_or_refused() {
    <Line as clap::CommandFactory>::command().debug_assert();
    check("admin agencies list", true);
    check(
        "admin agencies list --parent H99 --demo demo-data --json",
        true,
    );
    check("admin --demo demo-data account show annv@x.vn", true);
    check("admin domains dkim list x.vn --dns", true);
    check("admin domains dkim rotate x.vn --json", true);
    check("admin domains dkim activate x.vn --force", true);
    check("admin domains dkim delete x.vn", false);
    check("admin domains tls-reports x.vn --json", true);
    check("admin dmarc-reports list x.vn --limit 3 --lang en", true);
    check("admin dmarc-reports show x.vn ffff --json", true);
    check("admin dmarc-reports show x.vn", false);
    check(
        "admin accounts create annv@x.vn --name An --agency H99.1 --quota 5G",
        true,
    );
    check(
        "admin accounts update 7 --grant auditor:H99 --grant administrator:H99.1",
        true,
    );
    check(
        "admin accounts update 7 --grant auditor:H99 --no-grants",
        false,
    );
    check("admin accounts create annv@x.vn --name An", false);
    check("admin accounts update 7 --messages-max 1000 --quota=", true);
    check("admin accounts usage annv@x.vn", true);
    check(
        "admin agencies update H99.1 --quota 1T --account-quota 2G --soft-percent 80",
        true,
    );
    check("admin agencies usage H99.1", true);
    check("admin holds place annv@x.vn --name A --reason B", true);
    check("admin holds place annv@x.vn --name A", false);
    check("admin holds export annv@x.vn --name A --to out", true);
    check("admin holds export annv@x.vn --name A", false);
    check("admin recovery undelete 7 1 2 3 --mailbox INBOX", true);
    check("admin recovery undelete 7", false);
    check("admin recovery restore 7 --at 2026-11-20T08:00:00Z", false);
    check(
        "admin recovery restore 7 --at 2026-11-20T08:00:00Z --folder Cu",
        true,
    );
    check(
        "admin recovery restore 7 --at 2026-11-20T08:00:00Z --in-place --aside Sau",
        true,
    );
    check("admin store verify --json --deep", true);
    check("admin store rotate-keys --agency H99.1", true);
    check("admin store rotate-master", true);
    check("admin recovery backups", true);
    check("admin recovery from-backup 7", false);
    check("admin recovery from-backup 7 --folder A --in-place", false);
    check(
        "admin recovery from-backup 7 --in-place --backup 20261120T010000Z --mailbox INBOX",
        true,
    );
    check("admin credentials password 7 --generate --lang en", true);
    check("admin credentials password 7 --generate --file x", false);
    check("admin queue retry 12", true);
    check("admin queue retry twelve", false);
    check("admin audit list --act account --limit 5", true);
    check("admin --token a --token-file b audit list", false);
    check("admin", false);
}

#[test]
fn acts_on_the_tree_are_understood_or_refused() {
    check(
        "admin agencies update H99.1 --kind commune --code 000.00.01.H99 --until 2025-06-30 --order 3",
        true,
    );
    check("admin agencies update H99.1 --kind village", false);
    check("admin agencies update H99.1 --code H1 --no-codes", false);
    check(
        "admin agencies list --at 2025-06-30 --kind commune --code H99.1",
        true,
    );
    check("admin positions list --agency H99.1 --vacant", true);
    check("admin positions list --vacant --held", false);
    check(
        "admin positions create --agency H99.1 --kind clerk --title VT --mailbox a@x.vn",
        true,
    );
    check(
        "admin positions create --agency H99.1 --kind king --title VT",
        false,
    );
    check(
        "admin positions handover 3 --to a@x.vn --sealed --reason QD",
        true,
    );
    check("admin positions handover 3 --to-nobody", true);
    check("admin positions handover 3", false);
    check("admin positions handover 3 --to a@x.vn --to-nobody", false);
    check(
        "admin lists rule a@x.vn --under H99 --agency-kind commune --position-kind chairman",
        true,
    );
    check("admin lists rule a@x.vn --none", true);
    check(
        "admin lists rule a@x.vn --none --agency-kind commune",
        false,
    );
    check("admin lists rule a@x.vn", false);
    check("admin domains update x.vn --until 2028-06-30", true);
}

#[test]
fn command_lines_of_grants() {
    check("admin grants list --agency H99.1 --json", true);
    check("admin grants give 7 --agency H99.1 --role auditor", true);
    check(
        "admin grants give an@x.vn --agency H99.1 --may create_accounts --may read_trace --accounts-max 40",
        true,
    );
    check(
        "admin grants give 7 --agency H99.1 --role auditor --may read_trace",
        false,
    );
    check("admin grants give 7 --role auditor", false);
    check("admin grants change 7-1 --until= --if-match 2", true);
    check("admin grants take 7-1 --with-given", true);
    check("admin grants take", false);
}

#[test]
fn command_lines_of_policies_and_approvals() {
    check("admin policies list --limit 3 --json", true);
    check("admin policies show H99.1", true);
    check(
        "admin policies set H99 password_min=12 imap=off --lock --if-match 3",
        true,
    );
    check("admin policies set H99", false);
    check("admin policies clear H99 imap pop3", true);
    check("admin accounts policy an@x.vn", true);
    check("admin approvals list --state waiting", true);
    check("admin approvals approve 7", true);
    check("admin approvals refuse seven", false);
}

#[test]
fn acts_on_the_queue_are_understood_or_refused() {
    check(
        "admin queue hold --domain x.vn --older-than 2h --dry-run",
        true,
    );
    check("admin queue hold --older-than 2", false);
    check(
        "admin queue reroute 12 --to 10.0.0.7:2525 --tls verified",
        true,
    );
    check("admin queue reroute --all --back", true);
    check("admin queue reroute 12", false);
    check("admin trace search --to a@b.vn --since 5d --mine", true);
    check("admin trace show 1nbtxw0abcdefgh", true);
    check("admin trace show", false);
}

#[test]
fn command_lines_of_the_log() {
    check(
        "admin audit list --account 7 --since 2026-11-01T00:00:00Z",
        true,
    );
    check("admin audit verify --expect 7:ab", true);
    check(
        "admin audit export --format csv --out a.csv --reason x",
        true,
    );
    check("admin audit export --format xml", false);
    check("admin reads annv@x.vn --limit 3 --json", true);
    check("admin reads", false);
    check("admin orders end 7 815", true);
    check("admin impersonations open a@x.vn --minutes 9", true);
    check("admin impersonations open a@x.vn --reason x", false);
    check("admin orders record 7 --number 1", false);
    check("admin trace search --reason x --legal-order 815", true);
    check("admin trace search --legal-order x", false);
    check("admin --reason x holds place 7 --name A --reason y", true);
    check(
        "admin webhooks create --agency H99 --label A --to https://a.vn --event account.created",
        true,
    );
    check(
        "admin webhooks update 7 --all-events --event account.created",
        false,
    );
    check("admin webhook enable 7 --skip", true);
}

#[test]
fn why_and_under_which_order_goes_along() {
    let server = Scripted::start(&[(200, r#"{"items": [], "cursor": null}"#)]);
    let (printed, asked) = server.run("reads 7 --reason Kiểm_tra --legal-order 815");
    printed.unwrap();
    assert!(
        asked[0].starts_with("GET /api/v1/accounts/7/reads?limit=50 "),
        "{asked:?}"
    );
    assert!(
        asked[0].contains("audit-reason: Ki%E1%BB%83m_tra\r\n"),
        "{asked:?}"
    );
    assert!(asked[0].contains("legal-order: 815\r\n"), "{asked:?}");
}

/// A server that answers each request with the next line of a script and keeps what it was asked.
struct Scripted {
    url: String,
    ca: tempfile::TempDir,
    asked: JoinHandle<Vec<String>>,
}

impl Scripted {
    fn start(answers: &'static [(u16, &'static str)]) -> Self {
        let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let ca = tempfile::tempdir().unwrap();
        std::fs::write(ca.path().join("ca.pem"), key.cert.pem()).unwrap();
        let secret = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], secret)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let config = Arc::new(config);
        let serve = move |(status, body): &(u16, &str)| {
            let (mut socket, _) = listener.accept().unwrap();
            let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::Stream::new(&mut session, &mut socket);
            let asked = request(&mut stream);
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
            let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
            asked
        };
        let asked = std::thread::spawn(move || answers.iter().map(serve).collect());
        Self { url, ca, asked }
    }

    /// Runs a command against it; what it printed, and what it asked.
    fn run(self, line: &str) -> (anyhow::Result<String>, Vec<String>) {
        let printed = run(&self.url, &self.ca.path().join("ca.pem"), line);
        (printed, self.asked.join().unwrap())
    }
}

fn run(url: &str, ca: &Path, line: &str) -> anyhow::Result<String> {
    let (printed, done) = said(url, ca, line);
    done.map(|()| printed)
}

/// What it printed, and how it ended.
fn said(url: &str, ca: &Path, line: &str) -> (String, anyhow::Result<()>) {
    let ca = ca.to_str().unwrap();
    let fixed = ["admin", "--url", url, "--token", "cv_secret", "--ca", ca];
    let args = Line::try_parse_from(fixed.into_iter().chain(line.split(' ')))
        .unwrap()
        .args;
    let mut out = Vec::new();
    let done = act(args, &mut out);
    (String::from_utf8(out).unwrap(), done)
}

/// Head and body of one request.
fn request(stream: &mut impl std::io::Read) -> String {
    let mut asked = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&asked).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |l| l.parse().unwrap()) {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => asked.extend_from_slice(&piece[..n]),
            _ => return text,
        }
    }
}

#[test]
fn a_list_is_read_to_its_end_and_printed_as_a_table() {
    let server = Scripted::start(&[
        (
            200,
            r#"{"items": [{"id": "H99", "name": "Tỉnh", "version": 1}], "cursor": "a1"}"#,
        ),
        (
            200,
            r#"{"items": [{"id": "H99.1", "name": "Sở Nội vụ", "version": 2}], "cursor": null}"#,
        ),
    ]);
    let (printed, asked) = server.run("agencies list --parent H99");
    let printed = printed.unwrap();
    assert!(printed.contains("H99.1  -         Sở Nội vụ"), "{printed}");
    assert!(printed.ends_with("(2 dòng)\n"), "{printed}");
    assert!(
        asked[0].starts_with("GET /api/v1/agencies?parent=H99&limit=500 "),
        "{asked:?}"
    );
    assert!(asked[1].contains("limit=500&cursor=a1 "), "{asked:?}");
    assert!(
        asked[0]
            .to_lowercase()
            .contains("authorization: bearer cv_secret\r\n")
    );
    assert!(asked[0].contains("accept-language: vi\r\n"));
}

#[test]
fn a_change_names_what_was_given_and_its_version() {
    let server = Scripted::start(&[
        (200, r#"{"items": [{"id": 7}], "cursor": null}"#),
        (200, r#"{"id": 7, "address": "annv@x.vn"}"#),
    ]);
    let line = "accounts update annv@x.vn --quota 1K --position= --if-match 3 --json";
    let (printed, asked) = server.run(line);
    let json: serde_json::Value = serde_json::from_str(&printed.unwrap()).unwrap();
    assert_eq!(json["id"], 7);
    assert!(
        asked[0].starts_with("GET /api/v1/accounts?address=annv%40x.vn "),
        "{asked:?}"
    );
    assert!(
        asked[1].starts_with("PATCH /api/v1/accounts/7 "),
        "{asked:?}"
    );
    assert!(asked[1].contains("if-match: \"3\"\r\n"), "{asked:?}");
    let body = asked[1].split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, serde_json::json!({"position": null, "quota": 1024}));
}

#[test]
fn whose_waiting_messages_are_meant_is_said_by_address() {
    let account = (200, r#"{"items": [{"id": 7}], "cursor": null}"#);
    let none = (200, r#"{"items": [], "cursor": null}"#);
    let (printed, asked) =
        Scripted::start(Box::leak(Box::new([account, none]))).run("queue list --submitter a@x.vn");
    printed.unwrap();
    assert!(asked[1].contains("submitter=7&"), "{asked:?}");

    let counted = (200, r#"{"matching": 0, "more": false}"#);
    let (printed, asked) = Scripted::start(Box::leak(Box::new([none, account, counted])))
        .run("queue release --submitter gone@x.vn --dry-run");
    printed.unwrap();
    assert!(asked[1].contains("deleted=true"), "{asked:?}");
    let body = asked[2].split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["submitter"], 7);
}

#[test]
fn making_something_can_be_repeated_safely() {
    let server = Scripted::start(&[(201, r#"{"id": "2-9", "secret": "cv_once"}"#)]);
    let (printed, asked) = server.run("tokens create --label x --lang en");
    assert!(printed.unwrap().contains("Secret     cv_once"));
    assert!(asked[0].contains("idempotency-key: "), "{asked:?}");
}

#[test]
fn refusals_are_told_and_strangers_are_not_trusted() {
    let problem = r#"{"title": "Không tìm thấy", "detail": "Không có gì.", "status": 404}"#;
    let (printed, _) = Scripted::start(Box::leak(Box::new([(404, problem)]))).run("queue show 7");
    let error = printed.unwrap_err();
    assert_eq!(
        error.downcast_ref::<Refused>().unwrap().to_string(),
        "404 Không tìm thấy: Không có gì.\n"
    );

    let server = Scripted::start(&[(200, "{}")]);
    let stranger = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let ca = server.ca.path().join("stranger.pem");
    std::fs::write(&ca, stranger.cert.pem()).unwrap();
    let error = run(&server.url, &ca, "queue show 7 --lang en").unwrap_err();
    assert!(error.downcast_ref::<Refused>().is_none(), "{error:#}");
    assert!(
        format!("{error:#}").starts_with("cannot reach https://127.0.0.1"),
        "{error:#}"
    );
    let asked = server.asked.join().unwrap();
    assert!(
        !asked[0].contains("cv_secret"),
        "the token went to a stranger"
    );
}

#[test]
fn a_timeline_is_told_line_by_line() {
    let told = r#"{"message": {"id": "t", "recipients": ["x@noi.vn"], "origin": {"kind": "submitted"}}, "events": [
        {"at": "2026-11-22T00:00:00Z", "kind": "queued"},
        {"at": "2026-11-22T00:00:01Z", "kind": "tried", "hop": "noi.vn", "tls": "TLSv1.3", "results":
            [{"outcome": "failed", "said": "5.1.1 nobody", "recipients": ["x@noi.vn"]}]},
        {"at": "2026-11-22T00:00:01Z", "kind": "told", "late": false, "notice": "n", "recipients": ["x@noi.vn"]}],
        "progress": [{"recipient": "x@noi.vn", "state": "failed", "at": "2026-11-22T00:00:01Z", "next_try": null,
            "meaning": "There is no such mailbox."}]}"#;
    let answers = Box::new([(200, told)]);
    let (printed, asked) = Scripted::start(Box::leak(answers)).run("trace show t --lang en");
    assert!(asked[0].starts_with("GET /api/v1/trace/t "));
    let printed = printed.unwrap();
    for line in [
        "2026-11-22T00:00:00Z  queued",
        "2026-11-22T00:00:01Z  noi.vn (TLSv1.3)\n    failed x@noi.vn: 5.1.1 nobody",
        "2026-11-22T00:00:01Z  the sender was told of the failure: x@noi.vn (n)",
        "x@noi.vn   failed  2026-11-22T00:00:01Z  -         There is no such mailbox.",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}

#[test]
fn an_act_on_many_is_counted_before_it_is_done() {
    let counted = r#"{"matching": 7, "done": 0, "busy": 0, "more": false}"#;
    let done = r#"{"matching": 7, "done": 5, "busy": 2, "more": false}"#;
    let answers = Box::new([(200, counted), (200, done)]);
    let words = "queue hold --domain x.vn --older-than 2h --limit 9 --lang en";
    let (printed, asked) = Scripted::start(Box::leak(answers)).run(words);
    assert_eq!(
        printed.unwrap(),
        "7 messages fit.\n5 held; 2 are being sent.\n"
    );
    assert!(
        asked
            .iter()
            .all(|ask| ask.starts_with("POST /api/v1/queue/acts "))
    );
    assert!(asked[0].contains("\"dry_run\":true") && !asked[1].contains("dry_run"));
    assert!(asked[1].contains("\"older_than\":7200") && asked[1].contains("\"limit\":9"));
}

#[test]
fn what_was_not_put_back_is_a_refusal_and_no_row() {
    let check = |answer: &'static str, ids: &str, rows: usize| {
        let scripted = Scripted::start(Box::leak(Box::new([(200, answer)])));
        let line = format!("recovery undelete 7 {ids} --lang en");
        let (printed, done) = said(&scripted.url, &scripted.ca.path().join("ca.pem"), &line);
        let refused = done.unwrap_err().to_string();
        assert!(
            refused.contains("no removed message has the number 9"),
            "{refused}"
        );
        // A heading, the rows, and how many they are.
        let lines = if rows == 0 { 0 } else { rows + 2 };
        assert_eq!(printed.lines().count(), lines, "{printed}");
        scripted.asked.join().unwrap();
    };
    check(r#"{"items": [{"id": 9, "message": null}]}"#, "9", 0);
    let one = r#"{"items": [{"id": 8, "message": 12}, {"id": 9, "message": null}]}"#;
    check(one, "8 9", 1);
}

#[test]
fn a_verification_is_asked_after_until_it_has_ended() {
    let goes_on = r#"{"id": 4, "finished": false, "stage": "content", "done": 1, "total": 9,
        "findings": [], "count": 0}"#;
    let found = r#"{"id": 4, "finished": true, "findings": ["content 7: damaged"], "count": 1}"#;
    let answers = Box::new([(200, goes_on), (200, goes_on), (200, found)]);
    let (printed, asked) = Scripted::start(Box::leak(answers)).run("store verify --deep --lang en");
    let error = printed.unwrap_err();
    assert_eq!(error.to_string(), "1 lỗi / 1 findings");
    assert!(asked[0].starts_with("POST /api/v1/store/verify?deep=true "));
    for ask in &asked[1..] {
        assert!(ask.starts_with("GET /api/v1/store/verify/4 "), "{ask}");
    }
}

#[test]
fn what_would_be_done_is_shown() {
    let would = r#"{"dry_run": true, "takes_two": true, "changes": [
        {"act": "approval.ask", "object": "a@x.vn", "detail": {"name": ["A", "B"]}}]}"#;
    let answers = Box::new([(200, would)]);
    let words = "grants take 7 --dry-run --lang en";
    let (printed, asked) = Scripted::start(Box::leak(answers)).run(words);
    assert!(asked[0].starts_with("DELETE /api/v1/grants/7?dry_run=true "));
    let printed = printed.unwrap();
    for line in [
        "approval.ask  a@x.vn",
        "This takes two persons",
        "A dry run: nothing was changed.",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    // Questions are asked as ever; jobs and tables have dry runs of their own.
    check("admin --dry-run accounts list", true);
    check("admin jobs undo 3 --dry-run", true);
    check("admin queue hold --all --dry-run", true);
}
