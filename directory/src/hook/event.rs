//! Which entries of the audit log are events that programs are told of.

use crate::audit::Entry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened. The order is kept in stored rows: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Event {
    AccountCreated,
    AccountChanged,
    /// Also where it is retired: it may not sign in.
    AccountSuspended,
    AccountResumed,
    AccountDeleted,
    PasswordChanged,
    CredentialCreated,
    CredentialDeleted,
    AddressesChanged,
    SendingSuspended,
    SendingResumed,
    PositionHandedOver,
    /// What it may administer.
    RightsChanged,
}

/// Each with its name outside, in their order. Names do not change.
const NAMES: [(Event, &str); 13] = [
    (Event::AccountCreated, "account.created"),
    (Event::AccountChanged, "account.changed"),
    (Event::AccountSuspended, "account.suspended"),
    (Event::AccountResumed, "account.resumed"),
    (Event::AccountDeleted, "account.deleted"),
    (Event::PasswordChanged, "account.password_changed"),
    (Event::CredentialCreated, "account.credential_created"),
    (Event::CredentialDeleted, "account.credential_deleted"),
    (Event::AddressesChanged, "account.addresses_changed"),
    (Event::SendingSuspended, "account.sending_suspended"),
    (Event::SendingResumed, "account.sending_resumed"),
    (Event::PositionHandedOver, "position.handed_over"),
    (Event::RightsChanged, "account.rights_changed"),
];

impl Event {
    /// Its name in the API and in calls.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The event of a name.
    pub fn named(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(_, known)| *known == name);
        found.map(|(event, _)| *event)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }

    /// What an entry tells, if it is an event.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        Some(match entry.act.as_str() {
            "account.create" => Self::AccountCreated,
            "account.change" => Self::of_change(entry),
            "account.delete" => Self::AccountDeleted,
            "password.set" | "password.first" => Self::PasswordChanged,
            "credential.create" => Self::CredentialCreated,
            "credential.delete" => Self::CredentialDeleted,
            "alias.create" | "alias.change" | "alias.delete" => Self::AddressesChanged,
            "sending.suspend" => Self::SendingSuspended,
            "sending.resume" => Self::SendingResumed,
            "position.handover" => Self::PositionHandedOver,
            "grant.give" | "grant.change" | "grant.take" => Self::RightsChanged,
            _ => return None,
        })
    }

    fn of_change(entry: &Entry) -> Self {
        let detail: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
        match detail["state"][1].as_str() {
            Some("Active") => Self::AccountResumed,
            Some(_) => Self::AccountSuspended,
            None => Self::AccountChanged,
        }
    }
}

/// Names of the fields that an entry changed, without their values.
pub(super) fn changed(entry: &Entry) -> Vec<String> {
    let detail: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
    let fields = detail
        .as_object()
        .filter(|_| entry.act.ends_with(".change"));
    let fields = fields.into_iter().flatten();
    fields.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_place_and_its_name() {
        for (at, (event, name)) in NAMES.iter().enumerate() {
            assert_eq!((*event as usize, event.name()), (at, *name));
            assert_eq!(Event::named(name), Some(*event));
        }
        assert_eq!(Event::named("account"), None);
    }
}
