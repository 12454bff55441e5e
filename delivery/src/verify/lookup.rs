//! The questions of one message, counted.

use super::QUESTIONS_MAX;
use crate::{LookupError, MailHosts, Resolver};
use formats::address::DomainName;
use std::collections::HashMap;
use std::net::IpAddr;

/// Questions of one part of the work that may fail; then no more is asked, lest mail waits where DNS is dead.
const FAILURES_MAX: usize = 2;

/// What came of a question.
pub(super) type Found<T> = Result<Vec<T>, LookupError>;

/// Asks DNS for one message.
pub(super) struct Asking<'a, R> {
    resolver: &'a R,
    left: usize,
    failures: usize,
    /// Texts are asked for twice: signatures share keys, checks share domains.
    texts: HashMap<String, Found<String>>,
}

impl<'a, R: Resolver> Asking<'a, R> {
    pub(super) fn new(resolver: &'a R) -> Self {
        Self {
            resolver,
            left: QUESTIONS_MAX,
            failures: 0,
            texts: HashMap::new(),
        }
    }

    /// What failed so far says nothing of what is asked from now on, of somebody else's domain.
    pub(super) fn begin_anew(&mut self) {
        self.failures = 0;
    }

    fn count(&mut self) -> Result<(), LookupError> {
        let enough = LookupError::Failed("too many questions for one message".into());
        if self.failures >= FAILURES_MAX {
            return Err(enough);
        }
        self.left = self.left.checked_sub(1).ok_or(enough)?;
        Ok(())
    }

    /// Notes whether there was an answer.
    fn heard<T>(&mut self, found: Found<T>) -> Found<T> {
        self.failures += usize::from(matches!(found, Err(LookupError::Failed(_))));
        found
    }

    /// TXT records; none where the name is there without any.
    pub(super) async fn texts(&mut self, name: &str) -> Found<String> {
        let name = name.to_ascii_lowercase();
        if let Some(found) = self.texts.get(&name) {
            return found.clone();
        }
        self.count()?;
        let found = self.resolver.texts(&name).await;
        let found = self.heard(found);
        self.texts.insert(name, found.clone());
        found
    }

    pub(super) async fn addresses(&mut self, host: &str) -> Found<IpAddr> {
        self.count()?;
        let found = self.resolver.addresses(host).await;
        self.heard(found)
    }

    /// Mail exchangers, by their names.
    pub(super) async fn mail_hosts(&mut self, domain: &str) -> Found<String> {
        self.count()?;
        let Ok(domain) = DomainName::parse(domain) else {
            return Err(LookupError::NoName);
        };
        let found = self.resolver.mail_hosts(&domain).await;
        let names = |found: MailHosts| found.hosts.into_iter().map(|host| host.name).collect();
        self.heard(found.map(names))
    }

    /// Names of an address (PTR).
    pub(super) async fn names_of(&mut self, ip: IpAddr) -> Found<String> {
        self.count()?;
        let found = self.resolver.names_of(ip).await;
        self.heard(found)
    }
}
