//! Logs: one line an event on standard error; levels by `[log]` of the config or CONGVU_LOG.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging. `level` is a filter such as `info` or `info,imap=debug`; CONGVU_LOG wins.
/// Errors: the filter cannot be read.
pub fn start(level: &str) -> anyhow::Result<()> {
    #[allow(
        clippy::disallowed_methods,
        reason = "server is the place that reads the environment"
    )]
    let level = std::env::var("CONGVU_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = EnvFilter::try_new(&level)
        .map_err(|error| anyhow::anyhow!("log level {level:?} cannot be read: {error}"))?;
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(true)
        // It would print that it could not print, and panic where nobody reads that either.
        .log_internal_errors(false)
        .try_init();
    Ok(())
}
