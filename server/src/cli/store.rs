//! `congvu store`: looks after the store of a stopped server. A running one is asked by `congvu admin store`,
//! and by `congvu store verify` too.
//!
//! Exit status: 0 done and well, 1 findings or failed, with one sentence that says why.

use super::admin::Connection;
use super::found::Found;
use super::keys::KeysCommand;
use super::progress::Shown;
use super::{ConfigArgs, held};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::told::{Advice, Failed, Lead as _, Led, shown};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::{EngineKind, Options, Store};

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
        /// Whom to ask when a server runs; what is not given is taken from the config.
        #[command(flatten)]
        connection: Box<Connection>,
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
        engine: MovesTo,
        #[command(flatten)]
        which: Which,
    },
    /// Keys of an encrypted store / Khoá của kho thư mã hoá
    #[command(subcommand)]
    Keys(KeysCommand),
}

/// The engines on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MovesTo {
    Sled,
    Fjall,
}

impl From<MovesTo> for EngineKind {
    fn from(engine: MovesTo) -> Self {
        match engine {
            MovesTo::Sled => Self::Sled,
            MovesTo::Fjall => Self::Fjall,
        }
    }
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
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        self.config_or(None)
    }

    /// The same with the data folder of a demo, where none is named.
    fn config_or(&self, demo: Option<&Path>) -> anyhow::Result<Config> {
        let mut config = self.config.read()?;
        if let Some(dir) = self.dir.as_deref().or(demo) {
            let dir = dir.to_owned();
            config.server.data = dir;
        }
        let data = &config.server.data;
        anyhow::ensure!(
            data.join("store").exists(),
            Failed::NoStore { dir: shown(data) }
        );
        expect_own(&crate::keys::store_dir(&config))?;
        Ok(config)
    }

    /// Opens it; `advice` is for whoever finds that a server holds it.
    fn open(&self, shown: &Shown, advice: Advice) -> anyhow::Result<(Config, Store)> {
        let config = self.config()?;
        let opened = crate::services::open_store_telling(&config, shown.watch());
        let store = opened.map_err(|e| held::told(e, &config, advice))?;
        Ok((config, store))
    }

    /// For what opens it by itself.
    fn options(&self, shown: &Shown) -> anyhow::Result<(Config, Options)> {
        let config = self.config()?;
        let options = Options {
            disk: crate::services::disk(shown.watch()),
            ..crate::services::store_options(&config)?
        };
        Ok((config, options))
    }
}

/// Opening a store writes in it, and what root writes the server's user cannot read. Errors: the store is another
/// user's.
pub(super) fn expect_own(store: &Path) -> anyhow::Result<()> {
    // Where there is no such file, whoever opens the store says so. The owner of our own entry is whom this process
    // runs as.
    let (format, own) = (store.join("format"), Path::new("/proc/self"));
    if let (Ok(format), Ok(own)) = (std::fs::metadata(format), std::fs::metadata(own)) {
        let (owner, ours) = (format.uid(), own.uid());
        anyhow::ensure!(
            owner == ours,
            "kho thư trong {0} là của người dùng {owner}, còn lệnh này chạy bằng người dùng {ours}: hãy chạy bằng người dùng \
             của máy chủ (sudo -u '#{owner}' …) / the store in {0} belongs to user {owner}, and this command runs as user \
             {ours}: run it as the server's user (sudo -u '#{owner}' …)",
            store.display()
        );
    }
    Ok(())
}

/// Runs one of them.
pub(crate) fn run(command: &StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Verify {
            deep,
            which,
            connection,
        } => verify(which, *deep, connection),
        StoreCommand::Rebuild(which) => rebuild(which),
        StoreCommand::Repair(which) => repair(which),
        StoreCommand::Snapshot(which) => {
            let (_, store) = which.open(&Shown::new(), Advice::ByItself)?;
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

fn verify(which: &Which, deep: bool, connection: &Connection) -> anyhow::Result<()> {
    let (config, shown) = (which.config_or(connection.demo())?, Shown::new());
    let found = match crate::services::open_store_telling(&config, shown.watch()) {
        Ok(store) => {
            let found = store.check_telling(deep, &mut |p| shown.tell(p));
            let found = found.map(|found| Found::new(&config, &store, &found));
            store.close()?;
            found?
        }
        Err(error) => match held::by(&error) {
            Some(process) => {
                let asked = super::admin::verify(&connection.or(&config), deep, &shown);
                asked.lead(|| held::not_asked(&config, process))?
            }
            None => return Err(error),
        },
    };
    shown.end();
    found.tell()
}

fn rebuild(which: &Which) -> anyhow::Result<()> {
    let shown = Shown::new();
    let (config, options) = which.options(&shown)?;
    let done = Store::rebuild(&options).map_err(|e| failed(e, &config, Failed::IndexNotMade))?;
    shown.end();
    opens(&options)?;
    let (keys, commits) = (done.keys, done.commits);
    println!(
        "Đã dựng lại chỉ mục: {keys} khoá từ ảnh chụp, {commits} lần ghi từ nhật ký. / \
         The index is made anew: {keys} keys from snapshots, {commits} commits from the journal."
    );
    Ok(())
}

/// The index is one thing that a store needs, and its files of content are others.
fn opens(options: &Options) -> anyhow::Result<()> {
    let opened = Store::open(options).and_then(|store| store.close());
    opened.lead(|| Failed::IndexMadeInVain)
}

/// Why it was not done: a server holds the store, or `what` with the reason.
fn failed(error: storage::Error, config: &Config, what: Failed) -> anyhow::Error {
    let error = anyhow::Error::new(error);
    match held::by(&error) {
        Some(_) => held::told(error, config, Advice::Stop),
        None => Led::new(what, error).into(),
    }
}

/// Exit status 1 only when something was lost or is still wrong.
fn repair(which: &Which) -> anyhow::Result<()> {
    let shown = Shown::new();
    let (config, options) = which.options(&shown)?;
    let done = Store::repair(&options).map_err(|e| {
        // One that was not begun is not helped by another try.
        let what = match Store::is_repair_cut_off(&options.dir) {
            true => Failed::RepairCutOff,
            false => Failed::NotRepaired,
        };
        failed(e, &config, what)
    })?;
    shown.end();
    for damage in &done.damage {
        println!("{}", damage.what);
    }
    let told = super::gone::tell(&config, &done);
    for line in &done.remaining {
        println!("{line}");
    }
    if done.mended > 0 {
        println!(
            "Đã chỉnh lại bộ đếm của {0} tài khoản. / The counters of {0} accounts were mended.",
            done.mended
        );
    }
    if let Some(aside) = &done.aside {
        println!("Tệp cũ / what was there before: {}", aside.display());
    }
    if let Some(report) = &done.report {
        println!("Bản ghi / report: {}", report.display());
    }
    let damages = done.damage.len() + done.more;
    println!(
        "Đã sửa: {damages} chỗ hỏng, {0} khoá lấy từ chỉ mục. / \
         Repaired: {damages} damages, {0} keys taken from the index.",
        done.from_index
    );
    let readable = done.contents.is_empty() && done.waiting.is_empty();
    let all_kept = readable && done.remaining.is_empty() && !told.changes;
    told.end(&done, &options)?;
    anyhow::ensure!(
        all_kept,
        "không giữ được tất cả / not everything could be kept"
    );
    Ok(())
}

fn maintain(which: &Which) -> anyhow::Result<()> {
    let (config, store) = which.open(&Shown::new(), Advice::ByItself)?;
    let done = upkeep_of(&config, &store);
    store.close()?;
    let (done, waits) = done?;
    let trimmed = done.trimmed;
    let (commits, messages) = (trimmed.commits, trimmed.messages);
    println!(
        "Đã dọn: {commits} lần ghi cũ, {messages} thư đã xoá quá hạn. / \
         Done: {commits} old commits and {messages} removed messages are gone."
    );
    if done.behind_s > 0 {
        let days = done.behind_s.div_ceil(24 * 60 * 60);
        println!(
            "Đồng hồ của máy đi trước giờ của kho đến {days} ngày, nên chưa thư nào quá hạn; mỗi lượt kho theo tối đa hai \
             ngày. / This machine's clock is up to {days} days ahead of the store's time, so nothing aged; the store \
             follows by at most two days for each pass."
        );
    }
    for what in &waits {
        println!("Còn lại cho lượt sau / left for the next pass: {what:#}");
    }
    anyhow::ensure!(
        waits.is_empty(),
        "chưa dọn được tất cả / not all of it could be done"
    );
    Ok(())
}

/// As the server's own pass.
fn upkeep_of(
    config: &Config,
    store: &Store,
) -> anyhow::Result<(storage::Upkeep, Vec<anyhow::Error>)> {
    let directory = crate::services::open_directory(config, store, Arc::new(SystemClock))?;
    let settings = crate::services::delivery_settings(config);
    let delivery = delivery::Delivery::new(store.clone(), directory.clone(), settings, None);
    Ok(crate::upkeep::pass(
        store,
        &directory,
        &delivery,
        config,
        &|| false,
    )?)
}

fn migrate(which: &Which, engine: MovesTo) -> anyhow::Result<()> {
    let (shown, engine) = (Shown::new(), EngineKind::from(engine));
    let (config, options) = which.options(&shown)?;
    let done = Store::migrate(&options, engine);
    let done = done.map_err(|e| failed(e, &config, Failed::NotMoved))?;
    shown.end();
    let (name, keys) = (engine.name(), done.keys);
    let named = config.storage.engine.named();
    match named.is_none_or(|named| named == engine) {
        true => println!(
            "Đã chuyển {keys} khoá sang {name}; không phải sửa cấu hình. / {keys} keys are moved to {name}; the config need \
             not be changed."
        ),
        false => println!(
            "Đã chuyển {keys} khoá sang {name}; hãy đặt storage.engine = \"{name}\" trong cấu hình, hoặc bỏ dòng đó. / \
             {keys} keys are moved to {name}; set storage.engine = \"{name}\" in the config, or leave that line out."
        ),
    }
    Ok(())
}
