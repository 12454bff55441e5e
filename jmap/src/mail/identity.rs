//! RFC 8621 §6: identities, one for each address that the account may send as. They come from the
//! directory, so that JMAP changes none of them.

use crate::error::{MethodError, SetError};
use crate::ident;
use crate::request::{Arguments, Turn};
use crate::standard::{self, ChangesArguments, GetArguments, SetArguments, SetOutcome};
use directory::{Access, Right};
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
}

/// The main address first.
pub(crate) fn identities(access: &Access) -> Vec<Identity> {
    let spell = |address: Address| {
        let hash = blake3::hash(address.key().as_bytes()).to_hex();
        Identity {
            id: format!("i{}", &hash[..16]),
            address,
        }
    };
    access.sender_addresses().into_iter().map(spell).collect()
}

fn object(identity: &Identity, name: &str) -> Map<String, Value> {
    let object = json!({
        "id": identity.id,
        "name": name,
        "email": identity.address.to_string(),
        "replyTo": null,
        "bcc": null,
        "textSignature": "",
        "htmlSignature": "",
        "mayDelete": false,
    });
    object.as_object().cloned().unwrap_or_default()
}

/// Identities are of one's own account; others have none.
fn own(turn: &Turn<'_>, account: &str) -> Result<Vec<Identity>, MethodError> {
    turn.mail(account, Right::Read)?;
    let own = ident::parse_account(account) == Some(turn.access.account());
    Ok(if own {
        identities(turn.access)
    } else {
        Vec::new()
    })
}

fn state(turn: &Turn<'_>, list: &[Identity]) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(turn.access.name().as_bytes());
    for identity in list {
        hash.update(b"\0");
        hash.update(identity.id.as_bytes());
    }
    hash.finalize().to_hex()[..16].to_owned()
}

/// RFC 8621 §6.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let all = own(turn, &arguments.account_id)?;
    let name = turn.access.name();
    let ids = arguments.ids.map(standard::wanted).transpose()?;
    let chosen = |i: &&Identity| ids.as_ref().is_none_or(|ids| ids.contains(&i.id));
    let list: Vec<Value> = all
        .iter()
        .filter(chosen)
        .map(|i| standard::pick(object(i, &name), &arguments.properties))
        .collect();
    let known = |id: &String| all.iter().any(|i| i.id == *id);
    let not_found: Vec<&String> = ids.iter().flatten().filter(|id| !known(id)).collect();
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state(turn, &all),
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 8621 §6.2: the directory keeps no log of addresses; an old state cannot be calculated from.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    arguments.max()?;
    let all = own(turn, &arguments.account_id)?;
    if state(turn, &all) != arguments.since_state {
        return Err(MethodError::CannotCalculateChanges);
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": arguments.since_state,
        "hasMoreChanges": false,
        "created": [],
        "updated": [],
        "destroyed": [],
    }))
}

/// RFC 8621 §6.3: names and addresses are the directory's, set by the agency's staff.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    let all = own(turn, &arguments.account_id)?;
    let state = state(turn, &all);
    arguments.check(&state)?;
    let mut outcome = SetOutcome::default();
    let refused = || SetError::forbidden("identities are kept by the agency's administrators");
    for (creation, new) in arguments.create.unwrap_or_default() {
        let address = new["email"].as_str().and_then(|a| Address::parse(a).ok());
        let allowed = address.is_some_and(|a| turn.access.may_send_as(&a));
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
