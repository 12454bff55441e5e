//! RFC 9208: what is used of which limits, and who sets them.

use crate::door::{World, check};
use directory::{AccountKind, AgencyId, Grant, Role};

const BINH: &str = "binh@tinh.gov.vn";

#[test]
fn the_roots_of_a_mailbox_are_told() {
    let mut world = World::new();
    world.account(BINH, AccountKind::Person);
    world.login(1);
    world.login_as(2, BINH);
    world.append(1, "INBOX", "(\\Deleted)", &[b'x'; 1500]);
    world.append(1, "INBOX", "", &[b'x'; 600]);
    check(
        &mut world,
        r#"C: a GETQUOTAROOT INBOX
           S: * QUOTAROOT INBOX "an@tinh.gov.vn"
           S: * QUOTA "an@tinh.gov.vn" (STORAGE 3 16384)
           S: a OK GETQUOTAROOT completed
           C: b GETQUOTA an@tinh.gov.vn
           S: * QUOTA "an@tinh.gov.vn" (STORAGE 3 16384)
           S: b OK GETQUOTA completed
           C: c GETQUOTAROOT not/yet
           S: * QUOTAROOT "not/yet" "an@tinh.gov.vn"
           S: * QUOTA "an@tinh.gov.vn" (STORAGE 3 16384)
           S: c OK …
           C: d STATUS INBOX (DELETED DELETED-STORAGE)
           S: * STATUS INBOX (DELETED 1 DELETED-STORAGE 1500)
           S: d OK …
           C: e GETQUOTA binh@tinh.gov.vn
           S: e NO [NONEXISTENT] …
           C: f GETQUOTA khong@tinh.gov.vn
           S: f NO [NONEXISTENT] …
           C: g SETQUOTA an@tinh.gov.vn (STORAGE 99999)
           S: g NO [NOPERM] …
           C: h SETQUOTA H99 (STORAGE 1)
           S: h NO [NOPERM] …
           C: i SETQUOTA nothing (STORAGE 1)
           S: i NO [NOPERM] …
           C: j SETACL INBOX binh lr
           S: j OK …
           C2: k GETQUOTAROOT "Other Users/an@tinh.gov.vn/INBOX"
           S2: * QUOTAROOT "Other Users/an@tinh.gov.vn/INBOX" "an@tinh.gov.vn"
           S2: * QUOTA "an@tinh.gov.vn" (STORAGE 3 16384)
           S2: k OK …
           C2: l GETQUOTA an@tinh.gov.vn
           S2: * QUOTA "an@tinh.gov.vn" (STORAGE 3 16384)
           S2: l OK …
           C2: m GETQUOTAROOT "Other Users/an@tinh.gov.vn/Sent"
           S2: m NO [NONEXISTENT] …
           C: n SETACL INBOX binh l
           S: n OK …
           C2: o GETQUOTAROOT "Other Users/an@tinh.gov.vn/INBOX"
           S2: o NO [NOPERM] …
           C2: p GETQUOTA an@tinh.gov.vn
           S2: p NO [NONEXISTENT] …"#,
    );
}

#[test]
fn i20_administrators_set_limits_and_the_owner_is_bound() {
    let mut world = World::new();
    let binh = world.account(BINH, AccountKind::Person);
    let mut account = world.directory.account(binh).unwrap();
    account.grants = vec![Grant::of(Role::Administrator, AgencyId("H99".into()))];
    world.directory.change_account(None, account, None).unwrap();
    world.login(1);
    world.login_as(2, BINH);
    world.append(1, "INBOX", "", &[b'x'; 600]);
    check(
        &mut world,
        r#"C2: a SETQUOTA an@tinh.gov.vn (STORAGE 510 MESSAGE 2)
           S2: * QUOTA "an@tinh.gov.vn" (STORAGE 1 510 MESSAGE 1 2)
           S2: a OK SETQUOTA completed
           C2: b SETQUOTA H99 (MESSAGE 3)
           S2: * QUOTA "H99" (MESSAGE 1 3)
           S2: b OK …
           C: c GETQUOTAROOT INBOX
           S: * QUOTAROOT INBOX "an@tinh.gov.vn" "H99"
           S: * QUOTA "an@tinh.gov.vn" (STORAGE 1 510 MESSAGE 1 2)
           S: * QUOTA "H99" (MESSAGE 1 3)
           S: c OK …
           C: d APPEND INBOX {3+}
           C: abc
           S: d OK …
           C: e APPEND INBOX {3+}
           C: abc
           S: e NO [OVERQUOTA] The account would pass its quota
           C2: f SETQUOTA an@tinh.gov.vn ()
           S2: * QUOTA "an@tinh.gov.vn" (STORAGE 1 16384)
           S2: f OK …
           C: g APPEND INBOX {3+}
           C: abc
           S: g OK …
           C: h APPEND INBOX {3+}
           C: abc
           S: h NO [OVERQUOTA] The agency would pass its quota
           C2: i SETQUOTA H99 (ANNOTATION-STORAGE 3)
           S2: i NO [CANNOT] …
           C2: j SETQUOTA H99 (STORAGE 9223372036854775807)
           S2: j NO [CANNOT] …
           C2: k GETQUOTA H99
           S2: * QUOTA "H99" (MESSAGE 3 3)
           S2: k OK …
           C: l GETQUOTA H99
           S: * QUOTA "H99" (MESSAGE 3 3)
           S: l OK …"#,
    );
    let entries = world.directory.audit(None, 2).unwrap();
    let acts: Vec<_> = entries
        .iter()
        .map(|e| (e.act.as_str(), e.actor.as_str()))
        .collect();
    assert_eq!(acts, [("account.change", BINH), ("agency.change", BINH)]);
}
