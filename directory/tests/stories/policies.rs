//! Policies: said by agencies, inherited, locked; and enforced where they concern.

use crate::world::{PASSWORD, World, agency, peer};
use directory::policy::{Key, Said, Value};
use directory::{
    Access, AccountId, AgencyPolicy, Barred, CredentialKind, Error, Peer, Role, Secret,
    SignInError, Source,
};

fn say(world: &World, by: Option<&Access>, at: &str, values: &[(Key, Value, bool)]) -> String {
    let d = &world.directory;
    let mut policy = d.agency_policy(None, &agency(at)).unwrap();
    for (key, value, locked) in values {
        let said = Said {
            value: value.clone(),
            locked: *locked,
        };
        policy.said.insert(*key, said);
    }
    match d.set_agency_policy(by, policy, None) {
        Ok(_) => "ok".into(),
        Err(Error::Denied(_)) => "denied".into(),
        Err(Error::NotFound(_)) => "absent".into(),
        Err(Error::Invalid { field, .. }) => field.into(),
        Err(error) => error.to_string(),
    }
}

fn number(n: u64) -> Value {
    Value::Number(n)
}

fn words(these: &[&str]) -> Value {
    Value::Words(these.iter().map(|w| (*w).to_owned()).collect())
}

/// The value and whose it is.
fn holds(world: &World, account: AccountId, key: Key) -> (Option<Value>, Option<String>) {
    let holds = world.directory.policy(account, key).unwrap();
    (holds.value, holds.from.map(|id| id.0))
}

#[test]
fn the_nearest_counts_unless_a_lock_above_is_stricter() {
    let world = World::new();
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    let key = Key::PasswordMin;
    assert_eq!(holds(&world, xa, key), (Some(number(8)), None));
    assert_eq!(say(&world, None, "H99", &[(key, number(10), false)]), "ok");
    assert_eq!(
        holds(&world, xa, key),
        (Some(number(10)), Some("H99".into()))
    );
    assert_eq!(say(&world, None, "H99.2", &[(key, number(9), false)]), "ok");
    assert_eq!(
        holds(&world, xa, key),
        (Some(number(9)), Some("H99.2".into()))
    );
    // A lock that comes later: what is looser below counts for nothing, what is stricter does.
    assert_eq!(say(&world, None, "H99", &[(key, number(12), true)]), "ok");
    assert_eq!(
        holds(&world, xa, key),
        (Some(number(12)), Some("H99".into()))
    );
    assert_eq!(
        say(&world, None, "H99.2.1", &[(key, number(11), false)]),
        "password_min"
    );
    assert_eq!(
        say(&world, None, "H99.2.1", &[(key, number(14), false)]),
        "ok"
    );
    assert_eq!(
        holds(&world, xa, key),
        (Some(number(14)), Some("H99.2.1".into()))
    );
    // Between the two the lock is what counts, not what somebody on the way says.
    let stricter = [(key, number(20), false)];
    assert_eq!(say(&world, None, "H99.2", &stricter), "ok");
    let nearest = (Some(number(14)), Some("H99.2.1".into()));
    assert_eq!(holds(&world, xa, key), nearest);
    // What was said before the lock may stand beside a change of something else.
    assert_eq!(
        say(
            &world,
            None,
            "H99.2",
            &[(Key::Imap, Value::Switch(false), false)]
        ),
        "ok"
    );
    let world = world.restart();
    assert_eq!(
        holds(&world, xa, key),
        (Some(number(14)), Some("H99.2.1".into()))
    );
    let lock = world.directory.policy(xa, key).unwrap().locked;
    assert_eq!(lock, Some(agency("H99")));
}

#[test]
fn who_may_set_them_and_who_may_not() {
    let world = World::new();
    let here = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let officer = world.officer("cb@tinh.gov.vn", Role::AccountOfficer, "H99.2");
    let pop3 = [(Key::Pop3, Value::Switch(false), false)];
    assert_eq!(say(&world, Some(&here), "H99.2.1", &pop3), "ok");
    assert_eq!(say(&world, Some(&here), "H99", &pop3), "absent");
    assert_eq!(say(&world, Some(&here), "H99.1", &pop3), "absent");
    assert_eq!(say(&world, Some(&officer), "H99.2.1", &pop3), "denied");
    assert_eq!(say(&world, None, "H99.1", &pop3), "ok");
    let seen = world.directory.policies(Some(&here), None, 10);
    let seen: Vec<&str> = seen.iter().map(|p| p.agency.0.as_str()).collect();
    assert_eq!(seen, ["H99.2.1"]);
    let stale = AgencyPolicy {
        said: std::collections::BTreeMap::new(),
        ..world
            .directory
            .agency_policy(None, &agency("H99.2.1"))
            .unwrap()
    };
    let stale = world.directory.set_agency_policy(None, stale, Some(9));
    assert_eq!(stale, Err(Error::Conflict));
    let audit = world.directory.audit(None, 1000).unwrap();
    assert!(audit.iter().any(|entry| entry.act == "agency.policy"));
}

#[test]
fn passwords_are_as_the_agency_wants_them() {
    let world = World::new();
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    let rules = [
        (Key::PasswordMin, number(12), false),
        (Key::PasswordClasses, number(4), false),
        (Key::PasswordHistory, number(3), false),
    ];
    assert_eq!(say(&world, None, "H99.2", &rules), "ok");
    let set = |password: &str| {
        world
            .directory
            .set_password(None, xa, &Secret::new(password))
    };
    let wrong = |password: &str| {
        matches!(
            set(password),
            Err(Error::Invalid {
                field: "password",
                ..
            })
        )
    };
    assert!(wrong("Ngắn 2026!"));
    assert!(wrong("Mật khẩu dài"));
    assert!(wrong(PASSWORD), "the present one");
    for good in ["Mật khẩu 1 dài!", "Mật khẩu 2 dài!", "Mật khẩu 3 dài!"] {
        set(good).unwrap();
    }
    let world = world.restart();
    let set = |password: &str| {
        world
            .directory
            .set_password(None, xa, &Secret::new(password))
    };
    for former in ["Mật khẩu 1 dài!", "Mật khẩu 2 dài!", "Mật khẩu 3 dài!"] {
        assert!(set(former).is_err(), "{former}");
    }
    set("Mật khẩu 4 dài!").unwrap();
    set("Mật khẩu 1 dài!").unwrap();
    // Elsewhere it is as before.
    world.person("an@tinh.gov.vn", "H99.1");
}

#[test]
fn sign_ins_are_barred_with_a_reason_for_who_knows_the_password() {
    let world = World::new();
    world.person("xa@tinh.gov.vn", "H99.2.1");
    let xa = world.id("xa@tinh.gov.vn");
    let d = &world.directory;
    let app = CredentialKind::AppPassword;
    let (_, app_secret) = d.create_credential(None, xa, app, "máy", None).unwrap();
    let token = CredentialKind::Token;
    let (_, token_secret) = d.create_credential(None, xa, token, "api", None).unwrap();
    let enter = |service: &'static str, ip: &str, secret: &Secret| {
        let peer = Peer {
            service,
            ..peer(ip)
        };
        match d.sign_in("xa@tinh.gov.vn", secret, peer) {
            Ok(_) => None,
            Err(SignInError::Barred(why)) => Some(why),
            Err(error) => panic!("{error}"),
        }
    };
    let password = Secret::new(PASSWORD);
    let here = "10.1.2.3";
    assert_eq!(enter("imap", here, &password), None);
    let off = Value::Switch(false);
    say(&world, None, "H99.2", &[(Key::Imap, off.clone(), false)]);
    assert_eq!(enter("imap", here, &password), Some(Barred::Service));
    assert_eq!(enter("login", here, &password), None);
    say(&world, None, "H99.2", &[(Key::AppPasswords, off, false)]);
    assert_eq!(
        enter("submission", here, &app_secret),
        Some(Barred::AppPassword)
    );
    assert_eq!(enter("submission", here, &password), None);
    let more = d.create_credential(None, xa, app, "nữa", None);
    assert!(matches!(more, Err(Error::Invalid { field: "kind", .. })));
    say(
        &world,
        None,
        "H99",
        &[(Key::SignInNetworks, words(&["10.0.0.0/8"]), true)],
    );
    assert_eq!(enter("login", here, &password), None);
    assert_eq!(
        enter("login", "203.0.113.9", &password),
        Some(Barred::Place)
    );
    // Sunday 07:00 in Viet Nam.
    let hours = words(&["mon-fri 07:00-18:00"]);
    say(&world, None, "H99.2.1", &[(Key::SignInHours, hours, false)]);
    assert_eq!(enter("login", here, &password), Some(Barred::Hour));
    world.pass(24 * 60 * 60);
    assert_eq!(enter("login", here, &password), None);
    // Whoever does not know the password hears nothing of it, and machines keep their way.
    let wrong = d.sign_in(
        "xa@tinh.gov.vn",
        &Secret::new("Sai 2026!"),
        peer("203.0.113.9"),
    );
    assert_eq!(wrong.unwrap_err(), SignInError::Refused);
    let api = Peer {
        service: "api",
        ..peer("203.0.113.9")
    };
    assert!(d.sign_in_token(&token_secret, api).is_ok());
}

#[test]
fn the_effective_policy_says_where_each_value_comes_from() {
    let world = World::new();
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    say(
        &world,
        None,
        "H99",
        &[(Key::AttachmentTypes, words(&["pdf", "docx"]), true)],
    );
    let mut commune = world.directory.agency(&agency("H99.2.1")).unwrap();
    commune.quota.each.octets = Some(5 << 30);
    world.directory.change_agency(None, commune, None).unwrap();
    let own = world.enter("xa@tinh.gov.vn");
    let all = world.directory.effective_policy(Some(&own), xa).unwrap();
    let find = |name: &str| all.iter().find(|ruled| ruled.name == name).unwrap();
    assert_eq!(find("quota").from, Source::Agency(agency("H99.2.1")));
    assert_eq!(find("quota").value, Some(number(5 << 30)));
    let types = find("attachment_types");
    assert_eq!(types.from, Source::Agency(agency("H99")));
    assert_eq!(
        (&types.value, &types.locked),
        (&Some(words(&["docx", "pdf"])), &Some(agency("H99")))
    );
    assert_eq!(
        (&find("pop3").value, &find("pop3").from),
        (&Some(Value::Switch(false)), &Source::Account)
    );
    assert_eq!(find("forwarding_outside").value, Some(Value::Switch(false)));
    assert_eq!(find("sign_in_hours").value, None);
    let stranger = world.officer("qt1@tinh.gov.vn", Role::Administrator, "H99.1");
    let told = world.directory.effective_policy(Some(&stranger), xa);
    assert_eq!(told, Err(Error::NotFound("account")));
}
