//! What was wrong with input that was read anyway.

use serde::{Deserialize, Serialize};

/// How many defects a summary keeps; the first ones tell the most.
pub const DEFECTS_MAX: usize = 8;

/// One thing that was wrong with a message which was read nevertheless.
///
/// New kinds are added at the end only: the position is what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Defect {
    /// A header line that is neither a field nor a continuation.
    MalformedHeader,
    /// The body began without the empty line that must precede it (RFC 5322 §2.1).
    MissingSeparator,
    /// More fields than [`crate::message::header::FIELDS_MAX`].
    TooManyFields,
    /// More parts than [`crate::message::PARTS_MAX`]; the rest is one part.
    TooManyParts,
    /// Deeper than [`crate::message::DEPTH_MAX`]; the inner part was not opened.
    TooDeep,
    /// A multipart without a usable boundary parameter (RFC 2046 §5.1.1).
    MissingBoundary,
    /// A multipart in whose body its boundary never occurs.
    NoParts,
    /// A multipart whose closing delimiter is missing.
    UnclosedMultipart,
    /// A multipart or message in an encoding that RFC 2045 §6.4 forbids for it.
    EncodedComposite,
    /// NUL octets, which RFC 5322 §4 allows to be read only.
    Nul,
    /// Lines that end in LF without CR.
    BareLineFeed,
    /// Octets above 127 in a header that are not UTF-8.
    EightBitHeader,
    /// A `Date` that cannot be read.
    BadDate,
    /// No `From`, or none that can be read.
    BadFrom,
    /// A field that may occur once occurs again; the first one counts.
    RepeatedField,
    /// More addresses than [`crate::message::header::ADDRESSES_MAX`] in one field.
    TooManyAddresses,
}

/// Gathers defects: each kind once, at most [`DEFECTS_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Defects(Vec<Defect>);

impl Defects {
    pub(crate) fn add(&mut self, defect: Defect) {
        if self.0.len() < DEFECTS_MAX && !self.0.contains(&defect) {
            self.0.push(defect);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Defect> {
        self.0
    }
}
