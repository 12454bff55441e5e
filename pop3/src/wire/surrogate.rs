//! RFC 6856 §2.1: the header of an internationalized message for a session that did not say UTF8.
//!
//! Only the message's own header is made over, to ASCII: words become encoded words, and an address that is not
//! ASCII becomes an empty group under its name, so that nobody answers to an address that he cannot reach. What
//! is neither ASCII nor UTF-8 stays: it is older than UTF-8, and clients guess its charset from the octets.

use formats::message::header::Person;
use formats::message::header::{self, Field, addresses, decode_words, encode_words};

/// Octets of a line after which it is folded (RFC 5322 §2.1.1).
const LINE_MAX: usize = 76;

/// Fields that are address lists (RFC 5322 §3.6).
const ADDRESS_FIELDS: [&str; 10] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
];

/// The header made over, with its empty line; `None` when it can be sent as it is.
pub fn header(head: &[u8]) -> Option<Vec<u8>> {
    if head.is_ascii() || std::str::from_utf8(head).is_err() {
        return None;
    }
    let mut out = Vec::with_capacity(head.len() * 2);
    for field in header::fields(head) {
        put(&mut out, &field);
    }
    out.extend_from_slice(b"\r\n");
    Some(out)
}

fn put(out: &mut Vec<u8>, field: &Field<'_>) {
    if field.raw.is_ascii() {
        out.extend_from_slice(field.raw);
        if !field.raw.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        return;
    }
    let starts = |prefix: &str| {
        let name = field.name.get(..prefix.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(prefix))
    };
    let value = if ADDRESS_FIELDS.iter().any(|name| field.is(name)) {
        let people = addresses(field.value);
        people_text(&people)
    } else if starts("Content-") {
        quoted(&header::unfold(field.value))
    } else {
        encode_words(header::unfold(field.value).trim())
    };
    folded(out, field.name, &value);
}

/// An address list in ASCII.
fn people_text(people: &[Person]) -> String {
    let written: Vec<String> = people
        .iter()
        .filter(|person| person.is_mailbox())
        .map(person_text)
        .collect();
    written.join(", ")
}

fn person_text(person: &Person) -> String {
    let name = person.name.as_deref().map(decode_words).unwrap_or_default();
    let email = person.email().unwrap_or_default();
    let name = name.trim();
    match (email.is_ascii(), name.is_empty()) {
        (true, true) => email,
        (true, false) => format!("{} <{email}>", phrase(name)),
        (false, true) => format!("{} :;", encode_words(&email)),
        (false, false) => format!("{} :;", encode_words(&format!("{name} {email}"))),
    }
}

/// RFC 5322 §3.2.5.
fn phrase(name: &str) -> String {
    match name.is_ascii() && !name.contains("=?") {
        true => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        false => encode_words(name),
    }
}

/// Parameters: encoded words inside the quotes, as most clients read them though RFC 2047 §5 does not
/// foresee it; what is not quoted loses what is not ASCII.
fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    for (n, piece) in value.split('"').enumerate() {
        if n > 0 {
            out.push('"');
        }
        match (n % 2 == 1, piece.is_ascii()) {
            (_, true) => out.push_str(piece),
            (true, false) => out.push_str(&encode_words(piece)),
            (false, false) => out.extend(piece.chars().map(|c| if c.is_ascii() { c } else { '?' })),
        }
    }
    out
}

fn folded(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    for word in value.trim().split(' ') {
        if column + 1 + word.len() > LINE_MAX && column > name.len() + 1 {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
        column += 1 + word.len();
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expected: &str) {
        let made = header(head.as_bytes()).map(|made| String::from_utf8(made).unwrap());
        assert_eq!(made.unwrap_or_else(|| "as it is".into()), expected);
    }

    #[test]
    fn what_is_ascii_or_older_than_utf_8_stays() {
        check("Subject: x\r\n\r\n", "as it is");
        assert_eq!(header(b"Subject: V\xa8n\r\n\r\n"), None);
    }

    #[test]
    fn words_and_names_are_encoded() {
        check(
            "From: Nguyễn An <an@x.vn>, b@x.vn\r\nSubject: Họp\r\nX: y\r\n\r\n",
            "From: =?utf-8?B?Tmd1eeG7hW4gQW4=?= <an@x.vn>, b@x.vn\r\n\
             Subject: =?utf-8?B?SOG7jXA=?=\r\nX: y\r\n\r\n",
        );
    }

    #[test]
    fn addresses_that_cannot_be_written_become_groups() {
        let made = header("To: Ân <ân@x.vn>\r\nSubject: x\r\n\r\n".as_bytes()).unwrap();
        let made = String::from_utf8(made).unwrap();
        assert!(
            made.is_ascii() && made.contains("?= :;\r\nSubject: x\r\n\r\n"),
            "{made}"
        );
        assert!(!made.contains('<'), "{made}");
    }

    #[test]
    fn file_names_are_encoded_in_their_quotes() {
        check(
            "Content-Type: text/plain; name=\"Đ.txt\"; x=é\r\n\r\n",
            "Content-Type: text/plain; name=\"=?utf-8?B?xJAudHh0?=\"; x=?\r\n\r\n",
        );
    }
}
