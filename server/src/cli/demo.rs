//! `congvu demo`: a whole sample province on 127.0.0.1.

use crate::telemetry;
use crate::{demo, keys, memory};
use std::path::PathBuf;

/// Arguments of `congvu demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Folder of the sample province; kept between runs.
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    dir: PathBuf,
    /// The ports are this number plus the standard port.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u16).range(1..=64_000))]
    base_port: u16,
    /// Start over: what the folder holds is removed first.
    #[arg(long)]
    fresh: bool,
}

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    memory::settle();
    telemetry::start("warn")?;
    let demo = demo::Demo {
        dir: args.dir.clone(),
        base_port: args.base_port,
    };
    crate::run::check_ports(&demo.listen())?;
    // Held until the end: nobody else may found, clear or serve this folder meanwhile.
    let _taken = demo.take()?;
    if args.fresh {
        demo.clear()?;
    }
    let config = demo.config()?;
    super::store::expect_own(&keys::store_dir(&config))?;
    if demo.found()? {
        println!("Tỉnh mẫu đã được dựng. / The sample province was founded.");
    }
    crate::run::until_signal(config, |running| {
        let facts = demo.facts(&running.services.directory)?;
        demo.write(&facts)?;
        println!("{}", demo::greeting(&facts));
        Ok(())
    })
}
