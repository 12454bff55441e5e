//! RFC 4314, RFC 8440: rights shown and changed, as Thunderbird does it.

use crate::door::{USER, World, check};
use directory::{AccountKind, Rights};
use formats::address::Address;

const BINH: &str = "binh@tinh.gov.vn";
const OFFICE: &str = "vanthu@tinh.gov.vn";

fn world() -> World {
    let mut world = World::new();
    world.account(BINH, AccountKind::Person);
    world.login_as(1, USER);
    world.login_as(2, BINH);
    world
}

#[test]
fn a_mailbox_is_given_and_taken_back() {
    check(
        &mut world(),
        r#"C: a CREATE Viec
           S: a OK …
           C: b GETACL Viec
           S: * ACL "Viec" "an@tinh.gov.vn" lrswipkxteacd
           S: b OK GETACL completed
           C: c SETACL Viec binh lrs
           S: c OK SETACL completed
           C: d SETACL Viec binh@tinh.gov.vn +cda
           S: d OK …
           C: e SETACL Viec anyone l
           S: e OK …
           C: f GETACL Viec
           S: * ACL "Viec" "an@tinh.gov.vn" lrswipkxteacd "anyone" l "binh@tinh.gov.vn" lrskxteacd
           S: f OK …
           C2: g MYRIGHTS "Other Users/an@tinh.gov.vn/Viec"
           S2: * MYRIGHTS "Other Users/an@tinh.gov.vn/Viec" lrskxteacd
           S2: g OK MYRIGHTS completed
           C2: h SETACL "Other Users/an@tinh.gov.vn/Viec" binh -a
           S2: h OK …
           C2: i GETACL "Other Users/an@tinh.gov.vn/Viec"
           S2: i NO [NOPERM] …
           C: j DELETEACL Viec binh
           S: j OK DELETEACL completed
           C2: k MYRIGHTS "Other Users/an@tinh.gov.vn/Viec"
           S2: * MYRIGHTS "Other Users/an@tinh.gov.vn/Viec" l
           S2: k OK …
           C: l DELETEACL Viec anyone
           S: l OK …
           C2: m MYRIGHTS "Other Users/an@tinh.gov.vn/Viec"
           S2: m NO [NONEXISTENT] …
           C2: n GETACL "Other Users/an@tinh.gov.vn/Viec"
           S2: n NO [NONEXISTENT] …"#,
    );
}

#[test]
fn what_cannot_be_given_is_refused() {
    check(
        &mut world(),
        r#"C: a SETACL INBOX John lrQswicda
           S: a BAD [CLIENTBUG] an unknown right
           C: b SETACL INBOX binh lrqswicda
           S: b BAD [CLIENTBUG] an unknown right
           C: c SETACL INBOX -binh w
           S: c NO [CANNOT] Negative rights are not supported
           C: d SETACL INBOX khong@tinh.gov.vn l
           S: d NO [CANNOT] There is no such account
           C: e SETACL INBOX an -a
           S: e NO [CANNOT] …
           C: f SETACL INBOX an lrswipkxtea
           S: f OK …
           C: g SETACL nope binh l
           S: g NO [NONEXISTENT] …
           C: h SETACL INBOX "" l
           S: h BAD …
           C: i LISTRIGHTS INBOX binh
           S: * LISTRIGHTS INBOX "binh" "" l r s w i p k x t e a c d
           S: i OK LISTRIGHTS completed
           C: j LISTRIGHTS INBOX an
           S: * LISTRIGHTS INBOX "an" lrswipkxteacd
           S: j OK …
           C: k LISTRIGHTS INBOX anyone
           S: * LISTRIGHTS INBOX "anyone" "" l r s w i p k x t e a c d
           S: k OK …
           C: l MYRIGHTS INBOX
           S: * MYRIGHTS INBOX lrswipkxteacd
           S: l OK …"#,
    );
}

#[test]
fn a_new_mailbox_inherits_and_a_deleted_one_leaves_nothing() {
    check(
        &mut world(),
        r#"C: a CREATE Viec
           S: a OK …
           C: b SETACL Viec binh lrkx
           S: b OK …
           C2: c CREATE "Other Users/an@tinh.gov.vn/Viec/2026/11"
           S2: c OK …
           C: d GETACL Viec/2026/11
           S: * ACL "Viec/2026/11" "an@tinh.gov.vn" lrswipkxteacd "binh@tinh.gov.vn" lrkxc
           S: d OK …
           C2: e RENAME "Other Users/an@tinh.gov.vn/Viec/2026/11" "Other Users/an@tinh.gov.vn/Muoi-mot"
           S2: e NO [NOPERM] …
           C: f RENAME Viec/2026/11 Muoi-mot
           S: f OK …
           C: g GETACL Muoi-mot
           S: * ACL "Muoi-mot" "an@tinh.gov.vn" lrswipkxteacd "binh@tinh.gov.vn" lrkxc
           S: g OK …
           C2: h DELETE "Other Users/an@tinh.gov.vn/Muoi-mot"
           S2: h OK …
           C: i CREATE Muoi-mot
           S: i OK …
           C: j GETACL Muoi-mot
           S: * ACL "Muoi-mot" "an@tinh.gov.vn" lrswipkxteacd
           S: j OK …
           C2: k LIST "" "Other Users/*" RETURN (MYRIGHTS)
           S2: * LIST (\HasChildren) "/" "Other Users/an@tinh.gov.vn/Viec"
           S2: * MYRIGHTS "Other Users/an@tinh.gov.vn/Viec" lrkxc
           S2: * LIST (\HasNoChildren) "/" "Other Users/an@tinh.gov.vn/Viec/2026"
           S2: * MYRIGHTS "Other Users/an@tinh.gov.vn/Viec/2026" lrkxc
           S2: k OK …
           C2: l LIST "" "Other%" RETURN (MYRIGHTS)
           S2: * LIST (\NonExistent \HasChildren) "/" "Other Users"
           S2: l OK …
           C2: m LIST "" INBOX RETURN (MYRIGHTS STATUS (MESSAGES))
           S2: * LIST (\HasNoChildren) "/" INBOX
           S2: * MYRIGHTS INBOX lrswipkxteacd
           S2: * STATUS INBOX (MESSAGES 0)
           S2: m OK …"#,
    );
}

#[test]
fn what_a_member_has_is_always_granted() {
    let mut world = world();
    let office = world.account(OFFICE, AccountKind::Shared);
    let directory = &world.directory;
    let [an, binh] = [USER, BINH].map(|a| {
        let address = Address::parse(a).unwrap();
        directory.account_at(&address).unwrap().id
    });
    let rights = |letters| Rights::parse(letters).unwrap();
    directory
        .set_member(None, office, an, rights("lra"), None)
        .unwrap();
    directory
        .set_member(None, office, binh, rights("lr"), None)
        .unwrap();
    check(
        &mut world,
        r#"C: a SETACL Shared/vanthu@tinh.gov.vn/Sent binh +i
           S: a OK …
           C: b SETACL Shared/vanthu@tinh.gov.vn/Sent binh l
           S: b NO [CANNOT] …
           C: c DELETEACL Shared/vanthu@tinh.gov.vn/Sent binh
           S: c NO [CANNOT] …
           C: d LISTRIGHTS Shared/vanthu@tinh.gov.vn/Sent binh
           S: * LISTRIGHTS "Shared/vanthu@tinh.gov.vn/Sent" "binh" lr s w i p k x t e a c d
           S: d OK …
           C: e GETACL Shared/vanthu@tinh.gov.vn/Sent
           S: * ACL "Shared/vanthu@tinh.gov.vn/Sent" "vanthu@tinh.gov.vn" lrswipkxteacd "an@tinh.gov.vn" lra "binh@tinh.gov.vn" lri
           S: e OK …
           C: f SETACL Shared/vanthu@tinh.gov.vn/Sent binh -i
           S: f OK …
           C2: g MYRIGHTS Shared/vanthu@tinh.gov.vn/Sent
           S2: * MYRIGHTS "Shared/vanthu@tinh.gov.vn/Sent" lr
           S2: g OK …
           C2: h SETACL Shared/vanthu@tinh.gov.vn/Sent binh +i
           S2: h NO [NOPERM] …"#,
    );
}
