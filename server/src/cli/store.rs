//! `congvu store`: looks after a data folder.

use super::ConfigArgs;
use super::keys::KeysCommand;
use std::path::PathBuf;

/// Commands about the store.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum StoreCommand {
    /// Verify every invariant of a stopped server's store.
    Verify {
        /// The data folder; otherwise the config's.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Keys of an encrypted store / Khoá của kho thư mã hoá
    #[command(subcommand)]
    Keys(KeysCommand),
}

/// Runs one of them.
pub(crate) fn run(command: &StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Verify { dir, config } => verify(dir.as_ref(), config),
        StoreCommand::Keys(command) => super::keys::run(command),
    }
}

fn verify(dir: Option<&PathBuf>, config: &ConfigArgs) -> anyhow::Result<()> {
    let mut config = config.read()?;
    if let Some(dir) = dir {
        config.server.data.clone_from(dir);
    }
    anyhow::ensure!(
        config.server.data.join("store").exists(),
        "{} holds no store",
        config.server.data.display()
    );
    let store = crate::services::open_store(&config)?;
    let wrong = store.check()?;
    store.close()?;
    for line in &wrong {
        println!("{line}");
    }
    anyhow::ensure!(wrong.is_empty(), "{} findings", wrong.len());
    println!("Every invariant holds. / Kho thư toàn vẹn.");
    Ok(())
}
