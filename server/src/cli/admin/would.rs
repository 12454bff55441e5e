//! What a request would do, as `--dry-run` is answered.

use super::client::clean_line;
use super::print::{Column, Printer};
use serde_json::{Value, json};
use std::fmt;

const CHANGES: [Column; 3] = [
    ("act", "Việc", "Act"),
    ("object", "Đối tượng", "Object"),
    ("detail", "Sẽ thay đổi", "Would change"),
];

/// Nothing was done: what would be.
#[derive(Debug)]
pub(super) struct WouldDo(Value);

impl fmt::Display for WouldDo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dry run")
    }
}

impl std::error::Error for WouldDo {}

impl WouldDo {
    /// Takes an answer that says what would be done. Errors: another answer, as it was.
    pub(super) fn of(answer: Value) -> Result<Self, Value> {
        match answer["dry_run"] == true && answer["changes"].is_array() {
            true => Ok(Self(answer)),
            false => Err(answer),
        }
    }

    /// Shows it.
    pub(super) fn print(&self, printer: &mut Printer<'_>) -> anyhow::Result<()> {
        if printer.is_json() {
            return printer.row(&CHANGES, &self.0);
        }
        let changes = self.0["changes"].as_array().into_iter().flatten();
        let rows: Vec<Value> = changes
            .map(|change| {
                json!({"act": change["act"], "object": change["object"],
                    "detail": clean_line(&change["detail"].to_string())})
            })
            .collect();
        printer.rows(&CHANGES, &rows)?;
        if self.0["takes_two"] == true {
            printer.say(
                "Việc này cần hai người: làm thật thì chỉ gửi yêu cầu duyệt.",
                "This takes two persons: in earnest it would only ask for approval.",
            )?;
        }
        printer.say(
            "Chạy thử: chưa có gì thay đổi.",
            "A dry run: nothing was changed.",
        )
    }
}
