//! Keys that sign mail: made, rotated, forgotten; every act in the chain, no private key anywhere else.

use crate::world::{HandClock, START_MS, World, agency, domain, open_with};
use directory::DkimState::{New, Retiring, Signing};
use directory::dkim::RETIRING_S;
use directory::{Algorithm, DkimKey, DkimState, Error, NewAgency, Role};
use std::sync::Arc;
use storage::{Disk, EngineKind, Options};

fn standing(keys: &[DkimKey]) -> Vec<(&str, DkimState)> {
    let mut all: Vec<_> = keys
        .iter()
        .map(|key| (key.selector.as_str(), key.state))
        .collect();
    all.sort_by_key(|(selector, _)| *selector);
    all
}

fn selectors(world: &World, name: &str) -> Vec<String> {
    let keys = world.directory.signing_keys(&domain(name));
    keys.iter().map(|key| key.key().selector.clone()).collect()
}

#[test]
fn first_keys_sign_at_once_and_stay() {
    let mut world = World::new();
    let name = domain("tinh.gov.vn");
    assert!(world.directory.domains_without_dkim().contains(&name));
    assert!(selectors(&world, "tinh.gov.vn").is_empty());
    let first = world.directory.make_first_dkim_keys(None, &name).unwrap();
    assert_eq!(
        standing(&first),
        [("cv202611e", Signing), ("cv202611r", Signing)]
    );
    let algorithms: Vec<Algorithm> = first.iter().map(|key| key.algorithm).collect();
    assert_eq!(algorithms, [Algorithm::RsaSha256, Algorithm::Ed25519Sha256]);
    let sign = |world: &World| world.directory.signing_keys(&name)[0].sign(b"data");
    let signature = sign(&world).unwrap();
    // The same keys after a restart; making first ones again makes none.
    world = world.restart();
    assert_eq!(sign(&world).unwrap(), signature);
    let again = world.directory.make_first_dkim_keys(None, &name).unwrap();
    assert_eq!(standing(&again), standing(&first));
    assert!(!world.directory.domains_without_dkim().contains(&name));
    // What is below a domain of ours is signed by its keys.
    assert_eq!(selectors(&world, "mail.x.tinh.gov.vn").len(), 2);
    assert!(selectors(&world, "gov.vn").is_empty());
}

/// A domain with the keys of its first day and those that came after them.
fn rotated() -> World {
    let world = World::new();
    let (d, name) = (&world.directory, domain("tinh.gov.vn"));
    d.make_first_dkim_keys(None, &name).unwrap();
    let none = d.activate_dkim(None, &name);
    assert!(matches!(none, Err(Error::Invalid { .. })));
    let second = d.renew_dkim(None, &name).unwrap();
    assert_eq!(
        standing(&second),
        [("cv202611e2", New), ("cv202611r2", New)]
    );
    let third = d.renew_dkim(None, &name);
    assert!(matches!(third, Err(Error::Exists(_))));
    let old = ["cv202611e", "cv202611r"];
    assert_eq!(selectors(&world, "tinh.gov.vn"), old);
    let all = d.activate_dkim(None, &name).unwrap();
    let until = world.now_s() + RETIRING_S;
    assert_eq!(
        standing(&all),
        [
            ("cv202611e", Retiring { until }),
            ("cv202611e2", Signing),
            ("cv202611r", Retiring { until }),
            ("cv202611r2", Signing),
        ]
    );
    let new = ["cv202611e2", "cv202611r2"];
    assert_eq!(selectors(&world, "tinh.gov.vn"), new);
    world
}

#[test]
fn keys_retire_and_are_forgotten_in_their_time() {
    let world = rotated();
    let (d, name) = (&world.directory, domain("tinh.gov.vn"));
    let signs = d.delete_dkim_key(None, &name, "cv202611r2");
    assert!(matches!(signs, Err(Error::InUse(_))));
    let nothing = d.delete_dkim_key(None, &name, "x");
    assert!(matches!(nothing, Err(Error::NotFound(_))));
    assert_eq!(d.forget_retired_dkim(), Ok(0));
    world.pass(RETIRING_S);
    assert_eq!(d.forget_retired_dkim(), Ok(2));
    let left = d.dkim_keys(None, &name).unwrap();
    assert_eq!(
        standing(&left),
        [("cv202611e2", Signing), ("cv202611r2", Signing)]
    );
    d.delete_domain(None, &name, None).unwrap();
    assert!(d.dkim_keys(None, &name).is_err());
    // A domain of this name begins anew.
    let world = world.restart();
    assert!(selectors(&world, "tinh.gov.vn").is_empty());
}

#[test]
fn i20_every_act_on_keys_is_in_the_chain() {
    let world = rotated();
    let (d, name) = (&world.directory, domain("tinh.gov.vn"));
    world.pass(RETIRING_S);
    d.forget_retired_dkim().unwrap();
    d.delete_domain(None, &name, None).unwrap();
    let acts = d.audit(None, 100).unwrap();
    let names = acts.iter().rev().map(|entry| entry.act.as_str());
    let names: Vec<&str> = names.filter(|act| act.starts_with("domain.d")).collect();
    assert_eq!(
        names,
        [
            "domain.dkim.create",
            "domain.dkim.create",
            "domain.dkim.activate",
            "domain.dkim.delete",
            "domain.dkim.delete",
            "domain.delete",
        ]
    );
    let made = acts.iter().find(|entry| entry.act == "domain.dkim.create");
    let said = r#"{"selectors":["cv202611r2","cv202611e2"],"signs":false}"#;
    assert_eq!(made.unwrap().detail, said);
    assert_eq!(d.audit_check().unwrap(), None);
}

#[test]
fn only_who_manages_a_domain_changes_its_keys() {
    let world = World::new();
    let d = &world.directory;
    let name = domain("tinh.gov.vn");
    let reader = world.officer("doc@tinh.gov.vn", Role::Auditor, "H99");
    world.person("la@tinh.gov.vn", "H99");
    let stranger = world.enter("la@tinh.gov.vn");
    assert!(matches!(
        d.make_first_dkim_keys(Some(&reader), &name),
        Err(Error::Denied(_))
    ));
    assert!(matches!(
        d.make_first_dkim_keys(Some(&stranger), &name),
        Err(Error::NotFound(_))
    ));
    assert_eq!(d.dkim_keys(Some(&reader), &name).unwrap(), []);
    assert!(matches!(
        d.dkim_keys(Some(&stranger), &name),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        d.renew_dkim(Some(&reader), &name),
        Err(Error::Denied(_))
    ));
    assert!(matches!(
        d.activate_dkim(Some(&reader), &name),
        Err(Error::Denied(_))
    ));
    let gone = d.delete_dkim_key(Some(&reader), &name, "x");
    assert!(matches!(gone, Err(Error::Denied(_))));
}

/// Whoever publishes the records of keys that he was told of must find these same keys signing ever after.
#[test]
fn a_power_cut_leaves_both_first_keys_or_none() {
    let name = domain("tinh.gov.vn");
    let clock = Arc::new(HandClock(START_MS.into()));
    let (mut none, mut both) = (0, 0);
    for cut in [0, 1, 2, 3, 100] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            engine: EngineKind::Memory,
            disk: Disk::forgetful(cut),
            ..Options::default()
        };
        let (store, d) = open_with(&options, &clock).unwrap();
        let top = NewAgency {
            id: agency("H99"),
            parent: None,
            name: "Tỉnh".into(),
            name_en: None,
            quota: Default::default(),
            profile: Default::default(),
        };
        d.create_agency(None, top).unwrap();
        d.create_domain(None, name.clone(), agency("H99")).unwrap();
        options.disk.fail_after(cut);
        let told = d.make_first_dkim_keys(None, &name).ok();
        let signs = d.signing_keys(&name).len();
        assert_eq!(signs, told.as_ref().map_or(0, Vec::len), "cut {cut}");
        let _ = store.close();
        drop((d, store));
        options.disk.power_cut().unwrap();
        let (store, d) = open_with(&options, &clock).unwrap();
        let kept = d.dkim_keys(None, &name).unwrap();
        if let Some(told) = told {
            assert_eq!(kept.len(), 2, "cut {cut}");
            assert!(told.iter().all(|key| kept.contains(key)), "cut {cut}");
        }
        match kept.len() {
            0 => none += 1,
            2 => both += 1,
            other => panic!("{other} keys after cut {cut}"),
        }
        let again = d.make_first_dkim_keys(None, &name).unwrap();
        assert_eq!((again.len(), d.signing_keys(&name).len()), (2, 2));
        assert!(kept.is_empty() || again == kept, "cut {cut}");
        store.close().unwrap();
    }
    assert!(none > 0 && both > 0, "{none} without keys, {both} with");
}

#[test]
fn what_the_first_keys_would_be_told_as_is_what_they_are_told_as() {
    let world = World::new();
    let d = &world.directory;
    let name = domain("khac.gov.vn");
    let officer = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let trial = directory::Trial::default();
    let tries = officer.clone().on_trial(&trial);
    let tried = d.create_domain_for(Some(&tries), name.clone(), agency("H99"), None);
    assert_eq!(tried.unwrap_err(), Error::Tried);
    let tried = d.try_first_dkim_keys(&tries, &name);
    assert_eq!(tried.unwrap_err(), Error::Tried);
    let told = trial.ended().unwrap();
    d.create_domain_for(Some(&officer), name.clone(), agency("H99"), None)
        .unwrap();
    d.make_first_dkim_keys(Some(&officer), &name).unwrap();
    let done = d.audit(None, 2).unwrap();
    for (tried, done) in told.iter().zip(done.iter().rev()) {
        assert_eq!(
            (tried.act, &tried.object),
            (done.act.as_str(), &done.object)
        );
        assert_eq!(tried.detail.to_string(), done.detail);
    }
    assert_eq!(told.len(), 2);
}
