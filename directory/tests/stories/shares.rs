//! Who else may do what with an account's mail, or with one of its mailboxes.

use crate::world::{World, agency, new};
use directory::{
    Access, Account, AccountKind, AccountState, Denied, Error, NewAccount, Rights, RightsChange,
    Role, Sharing,
};
use storage::MailboxId;

fn rights(letters: &str) -> Rights {
    Rights::parse(letters).unwrap()
}

fn office(world: &World, at: &str) -> Account {
    let new = NewAccount {
        kind: AccountKind::Shared,
        ..new("vanthu@tinh.gov.vn", at)
    };
    world.directory.create_account(None, new).unwrap()
}

fn inbox(access: &Access) -> MailboxId {
    let store = access.own().unwrap();
    store.by_role(storage::Role::Inbox).unwrap().unwrap().id
}

fn give(
    access: &Access,
    mailbox: MailboxId,
    to: Sharing,
    change: RightsChange,
) -> Result<(), Error> {
    access.change_share(access.account(), mailbox, to, change)
}

#[test]
fn a_mailbox_is_shared_by_its_owner_and_nothing_else_of_his() {
    let world = World::new();
    let binh = world.person("binh@tinh.gov.vn", "H99.1");
    world.person("an@tinh.gov.vn", "H99.2");
    let (an, binh) = (world.enter("an"), (binh.id, world.enter("binh")));
    let box_ = inbox(&an);
    assert!(binh.1.neighbours().is_empty());
    assert_eq!(binh.1.reach(an.account()).err(), Some(Denied));
    let to = Sharing::Account(binh.0);
    give(&an, box_, to, RightsChange::Set(rights("lr"))).unwrap();
    give(&an, box_, to, RightsChange::Add(rights("sr"))).unwrap();
    give(&an, box_, to, RightsChange::Remove(rights("re"))).unwrap();
    assert_eq!(binh.1.rights(an.account(), Some(box_)), rights("ls"));
    assert_eq!(binh.1.rights(an.account(), None), Rights::NONE);
    assert!(binh.1.mailbox(an.account(), box_, rights("l")).is_ok());
    assert_eq!(
        binh.1.mailbox(an.account(), box_, rights("lr")).err(),
        Some(Denied)
    );
    let other = box_.next().unwrap();
    assert_eq!(
        binh.1.mailbox(an.account(), other, Rights::NONE).err(),
        Some(Denied)
    );
    assert_eq!(binh.1.neighbours().len(), 1);
    // Only who administers it changes it, and nobody gives himself more.
    let more = binh
        .1
        .change_share(an.account(), box_, to, RightsChange::Set(Rights::ALL));
    assert_eq!(more.err(), Some(Error::Denied(Denied)));
    assert_eq!(binh.1.shares(an.account(), box_).err(), Some(Denied));
    let owner = give(
        &an,
        box_,
        Sharing::Account(an.account()),
        RightsChange::Set(Rights::NONE),
    );
    assert!(matches!(owner, Err(Error::Invalid { .. })));
    // It outlives a restart, and ends when it is taken away.
    drop((an, binh));
    let world = world.restart();
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    assert_eq!(binh.rights(an.account(), Some(box_)), rights("ls"));
    give(&an, box_, to, RightsChange::Set(Rights::NONE)).unwrap();
    assert!(binh.neighbours().is_empty() && binh.reach(an.account()).is_err());
}

#[test]
fn anyone_is_everyone_under_the_same_top() {
    let world = World::new();
    world.agency("G05", None);
    world
        .directory
        .create_domain(None, crate::world::domain("khac.gov.vn"), agency("G05"))
        .unwrap();
    world.person("an@tinh.gov.vn", "H99.2.1");
    world.person("binh@tinh.gov.vn", "H99.1");
    world.person("cu@khac.gov.vn", "G05");
    let (an, binh, cu) = (
        world.enter("an"),
        world.enter("binh"),
        world.enter("cu@khac.gov.vn"),
    );
    give(
        &an,
        inbox(&an),
        Sharing::Anyone,
        RightsChange::Set(rights("l")),
    )
    .unwrap();
    assert_eq!(binh.rights(an.account(), Some(inbox(&an))), rights("l"));
    assert_eq!(cu.rights(an.account(), Some(inbox(&an))), Rights::NONE);
    assert!(cu.neighbours().is_empty() && cu.reach(an.account()).is_err());
    assert_eq!(an.neighbours().len(), 0);
}

#[test]
fn i20_members_of_a_seat_are_kept_by_its_administrators() {
    let world = World::new();
    let office = office(&world, "H99.1");
    let binh = world.person("binh@tinh.gov.vn", "H99.1").id;
    let mine = world.officer("a@tinh.gov.vn", Role::AccountOfficer, "H99.1");
    let other = world.officer("b@tinh.gov.vn", Role::Administrator, "H99.2");
    let d = &world.directory;
    let set =
        |by: &Access, rights, version| d.set_member(Some(by), office.id, binh, rights, version);
    assert_eq!(
        set(&other, Rights::ALL, None).err(),
        Some(Error::NotFound("account"))
    );
    assert_eq!(
        d.members(Some(&other), office.id).err(),
        Some(Error::NotFound("account"))
    );
    let share = set(&mine, rights("lrswite"), Some(0)).unwrap();
    assert_eq!(
        set(&mine, Rights::ALL, Some(0)).err(),
        Some(Error::Conflict)
    );
    assert_eq!(share.entries, [(Sharing::Account(binh), rights("lrswite"))]);
    let entry = d.audit(None, 1).unwrap().remove(0);
    assert_eq!(
        (entry.act.as_str(), entry.object.as_str()),
        ("account.member", "vanthu@tinh.gov.vn")
    );
    let access = world.enter("binh");
    assert_eq!(access.rights(office.id, None), rights("lrswite"));
    // For one mailbox more may be given, not less.
    let store = access.reach(office.id).unwrap();
    let id = store.by_role(storage::Role::Sent).unwrap().unwrap().id;
    set(&mine, rights("lra"), None).unwrap();
    let change = |change| access.change_share(office.id, id, Sharing::Account(binh), change);
    change(RightsChange::Add(rights("k"))).unwrap();
    assert!(matches!(
        change(RightsChange::Set(rights("lk"))),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(access.rights(office.id, Some(id)), rights("lrka"));
    // Who is no longer a member has nothing left.
    set(&mine, Rights::NONE, None).unwrap();
    assert_eq!(access.rights(office.id, Some(id)), Rights::NONE);
    // Persons share their own mail themselves; lists are nobody.
    let person = d.set_member(None, binh, office.id, Rights::ALL, None);
    assert!(matches!(
        person,
        Err(Error::Invalid {
            field: "account",
            ..
        })
    ));
    let list = world.list("tat-ca@tinh.gov.vn", &[]).id;
    let done = d.set_member(None, office.id, list, Rights::ALL, None);
    assert!(matches!(
        done,
        Err(Error::Invalid {
            field: "member",
            ..
        })
    ));
}

#[test]
fn shares_end_with_accounts_and_mailboxes() {
    let world = World::new();
    let office = office(&world, "H99");
    let binh = world.person("binh@tinh.gov.vn", "H99").id;
    world.person("an@tinh.gov.vn", "H99");
    let (an, d) = (world.enter("an"), &world.directory);
    d.set_member(None, office.id, an.account(), Rights::ALL, None)
        .unwrap();
    give(
        &an,
        inbox(&an),
        Sharing::Account(binh),
        RightsChange::Set(rights("lr")),
    )
    .unwrap();
    // A mailbox: what was said of it is forgotten only when it is gone.
    let sent = an
        .own()
        .unwrap()
        .by_role(storage::Role::Sent)
        .unwrap()
        .unwrap()
        .id;
    give(
        &an,
        sent,
        Sharing::Account(binh),
        RightsChange::Set(rights("lr")),
    )
    .unwrap();
    d.forget_mailbox(an.account(), sent).unwrap();
    let access = world.enter("binh");
    assert_eq!(access.rights(an.account(), Some(sent)), rights("lr"));
    let mut writer = an.own().unwrap().write().unwrap();
    writer.remove_mailbox(sent).unwrap();
    writer.commit().unwrap();
    d.forget_mailbox(an.account(), sent).unwrap();
    assert_eq!(access.rights(an.account(), Some(sent)), Rights::NONE);
    // A retired owner shares nothing; one who comes back does again.
    let mut retired = d.account(office.id).unwrap();
    retired.state = AccountState::Retired;
    let retired = d.change_account(None, retired, None).unwrap();
    assert!(an.reach(office.id).is_err());
    let back = Account {
        state: AccountState::Active,
        ..retired
    };
    d.change_account(None, back, None).unwrap();
    assert!(an.reach(office.id).is_ok());
    // An account: both what it gave and what it got.
    access.subscribe(an.account(), inbox(&an), true).unwrap();
    let id = an.account();
    d.delete_account(None, id, None).unwrap();
    assert!(d.members(None, office.id).unwrap().entries.is_empty());
    assert!(access.neighbours().is_empty());
    assert_eq!(access.subscriptions().unwrap().len(), 1);
    d.delete_account(None, binh, None).unwrap();
    let rows = world
        .store
        .table("directory.subscription")
        .rows(&[], None, 9)
        .unwrap();
    assert!(rows.is_empty());
    assert!(
        world
            .store
            .table("directory.share")
            .rows(&[], None, 9)
            .unwrap()
            .is_empty()
    );
}
