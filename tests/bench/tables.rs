//! Import of accounts from a table: looked at, then in earnest, then the same again, with the processor's time.
//! `cargo run --release -p tests --bin bench -- tables [accounts]`.

use directory::bulk::{JobState, NewImport, Subject, Workshop};
use directory::{
    Access, AccountKind, AgencyId, Clock, CredentialKind, Directory, Grant, NewAccount, NewAgency,
    Peer, Role,
};
use formats::address::{Address, DomainName};
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::{Options, Store};

/// Accounts unless told otherwise.
const ACCOUNTS: usize = 20_000;
/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        1_795_305_600_000
    }
}

fn administrator(directory: &Directory) -> Access {
    let top = AgencyId("H99".into());
    let agency = NewAgency {
        id: top.clone(),
        parent: None,
        name: "Tỉnh".into(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    directory.create_agency(None, agency).unwrap();
    let domain = DomainName::parse("tinh.gov.vn").unwrap();
    directory.create_domain(None, domain, top.clone()).unwrap();
    let new = NewAccount {
        address: Address::parse("quantri@tinh.gov.vn").unwrap(),
        kind: AccountKind::Person,
        agency: top.clone(),
        name: "Quản trị".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let mut account = directory.create_account(None, new).unwrap();
    let id = account.id;
    account.grants = vec![Grant::of(Role::Administrator, top)];
    directory.change_account(None, account, None).unwrap();
    let kind = CredentialKind::Token;
    let (_, secret) = directory
        .create_credential(None, id, kind, "bench", None)
        .unwrap();
    let ip = std::net::Ipv4Addr::LOCALHOST.into();
    directory
        .sign_in_token(&secret, Peer { ip, service: "api" })
        .unwrap()
}

/// Imports the table and prints what it took.
fn import(directory: &Directory, by: &Access, what: &str, text: &str, dry_run: bool) {
    let (began, cpu) = (Instant::now(), super::recipients::cpu());
    let new = NewImport {
        subject: Subject::Accounts,
        agency: None,
        dry_run,
        skip_errors: false,
        file_name: "bench.csv".into(),
    };
    let mut upload = directory.begin_import(by, new).unwrap();
    for piece in text.as_bytes().chunks(64 * 1024) {
        upload.piece(piece).unwrap();
    }
    let id = upload.finish().unwrap().id;
    let job = loop {
        let job = directory.job(None, id).unwrap();
        if !job.state.is_open() {
            break job;
        }
        std::thread::sleep(LOOK);
    };
    assert_eq!(job.state, JobState::Done, "{job:?}");
    println!(
        "{what}: {:.2} s, {:.2} s of processor; {:?}",
        began.elapsed().as_secs_f64(),
        (super::recipients::cpu() - cpu) / 1000.0,
        job.counts
    );
}

pub fn main(mut arguments: impl Iterator<Item = String>) {
    let accounts = arguments.next().map_or(ACCOUNTS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(".").unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        boot_id: Some("bench".into()),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let settings = directory::Settings {
        argon2_memory_kib: 19_456,
        argon2_passes: 2,
        scram_iterations: 60_000,
        default_domain: None,
        default_quota: Some(2 << 30),
    };
    let directory = Directory::open(store.clone(), Arc::new(StillClock), settings).unwrap();
    let by = administrator(&directory);
    let shop = Workshop::start(&directory).unwrap();
    let row = |n: usize| format!("p{n}@tinh.gov.vn,Nguyễn Văn {n},H99,Chuyên viên,2 GB\n");
    let rows: String = (0..accounts).map(row).collect();
    let text = format!("address,name,agency,position,quota\n{rows}");
    import(&directory, &by, "dry run", &text, true);
    import(&directory, &by, "in earnest", &text, false);
    import(&directory, &by, "the same again", &text, false);
    let began = Instant::now();
    let first = directory.jobs(None, None, 2)[1].id;
    let mut letters = directory.letters(&by, first, false).unwrap();
    let mut drawn = 0;
    while let Some(some) = letters.some().unwrap() {
        drawn += some.len();
    }
    println!("letters: {drawn} in {:.2} s", began.elapsed().as_secs_f64());
    drop(shop);
    store.close().unwrap();
}
