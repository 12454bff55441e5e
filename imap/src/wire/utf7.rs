//! RFC 3501 §5.1.3, RFC 9051 §A.1: mailbox names in modified UTF-7.

use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with `,` for `/` and without padding.
fn engine() -> GeneralPurpose {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    let alphabet = Alphabet::new(letters).expect("the alphabet has 64 distinct letters");
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    GeneralPurpose::new(&alphabet, config)
}

/// From Unicode.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            shift_out(&mut shifted, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                shifted.extend(unit.to_be_bytes());
            }
        }
    }
    shift_out(&mut shifted, &mut out);
    out
}

fn shift_out(shifted: &mut Vec<u8>, out: &mut String) {
    if !shifted.is_empty() {
        out.push('&');
        engine().encode_string(&*shifted, out);
        out.push('-');
        shifted.clear();
    }
}

/// To Unicode; `None` for anything but the one canonical form (RFC 3501 §5.1.3: no printable ASCII
/// in base64, no superfluous shifts), so that two spellings never name one mailbox.
pub fn decode(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.is_ascii())?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        let end = start + rest[start..].find('-')?;
        let inside = &rest[start + 1..end];
        if inside.is_empty() {
            out.push('&');
        } else {
            let octets = engine().decode(inside).ok().filter(|o| o.len() % 2 == 0)?;
            let units = octets
                .chunks_exact(2)
                .map(|p| u16::from_be_bytes([p[0], p[1]]));
            for c in char::decode_utf16(units) {
                out.push(c.ok()?);
            }
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    (encode(&out) == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, coded: &str) {
        assert_eq!(encode(name), coded, "{name:?}");
        assert_eq!(decode(coded.as_bytes()).as_deref(), Some(name), "{coded:?}");
    }

    #[test]
    fn names_are_coded_as_rfc_3501_shows() {
        check("INBOX", "INBOX");
        check("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        check("A&B", "A&-B");
        check("&", "&-");
        check("Công văn đến", "C&APQ-ng v&AQM-n &AREevw-n");
        check("Thư nháp", "Th&AbA- nh&AOE-p");
        check("Đã gửi", "&ARAA4w- g&Hu0-i");
        check("Lưu trữ/2026", "L&AbA-u tr&Hu8-/2026");
        check("📧", "&2D3c5w-");
        check("a\tb", "a&AAk-b");
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "&Jjo!",
            "&U,BTFw",
            "&AGE-",
            "&U,A=-",
            "&2D0-",
            "&AREA-",
            "&ARA-&AOM-",
            "é",
            "&,-",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
