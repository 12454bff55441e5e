//! RFC 9670 §4 shareWith of a Mailbox, as draft-ietf-jmap-mail-sharing has it: the list of rights that IMAP shows
//! as its ACL (RFC 4314 §3). Who may not administer a mailbox does not see its list.
//!
//! A right of JMAP stands for one letter or two. What a client leaves alone keeps its letters, so that finer lists,
//! made over IMAP, survive; a right that it refuses takes every letter, also where only one of two was given.

use super::right;
use crate::error::SetError;
use crate::ident;
use crate::sight::Sight;
use directory::{Rights, RightsChange, Sharing};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use storage::MailboxId;

/// The property.
pub(crate) const NAME: &str = "shareWith";
/// Principals in one list that is set; storage's own bound is not far.
const PRINCIPALS_MAX: usize = 1_000;

type Given = BTreeMap<Sharing, Rights>;
/// Of principals as a patch names them, the rights that it leaves as they are.
type Kept = BTreeMap<String, BTreeSet<&'static str>>;

/// All that is given, over the account as a whole and over this mailbox. `None` for who may not administer it.
fn given(mail: &Sight, mailbox: MailboxId) -> Option<Given> {
    let (whole, own) = mail.access().shares(mail.id(), mailbox).ok()?;
    let mut given = Given::new();
    for (who, rights) in whole.entries.into_iter().chain(own.entries) {
        let held = given.entry(who).or_default();
        *held = held.with(rights);
    }
    // RFC 9670 §4: the owner is not in it.
    given.remove(&Sharing::Account(mail.id()));
    Some(given)
}

/// The property's value; `null` when nothing is shared.
pub(crate) fn shown(mail: &Sight, mailbox: MailboxId) -> Value {
    match given(mail, mailbox) {
        Some(given) if !given.is_empty() => Value::Object(spell(&given)),
        _ => Value::Null,
    }
}

fn spell(given: &Given) -> Map<String, Value> {
    let entry = |(who, rights): (&Sharing, &Rights)| {
        let rights = Value::Object(right::spell(*rights));
        (ident::principal(*who), rights)
    };
    given.iter().map(entry).collect()
}

/// Whether a path of a patch is of this property.
pub(crate) fn is_of(path: &str) -> bool {
    let rest = path.strip_prefix(NAME);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the list is to be.
pub(crate) struct Wish {
    before: Given,
    after: BTreeMap<Sharing, Map<String, Value>>,
    kept: Kept,
}

fn wrong(why: &str) -> SetError {
    SetError::invalid(&[NAME], why)
}

impl Wish {
    /// Of a new mailbox.
    pub(crate) fn new(
        mail: &Sight,
        mailbox: MailboxId,
        object: &Map<String, Value>,
    ) -> Result<Option<Self>, SetError> {
        let only = object.iter().filter(|(key, _)| *key == NAME);
        let only = only.map(|(key, value)| (key.clone(), value.clone()));
        Self::read(mail, mailbox, &only.collect())
    }

    /// Reads a PatchObject (RFC 8620 §5.3). `None` when it leaves the list as it is.
    pub(crate) fn read(
        mail: &Sight,
        mailbox: MailboxId,
        patch: &Map<String, Value>,
    ) -> Result<Option<Self>, SetError> {
        let mut paths = patch.iter().filter(|(path, _)| is_of(path)).peekable();
        // RFC 8620 §5.3: no patch may be the prefix of another.
        if patch.contains_key(NAME) && patch.keys().filter(|path| is_of(path)).count() > 1 {
            return Err(SetError::invalid_patch(
                "one patch is the prefix of another",
            ));
        }
        if paths.peek().is_none() || patch.get(NAME) == Some(&shown(mail, mailbox)) {
            return Ok(None);
        }
        let why = "you may not change with whom this mailbox is shared";
        let before = given(mail, mailbox).ok_or_else(|| SetError::forbidden(why))?;
        let mut list = spell(&before);
        let every = || right::ROWS.iter().map(|(name, _)| *name).collect();
        let mut kept: Kept = list.keys().map(|who| (who.clone(), every())).collect();
        for (path, value) in paths {
            let steps: Vec<&str> = path.split('/').skip(1).collect();
            match steps.as_slice() {
                [] => {
                    list = whole(value)?;
                    kept.clear();
                }
                [who] => {
                    kept.remove(*who);
                    match value {
                        Value::Null => list.remove(*who),
                        rights => list.insert((*who).to_owned(), rights.clone()),
                    };
                }
                [who, name] => {
                    let rights = list.get_mut(*who).and_then(Value::as_object_mut);
                    let none = || SetError::invalid_patch(format!("no such path: {path}"));
                    rights
                        .ok_or_else(none)?
                        .insert((*name).to_owned(), value.clone());
                    kept.entry((*who).to_owned()).or_default().remove(*name);
                }
                _ => return Err(SetError::invalid_patch(format!("no such path: {path}"))),
            }
        }
        if list.len() > PRINCIPALS_MAX {
            return Err(wrong("too many principals"));
        }
        let named = list
            .iter()
            .map(|(who, rights)| read(mail, &before, who, rights));
        let after = named.collect::<Result<_, _>>()?;
        Ok(Some(Self {
            before,
            after,
            kept,
        }))
    }

    /// Carries it out; what the client does not know of the result. Errors: those of the directory, one entry after
    /// the other: what was done before the first refusal stands.
    pub(crate) fn grant(self, mail: &Sight, mailbox: MailboxId) -> Result<Value, SetError> {
        let named: BTreeSet<Sharing> = self
            .before
            .keys()
            .chain(self.after.keys())
            .copied()
            .collect();
        for who in named {
            let before = self.before.get(&who).copied().unwrap_or_default();
            let kept = self.kept.get(&ident::principal(who));
            let keeps = |name: &str| kept.is_some_and(|kept| kept.contains(name));
            let after = match self.after.get(&who) {
                Some(wanted) => letters(before, wanted, &keeps),
                None => Rights::NONE,
            };
            if after != before {
                let change = RightsChange::Set(after);
                let access = mail.access();
                access.change_share(mail.id(), mailbox, who, change)?;
            }
        }
        let now = given(mail, mailbox).map(|given| spell(&given));
        let wanted = |now: &Map<String, Value>| {
            let asked = self
                .after
                .iter()
                .map(|(who, rights)| (ident::principal(*who), Value::Object(rights.clone())));
            *now == asked.collect::<Map<_, _>>()
        };
        Ok(match now {
            Some(now) if !wanted(&now) => json!({NAME: shown(mail, mailbox)}),
            _ => Value::Null,
        })
    }
}

fn whole(value: &Value) -> Result<Map<String, Value>, SetError> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(list) => Ok(list.clone()),
        _ => Err(wrong("an object of principal ids, or null")),
    }
}

/// One entry, with every right said.
fn read(
    mail: &Sight,
    before: &Given,
    who: &str,
    rights: &Value,
) -> Result<(Sharing, Map<String, Value>), SetError> {
    let principal = ident::parse_principal(who).filter(|who| match who {
        Sharing::Anyone => true,
        Sharing::Account(id) => {
            *id != mail.id() && (before.contains_key(who) || mail.access().colleague(*id).is_some())
        }
    });
    let principal = principal.ok_or_else(|| wrong("no such principal to share with"))?;
    let given = rights
        .as_object()
        .ok_or_else(|| wrong("rights are an object"))?;
    let known = |name: &String| right::ROWS.iter().any(|(row, _)| row == name);
    if !given
        .iter()
        .all(|(name, value)| known(name) && value.is_boolean())
    {
        return Err(wrong(
            "rights of a Mailbox are its myRights, each true or false",
        ));
    }
    let mut every = right::spell(Rights::NONE);
    every.extend(given.clone());
    Ok((principal, every))
}

/// The letters that are wanted, where these were given; `keeps` tells the rights that nothing is said of.
fn letters(before: Rights, wanted: &Map<String, Value>, keeps: &dyn Fn(&str) -> bool) -> Rights {
    let is = |name: &str| wanted.get(name) == Some(&Value::Bool(true));
    let mut after = before;
    for (_, row) in right::ROWS
        .iter()
        .filter(|(name, _)| !is(name) && !keeps(name))
    {
        after = after.without(*row);
    }
    // Two rights may stand for the same letter: one that is wanted keeps it.
    for (_, row) in right::ROWS.iter().filter(|(name, _)| is(name)) {
        after = after.with(*row);
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, wanted: &[&str], expected: &str) {
        check_part(before, wanted, &[], expected);
    }

    fn check_part(before: &str, wanted: &[&str], kept: &[&str], expected: &str) {
        let before = Rights::parse(before).unwrap();
        let mut all = right::spell(Rights::NONE);
        all.extend(wanted.iter().map(|name| ((*name).to_owned(), true.into())));
        assert_eq!(
            letters(before, &all, &|name| kept.contains(&name)).to_string(),
            expected,
            "{before} {wanted:?} {kept:?}"
        );
    }

    #[test]
    fn rights_become_letters() {
        check("", &["mayReadItems"], "lr");
        check(
            "",
            &["mayReadItems", "mayRemoveItems", "maySetSeen"],
            "lrste",
        );
        check("", &["mayDelete"], "x");
        check("lrx", &["mayReadItems", "mayRename"], "lrx");
        check("lrx", &["mayReadItems"], "lr");
        // One letter of two is taken as well.
        check("lt", &["mayAddItems"], "i");
        check("lre", &["mayReadItems"], "lr");
        check("lrt", &["mayReadItems"], "lr");
        check("lrxt", &["mayReadItems", "mayDelete"], "lrx");
        // What is not spoken of stays.
        check_part("lrt", &["mayReadItems"], &["mayRemoveItems"], "lrt");
        check_part(
            "lt",
            &["mayAddItems"],
            &["mayReadItems", "mayRemoveItems"],
            "lit",
        );
        check_part("lrs", &["mayReadItems"], &["mayReadItems"], "lr");
        check("lrte", &["mayReadItems"], "lr");
        check("lrte", &[], "");
        check("", &["mayShare"], "a");
    }
}
