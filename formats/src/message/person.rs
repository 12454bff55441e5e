//! RFC 5322 §3.4: address lists with groups, obsolete forms and everyday mistakes.

use serde::{Deserialize, Serialize};

use super::header::{self, ADDRESSES_MAX};
use super::word;
use crate::address::is_dot_string;

/// Nesting of comments that is followed.
const COMMENT_DEPTH_MAX: usize = 50;
/// Octets of an encoded word that is kept whole in spite of commas in it.
const WORD_MAX: usize = 1024;

/// One address structure of RFC 9051 §7.5.2 ENVELOPE: a mailbox, or the beginning or end of a
/// group. Values are as sent: encoded words stay, quotes and escapes do not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Display name, or the comment behind an old-style address.
    pub name: Option<String>,
    /// Local part without quotes; the name of the group at its start.
    pub mailbox: Option<String>,
    /// Domain; empty when the address has none; `None` only at the ends of a group.
    pub host: Option<String>,
    /// What this structure is.
    pub kind: PersonKind,
}

/// What a [`Person`] is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PersonKind {
    /// An address.
    #[default]
    Mailbox,
    /// A group begins; its name is in `mailbox`.
    GroupStart,
    /// A group ends.
    GroupEnd,
}

impl Person {
    /// Whether this is an address, not the end of a group.
    #[must_use]
    pub fn is_mailbox(&self) -> bool {
        self.kind == PersonKind::Mailbox
    }

    /// `local@domain`, quoted where needed; only the local part when there is no domain; nothing
    /// for the ends of a group.
    #[must_use]
    pub fn email(&self) -> Option<String> {
        let local = self.mailbox.as_deref().filter(|_| self.is_mailbox())?;
        let host = self.host.as_deref().unwrap_or_default();
        if host.is_empty() {
            return Some(local.to_owned());
        }
        if is_dot_string(local) {
            return Some(format!("{local}@{host}"));
        }
        let escaped = local.replace('\\', "\\\\").replace('"', "\\\"");
        Some(format!("\"{escaped}\"@{host}"))
    }

    /// The display name as people read it.
    #[must_use]
    pub fn display_name(&self) -> Option<String> {
        self.name
            .as_deref()
            .map(word::decode_words)
            .filter(|name| !name.is_empty())
    }
}

/// RFC 8621 §4.1.2.4 GroupedAddresses: addresses outside groups stand in groups without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The decoded name of the group.
    pub name: Option<String>,
    /// Its members.
    pub addresses: Vec<NamedAddress>,
}

/// RFC 8621 §4.1.2.3 EmailAddress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedAddress {
    /// The decoded display name.
    pub name: Option<String>,
    /// `local@domain`; whatever was there when it is no address.
    pub email: String,
}

/// The addresses of a field, at most [`ADDRESSES_MAX`], with names as sent.
#[must_use]
pub fn addresses(raw_value: &[u8]) -> Vec<Person> {
    let text = header::unfold(raw_value);
    let mut list = List {
        rest: &text,
        ..List::default()
    };
    list.read();
    list.people
}

/// The addresses of a field for people: names decoded, groups kept.
#[must_use]
pub fn decoded_addresses(raw_value: &[u8]) -> Vec<Group> {
    grouped(&addresses(raw_value))
}

/// What [`addresses`] or a summary holds, for people: names decoded, groups kept.
#[must_use]
pub fn grouped(people: &[Person]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open = false;
    for person in people {
        match person.kind {
            PersonKind::GroupStart => {
                let name = person.mailbox.as_deref().map(word::decode_words);
                groups.push(Group {
                    name,
                    addresses: Vec::new(),
                });
                open = true;
            }
            PersonKind::GroupEnd => open = false,
            PersonKind::Mailbox => {
                let loose = open || groups.last().is_some_and(|group| group.name.is_none());
                if !loose {
                    groups.push(Group {
                        name: None,
                        addresses: Vec::new(),
                    });
                }
                let email = person.email().unwrap_or_default();
                let address = NamedAddress {
                    name: person.display_name(),
                    email,
                };
                if let Some(group) = groups.last_mut() {
                    group.addresses.push(address);
                }
            }
        }
    }
    groups
}

/// One word before a comma, a bracket or a colon.
struct Token {
    text: String,
    quoted: bool,
    spaced: bool,
}

#[derive(Default)]
struct List<'a> {
    rest: &'a str,
    people: Vec<Person>,
    tokens: Vec<Token>,
    comment: Option<String>,
    /// The address in angle brackets, once read.
    angle: Option<String>,
    in_group: bool,
    spaced: bool,
    /// Once a closer was searched in vain it is not searched again: this keeps the pass linear.
    no_quote: bool,
    no_comment: bool,
}

impl List<'_> {
    fn read(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            if self.people.len() >= ADDRESSES_MAX {
                break;
            }
            match c {
                '"' if !self.no_quote => self.quoted(),
                '(' if !self.no_comment => self.comment(),
                '<' => self.angle(),
                ',' => self.separator(),
                ';' => {
                    self.separator();
                    self.close_group();
                }
                ':' if !self.in_group && self.angle.is_none() => self.open_group(),
                c if c.is_whitespace() => {
                    self.rest = &self.rest[c.len_utf8()..];
                    self.spaced = true;
                }
                _ => self.atom(c),
            }
        }
        self.flush();
        self.close_group();
        self.people.truncate(ADDRESSES_MAX);
    }

    fn separator(&mut self) {
        self.flush();
        self.rest = &self.rest[1..];
    }

    fn push(&mut self, text: String, quoted: bool) {
        let spaced = std::mem::take(&mut self.spaced);
        self.tokens.push(Token {
            text,
            quoted,
            spaced,
        });
    }

    fn quoted(&mut self) {
        match quoted_string(self.rest) {
            Some((text, len)) => {
                self.rest = &self.rest[len..];
                self.push(text, true);
            }
            None => self.no_quote = true,
        }
    }

    fn comment(&mut self) {
        match comment(self.rest) {
            Some((text, len)) => {
                self.rest = &self.rest[len..];
                self.spaced = true;
                self.comment = Some(text);
            }
            None => self.no_comment = true,
        }
    }

    /// An unclosed bracket ends at the next comma.
    fn angle(&mut self) {
        let inner = &self.rest[1..];
        let mut quoted = false;
        let mut escaped = false;
        let stop = inner.char_indices().find(|&(_, c)| {
            let plain = !std::mem::take(&mut escaped);
            match c {
                '\\' if plain => escaped = true,
                '"' if plain => quoted = !quoted,
                _ => {}
            }
            c == '>' && !quoted
        });
        let (end, skip) = match stop {
            Some((at, _)) => (at, 1),
            None => (inner.find(['>', ',']).unwrap_or(inner.len()), 0),
        };
        let skip = skip.max(usize::from(inner[end..].starts_with('>')));
        let text = inner[..end].to_owned();
        self.rest = &inner[end + skip..];
        // `<a> <b>`: the first one was an address of its own.
        if self.angle.is_some() {
            self.flush();
        }
        self.angle = Some(text);
    }

    fn open_group(&mut self) {
        self.rest = &self.rest[1..];
        let name = phrase(&std::mem::take(&mut self.tokens)).unwrap_or_default();
        self.comment = None;
        self.in_group = true;
        let kind = PersonKind::GroupStart;
        self.people.push(Person {
            mailbox: Some(name),
            kind,
            ..Person::default()
        });
    }

    fn close_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.people.push(Person {
                kind: PersonKind::GroupEnd,
                ..Person::default()
            });
        }
    }

    fn atom(&mut self, first: char) {
        let rest = self.rest;
        let word = encoded_word_len(rest);
        let len = word.unwrap_or_else(|| {
            // A bracketed host may hold colons: `user@[IPv6:::1]`.
            let mut literal = false;
            let stop = rest.char_indices().skip(1).find(|&(_, c)| {
                literal = (literal || c == '[') && c != ']' && !c.is_whitespace();
                !literal && (c.is_whitespace() || matches!(c, '"' | '(' | '<' | ',' | ';' | ':'))
            });
            stop.map_or(rest.len(), |(at, _)| at)
        });
        self.rest = &rest[len.max(first.len_utf8())..];
        self.push(rest[..len.max(first.len_utf8())].to_owned(), false);
    }

    /// Ends one address: what was gathered becomes a person.
    fn flush(&mut self) {
        let mut tokens = std::mem::take(&mut self.tokens);
        let comment = self.comment.take();
        self.spaced = false;
        if let Some(spec) = self.angle.take() {
            let name = phrase(&tokens).or(comment);
            self.people.push(person(name, &spec));
            return;
        }
        if tokens.is_empty() {
            return;
        }
        // `Tên an@x.vn` without brackets: the word with the `@` is the address.
        let is_spec = |t: &Token| {
            !t.quoted
                && t.text
                    .find('@')
                    .is_some_and(|at| at > 0 && at + 1 < t.text.len())
        };
        let specs = tokens.iter().filter(|t| is_spec(t)).count();
        let apart = tokens.len() > 1 && tokens.iter().skip(1).all(|t| t.spaced);
        if specs == 1
            && apart
            && let Some(at) = tokens.iter().position(is_spec)
        {
            let spec = tokens.remove(at).text;
            self.people.push(person(phrase(&tokens).or(comment), &spec));
            return;
        }
        let at_sign = tokens.iter().any(|t| !t.quoted && t.text.contains('@'));
        if at_sign {
            let spec: String = tokens.iter().map(requoted).collect();
            self.people.push(person(comment, &spec));
        } else {
            let mailbox = phrase(&tokens);
            self.people.push(Person {
                name: comment,
                mailbox,
                host: Some(String::new()),
                kind: PersonKind::Mailbox,
            });
        }
    }
}

fn requoted(token: &Token) -> String {
    if !token.quoted {
        return token.text.clone();
    }
    format!(
        "\"{}\"",
        token.text.replace('\\', "\\\\").replace('"', "\\\"")
    )
}

fn phrase(tokens: &[Token]) -> Option<String> {
    let mut phrase = String::new();
    for token in tokens {
        if token.spaced && !phrase.is_empty() {
            phrase.push(' ');
        }
        phrase.push_str(&token.text);
    }
    let phrase = phrase.trim();
    (!phrase.is_empty()).then(|| header::shorten(phrase.to_owned()))
}

/// addr-spec, perhaps behind an obsolete route `@a,@b:` (RFC 5322 §4.4).
fn person(name: Option<String>, spec: &str) -> Person {
    let mut spec = spec.trim();
    if spec.starts_with('@')
        && let Some(colon) = spec.find(':')
    {
        spec = &spec[colon + 1..];
    }
    let (local, host) = match spec.rfind('@') {
        Some(at) if !inside_quotes(spec, at) => (&spec[..at], &spec[at + 1..]),
        _ => (spec, ""),
    };
    let local = match quoted_string(local.trim()) {
        Some((text, len)) if len == local.trim().len() => text,
        _ => without_comments(local),
    };
    Person {
        name: name.map(header::shorten),
        mailbox: Some(header::shorten(local)),
        host: Some(header::shorten(without_comments(host))),
        kind: PersonKind::Mailbox,
    }
}

/// An `@` behind which a quote closes is part of a quoted local part.
fn inside_quotes(spec: &str, at: usize) -> bool {
    spec.starts_with('"') && spec[at..].contains('"')
}

fn without_comments(text: &str) -> String {
    let mut depth = 0usize;
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 && !c.is_whitespace() => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// A quoted string at the beginning of the text: its content, and its octets with the quotes.
fn quoted_string(text: &str) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((content, at + 2)),
            '\\' => content.extend(chars.next().map(|(_, c)| c)),
            _ => content.push(c),
        }
    }
    None
}

/// A comment at the beginning of the text: its content, and its octets with the parentheses.
fn comment(text: &str) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut depth = 0usize;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' if depth < COMMENT_DEPTH_MAX => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some((content.trim().to_owned(), at + 1));
                }
            }
            '\\' => {
                content.extend(chars.next().map(|(_, c)| c));
                continue;
            }
            _ => {}
        }
        content.push(c);
    }
    None
}

/// Octets of an encoded word at the beginning of the text. Commas in one are no separators,
/// although RFC 2047 §5 (3) forbids them there.
fn encoded_word_len(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("=?")?.as_bytes();
    let inner = &inner[..inner.len().min(WORD_MAX)];
    let mut marks = 0;
    for (at, &b) in inner.iter().enumerate() {
        if b == b'?' {
            marks += 1;
            if marks >= 3 && inner.get(at + 1) == Some(&b'=') {
                return Some(at + 4);
            }
        } else if b == b' ' || b == b'\t' {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints a list in one line: `name|mailbox|host`, `{group`, `}`.
    fn check(input: &str, expected: &str) {
        let shown: Vec<String> = addresses(input.as_bytes())
            .iter()
            .map(|p| match p.kind {
                PersonKind::GroupStart => format!("{{{}", p.mailbox.as_deref().unwrap()),
                PersonKind::GroupEnd => "}".to_owned(),
                PersonKind::Mailbox => format!(
                    "{}|{}|{}",
                    p.name.as_deref().unwrap_or("-"),
                    p.mailbox.as_deref().unwrap(),
                    p.host.as_deref().unwrap()
                ),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{input:?}");
    }

    #[test]
    fn lists_are_read() {
        check("an@x.vn", "-|an|x.vn");
        check(
            "Nguyễn Văn An <an@x.vn>, b@y.vn",
            "Nguyễn Văn An|an|x.vn -|b|y.vn",
        );
        check("\"An, Nguyen\" <an@x.vn>", "An, Nguyen|an|x.vn");
        check("\"a \\\"b\\\" c\" <an@x.vn>", "a \"b\" c|an|x.vn");
        check("an@x.vn (Nguyen (Van) An)", "Nguyen (Van) An|an|x.vn");
        check(
            "=?utf-8?Q?Nguy=E1=BB=85n,_An?= <an@x.vn>",
            "=?utf-8?Q?Nguy=E1=BB=85n,_An?=|an|x.vn",
        );
        check("\"a b\"@x.vn", "-|a b|x.vn");
        check("<\"a@b\"@x.vn>", "-|a@b|x.vn");
        check("<@r.vn,@s.vn:an@x.vn>", "-|an|x.vn");
        check("a @ x.vn", "-|a|x.vn");
        check("user@[IPv6:::1]", "-|user|[IPv6:::1]");
        check(
            "Văn thư: a@x.vn, B <b@x.vn>; c@x.vn",
            "{Văn thư -|a|x.vn B|b|x.vn } -|c|x.vn",
        );
        check("undisclosed-recipients:;", "{undisclosed-recipients }");
        check("", "");
        check(",,, ,", "");
    }

    #[test]
    fn mistakes_are_read_too() {
        check("Nguyen An an@x.vn", "Nguyen An|an|x.vn");
        check("root", "-|root|");
        check("<>", "-||");
        check("An <an@x.vn", "An|an|x.vn");
        check("An <an@x.vn, b@y.vn", "An|an|x.vn -|b|y.vn");
        check("\"An <an@x.vn>", "\"An|an|x.vn");
        check("An (x <an@x.vn>", "An (x|an|x.vn");
        check("a: b: c@x.vn", "{a -|b:c|x.vn }");
        check("<a@x.vn> <b@x.vn>", "-|a|x.vn -|b|x.vn");
    }

    #[test]
    fn groups_and_names_are_decoded_for_people() {
        let groups = decoded_addresses(b"a@x.vn, =?utf-8?b?VsSDbg==?=: \"b c\"@x.vn;, d@x.vn");
        let shown: Vec<(Option<&str>, Vec<&str>)> = groups
            .iter()
            .map(|g| {
                (
                    g.name.as_deref(),
                    g.addresses.iter().map(|a| a.email.as_str()).collect(),
                )
            })
            .collect();
        let expected = vec![
            (None, vec!["a@x.vn"]),
            (Some("Văn"), vec!["\"b c\"@x.vn"]),
            (None, vec!["d@x.vn"]),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn i13_hostile_lists_are_capped_and_cost_linear_time() {
        for piece in [
            "a@b.vn,", "\"", "(", "<", "=?", "a:", "a:;", "<\"", "\\", "@", "(\"<",
        ] {
            let people = addresses(piece.repeat(200_000).as_bytes());
            assert!(people.len() <= ADDRESSES_MAX, "{piece}");
        }
    }
}
