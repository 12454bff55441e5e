//! The servers that are compared: ours, and Dovecot from Debian's packages, each on a free port with TLS.

use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::http_client::HttpClient;
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::SmtpClient;
use tests::stream::tls_config;

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(60);
/// What Dovecot's users sign in with; it keeps passwords in clear text, so that hashing is not measured.
const SECRET: &str = "bench-secret";

/// A server under measurement.
pub(super) struct Peer {
    pub(super) name: &'static str,
    imaps: SocketAddr,
    ca: PathBuf,
    tls: Arc<rustls::ClientConfig>,
    users: Vec<(String, String)>,
    root: u32,
    /// Where a server with maildirs keeps them.
    mail: Option<PathBuf>,
    running: Running,
}

enum Running {
    Congvu { process: Process },
    Dovecot(Child),
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Dovecot(child) = self {
            let _ = Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status();
            let _ = child.wait();
        }
    }
}

impl Peer {
    /// The sample province, release build.
    pub(super) fn congvu(dir: &Path) -> Self {
        let folder = dir.join("congvu");
        fs::create_dir(&folder).unwrap();
        let process = Process::demo(&folder, free_base());
        let facts = process.facts();
        let users = facts["accounts"].as_array().unwrap().iter().map(|account| {
            let text = |name: &str| account[name].as_str().unwrap().to_owned();
            (text("address"), text("password"))
        });
        Self {
            name: "Congvu",
            imaps: process.address("imaps"),
            tls: tls_config(&process.dir.join("ca.pem")),
            ca: process.dir.join("ca.pem"),
            users: users.collect(),
            root: process.id(),
            mail: None,
            running: Running::Congvu { process },
        }
    }

    /// Maildir, every delivery synced. `None` when Dovecot is not installed or we are not root
    /// (it changes its users).
    pub(super) fn dovecot(dir: &Path, certificate: &Path, key: &Path) -> Option<Self> {
        let there = Command::new("dovecot")
            .arg("--version")
            .output()
            .is_ok_and(|done| done.status.success());
        if !there {
            return None;
        }
        let folder = dir.join("dovecot");
        fs::create_dir(&folder).unwrap();
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let users: Vec<(String, String)> = (0..4)
            .map(|n| (format!("user{n}"), SECRET.to_owned()))
            .collect();
        let passwords: String = users
            .iter()
            .map(|(name, _)| format!("{name}:{{PLAIN}}{SECRET}\n"))
            .collect();
        fs::write(folder.join("users"), passwords).unwrap();
        let config = folder.join("dovecot.conf");
        fs::write(&config, dovecot_conf(&folder, port, certificate, key)).unwrap();
        let owned = Command::new("chown")
            .args(["-R", "mail:mail"])
            .arg(&folder)
            .status();
        assert!(
            owned.unwrap().success(),
            "only root can give Dovecot its folder"
        );
        let child = Command::new("dovecot")
            .args(["-F", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let imaps = SocketAddr::from(([127, 0, 0, 1], port));
        let began = Instant::now();
        while std::net::TcpStream::connect(imaps).is_err() {
            assert!(began.elapsed() < START, "Dovecot does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self {
            name: "Dovecot",
            imaps,
            tls: tls_config(&certificate.with_file_name("ca.pem")),
            ca: certificate.with_file_name("ca.pem"),
            users,
            root: child.id(),
            mail: Some(folder.join("mail")),
            running: Running::Dovecot(child),
        })
    }

    /// Room for so many octets in each account of ours; Dovecot has no quota here.
    pub(super) fn make_room(&self, octets: u64) {
        let Running::Congvu { process } = &self.running else {
            return;
        };
        let facts = process.facts();
        let token = facts["api_token"].as_str().unwrap();
        let client = HttpClient::new(process.address("https"), &self.ca).bearer(token);
        let wanted = json!({ "account_quota": octets });
        let (status, answer) = client.patch_json("/api/v1/agencies/H99", &wanted);
        assert_eq!(status, 200, "{answer}");
    }

    /// A connection that is not signed in.
    pub(super) fn connect(&self) -> ImapClient {
        ImapClient::connect_with(self.imaps, &self.tls)
    }

    pub(super) fn signed_in(&self, user: usize) -> ImapClient {
        let mut client = self.connect();
        let (name, secret) = &self.users[user];
        client.ok(&format!("LOGIN {name} \"{secret}\""));
        client
    }

    /// How many accounts can be signed in to.
    pub(super) fn users(&self) -> usize {
        self.users.len()
    }

    /// The address of a user of ours.
    pub(super) fn address_of(&self, user: usize) -> &str {
        &self.users[user].0
    }

    /// A greeted connection to our MX port.
    pub(super) fn smtp(&self) -> SmtpClient {
        let Running::Congvu { process } = &self.running else {
            panic!("{} has no such port here", self.name);
        };
        crate::greeted(process)
    }

    /// The maildir of a user, where the server keeps one.
    pub(super) fn maildir(&self, user: usize) -> Option<PathBuf> {
        let mail = self.mail.as_ref()?;
        Some(mail.join(&self.users[user].0))
    }

    /// User and system CPU of all its processes, those that ended included, milliseconds.
    pub(super) fn cpu_ms(&self) -> f64 {
        self.processes()
            .into_iter()
            .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
            .map(|stat| {
                let fields: Vec<&str> = stat
                    .rsplit(')')
                    .next()
                    .unwrap()
                    .split_whitespace()
                    .collect();
                // utime, stime, and those of children that were waited for: ticks of 10 ms.
                fields[11..15]
                    .iter()
                    .map(|f| f.parse::<f64>().unwrap())
                    .sum::<f64>()
                    * 10.0
            })
            .sum()
    }

    /// Proportional set size of all its processes, KiB.
    pub(super) fn pss_kib(&self) -> u64 {
        self.processes()
            .into_iter()
            .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok())
            .filter_map(|rollup| {
                let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
                line.split_whitespace().nth(1)?.parse::<u64>().ok()
            })
            .sum()
    }

    /// The first process and all below it.
    fn processes(&self) -> Vec<u32> {
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let parent = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.split_whitespace().nth(1));
            if let Some(parent) = parent.and_then(|p| p.parse().ok()) {
                pairs.push((pid, parent));
            }
        }
        let mut found = vec![self.root];
        let mut at = 0;
        while at < found.len() {
            let parent = found[at];
            found.extend(
                pairs
                    .iter()
                    .filter(|(_, p)| *p == parent)
                    .map(|(pid, _)| *pid),
            );
            at += 1;
        }
        found
    }
}

fn dovecot_conf(folder: &Path, port: u16, certificate: &Path, key: &Path) -> String {
    let (folder, certificate, key) = (folder.display(), certificate.display(), key.display());
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\n\
         protocols = imap\nlisten = 127.0.0.1\nssl = required\nssl_cert = <{certificate}\nssl_key = <{key}\n\
         mail_location = maildir:{folder}/mail/%u\nmail_fsync = always\nmail_uid = mail\nmail_gid = mail\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\nmaildir_copy_with_hardlinks = yes\n\
         mail_max_userip_connections = 20000\nauth_mechanisms = plain login\n\
         passdb {{\n driver = passwd-file\n args = {folder}/users\n}}\n\
         userdb {{\n driver = static\n args = uid=mail gid=mail home={folder}/mail/%u\n}}\n\
         service imap-login {{\n inet_listener imap {{\n  port = 0\n }}\n inet_listener imaps {{\n  port = {port}\n  ssl = yes\n }}\n\
          service_count = 0\n process_min_avail = 2\n client_limit = 12000\n}}\n\
         service imap {{\n process_limit = 12000\n}}\nservice anvil {{\n client_limit = 25000\n}}\nservice auth {{\n client_limit = 25000\n}}\n\
         default_client_limit = 25000\ndefault_vsz_limit = 4G\ndefault_process_limit = 12000\n"
    )
}
