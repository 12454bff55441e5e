//! RFC 9051 §6.4.6 STORE with its modifier (RFC 7162 §3.1.3).

use super::flag::{FLAGS_MAX, Flag, flag, flag_list};
use super::lexer::{Lexer, Parsed, Syntax};
use super::sequence::SequenceSet;

/// STORE's sign: FLAGS, +FLAGS, -FLAGS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sign {
    Set,
    Add,
    Remove,
}

/// A STORE or UID STORE.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Store {
    pub uid: bool,
    pub set: SequenceSet,
    pub sign: Sign,
    pub silent: bool,
    pub flags: Vec<Flag>,
    /// RFC 7162 §3.1.3: only messages that did not change after this mod-sequence.
    pub unchanged_since: Option<u64>,
}

/// store = "STORE" SP sequence-set [store-modifiers] SP store-att-flags; after the set and a space.
/// store-modifiers = SP "(" store-modifier *(SP store-modifier) ")" (RFC 4466 §2.5);
/// store-modifier =/ "UNCHANGEDSINCE" SP mod-sequence-valzer (RFC 7162 §7), once;
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
pub fn parse(lexer: &mut Lexer<'_>, uid: bool, set: SequenceSet) -> Parsed<Store> {
    let mut unchanged_since = None;
    if lexer.peek() == Some(b'(') {
        lexer.list(1, |l| {
            if !l.take_word("UNCHANGEDSINCE ") {
                return Err(Syntax("an unknown STORE modifier"));
            }
            unchanged_since = Some(l.number64()?);
            Ok(())
        })?;
        lexer.sp()?;
    }
    let sign = match (lexer.take(b'+'), lexer.take(b'-')) {
        (true, false) => Sign::Add,
        (false, true) => Sign::Remove,
        (false, false) => Sign::Set,
        _ => return Err(Syntax("+FLAGS or -FLAGS")),
    };
    let silent = match lexer.keyword()?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(Syntax("an unknown STORE item")),
    };
    lexer.sp()?;
    let flags = if lexer.peek() == Some(b'(') {
        flag_list(lexer)?
    } else {
        let mut flags = vec![flag(lexer)?];
        while lexer.take(b' ') {
            if flags.len() == FLAGS_MAX {
                return Err(Syntax("[LIMIT] too many flags"));
            }
            flags.push(flag(lexer)?);
        }
        flags.into_iter().flatten().collect()
    };
    Ok(Store {
        uid,
        set,
        sign,
        silent,
        flags,
        unchanged_since,
    })
}
