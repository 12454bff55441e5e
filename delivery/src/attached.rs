//! Attachments: what the agency of who submits a message rules of them. Files within files are not looked into.

use crate::{Refusal, Refused};
use directory::Access;
use formats::defect::Defect;
use formats::message::part::decode_body;
use formats::message::{Part, PartKind, file_name, summarize};

/// Errors: which rule an attachment breaks.
pub(crate) fn check(access: &Access, content: &[u8]) -> Result<(), Refused> {
    let Some(rules) = access.attachment_rules() else {
        return Ok(());
    };
    let summary = summarize(content);
    // What is not told apart cannot be looked at.
    let whole = |defect: &Defect| !matches!(defect, Defect::TooManyParts | Defect::TooDeep);
    if !summary.defects.iter().all(whole) {
        return Err(Refused::Permanent(Refusal::AttachmentType));
    }
    for (_, part) in summary.part.walk() {
        let Some(ending) = ending(part) else { continue };
        let allowed = rules
            .only
            .as_ref()
            .is_none_or(|only| only.contains(&ending));
        if !allowed || rules.refused.contains(&ending) {
            return Err(Refused::Permanent(Refusal::AttachmentType));
        }
        if let Some(max) = rules.octets
            && decode_body(part, content).len() as u64 > max
        {
            return Err(Refused::Permanent(Refusal::AttachmentTooLarge { max }));
        }
    }
    Ok(())
}

/// The ending of an attachment's name in lower case, or its media subtype where it has no name. `None`: the part is no
/// attachment, but text of the letter, a signature, or a message of which the parts are looked at by themselves.
fn ending(part: &Part) -> Option<String> {
    let named = file_name(part);
    let text = part.media == "text" && named.is_none();
    let signature = part.media == "application"
        && ["pgp-signature", "pkcs7-signature", "x-pkcs7-signature"]
            .contains(&part.subtype.as_str());
    if text || signature || matches!(part.kind, PartKind::Message(_)) {
        return None;
    }
    let ending = named.as_deref().map(|name| {
        // What follows the last dot, as the systems that open it read it: trailing dots and spaces do not count.
        let name = name.trim_end_matches(['.', ' ']);
        name.rsplit_once('.').map_or("", |(_, ending)| ending)
    });
    Some(ending.unwrap_or(&part.subtype).to_lowercase())
}
