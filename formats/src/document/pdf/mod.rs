//! ISO 32000: the text that pages show. Objects are found by going through the file, not by its tables, which
//! damaged files have wrong; pages come in the order of their numbers. What is looked at, unpacked and shown counts
//! against limits, whatever refers to what how often.

mod font;
mod object;
mod show;

use super::{Text, Unread};
use object::{Lexer, Map, Object};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read as _;

/// Objects of a file.
const OBJECTS_MAX: usize = 300_000;
/// Pages that are read.
const PAGES_MAX: usize = 3_000;
/// Octets that are looked at, again and again where they are referred to so.
const STEPS_MAX: u64 = 400 * 1024 * 1024;
/// Octets that one stream may unpack to, and all of them.
const STREAM_MAX: u64 = 16 * 1024 * 1024;
const ALL_MAX: u64 = 96 * 1024 * 1024;
/// References to references.
const HOPS_MAX: usize = 8;
/// Nodes above a page that may say what it uses (§7.7.3.4).
const ABOVE_MAX: usize = 16;
/// Octets at the beginning of an object in which it may say that it holds others.
const NEAR: usize = 400;

/// Where an object begins.
#[derive(Clone, Copy)]
enum Place {
    File(usize),
    /// In what was unpacked.
    Packed(usize, usize),
}

/// A file, as far as it is known.
struct File<'a> {
    octets: &'a [u8],
    objects: BTreeMap<u32, Place>,
    packed: Vec<Vec<u8>>,
    /// What may still be looked at and unpacked.
    steps: Cell<u64>,
    room: Cell<u64>,
}

/// Adds the text of all pages.
pub(super) fn read(octets: &[u8], out: &mut Text) -> Result<(), Unread> {
    let head = &octets[..octets.len().min(1_024)];
    if memchr::memmem::find(head, b"%PDF-").is_none() {
        return Err(Unread::Damaged);
    }
    // §7.6: the trailer of a sealed file says how.
    if memchr::memmem::rfind(octets, b"/Encrypt").is_some() {
        return Err(Unread::Sealed);
    }
    let mut file = File {
        octets,
        objects: BTreeMap::new(),
        packed: Vec::new(),
        steps: Cell::new(STEPS_MAX),
        room: Cell::new(ALL_MAX),
    };
    file.find()?;
    let mut fonts = BTreeMap::new();
    let mut pages = 0;
    let numbers: Vec<u32> = file.objects.keys().copied().collect();
    for number in numbers {
        let Object::Map(page) = file.object(number) else {
            continue;
        };
        if page.get("Type").and_then(Object::name) != Some("Page") {
            continue;
        }
        pages += 1;
        if pages > PAGES_MAX || out.is_full() || file.is_spent() {
            break;
        }
        let resources = file.inherited(&page, "Resources");
        let content = file.content(page.get("Contents"));
        show::show(&file, &content, &resources, &mut fonts, out);
        out.push("\n");
    }
    match pages {
        0 => Err(Unread::Damaged),
        _ => Ok(()),
    }
}

impl File<'_> {
    /// Takes steps; false where too few are left.
    fn spend(&self, steps: usize) -> bool {
        let left = self.steps.get().checked_sub(steps as u64);
        self.steps.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Nothing more is looked at.
    fn is_spent(&self) -> bool {
        self.steps.get() == 0
    }

    /// Finds all objects (§7.3.10), then those within others (§7.5.7). The last one of a number holds.
    fn find(&mut self) -> Result<(), Unread> {
        let mut holders = Vec::new();
        for at in memchr::memmem::find_iter(self.octets, b" obj") {
            let Some(number) = number_before(&self.octets[..at]) else {
                continue;
            };
            if self.objects.len() >= OBJECTS_MAX {
                return Err(Unread::TooLarge);
            }
            let begin = at + 4;
            self.objects.insert(number, Place::File(begin));
            let near = &self.octets[begin..self.octets.len().min(begin + NEAR)];
            let end = memchr::memmem::find(near, b"stream").unwrap_or(near.len());
            if memchr::memmem::find(&near[..end], b"/ObjStm").is_some() {
                holders.push(number);
            }
        }
        for holder in holders {
            self.find_within(holder);
        }
        Ok(())
    }

    fn find_within(&mut self, holder: u32) {
        if self.is_spent() {
            return;
        }
        let Some((map, octets)) = self.stream(holder) else {
            return;
        };
        let count = self.number(map.get("N")).unwrap_or(0.0) as usize;
        let first = self.number(map.get("First")).unwrap_or(0.0) as usize;
        let index = self.packed.len();
        let mut lexer = Lexer::new(&octets, 0);
        for _ in 0..count.min(OBJECTS_MAX) {
            let pair = (lexer.token(), lexer.token());
            let (Some(Object::Number(number)), Some(Object::Number(at))) = pair else {
                break;
            };
            if self.objects.len() >= OBJECTS_MAX {
                break;
            }
            let place = Place::Packed(index, first.saturating_add(at as usize));
            self.objects.insert(number as u32, place);
        }
        self.packed.push(octets);
    }

    fn at(&self, place: Place) -> Lexer<'_> {
        match place {
            Place::File(at) => Lexer::new(self.octets, at),
            Place::Packed(index, at) => Lexer::new(&self.packed[index], at),
        }
    }

    /// The object of a number; `Null` where there is none. Of a stream its map.
    fn object(&self, number: u32) -> Object {
        let Some(place) = self.objects.get(&number).filter(|_| !self.is_spent()) else {
            return Object::Null;
        };
        let mut lexer = self.at(*place);
        let begin = lexer.place();
        let object = lexer.object().unwrap_or(Object::Null);
        match self.spend(lexer.place() - begin) {
            true => object,
            false => Object::Null,
        }
    }

    /// What an object stands for, references followed.
    fn value(&self, object: Option<&Object>) -> Object {
        let mut object = object.cloned().unwrap_or(Object::Null);
        for _ in 0..HOPS_MAX {
            match object {
                Object::Reference(number) => object = self.object(number),
                // Taking a copy of it counts too.
                object if self.spend(object.weight()) => return object,
                _ => return Object::Null,
            }
        }
        Object::Null
    }

    fn map(&self, object: Option<&Object>) -> Map {
        match self.value(object) {
            Object::Map(map) => map,
            _ => Map::new(),
        }
    }

    fn list(&self, object: Option<&Object>) -> Vec<Object> {
        match self.value(object) {
            Object::List(list) => list,
            _ => Vec::new(),
        }
    }

    fn number(&self, object: Option<&Object>) -> Option<f64> {
        match self.value(object) {
            Object::Number(number) => Some(number),
            _ => None,
        }
    }

    /// §7.7.3.4: what a page does not say itself, a node above it does.
    fn inherited(&self, page: &Map, name: &str) -> Map {
        let mut node = page.clone();
        for _ in 0..ABOVE_MAX {
            if node.contains_key(name) {
                return self.map(node.get(name));
            }
            node = self.map(node.get("Parent"));
        }
        Map::new()
    }

    /// §7.8.2: one stream, or several that are one.
    fn content(&self, object: Option<&Object>) -> Vec<u8> {
        let mut all = Vec::new();
        let single = object.cloned().into_iter().collect();
        let list = match self.value(object) {
            Object::List(list) => list,
            _ => single,
        };
        for one in list {
            if let Object::Reference(number) = one
                && let Some((_, octets)) = self.stream(number)
            {
                all.extend_from_slice(&octets);
                all.push(b'\n');
            }
        }
        all
    }

    /// §7.3.8: a stream, unpacked; what is damaged ends it.
    fn stream(&self, number: u32) -> Option<(Map, Vec<u8>)> {
        let Place::File(at) = *self.objects.get(&number)? else {
            return None;
        };
        if self.is_spent() {
            return None;
        }
        let mut lexer = Lexer::new(self.octets, at);
        let Object::Map(map) = lexer.object()? else {
            return None;
        };
        let Some(Object::Word(word)) = lexer.token() else {
            return None;
        };
        if word != "stream" || !self.spend(lexer.place() - at) {
            return None;
        }
        let rest = self.octets.get(lexer.place()..)?;
        let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        let told = self.number(map.get("Length")).unwrap_or(0.0) as usize;
        let is_end = |at: usize| {
            let end = rest.get(at..).map(<[u8]>::trim_ascii_start);
            end.is_some_and(|end| end.starts_with(b"endstream"))
        };
        let length = match told > 0 && rest.get(told).is_some() && is_end(told) {
            true => told,
            false => {
                let found = memchr::memmem::find(rest, b"endstream").unwrap_or(rest.len());
                self.spend(found).then_some(found)?
            }
        };
        Some((map.clone(), self.unpacked(&map, &rest[..length])?))
    }

    fn unpacked(&self, map: &Map, octets: &[u8]) -> Option<Vec<u8>> {
        let filters: Vec<Object> = match self.value(map.get("Filter")) {
            Object::Null => Vec::new(),
            Object::List(list) => list,
            one => vec![one],
        };
        let max = STREAM_MAX.min(self.room.get());
        let mut out = Vec::new();
        // Damage ends it; what came before is text all the same.
        let _ = match filters.as_slice() {
            [] => octets.take(max).read_to_end(&mut out),
            [Object::Name(name)] if name == "FlateDecode" || name == "Fl" => {
                flate2::read::ZlibDecoder::new(octets)
                    .take(max)
                    .read_to_end(&mut out)
            }
            // Pictures, and what no program writes text with.
            _ => return None,
        };
        self.room.set(self.room.get() - out.len() as u64);
        Some(out)
    }
}

/// The number of the object whose generation ends here.
fn number_before(octets: &[u8]) -> Option<u32> {
    let near = &octets[octets.len().saturating_sub(24)..];
    let digits = |from: &[u8]| from.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let generation = digits(near);
    let near = &near[..near.len() - generation];
    let near = near.strip_suffix(b" ").filter(|_| generation > 0)?;
    let number = &near[near.len() - digits(near)..];
    std::str::from_utf8(number).ok()?.parse().ok()
}
