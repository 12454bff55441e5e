//! Tables for people, JSON for machines.

use super::client::clean;
use super::words::vietnamese;
use serde_json::Value;
use std::io::{self, Write};

/// Characters of one cell on a terminal; longer text is cut with `…`. Programs get all of it.
const CELL_MAX: usize = 60;

/// Language of tables and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Language {
    /// Tiếng Việt.
    Vi,
    /// English.
    En,
}

impl Language {
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

/// One column: JSON name, Vietnamese and English heading.
pub(super) type Column = (&'static str, &'static str, &'static str);

/// Writes answers.
pub(super) struct Printer<'a> {
    out: &'a mut dyn Write,
    json: bool,
    language: Language,
    /// Somebody looks at a terminal.
    cuts: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool, language: Language) -> Self {
        Self {
            out,
            json,
            language,
            cuts: false,
        }
    }

    /// For a terminal: what is longer than a column is cut.
    pub(super) fn on_terminal(mut self, terminal: bool) -> Self {
        self.cuts = terminal;
        self
    }

    fn heading(&self, column: &Column) -> &'static str {
        match self.language {
            Language::Vi => column.1,
            Language::En => column.2,
        }
    }

    /// Whether machines read along.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A sentence for people; machines get nothing.
    pub(super) fn say(&mut self, vi: &str, en: &str) -> anyhow::Result<()> {
        if !self.json {
            writeln!(
                self.out,
                "{}",
                if self.language == Language::Vi {
                    vi
                } else {
                    en
                }
            )?;
        }
        Ok(())
    }

    /// A list.
    pub(super) fn rows(&mut self, columns: &[Column], rows: &[Value]) -> anyhow::Result<()> {
        if self.json {
            return self.machine(&Value::from(rows.to_vec()));
        }
        let mut lines: Vec<Vec<String>> =
            vec![columns.iter().map(|c| self.heading(c).to_owned()).collect()];
        lines.extend(rows.iter().map(|row| {
            columns
                .iter()
                .map(|c| self.cell(c.0, row.get(c.0)))
                .collect()
        }));
        let width = |n: usize| {
            lines
                .iter()
                .map(|line| width_of(&line[n]))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        for line in &lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                text.push_str(cell);
                text.push_str(&" ".repeat(width - width_of(cell) + 2));
            }
            writeln!(self.out, "{}", text.trim_end())?;
        }
        let count = rows.len();
        let rows = if count == 1 { "row" } else { "rows" };
        self.say(&format!("({count} dòng)"), &format!("({count} {rows})"))
    }

    /// One thing, a line for each field.
    pub(super) fn row(&mut self, columns: &[Column], row: &Value) -> anyhow::Result<()> {
        if self.json {
            return self.machine(row);
        }
        let width = columns
            .iter()
            .map(|c| width_of(self.heading(c)))
            .max()
            .unwrap_or(0);
        for column in columns {
            let Some(value) = row.get(column.0) else {
                continue;
            };
            let heading = self.heading(column);
            let gap = " ".repeat(width - width_of(heading) + 2);
            let told = self.told(column.0, value);
            writeln!(self.out, "{heading}{gap}{told}")?;
        }
        Ok(())
    }

    /// More of one thing, for people; machines have it already.
    pub(super) fn detail(&mut self, columns: &[Column], row: &Value) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        self.row(columns, row)
    }

    /// A value as people read it: names of the API in Vietnamese, where that is the language.
    fn told(&self, column: &str, value: &Value) -> String {
        let text = shown(value);
        let word = match self.language {
            Language::Vi => vietnamese(column, &text),
            Language::En => None,
        };
        word.map_or(text, str::to_owned)
    }

    fn cell(&self, column: &str, value: Option<&Value>) -> String {
        let text = self.told(column, value.unwrap_or(&Value::Null));
        if !self.cuts || text.chars().count() <= CELL_MAX {
            return text;
        }
        let mut cut: String = text.chars().take(CELL_MAX - 1).collect();
        cut.push('…');
        cut
    }

    fn machine(&mut self, value: &Value) -> anyhow::Result<()> {
        serde_json::to_writer_pretty(&mut *self.out, value).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => clean(text),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let parts = fields.values().filter(|v| !v.is_null()).map(shown);
            parts.collect::<Vec<_>>().join(" ")
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Columns that a text takes: its characters, where combining marks take none.
fn width_of(text: &str) -> usize {
    text.chars()
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn printed(json: bool, language: Language, rows: &[Value]) -> String {
        printed_on(true, json, language, rows)
    }

    fn printed_on(terminal: bool, json: bool, language: Language, rows: &[Value]) -> String {
        let mut out = Vec::new();
        let columns = [
            ("id", "Mã", "Code"),
            ("name", "Tên", "Name"),
            ("n", "Số", "Number"),
        ];
        Printer::new(&mut out, json, language)
            .on_terminal(terminal)
            .rows(&columns, rows)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn vietnamese_columns_stand_in_line() {
        let rows = [
            json!({"id": "H99", "name": "Uỷ ban nhân dân", "n": 3}),
            json!({"id": "H99.10", "name": "Sở Nô\u{323}i vụ", "n": null}),
        ];
        let text = printed(false, Language::Vi, &rows);
        let expected = "Mã      Tên              Số\n\
                        H99     Uỷ ban nhân dân  3\n\
                        H99.10  Sở Nô\u{323}i vụ        -\n(2 dòng)\n";
        assert_eq!(text, expected);
        assert!(printed(false, Language::En, &rows).starts_with("Code    Name"));
    }

    #[test]
    fn machines_get_json_and_terminals_no_escapes() {
        let name = format!("\u{202e}{}\u{2066}\u{9b}", "x".repeat(200));
        let rows = [json!({"id": "\u{1b}[2J", "name": name, "n": [1, 2]})];
        let parsed: Value = serde_json::from_str(&printed(true, Language::Vi, &rows)).unwrap();
        assert_eq!(parsed[0], rows[0]);
        let table = printed(false, Language::Vi, &rows);
        assert!(!table.contains(['\u{1b}', '\u{202e}']) && table.contains("1, 2"));
        assert!(table.contains('…'), "{table}");
        // A pipe gets the whole of it, and no more of what steers.
        let piped = printed_on(false, false, Language::Vi, &rows);
        assert!(piped.contains(&"x".repeat(200)), "{piped}");
        assert!(!piped.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}', '…']));
    }
}
