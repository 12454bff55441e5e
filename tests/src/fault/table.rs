//! The table that a run of faults prints.

use super::Verdict;
use std::collections::BTreeMap;
use std::time::Duration;

/// One kind of fault.
#[derive(Debug, Clone)]
pub struct Row {
    pub fault: String,
    pub faults: u64,
    pub acknowledged: u64,
    pub verdict: Verdict,
    /// How long the store took to open after each fault.
    pub opened: Vec<Duration>,
    /// How often a fault came while something was at a step of this kind, where that is counted.
    pub during: BTreeMap<String, u64>,
}

impl Row {
    pub fn new(fault: &str) -> Self {
        Self {
            fault: fault.to_owned(),
            faults: 0,
            acknowledged: 0,
            verdict: Verdict::default(),
            opened: Vec::new(),
            during: BTreeMap::new(),
        }
    }
}

/// As Markdown.
pub fn print(rows: &[Row]) {
    println!(
        "| fault | times | changes acknowledged | lost | invented | findings | opened again: median / longest |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in rows {
        let mut opened = row.opened.clone();
        opened.sort_unstable();
        let of =
            |at: Option<&Duration>| at.map_or("-".to_owned(), |d| format!("{} ms", d.as_millis()));
        println!(
            "| {} | {} | {} | {} | {} | {} | {} / {} |",
            row.fault,
            row.faults,
            row.acknowledged,
            row.verdict.lost.len(),
            row.verdict.invented.len(),
            row.verdict.findings.len(),
            of(opened.get(opened.len() / 2)),
            of(opened.last()),
        );
    }
    for row in rows.iter().filter(|row| !row.during.is_empty()) {
        let each = row
            .during
            .iter()
            .map(|(step, times)| format!("{step} {times}"));
        let each: Vec<String> = each.collect();
        println!("\n{}: it came during {}", row.fault, each.join(", "));
    }
}
