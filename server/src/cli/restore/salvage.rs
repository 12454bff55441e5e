//! `congvu restore --salvage`: what a backup with lost pieces means for the messages.

use super::Shown;
use crate::cli::gone;
use crate::config::Config;
use crate::services;
use storage::{Options, Store};

/// Repairs what was restored without these pieces, and names every account that lost changes and every message that
/// lost its content. Always an error at the end: status 1.
pub(super) fn mend(config: &Config, lost: &[String]) -> anyhow::Result<()> {
    for line in lost {
        println!("{line}");
    }
    let shown = Shown::new();
    let options = Options {
        disk: services::disk(shown.watch()),
        ..services::store_options(config)?
    };
    let done = Store::repair(&options)?;
    super::ended(config);
    shown.end();
    for damage in &done.damage {
        println!("{}", damage.what);
    }
    let mut told = gone::tell(config, &done);
    told.also(lost);
    for line in &done.remaining {
        println!("{line}");
    }
    if let Some(report) = &done.report {
        println!("Bản ghi / report: {}", report.display());
    }
    let (nobody, changes) = (told.nobody, told.changes);
    told.end(&done, &options)?;
    let (pieces, contents) = (lost.len(), done.contents.len());
    anyhow::ensure!(
        !nobody,
        "bản sao lưu này thiếu {pieces} mảnh, trong đó có danh bạ: không khôi phục được tài khoản nào; thư mục {0} không dùng \
         được, hãy xoá nó và thử bản sao lưu khác (`congvu backup list`, `--manifest`) / this backup lacks {pieces} pieces, the \
         directory among them: no account could be restored; the folder {0} is of no use, remove it and try another backup \
         (`congvu backup list`, `--manifest`)",
        config.server.data.display()
    );
    let (vietnamese, english) = match changes {
        true => (
            "thay đổi của các tài khoản nêu ở trên đã mất",
            "changes of the accounts named above are lost",
        ),
        false => ("không thay đổi nào khác bị mất", "no other change is lost"),
    };
    anyhow::bail!(
        "đã khôi phục những gì đọc được; thiếu {pieces} mảnh, {contents} thư mất nội dung (nêu ở trên), {vietnamese} / restored \
         all that can be read; {pieces} pieces of the backup are missing, {contents} messages lost their content (named \
         above), {english}"
    )
}
