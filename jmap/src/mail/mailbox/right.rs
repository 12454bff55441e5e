//! RFC 8621 §2 MailboxRights, and the letters of RFC 4314 §2.1 that they stand for.

use crate::sight::{Sight, TAKES_OUT};
use directory::Rights;
use serde_json::{Map, Value};
use storage::{Mailbox, Role};

/// Each right of JMAP with all of the letters that it takes, as RFC 8621 §2 says.
pub(crate) const ROWS: [(&str, Rights); 10] = [
    ("mayReadItems", Rights::LOOKUP.with(Rights::READ)),
    ("mayAddItems", Rights::INSERT),
    ("mayRemoveItems", TAKES_OUT),
    ("maySetSeen", Rights::SEEN),
    ("maySetKeywords", Rights::WRITE),
    ("mayCreateChild", Rights::CREATE),
    ("mayRename", Rights::REMOVE),
    ("mayDelete", Rights::REMOVE),
    ("maySubmit", Rights::POST),
    // draft-ietf-jmap-mail-sharing: to see and to change the list of rights.
    ("mayShare", Rights::ADMINISTER),
];

/// These rights as JMAP spells them.
pub(crate) fn spell(rights: Rights) -> Map<String, Value> {
    let row = |(name, needed): &(&str, Rights)| ((*name).to_owned(), rights.has(*needed).into());
    ROWS.iter().map(row).collect()
}

/// RFC 8621 §2 myRights. What nobody may do with a mailbox in a role is taken out.
pub(crate) fn mine(mail: &Sight, mailbox: &Mailbox) -> Value {
    let mut rights = spell(mail.rights(mailbox.id));
    if mailbox.role == Some(Role::Inbox) {
        rights.insert("mayRename".to_owned(), false.into());
    }
    if mailbox.role.is_some() {
        rights.insert("mayDelete".to_owned(), false.into());
    }
    Value::Object(rights)
}
