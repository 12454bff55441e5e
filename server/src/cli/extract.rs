//! `congvu extract`: the text of one attached file of a stranger. Started by the server (`server/attached`), one process
//! for each file: what a file does to it, it does to nothing else.
//!
//! Before it looks at the file it gives up what it does not need: it can open no file and no socket, write none,
//! start nothing, and has little memory and time. Then it reads the file from standard input, and writes the text.

use crate::attached::CPU_TIME;
use formats::document::{self, Kind, OCTETS_MAX};
use rlimit::Resource;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

/// Octets of address space, those of the program itself among them.
const MEMORY_OCTETS: u64 = 768 * 1024 * 1024;
/// Standard input, output and error are open; no other file can be.
const FILES: u64 = 3;

/// Arguments of `congvu extract`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExtractArgs {
    /// What the file is.
    #[arg(value_parser = kind)]
    kind: Kind,
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::named(word).ok_or_else(|| "no such kind".to_owned())
}

/// Status 0: the text was written; 1: there is none, with the reason on standard error.
pub(crate) fn run(args: &ExtractArgs) -> ExitCode {
    match give_up().and_then(|()| read(args.kind)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("congvu extract: {error}");
            ExitCode::from(1)
        }
    }
}

/// For good: what is given up cannot be had again.
fn give_up() -> io::Result<()> {
    for (resource, most) in [
        (Resource::AS, MEMORY_OCTETS),
        (Resource::CPU, CPU_TIME.as_secs()),
        (Resource::CORE, 0),
        (Resource::FSIZE, 0),
        (Resource::NPROC, 0),
        (Resource::NOFILE, FILES),
    ] {
        rlimit::setrlimit(resource, most, most)?;
    }
    Ok(())
}

fn read(kind: Kind) -> io::Result<()> {
    let mut octets = Vec::new();
    let most = OCTETS_MAX as u64 + 1;
    io::stdin().lock().take(most).read_to_end(&mut octets)?;
    let text = document::text(kind, &octets).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
