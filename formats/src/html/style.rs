//! Style attributes: an allow-list of properties, and values that load, place and compute nothing.

use std::fmt::Write;

use cssparser::{
    AtRuleParser, CowRcStr, DeclarationParser, ParseError, Parser, ParserState,
    QualifiedRuleParser, RuleBodyItemParser, RuleBodyParser, ToCss, Token,
};

/// Octets of one style attribute.
const STYLE_MAX: usize = 16 * 1024;
/// Declarations of one style attribute.
const DECLARATIONS_MAX: usize = 100;
/// Nesting of functions in a value.
const DEPTH_MAX: usize = 4;

/// No shorthand that takes an image, nothing that leaves its place or covers the page.
const PROPERTIES: [&str; 77] = [
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "caption-side",
    "clear",
    "color",
    "direction",
    "display",
    "empty-cells",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-position",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "opacity",
    "overflow",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "page-break-after",
    "page-break-before",
    "page-break-inside",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-decoration-color",
    "text-decoration-line",
    "text-decoration-style",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
    "word-wrap",
];
const FUNCTIONS: [&str; 5] = ["rgb", "rgba", "hsl", "hsla", "calc"];

/// The declarations that may stay, written anew; nothing when none may.
pub(super) fn clean(style: &str) -> Option<String> {
    if style.len() > STYLE_MAX {
        return None;
    }
    let kept = declarations(&mut Parser::new(style));
    (!kept.is_empty()).then_some(kept)
}

/// The same of an attribute or of the block of a rule.
pub(super) fn declarations(input: &mut Parser<'_>) -> String {
    let mut body = Body;
    let declarations = RuleBodyParser::new(input, &mut body);
    let kept: Vec<String> = declarations
        .take(DECLARATIONS_MAX)
        .filter_map(Result::ok)
        .collect();
    kept.join("; ")
}

struct Body;

impl<'i> DeclarationParser<'i> for Body {
    type Declaration = String;
    type Error = ();

    fn parse_value(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
        _start: &ParserState,
    ) -> Result<String, ParseError<()>> {
        let mut name = name.to_ascii_lowercase();
        let is_background = name == "background";
        if !is_background && !PROPERTIES.contains(&name.as_str()) {
            return Err(ParseError::custom(()));
        }
        let mut value = String::new();
        write_value(input, &mut value, 0)?;
        let value = value.trim();
        // What still needs an escape is no name of anything harmless.
        if value.is_empty() || value.contains('\\') {
            return Err(ParseError::custom(()));
        }
        if is_background {
            // Word writes the colour of cells so. The shorthand itself would reset and load more.
            if value.contains([' ', ',', '"', '/']) && !value.starts_with("rgb") {
                return Err(ParseError::custom(()));
            }
            name.push_str("-color");
        }
        Ok(format!("{name}: {value}"))
    }
}

fn write_value(
    input: &mut Parser<'_>,
    out: &mut String,
    depth: usize,
) -> Result<(), ParseError<()>> {
    while let Ok(token) = input.next_including_whitespace().cloned() {
        match &token {
            Token::WhiteSpace(_) => out.push(' '),
            Token::Function(name) => {
                let name = name.to_ascii_lowercase();
                if depth >= DEPTH_MAX || !FUNCTIONS.contains(&name.as_str()) {
                    return Err(ParseError::custom(()));
                }
                out.push_str(&name);
                out.push('(');
                input.parse_nested_block(|inner| write_value(inner, out, depth + 1))?;
                out.push(')');
            }
            Token::Ident(_)
            | Token::Hash(_)
            | Token::IDHash(_)
            | Token::Number { .. }
            | Token::Percentage { .. }
            | Token::Dimension { .. }
            | Token::Comma
            | Token::QuotedString(_) => {
                token.to_css(out).map_err(|_| ParseError::custom(()))?;
            }
            Token::Delim('+' | '*' | '/' | '-') => {
                write!(out, "{}", token.to_css_string()).map_err(|_| ParseError::custom(()))?
            }
            // `!important`: the weight goes, the declaration stays.
            Token::Delim('!') if depth == 0 => {
                let weight = input.next().cloned();
                let important =
                    matches!(&weight, Ok(Token::Ident(w)) if w.eq_ignore_ascii_case("important"));
                if important && input.is_exhausted() {
                    return Ok(());
                }
                return Err(ParseError::custom(()));
            }
            // `url(…)`, blocks, anything damaged: the declaration goes.
            _ => return Err(ParseError::custom(())),
        }
    }
    Ok(())
}

impl AtRuleParser<'_> for Body {
    type Prelude = ();
    type AtRule = String;
    type Error = ();
}

impl QualifiedRuleParser<'_> for Body {
    type Prelude = ();
    type QualifiedRule = String;
    type Error = ();
}

impl RuleBodyItemParser<'_, String, ()> for Body {
    fn parse_declarations(&self) -> bool {
        true
    }

    fn parse_qualified(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(clean(input).unwrap_or_default(), expected, "{input}");
    }

    #[test]
    fn harmless_styles_stay() {
        check("color: RED; width:10px", "color: RED; width: 10px");
        check(
            "border:1px solid #ccc;;margin : 0 auto",
            "border: 1px solid #ccc; margin: 0 auto",
        );
        check(
            "font-family:'Times New Roman',serif",
            "font-family: \"Times New Roman\",serif",
        );
        check(
            "color:rgb(1, 2, 3);font:bold 12pt/1.5 Arial",
            "color: rgb(1, 2, 3); font: bold 12pt/1.5 Arial",
        );
        check("width: calc(100% - 2px)", "width: calc(100% - 2px)");
        check("COLOR:red", "color: red");
        check(
            "color:red !important; width:1px!important",
            "color: red; width: 1px",
        );
        check(
            "background:#D9E2F3;background: White",
            "background-color: #D9E2F3; background-color: White",
        );
        check("background:rgb(1, 2, 3)", "background-color: rgb(1, 2, 3)");
    }

    #[test]
    fn everything_else_goes() {
        for hostile in [
            "background:url(https://evil/)",
            "background-image:url(https://evil/)",
            "background-color:url(https://evil/)",
            "color:\\75rl(https://evil/)",
            "background-color:u/**/rl(https://evil/)",
            "list-style-type:image-set('https://evil/' 1x)",
            "color:var(--x)",
            "width:expression(alert(1))",
            "width:calc(env(x))",
            "position:fixed",
            "pos\\ition:fixed",
            "z-index:99999",
            "-moz-binding:url(x)",
            "behavior:url(x)",
            "content:'x'",
            "cursor:url(x),auto",
            "filter:url(x)",
            "--x:url(https://evil/)",
            "font-family:\\\"x",
            "font-family:'a\\a b'",
            "color:red !evil",
            "color:red !important url(x)",
            "background:white url(https://evil/)",
            "background:white none repeat",
            "@import 'https://evil/'",
            "color:red}body{color:blue",
            "color:<script>",
            "{color:red}",
            "color:attr(x)",
            "font-family:url(x",
            "",
        ] {
            let kept = clean(hostile).unwrap_or_default().to_lowercase();
            for word in [
                "url",
                "evil",
                "var",
                "expression",
                "position",
                "important",
                "import",
                "<",
                "}",
                "{",
                "attr",
                "env",
            ] {
                assert!(!kept.contains(word), "{hostile} left {kept}");
            }
        }
    }
}
