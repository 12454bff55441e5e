//! RFC 3986: which URLs a letter may hold, and in which place.

/// Octets of a link.
pub(super) const HREF_MAX: usize = 8 * 1024;
/// Octets of an image that stands in its own URL.
const DATA_MAX: usize = 512 * 1024;
/// Octets of a content identifier.
const CID_MAX: usize = 512;
/// Octets of an attribute that is neither link nor style.
const PLAIN_MAX: usize = 4 * 1024;
/// Raster images only: SVG is a program.
const DATA_TYPES: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/gif",
    "image/webp",
];

/// Where an image comes from.
pub(super) enum Image {
    /// A part of the same letter, by its Content-ID (RFC 2392).
    Cid(String),
    /// The URL holds the image.
    Data(String),
    /// Another server.
    Remote(String),
}

/// A link as it may stay: absolute, of a harmless scheme, without tricks in its spelling.
pub(super) fn href(value: &str) -> Option<String> {
    let url = tidy(value, HREF_MAX)?;
    let (scheme, rest) = url.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => is_web(rest).then_some(url),
        "mailto" | "tel" => Some(url),
        _ => None,
    }
}

/// An image as it may be shown.
pub(super) fn image(value: &str) -> Option<Image> {
    let url = tidy(value, DATA_MAX)?;
    let (scheme, rest) = url.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" if url.len() <= HREF_MAX && is_web(rest) => Some(Image::Remote(url)),
        "cid" if rest.len() <= CID_MAX => {
            let id = unescape(rest);
            (!id.is_empty()).then_some(Image::Cid(id))
        }
        "data" => {
            let (declared, data) = rest.split_once(',')?;
            let media = declared.strip_suffix(";base64")?.to_ascii_lowercase();
            let is_base64 = data
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+/=%".contains(&b));
            (DATA_TYPES.contains(&media.as_str()) && is_base64).then_some(Image::Data(url))
        }
        _ => None,
    }
}

/// `//host…` behind the scheme: anything else is read differently by different programs.
fn is_web(rest: &str) -> bool {
    let Some(authority) = rest.strip_prefix("//") else {
        return false;
    };
    authority.starts_with(|c: char| c.is_alphanumeric() || c == '[')
}

/// Browsers drop tabs and line breaks inside URLs and blanks around them; so do we, before judging.
fn tidy(value: &str, limit: usize) -> Option<String> {
    if value.len() > limit {
        return None;
    }
    let url: String = value
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect();
    let url = url.trim_matches(|c: char| c <= ' ');
    let clean = !url.is_empty() && !url.chars().any(|c| c.is_control() || c == '\\');
    clean.then(|| url.to_owned())
}

/// A value that names nothing to load: widths, colours, alternative texts.
pub(super) fn is_plain(value: &str) -> bool {
    value.len() <= PLAIN_MAX
}

/// RFC 3986 §2.1 percent-encoding of all but unreserved characters.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

fn unescape(text: &str) -> String {
    String::from_utf8_lossy(&crate::message::part::hex_escapes(text.as_bytes(), b'%')).into_owned()
}
