//! Why a request is made, by which legal order, and through which client: fields of its head, for the audit log.
//!
//! `Audit-Reason` is UTF-8, with octets as `%XX` where a client may send ASCII only. `Legal-Order` is the number of a
//! recorded order.

use crate::problem::{Problem, expected};
use directory::{Access, REASON_MAX, Through};
use http::HeaderMap;
use http::header::USER_AGENT;

/// Octets of the field: a character may take twelve.
const FIELD_MAX: usize = REASON_MAX * 12;
/// How our own command names itself.
const OURS: &str = "congvu/";

/// The Access with what the request says of itself. Errors: 400 naming the field.
pub(crate) fn said(access: Access, headers: &HeaderMap) -> Result<Access, Problem> {
    let agent = headers.get(USER_AGENT).and_then(|v| v.to_str().ok());
    let client = match access.through() {
        Through::Session => "console",
        _ if agent.is_some_and(|agent| agent.starts_with(OURS)) => "cli",
        _ => "api",
    };
    let mut access = access.through_client(client);
    if let Some(field) = headers.get("audit-reason") {
        let text = decoded(field.as_bytes()).ok_or_else(bad_reason)?;
        access = access.because(&text).map_err(|_| bad_reason())?;
    }
    if let Some(field) = headers.get("legal-order") {
        let number = field
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok());
        access = access.under_order(number.ok_or_else(|| {
            Problem::malformed(
                "Legal-Order",
                expected("số của lệnh đã ghi", "the number of a recorded order"),
            )
        })?);
    }
    Ok(access)
}

fn bad_reason() -> Problem {
    Problem::malformed(
        "Audit-Reason",
        expected(
            format!("1 đến {REASON_MAX} ký tự UTF-8 trên một dòng, hoặc mã hoá dạng %XX"),
            format!("1 to {REASON_MAX} characters of UTF-8 on one line, or encoded as %XX"),
        ),
    )
}

/// RFC 3986 §2.1; a `%` that begins no octet stands for itself.
fn decoded(field: &[u8]) -> Option<String> {
    if field.len() > FIELD_MAX {
        return None;
    }
    let digit = |octet: &u8| char::from(*octet).to_digit(16).map(|digit| digit as u8);
    let mut octets = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let pair = match (first, after) {
            (b'%', [high, low, ..]) => digit(high).zip(digit(low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                octets.push(high << 4 | low);
                rest = &after[2..];
            }
            None => octets.push(*first),
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_as_it_is_or_encoded() {
        let read = |text: &[u8]| decoded(text);
        assert_eq!(read("Kiểm tra".as_bytes()).as_deref(), Some("Kiểm tra"));
        assert_eq!(read(b"Ki%E1%BB%83m tra").as_deref(), Some("Kiểm tra"));
        assert_eq!(read(b"100% %2 %zz %").as_deref(), Some("100% %2 %zz %"));
        assert_eq!(read(b"%25").as_deref(), Some("%"));
        assert_eq!(read(b"%ff"), None);
        assert_eq!(read(b"\xe1\xbb"), None);
        assert_eq!(read(&vec![b'a'; FIELD_MAX + 1]), None);
    }
}
