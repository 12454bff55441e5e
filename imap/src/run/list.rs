//! RFC 9051 §6.3.9 LIST with RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590; RFC 3501 §6.3.9 LSUB.

use super::find::{OTHERS, SHARED};
use super::wanted::Names;
use super::{Runner, Stop, acl};
use crate::ask::Completion;
use crate::code::Seeking;
use crate::tree::{self, Pattern, Row, SEPARATOR, Tree};
use crate::wire::list::{List, StatusItem};
use crate::wire::response::{self, put};
use directory::Rights;
use std::collections::BTreeSet;
use storage::Role;

/// What a LIST line says beyond name and children.
#[derive(Default)]
struct Extra {
    subscribed: bool,
    /// RFC 5465 §3.1 `\NoAccess`.
    no_access: bool,
    /// RFC 5258 §3.5 CHILDINFO: by which options something below was selected.
    below: Option<&'static str>,
    /// RFC 9051 §6.3.9.7 OLDNAME: the name as the client wrote it.
    old: Option<String>,
}

impl Runner {
    pub(super) fn list(&mut self, list: &List, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        // RFC 3501 §6.3.8: an empty pattern asks for the separator.
        if !list.extended && list.patterns.iter().all(Vec::is_empty) {
            out.extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
            return Ok(Completion::ok("LIST completed"));
        }
        // RFC 9051 §6.3.9: in the extended syntax an empty name is no pattern.
        let named = |p: &&Vec<u8>| !(list.extended && p.is_empty());
        let patterns = self.patterns(&list.reference, list.patterns.iter().filter(named));
        if list.status.contains(&StatusItem::HighestModSeq) {
            self.condstore_on(out);
        }
        let tree = self.forest(&patterns, list.recursive)?;
        let selects = |row: &Row| {
            (!list.subscribed || row.mailbox.subscribed)
                && (!list.special_use || special_use(row).is_some())
        };
        let plain = !list.subscribed && !list.special_use;
        let below = criteria(list);
        let attributes = match list.extended || self.rev2 {
            true => "\\NonExistent \\HasChildren",
            false => "\\Noselect \\HasChildren",
        };
        let names = match list.subscribed && !list.special_use {
            true => self.wanted(&tree)?,
            false => Names::default(),
        };
        let returned = |path: &str| patterns.iter().any(|p| p.fits(path));
        // RFC 9051 §6.3.9.3: what is below is told of only where it is not told itself.
        let hidden = |path: &str| {
            let unseen = |row: &Row| selects(row) && !returned(&row.path);
            let below = || tree.below(path, unseen) || names.below(path, |name| !returned(name));
            list.recursive && below()
        };
        let selected_below = |path: &str| {
            list.recursive && (tree.below(path, selects) || names.below(path, |_| true))
        };
        for level in levels(&tree, &names, &patterns, list.recursive) {
            if plain || hidden(&level) {
                let attributes = match tree.has_level(&level) {
                    true => attributes,
                    false => "\\NonExistent",
                };
                self.level(out, "LIST", attributes, &level, below.filter(|_| !plain));
            }
        }
        for name in names.fitting(&patterns) {
            // RFC 9051 §6.3.9.6: subscribed to, and not there.
            let below = below.filter(|_| selected_below(name));
            self.level(out, "LIST", "\\NonExistent \\Subscribed", name, below);
        }
        for row in tree.rows() {
            if !returned(&row.path) || !(selects(row) || hidden(&row.path)) {
                continue;
            }
            let tell = (list.subscribed || list.return_subscribed) && row.mailbox.subscribed;
            let below = below.filter(|_| selected_below(&row.path));
            line_with(
                out,
                "LIST",
                row,
                self.utf8,
                &Extra {
                    subscribed: tell,
                    below,
                    ..Extra::default()
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

    /// RFC 9051 §6.3.9: a pattern that is not accepted is passed over.
    fn patterns<'p>(
        &self,
        reference: &[u8],
        raw: impl Iterator<Item = &'p Vec<u8>>,
    ) -> Vec<Pattern> {
        let read = |p: &Vec<u8>| Pattern::of(reference, p, self.utf8);
        raw.filter_map(read).collect()
    }

    pub(super) fn lsub(
        &mut self,
        reference: &[u8],
        pattern: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let patterns = self.patterns(reference, [pattern.to_vec()].iter());
        let tree = self.forest(&patterns, true)?;
        let names = self.wanted(&tree)?;
        let subscribed_below =
            |path: &str| tree.below(path, |r| r.mailbox.subscribed) || names.below(path, |_| true);
        for level in levels(&tree, &names, &patterns, false) {
            if subscribed_below(&level) {
                self.level(out, "LSUB", "\\Noselect", &level, None);
            }
        }
        for name in names.fitting(&patterns) {
            // RFC 3501 §6.3.9: in the list, whether there is such a mailbox or not.
            self.level(out, "LSUB", "", name, None);
        }
        for row in tree
            .rows()
            .iter()
            .filter(|r| patterns.iter().any(|p| p.fits(&r.path)))
        {
            if row.mailbox.subscribed {
                line(out, "LSUB", row, self.utf8);
            } else if pattern.ends_with(b"%") && subscribed_below(&row.path) {
                // RFC 3501 §6.3.9: a name whose child is subscribed is shown for `%`.
                self.level(out, "LSUB", "\\Noselect", &row.path, None);
            }
        }
        Ok(Completion::ok("LSUB completed"))
    }

    /// Outlook up to 2021 learns of the mailboxes for sent mail, drafts and so on from nothing else.
    pub(super) fn xlist(
        &mut self,
        reference: &[u8],
        pattern: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let done = Completion::ok("XLIST completed");
        if pattern.is_empty() {
            out.extend_from_slice(b"* XLIST (\\Noselect) \"/\" \"\"\r\n");
            return Ok(done);
        }
        let patterns = self.patterns(reference, [pattern].iter());
        let tree = self.forest(&patterns, false)?;
        for level in levels(&tree, &Names::default(), &patterns, false) {
            self.level(out, "XLIST", "\\Noselect \\HasChildren", &level, None);
        }
        let fits = |row: &&Row| patterns.iter().any(|p| p.fits(&row.path));
        for row in tree.rows().iter().filter(fits) {
            line(out, "XLIST", row, self.utf8);
        }
        Ok(done)
    }

    /// A name that is no mailbox, or not as such what was asked for.
    fn level(
        &self,
        out: &mut Vec<u8>,
        word: &str,
        attributes: &str,
        path: &str,
        below: Option<&str>,
    ) {
        put(out, format_args!("* {word} ({attributes}) \"/\" "));
        response::mailbox(out, path, self.utf8);
        child_info(out, below);
        out.extend_from_slice(b"\r\n");
    }

    /// RFC 9051 §6.3.9.7: a name that was put into its one form is told together with the one written, to those
    /// who have enabled IMAP4rev2. `None`: it was written so.
    pub(super) fn old_name(&self, raw: &[u8]) -> Option<String> {
        let written = tree::written(raw, self.utf8)?;
        let name = tree::name(raw, self.utf8)?;
        (self.rev2 && written != name).then_some(written)
    }

    /// The same, of a mailbox that is there.
    pub(super) fn tell_old_name(&self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), Stop> {
        if let Some(old) = self.old_name(raw) {
            let row = self.find(raw, Seeking::Named)?;
            tell_old(out, &row, old);
        }
        Ok(())
    }
}

/// RFC 9051 §6.3.9.6: the options by which names are selected, as CHILDINFO tells them.
fn criteria(list: &List) -> Option<&'static str> {
    match (list.subscribed, list.special_use) {
        (true, true) => Some("\"SUBSCRIBED\" \"SPECIAL-USE\""),
        (true, false) => Some("\"SUBSCRIBED\""),
        (false, true) => Some("\"SPECIAL-USE\""),
        (false, false) => None,
    }
}

/// RFC 9051 §6.3.9: levels that are no mailboxes are told for `%` at the end of a pattern; §6.3.9.6: for any that
/// they fit, where it is asked for what is below.
fn levels(tree: &Tree, names: &Names, patterns: &[Pattern], recursive: bool) -> BTreeSet<String> {
    let asks = |p: &Pattern| recursive || p.asks_levels();
    let asked = |level: &String| patterns.iter().any(|p| asks(p) && p.fits(level));
    let levels = tree.levels().map(str::to_owned).chain(names.levels(tree));
    levels
        .filter(|level| !names.contains(level) && asked(level))
        .collect()
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

/// The same in the words of XLIST.
fn use_in_xlist(row: &Row) -> Option<&'static str> {
    match row.mailbox.role.filter(|_| row.owner.is_none()) {
        Some(Role::Inbox) => Some("\\Inbox"),
        Some(Role::Junk) => Some("\\Spam"),
        _ => special_use(row),
    }
}

/// As `line`, and whether it is subscribed to, and whether what was asked of it may not be heard (RFC 5465 §3.1).
pub(super) fn line_subscribed(out: &mut Vec<u8>, row: &Row, no_access: bool, rev2: bool) {
    let extra = Extra {
        subscribed: row.mailbox.subscribed,
        no_access,
        ..Extra::default()
    };
    line_with(out, "LIST", row, rev2, &extra);
}

/// As `line`, with the name that the client wrote.
pub(super) fn tell_old(out: &mut Vec<u8>, row: &Row, old: String) {
    let extra = Extra {
        subscribed: row.mailbox.subscribed,
        old: Some(old),
        ..Extra::default()
    };
    line_with(out, "LIST", row, true, &extra);
}

/// RFC 9051 §6.3.9.7: the same of a mailbox that is no more.
pub(super) fn tell_gone(out: &mut Vec<u8>, path: &str, old: &str) {
    out.extend_from_slice(b"* LIST (\\NonExistent) \"/\" ");
    response::mailbox(out, path, true);
    old_name(out, old);
    out.extend_from_slice(b"\r\n");
}

/// oldname-extended-item = "OLDNAME" SP "(" mailbox ")"
fn old_name(out: &mut Vec<u8>, old: &str) {
    out.extend_from_slice(b" (\"OLDNAME\" (");
    response::mailbox(out, old, true);
    out.extend_from_slice(b"))");
}

/// childinfo-extended-item = "CHILDINFO" SP "(" list-select-base-opt-quoted
/// *(SP list-select-base-opt-quoted) ")"
fn child_info(out: &mut Vec<u8>, below: Option<&str>) {
    if let Some(options) = below {
        put(out, format_args!(" (\"CHILDINFO\" ({options}))"));
    }
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
    // RFC 9051 §7.3.1: what cannot be selected says so.
    if !row.rights.has(Rights::READ) {
        out.extend_from_slice(b" \\Noselect");
    }
    if extra.no_access {
        out.extend_from_slice(b" \\NoAccess");
    }
    let attribute = match word {
        "XLIST" => use_in_xlist(row),
        _ => special_use(row),
    };
    if let Some(attribute) = attribute {
        put(out, format_args!(" {attribute}"));
    }
    if extra.subscribed {
        out.extend_from_slice(b" \\Subscribed");
    }
    out.extend_from_slice(b") \"/\" ");
    response::mailbox(out, &row.path, rev2);
    child_info(out, extra.below);
    if let Some(old) = &extra.old {
        old_name(out, old);
    }
    out.extend_from_slice(b"\r\n");
}
