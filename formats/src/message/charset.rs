//! Charsets: those of RFC 2046 §4.1.2 by mail-parser and encoding_rs, and the old Vietnamese ones
//! which neither knows: TCVN3 (TCVN 5712:1993), VISCII (RFC 1456) and VNI. Text comes out in NFC.

use std::borrow::Cow;

use mail_parser::decoders::charsets::map::charset_decoder;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Octets of a charset name.
const NAME_MAX: usize = 40;

/// The text of octets in a declared charset. Without one, or with one nobody knows, UTF-8 is read
/// where the octets are UTF-8, else windows-1252.
#[must_use]
pub fn decode(charset: &str, bytes: &[u8]) -> String {
    let name = charset
        .trim()
        .trim_matches(['"', '\''])
        .to_ascii_lowercase();
    let text = match name.as_str() {
        "tcvn" | "tcvn3" | "tcvn5712" | "tcvn-5712" | "tcvn5712-1" | "tcvn5712-1:1993"
        | "x-viet-tcvn" | "x-viet-tcvn3" | "x-viet-tcvn5712" | "x-viet-abc" => {
            Cow::Owned(by_table(bytes, TCVN3, &TCVN3_LOW))
        }
        "viscii" | "viscii1.1-1" | "csviscii" | "x-viscii" | "x-viet-viscii" => {
            Cow::Owned(by_table(bytes, VISCII, &VISCII_LOW))
        }
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "csutf7" => Cow::Owned(utf7(bytes)),
        "vni" | "vni-win" | "x-vni" | "x-viet-vni" => Cow::Owned(vni(bytes)),
        _ => by_crates(&name, bytes),
    };
    nfc(text)
}

/// Whether [`decode`] knows a charset of this name, rather than guessing.
#[must_use]
pub fn is_known(charset: &str) -> bool {
    let name = charset.to_ascii_lowercase();
    if name.is_empty() || name.len() > NAME_MAX || !name.is_ascii() {
        return false;
    }
    if OWN.contains(&name.as_str()) {
        return true;
    }
    match encoding_rs::Encoding::for_label(name.as_bytes()) {
        // What it stands for cannot be read safely.
        Some(encoding) => encoding != encoding_rs::REPLACEMENT,
        None => charset_decoder(name.as_bytes()).is_some(),
    }
}

/// The names that [`decode`] reads by itself.
const OWN: [&str; 22] = [
    "tcvn",
    "tcvn3",
    "tcvn5712",
    "tcvn-5712",
    "tcvn5712-1",
    "tcvn5712-1:1993",
    "x-viet-tcvn",
    "x-viet-tcvn3",
    "x-viet-tcvn5712",
    "x-viet-abc",
    "viscii",
    "viscii1.1-1",
    "csviscii",
    "x-viscii",
    "x-viet-viscii",
    "utf-7",
    "utf7",
    "unicode-1-1-utf-7",
    "vni",
    "vni-win",
    "x-vni",
    "x-viet-vni",
];

fn nfc(text: Cow<'_, str>) -> String {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text.into_owned()
    } else {
        text.nfc().collect()
    }
}

fn by_crates<'a>(name: &str, bytes: &'a [u8]) -> Cow<'a, str> {
    let plain = matches!(
        name,
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" | "unknown-8bit" | "x-unknown"
    );
    if plain || name.len() > NAME_MAX || !name.is_ascii() {
        return guess(bytes);
    }
    if let Some(decoder) = charset_decoder(name.as_bytes()) {
        return Cow::Owned(decoder(bytes));
    }
    match encoding_rs::Encoding::for_label(name.as_bytes()) {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
        None => guess(bytes),
    }
}

/// The text of octets whose charset nobody declared.
#[must_use]
pub fn guess(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
        Err(_) if mostly_utf8(bytes) => String::from_utf8_lossy(bytes),
        Err(_) => {
            encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
        }
    }
}

/// Whether damaged octets are UTF-8 with a few mistakes: a multi-octet character never comes about
/// by chance as often as single ones do in another charset.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > bad * 4
}

fn by_table(bytes: &[u8], high: &str, low: &[(u8, char)]) -> String {
    let high: Vec<char> = high.chars().collect();
    let one = |&b: &u8| match b {
        128.. => high
            .get(usize::from(b) - 128)
            .copied()
            .unwrap_or('\u{fffd}'),
        0..32 => low
            .iter()
            .find(|(byte, _)| *byte == b)
            .map_or(b as char, |(_, c)| *c),
        _ => b as char,
    };
    bytes.iter().map(one).collect()
}

/// RFC 2152: base64 of UTF-16 between `+` and the first octet that is none.
fn utf7(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        if b != b'+' {
            out.push(char::from(b));
            continue;
        }
        let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let len = tail
            .iter()
            .position(|b| !is_base64(b))
            .unwrap_or(tail.len());
        let (encoded, after) = tail.split_at(len);
        let units = super::part::base64(encoded);
        let units = units
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')));
        rest = after.strip_prefix(b"-").unwrap_or(after);
        if len == 0 && rest.len() < after.len() {
            out.push('+');
        }
    }
    out
}

/// TCVN 5712:1993, octets 128 to 255.
const TCVN3: &str = "\
    ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨ\
    ÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ\
    \u{a0}ĂÂÊÔƠƯĐăâêôơưđẰ\
    \u{300}\u{309}\u{303}\u{301}\u{323}àảãáạẲằẳẵắẴ\
    ẮẦẨẪẤỀặầẩẫấậèỂẻẽ\
    éẹềểễếệìỉỄẾỒĩíịò\
    Ổỏõóọồổỗốộờởỡớợù\
    ỖủũúụừửữứựỳỷỹýỵỐ\
";
const TCVN3_LOW: [(u8, char); 12] = [
    (0x01, 'Ú'),
    (0x02, 'Ụ'),
    (0x04, 'Ừ'),
    (0x05, 'Ử'),
    (0x06, 'Ữ'),
    (0x11, 'Ứ'),
    (0x12, 'Ự'),
    (0x13, 'Ỳ'),
    (0x14, 'Ỷ'),
    (0x15, 'Ỹ'),
    (0x16, 'Ý'),
    (0x17, 'Ỵ'),
];

/// RFC 1456 §2, octets 128 to 255.
const VISCII: &str = "\
    ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐ\
    ỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲ\
    Õắằặấầẩậẽẹếềểễệố\
    ồổỗỠƠộờởịỰỨỪỬơớƯ\
    ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳ\
    ĐứÒÓÔạỷừửÙÚỹỵÝỡư\
    àáâãảăữẫèéêẻìíĩỉ\
    đựòóôõỏọụùúũủýợỮ\
";
const VISCII_LOW: [(u8, char); 6] = [
    (0x02, 'Ẳ'),
    (0x05, 'Ẵ'),
    (0x06, 'Ẫ'),
    (0x14, 'Ỷ'),
    (0x19, 'Ỹ'),
    (0x1e, 'Ỵ'),
];

/// VNI for Windows: a vowel, then an octet that tells its marks.
fn vni(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        let letter = vni_letter(b);
        out.push(letter);
        let is_vowel = matches!(
            letter,
            'a' | 'A' | 'e' | 'E' | 'o' | 'O' | 'u' | 'U' | 'y' | 'Y' | 'ơ' | 'Ơ' | 'ư' | 'Ư'
        );
        if is_vowel
            && let Some((&mark, after)) = tail.split_first()
            && let Some(marks) = vni_marks(mark)
        {
            out.push_str(marks);
            rest = after;
        }
    }
    out
}

fn vni_letter(b: u8) -> char {
    match b {
        0xd1 => 'Đ',
        0xf1 => 'đ',
        0xd4 => 'Ơ',
        0xf4 => 'ơ',
        0xd6 => 'Ư',
        0xf6 => 'ư',
        0xc6 => 'Ỉ',
        0xe6 => 'ỉ',
        0xd3 => 'Ĩ',
        0xf3 => 'ĩ',
        0xd2 => 'Ị',
        0xf2 => 'ị',
        0xce => 'Ỵ',
        0xee => 'ỵ',
        _ => char::from(b),
    }
}

/// The combining marks of the octet behind a vowel; upper and lower case mean the same.
fn vni_marks(b: u8) -> Option<&'static str> {
    let marks = match b | 0x20 {
        0xf8 => "\u{300}",
        0xf9 => "\u{301}",
        0xfb => "\u{309}",
        0xf5 => "\u{303}",
        0xef => "\u{323}",
        0xe2 => "\u{302}",
        0xe1 => "\u{302}\u{301}",
        0xe0 => "\u{302}\u{300}",
        0xe5 => "\u{302}\u{309}",
        0xe3 => "\u{302}\u{303}",
        0xe4 => "\u{302}\u{323}",
        0xea => "\u{306}",
        0xe9 => "\u{306}\u{301}",
        0xe8 => "\u{306}\u{300}",
        0xfa => "\u{306}\u{309}",
        0xfc => "\u{306}\u{303}",
        0xeb => "\u{306}\u{323}",
        _ => return None,
    };
    Some(marks).filter(|_| b >= 0xc0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(charset: &str, bytes: &[u8], expected: &str) {
        assert_eq!(decode(charset, bytes), expected, "{charset}");
    }

    #[test]
    fn old_vietnamese_charsets_become_nfc() {
        check("x-viet-tcvn5712", b"Vi\xd6t Nam", "Việt Nam");
        check("TCVN3", b"C\xe9ng h\xdfa", "Cộng hòa");
        check("viscii", b"Vi\xaet Nam", "Việt Nam");
        check("windows-1258", b"Vi\xea\xf2t Nam", "Việt Nam");
        check("vni", b"Xin cha\xf8o ca\xf9c ba\xefn", "Xin chào các bạn");
        check(
            "vni",
            b"\xd1o\xe4c la\xe4p - Ha\xefnh phu\xf9c",
            "Độc lập - Hạnh phúc",
        );
    }

    #[test]
    fn what_is_known_is_not_guessed() {
        for name in OWN {
            assert!(is_known(name), "{name}");
            assert!(decode(name, b"a") == "a", "{name}");
        }
        for name in [
            "UTF-8",
            "us-ascii",
            "ISO-8859-15",
            "windows-1258",
            "KOI8-R",
            "GB18030",
            "Big5",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in ["", "x-klingon", "hz-gb-2312", "é", &"x".repeat(1000)] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn undeclared_octets_are_guessed() {
        check("", "hòa".as_bytes(), "hòa");
        check("us-ascii", b"caf\xe9", "café");
        check("no-such-charset", b"caf\xe9", "café");
        check("utf-8", b"ho\xcc\x80a", "hòa");
        check("iso-8859-1", b"caf\xe9", "café");
        check("utf-7", b"a+APQ-b +- +1 c+AO0 d", "aôb +  cí d");
        check("\"UTF-8\"", "é".as_bytes(), "é");
        check(&"x".repeat(1000), b"a", "a");
        check("é", b"a", "a");
    }
}
