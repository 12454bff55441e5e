//! `congvu store`: looks after a data folder.

use super::ConfigArgs;
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
}

/// Runs one of them.
pub(crate) fn run(command: &StoreCommand) -> anyhow::Result<()> {
    let StoreCommand::Verify { dir, config } = command;
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
