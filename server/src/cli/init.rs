//! `congvu init`: host name, first domain, first administrator; prints the DNS records to publish.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::services::Services;
use anyhow::Context as _;
use directory::{
    AccountKind, AgencyId, CredentialKind, DkimKey, Grant, NewAccount, NewAgency, Role, Secret,
};
use formats::address::{Address, DomainName};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the first token is called among the administrator's.
const TOKEN_LABEL: &str = "congvu init";

/// Arguments of `congvu init`; what is not given is asked on a terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Host name of this server, e.g. mail.tinh.gov.vn.
    #[arg(long)]
    host: Option<String>,
    /// First mail domain, e.g. tinh.gov.vn.
    #[arg(long)]
    domain: Option<String>,
    /// Address of the first administrator, e.g. quantri@tinh.gov.vn.
    #[arg(long)]
    admin: Option<String>,
    /// Code of the province or agency at the top of the tree.
    #[arg(long, default_value = "H99")]
    agency: String,
    /// Its name.
    #[arg(long)]
    agency_name: Option<String>,
    /// A file with the administrator's password; otherwise one is made and printed once.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Data folder.
    #[arg(long, value_name = "DIR", default_value = "congvu-data")]
    dir: PathBuf,
    /// Config file to write; an existing one is never overwritten.
    #[arg(long, value_name = "FILE", default_value = "congvu.toml")]
    config: PathBuf,
    /// File for the master key of the encrypted store; otherwise congvu-master.key beside the config.
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    key_file: Option<PathBuf>,
    /// Also makes an API token of the administrator, for `congvu admin`, and writes it to this new file, mode 0600.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Do not encrypt the store (where the disk below it is encrypted).
    #[arg(long)]
    plain: bool,
}

/// Asks on a terminal, or says which flag is missing.
fn ask(given: Option<&String>, flag: &str, question: &str) -> anyhow::Result<String> {
    if let Some(value) = given {
        return Ok(value.clone());
    }
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "thiếu {flag} / {flag} is missing"
    );
    print!("{question}: ");
    crate::out::Out.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let line = line.trim();
    anyhow::ensure!(!line.is_empty(), "thiếu {flag} / {flag} is missing");
    Ok(line.to_owned())
}

/// Sets up a new server.
pub(crate) fn run(args: &InitArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.config.exists(),
        "{} is there already; nothing was changed",
        args.config.display()
    );
    if let Some(file) = args.token_file.as_ref().filter(|file| file.exists()) {
        anyhow::bail!("{} is there already; nothing was changed", file.display());
    }
    let host = ask(args.host.as_ref(), "--host", "Tên máy chủ / host name")?;
    let domain_text = ask(
        args.domain.as_ref(),
        "--domain",
        "Tên miền thư / mail domain",
    )?;
    let domain =
        DomainName::parse(&domain_text).with_context(|| format!("domain {domain_text:?}"))?;
    let admin_text = ask(
        args.admin.as_ref(),
        "--admin",
        "Địa chỉ quản trị / administrator's address",
    )?;
    let admin = Address::parse(&admin_text).with_context(|| format!("address {admin_text:?}"))?;
    anyhow::ensure!(
        admin.domain == domain,
        "{admin} is not an address of {domain}"
    );
    let mut config = Config::default();
    config.server.host = host;
    config.server.default_domain = domain.as_str().to_owned();
    config.server.data.clone_from(&args.dir);
    let key_file = (!args.plain).then(|| key_file(args));
    if let Some(file) = &key_file {
        config.storage.encryption.enabled = true;
        config.storage.encryption.key_file.clone_from(file);
    }
    let written = crate::paths::for_file(config.clone(), &args.config);
    let text = crate::config::differences(&written.context("the current folder")?);
    crate::config::parse(&text, "--host")?;
    let (secret, made) = password(args)?;
    // First the config: a store founded without anybody seeing its password would be lost.
    std::fs::write(&args.config, text).with_context(|| args.config.display().to_string())?;
    let done = founded(&config, key_file.as_deref(), &domain, &admin, args, &secret);
    if done.is_err() {
        std::fs::remove_file(&args.config).with_context(|| args.config.display().to_string())?;
    }
    let keys: Vec<String> = done?.iter().map(DkimKey::zone_line).collect();
    println!("{} — {}", args.config.display(), args.dir.display());
    if let Some(file) = &key_file {
        println!("{}", crate::keys::note(file));
    }
    if made {
        println!(
            "Mật khẩu của {admin} (chỉ hiện một lần) / password, shown once: {}",
            secret.expose()
        );
    }
    if let Some(file) = &args.token_file {
        let file = file.display();
        println!(
            "Mã truy cập API của {admin} / API token: {file}; congvu admin --token-file {file} accounts list"
        );
    }
    println!("\n{}", crate::dns::records(&config, &domain, &keys));
    Ok(())
}

/// Where the master key is to lie: apart from the data folder, which is what gets backed up.
fn key_file(args: &InitArgs) -> PathBuf {
    let beside = || args.config.with_file_name("congvu-master.key");
    args.key_file.clone().unwrap_or_else(beside)
}

/// Makes the key, then founds, and returns the keys that sign the domain's mail; a key whose store was not founded is removed again. What an earlier
/// `init` left when it was cut off is used again.
fn founded(
    config: &Config,
    key_file: Option<&Path>,
    domain: &DomainName,
    admin: &Address,
    args: &InitArgs,
    secret: &Secret,
) -> anyhow::Result<Vec<DkimKey>> {
    let dir = crate::keys::store_dir(config);
    if storage::is_sealed(&dir) {
        anyhow::ensure!(crate::keys::source(config).is_ok(), sealed_already(config));
    } else if let Some(file) = key_file {
        if dir.exists() {
            // Whoever has a plain store must not find it encrypted by a refused init.
            let mut plain = config.clone();
            plain.storage.encryption = crate::config::Encryption::default();
            let services = Services::open(plain, Arc::new(SystemClock))?;
            let empty = is_empty(&services)?;
            services.store.close()?;
            anyhow::ensure!(empty, already(config));
        }
        crate::keys::write(file, &storage::MasterKey::draw()?)?;
    }
    let done = found(config, domain, admin, args, secret);
    if let (Err(_), Some(file)) = (&done, key_file)
        && !storage::is_sealed(&dir)
    {
        std::fs::remove_file(file).with_context(|| file.display().to_string())?;
    }
    done
}

fn already(config: &Config) -> String {
    format!(
        "the store in {} was founded already; nothing was changed",
        config.server.data.display()
    )
}

/// What can be known of a sealed store without its master key, which a new config does not name.
fn sealed_already(config: &Config) -> String {
    let data = config.server.data.display();
    format!(
        "thư mục {data} đã có kho thư được mã hoá; không thay đổi gì: hãy dùng cấu hình và khoá chủ của kho đó. Nếu \
         `congvu serve` nói kho đã mất danh bạ, hãy khôi phục bản sao lưu vào thư mục mới bằng `congvu restore --to` / \
         {data} holds an encrypted store already; nothing was changed: use the config and the master key of that store. If \
         `congvu serve` says that it lost its directory, restore a backup into a new folder with `congvu restore --to`"
    )
}

fn is_empty(services: &Services) -> anyhow::Result<bool> {
    Ok(services.directory.agencies(None, None, None, 1)?.is_empty())
}

fn password(args: &InitArgs) -> anyhow::Result<(Secret, bool)> {
    if let Some(path) = &args.password_file {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        return Ok((Secret::new(text.trim_end_matches(['\r', '\n'])), false));
    }
    // Without letters and digits that people mix up; 16 of 55 give 92 bits.
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let text: String = bytes
        .iter()
        .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
        .collect();
    Ok((Secret::new(format!("{text}-7a")), true))
}

fn found(
    config: &Config,
    domain: &DomainName,
    admin: &Address,
    args: &InitArgs,
    secret: &Secret,
) -> anyhow::Result<Vec<DkimKey>> {
    let services = Services::open(config.clone(), Arc::new(SystemClock))?;
    let directory = &services.directory;
    anyhow::ensure!(is_empty(&services)?, already(config));
    if services.store.loss()?.is_some() {
        services.store.close()?;
        anyhow::bail!(crate::run::no_directory(config));
    }
    let agency = AgencyId(args.agency.clone());
    let name = args
        .agency_name
        .clone()
        .unwrap_or_else(|| domain.as_str().to_owned());
    directory.create_agency(
        None,
        NewAgency {
            id: agency.clone(),
            parent: None,
            name,
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        },
    )?;
    directory.create_domain(None, domain.clone(), agency.clone())?;
    let keys = directory.make_first_dkim_keys(None, domain)?;
    let account = directory.create_account(
        None,
        NewAccount {
            address: admin.clone(),
            kind: AccountKind::Person,
            agency: agency.clone(),
            name: "Quản trị hệ thống".into(),
            position: None,
            quota: None,
            messages_max: None,
        },
    )?;
    directory.set_password(None, account.id, secret)?;
    let id = account.id;
    let mut granted = directory.account(id)?;
    granted.grants = vec![Grant::of(Role::Administrator, agency)];
    directory.change_account(None, granted, None)?;
    let written = args
        .token_file
        .as_deref()
        .map(|file| -> anyhow::Result<()> {
            let made =
                directory.create_credential(None, id, CredentialKind::Token, TOKEN_LABEL, None);
            let (_, token) = made?;
            crate::keys::write_private(file, token.expose())
        });
    services.store.close()?;
    if let Some(Err(error)) = written {
        // The store is founded all the same, and another token can be made.
        eprintln!("congvu: no token was written: {error:#}");
    }
    Ok(keys)
}
