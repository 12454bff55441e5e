//! What a decoder says of a body or a query that it cannot read, in our own words: which field it is, and what is
//! expected there. The decoder's own are Rust's, for people who write Rust.

use crate::problem::{Kind, Problem, Text, text};

/// Characters of a decoder's words that are looked at.
const WORDS_MAX: usize = 2_000;
/// Characters of a field's name that are told.
const FIELD_MAX: usize = 100;

/// The problem that the decoder means by `Failed to …: quota: invalid type: …`.
pub(crate) fn at_fault(kind: Kind, message: &str) -> Problem {
    let words = words_of(message);
    let Some(field) = field(&words) else {
        return Problem::new(
            kind,
            text(
                "Không đọc được nội dung yêu cầu.",
                "The request could not be read.",
            ),
        );
    };
    let expected = expected(&words);
    match kind {
        Kind::Invalid => Problem::invalid(&field, expected),
        _ => Problem::malformed(&field, expected),
    }
}

/// The problem of a body that is no JSON: where it ends to be.
pub(crate) fn no_json(message: &str) -> Problem {
    let place = place(&words_of(message));
    let told = match place {
        Some((line, column)) => text(
            format!("Nội dung không phải JSON đúng: dòng {line}, cột {column}."),
            format!("The body is not well-formed JSON: line {line}, column {column}."),
        ),
        None => text(
            "Nội dung không phải JSON đúng.",
            "The body is not well-formed JSON.",
        ),
    };
    Problem::new(Kind::Malformed, told)
}

/// What the decoder said, without its preface.
fn words_of(message: &str) -> String {
    let words = message.split_once(": ").map_or(message, |(_, words)| words);
    words.chars().take(WORDS_MAX).collect()
}

/// `… at line 1 column 24`.
fn place(words: &str) -> Option<(u64, u64)> {
    let (line, column) = words.rsplit_once(" line ")?.1.split_once(" column ")?;
    Some((line.parse().ok()?, column.trim_end().parse().ok()?))
}

/// The field that is meant.
fn field(words: &str) -> Option<String> {
    let quoted = ["unknown", "missing", "duplicate"]
        .iter()
        .find_map(|what| words.split_once(&format!("{what} field `")))
        .and_then(|(_, rest)| rest.split('`').next());
    let path = words.split_once(": ").map(|(path, _)| path).filter(|path| {
        path.chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.[]".contains(c))
    });
    Some(plain(quoted.or(path)?))
}

/// A field's name as it may be told: of what a client wrote nothing that steers a terminal, and no more than is needed.
pub(crate) fn plain(name: &str) -> String {
    let plain = name.chars().filter(|c| !formats::text::steers(*c));
    plain.take(FIELD_MAX).collect()
}

/// What is expected there.
fn expected(words: &str) -> Text {
    if words.contains("unknown field `") {
        return text("không có trường này", "there is no such field");
    }
    if words.contains("missing field `") {
        return text("thiếu trường này", "this field is missing");
    }
    if words.contains("duplicate field `") {
        return text("chỉ được nêu một lần", "it may be given once");
    }
    if words.contains("not `true` or `false`") {
        return kind_of("a boolean");
    }
    if words.contains("found in string") || words.contains("integer from empty string") {
        return kind_of("i64");
    }
    if words.contains("to fit in target type") {
        return text("số nằm ngoài khoảng cho phép", "the number is out of range");
    }
    let what = words.rsplit_once(", expected ").map(|(_, what)| what);
    let what = what.unwrap_or_default();
    let what = what.split(" at line ").next().unwrap_or_default();
    match words.contains("unknown variant `") {
        true => one_of(what),
        false => kind_of(what),
    }
}

/// ``one of `a`, `b` ``.
fn one_of(what: &str) -> Text {
    let names: Vec<&str> = what.split('`').skip(1).step_by(2).collect();
    let names = names.join(", ");
    text(
        format!("một trong các giá trị: {names}"),
        format!("one of: {names}"),
    )
}

/// A kind of value by the decoder's name for it.
fn kind_of(what: &str) -> Text {
    let upto = |max: u64| {
        text(
            format!("một số nguyên từ 0 đến {max}"),
            format!("a whole number from 0 to {max}"),
        )
    };
    match what {
        "u8" => upto(u8::MAX.into()),
        "u16" => upto(u16::MAX.into()),
        "u32" => upto(u32::MAX.into()),
        "u64" | "usize" => text(
            "một số nguyên từ 0 trở lên",
            "a whole number of zero or more",
        ),
        "i8" | "i16" | "i32" | "i64" => text("một số nguyên", "a whole number"),
        "f32" | "f64" => text("một số", "a number"),
        "a boolean" => text("true hoặc false", "true or false"),
        _ if what.contains("string") || what == "str" => text("một chuỗi ký tự", "a string"),
        _ if what.contains("sequence") || what.contains("array") => text("một danh sách", "a list"),
        _ if what.contains("map") || what.starts_with("struct ") => {
            text("một đối tượng JSON", "a JSON object")
        }
        _ => text("một giá trị đúng kiểu", "a value of the right kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    #[allow(dead_code)]
    struct Asked {
        name: String,
        port: Option<u16>,
        limit: Option<i64>,
        count: Option<u64>,
        on: Option<bool>,
        list: Option<Vec<String>>,
        map: Option<BTreeMap<String, u8>>,
        kind: Option<Which>,
        inner: Option<Box<Asked>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Which {
        One,
        TwoMore,
    }

    fn told(problem: &Problem) -> (String, String) {
        let of = |language| {
            let document = serde_json::to_value(problem.document(language)).unwrap();
            document["detail"].as_str().unwrap().to_owned()
        };
        (of(Language::Vietnamese), of(Language::English))
    }

    fn of_json(json: &str) -> (String, String) {
        let read = axum::Json::<Asked>::from_bytes(json.as_bytes());
        let message = read.map(|_| ()).unwrap_err().body_text();
        told(&at_fault(Kind::Invalid, &message))
    }

    /// Words of the decoder that no problem may have.
    const FOREIGN: [&str; 9] = [
        "invalid",
        "expected",
        "struct",
        "u16",
        "line",
        "column",
        "variant",
        "digit",
        "deserialize",
    ];

    /// A body, and what is told of it.
    const ROWS: [(&str, &str, &str); 13] = [
        (
            r#"{"name":1}"#,
            "`name`: một chuỗi ký tự",
            "`name`: a string",
        ),
        (
            r#"{}"#,
            "`name`: thiếu trường này",
            "`name`: this field is missing",
        ),
        (
            r#"{"name":"a","name":"b"}"#,
            "`name`: chỉ được nêu một lần",
            "`name`: it may be given once",
        ),
        (
            r#"{"name":"a","colour":1}"#,
            "`colour`: không có trường này",
            "`colour`: there is no such field",
        ),
        (
            r#"{"name":"a","port":70000}"#,
            "`port`: một số nguyên từ 0 đến 65535",
            "`port`: a whole number from 0 to 65535",
        ),
        (
            r#"{"name":"a","limit":"x, expected u16"}"#,
            "`limit`: một số nguyên",
            "`limit`: a whole number",
        ),
        (
            r#"{"name":"a","count":-1}"#,
            "`count`: một số nguyên từ 0 trở lên",
            "`count`: a whole number of zero or more",
        ),
        (
            r#"{"name":"a","on":"yes"}"#,
            "`on`: true hoặc false",
            "`on`: true or false",
        ),
        (
            r#"{"name":"a","list":"x"}"#,
            "`list`: một danh sách",
            "`list`: a list",
        ),
        (
            r#"{"name":"a","map":[1]}"#,
            "`map`: một đối tượng JSON",
            "`map`: a JSON object",
        ),
        (
            r#"{"name":"a","inner":"127.0.0.1:1"}"#,
            "`inner`: một đối tượng JSON",
            "`inner`: a JSON object",
        ),
        (
            r#"{"name":"a","kind":"`x`, expected one of `y`"}"#,
            "`kind`: một trong các giá trị: one, two_more",
            "`kind`: one of: one, two_more",
        ),
        (
            r#"{"name":"a","inner":{"name":"a","port":"x"}}"#,
            "`inner.port`: một số nguyên từ 0 đến 65535",
            "`inner.port`: a whole number from 0 to 65535",
        ),
    ];

    #[test]
    fn what_cannot_be_read_is_told_in_our_own_words() {
        for (json, vi, en) in ROWS {
            let got = of_json(json);
            assert_eq!((got.0.as_str(), got.1.as_str()), (vi, en), "{json}");
        }
    }

    #[test]
    fn queries_too() {
        use axum::extract::Query;
        let of = |query: &str| {
            let uri: http::Uri = format!("/?{query}").parse().unwrap();
            let read = Query::<Asked>::try_from_uri(&uri);
            told(&at_fault(
                Kind::Malformed,
                &read.map(|_| ()).unwrap_err().body_text(),
            ))
        };
        for (query, vi) in [
            ("name=a&limit=x", "`limit`: một số nguyên"),
            ("name=a&limit=", "`limit`: một số nguyên"),
            ("name=a&port=70000", "`port`: số nằm ngoài khoảng cho phép"),
            ("name=a&on=yes", "`on`: true hoặc false"),
            (
                "name=a&kind=x",
                "`kind`: một trong các giá trị: one, two_more",
            ),
            ("name=a&x=1", "`x`: không có trường này"),
            ("limit=1", "`name`: thiếu trường này"),
            ("name=a&name=b", "`name`: chỉ được nêu một lần"),
        ] {
            let got = of(query);
            assert_eq!(got.0, vi, "{query}");
            let foreign = FOREIGN.iter().find(|word| got.1.contains(**word));
            assert_eq!(foreign, None, "{query}: {got:?}");
        }
    }

    #[test]
    fn no_json_is_told_by_its_place() {
        let read = axum::Json::<Asked>::from_bytes(b"{\"name\":\n \"a\" 1}");
        let message = read.map(|_| ()).unwrap_err().body_text();
        let (vi, en) = told(&no_json(&message));
        assert_eq!(vi, "Nội dung không phải JSON đúng: dòng 2, cột 6.");
        assert_eq!(en, "The body is not well-formed JSON: line 2, column 6.");
        assert_eq!(told(&no_json("x")).0, "Nội dung không phải JSON đúng.");
    }
}
