//! World: the server in this process, on free ports, in a temporary folder.

use crate::http_client::HttpClient;
use crate::imap_client::ImapClient;
use crate::smtp_client::SmtpClient;
use directory::{
    AccountId, AccountKind, AgencyId, CredentialKind, Grant, NewAccount, NewAgency, Role, Secret,
};
use formats::address::{Address, DomainName};
use server::config::Config;
use server::run::Running;
use server::services::Services;
use std::net::SocketAddr;
use std::sync::Arc;

/// The world's domain.
pub const DOMAIN: &str = "thu.gov.vn";
/// Everybody's password.
pub const PASSWORD: &str = "Mat-khau-2026";

/// A running server with the accounts `an`, `binh` and `quantri` (administrator).
pub struct World {
    pub services: Services,
    running: Option<Running>,
    runtime: Option<tokio::runtime::Runtime>,
    dir: tempfile::TempDir,
}

/// The config of a world in this folder: free ports, cheap argon2.
pub fn config(dir: &std::path::Path) -> Config {
    let free = || vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let mut config = Config::default();
    config.server.host = "mail.thu.gov.vn".into();
    config.server.data = dir.to_owned();
    config.server.default_domain = DOMAIN.into();
    config.sign_in.argon2_memory_kib = 8192;
    config.sign_in.argon2_passes = 1;
    config.sign_in.scram_iterations = directory::ITERATIONS_MIN;
    config.listen.smtp = free();
    config.listen.submission = free();
    config.listen.submissions = free();
    config.listen.imap = free();
    config.listen.imaps = free();
    config.listen.pop3 = free();
    config.listen.pop3s = free();
    config.listen.https = free();
    // Tests ask no DNS and no strangers.
    config.relay.direct = false;
    // An RSA key for each world would take longer than most tests.
    config.relay.sign = false;
    config
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// With a changed config.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::at(Arc::new(server::clock::SystemClock), change)
    }

    /// With a clock of one's own too.
    pub fn at(clock: Arc<dyn directory::Clock>, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        change(&mut config);
        let mut services = Services::open(config, clock).unwrap();
        services.extractor = Some(crate::process::binary());
        found(&services);
        let runtime = server::run::runtime().unwrap();
        let running = runtime.block_on(async { server::run::start(services.clone()).unwrap() });
        Self {
            services,
            running: Some(running),
            runtime: Some(runtime),
            dir,
        }
    }

    pub fn address(&self, service: &str) -> SocketAddr {
        self.running.as_ref().unwrap().address(service).unwrap()
    }

    /// The CA's certificate.
    pub fn ca(&self) -> std::path::PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Makes a person's account.
    pub fn person(&self, local: &str) -> AccountId {
        person(&self.services, local)
    }

    /// A greeted connection to the MX port.
    pub fn smtp(&self) -> SmtpClient {
        SmtpClient::connect(self.address("smtp"))
    }

    /// A signed-in submission connection.
    pub fn submission(&self, local: &str) -> SmtpClient {
        let mut client = SmtpClient::connect_tls(self.address("submissions"), &self.ca());
        client.ehlo();
        client.auth_plain(&format!("{local}@{DOMAIN}"), PASSWORD);
        client
    }

    /// A signed-in IMAP connection over TLS.
    pub fn imap(&self, local: &str) -> ImapClient {
        let mut client = ImapClient::connect_tls(self.address("imaps"), &self.ca());
        client.ok(&format!("LOGIN {local}@{DOMAIN} {PASSWORD}"));
        client
    }

    /// The texts of the letters in somebody's mailbox.
    pub fn letters(&self, local: &str, mailbox: &str) -> Vec<String> {
        let mut reader = self.imap(local);
        reader.ok(&format!("SELECT {mailbox}"));
        let status = reader.ok(&format!("STATUS {mailbox} (MESSAGES)"));
        let line = status.line("* STATUS").to_owned();
        let number = line.split("MESSAGES ").nth(1).unwrap();
        let count: usize = number.trim_end_matches([')', '\r', '\n']).parse().unwrap();
        let each = (1..=count).map(|n| {
            let got = reader.ok(&format!("FETCH {n} BODY.PEEK[]"));
            String::from_utf8_lossy(got.literals(0)[0]).into_owned()
        });
        each.collect()
    }

    /// JMAP and API as this person, by Basic.
    pub fn http(&self, local: &str) -> HttpClient {
        HttpClient::new(self.address("https"), &self.ca())
            .basic(&format!("{local}@{DOMAIN}"), PASSWORD)
    }

    /// The administrator `quantri` by a bearer token.
    pub fn api(&self) -> HttpClient {
        let directory = &self.services.directory;
        let address = Address::parse(&format!("quantri@{DOMAIN}")).unwrap();
        let account = directory.account_at(&address).unwrap().id;
        let made = directory.create_credential(None, account, CredentialKind::Token, "thử", None);
        let api = self.stranger().bearer(made.unwrap().1.expose());
        // What is another's is read with a reason.
        api.with("Audit-Reason", "th%E1%BB%AD")
    }

    /// A web client that has not signed in.
    pub fn stranger(&self) -> HttpClient {
        HttpClient::new(self.address("https"), &self.ca())
    }

    /// Stops the server and verifies its store.
    pub fn finish(mut self) {
        let wrong = self.services.store.check().unwrap();
        assert!(wrong.is_empty(), "store: {wrong:#?}");
        self.stop();
    }

    fn stop(&mut self) {
        if let (Some(running), Some(runtime)) = (self.running.take(), self.runtime.take()) {
            let _ = runtime.block_on(running.stop());
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

fn person(services: &Services, local: &str) -> AccountId {
    let new = NewAccount {
        address: Address::parse(&format!("{local}@{DOMAIN}")).unwrap(),
        kind: AccountKind::Person,
        agency: AgencyId("T1".into()),
        name: format!("Người dùng {local}"),
        position: None,
        quota: None,
        messages_max: None,
    };
    let account = services.directory.create_account(None, new).unwrap();
    services
        .directory
        .set_password(None, account.id, &Secret::new(PASSWORD))
        .unwrap();
    account.id
}

/// Agency, domain and the first accounts.
pub fn found(services: &Services) {
    let agency = AgencyId("T1".into());
    let root = NewAgency {
        id: agency.clone(),
        parent: None,
        name: "Tỉnh thử".into(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    services.directory.create_agency(None, root).unwrap();
    services
        .directory
        .create_domain(None, DomainName::parse(DOMAIN).unwrap(), agency.clone())
        .unwrap();
    for local in ["an", "binh", "quantri"] {
        let id = person(services, local);
        if local == "quantri" {
            let mut account = services.directory.account(id).unwrap();
            account.grants = vec![Grant::of(Role::Administrator, agency.clone())];
            services
                .directory
                .change_account(None, account, None)
                .unwrap();
        }
    }
}
