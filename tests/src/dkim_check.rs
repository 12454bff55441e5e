//! A verifier of DKIM signatures (RFC 6376 §6) of our own, written apart from the signer: slow, and for relaxed forms only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use std::collections::BTreeMap;

/// What holds of the signatures of this message, `algorithm domain selector` each, in order. An error says what does
/// not. `record` is DNS.
pub fn verify(
    message: &[u8],
    record: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let text = String::from_utf8(message.to_vec()).map_err(|_| "no UTF-8".to_owned())?;
    let (header, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields: Vec<(String, String)> = unfolded
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), one_space(value)))
        .collect();
    let signatures = fields.iter().filter(|(name, _)| name == "dkim-signature");
    signatures
        .map(|(_, value)| one(&fields, value, body, &record))
        .collect()
}

fn one(
    fields: &[(String, String)],
    value: &str,
    body: &str,
    record: &impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let tags = tags(value);
    let tag = |name: &str| tags.get(name).cloned().ok_or(format!("no {name}="));
    if tag("v")? != "1" || tag("c")? != "relaxed/relaxed" {
        return Err(format!("not of our kind: {value}"));
    }
    if STANDARD.encode(digest(&SHA256, relaxed(body).as_bytes())) != tag("bh")? {
        return Err("the body is another".into());
    }
    let (mut data, mut left) = (String::new(), fields.to_vec());
    for name in tag("h")?.split(':') {
        if let Some(at) = left
            .iter()
            .rposition(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            let (name, value) = left.remove(at);
            data.push_str(&format!("{name}:{value}\r\n"));
        }
    }
    let (before, _) = value.rsplit_once("b=").ok_or("no b=")?;
    data.push_str(&format!("dkim-signature:{before}b="));
    let (domain, selector, algorithm) = (tag("d")?, tag("s")?, tag("a")?);
    let name = format!("{selector}._domainkey.{domain}");
    let key = record(&name).ok_or(format!("no record {name}"))?;
    let public = self::tags(&key).remove("p").ok_or("no p=")?;
    let decoded = |text: &str| STANDARD.decode(text).map_err(|e| e.to_string());
    let (public, signature) = (decoded(&public)?, decoded(&tag("b")?)?);
    let held = match algorithm.as_str() {
        "rsa-sha256" => {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..]);
            key.verify(data.as_bytes(), &signature)
        }
        _ => {
            let hash = digest(&SHA256, data.as_bytes());
            UnparsedPublicKey::new(&ED25519, &public).verify(hash.as_ref(), &signature)
        }
    };
    held.map_err(|_| format!("the signature by {name} does not hold"))?;
    Ok(format!("{algorithm} {domain} {selector}"))
}

/// RFC 6376 §3.2 tag-list, white space left out of the values.
fn tags(list: &str) -> BTreeMap<String, String> {
    let each = list.split(';').filter_map(|tag| tag.split_once('='));
    each.map(|(name, value)| (name.trim().to_owned(), value.split_whitespace().collect()))
        .collect()
}

fn one_space(value: &str) -> String {
    let words = value.split([' ', '\t']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn relaxed(body: &str) -> String {
    let lines: Vec<String> = body
        .split("\r\n")
        .map(|line| {
            let lead = if line.starts_with([' ', '\t']) {
                " "
            } else {
                ""
            };
            let words = one_space(line);
            if words.is_empty() {
                words
            } else {
                format!("{lead}{words}")
            }
        })
        .collect();
    let mut end = lines.len();
    while end > 0 && lines[end - 1].is_empty() {
        end -= 1;
    }
    lines[..end]
        .iter()
        .map(|line| format!("{line}\r\n"))
        .collect()
}
