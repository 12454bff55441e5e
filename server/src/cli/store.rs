//! `congvu store`: looks after the store of a stopped server. A running one is asked by `congvu admin store`.
//!
//! Exit status: 0 done and well, 1 findings or failed, with one sentence that says why.

use super::ConfigArgs;
use super::keys::KeysCommand;
use crate::config::{Config, Engine};
use anyhow::Context as _;
use std::path::PathBuf;
use storage::Store;

/// Commands about the store.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum StoreCommand {
    /// Verify every invariant / Kiểm tra mọi ràng buộc của kho thư
    Verify {
        /// Reads all content besides: minutes for each 10 GB.
        #[arg(long)]
        deep: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Make the index anew from snapshots and journal / Dựng lại chỉ mục từ ảnh chụp và nhật ký
    Rebuild(Which),
    /// Skip and report what is damaged, keep all else / Sửa kho thư bị hỏng, giữ mọi thứ còn lại
    Repair(Which),
    /// Cover the journal by a snapshot, so that starts and rebuilds are short / Chụp lại nhật ký
    Snapshot(Which),
    /// Drop what is past its window, collect dead content / Dọn kho thư
    Maintain(Which),
    /// Move the index to another engine; the mail is not touched / Chuyển chỉ mục sang bộ máy khác
    Migrate {
        /// Which.
        #[arg(long, value_enum)]
        engine: Engine,
        #[command(flatten)]
        which: Which,
    },
    /// Keys of an encrypted store / Khoá của kho thư mã hoá
    #[command(subcommand)]
    Keys(KeysCommand),
}

/// Which store.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The data folder; otherwise the config's.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Which {
    /// The config, once there is a store. Errors: none is there.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.config.read()?;
        if let Some(dir) = &self.dir {
            config.server.data.clone_from(dir);
        }
        anyhow::ensure!(
            config.server.data.join("store").exists(),
            "{} holds no store",
            config.server.data.display()
        );
        Ok(config)
    }

    fn open(&self) -> anyhow::Result<(Config, Store)> {
        let config = self.config()?;
        let store = crate::services::open_store(&config)?;
        Ok((config, store))
    }
}

/// Runs one of them.
pub(crate) fn run(command: &StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Verify { deep, which } => verify(which, *deep),
        StoreCommand::Rebuild(which) => rebuild(which),
        StoreCommand::Repair(which) => repair(which),
        StoreCommand::Snapshot(which) => {
            let (_, store) = which.open()?;
            let covered = store.snapshot();
            store.close()?;
            let removed = covered?.removed;
            println!(
                "Đã chụp nhật ký; bớt {removed} tệp. / The journal is covered; {removed} files fewer."
            );
            Ok(())
        }
        StoreCommand::Maintain(which) => maintain(which),
        StoreCommand::Migrate { engine, which } => migrate(which, *engine),
        StoreCommand::Keys(command) => super::keys::run(command),
    }
}

fn verify(which: &Which, deep: bool) -> anyhow::Result<()> {
    let (_, store) = which.open().map_err(|e| match format!("{e:#}") {
        text if text.contains("in use by") => {
            e.context("while the server runs: congvu admin store verify")
        }
        _ => e,
    })?;
    let wrong = if deep {
        store.check_deep()
    } else {
        store.check()
    };
    store.close()?;
    let wrong = wrong?;
    for line in &wrong {
        println!("{line}");
    }
    anyhow::ensure!(wrong.is_empty(), "{0} findings / {0} lỗi", wrong.len());
    println!("Every invariant holds. / Kho thư toàn vẹn.");
    Ok(())
}

fn rebuild(which: &Which) -> anyhow::Result<()> {
    let config = which.config()?;
    let done = Store::rebuild(&crate::services::store_options(&config)?)
        .context("the index was not made anew; the old one is kept aside if there was one")?;
    let (keys, commits) = (done.keys, done.commits);
    println!(
        "Đã dựng lại chỉ mục: {keys} khoá từ ảnh chụp, {commits} lần ghi từ nhật ký. / \
         The index is made anew: {keys} keys from snapshots, {commits} commits from the journal."
    );
    Ok(())
}

/// Exit status 1 only when something was lost or is still wrong.
fn repair(which: &Which) -> anyhow::Result<()> {
    let config = which.config()?;
    let done = Store::repair(&crate::services::store_options(&config)?)
        .context("the store was not repaired; run it again")?;
    for damage in &done.damage {
        println!("{}", damage.what);
    }
    for lost in &done.contents {
        let places = lost.mailboxes.iter().map(|(m, uid)| format!("{m}/{uid}"));
        let places: Vec<String> = places.collect();
        println!(
            "account {}, {}: {:?}: content lost / mất nội dung",
            lost.account,
            places.join(", "),
            lost.subject.as_deref().unwrap_or_default()
        );
    }
    for line in &done.remaining {
        println!("{line}");
    }
    if let Some(aside) = &done.aside {
        println!("What was there before / Tệp cũ: {}", aside.display());
    }
    let damages = done.damage.len() + done.more;
    println!(
        "Đã sửa: {damages} chỗ hỏng, {0} khoá lấy từ chỉ mục. / \
         Repaired: {damages} damages, {0} keys taken from the index.",
        done.from_index
    );
    anyhow::ensure!(
        done.contents.is_empty() && done.remaining.is_empty(),
        "not everything could be kept / không giữ được tất cả"
    );
    Ok(())
}

fn maintain(which: &Which) -> anyhow::Result<()> {
    let (config, store) = which.open()?;
    let done = store.maintain(&crate::upkeep::policy(&config));
    store.close()?;
    let trimmed = done?.trimmed;
    let (commits, messages) = (trimmed.commits, trimmed.messages);
    println!(
        "Đã dọn: {commits} lần ghi cũ, {messages} thư đã xoá quá hạn. / \
         Done: {commits} old commits and {messages} removed messages are gone."
    );
    Ok(())
}

fn migrate(which: &Which, engine: Engine) -> anyhow::Result<()> {
    let config = which.config()?;
    let options = crate::services::store_options(&config)?;
    let done = Store::migrate(&options, engine.into())
        .context("the store was not moved; the old index stands")?;
    let name = storage::EngineKind::from(engine).name();
    println!(
        "Đã chuyển {0} khoá sang {name}; hãy đặt storage.engine = \"{name}\" trong cấu hình. / \
         {0} keys are moved to {name}; set storage.engine = \"{name}\" in the config.",
        done.keys
    );
    Ok(())
}
