//! JMAP on a large account (issue "Speed"): pages by date, by words and by threads, rows with previews, changes, many
//! mailboxes, many who are pushed to. `cargo run --release -p tests --bin bench -- jmap [letters]`, 100,000 unless told
//! otherwise; bounded in count and time.

use super::{RUNS, cpu, memory, spread};
use base64::Engine as _;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tests::http_client::HttpClient;
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::stream::{Stream, tls_config};

/// Letters unless told otherwise.
const LETTERS: usize = 100_000;
/// Connections that fill the account, and letters of one APPEND (RFC 3502).
const FILLERS: usize = 8;
const AT_ONCE: usize = 100;
/// How long filling may take; what is not there by then is left out, and said.
const FILL: Duration = Duration::from_secs(150);
/// How long the search index may take.
const INDEX: Duration = Duration::from_secs(60);
/// Of one measurement by one client.
const REQUESTS: usize = 20;
/// At once, and how long.
const CLIENTS: usize = 8;
const STRETCH: Duration = Duration::from_secs(8);
const MAILBOXES: usize = 500;
const CHANGES: usize = 1_000;
/// Push connections: of so many accounts, as many each as one may have.
const EARS: usize = 1_000;
const ACCOUNTS: usize = EARS.div_ceil(::jmap::limit::STREAMS_MAX as usize);
/// What one of them may take of the server's memory, with its connection; over it the measurement fails.
const EAR_KIB_MAX: f64 = 128.0;
/// Changes a second, and for how long.
const RATE: u64 = 10;
const TOLD: Duration = Duration::from_secs(10);

/// A letter of some lines; one in a thousand has a rare word, one in ten a common one, a third goes on with a thread.
fn letter(number: usize) -> Vec<u8> {
    let word = match number {
        n if n % 1_000 == 7 => "Chiêm Hóa",
        n if n % 10 == 3 => "công vụ",
        n if n % 10 == 4 => "cong vu",
        _ => "báo cáo",
    };
    let reply = match number % 3 {
        2 => format!("In-Reply-To: <jm.{}@b.example>\r\n", number - 1),
        _ => String::new(),
    };
    let mut text = format!(
        "From: =?utf-8?q?V=C4=83n_th=C6=B0?= <a{}@b.example>\r\nTo: annv@tinhmau.gov.vn\r\nSubject: {}Van ban so {}\r\n\
         Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <jm.{number}@b.example>\r\n{reply}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        number % 97,
        if reply.is_empty() { "" } else { "Re: " },
        number - usize::from(!reply.is_empty()),
    );
    for line in 0..6 {
        let _ = write!(
            text,
            "Số {number}, dòng {line}: Ủy ban nhân dân tỉnh đề nghị các cơ quan {word} kết quả thực hiện.\r\n"
        );
    }
    text.into_bytes()
}

struct House {
    process: Process,
    facts: Value,
}

/// One JMAP client of one account.
#[derive(Clone)]
struct Client {
    http: HttpClient,
    account: String,
}

impl House {
    fn person(&self, at: usize) -> (String, String) {
        let account = &self.facts["accounts"][at];
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        (text("address"), text("password"))
    }

    fn ca(&self) -> &Path {
        Path::new(self.facts["ca"].as_str().unwrap())
    }

    fn client(&self, at: usize) -> Client {
        let (address, password) = self.person(at);
        let http = HttpClient::new(self.process.address("https"), self.ca());
        let http = http.basic(&address, &password);
        Client {
            account: http.account(),
            http,
        }
    }

    fn imap(&self, at: usize) -> ImapClient {
        let (address, password) = self.person(at);
        let mut client = ImapClient::connect_tls(self.process.address("imaps"), self.ca());
        client.ok(&format!("LOGIN {address} {password}"));
        client
    }
}

impl Client {
    fn call(&self, calls: &Value) -> Value {
        let request = json!({
            "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
            "methodCalls": calls,
        });
        let (status, answer) = self.http.post_json("/jmap/api", &request);
        assert_eq!(status, 200, "{answer}");
        for response in answer["methodResponses"].as_array().unwrap() {
            assert_ne!(response[0], "error", "{response}");
        }
        answer
    }

    fn one(&self, name: &str, mut arguments: Value) -> Value {
        arguments["accountId"] = json!(self.account);
        self.call(&json!([[name, arguments, "c"]]))["methodResponses"][0][1].clone()
    }

    /// One client, one request after the other: milliseconds of each, median of the runs.
    fn alone(&self, process: &Process, what: &str, name: &str, arguments: &Value) -> Value {
        let mut last = self.one(name, arguments.clone());
        let before = cpu(process);
        let cost = spread(|| {
            let began = Instant::now();
            for _ in 0..REQUESTS {
                last = self.one(name, arguments.clone());
            }
            began.elapsed().as_secs_f64() * 1e3 / REQUESTS as f64
        });
        let each = (cpu(process) - before) / (RUNS * REQUESTS) as f64;
        println!("{what}: {cost} ms, {each:.2} CPU ms");
        last
    }
}

/// Appends letters; how many there are.
fn fill(house: &House, letters: usize) -> usize {
    house.imap(0).ok("CREATE Lon");
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..FILLERS {
            scope.spawn(|| {
                let mut client = house.imap(0);
                while began.elapsed() < FILL {
                    let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                    if from >= letters {
                        return;
                    }
                    let mut command = b"APPEND Lon".to_vec();
                    let to = letters.min(from + AT_ONCE);
                    for number in from..to {
                        let letter = letter(number);
                        let _ = std::io::Write::write_fmt(
                            &mut command,
                            format_args!(" {{{}+}}\r\n", letter.len()),
                        );
                        command.extend_from_slice(&letter);
                    }
                    let answer = client.run_bytes(&command);
                    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
                    done.fetch_add(to - from, Ordering::Relaxed);
                }
            });
        }
    });
    let (done, took) = (done.into_inner(), began.elapsed().as_secs_f64());
    println!("{done} letters of {letters} appended in {took:.0} s");
    done
}

/// Waits until the newest letter is in the index: what is found by it needs no reading.
fn indexed(client: &Client) {
    let began = Instant::now();
    let nothing = json!({"filter": {"text": "khongcoaicohet"}});
    let mut took = Duration::MAX;
    while began.elapsed() < INDEX && took > Duration::from_millis(300) {
        let asked = Instant::now();
        client.one("Email/query", nothing.clone());
        took = asked.elapsed();
        thread::sleep(Duration::from_millis(500));
    }
    println!(
        "a word that is nowhere is answered in {} ms after {:.0} s more",
        took.as_millis(),
        began.elapsed().as_secs_f64()
    );
}

fn queries(house: &House, client: &Client) {
    let boxes = client.one("Mailbox/get", json!({"properties": ["name"]}));
    let all = boxes["list"].as_array().unwrap();
    let large = all.iter().find(|one| one["name"] == "Lon").unwrap()["id"].clone();
    let by_date = json!([{"property": "receivedAt", "isAscending": false}]);
    let page = |filter: Value, more: Value| {
        let mut query = json!({"filter": filter, "limit": 50});
        for (key, value) in more.as_object().unwrap() {
            query[key] = value.clone();
        }
        query
    };
    let ask = |what: &str, query: Value| {
        client.alone(
            &house.process,
            &format!("Email/query, {what}"),
            "Email/query",
            &query,
        )
    };
    let sort = json!({"sort": by_date});
    let found = ask(
        "page of 50 by receivedAt, one mailbox",
        page(json!({"inMailbox": large}), sort.clone()),
    );
    ask(
        "page of 50 by receivedAt, whole account",
        page(Value::Null, sort.clone()),
    );
    ask(
        "page of 50 from the middle",
        page(
            json!({"inMailbox": large}),
            json!({"sort": by_date, "position": 20_000}),
        ),
    );
    ask(
        "collapseThreads",
        page(
            json!({"inMailbox": large}),
            json!({"sort": by_date, "collapseThreads": true}),
        ),
    );
    for (what, text) in [
        ("text, a rare phrase", "\"Chiêm Hóa\""),
        ("text, a rare word without marks", "chiem"),
        ("text, two common words, the nearest first", "công vụ"),
        ("text, the same without marks", "cong vu"),
        ("text, words that all have", "uy ban nhan dan"),
    ] {
        ask(what, page(json!({"text": text}), json!({})));
    }
    ask(
        "text, common words by receivedAt",
        page(json!({"text": "công vụ"}), sort),
    );
    let rows = json!({"ids": found["ids"], "properties": [
        "id", "threadId", "mailboxIds", "keywords", "from", "to", "subject", "receivedAt", "preview", "hasAttachment", "size",
    ]});
    client.alone(
        &house.process,
        "Email/get of 50 with previews",
        "Email/get",
        &rows,
    );
}

fn changes(house: &House, client: &Client) {
    let found = client.one(
        "Email/query",
        json!({"limit": CHANGES, "filter": {"notKeyword": "$flagged"}}),
    );
    let since = client.one("Email/get", json!({"ids": []}))["state"].clone();
    let ids: Vec<&str> = found["ids"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for part in ids.chunks(200) {
        for id in part {
            client.one(
                "Email/set",
                json!({"update": {*id: {"keywords/$flagged": true}}}),
            );
        }
    }
    let asked = json!({"sinceState": since});
    let told = client.alone(
        &house.process,
        &format!("Email/changes after {} changes", ids.len()),
        "Email/changes",
        &asked,
    );
    assert_eq!(told["updated"].as_array().unwrap().len(), ids.len());
}

fn mailboxes(house: &House, client: &Client) {
    let mut made = 0;
    while made < MAILBOXES {
        let create: serde_json::Map<String, Value> = (made..MAILBOXES.min(made + 250))
            .map(|n| (format!("k{n}"), json!({"name": format!("Hồ sơ {n}")})))
            .collect();
        made += create.len();
        client.one("Mailbox/set", json!({"create": create}));
    }
    // All, though there are some more than a call may name.
    let found = client.one("Mailbox/query", json!({"limit": MAILBOXES}));
    let wished = json!({"ids": found["ids"]});
    let what = format!("Mailbox/get of {MAILBOXES}");
    client.alone(&house.process, &what, "Mailbox/get", &wished);
}

/// Many at once, each with a connection of its own: what the first page of a list takes, and what its refresh.
fn at_once(house: &House) {
    let client = house.client(0);
    let boxes = client.one("Mailbox/get", json!({"properties": ["role"]}));
    let all = boxes["list"].as_array().unwrap();
    let inbox = all.iter().find(|one| one["role"] == "inbox").unwrap()["id"].clone();
    let state = client.one("Email/get", json!({"ids": []}))["state"].clone();
    let before = cpu(&house.process);
    let began = Instant::now();
    let one = |_: usize| {
        let client = house.client(0);
        let account = json!(client.account);
        let page = json!([
            ["Email/query", {"accountId": account, "filter": {"inMailbox": inbox}, "limit": 50}, "0"],
            ["Email/get", {"accountId": account, "properties": ["subject", "from", "preview"],
                "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}}, "1"],
        ]);
        let fresh = json!([["Email/changes", {"accountId": account, "sinceState": state}, "0"]]);
        let (mut took, mut turn) = (Vec::new(), 0);
        while began.elapsed() < STRETCH {
            let asked = Instant::now();
            client.call(if turn % 2 == 0 { &page } else { &fresh });
            took.push(asked.elapsed());
            turn += 1;
        }
        took
    };
    let one = &one;
    let mut all: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(move || one(n))).collect();
        let took = clients.into_iter();
        took.flat_map(|client| client.join().unwrap()).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    all.sort_unstable();
    println!(
        "{CLIENTS} clients at once, {} requests: {:.0} /s, {}, {:.2} CPU ms each",
        all.len(),
        all.len() as f64 / seconds,
        shares(&all),
        (cpu(&house.process) - before) / all.len() as f64,
    );
}

/// Median, p99 and longest of sorted times.
fn shares(all: &[Duration]) -> String {
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!(
        "median {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

/// What those who listen share.
struct Told {
    /// When each account was changed last, in its order.
    changed: Vec<Mutex<Option<Instant>>>,
    after: Mutex<Vec<Duration>>,
    over: AtomicBool,
}

/// Makes as many accounts as the ears need, beside those of the sample province.
fn settle(house: &mut House) {
    let http = HttpClient::new(house.process.address("https"), house.ca());
    let http = http.bearer(house.facts["api_token"].as_str().unwrap());
    let (agency, domain) = (
        house.facts["accounts"][0]["agency"].clone(),
        house.facts["domain"].as_str().unwrap().to_owned(),
    );
    let known = house.facts["accounts"].as_array_mut().unwrap();
    for number in known.len()..ACCOUNTS {
        let (address, password) = (
            format!("nghe{number}@{domain}"),
            format!("Nghe-2026-{number}"),
        );
        let new =
            json!({"address": address, "agency": agency, "name": format!("Người nghe {number}")});
        let (status, made) = http.post_json("/api/v1/accounts", &new);
        assert_eq!(status, 201, "{made}");
        let path = format!("/api/v1/accounts/{}/credentials/password", made["id"]);
        let (status, answer) = http.put_json(&path, &json!({"password": password}));
        assert!(status < 300, "{status} {answer}");
        known.push(json!({"address": address, "password": password}));
    }
}

/// Event streams, each with the number of its account.
fn open_ears(house: &House) -> Vec<(usize, Stream)> {
    let tls = tls_config(house.ca());
    let open = |number: usize| {
        let at = number % ACCOUNTS;
        let (address, password) = house.person(at);
        let proof =
            base64::engine::general_purpose::STANDARD.encode(format!("{address}:{password}"));
        let mut stream = Stream::tls_with(house.process.address("https"), &tls);
        let head = format!(
            "GET /jmap/eventsource/?types=*&closeafter=no&ping=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {proof}\r\n\r\n"
        );
        stream.write(head.as_bytes());
        while !stream.line().starts_with(b": congvu") {}
        (at, stream)
    };
    (0..EARS).map(open).collect()
}

/// Hears until it is over.
fn hear(told: &Told, at: usize, stream: &mut Stream) {
    while let Ok(line) = stream.try_line() {
        if line.is_empty() || told.over.load(Ordering::Relaxed) {
            return;
        }
        if line.starts_with(b"event: state")
            && let Some(when) = *told.changed[at].lock().unwrap()
        {
            told.after.lock().unwrap().push(when.elapsed());
        }
    }
}

/// A thousand event streams; every change is told to all of its account.
fn pushes(house: &House) {
    // What signing in and the first look at an account take is not of the streams.
    let mut writers: Vec<ImapClient> = (0..ACCOUNTS).map(|at| house.imap(at)).collect();
    let before_rss = memory(&house.process, "VmRSS");
    let ears = open_ears(house);
    let grown = memory(&house.process, "VmRSS").saturating_sub(before_rss);
    let each = grown as f64 / EARS as f64;
    println!("{EARS} event streams of {ACCOUNTS} accounts: {each:.1} KiB each");
    assert!(each <= EAR_KIB_MAX, "a stream takes {each:.1} KiB");
    let told = Arc::new(Told {
        changed: (0..ACCOUNTS).map(|_| Mutex::new(None)).collect(),
        after: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let listen = |(at, mut stream): (usize, Stream)| {
        let told = Arc::clone(&told);
        let small = thread::Builder::new().stack_size(256 << 10);
        small.spawn(move || hear(&told, at, &mut stream)).unwrap()
    };
    let threads: Vec<_> = ears.into_iter().map(listen).collect();
    let (began, before, mut made) = (Instant::now(), cpu(&house.process), 0);
    while began.elapsed() < TOLD {
        let at = made % ACCOUNTS;
        let sent = writers[at].append("INBOX", &letter(made)).unwrap();
        assert!(sent.tagged.starts_with("OK"), "{}", sent.tagged);
        *told.changed[at].lock().unwrap() = Some(Instant::now());
        made += 1;
        let due = Duration::from_millis(made as u64 * 1_000 / RATE);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
    thread::sleep(Duration::from_secs(1));
    let load = (cpu(&house.process) - before) / began.elapsed().as_secs_f64() / 10.0;
    told.over.store(true, Ordering::Relaxed);
    let mut all = std::mem::take(&mut *told.after.lock().unwrap());
    all.sort_unstable();
    assert!(!all.is_empty(), "nobody was told");
    let told_of = memory(&house.process, "VmRSS").saturating_sub(before_rss) as f64 / EARS as f64;
    assert!(
        told_of <= EAR_KIB_MAX,
        "a stream that was told takes {told_of:.1} KiB"
    );
    println!("after that {told_of:.1} KiB each");
    println!(
        "{made} changes at {RATE} a second: {} events told after {} (a burst is awaited for {} ms), {load:.0} % of a core",
        all.len(),
        shares(&all),
        ::jmap::limit::COALESCE_MS,
    );
    // They wake with their account's next change, and end.
    for (at, writer) in writers.iter_mut().enumerate() {
        let _ = writer.append("INBOX", &letter(at));
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

pub(crate) fn main(mut arguments: impl Iterator<Item = String>) {
    let letters = arguments.next().map_or(LETTERS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(".").unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let process = Process::demo(&folder, free_base());
    let facts = process.facts();
    let mut house = House { process, facts };
    settle(&mut house);
    let house = house;
    fill(&house, letters);
    let client = house.client(0);
    indexed(&client);
    println!("{RUNS} runs of {REQUESTS} requests by one client, over TLS:");
    queries(&house, &client);
    changes(&house, &client);
    mailboxes(&house, &client);
    at_once(&house);
    pushes(&house);
    println!("then {} KiB resident", memory(&house.process, "VmRSS"));
    house.process.terminate();
}
