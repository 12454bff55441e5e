//! RFC 8621 §6: identities, one for each address that one may send from. Those of one's own account are one's own
//! addresses and those of the seats one holds; those of a seat's account are the seat's. Addresses come from the
//! directory, so that JMAP makes and ends none; how one presents oneself with each, its owner says (`set`).

mod set;

pub(crate) use set::set;

use crate::error::MethodError;
use crate::ident;
use crate::remembered::{Stand, stamp};
use crate::request::{Arguments, Turn};
use crate::standard::{self, ChangesArguments, GetArguments};
use directory::signature::Named;
use directory::{Access, AccountId, Right, SenderAddress, Signature};
use formats::address::Address;
use serde_json::{Map, Value, json};

const PROPERTIES: [&str; 8] = [
    "id",
    "name",
    "email",
    "replyTo",
    "bcc",
    "textSignature",
    "htmlSignature",
    "mayDelete",
];

/// One address, with an id that stays while the address does.
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) address: Address,
    /// Of the account whose address it is.
    name: String,
}

impl Identity {
    /// Of the account whose address it is.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Of an account, one's own main address first; none where one may not send in its name.
pub(crate) fn identities(access: &Access, account: AccountId) -> Vec<Identity> {
    let spell = |sender: SenderAddress| {
        let hash = blake3::hash(sender.address.key().as_bytes()).to_hex();
        Identity {
            id: format!("i{}", &hash[..16]),
            address: sender.address,
            name: sender.name,
        }
    };
    access.identities(account).into_iter().map(spell).collect()
}

/// An identity, and what its owner says of it.
struct Said {
    identity: Identity,
    signature: Signature,
}

/// Errors: storage.
fn said(access: &Access, account: AccountId) -> Result<Vec<Said>, MethodError> {
    let mut signatures = access.signatures(account)?;
    let with = |identity: Identity| {
        let signature = signatures.remove(&identity.address.key());
        let none = || Signature::none(account, identity.address.clone());
        Said {
            signature: signature.unwrap_or_else(none),
            identity,
        }
    };
    Ok(identities(access, account).into_iter().map(with).collect())
}

/// RFC 8621 §4.1.2.3 EmailAddress.
fn people(list: Option<&Vec<Named>>) -> Value {
    list.map_or(Value::Null, |list| {
        let each = list.iter();
        each.map(|(name, email)| json!({"name": name, "email": email}))
            .collect()
    })
}

fn object(said: &Said) -> Map<String, Value> {
    let (identity, signature) = (&said.identity, &said.signature);
    let object = json!({
        "id": identity.id,
        "name": signature.name.as_ref().unwrap_or(&identity.name),
        "email": identity.address.to_string(),
        "replyTo": people(signature.reply_to.as_ref()),
        "bcc": people(signature.bcc.as_ref()),
        "textSignature": signature.text,
        "htmlSignature": signature.html,
        "mayDelete": false,
    });
    object.as_object().cloned().unwrap_or_default()
}

fn all_of(turn: &Turn<'_>, account: &str, right: Right) -> Result<Vec<Said>, MethodError> {
    turn.mail(account, right)?;
    let id = ident::parse_account(account).ok_or(MethodError::AccountNotFound)?;
    said(turn.access, id)
}

/// Their ids are numbers, as hex digits; what of them may change is in the stamps.
fn stand(list: &[Said]) -> Stand {
    let row = |said: &Said| {
        let text = Value::Object(object(said)).to_string();
        Some((parse(&said.identity.id)?, stamp(&text)))
    };
    Stand::of(list.iter().filter_map(row).collect())
}

fn parse(id: &str) -> Option<u64> {
    u64::from_str_radix(id.strip_prefix('i')?, 16).ok()
}

fn spell(number: u64) -> String {
    format!("i{number:016x}")
}

/// The state of an account's. Errors: storage.
pub(crate) fn state_of(access: &Access, account: AccountId) -> Result<String, MethodError> {
    Ok(stand(&said(access, account)?).state())
}

/// RFC 8621 §6.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let all = all_of(turn, &arguments.account_id, Right::Read)?;
    let ids = arguments.ids.map(standard::wanted).transpose()?;
    let chosen = |i: &&Said| ids.as_ref().is_none_or(|ids| ids.contains(&i.identity.id));
    let list: Vec<Value> = all
        .iter()
        .filter(chosen)
        .map(|i| standard::pick(object(i), &arguments.properties))
        .collect();
    let known = |id: &String| all.iter().any(|i| i.identity.id == *id);
    let not_found: Vec<&String> = ids.iter().flatten().filter(|id| !known(id)).collect();
    Ok(json!({
        "accountId": arguments.account_id,
        "state": turn.inner.remembered.keep(&stand(&all)),
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 8621 §6.2.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let all = all_of(turn, &arguments.account_id, Right::Read)?;
    turn.inner
        .remembered
        .changes(&stand(&all), &arguments, spell)
}
