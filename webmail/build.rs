//! Builds the webmail's front end (`app/`, TypeScript) into `$OUT_DIR/web`,
//! with a brotli copy beside each text file, for rust-embed to embed.
//!
//! Needs Node 20.19 or later and npm. Packages are installed by the lock file
//! and only when it is newer than what is installed; nothing else is fetched,
//! and nothing is written into the source tree save `app/node_modules`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script is the place that runs npm, reads cargo's variables and prints its directives"
)]

use std::env;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// What decides the built files; cargo runs this script again when one changes.
const INPUTS: [&str; 9] = [
    "build.rs",
    "app/src",
    "app/public",
    "app/index.html",
    "app/vite.config.ts",
    "app/tsconfig.json",
    "app/package.json",
    "app/package-lock.json",
    "app/.npmrc",
];

/// Vite 8 asks for Node 20.19 or 22.12.
const NODE_MIN: (u32, u32) = (20, 19);

/// Text formats that gain from compression; the rest (woff2) is compressed already.
const TEXT: [&str; 5] = ["js", "css", "html", "svg", "webmanifest"];

const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW: u32 = 22;
const COPY_BUFFER: usize = 4096;

fn main() {
    for input in INPUTS {
        println!("cargo::rerun-if-changed={input}");
    }
    let app = variable("CARGO_MANIFEST_DIR").join("app");
    let web = variable("OUT_DIR").join("web");
    require_node();
    install(&app);
    vite_build(&app, &web);
    if let Err(error) = compress(&web) {
        stop(format_args!(
            "cannot compress the webmail's files in {}: {error}",
            web.display()
        ));
    }
}

fn variable(name: &str) -> PathBuf {
    match env::var_os(name) {
        Some(value) => PathBuf::from(value),
        None => stop(format_args!("cargo did not set {name}")),
    }
}

fn stop(reason: impl Display) -> ! {
    eprintln!("\nThe webmail cannot be built: {reason}\n");
    exit(1);
}

/// npm is a script of its own name on Windows.
fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

fn require_node() {
    const NEED: &str = "Node 20 and npm are required (Node 20.19 or later, see https://nodejs.org/; \
         Debian 12 packages an older one).";
    let Some(version) = answer(Command::new("node").arg("--version")) else {
        stop(format_args!("{NEED} `node` was not found."));
    };
    let mut numbers = version
        .trim_start_matches('v')
        .split('.')
        .map_while(|n| n.parse().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < NODE_MIN {
        stop(format_args!("{NEED} `node` here is {version}."));
    }
    if answer(npm().arg("--version")).is_none() {
        stop(format_args!("{NEED} `npm` was not found."));
    }
}

fn answer(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Installs what the lock file says, unless it is there. npm writes
/// `node_modules/.package-lock.json` last, so its age is the install's age; a copy
/// of the lock file beside it tells a lock file that was only touched (by a
/// checkout) from one that changed, and spares the tests' packages.
fn install(app: &Path) {
    let modified = |path: &str| {
        fs::metadata(app.join(path))
            .and_then(|meta| meta.modified())
            .ok()
    };
    let lock = fs::read(app.join("package-lock.json")).unwrap_or_default();
    let copy = app.join("node_modules/.congvu-lock");
    let installed = modified("node_modules/.package-lock.json");
    let same = installed.is_some() && fs::read(&copy).is_ok_and(|copied| copied == lock);
    if same {
        return;
    }
    if installed.is_none() || installed < modified("package-lock.json") {
        run(
            npm()
                .args(["ci", "--omit=dev", "--no-fund", "--no-audit"])
                .current_dir(app),
            "npm ci --omit=dev (is the package registry reachable?)",
        );
    }
    if let Err(error) = fs::write(&copy, &lock) {
        stop(format_args!("cannot write {}: {error}", copy.display()));
    }
}

fn vite_build(app: &Path, web: &Path) {
    run(
        Command::new("node")
            .arg("node_modules/vite/bin/vite.js")
            .args(["build", "--emptyOutDir", "--logLevel", "warn", "--outDir"])
            .arg(web)
            .current_dir(app),
        "vite build",
    );
}

fn run(command: &mut Command, what: &str) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => stop(format_args!(
            "{what} failed ({}).\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => stop(format_args!("{what} could not be started: {error}")),
    }
}

/// Writes `name.br` beside each text file, unless it would not be smaller.
fn compress(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            compress(&path)?;
            continue;
        }
        let extension = path
            .extension()
            .and_then(|text| text.to_str())
            .unwrap_or_default();
        if !TEXT.contains(&extension) || path.file_name().is_some_and(|name| name == "index.html") {
            continue;
        }
        let plain = fs::read(&path)?;
        let mut small = Vec::new();
        let mut writer =
            brotli::CompressorWriter::new(&mut small, COPY_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
        io::Write::write_all(&mut writer, &plain)?;
        drop(writer);
        if small.len() < plain.len() {
            fs::write(path.with_extension(format!("{extension}.br")), small)?;
        }
    }
    Ok(())
}
