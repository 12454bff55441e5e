//! RFC 9051 §7.5.2: the items of one message, written.

use super::{Open, Sent, Told};
use crate::ask::Output;
use crate::run::section;
use crate::wire::envelope::envelope;
use crate::wire::fetch::Item;
use crate::wire::flag;
use crate::wire::ident;
use crate::wire::response::{self, put};
use crate::wire::sequence::Numbers;
use crate::wire::structure::body;
use formats::message::{LetterheadView, Summary};
use std::sync::Arc;
use storage::AccountId;

/// Octets of UIDs that the end of the command names.
const NAMED_MAX: usize = 200;

/// How many messages are damaged, and which.
pub(super) fn damage(uids: &[u32]) -> String {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    let mut named = sorted.iter().copied().collect::<Numbers>().text();
    if let Some(end) = named.get(..NAMED_MAX).and_then(|n| n.rfind(',')) {
        named.truncate(end);
        named.push_str(" and more");
    }
    match uids.len() {
        1 => format!("The content of one message is damaged on the server: UID {named}"),
        count => format!("The content of {count} messages is damaged on the server: UIDs {named}"),
    }
}

pub(super) fn needs_content(item: &Item) -> bool {
    matches!(
        item,
        Item::Section { .. } | Item::Binary { .. } | Item::BinarySize { .. }
    )
}

pub(super) fn tell_item(
    item: &Item,
    (owner, open): (Option<AccountId>, &Open),
    written: &[u8],
    (rev2, zone_min): (bool, i32),
    out: &mut Output,
) -> Sent {
    let due = &open.due;
    let state = &due.state;
    match item {
        Item::Uid => {
            out.buf().extend_from_slice(b"UID ");
            response::number(out.buf(), u64::from(due.uid));
        }
        Item::Flags => {
            out.buf().extend_from_slice(b"FLAGS ");
            flag::put_flags_told(out.buf(), state.keywords.iter(), due.recent);
        }
        Item::InternalDate => {
            let date = formats::date::imap_internal(state.received_at, zone_min);
            put(out.buf(), format_args!("INTERNALDATE \"{date}\""));
        }
        // RFC 8514 §4.2: NIL where it is not known.
        Item::SaveDate => match state.saved_at {
            Some(at) => {
                let date = formats::date::imap_internal(at, zone_min);
                put(out.buf(), format_args!("SAVEDATE \"{date}\""));
            }
            None => out.buf().extend_from_slice(b"SAVEDATE NIL"),
        },
        Item::EmailId => {
            let id = ident::email(owner, state.email);
            put(out.buf(), format_args!("EMAILID ({id})"));
        }
        Item::ThreadId => {
            let id = ident::thread(owner, state.thread);
            put(out.buf(), format_args!("THREADID ({id})"));
        }
        Item::ModSeq => put(out.buf(), format_args!("MODSEQ ({})", state.modseq)),
        Item::Size => {
            out.buf().extend_from_slice(b"RFC822.SIZE ");
            response::number(out.buf(), state.size);
        }
        _ => {
            let content = open.content.as_ref();
            if let (true, Some(content)) = (item.is_whole(), content) {
                return tell_whole(item, content, out);
            }
            match &due.summary {
                Some(Told::Written(range)) => {
                    out.buf().extend_from_slice(b"ENVELOPE ");
                    let text = written.get(range.clone()).unwrap_or_default();
                    out.buf().extend_from_slice(text);
                }
                Some(Told::Whole(summary)) => {
                    return tell_summary(item, summary, content, rev2, out);
                }
                None => {}
            }
        }
    }
    Sent::All
}

/// The message as it is: nothing need be known of its parts.
fn tell_whole(item: &Item, content: &Arc<[u8]>, out: &mut Output) -> Sent {
    match item {
        Item::Section {
            section: asked,
            partial,
            spelling,
            ..
        } => section::whole(out, content, (asked, *partial, *spelling)),
        _ => Sent::All,
    }
}

fn tell_summary(
    item: &Item,
    summary: &Summary,
    content: Option<&Arc<[u8]>>,
    rev2: bool,
    out: &mut Output,
) -> Sent {
    if *item == Item::Envelope {
        out.buf().extend_from_slice(b"ENVELOPE ");
        envelope(out.buf(), &LetterheadView::from(&summary.head), rev2);
        return Sent::All;
    }
    match (item, content) {
        (Item::Body | Item::BodyStructure, _) => {
            let extended = *item == Item::BodyStructure;
            out.buf().extend_from_slice(if extended {
                b"BODYSTRUCTURE "
            } else {
                b"BODY "
            });
            body(out.buf(), &summary.part, extended, rev2);
        }
        (Item::Preview, _) => {
            out.buf().extend_from_slice(b"PREVIEW ");
            response::string(out.buf(), summary.preview.as_bytes(), rev2);
        }
        (
            Item::Section {
                section: asked,
                partial,
                spelling,
                ..
            },
            Some(content),
        ) => return section::section(out, summary, content, (asked, *partial, *spelling)),
        (Item::Binary { path, partial, .. }, Some(content)) => {
            return section::binary(out.buf(), summary, content, (path, *partial));
        }
        (Item::BinarySize { path }, Some(content)) => {
            return section::binary_size(out.buf(), summary, content, path);
        }
        _ => {}
    }
    Sent::All
}
