//! RFC 6265 §4: the cookies of the sign-in, read and set. `__Host-` keeps them to this very host over TLS.

use axum::http::{HeaderMap, HeaderValue, header};

/// The browser session's secret.
pub const SESSION_COOKIE: &str = "__Host-session";
/// The token that a form must repeat.
pub(crate) const FORM_COOKIE: &str = "__Host-form";
/// `vi` or `en`; the webmail reads and sets it too.
pub(crate) const LANGUAGE_COOKIE: &str = "lang";

/// Octets of a value that is looked at.
const VALUE_MAX: usize = 128;
/// Cookies that are looked at.
const COOKIES_MAX: usize = 64;
/// Seconds that the language is remembered.
const LANGUAGE_S: u32 = 365 * 24 * 60 * 60;

/// The session's token, for `Directory::session`; `None` when there is none or it cannot be one.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    value(headers, SESSION_COOKIE)
}

/// The first value of a cookie: letters, digits, `-` and `_` only.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fits = |value: &str| {
        (1..=VALUE_MAX).contains(&value.len())
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .take(COOKIES_MAX)
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .filter(|value| fits(value))
}

/// Ends with the browser: offices share machines.
pub(crate) fn session(token: &str) -> Option<HeaderValue> {
    set(&format!(
        "{SESSION_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax"
    ))
}

/// Takes the session's cookie away.
pub(crate) fn no_session() -> Option<HeaderValue> {
    set(&format!(
        "{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
    ))
}

pub(crate) fn form(token: &str) -> Option<HeaderValue> {
    set(&format!(
        "{FORM_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"
    ))
}

pub(crate) fn language(code: &str) -> Option<HeaderValue> {
    set(&format!(
        "{LANGUAGE_COOKIE}={code}; Path=/; Secure; SameSite=Lax; Max-Age={LANGUAGE_S}"
    ))
}

fn set(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        assert_eq!(session_cookie(&headers), expected, "{lines:?}");
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        check(&[], None);
        check(&["__Host-session=abc"], Some("abc"));
        check(&["lang=vi; __Host-session=a-b_c; x=y"], Some("a-b_c"));
        check(&["lang=vi", "__Host-session=abc"], Some("abc"));
        check(&["session=abc"], None);
        check(&["__Host-session=; x"], None);
        check(&["__Host-session=a b"], None);
        check(&["x__Host-session=abc"], None);
        check(&[&format!("__Host-session={}", "a".repeat(129))], None);
        check(
            &[&format!("{}__Host-session=abc", "x=y; ".repeat(64))],
            None,
        );
    }
}
