//! RFC 8098 §3 message/disposition-notification: what became of a letter at its recipient, written and read.

use super::header::{self, fields};
use std::fmt::Write as _;

/// Fields of one notification that are looked at.
const FIELDS_MAX: usize = 100;

/// RFC 8098 §3.2.6.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DispositionKind {
    Deleted,
    Dispatched,
    Displayed,
    Processed,
}

impl DispositionKind {
    const ALL: [Self; 4] = [
        Self::Deleted,
        Self::Dispatched,
        Self::Displayed,
        Self::Processed,
    ];

    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Dispatched => "dispatched",
            Self::Displayed => "displayed",
            Self::Processed => "processed",
        }
    }

    /// The reverse, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let all = Self::ALL.into_iter();
        all.into_iter()
            .find(|kind| kind.word().eq_ignore_ascii_case(word))
    }
}

/// RFC 8098 §3.1: one notification. Values are one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// `Reporting-UA`.
    pub reporting_ua: Option<String>,
    /// `MDN-Gateway`.
    pub gateway: Option<String>,
    /// `Original-Recipient`, with its type: `rfc822; an@tinh.gov.vn`.
    pub original_recipient: Option<String>,
    /// `Final-Recipient`, the same.
    pub final_recipient: String,
    /// `Original-Message-ID`, with its brackets.
    pub original_message_id: Option<String>,
    /// A program did what is told of (RFC 8098 §3.2.6.1 `automatic-action`).
    pub acted_by_itself: bool,
    /// A program sent the notification (`MDN-sent-automatically`).
    pub sent_by_itself: bool,
    /// What became of it.
    pub kind: DispositionKind,
    /// `Error`, each.
    pub errors: Vec<String>,
    /// Further fields, in their order.
    pub extensions: Vec<(String, String)>,
}

/// RFC 8098 §3.1: names that are no extensions.
const KNOWN: [&str; 7] = [
    "Reporting-UA",
    "MDN-Gateway",
    "Original-Recipient",
    "Final-Recipient",
    "Original-Message-ID",
    "Disposition",
    "Error",
];

/// Whether this may be the name of an extension (RFC 8098 §3.3).
#[must_use]
pub fn is_extension(name: &str) -> bool {
    let token = name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    !name.is_empty() && token && !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Notification {
    /// The fields, each line ended.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = String::new();
        let mut field = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let clean: String = value.chars().filter(|c| !c.is_control()).collect();
                let _ = write!(out, "{name}: {}\r\n", clean.trim());
            }
        };
        field("Reporting-UA", self.reporting_ua.as_deref());
        field("MDN-Gateway", self.gateway.as_deref());
        field("Original-Recipient", self.original_recipient.as_deref());
        field("Final-Recipient", Some(&self.final_recipient));
        field("Original-Message-ID", self.original_message_id.as_deref());
        let action = if self.acted_by_itself {
            "automatic-action"
        } else {
            "manual-action"
        };
        let sent = if self.sent_by_itself {
            "MDN-sent-automatically"
        } else {
            "MDN-sent-manually"
        };
        field(
            "Disposition",
            Some(&format!("{action}/{sent}; {}", self.kind.word())),
        );
        self.errors
            .iter()
            .for_each(|error| field("Error", Some(error)));
        let extensions = self
            .extensions
            .iter()
            .filter(|(name, _)| is_extension(name));
        extensions.for_each(|(name, value)| field(name, Some(value)));
        out
    }

    /// Reads the fields; `None` without a recipient or a disposition that can be read. Modifiers are passed over.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let mut found = Self {
            reporting_ua: None,
            gateway: None,
            original_recipient: None,
            final_recipient: String::new(),
            original_message_id: None,
            acted_by_itself: false,
            sent_by_itself: false,
            kind: DispositionKind::Displayed,
            errors: Vec::new(),
            extensions: Vec::new(),
        };
        let mut disposed = false;
        for field in fields(octets).take(FIELDS_MAX) {
            let value = header::unfold(field.value);
            match KNOWN.iter().position(|known| field.is(known)) {
                Some(0) => found.reporting_ua = Some(value),
                Some(1) => found.gateway = Some(value),
                Some(2) => found.original_recipient = Some(value),
                Some(3) => found.final_recipient = value,
                Some(4) => found.original_message_id = Some(value),
                Some(5) => disposed = found.dispose(&value).is_some(),
                Some(_) => found.errors.push(value),
                None => found.extensions.push((field.name.to_owned(), value)),
            }
        }
        (disposed && !found.final_recipient.is_empty()).then_some(found)
    }

    /// `manual-action/MDN-sent-manually; displayed/error`.
    fn dispose(&mut self, value: &str) -> Option<()> {
        let (mode, kind) = value.split_once(';')?;
        let (action, sent) = mode.split_once('/')?;
        let either = |word: &str, no: &str, yes: &str| {
            let word = word.trim();
            let is = |known: &str| word.eq_ignore_ascii_case(known);
            (is(no) || is(yes)).then(|| is(yes))
        };
        self.acted_by_itself = either(action, "manual-action", "automatic-action")?;
        self.sent_by_itself = either(sent, "MDN-sent-manually", "MDN-sent-automatically")?;
        let kind = kind.split('/').next().unwrap_or_default();
        self.kind = DispositionKind::parse(kind.trim())?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8098 §8.
    const EXAMPLE: &str = "Reporting-UA: joes-pc.cs.example.com; Foomail 97.1\r\n\
        Original-Recipient: rfc822;Joe_Recipient@example.com\r\n\
        Final-Recipient: rfc822;Joe_Recipient@example.com\r\n\
        Original-Message-ID: <199509192301.23456@example.org>\r\n\
        Disposition: manual-action/MDN-sent-manually; displayed\r\n";

    #[test]
    fn what_is_written_is_read() {
        let read = Notification::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(read.print(), EXAMPLE);
        assert_eq!(
            read.original_message_id.as_deref(),
            Some("<199509192301.23456@example.org>")
        );
        assert!(!read.acted_by_itself && !read.sent_by_itself);
        let other = Notification {
            reporting_ua: None,
            acted_by_itself: true,
            sent_by_itself: true,
            kind: DispositionKind::Deleted,
            errors: vec!["a\r\nDisposition: x".into(), "b".into()],
            extensions: vec![
                ("X-A".into(), "1".into()),
                ("Error".into(), "no".into()),
                ("a b".into(), "no".into()),
            ],
            ..read
        };
        let printed = other.print();
        let again = Notification::parse(printed.as_bytes()).unwrap();
        // Nothing becomes a field of its own.
        assert_eq!(again.errors, ["aDisposition: x", "b"]);
        assert_eq!(again.extensions, [("X-A".to_owned(), "1".to_owned())]);
        assert_eq!(
            (again.acted_by_itself, again.sent_by_itself, again.kind),
            (true, true, DispositionKind::Deleted)
        );
    }

    #[test]
    fn what_is_none_is_not_read() {
        let check = |disposition: &str, reads: bool| {
            let text = format!("Final-Recipient: rfc822;a@x.vn\r\nDisposition: {disposition}\r\n");
            assert_eq!(
                Notification::parse(text.as_bytes()).is_some(),
                reads,
                "{disposition}"
            );
        };
        check("manual-action/MDN-sent-manually; displayed", true);
        check(
            "AUTOMATIC-ACTION / mdn-sent-AUTOMATICALLY ;DELETED/error",
            true,
        );
        check("manual-action/MDN-sent-manually; read", false);
        check("manual-action; displayed", false);
        check("other/MDN-sent-manually; displayed", false);
        check("manual-action/other; displayed", false);
        check("", false);
        let without = "Disposition: manual-action/MDN-sent-manually; displayed\r\n";
        assert_eq!(Notification::parse(without.as_bytes()), None);
        assert_eq!(Notification::parse(b""), None);
        for (name, is) in [
            ("X-A", true),
            ("disposition", false),
            ("", false),
            ("a:b", false),
            ("a b", false),
        ] {
            assert_eq!(is_extension(name), is, "{name}");
        }
    }
}
