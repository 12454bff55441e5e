//! RFC 5322 messages and RFC 2045 MIME: read into a summary once, decoded on demand, composed.
//!
//! ```text
//! bytes --structure--> Summary { Letterhead, Part tree of byte ranges, preview }
//!                        |-- part: decoded text, bodies, file names, from ranges and bytes
//!                        `-- header: fields, words, addresses, identifiers, from bytes alone
//! ```
//! The summary keeps values nearly as they were sent (encoded words stay encoded), since IMAP's
//! ENVELOPE must show them so; [`header::decode_words`] gives what people read.

pub mod binary;
pub mod canonical;
pub mod charset;
pub mod compose;
pub mod disposition;
pub mod ending;
pub mod header;
pub mod inline_file;
mod letterhead;
pub mod naming;
pub mod parameter;
pub mod part;
pub mod person;
mod preview;
pub mod seven;
pub mod sought;
mod structure;
pub mod subject;
mod summary;
pub mod thread;
mod view;
pub mod word;

pub use compose::{Draft, Enclosure, compose};
pub use header::{Field, fields, first_value, message_ids, remove_field};
pub use part::{Bodies, bodies, file_name};
pub use person::{Group, NamedAddress, Person, PersonKind};
pub use structure::{DEPTH_MAX, PARTS_MAX};
pub use summary::{Found, Letterhead, Nested, Part, PartKind, Range, Summary, summarize};
pub use view::{LetterheadView, PersonView};
