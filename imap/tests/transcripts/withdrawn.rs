//! RFC 2180 §3, RFC 4314 §4, RFC 9051 §3: the selected mailbox is deleted, or taken away, while it is open.

use crate::door::{END, World, check};
use crate::sharing::{BINH, give};
use directory::{AccountKind, Sharing};
use storage::AccountId;

const CHUNG: &str = "\"Other Users/an@tinh.gov.vn/Chung\"";
const SECRET: &[u8] = b"Subject: a\r\n\r\nsecret\r\n";

/// An shares the mailbox Chung, with one letter in it, and Việc with Bình, who is connection 2.
fn world(rights: &str) -> (World, AccountId) {
    let mut world = World::new();
    let binh = world.account(BINH, AccountKind::Person);
    world.login(1);
    for name in ["Chung", "Viec"] {
        world.ask(1, &format!("CREATE {name}"));
        give(&world, "an", name, Sharing::Account(binh), rights);
    }
    world.append(1, "Chung", "", SECRET);
    (world, binh)
}

/// Bình signs in and opens the shared mailbox.
fn open(world: &mut World, rev2: bool) {
    world.login_as(2, BINH);
    if rev2 {
        world.ask(2, "ENABLE IMAP4rev2");
    }
    let opened = world.ask(2, &format!("SELECT {CHUNG}"));
    assert!(opened.last().unwrap().starts_with("q OK"), "{opened:?}");
    let told = world.ask(2, "FETCH 1 BODY.PEEK[TEXT]");
    assert!(told.iter().any(|line| line == "secret"), "{told:?}");
}

const LOST: &str = "The mailbox was deleted, or may no longer be read";

/// What is answered to a command once the rights are `left`, and that nothing follows it.
fn refused(rev2: bool, left: &str, command: &str, answer: &str) {
    let (mut world, binh) = world("lrswite");
    open(&mut world, rev2);
    give(&world, "an", "Chung", Sharing::Account(binh), left);
    let told = world.ask(2, command);
    let (last, before) = told.split_last().unwrap();
    assert!(last.starts_with(answer), "{command}: {told:?}");
    if rev2 {
        assert_eq!(before, [format!("* OK [CLOSED] {LOST}")], "{command}");
        assert_eq!(
            world.ask(2, "UID FETCH 1 BODY[]"),
            ["q BAD [CLIENTBUG] no mailbox is selected"]
        );
        let again = world.ask(2, "SELECT INBOX");
        assert!(!again[0].contains("CLOSED"), "{again:?}");
        assert!(again.last().unwrap().starts_with("q OK"), "{again:?}");
    } else {
        assert!(before.is_empty(), "{command}: {told:?}");
        assert_eq!(world.line(2), format!("* BYE {LOST}"), "{command}");
        assert_eq!(world.line(2), END, "{command}");
    }
}

#[test]
fn a_command_on_a_mailbox_that_was_taken_away_ends_it() {
    let gone = "q NO [NONEXISTENT] ";
    for rev2 in [false, true] {
        refused(rev2, "", "FETCH 1 BODY[]", gone);
        refused(rev2, "", "UID FETCH 1:* (FLAGS)", gone);
        refused(rev2, "", "SEARCH TEXT secret", gone);
        refused(rev2, "", "STORE 1 +FLAGS (\\Seen)", gone);
        refused(rev2, "", "UID COPY 1 INBOX", gone);
        refused(rev2, "", "EXPUNGE", gone);
        // What may still be seen in lists is there.
        refused(rev2, "l", "FETCH 1 BODY[]", "q NO [NOPERM] ");
        refused(rev2, "swite", "FETCH 1 BODY[]", gone);
        // Commands that need no mailbox do what they did.
        refused(rev2, "", "NOOP", "q OK ");
        refused(rev2, "", "CREATE Moi", "q OK ");
        refused(rev2, "", "STATUS Trong (MESSAGES)", gone);
    }
}

#[test]
fn idle_ends_with_the_mailbox() {
    let (mut world, binh) = world("lr");
    open(&mut world, false);
    world.send(2, b"i IDLE\r\n");
    assert_eq!(world.line(2), "+ idling");
    give(&world, "an", "Chung", Sharing::Account(binh), "l");
    assert_eq!(world.line(2), format!("* BYE {LOST}"));
    assert_eq!(world.line(2), END);
}

#[test]
fn idle_goes_on_without_the_mailbox_in_rev2() {
    let (mut world, binh) = world("lr");
    open(&mut world, true);
    world.send(2, b"i IDLE\r\n");
    assert_eq!(world.line(2), "+ idling");
    give(&world, "an", "Chung", Sharing::Account(binh), "");
    assert_eq!(world.line(2), format!("* OK [CLOSED] {LOST}"));
    // What comes there is not told any more.
    world.append(1, "Chung", "", SECRET);
    world.send(2, b"DONE\r\n");
    assert_eq!(world.line(2), "i OK IDLE completed");
    assert_eq!(world.ask(2, "NOOP"), ["q OK NOOP completed"]);
}

#[test]
fn a_mailbox_that_its_owner_deletes_ends_too() {
    for (rev2, last) in [
        (false, "* BYE The mailbox"),
        (true, "* OK [CLOSED] The mailbox"),
    ] {
        let (mut world, _) = world("lr");
        open(&mut world, rev2);
        world.send(2, b"i IDLE\r\n");
        assert_eq!(world.line(2), "+ idling");
        world.ask(1, "DELETE Chung");
        let told = world.line(2);
        assert!(told.starts_with(last), "{told}");
    }
}

/// One's own sessions: another one deletes the mailbox, or this one does.
#[test]
fn ones_own_mailbox_is_deleted() {
    let (mut world, _) = world("lr");
    world.login(3);
    world.login(4);
    world.ask(4, "ENABLE IMAP4rev2");
    for number in [1, 3, 4] {
        world.ask(number, "SELECT Chung");
    }
    check(
        &mut world,
        &format!(
            "C: a DELETE Chung
             S: * OK [CLOSED] The mailbox was deleted
             S: a OK DELETE completed
             C: b FETCH 1 FLAGS
             S: b BAD [CLIENTBUG] no mailbox is selected
             C: c SELECT INBOX
             S: ⋮
             S: c OK …
             C3: d UID FETCH 1:* FLAGS
             S3: d NO [NONEXISTENT] {LOST}
             S3: * BYE {LOST}
             S3: (end)
             C4: e SEARCH ALL
             S4: * OK [CLOSED] {LOST}
             S4: e NO [NONEXISTENT] {LOST}
             C4: f SELECT INBOX
             S4: ⋮
             S4: f OK …"
        ),
    );
}

#[test]
fn what_is_lost_is_closed_without_a_word() {
    for command in ["CLOSE", "UNSELECT"] {
        let (mut world, binh) = world("lrte");
        open(&mut world, false);
        give(&world, "an", "Chung", Sharing::Account(binh), "");
        let done = format!("q OK {command} completed");
        assert_eq!(world.ask(2, command), [done]);
        let opened = world.ask(2, "SELECT INBOX");
        assert!(opened.last().unwrap().starts_with("q OK"), "{opened:?}");
    }
}

/// RFC 5465 §5.4, §5.9: who watches is told between commands, of the selected mailbox and of others.
#[test]
fn who_watches_is_told_by_list() {
    let (mut world, binh) = world("lr");
    open(&mut world, true);
    world.ask(
        2,
        "NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (SUBTREE \"Other Users\" (MessageNew MessageExpunge MailboxName))",
    );
    give(&world, "an", "Chung", Sharing::Account(binh), "");
    assert_eq!(world.line(2), format!("* OK [CLOSED] {LOST}"));
    assert_eq!(
        world.line(2),
        format!("* LIST (\\NonExistent \\NoAccess) \"/\" {CHUNG}")
    );
    // Given again, it is told of again.
    give(&world, "an", "Chung", Sharing::Account(binh), "lr");
    let told = world.line(2);
    assert!(told.ends_with(&format!("\"/\" {CHUNG}")), "{told}");
    world.ask(1, "DELETE Chung");
    assert_eq!(
        world.line(2),
        format!("* LIST (\\NonExistent) \"/\" {CHUNG}")
    );
    // The other one still is, and is heard.
    world.append(1, "Viec", "", SECRET);
    let told = world.line(2);
    assert!(
        told.starts_with("* STATUS \"Other Users/an@tinh.gov.vn/Viec\" (MESSAGES 1 "),
        "{told}"
    );
}

/// A long answer stops where it is: between two messages with NO, within one with the connection and without a word,
/// since a goodbye would be taken for a part of the literal (RFC 9051 §4.3).
#[test]
fn a_fetch_under_way_is_stopped() {
    for (count, size, ended) in [(1, 4_000_000, ""), (20, 200_000, "f NO ")] {
        let (mut world, binh) = world("lr");
        let mut large = b"Subject: a\r\n\r\n".to_vec();
        large.resize(size, b'x');
        for _ in 0..count {
            world.append(1, "Chung", "", &large);
        }
        open(&mut world, true);
        world.send(2, b"f FETCH 2:* (UID BODY.PEEK[])\r\n");
        assert!(world.line(2).starts_with("* 2 FETCH"));
        give(&world, "an", "Chung", Sharing::Account(binh), "");
        let mut told = Vec::new();
        let lost = ended.is_empty();
        while lost
            || !String::from_utf8_lossy(&told[told.len().saturating_sub(200)..]).contains(ended)
        {
            let some = world.some(2);
            if some.is_empty() {
                break;
            }
            told.extend(some);
        }
        assert!(told.len() < count * size, "{}", told.len());
        let text = String::from_utf8_lossy(&told);
        assert_eq!(text.contains("[CLOSED]"), !lost);
        assert!(!text.contains("BYE"), "{count}");
    }
}

/// RFC 4314 §4: rights that change while the mailbox is open are told, and hold.
#[test]
fn rights_that_change_are_told() {
    let (mut world, binh) = world("lrswite");
    open(&mut world, false);
    give(&world, "an", "Chung", Sharing::Account(binh), "lr");
    check(
        &mut world,
        r#"C2: a NOOP
           S2: * OK [READ-ONLY] Your rights have changed
           S2: * FLAGS …
           S2: * OK [PERMANENTFLAGS ()] Flags that are kept
           S2: a OK NOOP completed
           C2: b STORE 1 +FLAGS (\Flagged)
           S2: b NO [READ-ONLY] …
           C2: c NOOP
           S2: c OK NOOP completed"#,
    );
    give(&world, "an", "Chung", Sharing::Account(binh), "lrst");
    check(
        &mut world,
        r#"C2: d NOOP
           S2: * OK [READ-WRITE] Your rights have changed
           S2: * FLAGS …
           S2: * OK [PERMANENTFLAGS (\Deleted \Seen)] Flags that are kept
           S2: d OK NOOP completed
           C2: e STORE 1 +FLAGS (\Seen)
           S2: * 1 FETCH …
           S2: e OK …
           C2: f EXAMINE "Other Users/an@tinh.gov.vn/Chung"
           S2: ⋮
           S2: f OK [READ-ONLY] …"#,
    );
    give(&world, "an", "Chung", Sharing::Account(binh), "lrs");
    check(
        &mut world,
        "C2: g NOOP
         S2: g OK NOOP completed",
    );
}
