//! RFC 8621 §6: identities, one for each address that one may send from. Those of one's own account are one's own
//! addresses and those of the seats one holds; those of a seat's account are the seat's. They come from the directory,
//! so that JMAP changes none of them.

use crate::error::{MethodError, SetError};
use crate::ident;
use crate::remembered::{Stand, stamp};
use crate::request::{Arguments, Turn};
use crate::standard::{self, ChangesArguments, GetArguments, SetArguments, SetOutcome};
use directory::{Access, AccountId, Right, SenderAddress};
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
    let senders = match account == access.account() {
        true => access.senders(),
        false => access.senders_of(account),
    };
    senders.into_iter().map(spell).collect()
}

fn object(identity: &Identity) -> Map<String, Value> {
    let object = json!({
        "id": identity.id,
        "name": identity.name,
        "email": identity.address.to_string(),
        "replyTo": null,
        "bcc": null,
        "textSignature": "",
        "htmlSignature": "",
        "mayDelete": false,
    });
    object.as_object().cloned().unwrap_or_default()
}

fn all_of(turn: &Turn<'_>, account: &str) -> Result<Vec<Identity>, MethodError> {
    turn.mail(account, Right::Read)?;
    let id = ident::parse_account(account).ok_or(MethodError::AccountNotFound)?;
    Ok(identities(turn.access, id))
}

/// Their ids are numbers, as hex digits.
fn stand(list: &[Identity]) -> Stand {
    let row = |i: &Identity| Some((parse(&i.id)?, stamp(&i.name)));
    Stand::of(list.iter().filter_map(row).collect())
}

fn parse(id: &str) -> Option<u64> {
    u64::from_str_radix(id.strip_prefix('i')?, 16).ok()
}

fn spell(number: u64) -> String {
    format!("i{number:016x}")
}

/// The state of an account's.
pub(crate) fn state_of(access: &Access, account: AccountId) -> String {
    stand(&identities(access, account)).state()
}

/// RFC 8621 §6.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let all = all_of(turn, &arguments.account_id)?;
    let ids = arguments.ids.map(standard::wanted).transpose()?;
    let chosen = |i: &&Identity| ids.as_ref().is_none_or(|ids| ids.contains(&i.id));
    let list: Vec<Value> = all
        .iter()
        .filter(chosen)
        .map(|i| standard::pick(object(i), &arguments.properties))
        .collect();
    let known = |id: &String| all.iter().any(|i| i.id == *id);
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
    let all = all_of(turn, &arguments.account_id)?;
    turn.inner
        .remembered
        .changes(&stand(&all), &arguments, spell)
}

/// RFC 8621 §6.3: names and addresses are the directory's, set by the agency's staff.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    let all = all_of(turn, &arguments.account_id)?;
    let state = turn.inner.remembered.keep(&stand(&all));
    arguments.check(&state)?;
    let mut outcome = SetOutcome::default();
    let refused = || SetError::forbidden("identities are kept by the agency's administrators");
    for (creation, new) in arguments.create.unwrap_or_default() {
        let address = new["email"].as_str().and_then(|a| Address::parse(a).ok());
        let allowed = address.is_some_and(|a| all.iter().any(|i| i.address.key() == a.key()));
        let error = if allowed {
            refused()
        } else {
            SetError::new("forbiddenFrom")
        };
        outcome.create(turn, creation, Err(error));
    }
    let fate = |id: &str| {
        let known = all.iter().any(|i| i.id == id);
        if known {
            refused()
        } else {
            SetError::not_found()
        }
    };
    for (id, _) in arguments.update.unwrap_or_default() {
        let error = fate(&id);
        outcome.update(id, Err(error));
    }
    for id in arguments.destroy.unwrap_or_default() {
        let error = fate(&id);
        outcome.destroy(id, Err(error));
    }
    Ok(outcome.response(&arguments.account_id, &state, &state))
}
