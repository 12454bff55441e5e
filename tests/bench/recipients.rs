//! One letter to very many here: by a list of lists, and in one envelope. Processor, journal and packs, and the time
//! until it lies in the last mailbox. `cargo run --release -p tests --bin bench -- recipients [accounts]`.

use delivery::{Delivery, Envelope, Origin, Recipient, ReversePath};
use directory::{AccountKind, AgencyId, Clock, Directory, NewAccount, NewAgency};
use formats::address::{Address, DomainName};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use storage::{Options, Store};

/// Recipients unless told otherwise.
const ACCOUNTS: usize = 30_000;
/// Recipients of one envelope.
const ENVELOPE: usize = 10_000;
/// Members of one list of the list of lists: its named limit.
const LIST: usize = directory::account::MEMBERS_MAX;
/// Octets of the letter.
const LETTER: usize = 10_240;
/// Threads that make accounts: their commits share the disk's flushes.
const MAKERS: usize = 32;

#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        1_795_305_600_000
    }
}

fn address(local: &str) -> Address {
    Address::parse(&format!("{local}@tinh.gov.vn")).unwrap()
}

fn account(directory: &Directory, local: &str, kind: AccountKind) {
    let new = NewAccount {
        address: address(local),
        kind,
        agency: AgencyId("H99".into()),
        name: format!("Nguyễn {local}"),
        position: None,
        quota: None,
        messages_max: None,
    };
    directory.create_account(None, new).unwrap();
}

fn open(dir: &Path) -> (Store, Directory, Delivery) {
    let options = Options {
        dir: dir.to_owned(),
        boot_id: Some("bench".into()),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let settings = directory::Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 0,
        default_domain: None,
        default_quota: Some(2 << 30),
    };
    let directory = Directory::open(store.clone(), Arc::new(StillClock), settings).unwrap();
    let settings = delivery::Settings {
        host: "mx.tinh.gov.vn".into(),
        size_max: 1 << 20,
        recipients_max: ENVELOPE,
        queue_max: 1_000,
        full_wait_s: 0,
    };
    let delivery = Delivery::new(store.clone(), directory.clone(), settings, None);
    (store, directory, delivery)
}

fn found(directory: &Directory, accounts: usize) {
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
    directory.create_domain(None, domain, top).unwrap();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..MAKERS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= accounts {
                        return;
                    }
                    account(directory, &format!("p{n}"), AccountKind::Person);
                }
            });
        }
    });
    let mut lists = Vec::new();
    for (n, from) in (0..accounts).step_by(LIST).enumerate() {
        let to = (from + LIST).min(accounts);
        let members = (from..to).map(|n| address(&format!("p{n}"))).collect();
        account(
            directory,
            &format!("nhom{n}"),
            AccountKind::List { members },
        );
        lists.push(address(&format!("nhom{n}")));
    }
    account(directory, "toantinh", AccountKind::List { members: lists });
}

/// Octets of the files in a folder, what was only reserved left out.
fn octets(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten();
    let written = |path: &Path| {
        let content = std::fs::read(path).unwrap_or_default();
        content
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |at| at as u64 + 1)
    };
    files.map(|file| written(&file.unwrap().path())).sum()
}

/// User and system processor time of this process, milliseconds.
pub(crate) fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

fn measure(dir: &Path, delivery: &Delivery, what: &str, to: Vec<Address>, reached: usize) {
    let envelope = Envelope {
        from: ReversePath::Address(address("p0")),
        recipients: to
            .into_iter()
            .map(|address| Recipient {
                address,
                notify: None,
                orcpt: None,
            })
            .collect(),
        ..Envelope::default()
    };
    let mut letter = format!(
        "From: p0@tinh.gov.vn\r\nTo: toantinh@tinh.gov.vn\r\nSubject: {what}\r\nMessage-ID: <{what}@x>\r\n\r\n"
    );
    let mut n = 0u64;
    while letter.len() < LETTER {
        // Text that does not compress to nothing.
        n = n
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        letter.push_str(&format!("{n:x}\r\n"));
    }
    let (journal, packs) = (octets(&dir.join("journal")), octets(&dir.join("packs")));
    let (before, began) = (cpu(), Instant::now());
    delivery
        .accept(envelope, letter.as_bytes(), &Origin::Generated)
        .unwrap();
    let answered = began.elapsed();
    while delivery.dispatch(StillClock.now_s()).unwrap().is_some() {}
    let (all, spent) = (began.elapsed(), cpu() - before);
    let grown = octets(&dir.join("journal")).saturating_sub(journal);
    println!(
        "{what}: answered after {} ms, in the last mailbox after {} ms; {spent:.0} ms of processor; journal {} octets a \
         recipient, packs {} octets for a letter of {}",
        answered.as_millis(),
        all.as_millis(),
        grown / reached as u64,
        octets(&dir.join("packs")).saturating_sub(packs),
        letter.len()
    );
}

pub fn main(mut arguments: impl Iterator<Item = String>) {
    let accounts = arguments
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(ACCOUNTS);
    let dir = tempfile::tempdir_in(".").unwrap();
    let (store, directory, delivery) = open(dir.path());
    let began = Instant::now();
    found(&directory, accounts);
    println!(
        "{accounts} accounts made in {} s",
        began.elapsed().as_secs()
    );
    for round in 1..=3 {
        let to = vec![address("toantinh")];
        measure(
            dir.path(),
            &delivery,
            &format!("list-{round}"),
            to,
            accounts,
        );
    }
    let many = accounts.min(ENVELOPE);
    for round in 1..=3 {
        let to = (0..many).map(|n| address(&format!("p{n}"))).collect();
        measure(
            dir.path(),
            &delivery,
            &format!("envelope-{round}"),
            to,
            many,
        );
    }
    store.close().unwrap();
}
