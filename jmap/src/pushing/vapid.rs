//! Who sends: the token by which a push service knows this server (RFC 8292 §2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory::VapidKey;
use directory::hook::host_of;
use formats::address::DomainName;
use serde_json::json;

/// Seconds for which a token is good; RFC 8292 §2 allows 24 hours.
const LIFE_S: i64 = 12 * 3_600;

/// RFC 8292 §3.2: the public key as headers and RFC 9749 §3 have it.
pub(crate) fn public(key: &VapidKey) -> String {
    URL_SAFE_NO_PAD.encode(key.public())
}

/// RFC 6454 §6.1, as RFC 8292 §2 wants it: the origin of an address that was checked; the usual port is not said.
fn origin(url: &str) -> Option<String> {
    let (host, port) = host_of(url)?;
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => DomainName::parse(&host)
            .map_or_else(|_| host.to_ascii_lowercase(), |name| name.to_unicode()),
    };
    Some(match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    })
}

/// RFC 8292 §2: what is signed. `contact` is an address of `mailto:` or `https:`; `now` in Unix seconds.
fn claims(url: &str, contact: &str, now: i64) -> Option<String> {
    let head = json!({"typ": "JWT", "alg": "ES256"}).to_string();
    let body = json!({"aud": origin(url)?, "exp": now.saturating_add(LIFE_S), "sub": contact});
    let parts = [head, body.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    Some(parts.join("."))
}

/// RFC 8292 §3: the value of `Authorization`. `None`: the system gives no random octets, or it is no address.
pub(super) fn authorization(key: &VapidKey, url: &str, contact: &str, now: i64) -> Option<String> {
    let claims = claims(url, contact, now)?;
    let signed = key.sign(claims.as_bytes()).ok()?;
    let signed = URL_SAFE_NO_PAD.encode(signed);
    Some(format!("vapid t={claims}.{signed}, k={}", public(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    /// The claims of RFC 8292 §2.4, and its signature under its key: ours are made the same way.
    #[test]
    fn the_token_of_rfc_8292_is_one_of_ours() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
        let key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        let (said, signed) = token.rsplit_once('.').unwrap();
        let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, octets(key));
        key.verify(said.as_bytes(), &octets(signed)).unwrap();
        let url = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV";
        let contact = "mailto:push@example.com";
        let ours = claims(url, contact, 1_453_523_768 - LIFE_S).unwrap();
        let read = |text: &str| -> Vec<serde_json::Value> {
            let parts = text.split('.').map(octets);
            parts
                .map(|part| serde_json::from_slice(&part).unwrap())
                .collect()
        };
        assert_eq!(read(&ours), read(said));
    }

    #[test]
    fn origins() {
        for (url, expected) in [
            ("https://push.example.net/x?y", "https://push.example.net"),
            ("https://Push.example.net:443/", "https://push.example.net"),
            (
                "https://push.example.net:8443",
                "https://push.example.net:8443",
            ),
            ("https://[2001:db8::7]/x", "https://[2001:db8::7]"),
            ("https://203.0.114.7/x", "https://203.0.114.7"),
            ("https://xn--cquan-uob.vn/x", "https://cơquan.vn"),
        ] {
            assert_eq!(origin(url).as_deref(), Some(expected));
        }
    }
}
