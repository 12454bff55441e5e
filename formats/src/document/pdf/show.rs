//! §9.4: what a content shows, in its order. Programs put each run of characters somewhere of its own, often amid a word
//! (Word does where the font changes, so at most Vietnamese vowels): where the next one begins behind the last, it
//! goes on; where there is room between them there is a space; elsewhere a new line.

use super::File;
use super::font::{Font, Fonts};
use super::object::{Lexer, Map, Object};
use crate::document::Text;
use std::rc::Rc;

/// Forms within each other (§8.10), and on one page.
const DEPTH_MAX: usize = 4;
const FORMS_MAX: usize = 500;
/// States that are kept (§8.4.2).
const STATES_MAX: usize = 64;
/// Operands of one operator.
const OPERANDS_MAX: usize = 64;
/// Room between two runs that is a space, and a step to the side that is another line, of the size of the font.
const GAP: f64 = 0.18;
const LINE: f64 = 0.5;

/// §8.3.3.
type Matrix = [f64; 6];
const SAME: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

fn times(a: &Matrix, b: &Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

fn moved(by: &Matrix, x: f64, y: f64) -> Matrix {
    times(&[1.0, 0.0, 0.0, 1.0, x, y], by)
}

fn matrix(operands: &[Object]) -> Matrix {
    let mut matrix = SAME;
    for (to, from) in matrix.iter_mut().zip(operands) {
        *to = from.number();
    }
    matrix
}

/// §8.4.1, §9.3.1.
#[derive(Clone)]
struct State {
    page: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    apart: f64,
    words_apart: f64,
    wide: f64,
    leading: f64,
}

struct Showing<'a, 'f> {
    file: &'a File<'f>,
    fonts: &'a mut Fonts,
    out: &'a mut Text,
    state: State,
    kept: Vec<State>,
    line: Matrix,
    text: Matrix,
    /// Where the last run ended, on the page.
    end: Option<(f64, f64)>,
    forms: usize,
}

/// Adds what a content shows.
pub(super) fn show(
    file: &File<'_>,
    content: &[u8],
    resources: &Map,
    fonts: &mut Fonts,
    out: &mut Text,
) {
    let state = State {
        page: SAME,
        font: None,
        size: 1.0,
        apart: 0.0,
        words_apart: 0.0,
        wide: 1.0,
        leading: 0.0,
    };
    let mut showing = Showing {
        file,
        fonts,
        out,
        state,
        kept: Vec::new(),
        line: SAME,
        text: SAME,
        end: None,
        forms: 0,
    };
    showing.content(content, resources, 0);
}

impl Showing<'_, '_> {
    fn content(&mut self, content: &[u8], resources: &Map, depth: usize) {
        if !self.file.spend(content.len()) {
            return;
        }
        let mut lexer = Lexer::new(content, 0);
        let mut operands: Vec<Object> = Vec::new();
        while let Some(token) = lexer.token() {
            if self.out.is_full() {
                return;
            }
            match token {
                Object::Word(word) => {
                    match word.as_str() {
                        "ID" => lexer.skip_picture(),
                        "Do" => self.form(operands.last(), resources, depth),
                        "Tf" => self.font(&operands, resources),
                        word => self.operator(word, &operands),
                    }
                    operands.clear();
                }
                operand if operands.len() < OPERANDS_MAX => operands.push(operand),
                _ => {}
            }
        }
    }

    fn operator(&mut self, word: &str, operands: &[Object]) {
        let number = |at: usize| operands.get(at).map_or(0.0, Object::number);
        match word {
            "q" if self.kept.len() < STATES_MAX => self.kept.push(self.state.clone()),
            "Q" => self.state = self.kept.pop().unwrap_or_else(|| self.state.clone()),
            "cm" => self.state.page = times(&matrix(operands), &self.state.page),
            "BT" => (self.line, self.text) = (SAME, SAME),
            "Tc" => self.state.apart = number(0),
            "Tw" => self.state.words_apart = number(0),
            "Tz" => self.state.wide = number(0) / 100.0,
            "TL" => self.state.leading = number(0),
            "Td" => self.next_line(number(0), number(1)),
            "TD" => {
                self.state.leading = -number(1);
                self.next_line(number(0), number(1));
            }
            "Tm" => {
                self.line = matrix(operands);
                self.text = self.line;
            }
            "T*" => self.next_line(0.0, -self.state.leading),
            "Tj" => self.run(operands.last()),
            "'" => {
                self.next_line(0.0, -self.state.leading);
                self.run(operands.last());
            }
            "\"" => {
                (self.state.words_apart, self.state.apart) = (number(0), number(1));
                self.next_line(0.0, -self.state.leading);
                self.run(operands.last());
            }
            "TJ" => {
                let Some(Object::List(list)) = operands.last() else {
                    return;
                };
                for one in list {
                    match one {
                        Object::Number(back) => {
                            let x = -back / 1_000.0 * self.state.size * self.state.wide;
                            self.text = moved(&self.text, x, 0.0);
                        }
                        one => self.run(Some(one)),
                    }
                }
            }
            _ => {}
        }
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line = moved(&self.line, x, y);
        self.text = self.line;
    }

    fn font(&mut self, operands: &[Object], resources: &Map) {
        let [.., Object::Name(name), Object::Number(size)] = operands else {
            return;
        };
        self.state.size = *size;
        let fonts = self.file.map(resources.get("Font"));
        let found = fonts.get(name.as_str());
        self.state.font = match found {
            Some(Object::Reference(number)) => Some(match self.fonts.get(number) {
                Some(font) => Rc::clone(font),
                None => {
                    let font = Rc::new(Font::of(self.file, &self.file.map(found)));
                    self.fonts.insert(*number, Rc::clone(&font));
                    font
                }
            }),
            Some(Object::Map(map)) => Some(Rc::new(Font::of(self.file, map))),
            _ => None,
        };
    }

    fn form(&mut self, name: Option<&Object>, resources: &Map, depth: usize) {
        let Some(Object::Name(name)) = name else {
            return;
        };
        let forms = self.file.map(resources.get("XObject"));
        let Some(Object::Reference(number)) = forms.get(name.as_str()) else {
            return;
        };
        let is_form = matches!(
            self.file.map(forms.get(name.as_str())).get("Subtype"),
            Some(Object::Name(kind)) if kind == "Form"
        );
        if !is_form || depth >= DEPTH_MAX || self.forms >= FORMS_MAX {
            return;
        }
        self.forms += 1;
        let Some((map, content)) = self.file.stream(*number) else {
            return;
        };
        let kept = self.state.clone();
        let own = self.file.list(map.get("Matrix"));
        if own.len() == 6 {
            self.state.page = times(&matrix(&own), &self.state.page);
        }
        let used = match map.get("Resources") {
            Some(used) => self.file.map(Some(used)),
            None => resources.clone(),
        };
        self.content(&content, &used, depth + 1);
        self.state = kept;
    }

    /// §9.4.4: one string.
    fn run(&mut self, text: Option<&Object>) {
        let (Some(Object::Text(text)), Some(font)) = (text, self.state.font.clone()) else {
            return;
        };
        self.part();
        for (is_space, chars, width) in font.codes(text) {
            self.out.push(&chars);
            let words = if is_space {
                self.state.words_apart
            } else {
                0.0
            };
            let x =
                (width / 1_000.0 * self.state.size + self.state.apart + words) * self.state.wide;
            self.text = moved(&self.text, x, 0.0);
        }
        let at = times(&self.text, &self.state.page);
        self.end = Some((at[4], at[5]));
    }

    /// What stands between the last run and the one that begins here.
    fn part(&mut self) {
        let at = times(&self.text, &self.state.page);
        let Some((x, y)) = self.end else {
            return;
        };
        let length = at[0].hypot(at[1]);
        let size = self.state.size.abs() * at[2].hypot(at[3]);
        if !(length > 0.0 && size > 0.0) || self.out.0.ends_with([' ', '\n']) {
            return;
        }
        let (along, across) = (at[0] / length, at[1] / length);
        let (dx, dy) = (at[4] - x, at[5] - y);
        let forward = dx * along + dy * across;
        let aside = (dy * along - dx * across).abs();
        if aside > LINE * size {
            self.out.push("\n");
        } else if forward > GAP * size || forward < -LINE * size {
            self.out.push(" ");
        }
    }
}
