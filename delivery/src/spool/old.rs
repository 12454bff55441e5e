//! Records of the spool as earlier programs wrote them.

use super::{Parts, Record, Row};
use crate::{Detour, Envelope, Outcome, Recipient, RecipientState, ReversePath};
use formats::address::Address;
use serde::Deserialize;
use storage::AccountId;

/// An envelope of versions 1 and 2.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Cover {
    from: ReversePath,
    recipients: Vec<Recipient>,
    envid: Option<String>,
    ret: Option<String>,
    smtputf8: bool,
    eight_bit: bool,
}

impl From<Cover> for Envelope {
    fn from(cover: Cover) -> Self {
        Self {
            from: cover.from,
            recipients: cover.recipients,
            envid: cover.envid,
            ret: cover.ret,
            smtputf8: cover.smtputf8,
            eight_bit: cover.eight_bit,
            ..Self::default()
        }
    }
}

/// Recipient, address, state, tries and last outcome.
type FirstRow = (u32, Option<Address>, RecipientState, u32, Option<Outcome>);

/// Version 1.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct First {
    envelope: Cover,
    rows: Vec<FirstRow>,
    delivery: u64,
    accepted_at: i64,
    size: u64,
    submitter: Option<AccountId>,
    message_id: Option<String>,
    trace: String,
    _bounces: u32,
}

impl From<First> for Record {
    fn from(old: First) -> Self {
        let rows = old.rows.into_iter();
        let rows = rows.map(|(recipient, address, state, tries, last)| Row {
            recipient,
            address,
            state,
            tries,
            last,
            next: 0,
            success: None,
        });
        Self {
            rows: rows.collect(),
            envelope: old.envelope.into(),
            delivery: old.delivery,
            accepted_at: old.accepted_at,
            size: old.size,
            submitter: old.submitter,
            message_id: old.message_id,
            trace: old.trace,
            priority: 0,
            warned: false,
            held: None,
            held_s: 0,
            detour: None,
            parts: Parts::default(),
        }
    }
}

/// Version 2.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Second {
    envelope: Cover,
    rows: Vec<Row>,
    delivery: u64,
    accepted_at: i64,
    size: u64,
    submitter: Option<AccountId>,
    message_id: Option<String>,
    trace: String,
    priority: i8,
    warned: bool,
}

impl From<Second> for Record {
    fn from(old: Second) -> Self {
        Self {
            envelope: old.envelope.into(),
            rows: old.rows,
            delivery: old.delivery,
            accepted_at: old.accepted_at,
            size: old.size,
            submitter: old.submitter,
            message_id: old.message_id,
            trace: old.trace,
            priority: old.priority,
            warned: old.warned,
            held: None,
            held_s: 0,
            detour: None,
            parts: Parts::default(),
        }
    }
}

/// Version 3.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Third {
    envelope: (Cover, i8),
    rows: Vec<Row>,
    delivery: u64,
    accepted_at: i64,
    size: u64,
    submitter: Option<AccountId>,
    message_id: Option<String>,
    trace: String,
    priority: i8,
    warned: bool,
    held: Option<i64>,
    held_s: i64,
    detour: Option<Detour>,
}

impl From<Third> for Record {
    fn from(old: Third) -> Self {
        // Fields of postcard lie one after the other: the priority stood at the end of the envelope.
        let (cover, priority) = old.envelope;
        Self {
            envelope: Envelope {
                priority,
                ..cover.into()
            },
            rows: old.rows,
            delivery: old.delivery,
            accepted_at: old.accepted_at,
            size: old.size,
            submitter: old.submitter,
            message_id: old.message_id,
            trace: old.trace,
            priority: old.priority,
            warned: old.warned,
            held: old.held,
            held_s: old.held_s,
            detour: old.detour,
            parts: Parts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(address: &Address) -> Cover {
        Cover {
            from: ReversePath::Null,
            recipients: vec![Recipient {
                address: address.clone(),
                notify: None,
                orcpt: None,
            }],
            envid: Some("e".into()),
            ret: None,
            smtputf8: false,
            eight_bit: true,
        }
    }

    fn check(old: &[u8], tries: u32, priority: i8) {
        let record = Record::decode(old).unwrap();
        assert_eq!((record.rows[0].tries, record.rows[0].next), (tries, 0));
        assert_eq!((record.delivery, record.trace.as_str()), (7, "t"));
        assert_eq!(record.envelope.envid.as_deref(), Some("e"));
        assert!(record.envelope.eight_bit);
        assert_eq!((record.priority, record.held), (priority, None));
        assert_eq!(Record::decode(&record.encode().unwrap()), Ok(record));
    }

    #[test]
    fn what_an_older_program_spooled_is_read() {
        let address = Address::parse("x@noi.vn").unwrap();
        let first = First {
            envelope: cover(&address),
            rows: vec![(
                0,
                Some(address.clone()),
                RecipientState::Remote,
                3,
                Some(Outcome::Deferred("4.4.1 x".into())),
            )],
            delivery: 7,
            accepted_at: 8,
            size: 9,
            submitter: AccountId::new(4),
            message_id: Some("<a@b>".into()),
            trace: "t".into(),
            _bounces: 1,
        };
        check(&postcard::to_extend(&first, vec![1]).unwrap(), 3, 0);
        let second = Second {
            envelope: cover(&address),
            rows: vec![Row::remote(0, &address)],
            delivery: 7,
            accepted_at: 8,
            size: 9,
            submitter: None,
            message_id: None,
            trace: "t".into(),
            priority: -4,
            warned: true,
        };
        check(&postcard::to_extend(&second, vec![2]).unwrap(), 0, -4);
        let third = Third {
            envelope: (cover(&address), 4),
            rows: vec![Row::remote(0, &address)],
            delivery: 7,
            accepted_at: 8,
            size: 9,
            submitter: None,
            message_id: None,
            trace: "t".into(),
            priority: 4,
            warned: true,
            held: None,
            held_s: 5,
            detour: None,
        };
        let third = postcard::to_extend(&third, vec![3]).unwrap();
        check(&third, 0, 4);
        let record = Record::decode(&third).unwrap();
        assert_eq!((record.envelope.priority, record.held_s), (4, 5));
        let mut record = record;
        assert_eq!(record.encode().unwrap()[0], 4);
        record.rows.push(Row::local(0, AccountId::new(4).unwrap()));
        record.rows[1].state = RecipientState::Done(Outcome::Relayed("2.0.0 x".into()));
        record.rows[1].success = Some(crate::news::Action::Delivered);
        let ended = record.encode().unwrap();
        assert_eq!((ended[0], Record::decode(&ended)), (5, Ok(record.clone())));
        assert!(Record::decode(&ended[..ended.len() - 1]).is_err());
        let why = (Address::parse("y@noi.vn").unwrap(), "5.1.1 x".to_owned());
        for ended in [true, false] {
            record.rows.truncate(1 + usize::from(ended));
            record.parts.taken.insert(0);
            record.parts.refused.insert(0, why.clone());
            let parted = record.encode().unwrap();
            assert_eq!(Record::decode(&parted), Ok(record.clone()));
            assert!(Record::decode(&parted[..parted.len() - 1]).is_err());
        }
        assert!(Record::decode(&[6, 1, 2]).is_err());
        assert!(Record::decode(&[]).is_err());
    }
}
