//! congvu.toml: every key has a default and a reason; the empty file starts a working server.
//! What changes daily (agencies, domains, accounts) is data in the store, never config.
//! `congvu.toml` at the repository's root shows every key at its default; a test keeps it true.

mod audit;
mod imap;
mod inbound;
mod push;
mod sending;
mod storage;
mod trace;
mod webhooks;

pub use self::storage::{Backup, Encryption, Engine, Storage};
pub use crate::outward::config::{Relay, Route, RouteProtocol, RouteTls};
pub use crate::sign_in::SignIn;
pub use audit::Audit;
pub use imap::Imap;
pub use inbound::Inbound;
pub use push::Push;
pub use sending::Sending;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
pub use trace::Trace;
pub use webhooks::Webhooks;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub server: Server,
    pub listen: Listen,
    pub tls: Tls,
    pub mail: Mail,
    pub sending: Sending,
    pub inbound: Inbound,
    pub relay: Relay,
    pub imap: Imap,
    pub sign_in: SignIn,
    pub storage: Storage,
    pub trace: Trace,
    pub audit: Audit,
    pub webhooks: Webhooks,
    pub push: Push,
    pub log: Log,
}

/// Who this machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The host name that mail servers and people use; in EHLO, Received, links.
    pub host: String,
    /// Folder of the store, keys and certificates.
    pub data: PathBuf,
    /// Domain added to a bare name at sign-in (`annv`); empty: none.
    pub default_domain: String,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            data: "congvu-data".into(),
            default_domain: String::new(),
        }
    }
}

/// Where to listen; an empty list turns a service off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Listen {
    pub smtp: Vec<SocketAddr>,
    pub submission: Vec<SocketAddr>,
    pub submissions: Vec<SocketAddr>,
    pub imap: Vec<SocketAddr>,
    pub imaps: Vec<SocketAddr>,
    /// Off: POP3 takes mail off the server, where no backup, search or second device finds it.
    pub pop3: Vec<SocketAddr>,
    pub pop3s: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    /// Off: mail from hosts that keep the queue themselves (RFC 2033); not over the Internet, and never on port 25.
    pub lmtp: Vec<SocketAddr>,
    /// Addresses that may speak LMTP: it asks for no password.
    pub lmtp_from: Vec<IpAddr>,
    /// Connections at once, over all services (each costs a file descriptor).
    pub connections_max: usize,
    /// Connections at once from one address; mail clients open five to ten, an office shares one address.
    pub connections_per_address: usize,
}

fn any(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from(([0u16; 8], port))]
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            smtp: any(25),
            submission: any(587),
            submissions: any(465),
            imap: any(143),
            imaps: any(993),
            pop3: Vec::new(),
            pop3s: Vec::new(),
            https: any(443),
            lmtp: Vec::new(),
            lmtp_from: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            connections_max: 20_000,
            connections_per_address: 500,
        }
    }
}

/// Certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM chain; empty: a certificate of our own making in the data folder.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// Limits of mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Octets of one message as sent (base64 grows files by a third: 36 MiB carries 25 MiB of files).
    pub size_max: u64,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Octets of all messages being received at once, kept in memory.
    pub receiving_max: usize,
    /// Octets a second that a message must bring on average of five minutes; 0: however slow.
    pub receiving_rate_min: u64,
    /// Minutes in which the whole of a message must have come.
    pub receiving_minutes_max: u64,
    /// Messages waiting in the queue at which new ones are put off.
    pub queue_max: usize,
    /// Octets of one account without a quota of its own; 0: no limit.
    pub quota: u64,
    /// Days for which mail for a full mailbox is tried again before its sender gets it back; 0: at once.
    pub full_mailbox_days: u32,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            size_max: 36 << 20,
            recipients_max: 1000,
            receiving_max: 512 << 20,
            receiving_rate_min: 500,
            receiving_minutes_max: 120,
            queue_max: 1_000_000,
            quota: 2 << 30,
            full_mailbox_days: 3,
        }
    }
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or by room: `info,imap=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
        }
    }
}

/// Why a config file was refused; shown to the operator, exit status 2.
#[derive(Debug)]
pub struct Wrong {
    /// File, and line and column where known.
    pub place: String,
    /// What is wrong and what is expected.
    pub reason: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for Wrong {}

/// Reads a file; its paths are as seen from the current folder then. Errors name line and column.
pub fn read(path: &Path) -> Result<Config, Wrong> {
    Ok(crate::paths::from_file(written(path)?, path))
}

/// The same with its paths as they are written there: relative to the file's folder.
pub fn written(path: &Path) -> Result<Config, Wrong> {
    let bytes = std::fs::read(path).map_err(|error| Wrong {
        place: path.display().to_string(),
        reason: error.to_string(),
    })?;
    let name = path.display().to_string();
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let (line, column) = place(&good, good.len());
        Wrong {
            place: format!("{name}:{line}:{column}"),
            reason: "expected UTF-8".to_owned(),
        }
    })?;
    parse(text, &name)
}

/// Reads a text; `name` is what errors call it.
pub fn parse(text: &str, name: &str) -> Result<Config, Wrong> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let (line, column) = error.span().map_or((1, 1), |span| place(text, span.start));
        Wrong {
            place: format!("{name}:{line}:{column}"),
            reason: plainly(error.message()),
        }
    })?;
    check(&config).map_err(|(key, reason)| {
        let (line, column) = find(text, key);
        Wrong {
            place: format!("{name}:{line}:{column}"),
            reason: format!("{key}: {reason}"),
        }
    })?;
    Ok(config)
}

/// Line and column, from 1, of an offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// Where a key `section.name` is set in the text; the first line when it is not.
fn find(text: &str, key: &str) -> (usize, usize) {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut inside = "";
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        if let Some(header) = bare
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            inside = header.trim();
        }
        let set = bare.split('=').next().unwrap_or("").trim();
        if bare.contains('=') && ((inside == section && set == name) || set == key) {
            return (index + 1, line.len() - bare.len() + 1);
        }
    }
    (1, 1)
}

/// Values that parse but cannot be.
fn check(config: &Config) -> Result<(), (&'static str, String)> {
    let wrong = |key, expected: &str| Err((key, expected.to_owned()));
    if formats::address::DomainName::parse(&config.server.host).is_err() {
        return wrong(
            "server.host",
            "expected a host name such as mail.tinh.gov.vn",
        );
    }
    let domain = &config.server.default_domain;
    if !domain.is_empty() && formats::address::DomainName::parse(domain).is_err() {
        return wrong(
            "server.default_domain",
            "expected a domain such as tinh.gov.vn, or nothing",
        );
    }
    if config.tls.certificate.as_os_str().is_empty() != config.tls.key.as_os_str().is_empty() {
        return wrong(
            "tls.certificate",
            "expected certificate and key together, or neither",
        );
    }
    if !(64 << 10..=1 << 30).contains(&config.mail.size_max) {
        return wrong("mail.size_max", "expected 65536 to 1073741824 octets");
    }
    if !(100..=50_000).contains(&config.mail.recipients_max) {
        return wrong(
            "mail.recipients_max",
            "expected 100 to 50000 (RFC 5321 §4.5.3.1.8 asks for 100)",
        );
    }
    if (config.mail.receiving_max as u64) < config.mail.size_max {
        return wrong("mail.receiving_max", "expected at least mail.size_max");
    }
    if config.mail.receiving_rate_min > 1 << 20 {
        return wrong(
            "mail.receiving_rate_min",
            "expected 0 to 1048576 octets a second",
        );
    }
    if !(10..=24 * 60).contains(&config.mail.receiving_minutes_max) {
        return wrong("mail.receiving_minutes_max", "expected 10 to 1440");
    }
    if config.mail.full_mailbox_days > 5 {
        return wrong("mail.full_mailbox_days", "expected 0 to 5");
    }
    let others = config.sign_in.check().and_then(|()| config.relay.check());
    let others = others.and_then(|()| config.imap.check());
    let others = others.and_then(|()| config.inbound.check().and_then(|()| config.trace.check()));
    let others = others.and_then(|()| config.audit.check());
    others.or_else(|(key, expected)| wrong(key, expected))?;
    check_storage(&config.storage)?;
    if !level_is_good(&config.log.level) {
        return wrong(
            "log.level",
            "expected error, warn, info, debug or trace, or by room: info,imap=debug",
        );
    }
    check_listen(&config.listen)
}

fn check_storage(storage: &Storage) -> Result<(), (&'static str, String)> {
    let wrong = |key, expected: &str| Err((key, expected.to_owned()));
    if !(1..=3_650).contains(&storage.undelete_days) {
        return wrong("storage.undelete_days", "expected 1 to 3650 days");
    }
    if !(1..=1_440).contains(&storage.upkeep_minutes) {
        return wrong("storage.upkeep_minutes", "expected 1 to 1440 minutes");
    }
    if !(1 << 20..=1 << 40).contains(&storage.cache_octets) {
        return wrong(
            "storage.cache_octets",
            "expected 1048576 to 1099511627776 octets",
        );
    }
    if !(1_000..=1_000_000_000).contains(&storage.hot_messages) {
        return wrong(
            "storage.hot_messages",
            "expected 1000 to 1000000000 messages",
        );
    }
    let there = |file: &PathBuf| !file.as_os_str().is_empty();
    let backup = &storage.backup;
    if there(&backup.key_file) && there(&backup.passphrase_file) {
        return wrong(
            "storage.backup.key_file",
            "expected a key file or a passphrase file, not both",
        );
    }
    let encryption = &storage.encryption;
    if !encryption.enabled && !encryption.key_file.as_os_str().is_empty() {
        return wrong(
            "storage.encryption.key_file",
            "a key is named but encryption is not on: expected enabled = true, or no key_file",
        );
    }
    Ok(())
}

fn check_listen(listen: &Listen) -> Result<(), (&'static str, String)> {
    if listen.connections_max == 0 {
        return Err(("listen.connections_max", "expected at least 1".to_owned()));
    }
    if listen.connections_per_address == 0 {
        return Err((
            "listen.connections_per_address",
            "expected at least 1".to_owned(),
        ));
    }
    let services = [
        ("listen.smtp", &listen.smtp),
        ("listen.submission", &listen.submission),
        ("listen.submissions", &listen.submissions),
        ("listen.imap", &listen.imap),
        ("listen.imaps", &listen.imaps),
        ("listen.pop3", &listen.pop3),
        ("listen.pop3s", &listen.pop3s),
        ("listen.https", &listen.https),
        ("listen.lmtp", &listen.lmtp),
    ];
    // RFC 2033 §5.
    if listen.lmtp.iter().any(|address| address.port() == 25) {
        return Err((
            "listen.lmtp",
            "expected another port than 25, such as 24".to_owned(),
        ));
    }
    let mut taken: Vec<(SocketAddr, &str)> = Vec::new();
    for (key, addresses) in services {
        for address in addresses {
            // Port 0 is a free port, never the same one.
            if let Some((_, by)) = taken
                .iter()
                .find(|row| row.0 == *address && address.port() != 0)
            {
                return Err((
                    key,
                    format!("expected an address of its own: {address} is {by}'s"),
                ));
            }
            taken.push((*address, key));
        }
    }
    Ok(())
}

/// `level` or `room=level`, separated by commas.
fn level_is_good(text: &str) -> bool {
    let level = |text: &str| {
        let known = ["off", "error", "warn", "info", "debug", "trace"];
        known.contains(&text.trim().to_ascii_lowercase().as_str())
    };
    let room = |text: &str| {
        text.split_once('=')
            .map_or_else(|| level(text), |(_, rest)| level(rest))
    };
    !text.trim().is_empty() && text.split(',').all(room)
}

/// What parses and fits, but only this machine can tell: certificate and master key.
pub fn check_files(config: &Config) -> anyhow::Result<()> {
    if !config.tls.certificate.as_os_str().is_empty() {
        crate::tls::load(&config.tls.certificate, &config.tls.key)?;
    }
    config.relay.outward()?;
    if config.storage.encryption.enabled {
        crate::keys::read(&crate::keys::place(config)?)?;
    }
    crate::keys::expect_backups_open(&config.storage.backup)
}

/// What the reader of TOML says, in an operator's words.
fn plainly(message: &str) -> String {
    message
        .replace(
            "invalid socket address syntax",
            "expected an address and a port, such as \"0.0.0.0:25\" or \"[::]:25\"",
        )
        .replace("expected u64", "expected a whole number")
        .replace("expected usize", "expected a whole number")
        .replace("expected u32", "expected a whole number")
}

/// Only what differs from the defaults, as TOML; empty when nothing does.
pub fn differences(config: &Config) -> String {
    let whole = |config: &Config| toml::Table::try_from(config).unwrap_or_default();
    let (ours, defaults) = (whole(config), whole(&Config::default()));
    let mut out = toml::Table::new();
    for (section, value) in ours {
        let (Some(value), Some(default)) = (
            value.as_table(),
            defaults.get(&section).and_then(toml::Value::as_table),
        ) else {
            continue;
        };
        let changed: toml::Table = value
            .iter()
            .filter(|(key, value)| default.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !changed.is_empty() {
            out.insert(section, toml::Value::Table(changed));
        }
    }
    out.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_is_the_default() {
        assert_eq!(parse("", "x").unwrap(), Config::default());
        assert_eq!(differences(&Config::default()), "");
    }

    /// The file at the root shows every key, commented, at its default.
    #[test]
    fn the_sample_file_is_the_default() {
        let sample = include_str!("../../congvu.toml");
        let live: String = sample
            .lines()
            .map(|line| match line.strip_prefix("#: ") {
                Some(setting) => format!("{setting}\n"),
                None => format!("{line}\n"),
            })
            .collect();
        let read: toml::Table = toml::from_str(&live).unwrap();
        assert_eq!(read, toml::Table::try_from(Config::default()).unwrap());
        assert_eq!(parse(sample, "congvu.toml").unwrap(), Config::default());
    }

    #[test]
    fn wrong_values_say_where_and_what() {
        let check = |text: &str, place: &str, says: &str| {
            let wrong = parse(text, "c").unwrap_err();
            assert_eq!(wrong.place, place, "{text}: {wrong}");
            assert!(wrong.reason.contains(says), "{text}: {wrong}");
        };
        check(
            "[mail]\nsize_max = \"big\"",
            "c:2:12",
            "expected a whole number",
        );
        check("[mail]\n\n  sise_max = 3", "c:3:3", "unknown field");
        check("[mail]\nsize_max = 3", "c:2:1", "expected 65536");
        check("[server]\nhost = \"a b\"", "c:2:1", "host name");
        check("[listen]\nsmtp = [\"nowhere\"]", "c:2:9", "such as");
        check("[mail\n", "c:1:6", "");
        check("[log]\nlevel = \"loud\"", "c:2:1", "info,imap=debug");
        check(
            "[log]\n[storage.encryption]\nkey_file = \"k\"",
            "c:3:1",
            "enabled = true",
        );
        check("[listen]\nimap = [\"[::]:25\"]", "c:2:1", "listen.smtp's");
        check("[storage]\ncache_octets = 7", "c:2:1", "1048576");
        check("[storage]\nhot_messages = 0", "c:2:1", "1000");
        check(
            "[storage.backup]\nkey_file = \"a\"\npassphrase_file = \"b\"",
            "c:2:1",
            "not both",
        );
        check(
            "[listen]\nconnections_per_address = 0",
            "c:2:1",
            "at least 1",
        );
    }

    #[test]
    fn differences_are_what_was_changed() {
        let config = parse(
            "[server]\nhost = \"mail.x.gov.vn\"\n[log]\nlevel = \"info\"",
            "c",
        )
        .unwrap();
        assert_eq!(differences(&config), "[server]\nhost = \"mail.x.gov.vn\"\n");
    }
}
