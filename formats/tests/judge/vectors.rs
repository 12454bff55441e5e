//! Vietnamese text in every encoding, and names in order.

use formats::message::{charset, header};
use formats::text::{NameScheme, fold, local_part_by, name_key};

use crate::shared;

/// The fields of a CSV line; the files hold no quotes.
fn rows(file: &str) -> Vec<Vec<String>> {
    let Some(path) = shared(&format!("data/{file}")) else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).expect("a file can be read");
    text.lines()
        .skip(1)
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(digit).collect()
}

#[test]
fn every_encoding_of_a_text_gives_the_same_text() {
    for row in rows("vi_text_vectors.csv") {
        let [text, nfc, nfd, folded, tcvn3, viscii, cp1258, utf7, subject] = row.as_slice() else {
            panic!("a row of nine fields: {row:?}");
        };
        for (name, bytes) in [
            ("utf-8", octets(nfc)),
            ("utf-8", octets(nfd)),
            ("x-viet-tcvn5712", octets(tcvn3)),
            ("viscii", octets(viscii)),
            ("windows-1258", octets(cp1258)),
            ("utf-7", utf7.as_bytes().to_vec()),
        ] {
            assert_eq!(&charset::decode(name, &bytes), text, "{name}");
        }
        assert_eq!(&fold(text), folded);
        assert_eq!(&header::text(subject.as_bytes()), text);
        assert_eq!(&header::decode_words(&header::encode_words(text)), text);
    }
}

#[test]
fn names_stand_in_order_and_become_local_parts() {
    let rows = rows("vi_names_sorted.csv");
    for pair in rows.windows(2) {
        assert!(
            name_key(&pair[0][1]) < name_key(&pair[1][1]),
            "{} before {}",
            pair[0][1],
            pair[1][1]
        );
    }
    for row in &rows {
        let schemes = [
            NameScheme::GivenInitials,
            NameScheme::InitialsGiven,
            NameScheme::Full,
            NameScheme::GivenDotRest,
        ];
        for (scheme, expected) in schemes.into_iter().zip(&row[5..]) {
            assert_eq!(
                &local_part_by(scheme, &row[1]),
                expected,
                "{} {scheme:?}",
                row[1]
            );
        }
    }
}
