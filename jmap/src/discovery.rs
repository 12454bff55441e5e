//! RFC 8620 §2: the session object, and RFC 8620 §2.2 its well-known address.

use crate::problem::Problem;
use crate::router::{Context, Shared, Signed, Site, json as answer};
use crate::{ident, limit, mail};
use axum::extract::State;
use axum::response::Response;
use directory::Access;
use serde_json::{Map, Value, json};

pub(crate) const CORE: &str = "urn:ietf:params:jmap:core";
pub(crate) const MAIL: &str = "urn:ietf:params:jmap:mail";
pub(crate) const SUBMISSION: &str = "urn:ietf:params:jmap:submission";

/// Every capability that `using` may name.
pub(crate) const CAPABILITIES: [&str; 3] = [CORE, MAIL, SUBMISSION];

/// RFC 4790 §7: the one collation for sorting; ours is Vietnamese order, which unicode-casemap names best.
pub(crate) const COLLATIONS: [&str; 1] = ["i;unicode-casemap"];

pub(crate) async fn session(
    State(inner): State<Shared>,
    Signed(access): Signed,
    site: Site,
) -> Result<Response, Problem> {
    let base = site.base(&inner.context)?;
    Ok(answer(object(&inner.context, &access, &base).to_string()))
}

/// The session object. `base`: `https://host`, or empty for addresses relative to it.
pub(crate) fn object(context: &Context, access: &Access, base: &str) -> Value {
    let mut accounts = Map::new();
    for id in access.accounts() {
        let own = id == access.account();
        let name = if own {
            access.address().to_string()
        } else {
            match context.directory.account(id) {
                Ok(account) => account.address.to_string(),
                Err(_) => continue,
            }
        };
        accounts.insert(
            ident::account(id),
            json!({
                "name": name,
                "isPersonal": own,
                "isReadOnly": false,
                "accountCapabilities": account_capabilities(context),
            }),
        );
    }
    let own = ident::account(access.account());
    let mut session = json!({
        "capabilities": {
            CORE: {
                "maxSizeUpload": context.size_max,
                "maxConcurrentUpload": limit::UPLOADS_AT_ONCE_MAX,
                "maxSizeRequest": limit::REQUEST_OCTETS_MAX,
                "maxConcurrentRequests": limit::REQUESTS_AT_ONCE_MAX,
                "maxCallsInRequest": limit::CALLS_MAX,
                "maxObjectsInGet": limit::GET_OBJECTS_MAX,
                "maxObjectsInSet": limit::SET_OBJECTS_MAX,
                "collationAlgorithms": COLLATIONS,
            },
            MAIL: {},
            SUBMISSION: {},
        },
        "accounts": accounts,
        "primaryAccounts": { MAIL: own, SUBMISSION: own },
        "username": access.address().to_string(),
        "apiUrl": format!("{base}/jmap/api"),
        "downloadUrl": format!("{base}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}"),
        "uploadUrl": format!("{base}/jmap/upload/{{accountId}}/"),
        "eventSourceUrl": format!(
            "{base}/jmap/eventsource/?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"
        ),
    });
    let state = blake3::hash(session.to_string().as_bytes()).to_hex();
    session["state"] = state[..16].into();
    session
}

/// RFC 8621 §1.3: what holds for each account.
fn account_capabilities(context: &Context) -> Value {
    json!({
        CORE: {},
        MAIL: {
            "maxMailboxesPerEmail": limit::MAILBOXES_PER_EMAIL_MAX,
            "maxMailboxDepth": limit::MAILBOX_DEPTH_MAX,
            "maxSizeMailboxName": limit::MAILBOX_NAME_OCTETS_MAX,
            // Base64 makes four octets of three, and lines; what fits then fits the message limit.
            "maxSizeAttachmentsPerEmail": context.size_max / 100 * 72,
            "emailQuerySortOptions": mail::SORT_OPTIONS,
            "mayCreateTopLevelMailbox": true,
        },
        SUBMISSION: {
            "maxDelayedSend": 0,
            "submissionExtensions": {},
        },
    })
}
