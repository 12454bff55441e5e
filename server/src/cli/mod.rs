//! The command line: what CONTRACT.md names, one file a command.
#![allow(clippy::print_stdout, reason = "commands print")]

pub mod admin;
mod backup;
mod demo;
mod dns;
mod extract;
mod found;
mod gone;
mod held;
mod init;
mod keys;
mod progress;
mod rescue;
pub(crate) mod restore;
mod said;
mod serve;
mod store;

use crate::config::{self, Config, Wrong};
use crate::out;
use clap::{CommandFactory as _, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Mail and collaboration server for government offices.
#[derive(Debug, Parser)]
#[command(
    name = "congvu",
    version,
    about = "Congvu: máy chủ thư điện tử công vụ / official mail server"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a sample province on 127.0.0.1 / Chạy thử một tỉnh mẫu trên máy này
    Demo(demo::DemoArgs),
    /// Start the server / Chạy máy chủ
    Serve(serve::ServeArgs),
    /// Set up host, first domain and first administrator / Cài đặt lần đầu
    Init(init::InitArgs),
    /// Print the DNS records to publish / In các bản ghi DNS cần công bố
    Dns(dns::DnsArgs),
    /// Check or show the config / Kiểm tra, xem cấu hình
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after the store / Kho thư
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Back up the store, beside a running server / Sao lưu
    Backup(Box<backup::BackupArgs>),
    /// Restore a store or one account from a backup / Khôi phục
    Restore(Box<restore::RestoreArgs>),
    /// What nobody is left to do over the API, while the server is stopped / Gỡ bế tắc quản trị
    #[command(subcommand)]
    Rescue(rescue::RescueCommand),
    /// Administrative acts over the API / Quản trị
    Admin(Box<admin::AdminArgs>),
    /// Text of one attached file, from standard input to standard output; the server starts it by itself
    #[command(hide = true)]
    Extract(extract::ExtractArgs),
    /// Completions for a shell / Gợi ý lệnh cho shell
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Validate; mistakes are named with line and column.
    Check(ConfigArgs),
    /// Print what differs from the defaults.
    Show(ConfigArgs),
}

/// Which config file.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigArgs {
    /// The config file; congvu.toml in this folder, if it is there, when not given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Reads the named file, or `congvu.toml` here, or the defaults.
    pub fn read(&self) -> Result<Config, Wrong> {
        self.file()
            .map_or_else(|| Ok(Config::default()), |file| config::read(&file))
    }

    /// The same with its paths as they are written.
    fn written(&self) -> Result<Config, Wrong> {
        self.file()
            .map_or_else(|| Ok(Config::default()), |file| config::written(&file))
    }

    fn file(&self) -> Option<PathBuf> {
        let usual = PathBuf::from("congvu.toml");
        self.config
            .clone()
            .or_else(|| usual.exists().then_some(usual))
    }
}

/// Status 0: done; 1: failed, with a message that says what to do; 2: wrong usage or config.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let wrong = error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if wrong { 2 } else { 0 });
        }
    };
    let done = match arguments.command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Dns(args) => dns::run(&args),
        Command::Config(command) => about_config(&command),
        Command::Store(command) => store::run(&command),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Rescue(command) => rescue::run(&command),
        Command::Extract(args) => return extract::run(&args),
        Command::Admin(args) => return finish(admin::run(*args)),
        Command::Completions { shell } => {
            let mut words = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "congvu", &mut words);
            print!("{}", String::from_utf8_lossy(&words));
            Ok(())
        }
    };
    finish(done.map(|()| 0))
}

fn finish(done: anyhow::Result<i32>) -> ExitCode {
    match done {
        Ok(0) if !out::is_whole() => ExitCode::from(1),
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => {
            let wrong = error.is::<Wrong>();
            eprintln!("congvu: {}", said::said(&error));
            ExitCode::from(if wrong { 2 } else { 1 })
        }
    }
}

fn about_config(command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check(args) => {
            config::check_files(&args.read()?)?;
            println!("Cấu hình hợp lệ. / The config is good.");
        }
        ConfigCommand::Show(args) => print!("{}", config::differences(&args.written()?)),
    }
    Ok(())
}
