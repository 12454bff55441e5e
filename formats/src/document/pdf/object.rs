//! §7.2, §7.3: octets to objects.

use std::collections::BTreeMap;

/// Lists and maps within each other.
const DEPTH_MAX: usize = 32;
/// Members of one list or map.
const MEMBERS_MAX: usize = 200_000;
/// Octets of a name or word.
const NAME_MAX: usize = 127;

pub(super) type Map = BTreeMap<String, Object>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    Null,
    Number(f64),
    Name(String),
    Text(Vec<u8>),
    List(Vec<Object>),
    Map(Map),
    Reference(u32),
    /// An operator or keyword, or a mark that ends a list or map.
    Word(String),
}

impl Object {
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// How many objects it is made of.
    pub(super) fn weight(&self) -> usize {
        let within: usize = match self {
            Self::List(list) => list.iter().map(Self::weight).sum(),
            Self::Map(map) => map.values().map(Self::weight).sum(),
            _ => 0,
        };
        within + 1
    }

    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            _ => 0.0,
        }
    }
}

/// Reads objects one after the other.
pub(super) struct Lexer<'a> {
    octets: &'a [u8],
    at: usize,
}

fn is_blank(b: u8) -> bool {
    matches!(b, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(b: u8) -> bool {
    matches!(
        b,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

impl<'a> Lexer<'a> {
    pub(super) fn new(octets: &'a [u8], at: usize) -> Self {
        Self {
            octets,
            at: at.min(octets.len()),
        }
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let begin = self.at;
        while self.peek().is_some_and(&is) {
            self.at += 1;
        }
        &self.octets[begin..self.at]
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(is_blank);
            if self.peek() != Some(b'%') {
                return;
            }
            self.take_while(|b| b != b'\n' && b != b'\r');
        }
    }

    /// §8.9.7: the octets of a picture within a content, up to its end.
    pub(super) fn skip_picture(&mut self) {
        let rest = &self.octets[self.at..];
        let mut ends = memchr::memmem::find_iter(rest, b"EI");
        let end = ends.find(|at| {
            let before = at.checked_sub(1).and_then(|at| rest.get(at));
            let after = rest.get(at + 2);
            before.is_some_and(|b| is_blank(*b)) && after.is_none_or(|b| is_blank(*b))
        });
        self.at = end.map_or(self.octets.len(), |end| self.at + end + 2);
    }

    /// The next object with what is in it; references are known.
    pub(super) fn object(&mut self) -> Option<Object> {
        self.nested(0, true)
    }

    /// The same for contents, in which nothing is referred to.
    pub(super) fn token(&mut self) -> Option<Object> {
        self.nested(0, false)
    }

    fn nested(&mut self, depth: usize, refers: bool) -> Option<Object> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.one()? {
            Object::Word(mark) if mark == "[" => {
                let list = self.members(depth, refers, "]");
                Some(Object::List(list))
            }
            Object::Word(mark) if mark == "<<" => {
                let mut members = self.members(depth, refers, ">>").into_iter();
                let mut map = Map::new();
                while let (Some(key), Some(value)) = (members.next(), members.next()) {
                    if let Object::Name(key) = key {
                        map.insert(key, value);
                    }
                }
                Some(Object::Map(map))
            }
            Object::Number(number) if refers => Some(self.referred(number)),
            other => Some(other),
        }
    }

    fn members(&mut self, depth: usize, refers: bool, end: &str) -> Vec<Object> {
        let mut found = Vec::new();
        while found.len() < MEMBERS_MAX {
            match self.nested(depth + 1, refers) {
                Some(Object::Word(word)) if word == end => break,
                // An object that was cut off.
                Some(Object::Word(word)) if word == "endobj" || word == "stream" => break,
                Some(Object::Word(_)) => found.push(Object::Null),
                Some(object) => found.push(object),
                None => break,
            }
        }
        found
    }

    /// §7.3.10: `12 0 R`, where it is one.
    fn referred(&mut self, number: f64) -> Object {
        let begin = self.at;
        self.skip_blank();
        let generation = self.take_while(|b| b.is_ascii_digit()).len();
        self.skip_blank();
        let is_one = (1..=5).contains(&generation)
            && self.peek() == Some(b'R')
            && self
                .octets
                .get(self.at + 1)
                .is_none_or(|b| is_blank(*b) || is_delimiter(*b));
        if is_one && number >= 0.0 && number.fract() == 0.0 {
            self.at += 1;
            return Object::Reference(number as u32);
        }
        self.at = begin;
        Object::Number(number)
    }

    fn one(&mut self) -> Option<Object> {
        self.skip_blank();
        let first = self.peek()?;
        let double = self.octets.get(self.at + 1) == Some(&first);
        match first {
            b'(' => Some(Object::Text(self.literal())),
            b'<' | b'>' if double => {
                self.at += 2;
                let mark = if first == b'<' { "<<" } else { ">>" };
                Some(Object::Word(mark.to_owned()))
            }
            b'<' => Some(Object::Text(self.hex())),
            b'/' => {
                self.at += 1;
                let name = self.take_while(|b| !is_blank(b) && !is_delimiter(b));
                let name = &name[..name.len().min(NAME_MAX)];
                Some(Object::Name(String::from_utf8_lossy(name).into_owned()))
            }
            b if is_delimiter(b) => {
                self.at += 1;
                Some(Object::Word(char::from(b).to_string()))
            }
            _ => {
                let word = self.take_while(|b| !is_blank(b) && !is_delimiter(b));
                let word = String::from_utf8_lossy(&word[..word.len().min(NAME_MAX)]);
                let is_number = matches!(first, b'+' | b'-' | b'.' | b'0'..=b'9');
                Some(match word.parse::<f64>() {
                    Ok(number) if is_number && number.is_finite() => Object::Number(number),
                    _ if is_number => Object::Number(0.0),
                    _ => Object::Word(word.into_owned()),
                })
            }
        }
    }

    /// §7.3.4.2.
    fn literal(&mut self) -> Vec<u8> {
        let (mut out, mut open) = (Vec::new(), 0usize);
        while let Some(b) = self.peek() {
            self.at += 1;
            match b {
                b'(' => {
                    open += 1;
                    if open > 1 {
                        out.push(b);
                    }
                }
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                    out.push(b);
                }
                b'\\' => self.escape(&mut out),
                b => out.push(b),
            }
        }
        out
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let Some(b) = self.peek() else {
            return;
        };
        if (b'0'..=b'7').contains(&b) {
            let mut value = 0u32;
            for _ in 0..3 {
                match self.peek() {
                    Some(b @ b'0'..=b'7') => value = value * 8 + u32::from(b - b'0'),
                    _ => break,
                }
                self.at += 1;
            }
            out.push(value as u8);
            return;
        }
        self.at += 1;
        match b {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'\r' => {
                // A line that goes on.
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'\n' => {}
            b => out.push(b),
        }
    }

    /// §7.3.4.3.
    fn hex(&mut self) -> Vec<u8> {
        self.at += 1;
        let text = self.take_while(|b| b != b'>');
        self.at = (self.at + 1).min(self.octets.len());
        let digits = text.iter().filter_map(|b| char::from(*b).to_digit(16));
        let digits: Vec<u8> = digits.map(|d| d as u8).collect();
        let octets = digits.chunks(2).map(|pair| match pair {
            [high, low] => high << 4 | low,
            one => one[0] << 4,
        });
        octets.collect()
    }
}
