//! The API over a province of many accounts: pages of the list, one client at a time, then many at once.
//! `cargo run --release -p tests --bin bench -- api [accounts]`.

use super::{RUNS, memory, spread};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tests::http_client::HttpClient;
use tests::process::{Process, free_base};

/// Accounts unless told otherwise.
const ACCOUNTS: usize = 100_000;
/// Agencies that they are spread over.
const AGENCIES: usize = 130;
/// Of one measurement of one client.
const REQUESTS: usize = 100;
/// At once.
const CLIENTS: usize = 100;
/// How long they ask.
const STRETCH: Duration = Duration::from_secs(10);
/// How long an import may take.
const IMPORT: Duration = Duration::from_secs(300);

const FAMILIES: [&str; 6] = ["Nguyễn", "Trần", "Lê", "Phạm", "Đặng", "Vũ"];
const MIDDLES: [&str; 5] = ["Văn", "Thị", "Hữu", "Minh", "Thuý"];
const GIVEN: [&str; 8] = [
    "An", "Bình", "Cường", "Dũng", "Giang", "Hằng", "Khánh", "Ước",
];

/// Imports a table and waits for the end of its job.
fn import(api: &HttpClient, table: &str, text: &str) {
    let path = format!("/api/v1/imports/{table}");
    let (status, _, body) = api.post(&path, "text/csv", text.as_bytes());
    let mut job: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 202, "{job}");
    let path = format!("/api/v1/jobs/{}?wait_s=20", job["id"]);
    let began = Instant::now();
    while job["state"] != "done" {
        assert!(began.elapsed() < IMPORT, "{job}");
        let (_, _, body) = api.get(&path);
        job = serde_json::from_slice(&body).unwrap();
        assert_ne!(job["state"], "failed", "{job}");
    }
    assert_eq!(job["errors"], 0, "{job}");
}

fn fill(api: &HttpClient, accounts: usize) {
    let mut table = "Mã cơ quan;Mã cơ quan cấp trên;Tên cơ quan\n".to_owned();
    for n in 0..AGENCIES {
        writeln!(table, "H99.{};H99;Xã số {n}", 500 + n).unwrap();
    }
    import(api, "agencies", &table);
    let mut table = "Họ và tên,Địa chỉ thư,Mã cơ quan\n".to_owned();
    for n in 0..accounts {
        let name = format!(
            "{} {} {}",
            FAMILIES[n % FAMILIES.len()],
            MIDDLES[n / 7 % MIDDLES.len()],
            GIVEN[n / 3 % GIVEN.len()]
        );
        let agency = 500 + n % AGENCIES;
        writeln!(table, "{name},cb{n}@tinhmau.gov.vn,H99.{agency}").unwrap();
    }
    import(api, "accounts", &table);
}

/// One client, one request after the other: milliseconds of each, median of the runs.
fn alone(api: &HttpClient, what: &str, path: impl Fn(usize) -> String) {
    let mut number = 0;
    let cost = spread(|| {
        let began = Instant::now();
        for _ in 0..REQUESTS {
            get(api, &path(number));
            number += 1;
        }
        began.elapsed().as_secs_f64() * 1e3 / REQUESTS as f64
    });
    println!("{what}: {cost} ms");
}

fn get(api: &HttpClient, path: &str) -> Value {
    let (status, _, body) = api.get(path);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// What one of many asks for, in turn.
fn mixed(n: usize, ids: &[String]) -> String {
    match n % 4 {
        0 => format!("/api/v1/accounts/{}", ids[n / 4 % ids.len()]),
        1 => format!("/api/v1/accounts?agency=H99.{}", 500 + n / 4 % AGENCIES),
        2 => format!("/api/v1/agencies/H99.{}", 500 + n / 4 % AGENCIES),
        _ => format!(
            "/api/v1/accounts?address=cb{}@tinhmau.gov.vn",
            n / 4 % 1_000
        ),
    }
}

/// Many at once, each over a connection of its own that stays.
fn at_once(process: &Process, api: impl Fn() -> HttpClient + Sync, ids: &[String]) {
    let ticks = ticks(process);
    let began = Instant::now();
    let one = |client: usize| {
        let api = api();
        let mut took = Vec::new();
        let mut n = client * 37;
        while began.elapsed() < STRETCH {
            let asked = Instant::now();
            get(&api, &mixed(n, ids));
            took.push(asked.elapsed());
            n += 1;
        }
        took
    };
    let one = &one;
    let mut all: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || one(client)))
            .collect();
        let took = clients.into_iter();
        took.flat_map(|client| client.join().unwrap()).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{CLIENTS} clients at once, {} requests: {:.0} /s, median {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {:.2} ms of the server's processor each",
        all.len(),
        all.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0),
        (self::ticks(process) - ticks) * 10.0 / all.len() as f64,
    );
}

/// Hundredths of a second of processor that the server took so far.
fn ticks(process: &Process) -> f64 {
    let path = format!("/proc/{}/stat", process.id());
    let stat = std::fs::read_to_string(Path::new(&path)).unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let fields: Vec<f64> = after.split(' ').filter_map(|f| f.parse().ok()).collect();
    // utime and stime are fields 14 and 15; the state, a letter, is left out here.
    fields[10] + fields[11]
}

pub(crate) fn main(mut arguments: impl Iterator<Item = String>) {
    let accounts = arguments.next().map_or(ACCOUNTS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(".").unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let process = Process::demo(&folder, free_base());
    let facts = process.facts();
    let client = || {
        let api = HttpClient::new(
            process.address("https"),
            Path::new(facts["ca"].as_str().unwrap()),
        );
        api.bearer(facts["api_token"].as_str().unwrap())
    };
    let api = client();
    let began = Instant::now();
    fill(&api, accounts);
    println!(
        "{accounts} accounts imported over the API in {:.1} s; {} KiB resident",
        began.elapsed().as_secs_f64(),
        memory(&process, "VmRSS")
    );
    println!("one client, {RUNS} runs of {REQUESTS} requests:");
    alone(&api, "first page of 50", |_| "/api/v1/accounts".into());
    alone(&api, "page of 50 of a subtree", |n| {
        format!("/api/v1/accounts?agency=H99.{}", 500 + n % AGENCIES)
    });
    alone(&api, "page of 50 that bear words, without marks", |n| {
        let words = ["dang+thuy+uoc", "nguyen+van", "cb99999", "le+minh+hang"];
        format!("/api/v1/accounts?find={}", words[n % words.len()])
    });
    alone(&api, "page of 50 where nothing is found", |_| {
        "/api/v1/accounts?find=khongcoai".into()
    });
    let mut cursor = String::new();
    for _ in 0..accounts / 2 / 500 {
        let page = get(&api, &format!("/api/v1/accounts?limit=500{cursor}"));
        let next = page["cursor"].as_str().expect("more accounts follow");
        cursor = format!("&cursor={next}");
    }
    alone(&api, "page of 50 from the middle", |_| {
        format!("/api/v1/accounts?limit=50{cursor}")
    });
    alone(&api, "one account by its address", |n| {
        format!("/api/v1/accounts?address=cb{n}@tinhmau.gov.vn")
    });
    let page = get(&api, "/api/v1/accounts?limit=500");
    let ids: Vec<String> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["id"].to_string().trim_matches('"').to_owned())
        .collect();
    at_once(&process, client, &ids);
    println!("then {} KiB resident", memory(&process, "VmRSS"));
    process.terminate();
}
