//! RFC 9051 §6.3.9 LIST with RFC 5258, RFC 5819, RFC 6154; RFC 3501 §6.3.9 LSUB.

use super::{Runner, Stop, status};
use crate::ask::Completion;
use crate::tree::{Pattern, Row, Tree};
use crate::wire::list::{List, StatusItem};
use crate::wire::response::{self, put};

/// What a LIST line says beyond name and children.
#[derive(Default)]
struct Extra {
    subscribed: bool,
    /// RFC 5258 §3.5 CHILDINFO: by which option something below was selected.
    below: Option<&'static str>,
}

impl Runner {
    pub(super) fn list(&mut self, list: &List, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        // RFC 3501 §6.3.8: an empty pattern asks for the separator.
        if !list.extended && list.patterns.iter().all(Vec::is_empty) {
            out.extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
            return Ok(Completion::ok("LIST completed"));
        }
        let patterns = self.patterns(&list.reference, &list.patterns)?;
        if list.status.contains(&StatusItem::HighestModSeq) {
            self.condstore_on(out);
        }
        let tree = self.tree()?;
        let selects = |row: &Row| {
            (!list.subscribed || row.mailbox.subscribed)
                && (!list.special_use || row.mailbox.role.and_then(response::special_use).is_some())
        };
        for row in tree.rows() {
            if !patterns.iter().any(|p| p.fits(&row.path)) {
                continue;
            }
            let below = list.recursive && tree.below(&row.path, selects);
            if !selects(row) && !below {
                continue;
            }
            let tell = (list.subscribed || list.return_subscribed) && row.mailbox.subscribed;
            let option = if list.subscribed {
                "SUBSCRIBED"
            } else {
                "SPECIAL-USE"
            };
            let below = below.then_some(option);
            line_with(
                out,
                "LIST",
                row,
                self.utf8,
                &Extra {
                    subscribed: tell,
                    below,
                },
            );
            if !list.status.is_empty() && selects(row) {
                status::line(out, row, &list.status, self.utf8, self.settings.size_max);
            }
        }
        Ok(Completion::ok("LIST completed"))
    }

    fn patterns(&self, reference: &[u8], raw: &[Vec<u8>]) -> Result<Vec<Pattern>, Stop> {
        let read = |p: &Vec<u8>| Pattern::of(reference, p, self.utf8);
        let patterns: Option<Vec<Pattern>> = raw.iter().map(read).collect();
        patterns.ok_or_else(|| Completion::no("CANNOT", "This is not a mailbox pattern").into())
    }

    pub(super) fn lsub(
        &mut self,
        reference: &[u8],
        pattern: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let patterns = self.patterns(reference, &[pattern.to_vec()])?;
        let tree: Tree = self.tree()?;
        for row in tree
            .rows()
            .iter()
            .filter(|r| patterns.iter().any(|p| p.fits(&r.path)))
        {
            if row.mailbox.subscribed {
                line(out, "LSUB", row, self.utf8);
            } else if pattern.ends_with(b"%") && tree.below(&row.path, |r| r.mailbox.subscribed) {
                // RFC 3501 §6.3.9: a name whose child is subscribed is shown for `%`.
                out.extend_from_slice(b"* LSUB (\\Noselect) \"/\" ");
                response::mailbox(out, &row.path, self.utf8);
                out.extend_from_slice(b"\r\n");
            }
        }
        Ok(Completion::ok("LSUB completed"))
    }
}

/// As `line`, and whether it is subscribed to.
pub(super) fn line_subscribed(out: &mut Vec<u8>, row: &Row, rev2: bool) {
    let extra = Extra {
        subscribed: row.mailbox.subscribed,
        below: None,
    };
    line_with(out, "LIST", row, rev2, &extra);
}

/// `* LIST (\HasNoChildren \Drafts) "/" "Drafts"`
pub(super) fn line(out: &mut Vec<u8>, word: &str, row: &Row, rev2: bool) {
    line_with(out, word, row, rev2, &Extra::default());
}

fn line_with(out: &mut Vec<u8>, word: &str, row: &Row, rev2: bool, extra: &Extra) {
    let children = if row.children {
        "\\HasChildren"
    } else {
        "\\HasNoChildren"
    };
    put(out, format_args!("* {word} ({children}"));
    if let Some(attribute) = row.mailbox.role.and_then(response::special_use) {
        put(out, format_args!(" {attribute}"));
    }
    if extra.subscribed {
        out.extend_from_slice(b" \\Subscribed");
    }
    out.extend_from_slice(b") \"/\" ");
    response::mailbox(out, &row.path, rev2);
    if let Some(option) = extra.below {
        put(out, format_args!(" (\"CHILDINFO\" (\"{option}\"))"));
    }
    out.extend_from_slice(b"\r\n");
}
