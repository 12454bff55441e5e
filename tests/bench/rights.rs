//! What one question costs of who may, of what rules an account, and of whom a letter to a list that finds its members
//! by a rule reaches, in a province of 20,000 accounts.
//! `cargo run --release -p tests --bin bench -- rights [accounts [questions]]`.

use crate::spread;
use directory::policy::{Key, Said, Value};
use directory::{
    Access, AccountId, AccountKind, AgencyId, AgencyPolicy, AgencyQuota, Capability, Clock,
    CredentialKind, Directory, Grant, ListRule, ListRules, NewAccount, NewAgency, NewPosition,
    Passing, Peer, PositionKind, Poster, Posting, Resolution, Role,
};
use formats::address::{Address, DomainName};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use storage::{Options, Store};

/// Accounts unless told otherwise.
const ACCOUNTS: usize = 20_000;
/// Departments, and units of each: the tree has four levels.
const DEPARTMENTS: usize = 130;
const UNITS: usize = 8;
/// Questions of one run.
const QUESTIONS: usize = 100_000;
/// Letters of one run: whom one reaches is hundreds of accounts.
const LETTERS: usize = 200;

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now_ms(&self) -> i64 {
        1_795_305_600_000
    }
}

fn agency(directory: &Directory, id: String, parent: Option<String>) -> AgencyId {
    let id = AgencyId(id);
    let new = NewAgency {
        id: id.clone(),
        parent: parent.map(AgencyId),
        name: "Cơ quan".into(),
        name_en: None,
        quota: AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    directory.create_agency(None, new).unwrap();
    id
}

fn say(directory: &Directory, id: &AgencyId, key: Key, value: Value) {
    let said = Said {
        value,
        locked: false,
    };
    let policy = AgencyPolicy {
        agency: id.clone(),
        said: BTreeMap::from([(key, said)]),
        version: 0,
    };
    directory.set_agency_policy(None, policy, None).unwrap();
}

fn person(directory: &Directory, number: usize, agency: &AgencyId) -> AccountId {
    let new = NewAccount {
        address: Address::parse(&format!("nguoi{number}@tinh.gov.vn")).unwrap(),
        kind: AccountKind::Person,
        agency: agency.clone(),
        name: format!("Người {number}"),
        position: None,
        quota: None,
        messages_max: None,
    };
    directory.create_account(None, new).unwrap().id
}

/// A province, and its accounts with their agencies.
fn build(directory: &Directory, accounts: usize) -> Vec<(AccountId, AgencyId)> {
    let top = agency(directory, "H99".into(), None);
    let domain = DomainName::parse("tinh.gov.vn").unwrap();
    directory.create_domain(None, domain, top.clone()).unwrap();
    say(directory, &top, Key::PasswordMin, Value::Number(10));
    let mut units = Vec::new();
    for d in 1..=DEPARTMENTS {
        let department = agency(directory, format!("H99.{d}"), Some("H99".into()));
        say(directory, &department, Key::Imap, Value::Switch(false));
        for u in 1..=UNITS {
            let id = format!("{department}.{u}");
            let unit = agency(directory, id.clone(), Some(department.0.clone()));
            say(directory, &unit, Key::PasswordClasses, Value::Number(4));
            units.push(agency(directory, format!("{id}.1"), Some(unit.0)));
        }
    }
    (0..accounts)
        .map(|n| {
            let unit = &units[n % units.len()];
            (person(directory, n, unit), unit.clone())
        })
        .collect()
}

fn administrator(directory: &Directory) -> Access {
    let top = AgencyId("H99".into());
    let id = person(directory, usize::MAX, &top);
    let grant = Grant::of(Role::Administrator, top);
    directory.give_grant(None, id, grant).unwrap();
    let made = directory.create_credential(None, id, CredentialKind::Token, "bench", None);
    let peer = Peer {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        service: "api",
    };
    directory.sign_in_token(&made.unwrap().1, peer).unwrap()
}

/// A list that finds its members by a rule.
fn list(directory: &Directory, name: &str, rule: ListRule) -> Address {
    let address = Address::parse(&format!("{name}@tinh.gov.vn")).unwrap();
    let new = NewAccount {
        address: address.clone(),
        kind: AccountKind::List {
            members: Vec::new(),
        },
        agency: AgencyId("H99".into()),
        name: name.to_owned(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let account = directory.create_account(None, new).unwrap().id;
    let rules = ListRules {
        account,
        posting: Posting::Anyone,
        posters: Vec::new(),
        owner: None,
        fields: true,
        rule: Some(rule),
        version: 0,
    };
    directory.set_list_rules(None, rules, None).unwrap();
    address
}

/// A chairman of each department, who holds the seat himself.
fn chairmen(directory: &Directory, people: &[(AccountId, AgencyId)]) {
    for d in 1..=DEPARTMENTS {
        let new = NewPosition {
            agency: AgencyId(format!("H99.{d}")),
            kind: PositionKind::Chairman,
            title: "Chủ tịch".into(),
            title_en: None,
            order: 1,
            mailbox: None,
            until: None,
        };
        let seat = directory.create_position(None, new).unwrap();
        let what = directory::Handover {
            to: Some(people[d % people.len()].0),
            ..directory::Handover::default()
        };
        directory.hand_over(None, seat.id, what, None).unwrap();
    }
}

/// What a letter to such lists costs before it is placed: whom it reaches.
fn lists(directory: &Directory, people: &[(AccountId, AgencyId)]) {
    chairmen(directory, people);
    let under = |id: &str, position_kinds| ListRule {
        under: AgencyId(id.into()),
        agency_kinds: Vec::new(),
        position_kinds,
        account_kinds: Vec::new(),
    };
    let lists = [
        (
            "everybody of one department",
            "so",
            under("H99.1", Vec::new()),
        ),
        (
            "every chairman of the province",
            "chutich",
            under("H99", vec![PositionKind::Chairman]),
        ),
        (
            "everybody of the province",
            "tinh",
            under("H99", Vec::new()),
        ),
    ];
    for (name, local, rule) in lists {
        let address = list(directory, local, rule);
        let passing = Passing {
            poster: &Poster::System,
            met: &[],
        };
        let reached = match directory.resolve(&address, passing) {
            Ok(Resolution::Local { accounts, .. }) => accounts.len(),
            Ok(other) => panic!("{name}: {other:?}"),
            Err(error) => {
                println!("a letter to {name}: refused, {error}");
                continue;
            }
        };
        each(LETTERS, &format!("a letter to {name} ({reached})"), |_| {
            black_box(directory.resolve(&address, passing).unwrap());
        });
    }
}

/// Nanoseconds of one question.
fn each(questions: usize, name: &str, mut ask: impl FnMut(usize)) {
    let cost = spread(|| {
        let began = Instant::now();
        (0..questions).for_each(&mut ask);
        began.elapsed().as_nanos() as f64 / questions as f64
    });
    println!("{name}: {cost} ns");
}

pub(crate) fn main(mut arguments: impl Iterator<Item = String>) {
    let accounts = arguments.next().map_or(ACCOUNTS, |n| n.parse().unwrap());
    let questions = arguments.next().map_or(QUESTIONS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(".").unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        boot_id: Some("bench".into()),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let settings = directory::Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 0,
        default_domain: None,
        default_quota: Some(1 << 30),
    };
    let directory = Directory::open(store, Arc::new(Standing), settings).unwrap();
    let began = Instant::now();
    let people = build(&directory, accounts);
    println!(
        "{accounts} accounts made in {} ms",
        began.elapsed().as_millis()
    );
    let access = administrator(&directory);
    each(
        questions,
        "permission check, grant three levels above",
        |n| {
            let (_, agency) = &people[n % people.len()];
            assert!(black_box(access.may(Capability::ManageAccounts, agency)));
        },
    );
    each(questions, "one value of a policy", |n| {
        let (account, _) = &people[n % people.len()];
        black_box(directory.policy(*account, Key::PasswordMin).unwrap());
    });
    each(questions, "effective policy, all values", |n| {
        let (account, _) = &people[n % people.len()];
        black_box(directory.effective_policy(None, *account).unwrap());
    });
    lists(&directory, &people);
}
