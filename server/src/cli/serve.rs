//! `congvu serve`: the server in earnest.

use super::ConfigArgs;
use crate::{run, telemetry};

/// Arguments of `congvu serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = args.config.read()?;
    telemetry::start(&config.log.level)?;
    run::until_signal(config, |running| {
        tracing::info!(host = %running.services.config.server.host, "Congvu serves");
        Ok(())
    })
}
