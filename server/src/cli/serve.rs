//! `congvu serve`: the server in earnest.

use super::ConfigArgs;
use crate::config::Config;
use crate::told::{Failed, Lead as _, shown};
use crate::{keys, memory, run, telemetry};

/// Arguments of `congvu serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = args.config.read()?;
    memory::settle();
    telemetry::start(&config.log.level)?;
    founded(&config)?;
    run::until_signal(config, |running| {
        tracing::info!(host = %running.services.config.server.host, "Congvu serves");
        Ok(())
    })
}

/// Only `init` founds a store: one made here by mistake (a wrong folder, a disk that is not mounted) would know
/// no address, and refuse the mail of all.
fn founded(config: &Config) -> anyhow::Result<()> {
    let dir = keys::store_dir(config);
    super::store::expect_own(&dir)?;
    let there = storage::holds_store(&dir);
    let there = there.lead(|| Failed::Opening { dir: shown(&dir) })?;
    anyhow::ensure!(there, run::not_founded(config));
    Ok(())
}
