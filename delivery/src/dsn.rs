//! RFC 3461 §4: the parameters by which a sender asks for notifications, as they stand in an envelope. Pure.
//!
//! ```text
//! xtext   = *( xchar / hexchar )
//! xchar   = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "=".
//! hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
//! ```

/// RFC 3461 §4.2: octets of ORCPT.
pub const ORCPT_MAX: usize = 500;
/// RFC 3461 §4.4: octets of ENVID.
pub const ENVID_MAX: usize = 100;
/// Octets of NOTIFY: each word once, and no more.
const NOTIFY_MAX: usize = 28;

/// RFC 3461 §4.1: `NEVER`, or a list of the others; in upper case.
pub fn notify(value: &str) -> Option<String> {
    let value = value.to_ascii_uppercase();
    let fits = value == "NEVER"
        || value
            .split(',')
            .all(|word| matches!(word, "SUCCESS" | "FAILURE" | "DELAY"));
    (fits && value.len() <= NOTIFY_MAX).then_some(value)
}

/// RFC 3461 §4.3: `FULL` or `HDRS`.
pub fn ret(value: &str) -> Option<String> {
    let value = value.to_ascii_uppercase();
    matches!(value.as_str(), "FULL" | "HDRS").then_some(value)
}

/// RFC 3461 §4.4: an identifier in xtext, kept as given.
pub fn envid(value: &str) -> Option<String> {
    let fits = value.len() <= ENVID_MAX && decoded(value).is_some();
    fits.then(|| value.to_owned())
}

/// RFC 3461 §4.2: the type of an address, `;` and the address in xtext; RFC 6533 §3: of the type utf-8 also with
/// `\x{…}`, or in UTF-8 as it is. Kept as given.
pub fn orcpt(value: &str) -> Option<String> {
    let (kind, address) = value.split_once(';')?;
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let fits = match kind.eq_ignore_ascii_case("utf-8") {
        true => address
            .chars()
            .all(|c| !c.is_control() && c != ' ' && c != '='),
        false => decoded(address).is_some(),
    };
    let fits = fits && !kind.is_empty() && kind.bytes().all(atom) && !address.is_empty();
    (fits && value.len() <= ORCPT_MAX).then(|| value.to_owned())
}

/// What xtext stands for; `None`: it is none, is empty, or has control characters, which would break the lines of a
/// notification (RFC 3461 §4).
pub fn decoded(xtext: &str) -> Option<String> {
    let mut out = Vec::with_capacity(xtext.len());
    let mut rest = xtext.bytes();
    while let Some(b) = rest.next() {
        out.push(match b {
            b'+' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            b'!'..=b'~' if b != b'=' => b,
            _ => return None,
        });
    }
    let text = String::from_utf8(out).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

fn digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

/// The reverse of [`decoded`]: RFC 8621 §7 gives these values as they are.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'!'..=b'~' if b != b'+' && b != b'=' => out.push(b as char),
            _ => out.push_str(&format!("+{b:02X}")),
        }
    }
    out
}

/// RFC 3464 §2.3.1, §2.2.1: ORCPT or ENVID as a notification shows it; RFC 6533 §3: an address of the type utf-8 where
/// the notification is not `global` in ASCII.
pub(crate) fn shown(value: &str, global: bool) -> String {
    match value.split_once(';') {
        Some((kind, address)) if !kind.eq_ignore_ascii_case("utf-8") => {
            let address = decoded(address).unwrap_or_else(|| address.to_owned());
            format!("{kind};{address}")
        }
        Some(_) if global => value.to_owned(),
        Some(_) => {
            let each = value.chars().map(|c| match c.is_ascii() {
                true => c.to_string(),
                false => format!("\\x{{{:X}}}", u32::from(c)),
            });
            each.collect()
        }
        None => decoded(value).unwrap_or_else(|| value.to_owned()),
    }
}

/// RFC 3461 §5.2.7.3 (c): NOTIFY for those to whom an alias leads once its sender was told of that.
pub(crate) fn without_success(notify: &str) -> String {
    let rest: Vec<&str> = notify.split(',').filter(|w| *w != "SUCCESS").collect();
    match rest.is_empty() {
        true => "NEVER".to_owned(),
        false => rest.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_checked() {
        let check = |got: Option<String>, expected: Option<&str>| {
            assert_eq!(got.as_deref(), expected);
        };
        check(notify("success,Failure"), Some("SUCCESS,FAILURE"));
        check(notify("NEVER,DELAY"), None);
        check(notify(""), None);
        check(notify(&"DELAY,".repeat(9)), None);
        check(ret("hdrs"), Some("HDRS"));
        check(ret("NONE"), None);
        check(envid("QQ+2B1"), Some("QQ+2B1"));
        for bad in ["", "a=b", "a+2", "a+2b", "a+0Ab", "a b", "é", "+C3"] {
            check(envid(bad), None);
            check(orcpt(&format!("rfc822;{bad}")), None);
        }
        check(envid(&"x".repeat(101)), None);
        check(orcpt("rfc822;Ai+40@x.vn"), Some("rfc822;Ai+40@x.vn"));
        check(
            orcpt("utf-8;\\x{1EA1}n@x.vn"),
            Some("utf-8;\\x{1EA1}n@x.vn"),
        );
        check(orcpt("utf-8;ạn@x.vn"), Some("utf-8;ạn@x.vn"));
        for bad in ["a@x.vn", ";a@x.vn", "rf c;a@x.vn", "rfc822;", "utf-8;a b"] {
            check(orcpt(bad), None);
        }
        check(orcpt(&format!("rfc822;{}", "x".repeat(500))), None);
    }

    #[test]
    fn xtext_returns() {
        for text in ["a+b=c", "Công văn số 1", "~!"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        assert_eq!(encoded("a+b"), "a+2Bb");
        assert_eq!(shown("rfc822;a+2Bb@x.vn", false), "rfc822;a+b@x.vn");
        assert_eq!(shown("a+2Bb", true), "a+b");
        assert_eq!(shown("utf-8;ộ@x.vn", true), "utf-8;ộ@x.vn");
        assert_eq!(shown("utf-8;ộ@x.vn", false), "utf-8;\\x{1ED9}@x.vn");
        assert_eq!(without_success("SUCCESS"), "NEVER");
        assert_eq!(without_success("SUCCESS,DELAY"), "DELAY");
    }
}
