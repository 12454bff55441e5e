//! How much somebody may send, at the door.

use crate::world::{LETTER, World, cause, envelope};
use directory::{AgencyId, Caps, Grant, Role, SendingSettings};

fn limit(world: &World, each: Caps, sudden: Option<u64>) {
    let settings = SendingSettings { each, sudden };
    world.directory.set_sending(settings);
}

#[test]
fn a_cap_refuses_at_mail_from_and_at_the_door() {
    let world = World::new();
    let each = Caps {
        octets: Some(LETTER.len() as u64),
        recipients: Some(2),
        messages_hour: Some(3),
        ..Caps::default()
    };
    limit(&world, each, None);
    let origin = world.submitted("an");
    let send = |to: &[&str], text: &[u8]| {
        let sent = envelope("an@tinh.gov.vn", to);
        cause(world.delivery.accept(sent, text, &origin))
    };
    let (binh, chi, an) = ("binh@tinh.gov.vn", "chi@tinh.gov.vn", "an@tinh.gov.vn");
    assert_eq!(send(&[binh, chi, an], LETTER), "RecipientsCap { max: 2 }");
    let long = [LETTER, b"x\r\n"].concat();
    assert_eq!(
        send(&[binh], &long),
        format!("TooLarge {{ max: {} }}", LETTER.len())
    );
    for _ in 0..3 {
        assert_eq!(send(&[binh], LETTER), "ok");
    }
    assert_eq!(send(&[binh], LETTER), "TooMuch(Hour)");
    let from = envelope("an@tinh.gov.vn", &[binh]).from;
    assert_eq!(
        cause(world.delivery.sender(&from, &origin)),
        "TooMuch(Hour)"
    );
    // What is refused is not counted, and others go on; so do the server's own letters.
    assert_eq!(world.inbox("binh").len(), 3);
    let other = world.submitted("binh");
    let sent = envelope(binh, &[an]);
    let text = b"From: binh@tinh.gov.vn\r\n\r\nx\r\n";
    assert_eq!(cause(world.delivery.accept(sent, text, &other)), "ok");
    world.pass(3 * 3600);
    assert_eq!(send(&[binh], LETTER), "ok");
}

#[test]
fn administrators_hear_once_of_a_stop() {
    let world = World::new();
    limit(&world, Caps::default(), Some(20));
    world.change("chi", |account| {
        account.grants = vec![Grant::of(Role::Administrator, AgencyId("H99".into()))];
    });
    let origin = world.submitted("an");
    let mut answers = Vec::new();
    for _ in 0..25 {
        let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
        answers.push(cause(world.delivery.accept(sent, LETTER, &origin)));
    }
    let taken = answers.iter().filter(|a| *a == "ok").count();
    assert_eq!(taken, 20, "{answers:?}");
    assert!(answers[20..].iter().all(|a| a == "SendingSuspended"));
    let told = world.inbox("chi");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("congvu admin sending resume an@tinh.gov.vn"),
        "{}",
        told[0]
    );
    assert!(told[0].contains("tới 21 người nhận"), "{}", told[0]);
    // It goes on receiving.
    let sent = envelope("binh@tinh.gov.vn", &["an@tinh.gov.vn"]);
    let text = b"From: binh@tinh.gov.vn\r\n\r\nx\r\n";
    let other = world.submitted("binh");
    assert_eq!(cause(world.delivery.accept(sent, text, &other)), "ok");
    assert_eq!(world.inbox("an").len(), 1);
}
