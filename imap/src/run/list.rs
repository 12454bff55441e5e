//! RFC 9051 §6.3.9 LIST with RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590; RFC 3501 §6.3.9 LSUB.

use super::find::{OTHERS, SHARED};
use super::{Runner, Stop, acl};
use crate::ask::Completion;
use crate::tree::{Pattern, Row, SEPARATOR, Tree};
use crate::wire::list::{List, StatusItem};
use crate::wire::response::{self, put};
use directory::Rights;

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
        let tree = self.forest(&patterns, list.recursive)?;
        let selects = |row: &Row| {
            (!list.subscribed || row.mailbox.subscribed)
                && (!list.special_use || special_use(row).is_some())
        };
        let plain = !list.subscribed && !list.special_use;
        let attributes = match list.extended || self.rev2 {
            true => "\\NonExistent \\HasChildren",
            false => "\\Noselect \\HasChildren",
        };
        for level in levels(&tree, &patterns) {
            if plain || (list.recursive && tree.below(level, selects)) {
                self.level(out, "LIST", attributes, level);
            }
        }
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
            if selects(row) {
                self.besides(list, row, out)?;
            }
        }
        Ok(Completion::ok("LIST completed"))
    }

    /// What is returned with a LIST line: RFC 5819 STATUS, RFC 8440 MYRIGHTS, RFC 9590 METADATA.
    fn besides(&self, list: &List, row: &Row, out: &mut Vec<u8>) -> Result<(), Stop> {
        if list.return_rights {
            acl::my_rights(out, &row.path, row.rights, self.utf8);
        }
        if !list.metadata.is_empty() {
            self.listed_metadata(row, &list.metadata, out)?;
        }
        if !list.status.is_empty() && row.rights.has(Rights::READ) {
            let store = match row.owner {
                None => self.own()?,
                Some(owner) => self.access()?.reach(owner).map_err(|_| Stop::Denied)?,
            };
            self.status_line(out, &store, row, &list.status)?;
        }
        Ok(())
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
        let tree = self.forest(&patterns, true)?;
        for level in levels(&tree, &patterns) {
            if tree.below(level, |r| r.mailbox.subscribed) {
                self.level(out, "LSUB", "\\Noselect", level);
            }
        }
        for row in tree
            .rows()
            .iter()
            .filter(|r| patterns.iter().any(|p| p.fits(&r.path)))
        {
            if row.mailbox.subscribed {
                line(out, "LSUB", row, self.utf8);
            } else if pattern.ends_with(b"%") && tree.below(&row.path, |r| r.mailbox.subscribed) {
                // RFC 3501 §6.3.9: a name whose child is subscribed is shown for `%`.
                self.level(out, "LSUB", "\\Noselect", &row.path);
            }
        }
        Ok(Completion::ok("LSUB completed"))
    }

    /// A name that is no mailbox, or not as such what was asked for.
    fn level(&self, out: &mut Vec<u8>, word: &str, attributes: &str, path: &str) {
        put(out, format_args!("* {word} ({attributes}) \"/\" "));
        response::mailbox(out, path, self.utf8);
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 9051 §6.3.9: levels that are no mailboxes are told for `%` at the end of a pattern.
fn levels<'t>(tree: &'t Tree, patterns: &'t [Pattern]) -> impl Iterator<Item = &'t str> {
    let asked = |level: &&str| patterns.iter().any(|p| p.asks_levels() && p.fits(level));
    tree.levels().filter(asked)
}

/// RFC 2342 §5, RFC 9051 §6.3.10: one's own mailboxes, those of other persons, those of seats and units.
pub(super) fn namespace(out: &mut Vec<u8>) -> Completion {
    put(
        out,
        format_args!(
            "* NAMESPACE ((\"\" \"{SEPARATOR}\")) ((\"{OTHERS}{SEPARATOR}\" \"{SEPARATOR}\")) \
             ((\"{SHARED}{SEPARATOR}\" \"{SEPARATOR}\"))\r\n"
        ),
    );
    Completion::ok("NAMESPACE completed")
}

/// RFC 6154 §2: a use is for one's own mailboxes only, or a client would keep its drafts with somebody else.
fn special_use(row: &Row) -> Option<&'static str> {
    let role = row.mailbox.role.filter(|_| row.owner.is_none());
    role.and_then(response::special_use)
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
    if let Some(attribute) = special_use(row) {
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
