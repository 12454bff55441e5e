//! Hook: another program of an agency is told over HTTPS of what happens to accounts of its subtree.
//!
//! The audit log is the queue: each hook knows up to which entry it was told (`call`), so nothing has to be written
//! beside an act, nothing is lost by a stop, and events come in their order. A call says what happened to which account,
//! not what its data are: whoever may know reads them from the API.

mod call;
mod event;
mod keep;

pub use call::{Answer, Call, Failure, HookState, STOPPED_AFTER, Stopped, TRIES_MAX};
pub use event::Event;
pub(crate) use keep::Hooks;

use crate::act::{Note, check_version, difference, invalid, name};
use crate::hash::{encode, random};
use crate::{Access, AgencyId, Capability, Denied, Directory, Error};
use formats::address::DomainName;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Hooks in all.
pub const HOOKS_MAX: usize = 100;
/// Octets of an address that is called.
const URL_MAX: usize = 1_000;

/// What is told whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Hook {
    /// The number of its entry in the audit log.
    pub id: u64,
    pub label: String,
    /// Of whose accounts: this agency and all below it.
    pub agency: AgencyId,
    pub url: String,
    /// Empty: every event.
    pub events: Vec<Event>,
    pub enabled: bool,
    /// Address of who made it.
    pub by: String,
    /// Unix seconds.
    pub created_at: i64,
    pub version: u64,
}

/// A hook to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewHook {
    pub label: String,
    pub agency: AgencyId,
    pub url: String,
    pub events: Vec<Event>,
}

/// A hook as it is stored: with the secret that signs its calls.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeptHook {
    pub(crate) hook: Hook,
    pub(crate) secret: String,
}

/// An address that may be called, of `max` octets at most: HTTPS, without a user, a password or a fragment. Where its name
/// leads is asked at each call.
pub(crate) fn checked_url(url: &str, max: usize) -> Option<String> {
    let url = url.trim();
    let rest = url.strip_prefix("https://")?;
    let plain = url.len() <= max && url.bytes().all(|b| b.is_ascii_graphic());
    let odd = |c| {
        matches!(
            c,
            '#' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'
        )
    };
    if !plain || rest.contains(odd) {
        return None;
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return None;
    }
    let v6 = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok() || DomainName::parse(host).is_ok(),
    };
    is_host.then(|| url.to_owned())
}

/// The same of a hook. Errors: `Invalid`.
fn hook_url(url: &str) -> Result<String, Error> {
    let expected = "an address such as https://hr.tinh.gov.vn/congvu, without a user or a fragment";
    checked_url(url, URL_MAX).ok_or_else(|| invalid("url", expected))
}

/// The host of an address that was checked, without brackets, and its port.
pub fn host_of(url: &str) -> Option<(String, u16)> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    Some((host.trim_matches(['[', ']']).to_owned(), port))
}

impl Directory {
    /// Who may make, change and remove hooks of an agency: who may read its log, and make tokens for machines.
    fn check_hooks(&self, by: Option<&Access>, agency: &AgencyId) -> Result<(), Error> {
        let book = self.read();
        book.check(by, Capability::ReadAudit, agency, "webhook")?;
        book.check(by, Capability::ManageTokens, agency, "webhook")
    }

    /// Makes a hook; its secret is told once. It hears of what happens from now on. Errors: `Invalid` (also where the
    /// config has hooks switched off), `NotFound`, `Denied`.
    pub fn create_hook(
        &self,
        by: Option<&Access>,
        new: NewHook,
    ) -> Result<(Hook, crate::Secret), Error> {
        if !self.read().agencies.contains_key(&new.agency) {
            return Err(Error::NotFound("agency"));
        }
        self.check_hooks(by, &new.agency)?;
        if !self.inner.hooks.are_on() {
            return Err(invalid(
                "url",
                "webhooks to be switched on in the config first",
            ));
        }
        let (label, url) = (name("label", &new.label)?, hook_url(&new.url)?);
        let mut acts = self.acts();
        if self.inner.hooks.count() >= HOOKS_MAX {
            return Err(invalid("url", format!("at most {HOOKS_MAX} webhooks")));
        }
        let secret = encode(&random::<32>()?);
        let mut events = new.events;
        events.sort_unstable();
        events.dedup();
        let hook = Hook {
            id: acts.chain.last + 1,
            label,
            agency: new.agency,
            url,
            events,
            enabled: true,
            by: by.map_or_else(|| "system".to_owned(), |by| by.address.to_string()),
            created_at: self.now_s(),
            version: 1,
        };
        let note = Note {
            act: "webhook.create",
            object: hook.agency.0.clone(),
            detail: json!({"webhook": hook.id, "label": hook.label, "url": hook.url, "events": hook.events}),
        };
        let kept = KeptHook {
            hook: hook.clone(),
            secret: secret.clone(),
        };
        self.keep_hook(&mut acts, by, note, &kept, HookState::from(hook.id))?;
        Ok((hook, crate::Secret::new(secret)))
    }

    /// Changes label, address, events, or whether it is on; `version` is the one last seen. Switched on, it goes on where
    /// it was, or with `skip` with what happens from now on. Errors: `Invalid`, `Conflict`, `NotFound`, `Denied`.
    pub fn change_hook(
        &self,
        by: Option<&Access>,
        mut new: Hook,
        version: Option<u64>,
        skip: bool,
    ) -> Result<Hook, Error> {
        let mut acts = self.acts();
        let (kept, mut state) = self
            .inner
            .hooks
            .one(new.id)
            .ok_or(Error::NotFound("webhook"))?;
        self.check_hooks(by, &kept.hook.agency)?;
        check_version(version, kept.hook.version)?;
        let old = kept.hook.clone();
        new.label = name("label", &new.label)?;
        new.url = hook_url(&new.url)?;
        new.events.sort_unstable();
        new.events.dedup();
        new = Hook {
            agency: old.agency.clone(),
            by: old.by.clone(),
            created_at: old.created_at,
            version: old.version + 1,
            ..new
        };
        if new.enabled {
            state.resume();
        }
        if skip {
            state.skip_to(acts.chain.last);
        }
        let mut detail = difference(&old, &new);
        detail["webhook"] = new.id.into();
        detail["skip"] = skip.into();
        let note = Note {
            act: "webhook.change",
            object: new.agency.0.clone(),
            detail,
        };
        let kept = KeptHook {
            hook: new.clone(),
            secret: kept.secret,
        };
        self.keep_hook(&mut acts, by, note, &kept, state)?;
        Ok(new)
    }

    /// Removes a hook; what it was not told of it never hears. Errors: `NotFound`, `Denied`, `Conflict`.
    pub fn delete_hook(
        &self,
        by: Option<&Access>,
        id: u64,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let (kept, _) = self.inner.hooks.one(id).ok_or(Error::NotFound("webhook"))?;
        self.check_hooks(by, &kept.hook.agency)?;
        check_version(version, kept.hook.version)?;
        let note = Note {
            act: "webhook.delete",
            object: kept.hook.agency.0.clone(),
            detail: json!({"webhook": id, "label": kept.hook.label, "url": kept.hook.url}),
        };
        self.drop_hook(&mut acts, by, note, id)
    }

    /// Hooks of agencies that `by` may see, in the order of their making, each with how it goes.
    pub fn hooks(&self, by: Option<&Access>) -> Vec<(Hook, HookState)> {
        let book = self.read();
        let all = self.inner.hooks.all().into_iter();
        all.filter(|(hook, _)| book.allows(by, Capability::ReadAudit, &hook.agency))
            .collect()
    }

    /// One of them. Errors: `NotFound`.
    pub fn hook(&self, by: Option<&Access>, id: u64) -> Result<(Hook, HookState), Error> {
        let (kept, state) = self.inner.hooks.one(id).ok_or(Error::NotFound("webhook"))?;
        let seen = self
            .read()
            .allows(by, Capability::ReadAudit, &kept.hook.agency);
        match seen {
            true => Ok((kept.hook, state)),
            false => Err(Error::NotFound("webhook")),
        }
    }

    /// Whether `by` may see any hook at all. Errors: `Denied`.
    pub fn may_see_hooks(&self, by: &Access) -> Result<(), Error> {
        match by.scopes(Capability::ReadAudit).is_empty() {
            true => Err(Denied.into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_may_be_called() {
        for (url, host, port) in [
            ("https://hr.tinh.gov.vn/congvu", "hr.tinh.gov.vn", 443),
            (
                "https://hr.tinh.gov.vn:8443/a?b=c%20d",
                "hr.tinh.gov.vn",
                8443,
            ),
            ("https://203.0.114.7", "203.0.114.7", 443),
            ("https://[2001:db8::7]:444/x", "2001:db8::7", 444),
        ] {
            assert_eq!(hook_url(url).unwrap(), url);
            assert_eq!(host_of(url), Some((host.to_owned(), port)));
        }
        for bad in [
            "",
            "http://hr.tinh.gov.vn/",
            "https://",
            "https:///x",
            "https://a@b.vn/",
            "https://a:b@c.vn/",
            "https://b.vn/#x",
            "https://b.vn/ x",
            "https://b.vn:0/",
            "https://b.vn:99999/",
            "https://b.vn:x/",
            "https://b.vn\\@c.vn/",
            "https://[::1/",
            "ftp://b.vn/",
            &format!("https://b.vn/{}", "x".repeat(1_000)),
        ] {
            assert!(hook_url(bad).is_err(), "{bad}");
        }
    }
}
