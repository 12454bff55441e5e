//! All other servers: some take a letter, some put it off, some refuse it, some cannot be reached for hours. What they
//! take is in the ledger before they say so.

use super::ledger::{Event, Ledger};
use super::left::Left;
use crate::fault::Chance;
use delivery::{Job, Outcome, Tried};

/// Seconds in which a server is of one mind.
const MOOD_S: i64 = 3600;
/// Seconds for which a server is away.
const AWAY_S: i64 = 2 * 3600;
/// The server that knows notifications (RFC 3461 §5.2.2).
pub const KNOWS: &str = "khac.vn";

fn hash(text: &str) -> u64 {
    let octets = text.bytes();
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What becomes of one recipient.
fn fate(left: &Left, to: &str, now: i64) -> Outcome {
    let taken =
        || Outcome::Relayed("2.0.0 mx.example[192.0.2.1] said to the message: 250 2.0.0 Ok".into());
    let later =
        || Outcome::Deferred("4.2.0 mx.example[192.0.2.1] said to RCPT TO: 451 4.2.0 later".into());
    let never =
        || Outcome::Failed("5.1.1 mx.example[192.0.2.1] said to RCPT TO: 550 5.1.1 nobody".into());
    let mood = Chance::of(&[hash(to), (now / MOOD_S) as u64]).draw();
    match left {
        // What tells of a letter comes through sooner or later.
        Left::Notice(_) if mood.is_multiple_of(3) => later(),
        Left::Notice(_) => taken(),
        Left::Letter(number) => match Chance::of(&[hash(to), *number]).below(10) {
            0..=3 => taken(),
            4 | 5 if mood.is_multiple_of(2) => later(),
            4 | 5 => taken(),
            6 => never(),
            7 => later(),
            _ => match mood % 4 {
                0 => never(),
                1 => taken(),
                _ => later(),
            },
        },
    }
}

/// One try at this time. The ledger knows what is taken before anybody here does.
pub fn relay(ledger: &Ledger, lane: u32, number: u64, job: &Job, now: i64) -> Tried {
    let hop = job.hop.to_string();
    let left = Left::read(&job.content).expect("a letter of ours");
    let to: Vec<String> = job
        .envelope
        .recipients
        .iter()
        .map(|r| r.address.to_string())
        .collect();
    let away = Chance::of(&[hash(&hop), (now / AWAY_S) as u64]).once_in(6);
    if away {
        let why = "4.4.1 nobody answers there".to_owned();
        return Tried {
            outcomes: vec![Outcome::Deferred(why.clone()); to.len()],
            trouble: Some(why),
            ..Tried::default()
        };
    }
    let outcomes: Vec<Outcome> = to.iter().map(|to| fate(&left, to, now)).collect();
    let each = to.iter().zip(&outcomes);
    let taken = each.filter(|(_, how)| matches!(how, Outcome::Relayed(_)));
    let to: Vec<String> = taken.map(|(to, _)| to.clone()).collect();
    if !to.is_empty() {
        ledger.note(Event::Took {
            job: number,
            left,
            to,
            hop: hop.clone(),
        });
        ledger.note(Event::Step(lane, "after the 250".into()));
    }
    Tried {
        outcomes,
        reports: hop.contains(KNOWS),
        ..Tried::default()
    }
}
