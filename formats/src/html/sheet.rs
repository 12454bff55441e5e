//! Style sheets within a letter, turned into style attributes: a letter may not bring a sheet of
//! its own, since that would reach the whole document, but Word and Outlook say everything there.
//!
//! Only plain selectors are followed: `p`, `.MsoNormal`, `p.MsoNormal`. Rules under `@media` and
//! the like are left out. What comes out is cleaned here and judged again as any style attribute.

use std::collections::HashMap;

use cssparser::{
    AtRuleParser, ParseError, Parser, ParserState, QualifiedRuleParser, StyleSheetParser, Token,
};

use super::style;

/// Octets of all sheets of a letter.
const SHEETS_MAX: usize = 256 * 1024;
/// Rules of a letter that are followed.
const RULES_MAX: usize = 1000;
/// Selectors of one rule.
const SELECTORS_MAX: usize = 50;
/// Classes of one element.
const CLASSES_MAX: usize = 10;
/// Octets of declarations that one element gets from sheets.
const DECLARATIONS_MAX: usize = 4 * 1024;

/// The rules of a letter, by selector.
#[derive(Default)]
pub(super) struct Sheet {
    rules: HashMap<String, Vec<String>>,
    read: usize,
    count: usize,
}

impl Sheet {
    /// Takes in the content of one `style` element.
    pub(super) fn read(&mut self, text: &str) {
        self.read += text.len();
        if self.read > SHEETS_MAX {
            return;
        }
        let mut parser = Parser::new(text);
        let mut rules = Rules;
        for rule in StyleSheetParser::new(&mut parser, &mut rules) {
            let Ok((selectors, declarations)) = rule else {
                continue;
            };
            if self.count >= RULES_MAX {
                return;
            }
            self.count += 1;
            if declarations.is_empty() {
                continue;
            }
            for selector in selectors {
                self.rules
                    .entry(selector)
                    .or_default()
                    .push(declarations.clone());
            }
        }
    }

    /// The declarations for an element, weakest first.
    pub(super) fn declarations(&self, tag: &str, classes: &str) -> String {
        let mut found = String::new();
        if self.rules.is_empty() {
            return found;
        }
        let classes = || classes.split_ascii_whitespace().take(CLASSES_MAX);
        let selectors = std::iter::once(tag.to_owned())
            .chain(classes().map(|class| format!(".{class}")))
            .chain(classes().map(|class| format!("{tag}.{class}")));
        for selector in selectors {
            for declarations in self.rules.get(&selector).into_iter().flatten() {
                if found.len() + declarations.len() > DECLARATIONS_MAX {
                    return found;
                }
                found.push_str(declarations);
                found.push(';');
            }
        }
        found
    }
}

struct Rules;

impl<'i> QualifiedRuleParser<'i> for Rules {
    type Prelude = Vec<String>;
    type QualifiedRule = (Vec<String>, String);
    type Error = ();

    fn parse_prelude(&mut self, input: &mut Parser<'i>) -> Result<Vec<String>, ParseError<()>> {
        let mut selectors = Vec::new();
        let mut current = Some(String::new());
        loop {
            let token = input.next_including_whitespace().cloned();
            match token {
                Err(_) | Ok(Token::Comma) => {
                    let done = current.take().map(|s| s.trim_end().to_owned());
                    let done = done.filter(|s| !s.is_empty() && !s.ends_with('.'));
                    selectors.extend(done.filter(|_| selectors.len() < SELECTORS_MAX));
                    if token.is_err() {
                        return Ok(selectors);
                    }
                    current = Some(String::new());
                }
                Ok(token) => current = current.and_then(|selector| grown(selector, &token)),
            }
        }
    }

    fn parse_block(
        &mut self,
        selectors: Vec<String>,
        _start: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<(Vec<String>, String), ParseError<()>> {
        Ok((selectors, style::declarations(input)))
    }
}

/// A plain selector with one more token, or nothing when it is plain no longer. White space may
/// stand around it only.
fn grown(mut selector: String, token: &Token<'_>) -> Option<String> {
    let spaced = selector.ends_with(' ');
    match token {
        Token::WhiteSpace(_) if selector.is_empty() || spaced => {}
        Token::WhiteSpace(_) => selector.push(' '),
        Token::Ident(name) if selector.is_empty() => selector.push_str(&name.to_ascii_lowercase()),
        Token::Ident(name) if selector.ends_with('.') => selector.push_str(name),
        Token::Delim('.') if !selector.contains(['.', ' ']) => selector.push('.'),
        _ => return None,
    }
    Some(selector)
}

impl AtRuleParser<'_> for Rules {
    type Prelude = ();
    type AtRule = (Vec<String>, String);
    type Error = ();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sheet: &str, tag: &str, classes: &str, expected: &str) {
        let mut rules = Sheet::default();
        rules.read(sheet);
        assert_eq!(rules.declarations(tag, classes), expected, "{sheet}");
    }

    #[test]
    fn plain_rules_are_followed() {
        let word = "<!-- /* Font */ @font-face {font-family:X; src:url(https://evil)} \
            p.MsoNormal, li.MsoNormal {mso-x:1; margin:0cm; font-size:12.0pt} .b {color:red} p{color:blue} \
            @media print { p { color: green } } a:hover{color:red} div p{color:red} #x{color:red} -->";
        check(
            word,
            "p",
            "MsoNormal",
            "color: blue;margin: 0cm; font-size: 12.0pt;",
        );
        check(
            word,
            "li",
            " b  MsoNormal ",
            "color: red;margin: 0cm; font-size: 12.0pt;",
        );
        check(word, "div", "x", "");
        check(word, "a", "", "");
        check("p {color:red", "p", "", "color: red;");
        check("P , p.A  {color:red}", "p", "A", "color: red;color: red;");
        check(
            "p{background-color:url(https://evil);width:var(--x)}",
            "p",
            "",
            "",
        );
        check("} p{color:red} @x; q{color:red}", "q", "", "color: red;");
    }

    #[test]
    fn i13_hostile_sheets_are_capped() {
        for piece in [
            "p{color:red}",
            "p,",
            "{",
            "p{",
            "@media{",
            "(",
            ".a",
            "/*",
            "<!--",
            "\\",
            "\"",
            "p{color:red;",
        ] {
            let mut rules = Sheet::default();
            rules.read(&piece.repeat(SHEETS_MAX / piece.len()));
            assert!(
                rules.declarations("p", "a").len() <= DECLARATIONS_MAX,
                "{piece}"
            );
        }
    }
}
