//! RFC 8621 §7 `parameters`: what SMTP would say beside an address, under the same names, without xtext.

use crate::error::SetError;
use delivery::{Envelope, Hold, Recipient, TlsWish, dsn, release};
use serde_json::{Map, Value};

/// Parameters that the server finds out by itself; what is given is not looked at.
const FOUND_OUT: [&str; 3] = ["SIZE", "BODY", "SMTPUTF8"];

/// Takes in those of mailFrom. Errors: `invalidProperties`, naming the one that is wrong.
pub(super) fn of_sender(
    envelope: &mut Envelope,
    given: &Map<String, Value>,
    now: i64,
) -> Result<(), SetError> {
    let (mut priority, mut hold, mut tls) = (None, None, None);
    each(given, "mailFrom", |name, value| match name {
        "MT-PRIORITY" => set(&mut priority, release::priority(value?)),
        // RFC 4865 §4: one of both, and not too late.
        "HOLDFOR" => set(&mut hold, Hold::hold_for(value?)?.at(now)),
        "HOLDUNTIL" => set(&mut hold, Hold::hold_until(value?)?.at(now)),
        // RFC 8689 §2: without a value.
        "REQUIRETLS" => set(&mut tls, value.is_none().then_some(TlsWish::Required)),
        "RET" => set(&mut envelope.ret, dsn::ret(value?)),
        "ENVID" => set(&mut envelope.envid, dsn::envid(&dsn::encoded(value?))),
        _ => None,
    })?;
    envelope.priority = priority.unwrap_or(0);
    envelope.tls = tls.unwrap_or_default();
    envelope.release_at = hold.filter(|at| *at > now);
    Ok(())
}

/// Takes in those of one of rcptTo.
pub(super) fn of_recipient(
    recipient: &mut Recipient,
    given: &Map<String, Value>,
) -> Result<(), SetError> {
    each(given, "rcptTo", |name, value| match name {
        "NOTIFY" => set(&mut recipient.notify, dsn::notify(value?)),
        "ORCPT" => {
            let (kind, address) = value?.split_once(';')?;
            let encoded = match kind.eq_ignore_ascii_case("utf-8") {
                true => address.to_owned(),
                false => dsn::encoded(address),
            };
            set(
                &mut recipient.orcpt,
                dsn::orcpt(&format!("{kind};{encoded}")),
            )
        }
        _ => None,
    })
}

/// Each name in upper case with its value, until one is not taken.
fn each(
    given: &Map<String, Value>,
    of: &str,
    mut take: impl FnMut(&str, Option<&str>) -> Option<()>,
) -> Result<(), SetError> {
    for (name, value) in given {
        let upper = name.to_ascii_uppercase();
        let sound = value.is_null() || value.is_string();
        let taken = sound && take(&upper, value.as_str()).is_some();
        if !taken && !FOUND_OUT.contains(&upper.as_str()) {
            let property = format!("envelope/{of}/parameters/{name}");
            return Err(SetError::invalid(
                &[&property],
                "not known, or not a value that can be",
            ));
        }
    }
    Ok(())
}

/// Once, and only what can be.
fn set<T>(slot: &mut Option<T>, value: Option<T>) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value?);
    Some(())
}
