//! RFC 1939 §9, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4, RFC 6856: one line becomes one command.
//!
//! `command = keyword *(SP param)` (RFC 2449 §3); the keyword in any case.

use directory::Secret;

/// Octets of one line without its end. RFC 2449 §4 asks for 255; addresses and passwords may be longer.
pub const LINE_MAX: usize = 2_048;
/// Octets of one answer in a SASL exchange. RFC 5034 §4: as long as the mechanisms need.
pub const SASL_LINE_MAX: usize = 12_288;
/// Digits of a number.
const DIGITS_MAX: usize = 10;

/// A command.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Command {
    Capa,
    Quit,
    Stls,
    /// RFC 6856 §2.1.
    Utf8,
    User(String),
    Pass(Secret),
    /// RFC 1939 §7: known, but never offered.
    Apop,
    /// Without a mechanism: which are there? Not in RFC 5034, but old clients ask it so.
    Auth(Option<Auth>),
    /// RFC 6856 §3: a language range, `*`, or which are there.
    Lang(Option<String>),
    Stat,
    List(Option<u32>),
    Uidl(Option<u32>),
    Retr(u32),
    Top {
        number: u32,
        lines: u32,
    },
    Dele(u32),
    Noop,
    Rset,
}

/// RFC 5034 §4.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Auth {
    pub mechanism: String,
    /// As written: base64, or `=` for an empty one.
    pub initial: Option<Secret>,
}

/// RFC 1939 §4 to §6: where a command may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stage {
    Any,
    Authorization,
    Transaction,
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No command of that name.
    Unknown,
    /// The arguments do not fit the command.
    Arguments,
    /// Not UTF-8, or a control character.
    Octets,
}

impl Command {
    /// Where it may be given.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Capa | Self::Quit | Self::Lang(_) => Stage::Any,
            Self::Stls | Self::Utf8 | Self::User(_) | Self::Pass(_) => Stage::Authorization,
            Self::Apop | Self::Auth(_) => Stage::Authorization,
            _ => Stage::Transaction,
        }
    }
}

/// Reads a line without its end.
pub fn parse(line: &[u8]) -> Result<Command, Fault> {
    if line.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
        return Err(Fault::Octets);
    }
    let line = std::str::from_utf8(line).map_err(|_| Fault::Octets)?;
    let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
    // Spaces belong to a password (RFC 1939 §7); behind all else they mean nothing.
    let words = rest.trim_end_matches(' ');
    Ok(match keyword.to_ascii_uppercase().as_str() {
        "PASS" if !rest.is_empty() => Command::Pass(Secret::new(rest)),
        "PASS" => return Err(Fault::Arguments),
        "USER" if !words.is_empty() => Command::User(words.to_owned()),
        "USER" => return Err(Fault::Arguments),
        "APOP" => Command::Apop,
        "AUTH" => Command::Auth(auth(words)?),
        "LANG" if words.is_empty() => Command::Lang(None),
        "LANG" => Command::Lang(Some(one(words)?.to_owned())),
        "LIST" => Command::List(if_any(words)?),
        "UIDL" => Command::Uidl(if_any(words)?),
        "RETR" => Command::Retr(number(one(words)?)?),
        "DELE" => Command::Dele(number(one(words)?)?),
        "TOP" => {
            let (message, lines) = words.split_once(' ').ok_or(Fault::Arguments)?;
            Command::Top {
                number: number(message)?,
                lines: number(one(lines)?)?,
            }
        }
        keyword => return alone(keyword, words),
    })
}

/// The commands without arguments.
fn alone(keyword: &str, words: &str) -> Result<Command, Fault> {
    let command = match keyword {
        "CAPA" => Command::Capa,
        "QUIT" => Command::Quit,
        "STLS" => Command::Stls,
        "UTF8" => Command::Utf8,
        "STAT" => Command::Stat,
        "NOOP" => Command::Noop,
        "RSET" => Command::Rset,
        _ => return Err(Fault::Unknown),
    };
    match words.is_empty() {
        true => Ok(command),
        false => Err(Fault::Arguments),
    }
}

/// `"AUTH" SP sasl-mech *1(SP initial-response)` (RFC 5034 §4).
fn auth(words: &str) -> Result<Option<Auth>, Fault> {
    if words.is_empty() {
        return Ok(None);
    }
    let (mechanism, initial) = match words.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(Secret::new(one(initial)?))),
        None => (words, None),
    };
    Ok(Some(Auth {
        mechanism: mechanism.to_owned(),
        initial,
    }))
}

fn one(words: &str) -> Result<&str, Fault> {
    match words.is_empty() || words.contains(' ') {
        true => Err(Fault::Arguments),
        false => Ok(words),
    }
}

fn if_any(words: &str) -> Result<Option<u32>, Fault> {
    match words.is_empty() {
        true => Ok(None),
        false => Ok(Some(number(one(words)?)?)),
    }
}

/// `1*DIGIT`; what is too large stands for a message that is not there, or for all lines.
fn number(text: &str) -> Result<u32, Fault> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits || text.len() > DIGITS_MAX {
        return Err(Fault::Arguments);
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[u8], expected: &str) {
        let got = match parse(line) {
            Ok(Command::Pass(secret)) => format!("Pass({})", secret.expose()),
            Ok(Command::Auth(Some(auth))) => {
                let initial = auth.initial.as_ref().map(Secret::expose);
                format!("Auth({} {initial:?})", auth.mechanism)
            }
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{}", line.escape_ascii());
    }

    #[test]
    fn lines_become_commands() {
        check(b"stat", "Ok(Stat)");
        check(b"STAT  ", "Ok(Stat)");
        check(b"STAT 1", "Err(Arguments)");
        check(b"LIST", "Ok(List(None))");
        check(b"List 12", "Ok(List(Some(12)))");
        check(b"UIDL 0", "Ok(Uidl(Some(0)))");
        check(b"RETR", "Err(Arguments)");
        check(b"RETR -1", "Err(Arguments)");
        check(b"RETR 4294967296", "Ok(Retr(4294967295))");
        check(b"RETR 99999999999", "Err(Arguments)");
        check(b"DELE 1 2", "Err(Arguments)");
        check(b"TOP 1 0", "Ok(Top { number: 1, lines: 0 })");
        check(b"TOP 1", "Err(Arguments)");
        check(b"TOP 1 2 3", "Err(Arguments)");
        check(b"", "Err(Unknown)");
        check(b"HELO x", "Err(Unknown)");
        check(b"ST\0AT", "Err(Octets)");
        check(b"USER a\xffb", "Err(Octets)");
        check(b"USER a\rb", "Err(Octets)");
    }

    #[test]
    fn names_and_secrets_are_taken_as_they_are() {
        check(b"USER an@tinh.gov.vn ", "Ok(User(\"an@tinh.gov.vn\"))");
        check(b"USER", "Err(Arguments)");
        check("PASS  Mật khẩu ".as_bytes(), "Pass( Mật khẩu )");
        check(b"PASS", "Err(Arguments)");
        check(b"AUTH", "Ok(Auth(None))");
        check(b"auth plain", "Auth(plain None)");
        check(b"AUTH PLAIN =", "Auth(PLAIN Some(\"=\"))");
        check(b"AUTH PLAIN a b", "Err(Arguments)");
        check(b"APOP an 0123", "Ok(Apop)");
        check(b"LANG", "Ok(Lang(None))");
        check(b"LANG *", "Ok(Lang(Some(\"*\")))");
        check(b"LANG vi en", "Err(Arguments)");
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?} {:?}", parse(b"PASS hush"), parse(b"AUTH PLAIN hush"));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
