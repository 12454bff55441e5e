//! The text of attached files, for a search: plain text, CSV, HTML, letters, office documents (OOXML, ODF) and PDF.
//!
//! Files come from strangers. Everything here is bounded by the limits below: octets in, files of a package,
//! octets that they unpack to, elements within each other, objects and pages of a PDF, octets of text. No entity
//! is resolved but XML's own, nothing is fetched, nothing is run. A file with a password is left alone. Whoever
//! reads files of strangers does it where a fault costs nothing besides: the server, in a process of its own.

mod markup;
mod package;
mod pdf;
mod plain;
#[cfg(test)]
mod tests;

use crate::message::{Part, PartKind, Summary, part, sought, summarize};

/// What comes out, and of which files; whoever keeps it makes it anew where this differs.
pub const VERSION: u32 = 1;
/// Octets of a file that is read; a larger one has no text here.
pub const OCTETS_MAX: usize = 32 * 1024 * 1024;
/// Octets of the text of one file; what follows is left out.
pub const TEXT_MAX: usize = 1024 * 1024;
/// Files of one message that are read; the rest has no text here.
pub const FILES_MAX: usize = 32;

/// What a file is, as its type and name say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text without markup.
    Plain,
    /// HTML.
    Html,
    /// A message (RFC 5322) as a file.
    Message,
    /// ECMA-376: Word, Excel, PowerPoint since 2007.
    Office,
    /// ISO/IEC 26300: OpenDocument.
    Open,
    /// ISO 32000.
    Pdf,
}

/// Why a file has no text here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It cannot be read as what it says that it is.
    #[error("damaged, or something else")]
    Damaged,
    /// More octets, files, elements or objects than are read.
    #[error("too large")]
    TooLarge,
    /// Only who has the password reads it.
    #[error("sealed")]
    Sealed,
}

/// Words for [`Kind`], types of media, and ends of names.
const KINDS: [(Kind, &str, &[&str], &[&str]); 6] = [
    (
        Kind::Plain,
        "plain",
        &["application/csv", "application/x-csv"],
        &["txt", "csv", "tsv", "log", "md"],
    ),
    (
        Kind::Html,
        "html",
        &["application/xhtml+xml"],
        &["html", "htm", "xhtml"],
    ),
    (Kind::Message, "message", &[], &["eml"]),
    (
        Kind::Office,
        "office",
        &[
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        ],
        &["docx", "xlsx", "pptx", "docm", "xlsm", "pptm"],
    ),
    (
        Kind::Open,
        "open",
        &[
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.presentation",
        ],
        &["odt", "ods", "odp", "ott", "ots"],
    ),
    (
        Kind::Pdf,
        "pdf",
        &["application/pdf", "application/x-pdf"],
        &["pdf"],
    ),
];

impl Kind {
    /// Its word, for [`Kind::named`].
    #[must_use]
    pub fn word(self) -> &'static str {
        KINDS
            .iter()
            .find(|row| row.0 == self)
            .map_or("", |row| row.1)
    }

    /// The kind of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        KINDS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// By the end of the name, since many senders say `application/octet-stream`; else by the type. `None`: no text
    /// is taken of it, or [`sought::body`] does already.
    fn of(part: &Part) -> Option<Self> {
        let name = part::file_name(part).unwrap_or_default();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        let ending = ending.unwrap_or_default().to_ascii_lowercase();
        let by_name = KINDS.iter().find(|row| row.3.contains(&ending.as_str()));
        let media = format!("{}/{}", part.media, part.subtype);
        let by_type = || KINDS.iter().find(|row| row.2.contains(&media.as_str()));
        let kind = by_name.or_else(by_type)?.0;
        let said = part.media == "text" || part.media == "message";
        (!said || !matches!(kind, Self::Plain | Self::Html | Self::Message)).then_some(kind)
    }
}

/// The parts of a message of whose files text is taken besides that of its body, at most [`FILES_MAX`].
pub fn files<'a>(summary: &'a Summary, raw: &'a [u8]) -> impl Iterator<Item = (Kind, &'a Part)> {
    let leaves = summary.part.walk().map(|(_, part)| part);
    let leaves = leaves.filter(|part| matches!(part.kind, PartKind::Leaf));
    let found = leaves.filter_map(move |part| {
        let kind = Kind::of(part).or_else(|| plain::is_utf16(part, raw).then_some(Kind::Plain))?;
        ((part.body.len as usize) / 4 * 3 <= OCTETS_MAX).then_some((kind, part))
    });
    found.take(FILES_MAX)
}

/// The text of a file in NFC, its words with one space between them: at most [`TEXT_MAX`] octets. Errors: see [`Unread`];
/// a file that is damaged behind some text has that text.
pub fn text(kind: Kind, octets: &[u8]) -> Result<String, Unread> {
    if octets.len() > OCTETS_MAX {
        return Err(Unread::TooLarge);
    }
    let mut out = Text::default();
    match kind {
        Kind::Plain => out.push(&plain::decoded(octets)),
        Kind::Html => out.push(&crate::html::html_to_text(&plain::decoded(octets))),
        Kind::Message => {
            let summary = summarize(octets);
            sought::body(&summary, octets, &mut |text| {
                out.push(&text);
                out.push("\n");
            });
        }
        Kind::Office => package::office(octets, &mut out)?,
        Kind::Open => package::open(octets, &mut out)?,
        Kind::Pdf => pdf::read(octets, &mut out)?,
    }
    // A phrase may be broken over lines in the file.
    let text = plain::composed(out.0);
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Text that comes out, up to [`TEXT_MAX`] octets.
#[derive(Default)]
struct Text(String);

impl Text {
    fn push(&mut self, text: &str) {
        let room = TEXT_MAX - self.0.len().min(TEXT_MAX);
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
    }

    /// Whether nothing more is taken.
    fn is_full(&self) -> bool {
        // A character has four octets at most.
        self.0.len() + 4 > TEXT_MAX
    }
}
