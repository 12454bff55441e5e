//! The sanitiser: an allow-list of tags, attributes, URL schemes and style properties.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ammonia::{Builder, UrlRelative};

use super::{balance, link, style};

/// Octets of a letter's HTML that are read.
pub const INPUT_MAX: usize = 8 * 1024 * 1024;
/// Octets of a cleaned letter; what is behind is left out.
pub const OUTPUT_MAX: usize = 2 * 1024 * 1024;
/// Nesting of tags.
pub const DEPTH_MAX: usize = 200;
/// Remote images of one letter that are shown or counted.
pub const IMAGES_MAX: usize = 2000;

/// Whether images on other servers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// Left out and counted: loading one tells the sender that the letter was read.
    Blocked,
    /// Shown, through the proxy if there is one.
    Allowed,
}

/// How a letter is cleaned.
#[derive(Clone, Copy)]
pub struct CleanOptions<'a> {
    /// Images on other servers.
    pub images: Images,
    /// What stands before the identifier of an image in the letter: `/mail/cid/ACC/EMAIL/`.
    pub cid_prefix: &'a str,
    /// From the URL of a remote image to the one the browser may load. Without it no remote
    /// image is shown, even when allowed.
    pub proxy: Option<&'a dyn Fn(&str) -> String>,
}

/// A letter that is safe to show in a sandboxed frame under the letter's own policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// A fragment for a `body`.
    pub html: String,
    /// Remote images that were left out.
    pub blocked_images: usize,
    /// Whether something behind a limit was left out.
    pub truncated: bool,
}

const TAGS: [&str; 68] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
];
const TAGS_MORE: [&str; 3] = ["tt", "ul", "var"];
const ANYWHERE: [&str; 6] = ["align", "dir", "lang", "style", "title", "valign"];

/// Attributes of single tags.
const OF_TAG: [(&str, &[&str]); 14] = [
    ("a", &["href"]),
    ("blockquote", &["type"]),
    ("col", &["span", "width"]),
    ("colgroup", &["span", "width"]),
    ("div", &["bgcolor"]),
    ("font", &["color", "face", "size"]),
    ("hr", &["color", "noshade", "size", "width"]),
    (
        "img",
        &[
            "alt", "border", "height", "hspace", "src", "vspace", "width",
        ],
    ),
    ("li", &["type", "value"]),
    ("ol", &["reversed", "start", "type"]),
    (
        "table",
        &[
            "bgcolor",
            "border",
            "bordercolor",
            "cellpadding",
            "cellspacing",
            "height",
            "rules",
            "summary",
            "width",
        ],
    ),
    (
        "td",
        &["bgcolor", "colspan", "height", "nowrap", "rowspan", "width"],
    ),
    (
        "th",
        &[
            "bgcolor", "colspan", "height", "nowrap", "rowspan", "scope", "width",
        ],
    ),
    ("tr", &["bgcolor", "height"]),
];

pub(super) fn is_tag(name: &str) -> bool {
    TAGS.contains(&name) || TAGS_MORE.contains(&name)
}

pub(super) fn is_attribute(tag: &str, name: &str) -> bool {
    ANYWHERE.contains(&name)
        || OF_TAG
            .iter()
            .any(|(of, names)| *of == tag && names.contains(&name))
}

static TAG_SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| TAGS.into_iter().chain(TAGS_MORE).collect());
static ATTRIBUTES: LazyLock<HashMap<&'static str, HashSet<&'static str>>> = LazyLock::new(|| {
    OF_TAG
        .into_iter()
        .map(|(t, names)| (t, names.iter().copied().collect()))
        .collect()
});

/// Cleans a letter.
///
/// With a proxy the letter is cleaned twice: once to learn its remote images, once with their new
/// URLs at hand, so that no text is touched after the sanitiser.
#[must_use]
pub fn clean(html: &str, options: &CleanOptions<'_>) -> Cleaned {
    let balanced = balance::balance(html);
    let mut judge = Judge {
        cid_prefix: options.cid_prefix.to_owned(),
        ..Judge::default()
    };
    let mut clean = sanitised(&balanced.html, &judge);
    let proxy = options.proxy.filter(|_| options.images == Images::Allowed);
    if let Some(proxy) = proxy {
        let found = judge.take_remote();
        judge.proxied = found
            .into_iter()
            .map(|url| (url.clone(), proxy(&url)))
            .collect();
        clean = sanitised(&balanced.html, &judge);
    }
    let blocked_images = judge.take_remote().len();
    Cleaned {
        html: clean,
        blocked_images,
        truncated: balanced.truncated,
    }
}

fn sanitised(html: &str, judge: &Judge) -> String {
    let judge = judge.clone();
    let mut builder = Builder::empty();
    builder
        .tags(TAG_SET.clone())
        .tag_attributes(ATTRIBUTES.clone())
        .generic_attributes(ANYWHERE.into_iter().collect())
        .url_schemes(["http", "https", "mailto", "tel", "cid", "data"].into_iter().collect())
        // The judge refuses relative URLs itself; what passes here is what it has rewritten.
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true)
        .attribute_filter(move |tag, name, value| judge.attribute(tag, name, value));
    builder.clean(html).to_string()
}

/// Decides over every attribute that the allow-list lets through.
#[derive(Clone, Default)]
struct Judge {
    cid_prefix: String,
    /// From the URLs of remote images to those that may be loaded instead.
    proxied: HashMap<String, String>,
    /// Remote images for which there is no such URL.
    remote: Arc<Mutex<Vec<String>>>,
}

impl Judge {
    fn take_remote(&self) -> Vec<String> {
        std::mem::take(&mut *self.remote.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The value an attribute may have, or nothing when it may not be there.
    fn attribute<'v>(&self, tag: &str, name: &str, value: &'v str) -> Option<Cow<'v, str>> {
        match (tag, name) {
            ("a", "target" | "rel") => Some(value.into()),
            ("a", "href") => link::href(value).map(Into::into),
            ("img", "src") => self.image(value).map(Into::into),
            (_, "style") => style::clean(value).map(Into::into),
            (_, "src" | "href") => None,
            _ => link::is_plain(value).then(|| value.into()),
        }
    }

    fn image(&self, source: &str) -> Option<String> {
        match link::image(source)? {
            link::Image::Cid(id) => Some(format!("{}{}", self.cid_prefix, link::escape(&id))),
            link::Image::Data(url) => Some(url),
            link::Image::Remote(url) => {
                if let Some(to) = self.proxied.get(&url) {
                    return Some(to.clone());
                }
                let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
                if remote.len() < IMAGES_MAX {
                    remote.push(url);
                }
                None
            }
        }
    }
}
