//! RFC 8620 §7.2 PushSubscription: where somebody's program wants to be told of changes. No account is named: they belong
//! to the sign-in that made them.

use crate::ear::Ear;
use crate::error::{MethodError, SetError};
use crate::limit;
use crate::pushing::seal::seal;
use crate::request::{Arguments, Turn};
use crate::standard::{self, SetOutcome};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory::{NewPush, Push, PushChange, PushError, PushKeys};
use formats::date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Those that are told; address and keys never are.
const PROPERTIES: [&str; 5] = [
    "id",
    "deviceClientId",
    "verificationCode",
    "expires",
    "types",
];
/// RFC 8620 §7.2.1: asked for, they are refused.
const SECRET: [&str; 2] = ["url", "keys"];

/// As clients have it.
pub(crate) fn id(number: u64) -> String {
    format!("s{number:016x}")
}

fn parse_id(text: &str) -> Option<u64> {
    let number = u64::from_str_radix(text.strip_prefix('s')?, 16).ok()?;
    (id(number) == text).then_some(number)
}

/// The code is told only to who had it.
fn object(number: u64, push: &Push) -> Map<String, Value> {
    let object = json!({
        "id": id(number),
        "deviceClientId": push.device,
        "verificationCode": push.verified.then_some(&push.code),
        "expires": push.expires_at.map(date::utc),
        "types": push.types,
    });
    object.as_object().cloned().unwrap_or_default()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetArguments {
    ids: Option<Vec<String>>,
    properties: Option<Vec<String>>,
}

/// RFC 8620 §7.2.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    let named = arguments.properties.iter().flatten();
    if let Some(secret) = named.clone().find(|p| SECRET.contains(&p.as_str())) {
        return Err(MethodError::Forbidden(format!(
            "{secret} is told to nobody"
        )));
    }
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    // It names no account, so what is told of one that is not there would tell nothing.
    let refused = |_| MethodError::Forbidden("this sign-in may not have things pushed".to_owned());
    let all = turn.access.pushes().map_err(refused)?;
    let ids = match arguments.ids {
        Some(ids) => standard::wanted(ids)?,
        None => all.iter().map(|(number, _)| id(*number)).collect(),
    };
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for wanted in ids {
        match all.iter().find(|(number, _)| id(*number) == wanted) {
            Some((number, push)) => {
                list.push(standard::pick(object(*number, push), &arguments.properties));
            }
            None => not_found.push(wanted),
        }
    }
    Ok(json!({"list": list, "notFound": not_found}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetArguments {
    create: Option<Map<String, Value>>,
    update: Option<Map<String, Value>>,
    destroy: Option<Vec<String>>,
}

/// RFC 8620 §7.2.2: no account, no state.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    let count = arguments.create.as_ref().map_or(0, Map::len)
        + arguments.update.as_ref().map_or(0, Map::len)
        + arguments.destroy.as_ref().map_or(0, Vec::len);
    if count > limit::SET_OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    let mut outcome = SetOutcome::default();
    for (creation, value) in arguments.create.unwrap_or_default() {
        let made = create(turn, &value);
        outcome.create(turn, creation, made);
    }
    for (name, patch) in arguments.update.unwrap_or_default() {
        let number = turn.real(&name).and_then(parse_id);
        let updated = number
            .ok_or_else(SetError::not_found)
            .and_then(|number| update(turn, number, &patch));
        outcome.update(name, updated);
    }
    for name in arguments.destroy.unwrap_or_default() {
        let number = turn.real(&name).and_then(parse_id);
        let gone = number
            .ok_or_else(SetError::not_found)
            .and_then(|number| Ok(turn.access.remove_push(number)?));
        outcome.destroy(name, gone);
    }
    let mut response = outcome.response("", "", "");
    if let Some(object) = response.as_object_mut() {
        for name in ["accountId", "oldState", "newState"] {
            object.remove(name);
        }
    }
    Ok(response)
}

fn create(turn: &Turn<'_>, value: &Value) -> Result<Value, SetError> {
    if !turn.inner.context.push {
        return Err(SetError::forbidden(
            "Máy chủ này không gửi thông báo đẩy. / This server pushes nothing.",
        ));
    }
    let new = read(value)?;
    if let Some(keys) = &new.keys {
        // Whether it is a point of the curve is known when it is used.
        let sound = seal(keys, b"").is_ok();
        sound
            .then_some(())
            .ok_or_else(|| SetError::invalid(&["keys"], "p256dh: a point of P-256"))?;
    }
    let (given, wanted) = (new.keys.is_some(), new.expires_at);
    let (number, push) = turn.access.create_push(new)?;
    let mut made = json!({"id": id(number)});
    if !given {
        made["keys"] = Value::Null;
    }
    if push.expires_at != wanted || wanted.is_none() {
        made["expires"] = json!(push.expires_at.map(date::utc));
    }
    for name in ["verificationCode", "types"] {
        if value.get(name).is_none() {
            made[name] = Value::Null;
        }
    }
    Ok(made)
}

/// What a client says of a new one; what is wrong is named, all of it.
fn read(value: &Value) -> Result<NewPush, SetError> {
    let object = value
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object"))?;
    let mut wrong: Vec<&str> = Vec::new();
    let mut new = NewPush {
        device: String::new(),
        url: String::new(),
        keys: None,
        expires_at: None,
        types: None,
    };
    for name in ["deviceClientId", "url"] {
        if !object.contains_key(name) {
            wrong.push(name);
        }
    }
    for (name, value) in object {
        let sound = match name.as_str() {
            "deviceClientId" => text(value).map(|text| new.device = text).is_some(),
            "url" => text(value).map(|text| new.url = text).is_some(),
            "keys" if value.is_null() => true,
            "keys" => keys(value).map(|keys| new.keys = Some(keys)).is_some(),
            "verificationCode" => value.is_null(),
            "expires" => time(value).map(|at| new.expires_at = at).is_some(),
            "types" => names(value).map(|types| new.types = types).is_some(),
            _ => false,
        };
        if !sound {
            wrong.push(name);
        }
    }
    match wrong.is_empty() {
        true => Ok(new),
        false => Err(SetError::invalid(
            &wrong,
            "RFC 8620 §7.2 says what they may be",
        )),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// `null`, or a UTCDate (RFC 8620 §1.4: its zone is `Z`).
fn time(value: &Value) -> Option<Option<i64>> {
    if value.is_null() {
        return Some(None);
    }
    let text = value.as_str().filter(|text| text.ends_with('Z'))?;
    Some(Some(date::parse_utc(text)?))
}

/// `null`, or a list of strings.
fn names(value: &Value) -> Option<Option<Vec<String>>> {
    match value.is_null() {
        true => Some(None),
        false => Some(Some(
            value.as_array()?.iter().map(text).collect::<Option<_>>()?,
        )),
    }
}

/// Both as base64url; some clients fill it up with `=`.
fn keys(value: &Value) -> Option<PushKeys> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    let octets = |name| {
        let text = object.get(name)?.as_str()?;
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
    };
    Some(PushKeys {
        p256dh: octets("p256dh")?,
        auth: octets("auth")?,
    })
}

fn update(turn: &Turn<'_>, number: u64, patch: &Value) -> Result<Value, SetError> {
    let patch = patch
        .as_object()
        .ok_or_else(|| SetError::invalid_patch("an object"))?;
    let there = turn.access.pushes().map_err(PushError::from)?.into_iter();
    let (_, old) = there
        .into_iter()
        .find(|(there, _)| *there == number)
        .ok_or_else(SetError::not_found)?;
    let same = object(number, &old);
    let mut change = PushChange::default();
    let mut wrong: Vec<&str> = Vec::new();
    for (name, value) in patch {
        let sound = match name.as_str() {
            "verificationCode" if value.is_null() => !old.verified,
            "verificationCode" => text(value).map(|code| change.code = Some(code)).is_some(),
            "expires" => time(value).map(|at| change.expires_at = Some(at)).is_some(),
            "types" => names(value)
                .map(|types| change.types = Some(types))
                .is_some(),
            // RFC 8620 §5.3: what cannot change may be said as it is.
            "id" | "deviceClientId" => same.get(name) == Some(value),
            "url" | "keys" => false,
            other if other.contains('/') => {
                return Err(SetError::invalid_patch(
                    "nothing lies below a property here",
                ));
            }
            _ => false,
        };
        if !sound {
            wrong.push(name);
        }
    }
    if !wrong.is_empty() {
        let why = "it cannot be changed, or not to this";
        return Err(SetError::invalid(&wrong, why));
    }
    if change.code.is_some() {
        // From here on it is told of what changes.
        let context = turn.inner.context.clone();
        let told =
            Ear::now(context, turn.access.clone()).map_err(|_| SetError::new("serverFail"))?;
        change.told = Some(told);
    }
    let wanted = change.expires_at;
    let push = turn.access.change_push(number, change)?;
    Ok(match wanted {
        Some(wanted) if wanted != push.expires_at => {
            json!({"expires": push.expires_at.map(date::utc)})
        }
        _ => Value::Null,
    })
}

impl From<PushError> for SetError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::new("overQuota").because(format!(
                "at most {} push subscriptions of one account",
                directory::push::PUSHES_MAX
            )),
            PushError::Often => {
                Self::new("rateLimit").because("too many push subscriptions in an hour")
            }
            PushError::Invalid(name, expected) => Self::invalid(&[name], expected),
            PushError::NotFound => Self::not_found(),
            PushError::Denied(_) => Self::forbidden("this sign-in may not have things pushed"),
            PushError::Storage(error) => error.into(),
        }
    }
}
