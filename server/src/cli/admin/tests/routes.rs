//! Every operation of the API has a command: each line below is run against a server that says yes to everything, and
//! what was asked is compared with the OpenAPI document.

use super::{Line, act, request};
use clap::Parser as _;
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// `FILE` is a file to read, `OUT` one to write.
const LINES: &[&str] = &[
    "accounts list",
    "accounts create a@x.vn --name A --agency H99",
    "accounts show 7",
    "accounts update 7 --name A",
    "accounts delete 7",
    "accounts usage 7",
    "accounts propose An --domain x.vn --agency H99",
    "agencies list",
    "approvals list",
    "approvals show 7",
    "approvals approve 7",
    "approvals refuse 7",
    "agencies create H99.9 --name A",
    "agencies show H99",
    "agencies update H99 --name A",
    "agencies delete H99",
    "agencies usage H99",
    "aliases list",
    "aliases create b@x.vn --account 7",
    "aliases show b@x.vn",
    "aliases update b@x.vn --account 7",
    "aliases delete b@x.vn",
    "audit list",
    "audit show 7",
    "audit verify",
    "audit export --out OUT --reason x",
    "credentials list 7",
    "credentials show 7 7",
    "credentials create 7 --label x",
    "credentials password 7 --file FILE",
    "credentials delete 7 7",
    "dmarc-reports list x.vn",
    "dmarc-reports show x.vn 7",
    "domains list",
    "domains create y.vn --agency H99",
    "domains show x.vn",
    "domains update x.vn --agency H99",
    "domains delete x.vn",
    "domains tls-reports x.vn",
    "domains dkim list x.vn",
    "domains dkim rotate x.vn",
    "domains dkim activate x.vn",
    "domains dkim delete x.vn s1",
    "export accounts --out OUT --reason x",
    "forwarding show 7",
    "forwarding set 7 --to a@x.vn",
    "forwarding outside H99",
    "forwarding outside H99 allow",
    "grants list",
    "grants show 7-1",
    "grants give 7 --agency H99 --role auditor",
    "grants change 7-1 --role auditor",
    "grants take 7-1",
    "policies list",
    "policies show H99",
    "policies set H99 password_min=12",
    "accounts policy 7",
    "holds list",
    "holds list --account 7",
    "holds place 7 --name A --reason x",
    "holds release 7 --name A",
    "holds export 7 --name A --to OUTDIR --reason x",
    "impersonations list 7",
    "impersonations open 7 --minutes 30 --reason x",
    "impersonations end 7 7",
    "import accounts FILE",
    "jobs list",
    "jobs show 7",
    "jobs results 7",
    "jobs apply 7",
    "jobs cancel 7",
    "jobs undo 7",
    "jobs letters 7 --out OUT",
    "members list 7",
    "members set 7 a@x.vn --rights lr",
    "members remove 7 a@x.vn",
    "lists show 7",
    "lists set 7 --posting members",
    "lists add 7 a@x.vn --force",
    "orders list 7",
    "orders record 7 --number 1 --date 2026-11-01 --issuer A --hidden-until 2026-12-01T00:00:00Z",
    "orders end 7 7",
    "positions list",
    "positions create --agency H99 --title A",
    "positions show 7",
    "positions update 7 --title A",
    "positions delete 7",
    "positions handover 7 --to 7 --sealed",
    "queue list",
    "queue show 7",
    "queue delete 7",
    "queue hold 7",
    "queue release 7",
    "queue retry 7",
    "queue reroute 7 --back",
    "queue hold --all",
    "reads 7",
    "recovery removed 7 --reason x",
    "recovery undelete 7 7 --reason x",
    "recovery restore 7 --at 2026-11-20T08:00:00Z --folder A --reason x",
    "recovery give-up 7 --reason x",
    "recovery backups",
    "recovery from-backup 7 --folder A --reason x",
    "senders list 7",
    "senders set 7 a@x.vn --sending as",
    "senders remove 7 a@x.vn",
    "sending list",
    "sending show 7",
    "sending suspend 7",
    "sending limits H99",
    "sending set-limits H99 --each messages_hour=9",
    "store health",
    "store keys",
    "store rotate-keys",
    "store rotate-master",
    "store verify",
    "tokens list",
    "tokens create --label x",
    "tokens show 7-7",
    "tokens delete 7-7",
    "trace search --reason x",
    "trace show t --reason x",
    "webhooks list",
    "webhooks create --agency H99 --label A --to https://a.vn/",
    "webhooks show 7",
    "webhooks enable 7",
    "webhooks delete 7",
];

/// What fits every question: one thing with all names that a command looks for.
const YES: &str = r#"{"id": 7, "number": 7, "version": 1, "address": "a@x.vn", "name": "A", "label": "A",
    "kind": "list", "members": ["a@x.vn"], "grants": [], "agency": "H99", "state": "working", "finished": true,
    "count": 0, "findings": [], "holds": true, "first": 1, "last": 7, "hash": "00", "matching": 1, "done": 1,
    "total": 1, "busy": 0, "more": false, "made": 1, "kept": "k", "secret": "s", "to": [], "events": [],
    "progress": [], "missed": [], "writable": true, "counts": {}, "message": {"id": "t", "recipients": [],
    "origin": {"kind": "submitted"}}, "posters": [], "owners": [], "values": {}, "each": {}, "limits": {}"#;

/// Says yes to everything and keeps what it was asked.
struct Yes {
    url: String,
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Yes {
    fn start() -> Self {
        let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), key.cert.pem()).unwrap();
        std::fs::write(folder.path().join("file"), "Hoa-Sen-2027").unwrap();
        let secret = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], secret)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (asked, ends) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (keeps, ended) = (Arc::clone(&asked), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::Stream::new(&mut session, &mut socket);
                let asked = request(&mut stream);
                let body = answer(&asked);
                let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n", body.len());
                let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
                let keeps: &Mutex<Vec<String>> = &keeps;
                let line = asked.lines().next().unwrap_or_default().to_owned();
                keeps.lock().unwrap().push(line);
            }
        });
        Self {
            url,
            folder,
            asked,
            ends,
            thread: Some(thread),
        }
    }

    fn run(&self, line: &str) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let (ca, file) = (at("ca.pem"), at("file"));
        let fixed = ["admin", "--url", &self.url, "--token", "cv_x", "--ca", &ca];
        // A file that holds passwords is never written over another.
        let fresh = line.replace([' ', '/'], "-");
        let (out, folder) = (at(&fresh), at(&format!("{fresh}.d")));
        let words = line.split(' ').map(|word| match word {
            "FILE" => file.as_str(),
            "OUT" => out.as_str(),
            "OUTDIR" => folder.as_str(),
            word => word,
        });
        let parsed = Line::try_parse_from(fixed.into_iter().chain(words));
        let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
        // What it makes of a yes that means nothing is not looked at.
        let _ = act(parsed.args, &mut Vec::new());
    }
}

impl Drop for Yes {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("https://"));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A list has one row; what takes long has not ended when it is begun.
fn answer(asked: &str) -> String {
    let begun = asked.starts_with("POST ")
        && ["/verify", "/backup-restores", "/imports/"]
            .iter()
            .any(|part| asked.contains(part));
    let yes = match begun {
        true => YES.replace("\"finished\": true", "\"finished\": false"),
        false => YES.to_owned(),
    };
    format!("{yes}, \"items\": [{YES}}}], \"cursor\": null}}")
}

/// The operation that a request is.
fn operation(asked: &str, operations: &[(String, String)]) -> Option<(String, String)> {
    let (verb, rest) = asked.split_once(' ')?;
    let path = rest.split([' ', '?']).next()?;
    let fits = |template: &str| {
        let (mine, theirs) = (path.split('/'), template.split('/'));
        mine.clone().count() == theirs.clone().count()
            && mine
                .zip(theirs)
                .all(|(part, slot)| slot.starts_with('{') || part == slot)
    };
    let same = operations
        .iter()
        .filter(|(method, path)| method == verb && fits(path));
    // The one with the fewest variable parts.
    same.min_by_key(|(_, path)| path.matches('{').count())
        .cloned()
}

#[test]
fn every_operation_has_a_command() {
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let verbs = ["get", "post", "put", "patch", "delete"].into_iter();
        let there = verbs.filter(|verb| item.get(verb).is_some());
        operations.extend(there.map(|verb| (verb.to_uppercase(), path.clone())));
    }
    let server = Yes::start();
    for line in LINES {
        server.run(line);
    }
    let asked = server.asked.lock().unwrap().clone();
    let found: BTreeSet<_> = asked
        .iter()
        .filter_map(|asked| operation(asked, &operations))
        .collect();
    let missing: Vec<_> = operations
        .iter()
        .filter(|one| !found.contains(*one))
        .collect();
    assert!(missing.is_empty(), "no command for {missing:#?}");
    let strange: Vec<_> = asked
        .iter()
        .filter(|asked| operation(asked, &operations).is_none())
        .collect();
    assert!(strange.is_empty(), "no operation for {strange:#?}");
}
