//! RFC 8620 §2: the session object, and RFC 8620 §2.2 its well-known address.

use crate::problem::Problem;
use crate::pushing::vapid;
use crate::router::{Context, Shared, Signed, Site, json as answer};
use crate::sight::CHANGES;
use crate::{blob, ident, limit, mail};
use axum::extract::State;
use axum::response::Response;
use directory::{Access, Account, Held, Rights, Sending, Sharing};
use serde_json::{Map, Value, json};

pub(crate) const CORE: &str = "urn:ietf:params:jmap:core";
pub(crate) const MAIL: &str = "urn:ietf:params:jmap:mail";
pub(crate) const SUBMISSION: &str = "urn:ietf:params:jmap:submission";

/// RFC 8621 §1.3.3.
pub(crate) const VACATION: &str = "urn:ietf:params:jmap:vacationresponse";

/// RFC 9670 §1.5.1.
pub(crate) const PRINCIPALS: &str = "urn:ietf:params:jmap:principals";
/// RFC 9670 §1.5.2; of accounts only.
const OWNER: &str = "urn:ietf:params:jmap:principals:owner";
/// draft-ietf-jmap-mail-sharing: shareWith and mayShare of mailboxes.
const SHARE: &str = "urn:ietf:params:jmap:mail:share";

/// RFC 9749 §3: of the server only.
const VAPID: &str = "urn:ietf:params:jmap:webpush-vapid";

/// RFC 8887 §3; of the server only.
const WEBSOCKET: &str = "urn:ietf:params:jmap:websocket";

/// RFC 9425 §2.
pub(crate) const QUOTA: &str = "urn:ietf:params:jmap:quota";

/// RFC 9404 §3.1.
pub(crate) const BLOB: &str = "urn:ietf:params:jmap:blob";

/// RFC 9007 §1.3.
pub(crate) const MDN: &str = "urn:ietf:params:jmap:mdn";

/// Every capability that `using` may name.
pub(crate) const CAPABILITIES: [&str; 11] = [
    CORE, MAIL, SUBMISSION, VACATION, PRINCIPALS, SHARE, QUOTA, BLOB, MDN, VAPID, WEBSOCKET,
];

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
    let own = context.directory.account(access.account());
    // RFC 9670 §1.4: those of which nothing is subscribed to are found by their principals.
    let followed = access.followed().unwrap_or_default();
    let others = followed.into_iter().map(|(account, _)| account);
    for shown in own.into_iter().chain(others) {
        let object = account(context, access, &shown);
        accounts.insert(ident::account(shown.id), object);
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
            VACATION: {},
            PRINCIPALS: {},
            SHARE: {},
            QUOTA: {},
            BLOB: {},
            MDN: {},
        },
        "accounts": accounts,
        "primaryAccounts": {
            MAIL: own, SUBMISSION: own, VACATION: own, PRINCIPALS: own, SHARE: own, QUOTA: own, BLOB: own, MDN: own,
        },
        "username": access.address().to_string(),
        "apiUrl": format!("{base}/jmap/api"),
        "downloadUrl": format!("{base}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}"),
        "uploadUrl": format!("{base}/jmap/upload/{{accountId}}/"),
        "eventSourceUrl": format!(
            "{base}/jmap/eventsource/?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"
        ),
    });
    if let Some(key) = context.directory.vapid().filter(|_| context.push) {
        let key = vapid::public(key);
        session["capabilities"][VAPID] = json!({ "applicationServerKey": key });
    }
    if access.only_reads() {
        // RFC 8620 §2: capabilities of which there is no account are left out.
        session["primaryAccounts"] = json!({ MAIL: own });
    }
    // RFC 8620 §2 state: of what changes; the addresses follow from the host that was asked, and the configured one.
    let mut hash = blake3::Hasher::new();
    for name in ["capabilities", "accounts", "primaryAccounts", "username"] {
        hash.update(session[name].to_string().as_bytes());
    }
    hash.update(context.base_url.as_deref().unwrap_or_default().as_bytes());
    session["state"] = hash.finalize().to_hex()[..16].into();
    // An address like the others, though it is said among the capabilities.
    let base = base.replacen("https://", "wss://", 1);
    session["capabilities"][WEBSOCKET] =
        json!({ "url": format!("{base}/jmap/ws"), "supportsPush": true });
    session
}

/// RFC 8620 §2: one account, one's own or one of which something is shared.
pub(crate) fn account(context: &Context, access: &Access, account: &Account) -> Value {
    let held = access.held(account.id);
    let own = account.id == access.account() && !access.only_reads();
    let anywhere = held.as_ref().map_or(Rights::ALL, Held::anywhere);
    let principal = |id| ident::principal(Sharing::Account(id));
    let mut capabilities = capabilities(context, held);
    // RFC 1870 §4: how much may be sent, which is less than may be kept where the agency says so.
    let octets = access.message_octets().unwrap_or(u64::MAX);
    let size = context.size_max.min(octets);
    capabilities[SUBMISSION]["submissionExtensions"]["SIZE"] = json!([size.to_string()]);
    // RFC 8621 §1.3.2: of accounts in whose name one may send.
    if let (Sending::No, Some(all)) = (access.sending_for(account.id), capabilities.as_object_mut())
    {
        all.remove(SUBMISSION);
    }
    // RFC 8621 §1.3.3: of accounts that one is the author for.
    if access.sending_for(account.id) == Sending::As {
        capabilities[VACATION] = json!({});
    }
    capabilities[SHARE] = json!({});
    capabilities[QUOTA] = json!({});
    capabilities[BLOB] = blob::capability(context);
    capabilities[MDN] = json!({});
    // RFC 9670 §1.5.2: of whose owner there is a principal to be seen.
    if !access.only_reads() && access.colleague(account.id).is_some() {
        capabilities[OWNER] = json!({
            "accountIdForPrincipal": ident::account(access.account()),
            "principalId": principal(account.id),
        });
    }
    if own {
        let user = principal(access.account());
        capabilities[PRINCIPALS] = json!({ "currentUserPrincipalId": user });
    }
    json!({
        "name": account.address.to_string(),
        "isPersonal": own,
        "isReadOnly": !anywhere.any(CHANGES),
        "accountCapabilities": capabilities,
    })
}

/// RFC 8621 §1.3: what holds for each account.
/// `held`: what is given of it, when it is somebody else's.
fn capabilities(context: &Context, held: Option<Held>) -> Value {
    let top = held.is_none_or(|held| held.whole.has(Rights::CREATE));
    json!({
        CORE: {},
        MAIL: {
            "maxMailboxesPerEmail": limit::MAILBOXES_PER_EMAIL_MAX,
            "maxMailboxDepth": limit::MAILBOX_DEPTH_MAX,
            "maxSizeMailboxName": limit::MAILBOX_NAME_OCTETS_MAX,
            // Base64 makes four octets of three, and lines; what fits then fits the message limit.
            "maxSizeAttachmentsPerEmail": context.size_max / 100 * 72,
            "emailQuerySortOptions": mail::SORT_OPTIONS,
            "mayCreateTopLevelMailbox": top,
        },
        SUBMISSION: {
            "maxDelayedSend": delivery::RELEASE_MAX_S,
            // RFC 4865 §3: the second argument, the last time, is a moving one; maxDelayedSend says it.
            "submissionExtensions": {
                "DSN": [],
                "FUTURERELEASE": [delivery::RELEASE_MAX_S.to_string()],
                "MT-PRIORITY": [],
                "REQUIRETLS": [],
            },
        },
    })
}
