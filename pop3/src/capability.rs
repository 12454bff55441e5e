//! RFC 2449 §5 CAPA: what is offered, and in which state. Only what is complete is here.

/// When a capability is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    /// RFC 2595 §4: where STLS is permitted.
    Clear,
    /// Where a password may be said: under TLS. RFC 2449 §5 wants it shown after sign-in too.
    Secret,
}

/// SASL mechanisms, as AUTH takes them.
pub const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// Line, where it is defined, when it is shown. SASL is followed by [`MECHANISMS`].
const TABLE: [(&str, &str, Shown); 13] = [
    ("TOP", "RFC 1939 §7", Shown::Always),
    ("UIDL", "RFC 1939 §7", Shown::Always),
    ("RESP-CODES", "RFC 2449 §6.4", Shown::Always),
    ("AUTH-RESP-CODE", "RFC 3206 §4", Shown::Always),
    ("PIPELINING", "RFC 2449 §6.6", Shown::Always),
    // Nobody is kept from coming again, and the server removes nothing by itself.
    ("LOGIN-DELAY 0", "RFC 2449 §6.5", Shown::Always),
    ("EXPIRE NEVER", "RFC 2449 §6.7", Shown::Always),
    ("UTF8 USER", "RFC 6856 §2", Shown::Always),
    ("LANG", "RFC 6856 §3", Shown::Always),
    ("STLS", "RFC 2595 §4", Shown::Clear),
    ("USER", "RFC 2449 §6.2", Shown::Secret),
    ("SASL", "RFC 5034 §3", Shown::Secret),
    ("IMPLEMENTATION Congvu", "RFC 2449 §6.9", Shown::Always),
];

/// The lines of CAPA, each with its end, without the last dot.
pub fn lines(tls: bool, signed_in: bool) -> String {
    let mut out = String::with_capacity(200);
    for (line, _, shown) in TABLE {
        let now = match shown {
            Shown::Always => true,
            Shown::Clear => !tls && !signed_in,
            Shown::Secret => tls,
        };
        if now {
            out.push_str(line);
            if line == "SASL" {
                for mechanism in MECHANISMS {
                    out.push(' ');
                    out.push_str(mechanism);
                }
            }
            out.push_str("\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use directory::sasl::Exchange;

    #[test]
    fn passwords_are_offered_under_tls_only() {
        let clear = lines(false, false);
        assert!(clear.contains("STLS\r\n"));
        assert!(!clear.contains("SASL") && !clear.contains("\r\nUSER\r\n"));
        let secret = lines(true, false);
        assert!(secret.contains("\r\nUSER\r\nSASL PLAIN LOGIN\r\n"));
        assert!(!secret.contains("STLS"));
        assert_eq!(lines(true, true), secret);
        assert!(TABLE.iter().all(|(_, source, _)| !source.is_empty()));
        assert!(MECHANISMS.iter().all(|m| Exchange::begin(m).is_some()));
    }
}
