//! RFC 8620 §3.3, §3.4: the Request object, its calls in order, and the Response object.

use crate::discovery::{self, CAPABILITIES, CORE};
use crate::error::MethodError;
use crate::mail::email::filter::Budget;
use crate::problem::Problem;
use crate::router::Inner;
use crate::sight::{CHANGES, Sight};
use crate::{ident, ijson, limit, method, reference};
use directory::{Access, Right};
use formats::language::Language;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The arguments of a call.
pub(crate) type Arguments = Map<String, Value>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    using: Vec<String>,
    method_calls: Vec<(String, Arguments, String)>,
    created_ids: Option<BTreeMap<String, String>>,
}

impl Request {
    /// Reads it and holds it against the limits of RFC 8620 §3.6.1.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        // serde_json refuses nesting deeper than 128 by itself.
        Self::read(ijson::parse(bytes).map_err(|e| Problem::not_json(e.to_string()))?)
    }

    /// The same of what was read already.
    pub(crate) fn read(value: Value) -> Result<Self, Problem> {
        let request: Self =
            serde_json::from_value(value).map_err(|e| Problem::not_request(e.to_string()))?;
        if request.using.len() > limit::USING_MAX {
            return Err(Problem::not_request("too many capabilities in using"));
        }
        let known = |name: &&String| CAPABILITIES.contains(&name.as_str());
        if let Some(unknown) = request.using.iter().find(|name| !known(name)) {
            return Err(Problem::unknown_capability(unknown));
        }
        if request.method_calls.len() > limit::CALLS_MAX {
            return Err(Problem::limit("maxCallsInRequest"));
        }
        if request
            .created_ids
            .as_ref()
            .is_some_and(|m| m.len() > limit::CREATED_IDS_MAX)
        {
            return Err(Problem::not_request("too many createdIds"));
        }
        Ok(request)
    }
}

/// What the calls of one request share.
pub(crate) struct Turn<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) access: &'a Access,
    pub(crate) ip: Option<IpAddr>,
    /// Of texts that the client shows as they are.
    pub(crate) language: Language,
    /// The client knows mail: `using` names it.
    pub(crate) reads_mail: bool,
    /// RFC 8620 §5.3: creation id to id, for the whole request.
    pub(crate) created: BTreeMap<String, String>,
    /// Responses of implicit calls, put after the call's own (RFC 8621 §7.5).
    pub(crate) after: Vec<(&'static str, Value)>,
    /// Octets of blobs that the methods of RFC 9404 may still read and make.
    pub(crate) blob_octets: u64,
    /// Octets of body values that may still go into the answer.
    pub(crate) body_octets: usize,
    /// Content that the queries of this request may still read.
    pub(crate) search: Budget,
}

impl Turn<'_> {
    /// The account's mail. What may not be seen does not exist (I-17).
    pub(crate) fn mail(&self, account: &str, right: Right) -> Result<Sight, MethodError> {
        let id = ident::parse_account(account).ok_or(MethodError::AccountNotFound)?;
        let mail = Sight::of(self.access, id, right)?;
        match right {
            Right::Write if !mail.rights_anywhere().any(CHANGES) => {
                Err(MethodError::AccountReadOnly)
            }
            _ => Ok(mail),
        }
    }

    /// An id as given, or the one that `#creation` was made under; `None` for an unknown creation.
    pub(crate) fn real<'s>(&'s self, id: &'s str) -> Option<&'s str> {
        match id.strip_prefix('#') {
            Some(creation) => self.created.get(creation).map(String::as_str),
            None => Some(id),
        }
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.inner.now_s()
    }
}

/// One invocation of the response (RFC 8620 §3.2).
pub(crate) struct Answered {
    pub(crate) name: String,
    pub(crate) arguments: Value,
    pub(crate) call: String,
}

/// From where a request came, and the language that it likes.
pub(crate) type Came = (Option<IpAddr>, Language);

/// Runs the calls one after the other; the Response object. Blocks.
pub(crate) fn execute(
    inner: &Inner,
    access: &Access,
    base: &str,
    (ip, language): Came,
    request: Request,
) -> Value {
    let echo_created = request.created_ids.is_some();
    let mut turn = Turn {
        inner,
        access,
        ip,
        language,
        reads_mail: opted_in(&request.using, discovery::MAIL),
        created: request.created_ids.unwrap_or_default(),
        after: Vec::new(),
        blob_octets: limit::BLOB_OCTETS_MAX,
        body_octets: limit::BODY_VALUES_OCTETS_MAX,
        search: Budget::default(),
    };
    let mut answered: Vec<Answered> = Vec::new();
    for (name, arguments, call) in request.method_calls {
        let outcome = reference::resolve(arguments, &answered)
            .and_then(|arguments| method::run(&mut turn, &name, arguments, &request.using));
        let (name, arguments) = match outcome {
            Ok(arguments) => (name, arguments),
            Err(error) => ("error".to_owned(), error.spell()),
        };
        answered.push(Answered {
            name,
            arguments,
            call: call.clone(),
        });
        answered.extend(turn.after.drain(..).map(|(name, arguments)| Answered {
            name: name.to_owned(),
            arguments,
            call: call.clone(),
        }));
    }
    let responses: Vec<Value> = answered
        .into_iter()
        .map(|a| json!([a.name, a.arguments, a.call]))
        .collect();
    let session = discovery::object(&inner.context, access, base);
    let mut response = json!({
        "methodResponses": responses,
        "sessionState": session["state"],
    });
    if echo_created {
        response["createdIds"] = json!(turn.created);
    }
    response
}

/// Whether a call may use this capability's methods: RFC 8620 §3.3 asks to opt in; the core is always in.
pub(crate) fn opted_in(using: &[String], capability: &str) -> bool {
    capability == CORE || using.iter().any(|u| u == capability)
}
