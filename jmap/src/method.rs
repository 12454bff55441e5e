//! Every method, the capability it belongs to, and the function that runs it: a row each.

use crate::discovery::{BLOB, CORE, MAIL, MDN, PRINCIPALS, QUOTA, SUBMISSION, VACATION};
use crate::error::MethodError;
use crate::mail::{
    copy, email, identity, import, mailbox, mdn, snippet, submission, thread, vacation,
};
use crate::request::{Arguments, Turn, opted_in};
use crate::{blob, notice, principal, quota, subscription};
use serde_json::Value;

type Run = fn(&mut Turn<'_>, Arguments) -> Result<Value, MethodError>;

const METHODS: &[(&str, &str, Run)] = &[
    // RFC 8620 §4
    ("Core/echo", CORE, |_, arguments| {
        Ok(Value::Object(arguments))
    }),
    // RFC 8620 §6.3
    ("Blob/copy", CORE, blob::copy),
    // RFC 8620 §7.2
    ("PushSubscription/get", CORE, subscription::get),
    ("PushSubscription/set", CORE, subscription::set),
    // RFC 9404 §4
    ("Blob/upload", BLOB, blob::upload::upload),
    ("Blob/get", BLOB, blob::get::get),
    ("Blob/lookup", BLOB, blob::lookup::lookup),
    // RFC 8621 §2
    ("Mailbox/get", MAIL, mailbox::get),
    ("Mailbox/changes", MAIL, mailbox::changes),
    ("Mailbox/query", MAIL, mailbox::query::query),
    ("Mailbox/queryChanges", MAIL, mailbox::query::changes),
    ("Mailbox/set", MAIL, mailbox::set::set),
    // RFC 8621 §3
    ("Thread/get", MAIL, thread::get),
    ("Thread/changes", MAIL, thread::changes),
    // RFC 8621 §4
    ("Email/get", MAIL, email::get::get),
    ("Email/changes", MAIL, email::changes),
    ("Email/query", MAIL, email::query::query),
    ("Email/queryChanges", MAIL, email::query::changes),
    ("Email/set", MAIL, email::set::set),
    ("Email/copy", MAIL, copy::copy),
    ("Email/import", MAIL, import::import),
    ("Email/parse", MAIL, email::get::parse),
    // RFC 8621 §5
    ("SearchSnippet/get", MAIL, snippet::get),
    // RFC 8621 §6
    ("Identity/get", SUBMISSION, identity::get),
    ("Identity/changes", SUBMISSION, identity::changes),
    ("Identity/set", SUBMISSION, identity::set),
    // RFC 8621 §7
    ("EmailSubmission/get", SUBMISSION, submission::get),
    ("EmailSubmission/changes", SUBMISSION, submission::changes),
    (
        "EmailSubmission/query",
        SUBMISSION,
        submission::query::query,
    ),
    (
        "EmailSubmission/queryChanges",
        SUBMISSION,
        submission::query::changes,
    ),
    ("EmailSubmission/set", SUBMISSION, submission::set::set),
    // RFC 8621 §8
    ("VacationResponse/get", VACATION, vacation::get),
    ("VacationResponse/set", VACATION, vacation::set),
    // RFC 9425 §4
    ("Quota/get", QUOTA, quota::get),
    ("Quota/changes", QUOTA, quota::changes),
    ("Quota/query", QUOTA, quota::query),
    ("Quota/queryChanges", QUOTA, quota::query_changes),
    // RFC 9007 §2
    ("MDN/send", MDN, mdn::send::send),
    ("MDN/parse", MDN, mdn::parse::parse),
    // RFC 9670 §2
    ("Principal/get", PRINCIPALS, principal::get),
    ("Principal/changes", PRINCIPALS, principal::changes),
    ("Principal/set", PRINCIPALS, principal::set),
    ("Principal/query", PRINCIPALS, principal::query),
    (
        "Principal/queryChanges",
        PRINCIPALS,
        principal::query_changes,
    ),
    // RFC 9670 §3
    ("ShareNotification/get", PRINCIPALS, notice::get),
    ("ShareNotification/changes", PRINCIPALS, notice::changes),
    ("ShareNotification/set", PRINCIPALS, notice::set),
    ("ShareNotification/query", PRINCIPALS, notice::query),
    (
        "ShareNotification/queryChanges",
        PRINCIPALS,
        notice::query_changes,
    ),
];

/// Verbs that change nothing (RFC 8620 §5, RFC 8621 §4.9, RFC 9404 §4.3).
const READS: [&str; 7] = [
    "echo",
    "get",
    "changes",
    "query",
    "queryChanges",
    "parse",
    "lookup",
];

/// Whether a method changes nothing; one that is not known to is taken for one that does.
fn reads(name: &str) -> bool {
    let verb = name.split_once('/').map(|(_, verb)| verb);
    verb.is_some_and(|verb| READS.contains(&verb))
}

/// Runs one call. A method of a capability that `using` does not name is unknown (RFC 8620 §3.3). Who only reads is
/// refused what changes anything (RFC 8620 §3.6.2 accountReadOnly).
pub(crate) fn run(
    turn: &mut Turn<'_>,
    name: &str,
    arguments: Arguments,
    using: &[String],
) -> Result<Value, MethodError> {
    let row = METHODS.iter().find(|(method, _, _)| *method == name);
    match row {
        Some((_, capability, run)) if opted_in(using, capability) => {
            match turn.access.only_reads() && !reads(name) {
                true => Err(MethodError::AccountReadOnly),
                false => run(turn, arguments),
            }
        }
        _ => Err(MethodError::UnknownMethod),
    }
}
