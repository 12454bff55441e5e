//! RFC 6376 §3.2 tag lists, which DKIM and DMARC share.
//!
//! ```text
//! tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
//! tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
//! ```

/// Tags of one list.
const TAGS_MAX: usize = 64;

/// The tags of a list, in order.
#[derive(Debug)]
pub(super) struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// `None`: it is no list, has a tag twice, or more than is looked at.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        let mut pieces = text.split(';').peekable();
        while let Some(piece) = pieces.next() {
            if piece.trim().is_empty() && pieces.peek().is_none() {
                break;
            }
            let (name, value) = tag(piece)?;
            if all.len() == TAGS_MAX || all.iter().any(|(other, _)| *other == name) {
                return None;
            }
            all.push((name, value));
        }
        Some(Self(all))
    }

    /// RFC 9989 §4.7: what is no tag, or comes again, means nothing; the others hold. `None`: the first is none.
    pub(super) fn lenient(text: &'a str) -> Option<Self> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for (n, piece) in text.split(';').take(TAGS_MAX).enumerate() {
            match tag(piece) {
                Some((name, _)) if all.iter().any(|(other, _)| *other == name) => {}
                Some(tag) => all.push(tag),
                None if n == 0 => return None,
                None => {}
            }
        }
        Some(Self(all))
    }

    /// The value of a tag.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(tag, _)| *tag == name);
        found.map(|(_, value)| *value)
    }

    /// The name of the first tag.
    pub(super) fn first(&self) -> Option<&'a str> {
        self.0.first().map(|(name, _)| *name)
    }
}

/// `tag-spec`.
fn tag(piece: &str) -> Option<(&str, &str)> {
    let (name, value) = piece.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    fits.then_some((name, value))
}

/// A value without the white space that folding left in it.
pub(super) fn dense(value: &str) -> String {
    value.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}
