//! RFC 9051 §7.5.2 BODY and BODYSTRUCTURE, from the tree of parts that was read at arrival.

use super::envelope::envelope;
use super::response::{nstring, put, string};
use formats::message::parameter::joined;
use formats::message::{LetterheadView, Part, PartKind};

/// body = "(" (body-type-1part / body-type-mpart) ")"; with extension data for BODYSTRUCTURE.
/// The depth of the tree is bounded by `formats::message::DEPTH_MAX`.
pub fn body(out: &mut Vec<u8>, part: &Part, extended: bool, utf8: bool) {
    out.push(b'(');
    match &part.kind {
        PartKind::Multipart(parts) => {
            parts.iter().for_each(|p| body(out, p, extended, utf8));
            out.push(b' ');
            string(out, part.subtype.as_bytes(), utf8);
            if extended {
                // body-ext-mpart = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
                out.push(b' ');
                params(out, &part.params, utf8);
                tail(out, part, utf8);
            }
        }
        kind => {
            fields(out, part, utf8);
            if let PartKind::Message(nested) = kind {
                // body-type-msg = media-message SP body-fields SP envelope SP body SP body-fld-lines
                out.push(b' ');
                envelope(out, &LetterheadView::from(&nested.head), utf8);
                out.push(b' ');
                body(out, &nested.part, extended, utf8);
            }
            if part.media == "text" || matches!(kind, PartKind::Message(_)) {
                put(out, format_args!(" {}", part.lines));
            }
            if extended {
                // body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
                out.push(b' ');
                nstring(out, part.md5.as_deref(), utf8);
                tail(out, part, utf8);
            }
        }
    }
    out.push(b')');
}

/// body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets,
/// after the media type.
fn fields(out: &mut Vec<u8>, part: &Part, utf8: bool) {
    string(out, part.media.as_bytes(), utf8);
    out.push(b' ');
    string(out, part.subtype.as_bytes(), utf8);
    out.push(b' ');
    params(out, &part.params, utf8);
    out.push(b' ');
    nstring(out, part.id.as_deref(), utf8);
    out.push(b' ');
    nstring(out, part.description.as_deref(), utf8);
    out.push(b' ');
    string(out, part.encoding.as_bytes(), utf8);
    put(out, format_args!(" {}", part.body.len));
}

/// body-fld-param = "(" string SP string *(SP string SP string) ")" / nil; continuations are joined
/// (RFC 2231 §6), and where UTF-8 may be said extended values are decoded (RFC 9051 §7.5.2).
fn params(out: &mut Vec<u8>, params: &[(String, String)], utf8: bool) {
    let params = joined(params, utf8);
    if params.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    for (at, (name, value)) in params.iter().enumerate() {
        out.push(if at == 0 { b'(' } else { b' ' });
        string(out, name.as_bytes(), utf8);
        out.push(b' ');
        string(out, value.as_bytes(), utf8);
    }
    out.push(b')');
}

/// SP body-fld-dsp SP body-fld-lang SP body-fld-loc
fn tail(out: &mut Vec<u8>, part: &Part, utf8: bool) {
    out.push(b' ');
    match &part.disposition {
        None => out.extend_from_slice(b"NIL"),
        Some((kind, list)) => {
            out.push(b'(');
            string(out, kind.as_bytes(), utf8);
            out.push(b' ');
            params(out, list, utf8);
            out.push(b')');
        }
    }
    out.push(b' ');
    // body-fld-lang = nstring / "(" string *(SP string) ")"
    match part.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        [one] => string(out, one.as_bytes(), utf8),
        many => {
            for (at, language) in many.iter().enumerate() {
                out.push(if at == 0 { b'(' } else { b' ' });
                string(out, language.as_bytes(), utf8);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, part.location.as_deref(), utf8);
}
