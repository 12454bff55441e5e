//! RFC 9007: read receipts, sent and read.

pub(crate) mod parse;
pub(crate) mod send;
mod wish;

use formats::message::disposition::Notification;
use serde_json::{Map, Value, json};

/// RFC 9007 §2: a receipt for this message was sent; over IMAP it is `$MDNSent` (RFC 9051 §2.3.2).
pub(crate) const MDN_SENT: &str = "$mdnsent";

/// RFC 9007 §2 Disposition.
pub(crate) fn spell(told: &Notification) -> Map<String, Value> {
    let disposition = json!({
        "actionMode": if told.acted_by_itself { "automatic-action" } else { "manual-action" },
        "sendingMode": if told.sent_by_itself { "mdn-sent-automatically" } else { "mdn-sent-manually" },
        "type": told.kind.word(),
    });
    let extensions: Map<String, Value> = told
        .extensions
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    let some = |empty: bool, value: Value| if empty { Value::Null } else { value };
    let object = json!({
        "reportingUA": told.reporting_ua,
        "disposition": disposition,
        "mdnGateway": told.gateway,
        "originalRecipient": told.original_recipient,
        "finalRecipient": told.final_recipient,
        "originalMessageId": told.original_message_id,
        "error": some(told.errors.is_empty(), json!(told.errors)),
        "extensionFields": some(extensions.is_empty(), extensions.into()),
    });
    object.as_object().cloned().unwrap_or_default()
}
