//! The sample province of `congvu demo`: config, founding, and the facts in demo.json.

pub mod letter_texts;
pub mod letters;
pub mod province;

use crate::config::{Config, Listen};
use crate::services::{self, Services};
use crate::tls;
use crate::told::{Failed, Holder, Lead as _, shown};
use anyhow::Context as _;
use directory::{CredentialKind, Directory, Secret};
use serde_json::{Value, json};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Marks a folder as a demo's, before anything else is put there.
const MARK: &str = "congvu-demo";
/// Marks a folder whose founding went through.
const FOUNDED: &str = "founded";
/// The name of its host.
const HOST: &str = "mail.tinhmau.gov.vn";
/// Octets of the number of the process that has a folder, which is in its mark.
const PID_OCTETS_MAX: u64 = 10;
/// Holds the API token between runs.
const TOKEN: &str = "api-token";

/// One sample province: where it lies and where it listens.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Demo {
    pub dir: PathBuf,
    pub base_port: u16,
}

/// Standard ports by the names in demo.json.
const PORTS: &[(&str, u16)] = &[
    ("smtp", 25),
    ("submission", 587),
    ("submissions", 465),
    ("imap", 143),
    ("imaps", 993),
    ("pop3", 110),
    ("pop3s", 995),
    ("https", 443),
];

impl Demo {
    /// Takes the folder for this process until the file is dropped. Errors: the folder holds something
    /// that is not a demo's, or a demo runs there; nothing is changed then.
    pub fn take(&self) -> anyhow::Result<File> {
        let mark = self.dir.join(MARK);
        let dir = || shown(&self.dir);
        let cannot = || Failed::FolderUnusable { dir: dir() };
        std::fs::create_dir_all(&self.dir).lead(cannot)?;
        let empty = std::fs::read_dir(&self.dir).lead(cannot)?.next().is_none();
        anyhow::ensure!(empty || mark.exists(), Failed::NoDemoFolder { dir: dir() });
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&mark)
            .lead(cannot)?;
        match file.try_lock() {
            Ok(()) => {
                // For whoever finds it taken.
                let told = file.set_len(0);
                let told = told.and_then(|()| write!(file, "{}", std::process::id()));
                told.lead(cannot)?;
                Ok(file)
            }
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                let read = file.take(PID_OCTETS_MAX).read_to_string(&mut said);
                let holder = Holder(read.ok().and_then(|_| said.parse().ok()));
                anyhow::bail!(Failed::DemoRuns { dir: dir(), holder })
            }
            Err(TryLockError::Error(error)) => Err(error).lead(cannot),
        }
    }

    /// Removes what an earlier run left in a folder that was taken.
    pub fn clear(&self) -> anyhow::Result<()> {
        let cannot = |name: &str| Failed::NotRemoved {
            file: shown(&self.dir.join(name)),
        };
        for name in [
            FOUNDED,
            "demo.json",
            TOKEN,
            "ca.pem",
            "certificate.pem",
            "key.pem",
        ] {
            let path = self.dir.join(name);
            if path.exists() {
                std::fs::remove_file(path).lead(|| cannot(name))?;
            }
        }
        let store = self.dir.join("store");
        if store.exists() {
            std::fs::remove_dir_all(store).lead(|| cannot("store"))?;
        }
        Ok(())
    }

    fn port(&self, name: &str) -> u16 {
        let standard = PORTS
            .iter()
            .find(|row| row.0 == name)
            .map_or(0, |row| row.1);
        self.base_port.saturating_add(standard)
    }

    /// The server's config for this province; makes the certificates in the folder that was taken.
    pub fn config(&self) -> anyhow::Result<Config> {
        let names = ["localhost", "127.0.0.1", "::1", HOST].map(str::to_owned);
        let files = tls::own(&self.dir, &names).with_context(|| {
            let dir = self.dir.display();
            format!("không ghi được vào thư mục {dir} / the folder {dir} cannot be written")
        })?;
        let mut config = self.outline();
        config.tls.certificate = files.certificate;
        config.tls.key = files.key;
        Ok(config)
    }

    /// The same without certificates; nothing is written.
    fn outline(&self) -> Config {
        let mut config = Config {
            listen: self.listen(),
            ..Config::default()
        };
        config.server.host = HOST.into();
        config.server.data.clone_from(&self.dir);
        config.server.default_domain = province::DOMAIN.into();
        // The sample province sends nothing outside the machine.
        config.relay.direct = false;
        config
    }

    /// Where the province listens.
    pub fn listen(&self) -> Listen {
        let at = |name| vec![SocketAddr::from((Ipv4Addr::LOCALHOST, self.port(name)))];
        let usual = Listen::default();
        Listen {
            smtp: at("smtp"),
            submission: at("submission"),
            submissions: at("submissions"),
            imap: at("imap"),
            imaps: at("imaps"),
            pop3: at("pop3"),
            pop3s: at("pop3s"),
            https: at("https"),
            // Everybody comes from 127.0.0.1 here.
            connections_per_address: usual.connections_max,
            ..usual
        }
    }

    /// Founds the province unless it is there; true when it did. A founding that was cut short starts over.
    pub fn found(&self) -> anyhow::Result<bool> {
        if self.dir.join(FOUNDED).exists() {
            return Ok(false);
        }
        let store_dir = self.dir.join("store");
        if store_dir.exists() {
            std::fs::remove_dir_all(&store_dir)?;
        }
        let config = self.config()?;
        let store = services::open_store(&config)?;
        let clock = Arc::new(letters::SeedClock::new());
        let seeded = Services::with_store(config, store.clone(), clock.clone())?;
        province::found(&seeded.directory)?;
        letters::send(&seeded.directory, &seeded.delivery, &clock)?;
        drop(seeded);
        store.close()?;
        std::fs::write(self.dir.join(FOUNDED), "1\n")?;
        Ok(true)
    }

    /// The API token of the administrator: made once, kept in the folder.
    fn token(&self, directory: &Directory) -> anyhow::Result<String> {
        let path = self.dir.join(TOKEN);
        let peer = directory::Peer {
            ip: Ipv4Addr::LOCALHOST.into(),
            // What it is for: mail it opens to nobody, being none that its owner made.
            service: "api",
        };
        if let Ok(kept) = std::fs::read_to_string(&path)
            && directory
                .sign_in_token(&Secret::new(kept.trim()), peer)
                .is_ok()
        {
            return Ok(kept.trim().to_owned());
        }
        let administrator = directory.account_at(&province::address(province::ADMINISTRATOR)?)?;
        let (_, secret) = directory.create_credential(
            None,
            administrator.id,
            CredentialKind::Token,
            "demo",
            None,
        )?;
        tls::private_file(&path, secret.expose().as_bytes())?;
        Ok(secret.expose().to_owned())
    }

    /// What demo.json says (CONTRACT: version 1).
    pub fn facts(&self, directory: &Directory) -> anyhow::Result<Value> {
        let persons: Vec<Value> = province::PERSONS
            .iter()
            .filter(|row| row.0 != province::ADMINISTRATOR)
            .map(|row| {
                json!({"address": format!("{}@{}", row.0, province::DOMAIN), "password": province::password(row.0),
                       "name": row.1, "agency": row.2, "position": row.3})
            })
            .collect();
        let admin = format!("{}@{}", province::ADMINISTRATOR, province::DOMAIN);
        let ports: serde_json::Map<String, Value> = PORTS
            .iter()
            .map(|row| (row.0.to_owned(), json!(self.port(row.0))))
            .collect();
        let site = format!("https://127.0.0.1:{}", self.port("https"));
        let dir = std::path::absolute(&self.dir)?;
        Ok(json!({
            "version": 1, "ready": true, "pid": std::process::id(), "host": "127.0.0.1",
            "domain": province::DOMAIN, "ca": dir.join("ca.pem"), "ports": ports, "accounts": persons,
            "admins": [{"address": admin, "password": province::password(province::ADMINISTRATOR), "scope": province::ROOT}],
            "api_token": self.token(directory)?,
            "urls": {"webmail": format!("{site}/"), "api": format!("{site}/api/v1/"),
                     "jmap": format!("{site}/.well-known/jmap")},
        }))
    }

    /// Writes demo.json whole: a reader sees the old one or the new one.
    pub fn write(&self, facts: &Value) -> anyhow::Result<()> {
        let whole = serde_json::to_string_pretty(facts)? + "\n";
        let (path, fresh) = (self.dir.join("demo.json"), self.dir.join("demo.json.new"));
        tls::private_file(&fresh, whole.as_bytes())?;
        std::fs::rename(&fresh, &path).with_context(|| path.display().to_string())
    }
}

/// What a person sees when the demo is ready.
pub fn greeting(facts: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (first, second) = (&facts["accounts"][0], &facts["accounts"][1]);
    let ports = &facts["ports"];
    format!(
        "\nCongvu — tỉnh mẫu đang chạy / the sample province is running\n\n\
         Webmail    {web}\n\
         Đăng nhập / sign in   {a}   {ap}\n\
         Hoặc / or             {b}   {bp}\n\
         Quản trị / admin      {c}   {cp}\n\n\
         Máy chủ thư / mail clients: 127.0.0.1\n\
         \x20 IMAP {imaps} (TLS) · {imap} (STARTTLS)    SMTP {subs} (TLS) · {sub} (STARTTLS)    MX {smtp}\n\
         CA         {ca}\n\
         Dừng / stop: Ctrl+C\n",
        web = text(&facts["urls"]["webmail"]),
        a = text(&first["address"]),
        ap = text(&first["password"]),
        b = text(&second["address"]),
        bp = text(&second["password"]),
        c = text(&facts["admins"][0]["address"]),
        cp = text(&facts["admins"][0]["password"]),
        imaps = ports["imaps"],
        imap = ports["imap"],
        subs = ports["submissions"],
        sub = ports["submission"],
        smtp = ports["smtp"],
        ca = text(&facts["ca"]),
    )
}

/// The config of the province that was founded in a folder, as its demo.json tells it; nothing is written there.
/// Errors: there is no demo.json, or it lacks the port.
pub fn config_of(dir: &Path) -> anyhow::Result<Config> {
    let facts = read_facts(dir).context("is `congvu demo` running there?")?;
    let (name, standard) = ("https", 443);
    let port = facts["ports"][name].as_u64().unwrap_or(0);
    let base = u16::try_from(port)
        .ok()
        .and_then(|port| port.checked_sub(standard));
    let base_port = base.with_context(|| format!("{}: ports.{name}", dir.display()))?;
    let dir = dir.to_owned();
    Ok(Demo { dir, base_port }.outline())
}

/// The folder's demo.json.
pub fn read_facts(dir: &Path) -> anyhow::Result<Value> {
    let path = dir.join("demo.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}
