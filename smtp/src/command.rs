//! RFC 5321 §4.1.1 commands: one line becomes one typed verb. Total and linear in the line.

use crate::reply::PARAMETERS;
use delivery::{Hold, ReversePath, dsn, release};
use formats::address::{Address, DomainName};

/// Octets of a command line with its CRLF. RFC 5321 §4.5.3.1.4 gives 512; SIZE, BODY, SMTPUTF8 and
/// the DSN parameters (RFC 3461 §4: ORCPT of 500, ENVID of 100) come on top.
pub const COMMAND_LINE_MAX: usize = 2048;
/// RFC 4954 §4: octets of a line in an AUTH exchange.
pub const AUTH_LINE_MAX: usize = 12_288;
/// Parameters of one MAIL or RCPT; the known ones are fewer.
pub const PARAMETERS_MAX: usize = 16;
/// RFC 5321 §4.5.3.1.2: octets of the name in EHLO.
pub const HELLO_MAX: usize = 255;

/// A command that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    /// EHLO (`extended`), HELO, or LHLO (both; RFC 2033 §4.1).
    Hello {
        name: String,
        extended: bool,
        local: bool,
    },
    Mail(Mail),
    Rcpt(Rcpt),
    Data,
    /// RFC 3030 §2.
    Bdat {
        size: u64,
        last: bool,
    },
    Rset,
    Noop,
    Quit,
    Help,
    Vrfy,
    Expn,
    StartTls,
    /// RFC 4954 §4; the initial response still in base64.
    Auth {
        mechanism: String,
        initial: Option<String>,
    },
}

/// RFC 6152 §2, RFC 3030 §3: what the sender says of the octets to come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// `7BIT`, or nothing.
    #[default]
    Seven,
    /// `8BITMIME`.
    Eight,
    /// `BINARYMIME`: it comes by BDAT only.
    Binary,
}

impl BodyKind {
    fn read(value: &str) -> Option<Self> {
        match value.to_ascii_uppercase().as_str() {
            "7BIT" => Some(Self::Seven),
            "8BITMIME" => Some(Self::Eight),
            "BINARYMIME" => Some(Self::Binary),
            _ => None,
        }
    }
}

/// MAIL with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mail {
    pub from: ReversePath,
    /// RFC 1870 §3; a number too large to hold counts as the largest.
    pub size: Option<u64>,
    pub body: BodyKind,
    pub smtputf8: bool,
    pub ret: Option<String>,
    pub envid: Option<String>,
    /// RFC 6710 §7.
    pub priority: Option<i8>,
    /// RFC 4865 §4.
    pub hold: Option<Hold>,
    /// RFC 8689 §2.
    pub require_tls: bool,
}

/// RCPT with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rcpt {
    pub to: Forward,
    pub notify: Option<String>,
    pub orcpt: Option<String>,
    /// The path or ORCPT has octets above 127 (RFC 6531 §3.4, RFC 6533 §3).
    pub international: bool,
}

/// Forward-path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forward {
    /// `local@domain`.
    Address(Address),
    /// RFC 5321 §4.1.1.3: the bare word, in any case.
    Postmaster,
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No such verb.
    Unknown,
    /// A verb that exists and is not offered here.
    NotImplemented,
    /// The line itself: control octets, not UTF-8.
    Syntax,
    /// The argument does not fit the verb.
    Argument,
    /// The path is no address.
    Path,
    /// A parameter that is not known (RFC 5321 §4.1.1.11).
    Parameter,
    /// One that is known, but not for this command, this service or a connection as it is.
    ParameterNotHere(&'static str),
    /// A parameter with a value that cannot be, or twice: one of those that a reply names; empty for what is no name.
    ParameterValue(&'static str),
    /// RFC 6531 §3.4: an address in UTF-8 without SMTPUTF8.
    International,
}

/// Reads a line without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, Fault> {
    let text = std::str::from_utf8(line).map_err(|_| Fault::Syntax)?;
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err(Fault::Syntax);
    }
    // RFC 5321 §4.1.1: trailing white space is tolerated.
    let text = text.trim_end_matches(' ');
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim_start_matches(' ');
    if verb.len() > 12 {
        return Err(Fault::Unknown);
    }
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => hello(rest, true, false),
        "HELO" => hello(rest, false, false),
        "LHLO" => hello(rest, true, true),
        "MAIL" => mail(rest).map(Command::Mail),
        "RCPT" => rcpt(rest).map(Command::Rcpt),
        "DATA" => bare(rest, Command::Data),
        "BDAT" => bdat(rest),
        "RSET" => bare(rest, Command::Rset),
        "QUIT" => bare(rest, Command::Quit),
        "STARTTLS" => bare(rest, Command::StartTls),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if rest.is_empty() => Err(Fault::Argument),
        "VRFY" => Ok(Command::Vrfy),
        "EXPN" => Ok(Command::Expn),
        "AUTH" => auth(rest),
        "TURN" | "ETRN" | "SEND" | "SOML" | "SAML" | "ATRN" | "BURL" => Err(Fault::NotImplemented),
        _ => Err(Fault::Unknown),
    }
}

fn bare(rest: &str, command: Command) -> Result<Command, Fault> {
    if rest.is_empty() {
        Ok(command)
    } else {
        Err(Fault::Argument)
    }
}

/// ehlo = "EHLO" SP ( Domain / address-literal ). Names in use are often no domain: any word will do,
/// since nothing is decided by it.
fn hello(rest: &str, extended: bool, local: bool) -> Result<Command, Fault> {
    if rest.is_empty() || rest.len() > HELLO_MAX || rest.contains(' ') {
        return Err(Fault::Argument);
    }
    Ok(Command::Hello {
        name: rest.to_owned(),
        extended,
        local,
    })
}

/// bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] (RFC 3030 §2).
fn bdat(rest: &str) -> Result<Command, Fault> {
    let (size, marker) = rest.split_once(' ').unwrap_or((rest, ""));
    let last = match marker {
        "" => false,
        word if word.eq_ignore_ascii_case("LAST") => true,
        _ => return Err(Fault::Argument),
    };
    Ok(Command::Bdat {
        size: number(size).ok_or(Fault::Argument)?,
        last,
    })
}

/// auth-command = "AUTH" SP sasl-mech [SP initial-response] (RFC 4954 §4).
fn auth(rest: &str) -> Result<Command, Fault> {
    let (mechanism, initial) = match rest.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial.to_owned())),
        None => (rest, None),
    };
    if mechanism.is_empty() || initial.as_ref().is_some_and(|i| i.contains(' ')) {
        return Err(Fault::Argument);
    }
    Ok(Command::Auth {
        mechanism: mechanism.to_ascii_uppercase(),
        initial,
    })
}

/// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters].
fn mail(rest: &str) -> Result<Mail, Fault> {
    let (path, rest) = path(rest, "FROM:")?;
    let mut mail = Mail {
        from: ReversePath::Null,
        size: None,
        body: BodyKind::Seven,
        smtputf8: false,
        ret: None,
        envid: None,
        priority: None,
        hold: None,
        require_tls: false,
    };
    if !path.is_empty() {
        mail.from = ReversePath::Address(Address::parse(path).map_err(|_| Fault::Path)?);
    }
    let mut body = None;
    each_parameter(rest, |key, value| match (key, value) {
        ("SIZE", Some(v)) => once(&mut mail.size, number(v)),
        ("BODY", Some(v)) => once(&mut body, BodyKind::read(v)),
        ("SMTPUTF8", None) if !mail.smtputf8 => {
            mail.smtputf8 = true;
            Ok(())
        }
        // RFC 8689 §2: without a value.
        ("REQUIRETLS", None) if !mail.require_tls => {
            mail.require_tls = true;
            Ok(())
        }
        ("RET", Some(v)) => once(&mut mail.ret, dsn::ret(v)),
        ("ENVID", Some(v)) => once(&mut mail.envid, dsn::envid(v)),
        ("MT-PRIORITY", Some(v)) => once(&mut mail.priority, release::priority(v)),
        // RFC 4865 §4: one of both.
        ("HOLDFOR", Some(v)) => once(&mut mail.hold, Hold::hold_for(v)),
        ("HOLDUNTIL", Some(v)) => once(&mut mail.hold, Hold::hold_until(v)),
        // RFC 4954 §5: who said so elsewhere proves nothing here.
        ("AUTH", Some(v)) if dsn::decoded(v).is_some() => Ok(()),
        (
            "SIZE" | "BODY" | "SMTPUTF8" | "RET" | "ENVID" | "AUTH" | "MT-PRIORITY" | "HOLDFOR"
            | "HOLDUNTIL" | "REQUIRETLS",
            _,
        ) => Err(Fault::ParameterValue("")),
        _ => Err(Fault::Parameter),
    })?;
    mail.body = body.unwrap_or_default();
    if !path.is_ascii() && !mail.smtputf8 {
        return Err(Fault::International);
    }
    Ok(mail)
}

/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters].
fn rcpt(rest: &str) -> Result<Rcpt, Fault> {
    let (path, rest) = path(rest, "TO:")?;
    let to = if path.eq_ignore_ascii_case("postmaster") {
        Forward::Postmaster
    } else {
        Forward::Address(Address::parse(path).map_err(|_| Fault::Path)?)
    };
    let mut rcpt = Rcpt {
        to,
        notify: None,
        orcpt: None,
        international: !path.is_ascii(),
    };
    each_parameter(rest, |key, value| match (key, value) {
        ("NOTIFY", Some(v)) => once(&mut rcpt.notify, dsn::notify(v)),
        ("ORCPT", Some(v)) => {
            rcpt.international |= !v.is_ascii();
            once(&mut rcpt.orcpt, dsn::orcpt(v))
        }
        ("NOTIFY" | "ORCPT", None) => Err(Fault::ParameterValue("")),
        _ => Err(Fault::Parameter),
    })?;
    Ok(rcpt)
}

/// Reads `FROM:<path>`; returns what is inside without a source route, and what follows.
fn path<'a>(rest: &'a str, keyword: &str) -> Result<(&'a str, &'a str), Fault> {
    let head = rest.get(..keyword.len()).ok_or(Fault::Argument)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(Fault::Argument);
    }
    // A space after the colon is wrong and widespread.
    let inside = rest[keyword.len()..].trim_start_matches(' ');
    let inside = inside.strip_prefix('<').ok_or(Fault::Path)?;
    let end = close(inside).ok_or(Fault::Path)?;
    let (path, after) = (&inside[..end], &inside[end + 1..]);
    if !(after.is_empty() || after.starts_with(' ')) {
        return Err(Fault::Argument);
    }
    // RFC 5321 §4.1.1.3: a source route is accepted and ignored.
    let path = match path.strip_prefix('@') {
        Some(route) => {
            let (route, mailbox) = route.split_once(':').ok_or(Fault::Path)?;
            let mut hops = route.split(',').map(|hop| hop.trim_start_matches('@'));
            if !hops.all(|hop| DomainName::parse(hop).is_ok()) {
                return Err(Fault::Path);
            }
            mailbox
        }
        None => path,
    };
    Ok((path, after.trim_start_matches(' ')))
}

/// Where the `>` is that is not inside a quoted string.
fn close(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// esmtp-param = esmtp-keyword ["=" esmtp-value].
fn each_parameter(
    rest: &str,
    mut take: impl FnMut(&str, Option<&str>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let words = rest.split(' ').filter(|word| !word.is_empty());
    for (count, word) in words.enumerate() {
        if count == PARAMETERS_MAX {
            return Err(Fault::Parameter);
        }
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word, None),
        };
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Fault::ParameterValue(""));
        }
        let key = key.to_ascii_uppercase();
        take(&key, value).map_err(|fault| match fault {
            Fault::ParameterValue(_) => Fault::ParameterValue(named(&key)),
            Fault::Parameter if !named(&key).is_empty() => Fault::ParameterNotHere(named(&key)),
            other => other,
        })?;
    }
    Ok(())
}

/// The name as a reply may tell it: nothing of what a peer sent.
fn named(key: &str) -> &'static str {
    let mut known = PARAMETERS.iter();
    known
        .find(|(name, ..)| *name == key)
        .map_or("", |(name, ..)| name)
}

/// Sets what was not set yet, to a value that could be read.
fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), Fault> {
    match value {
        Some(value) if slot.is_none() => {
            *slot = Some(value);
            Ok(())
        }
        _ => Err(Fault::ParameterValue("")),
    }
}

/// 1*20DIGIT; larger than 64 bits is the largest.
fn number(text: &str) -> Option<u64> {
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail_of(text: &str) -> Result<Mail, Fault> {
        match parse(text.as_bytes()) {
            Ok(Command::Mail(mail)) => Ok(mail),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault),
        }
    }

    fn check(text: &str, expected: Result<&str, Fault>) {
        let got = match parse(text.as_bytes()) {
            Ok(Command::Mail(Mail {
                from: ReversePath::Null,
                ..
            })) => Ok("null".to_owned()),
            Ok(Command::Mail(Mail {
                from: ReversePath::Address(a),
                ..
            })) => Ok(a.to_string()),
            Ok(Command::Rcpt(Rcpt {
                to: Forward::Postmaster,
                ..
            })) => Ok("postmaster".to_owned()),
            Ok(Command::Rcpt(Rcpt {
                to: Forward::Address(a),
                ..
            })) => Ok(a.to_string()),
            Ok(other) => Ok(format!("{other:?}")),
            Err(fault) => Err(fault),
        };
        assert_eq!(got, expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn paths_are_read() {
        check("MAIL FROM:<>", Ok("null"));
        check("mail from:<an@x.vn>", Ok("an@x.vn"));
        check("MAIL FROM: <an@x.vn>  ", Ok("an@x.vn"));
        check("MAIL FROM:<@a.vn,@b.vn:an@x.vn>", Ok("an@x.vn"));
        check("MAIL FROM:<\"a>b\"@x.vn>", Ok("\"a>b\"@x.vn"));
        check("RCPT TO:<Postmaster>", Ok("postmaster"));
        check("RCPT TO:<an@x.vn>", Ok("an@x.vn"));
        check("RCPT TO:<>", Err(Fault::Path));
        check("RCPT TO:an@x.vn", Err(Fault::Path));
        check("RCPT TO:<an@x.vn", Err(Fault::Path));
        check("RCPT TO:<an@x.vn>x", Err(Fault::Argument));
        check("RCPT FROM:<an@x.vn>", Err(Fault::Argument));
        check("MAIL", Err(Fault::Argument));
        check("MAIL FROM:<@:an@x.vn>", Err(Fault::Path));
        check("MAIL FROM:<an>", Err(Fault::Path));
        check(
            "RCPT TO:<a%b@x.vn> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b",
            Ok("a%b@x.vn"),
        );
        check(
            "RCPT TO:<a@x.vn> NOTIFY=NEVER,DELAY",
            Err(Fault::ParameterValue("NOTIFY")),
        );
        check(
            "RCPT TO:<a@x.vn> SIZE=1",
            Err(Fault::ParameterNotHere("SIZE")),
        );
    }

    #[test]
    fn parameters_are_read_once() {
        let mail =
            mail_of("MAIL FROM:<ă@x.vn> SIZE=99999999999999999999 BODY=8bitmime SMTPUTF8 RET=hdrs")
                .unwrap();
        assert_eq!(
            (mail.size, mail.body, mail.smtputf8),
            (Some(u64::MAX), BodyKind::Eight, true)
        );
        assert_eq!(mail.ret.as_deref(), Some("HDRS"));
        assert_eq!(mail_of("MAIL FROM:<ă@x.vn>"), Err(Fault::International));
        assert_eq!(
            mail_of("MAIL FROM:<a@x.vn> SIZE=1 SIZE=1"),
            Err(Fault::ParameterValue("SIZE"))
        );
        assert_eq!(
            mail_of("MAIL FROM:<a@x.vn> SIZE=-1"),
            Err(Fault::ParameterValue("SIZE"))
        );
        assert_eq!(
            mail_of("MAIL FROM:<a@x.vn> BODY=binarymime").map(|mail| mail.body),
            Ok(BodyKind::Binary)
        );
        assert_eq!(
            mail_of("MAIL FROM:<a@x.vn> BODY=BINARYMIME BODY=8BITMIME"),
            Err(Fault::ParameterValue("BODY"))
        );
        assert_eq!(
            mail_of("MAIL FROM:<a@x.vn> BODY=BINARY"),
            Err(Fault::ParameterValue("BODY"))
        );
        assert_eq!(mail_of("MAIL FROM:<a@x.vn> XYZ"), Err(Fault::Parameter));
        assert_eq!(
            mail_of("MAIL FROM:<a@x.vn> \u{9b}=1"),
            Err(Fault::ParameterValue(""))
        );
        assert!(mail_of("MAIL FROM:<a@x.vn> AUTH=<>").is_ok());
    }

    #[test]
    fn other_verbs_are_read() {
        check("BDAT 10 LAST", Ok("Bdat { size: 10, last: true }"));
        check("BDAT 0", Ok("Bdat { size: 0, last: false }"));
        check("BDAT x", Err(Fault::Argument));
        check("BDAT 1 FIRST", Err(Fault::Argument));
        check("DATA now", Err(Fault::Argument));
        check("EHLO", Err(Fault::Argument));
        check("EHLO a b", Err(Fault::Argument));
        check("NO\rOP", Err(Fault::Syntax));
        check("XYZZY", Err(Fault::Unknown));
        check("ETRN x", Err(Fault::NotImplemented));
        check("", Err(Fault::Unknown));
        check(
            "auth plain =",
            Ok("Auth { mechanism: \"PLAIN\", initial: Some(\"=\") }"),
        );
        assert_eq!(parse(b"EHLO \xff"), Err(Fault::Syntax));
    }
}
