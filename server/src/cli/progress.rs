//! How far long work is: a bar on a terminal, nothing elsewhere. On standard error, so that what a
//! command answers stays alone on standard output.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use storage::{Progress, Stage, Watch};

/// Between two drawings of the bar.
const DRAW: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: u64 = 24;
/// Nothing is said of the rest of the time before so much has passed.
const SETTLE: Duration = Duration::from_secs(1);

/// Draws what it is told.
pub(super) struct Bar {
    terminal: bool,
    stage: Option<Stage>,
    began: Instant,
    drawn: Option<Instant>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            stage: None,
            began: Instant::now(),
            drawn: None,
        }
    }

    /// Draws it now and then; the work goes on always.
    pub(super) fn tell(&mut self, progress: Progress) -> bool {
        if !self.terminal {
            return true;
        }
        if self.stage != Some(progress.stage) {
            self.end();
            self.stage = Some(progress.stage);
            self.began = Instant::now();
        }
        let waited = self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW);
        if waited || progress.done >= progress.total {
            self.drawn = Some(Instant::now());
            let line = line(progress, self.began.elapsed());
            let mut out = std::io::stderr().lock();
            // Erase to the end of the line: the one before may have been longer.
            let _ = write!(out, "\r{} {line}\x1b[K", bar(progress)).and_then(|()| out.flush());
        }
        true
    }

    fn end(&mut self) {
        if self.drawn.take().is_some() {
            eprintln!();
        }
    }
}

/// A bar that many threads may draw, and that a store tells while it is opened, made anew or moved.
#[derive(Clone)]
pub(super) struct Shown(Arc<Mutex<Option<Bar>>>);

impl Shown {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Bar::new()))))
    }

    pub(super) fn tell(&self, progress: Progress) -> bool {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bar.as_mut().is_none_or(|bar| bar.tell(progress))
    }

    pub(super) fn watch(&self) -> Watch {
        let shown = self.clone();
        Watch::new(move |progress| {
            shown.tell(progress);
        })
    }

    /// Ends the line; nothing is drawn any more.
    pub(super) fn end(&self) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(bar.take());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Copying => "Sao lưu / copying",
        Stage::Writing => "Ghi lại / writing",
        Stage::Checking => "Kiểm tra / checking",
        Stage::Reading => "Đọc / reading",
        Stage::Placing => "Đặt thư / placing",
        Stage::Indexing => "Dựng chỉ mục / indexing",
        Stage::Comparing => "So chỉ mục / comparing",
        Stage::Looking => "Xem tài khoản / accounts",
        Stage::Content => "Đọc nội dung / content",
        Stage::Gathering => "Gom phần lành / gathering",
    }
}

fn bar(progress: Progress) -> String {
    filled(progress.done, progress.total)
}

fn filled(done: u64, total: u64) -> String {
    let total = total.max(1);
    let full = (u128::from(done.min(total)) * u128::from(WIDTH) / u128::from(total)) as usize;
    format!(
        "[{}{}]",
        "█".repeat(full),
        "·".repeat(WIDTH as usize - full)
    )
}

fn line(progress: Progress, passed: Duration) -> String {
    let Progress { stage, done, total } = progress;
    let shown = |n: u64| match stage {
        Stage::Placing => format!("{n} thư"),
        Stage::Comparing => format!("{n} khoá"),
        Stage::Looking => format!("{n} tài khoản"),
        _ => octets(n),
    };
    told(name(stage), &shown, (done, total), passed)
}

fn told(
    name: &str,
    shown: &dyn Fn(u64) -> String,
    (done, total): (u64, u64),
    passed: Duration,
) -> String {
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    let mut line = format!("{name} {percent:3}%  {} / {}", shown(done), shown(total));
    let seconds = passed.as_secs_f64();
    if passed >= SETTLE && done > 0 {
        let rate = done as f64 / seconds;
        let rest = total.saturating_sub(done) as f64 / rate;
        line += &format!("  {}/s  {}", shown(rate as u64), clock(rest as u64));
    }
    line
}

fn clock(seconds: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The bar and the line of work on rows, as a whole.
pub(super) fn rows(name: &str, done: u64, total: u64, passed: Duration) -> String {
    let shown = |n: u64| format!("{n} dòng");
    let bar = filled(done, total);
    format!("{bar} {}", told(name, &shown, (done, total), passed))
}

/// `1,2 GB` as people read it.
pub(super) fn octets(n: u64) -> String {
    storage::Size(n).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let at = |stage, done, total, seconds| {
            line(
                Progress { stage, done, total },
                Duration::from_secs(seconds),
            )
        };
        let copying = at(Stage::Copying, 250_000_000, 1_000_000_000, 10);
        assert_eq!(
            copying,
            "Sao lưu / copying  25%  250,0 MB / 1,0 GB  25,0 MB/s  00:00:30"
        );
        assert_eq!(
            at(Stage::Placing, 0, 7, 10),
            "Đặt thư / placing   0%  0 thư / 7 thư"
        );
        assert_eq!(
            at(Stage::Checking, 0, 0, 0),
            "Kiểm tra / checking   0%  0 B / 0 B"
        );
        assert_eq!(
            at(Stage::Comparing, 500, 1_000, 10),
            "So chỉ mục / comparing  50%  500 khoá / 1000 khoá  50 khoá/s  00:00:10"
        );
        let whole = Progress {
            stage: Stage::Copying,
            done: 5,
            total: 5,
        };
        assert_eq!(bar(whole), format!("[{}]", "█".repeat(24)));
        let none = Progress {
            stage: Stage::Copying,
            done: 0,
            total: 0,
        };
        assert_eq!(bar(none), format!("[{}]", "·".repeat(24)));
    }
}
