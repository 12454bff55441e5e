//! §9.6, §9.7, §9.10: which characters the codes of a font are, and how wide.

use super::File;
use super::object::{Lexer, Map, Object};
use crate::document::plain;
use std::collections::{BTreeMap, HashMap};

/// Codes of a font of which something is known.
const CODES_MAX: usize = 70_000;
/// Characters that one code stands for.
const UNITS_MAX: usize = 16;
/// Steps that keeping one code takes: some octets of the file stand for a whole range of them.
const CODE_STEPS: usize = 16;
/// Thousandths of the size where nothing is said.
const WIDTH: f64 = 500.0;
const WIDTH_WIDE: f64 = 1_000.0;

/// A font.
#[derive(Default)]
pub(super) struct Font {
    /// Codes of two octets.
    wide: bool,
    chars: HashMap<u32, String>,
    widths: HashMap<u32, f64>,
    width: f64,
}

impl Font {
    /// By its map.
    pub(super) fn of(file: &File<'_>, map: &Map) -> Self {
        let wide = map.get("Subtype").and_then(Object::name) == Some("Type0");
        let mut font = Self {
            wide,
            width: if wide { WIDTH_WIDE } else { WIDTH },
            ..Self::default()
        };
        if wide {
            font.wide_widths(file, map);
        } else {
            let first = file.number(map.get("FirstChar")).unwrap_or(0.0) as u32;
            let widths = file.list(map.get("Widths"));
            for (code, width) in (first..).zip(widths.iter().take(CODES_MAX)) {
                font.widths.insert(code, width.number());
            }
            font.named(file, map);
        }
        if let Some(Object::Reference(number)) = map.get("ToUnicode")
            && let Some((_, cmap)) = file.stream(*number)
            && file.spend(cmap.len())
        {
            font.read(file, &cmap);
        }
        font
    }

    /// §9.7.4.3: `12 [500 600]` and `12 14 500`.
    fn wide_widths(&mut self, file: &File<'_>, map: &Map) {
        let below = file.list(map.get("DescendantFonts"));
        let below = file.map(below.first());
        if let Some(width) = file.number(below.get("DW")) {
            self.width = width;
        }
        let mut list = file.list(below.get("W")).into_iter();
        while let (Some(first), Some(second)) = (list.next(), list.next()) {
            let first = first.number() as u32;
            match second {
                Object::List(widths) => {
                    for (code, width) in (first..).zip(widths) {
                        self.put_width(code, width.number());
                    }
                }
                last => {
                    let width = list.next().map_or(0.0, |w| w.number());
                    let last = (last.number() as u32).min(first.saturating_add(0xffff));
                    // Some octets of the file stand for many codes.
                    if !spend(file, first, last) {
                        return;
                    }
                    (first..=last).for_each(|code| self.put_width(code, width));
                }
            }
        }
    }

    fn put_width(&mut self, code: u32, width: f64) {
        if self.widths.len() < CODES_MAX {
            self.widths.insert(code, width);
        }
    }

    /// §9.6.5.1 Differences: characters by their names.
    fn named(&mut self, file: &File<'_>, map: &Map) {
        let encoding = file.map(map.get("Encoding"));
        let mut code = 0;
        for one in file
            .list(encoding.get("Differences"))
            .iter()
            .take(CODES_MAX)
        {
            match one {
                Object::Number(number) => code = *number as u32,
                Object::Name(name) => {
                    if let Some(c) = glyph(name) {
                        self.chars.insert(code, c.to_string());
                    }
                    code = code.saturating_add(1);
                }
                _ => {}
            }
        }
    }

    /// §9.10.3: a map of codes to UTF-16.
    fn read(&mut self, file: &File<'_>, cmap: &[u8]) {
        let mut lexer = Lexer::new(cmap, 0);
        let mut operands = Vec::new();
        while let Some(token) = lexer.token() {
            let Object::Word(word) = token else {
                if operands.len() < CODES_MAX {
                    operands.push(token);
                }
                continue;
            };
            match word.as_str() {
                "endcodespacerange" => {
                    if let Some(Object::Text(code)) = operands.first() {
                        self.wide = code.len() > 1;
                    }
                }
                "endbfchar" => {
                    for pair in operands.chunks_exact(2) {
                        if let [Object::Text(code), Object::Text(to)] = pair {
                            self.put(number(code), utf16(to));
                        }
                    }
                }
                "endbfrange" => {
                    for row in operands.chunks_exact(3) {
                        self.range(file, row);
                    }
                }
                _ => {}
            }
            operands.clear();
        }
    }

    fn range(&mut self, file: &File<'_>, row: &[Object]) {
        let [Object::Text(first), Object::Text(last), to] = row else {
            return;
        };
        let (first, last) = (number(first), number(last));
        let last = last.min(first.saturating_add(0xffff));
        if !spend(file, first, last) {
            return;
        }
        match to {
            Object::List(list) => {
                for (code, to) in (first..=last).zip(list) {
                    if let Object::Text(to) = to {
                        self.put(code, utf16(to));
                    }
                }
            }
            Object::Text(to) => {
                let to = utf16(to);
                let Some(begin) = to.chars().next_back() else {
                    return;
                };
                let lead = &to[..to.len() - begin.len_utf8()];
                for (code, c) in (first..=last).zip(u32::from(begin)..) {
                    if let Some(c) = char::from_u32(c) {
                        self.put(code, format!("{lead}{c}"));
                    }
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, code: u32, to: String) {
        if self.chars.len() < CODES_MAX {
            self.chars.insert(code, to);
        }
    }

    /// Each code of a string: whether it is the space of one octet (§9.3.3), its characters, its width.
    pub(super) fn codes<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = (bool, String, f64)> {
        text.chunks(if self.wide { 2 } else { 1 }).map(|code| {
            let code = number(code);
            let width = self.widths.get(&code).copied().unwrap_or(self.width);
            let chars = match self.chars.get(&code) {
                Some(chars) => chars.clone(),
                // Of a wide font nothing else tells.
                None if self.wide => String::new(),
                None => crate::message::charset::decode("windows-1252", &[code as u8]),
            };
            (!self.wide && code == 32, chars, width)
        })
    }
}

/// Takes the steps of a range of codes; false where too few are left.
fn spend(file: &File<'_>, first: u32, last: u32) -> bool {
    file.spend(last.saturating_sub(first) as usize * CODE_STEPS + CODE_STEPS)
}

/// Fonts that were read, by the numbers of their objects.
pub(super) type Fonts = BTreeMap<u32, std::rc::Rc<Font>>;

fn number(code: &[u8]) -> u32 {
    code.iter()
        .take(4)
        .fold(0, |number, b| number << 8 | u32::from(*b))
}

fn utf16(octets: &[u8]) -> String {
    plain::utf16(&octets[..octets.len().min(UNITS_MAX * 2)], false)
}

/// The character of a glyph's name, where that is plain (Adobe Glyph List §2: `uni1EBF`, letters by themselves).
fn glyph(name: &str) -> Option<char> {
    let by_number = |hex: &str| char::from_u32(u32::from_str_radix(hex, 16).ok()?);
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Some(c),
        _ if name.starts_with("uni") => by_number(name.get(3..7)?),
        _ if name.starts_with('u') => by_number(name.get(1..)?),
        _ => NAMES.iter().find(|row| row.0 == name).map(|row| row.1),
    }
}

/// The names that texts are full of.
const NAMES: [(&str, char); 22] = [
    ("space", ' '),
    ("period", '.'),
    ("comma", ','),
    ("hyphen", '-'),
    ("slash", '/'),
    ("colon", ':'),
    ("semicolon", ';'),
    ("parenleft", '('),
    ("parenright", ')'),
    ("zero", '0'),
    ("one", '1'),
    ("two", '2'),
    ("three", '3'),
    ("four", '4'),
    ("five", '5'),
    ("six", '6'),
    ("seven", '7'),
    ("eight", '8'),
    ("nine", '9'),
    ("Dcroat", 'Đ'),
    ("dcroat", 'đ'),
    ("quotesingle", '\''),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn file(octets: &[u8], steps: u64) -> File<'_> {
        let mut file = File {
            octets,
            objects: BTreeMap::new(),
            packed: Vec::new(),
            steps: Cell::new(steps),
            room: Cell::new(1 << 20),
        };
        file.find().unwrap();
        file
    }

    fn check(pdf: &str) {
        let room = pdf.len() as u64 * 4;
        for (steps, enough) in [(room, false), (room + (64 << 20), true)] {
            let file = file(pdf.as_bytes(), steps);
            let Object::Map(map) = file.object(1) else {
                panic!("{pdf:.80}");
            };
            let _ = Font::of(&file, &map);
            assert_eq!(!file.is_spent(), enough, "{pdf:.80}");
        }
    }

    /// A few octets that stand for very many codes, again and again.
    #[test]
    fn i13_ranges_of_codes_count_by_their_codes() {
        let widths = "0 65535 500 ".repeat(20);
        check(&format!(
            "1 0 obj\n<</Subtype/Type0/DescendantFonts[2 0 R]>>\nendobj\n2 0 obj\n<</W[{widths}]>>\nendobj\n"
        ));
        let cmap = format!(
            "20 beginbfrange\n{}endbfrange\n",
            "<0000> <FFFF> <0041>\n".repeat(20)
        );
        check(&format!(
            "1 0 obj\n<</Subtype/Type0/ToUnicode 3 0 R>>\nendobj\n3 0 obj\n<</Length {}>>\nstream\n{cmap}endstream\nendobj\n",
            cmap.len()
        ));
    }
}
