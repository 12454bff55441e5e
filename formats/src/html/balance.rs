//! Any HTML made into well-nested, shallow HTML of allowed tags, before a real parser sees it.
//!
//! A browser's algorithm walks its stack of open elements at almost every tag and compares every
//! attribute with all before it: 100,000 nested tags or attributes cost it quadratic time. Here
//! both are bounded, and every tag that is opened is closed, so what follows is linear.

use super::clean::{DEPTH_MAX, INPUT_MAX, OUTPUT_MAX, is_attribute, is_tag};
use super::sheet::Sheet;
use super::token::{Token, Tokens};

pub(super) struct Balanced {
    pub(super) html: String,
    pub(super) truncated: bool,
}

pub(super) fn balance(html: &str) -> Balanced {
    let input = beginning(html, INPUT_MAX);
    let mut writer = Writer {
        out: String::with_capacity(input.len()),
        open: Vec::new(),
        skipped: 0,
        sheet: Sheet::default(),
    };
    let mut truncated = input.len() < html.len();
    for token in Tokens::of(input) {
        match token {
            Token::Text(text) => writer.text(text),
            Token::Start(name, attributes) => writer.start(&name, &attributes),
            Token::End(name) => writer.end(&name),
            Token::Sheet(text) => writer.sheet.read(text),
        }
        if writer.out.len() > OUTPUT_MAX {
            truncated = true;
            break;
        }
    }
    while !writer.open.is_empty() {
        writer.close();
    }
    Balanced {
        html: writer.out,
        truncated,
    }
}

/// At most `limit` octets, cut at a character.
pub(super) fn beginning(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

const VOID: [&str; 4] = ["br", "col", "hr", "img"];
const TABLE_PARTS: [&str; 8] = [
    "caption", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr",
];
/// Tags before which an open paragraph ends.
const BLOCKS: [&str; 32] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dir",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "ul",
    "tr",
];

struct Writer {
    out: String,
    open: Vec<String>,
    /// Tags left out because of their depth, whose end tags must be left out too.
    skipped: usize,
    /// The rules of the sheets before this place.
    sheet: Sheet,
}

impl Writer {
    fn text(&mut self, text: &str) {
        let mut rest = text;
        let room = OUTPUT_MAX.saturating_sub(self.out.len()) + 1;
        rest = beginning(rest, room);
        while let Some(at) = rest.find(['<', '\0']) {
            self.out.push_str(&rest[..at]);
            if rest[at..].starts_with('<') {
                self.out.push_str("&lt;");
            }
            rest = &rest[at + 1..];
        }
        self.out.push_str(rest);
    }

    fn start(&mut self, declared: &str, attributes: &[(String, &str)]) {
        // The page's own background and colours live on as those of a block.
        let name = if declared == "body" { "div" } else { declared };
        if !is_tag(name) {
            return;
        }
        self.end_implied(name);
        let is_void = VOID.contains(&name);
        if self.open.len() >= DEPTH_MAX && !is_void {
            self.skipped += 1;
            return;
        }
        self.out.push('<');
        self.out.push_str(name);
        let value = |name: &str| {
            attributes
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, value)| *value)
        };
        let rules = self
            .sheet
            .declarations(declared, value("class").unwrap_or_default());
        let own = value("style").unwrap_or_default();
        if !rules.is_empty() || !own.is_empty() {
            // The element's own style comes last, so it wins.
            self.attribute("style", &(rules.replace('&', "&amp;") + own));
        }
        let mut written = vec!["style"];
        for (attribute, value) in attributes {
            let known = is_attribute(name, attribute);
            if known && !written.contains(&attribute.as_str()) && self.out.len() < OUTPUT_MAX {
                self.attribute(attribute, value);
                written.push(attribute);
            }
        }
        self.out.push('>');
        if !is_void {
            self.open.push(name.to_owned());
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => self.out.push_str("&quot;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\0' => {}
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    /// WHATWG HTML §13.1.2.4: what ends without an end tag when this tag begins.
    fn end_implied(&mut self, name: &str) {
        match name {
            "li" => self.end_within(&["li"], &["ul", "ol", "dir"]),
            "dt" | "dd" => self.end_within(&["dt", "dd"], &["dl"]),
            "td" | "th" => self.end_within(&["td", "th", "caption", "colgroup"], &["table", "tr"]),
            "tr" => self.end_within(&["tr", "caption", "colgroup"], &["table"]),
            "tbody" | "thead" | "tfoot" => {
                self.end_within(
                    &["tbody", "thead", "tfoot", "caption", "colgroup", "tr"],
                    &["table"],
                );
            }
            _ => {}
        }
        if BLOCKS.contains(&name) {
            self.end_within(&["p"], &["table", "td", "th", "caption"]);
        }
    }

    /// Closes the outermost of these that is open this side of a border.
    fn end_within(&mut self, names: &[&str], borders: &[&str]) {
        let mut found = None;
        for (at, open) in self.open.iter().enumerate().rev() {
            if names.contains(&open.as_str()) {
                found = Some(at);
            } else if borders.contains(&open.as_str()) {
                break;
            }
        }
        if let Some(at) = found {
            self.close_to(at);
        }
    }

    fn end(&mut self, name: &str) {
        let name = if name == "body" { "div" } else { name };
        if !is_tag(name) || VOID.contains(&name) {
            return;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let of_table = TABLE_PARTS.contains(&name);
        for at in (0..self.open.len()).rev() {
            let open = self.open[at].as_str();
            if open == name {
                return self.close_to(at);
            }
            // An end tag does not reach out of a cell, and one of a cell not out of its table.
            let border = open == "table" || (!of_table && TABLE_PARTS.contains(&open));
            if border && name != "table" {
                return;
            }
        }
    }

    fn close_to(&mut self, at: usize) {
        while self.open.len() > at {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
    }
}
