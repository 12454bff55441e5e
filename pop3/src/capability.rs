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

/// SASL mechanisms with where they are defined, as AUTH takes them; the first are the better ones.
const MECHANISMS: [(&str, &str); 4] = [
    (PLUS, "RFC 5802 §6"),
    (SCRAM, "RFC 7677"),
    ("PLAIN", "RFC 4616"),
    ("LOGIN", "draft-murchison-sasl-login"),
];
/// SCRAM with channel binding.
const PLUS: &str = "SCRAM-SHA-256-PLUS";
const SCRAM: &str = "SCRAM-SHA-256";

/// Those that are offered. `scram`: it is, and whether it can bind the channel.
pub fn mechanisms(scram: Option<bool>) -> Vec<&'static str> {
    let offered = |name: &&str| match *name {
        PLUS => scram == Some(true),
        SCRAM => scram.is_some(),
        _ => true,
    };
    MECHANISMS
        .iter()
        .map(|(name, _)| *name)
        .filter(offered)
        .collect()
}

/// Line, where it is defined, when it is shown. SASL is followed by [`mechanisms`].
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

/// The lines of CAPA, each with its end, without the last dot. `scram` as in [`mechanisms`].
pub fn lines(tls: bool, signed_in: bool, scram: Option<bool>) -> String {
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
                for mechanism in mechanisms(scram) {
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
    use directory::sasl::{Channel, Exchange};

    #[test]
    fn passwords_are_offered_under_tls_only() {
        let clear = lines(false, false, None);
        assert!(clear.contains("STLS\r\n"));
        assert!(!clear.contains("SASL") && !clear.contains("\r\nUSER\r\n"));
        let secret = lines(true, false, None);
        assert!(secret.contains("\r\nUSER\r\nSASL PLAIN LOGIN\r\n"));
        assert!(!secret.contains("STLS"));
        assert_eq!(lines(true, true, None), secret);
        assert!(TABLE.iter().all(|(_, source, _)| !source.is_empty()));
        let unbound = lines(true, false, Some(false));
        assert!(unbound.contains("\r\nSASL SCRAM-SHA-256 PLAIN LOGIN\r\n"));
        let bound = lines(true, false, Some(true));
        assert!(bound.contains("\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"));
        let channel = Channel {
            exporter: Some([0; 32]),
            end_point: None,
        };
        let all = MECHANISMS.iter();
        assert!(all.clone().all(|(_, source)| !source.is_empty()));
        assert!(
            all.clone()
                .all(|(m, _)| Exchange::begin_over(m, &channel).is_some())
        );
    }
}
