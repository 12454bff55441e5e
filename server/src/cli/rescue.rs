//! `congvu rescue`: what nobody is left to do over the API, by who runs the server, while it is stopped.
//!
//! Each act is told in the audit log as done by the system, with the reason that is given.

use super::held;
use super::store::Which;
use crate::clock::SystemClock;
use crate::services;
use crate::told::Advice;
use anyhow::Context as _;
use directory::{AgencyId, Clock as _, CredentialKind, Directory, Error};
use formats::address::Address;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Seconds for which a token is good that is made so.
const TOKEN_S: i64 = 24 * 60 * 60;

/// Commands of last resort.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RescueCommand {
    /// End what an agency leaves to two persons, where no second one is left / Bỏ quy tắc hai người của một cơ quan
    TwoPersons {
        /// The agency that says it, e.g. H26.1.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// For the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        which: Which,
    },
    /// Make an administrator of the whole tree where none is left / Lập lại quản trị khi không còn ai
    Administrator {
        /// Whose: an address that is there, which is opened again, or a new one in a domain of the server.
        #[arg(long, value_name = "ADDRESS")]
        address: String,
        /// Of a new account.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The agency at the top of the tree; not needed where there is one tree.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        /// A new file for an API token that is good for a day, mode 0600.
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// For the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        which: Which,
    },
    /// Make an API token for an account, good for a day, that no administrator knows / Cấp mã truy cập một ngày
    Token {
        /// Whose: its main address.
        #[arg(long, value_name = "ADDRESS")]
        address: String,
        /// A new file for the token, mode 0600.
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// For the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        which: Which,
    },
}

/// Runs one of them. Errors: a running server holds the store; no such agency or account; a file that is there.
pub(crate) fn run(command: &RescueCommand) -> anyhow::Result<()> {
    match command {
        RescueCommand::TwoPersons {
            agency,
            reason,
            which,
        } => with(which, |directory| lift(directory, agency, reason)),
        RescueCommand::Token {
            address,
            token_file,
            reason,
            which,
        } => {
            free(token_file)?;
            with(which, |directory| {
                token(directory, address, token_file, reason)
            })
        }
        RescueCommand::Administrator {
            address,
            name,
            agency,
            token_file,
            reason,
            which,
        } => {
            free(token_file)?;
            with(which, |directory| {
                let (name, agency) = (name.as_deref(), agency.as_deref());
                let address = administrator(directory, address, name, agency, reason)?;
                token(directory, &address, token_file, reason)
            })
        }
    }
}

/// Errors: the file is there.
fn free(token_file: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !token_file.exists(),
        "{0} đã có; không thay đổi gì / {0} is there already; nothing was changed",
        token_file.display()
    );
    Ok(())
}

fn with(which: &Which, act: impl FnOnce(&Directory) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = which.config()?;
    let opened = services::open_store(&config);
    let store = opened.map_err(|e| held::told(e, &config, Advice::Stop))?;
    let settings = services::directory_settings(&config)?;
    let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
    let done = act(&directory);
    drop(directory);
    store.close()?;
    done
}

fn lift(directory: &Directory, agency: &str, reason: &str) -> anyhow::Result<()> {
    let id = AgencyId(agency.to_owned());
    match directory.lift_two_persons(&id, reason) {
        Err(Error::NotFound(_)) => anyhow::bail!(
            "cơ quan {agency} không đặt two_persons; `congvu admin accounts policy` cho biết cơ quan nào đặt / agency {agency} \
             says nothing of two_persons; `congvu admin accounts policy` tells which one does"
        ),
        done => done?,
    }
    println!(
        "Đã bỏ two_persons của {agency}, có ghi nhật ký. / two_persons of {agency} has ended, as the audit log tells."
    );
    Ok(())
}

/// Somebody who administers the tree; his address.
fn administrator(
    directory: &Directory,
    address: &str,
    name: Option<&str>,
    agency: Option<&str>,
    reason: &str,
) -> anyhow::Result<String> {
    let parsed = Address::parse(address).with_context(|| format!("address {address:?}"))?;
    let top = agency.map(|code| AgencyId(code.to_owned()));
    let made = directory.rescue_administrator(&parsed, name, top.as_ref(), reason);
    let account = match made {
        Err(Error::InUse(by)) => anyhow::bail!(
            "đang có người quản trị ({by}); hãy dùng `congvu rescue token --address …` / there is an administrator ({by}); use \
             `congvu rescue token --address …`"
        ),
        made => made?,
    };
    println!(
        "{0} quản trị toàn bộ cây cơ quan, có ghi nhật ký. / {0} administers the whole tree, as the audit log tells.",
        account.address
    );
    Ok(account.address.to_string())
}

fn token(directory: &Directory, address: &str, file: &Path, reason: &str) -> anyhow::Result<()> {
    let address = Address::parse(address).with_context(|| format!("address {address:?}"))?;
    let Ok(account) = directory.account_at(&address) else {
        anyhow::bail!("không có tài khoản {address} / there is no account {address}");
    };
    let until = SystemClock.now_ms().div_euclid(1000) + TOKEN_S;
    let kind = CredentialKind::Token;
    let (_, token) = directory.create_credential(None, account.id, kind, reason, Some(until))?;
    crate::keys::write_private(file, token.expose())?;
    println!(
        "Mã truy cập của {address}, dùng được một ngày / token of {address}, good for a day: {}",
        file.display()
    );
    Ok(())
}
