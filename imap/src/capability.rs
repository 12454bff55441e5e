//! RFC 9051 §6.1.1 CAPABILITY: what is offered, and in which state. Only what is complete is here.

use crate::settings::Settings;
use std::fmt::Write as _;

/// When a capability is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    /// Before login, in clear text.
    Clear,
    /// Before login, under TLS.
    Secret,
    /// After login.
    SignedIn,
}

/// SCRAM with channel binding.
const PLUS: &str = "AUTH=SCRAM-SHA-256-PLUS";

/// Name, where it is defined, when it is shown.
const TABLE: &[(&str, &str, Shown)] = &[
    ("IMAP4rev1", "RFC 3501", Shown::Always),
    ("IMAP4rev2", "RFC 9051", Shown::Always),
    ("LITERAL+", "RFC 7888 §3", Shown::Always),
    ("ID", "RFC 2971", Shown::Always),
    ("ENABLE", "RFC 5161", Shown::Always),
    ("SASL-IR", "RFC 4959", Shown::Always),
    ("STARTTLS", "RFC 9051 §6.2.1", Shown::Clear),
    ("LOGINDISABLED", "RFC 9051 §6.2.3", Shown::Clear),
    (PLUS, "RFC 5802 §6", Shown::Secret),
    ("AUTH=SCRAM-SHA-256", "RFC 7677", Shown::Secret),
    ("AUTH=PLAIN", "RFC 4616", Shown::Secret),
    ("AUTH=LOGIN", "draft-murchison-sasl-login", Shown::Secret),
    ("IDLE", "RFC 2177", Shown::SignedIn),
    ("NAMESPACE", "RFC 2342", Shown::SignedIn),
    ("CHILDREN", "RFC 3348", Shown::SignedIn),
    ("UNSELECT", "RFC 3691", Shown::SignedIn),
    ("UIDPLUS", "RFC 4315", Shown::SignedIn),
    ("MOVE", "RFC 6851", Shown::SignedIn),
    ("CONDSTORE", "RFC 7162 §3.1", Shown::SignedIn),
    ("QRESYNC", "RFC 7162 §3.2", Shown::SignedIn),
    ("NOTIFY", "RFC 5465", Shown::SignedIn),
    ("OBJECTID", "RFC 8474", Shown::SignedIn),
    ("PREVIEW", "RFC 8970", Shown::SignedIn),
    ("SAVEDATE", "RFC 8514", Shown::SignedIn),
    ("UIDONLY", "RFC 9586", Shown::SignedIn),
    ("INPROGRESS", "RFC 9585", Shown::SignedIn),
    ("BINARY", "RFC 3516", Shown::SignedIn),
    ("ESEARCH", "RFC 4731", Shown::SignedIn),
    ("SEARCHRES", "RFC 5182", Shown::SignedIn),
    ("WITHIN", "RFC 5032", Shown::SignedIn),
    ("SEARCH=FUZZY", "RFC 6203", Shown::SignedIn),
    ("MULTISEARCH", "RFC 7377", Shown::SignedIn),
    ("PARTIAL", "RFC 9394", Shown::SignedIn),
    ("CONTEXT=SEARCH", "RFC 5267 §4", Shown::SignedIn),
    ("CONTEXT=SORT", "RFC 5267 §4", Shown::SignedIn),
    ("SORT", "RFC 5256", Shown::SignedIn),
    ("SORT=DISPLAY", "RFC 5957", Shown::SignedIn),
    ("ESORT", "RFC 5267 §3.1", Shown::SignedIn),
    ("THREAD=ORDEREDSUBJECT", "RFC 5256", Shown::SignedIn),
    ("THREAD=REFERENCES", "RFC 5256", Shown::SignedIn),
    ("THREAD=REFS", "draft-ietf-morg-inthread", Shown::SignedIn),
    ("I18NLEVEL=1", "RFC 5255 §4.3", Shown::SignedIn),
    ("LIST-EXTENDED", "RFC 5258", Shown::SignedIn),
    ("LIST-STATUS", "RFC 5819", Shown::SignedIn),
    ("SPECIAL-USE", "RFC 6154", Shown::SignedIn),
    // Not registered, against RFC 9051 §7.2.2: Outlook asks for the uses of mailboxes in no other way, and
    // makes its own "Sent Items" beside ours.
    ("XLIST", "Gmail IMAP extensions", Shown::SignedIn),
    ("CREATE-SPECIAL-USE", "RFC 6154 §3", Shown::SignedIn),
    ("STATUS=DELETED", "RFC 9051 §6.3.11", Shown::SignedIn),
    ("STATUS=SIZE", "RFC 8438", Shown::SignedIn),
    ("MULTIAPPEND", "RFC 3502", Shown::SignedIn),
    ("CATENATE", "RFC 4469", Shown::SignedIn),
    ("REPLACE", "RFC 8508", Shown::SignedIn),
    ("UTF8=ACCEPT", "RFC 6855", Shown::SignedIn),
    ("COMPRESS=DEFLATE", "RFC 4978", Shown::SignedIn),
    ("UNAUTHENTICATE", "RFC 8437", Shown::SignedIn),
    ("ACL", "RFC 4314", Shown::SignedIn),
    ("RIGHTS=kxte", "RFC 4314 §2.2", Shown::SignedIn),
    ("LIST-MYRIGHTS", "RFC 8440", Shown::SignedIn),
    ("QUOTA", "RFC 9208", Shown::SignedIn),
    ("QUOTA=RES-STORAGE", "RFC 9208 §5.1", Shown::SignedIn),
    ("QUOTA=RES-MESSAGE", "RFC 9208 §5.2", Shown::SignedIn),
    ("QUOTASET", "RFC 9208 §4.1.3", Shown::SignedIn),
    ("METADATA", "RFC 5464", Shown::SignedIn),
    ("METADATA-SERVER", "RFC 5464", Shown::SignedIn),
    ("LIST-METADATA", "RFC 9590", Shown::SignedIn),
    ("JMAPACCESS", "RFC 9698", Shown::SignedIn),
    ("MESSAGELIMIT", "RFC 9738", Shown::SignedIn),
    ("SAVELIMIT", "RFC 9738", Shown::SignedIn),
    ("APPENDLIMIT", "RFC 7889", Shown::SignedIn),
];

/// The capabilities of a connection, separated by spaces. `scram`: it is offered, and whether it can bind the channel.
pub fn list(tls: bool, signed_in: bool, scram: Option<bool>, settings: &Settings) -> String {
    let mut out = String::with_capacity(512);
    for (name, _, shown) in TABLE {
        let now = match *shown {
            Shown::Always => true,
            Shown::Clear => !signed_in && !tls,
            Shown::Secret => !signed_in && tls,
            Shown::SignedIn => signed_in,
        };
        // RFC 9738 §3: SAVELIMIT instead of MESSAGELIMIT, where only saving is limited.
        let (messages, saves) = (settings.message_limit, settings.save_limit);
        let offered = match *name {
            "MESSAGELIMIT" => messages > 0,
            "SAVELIMIT" => messages == 0 && saves > 0,
            "UNAUTHENTICATE" => settings.unauthenticate,
            "JMAPACCESS" => settings.jmap_session.is_some(),
            PLUS => scram == Some(true),
            "AUTH=SCRAM-SHA-256" => scram.is_some(),
            _ => true,
        };
        if now && offered {
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{name}");
            let value = match *name {
                "APPENDLIMIT" => settings.size_max,
                "MESSAGELIMIT" => u64::from(messages),
                "SAVELIMIT" => u64::from(saves),
                _ => continue,
            };
            let _ = write!(out, "={value}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_offered_under_tls_only() {
        let settings = Settings {
            size_max: 7,
            unauthenticate: false,
            ..Settings::default()
        };
        let clear = list(false, false, Some(true), &settings);
        assert!(clear.contains("STARTTLS LOGINDISABLED") && !clear.contains("AUTH="));
        let secret = list(true, false, None, &settings);
        assert!(secret.contains("AUTH=PLAIN") && !secret.contains("STARTTLS"));
        let all = list(true, true, None, &settings);
        assert!(all.ends_with(" APPENDLIMIT=7") && !all.contains("UNAUTHENTICATE"));
        assert!(all.contains(" MESSAGELIMIT=1000000 ") && !all.contains("SAVELIMIT"));
        let saves = Settings {
            message_limit: 0,
            save_limit: 9,
            ..settings.clone()
        };
        let saves = list(true, true, None, &saves);
        assert!(saves.contains(" SAVELIMIT=9 ") && !saves.contains("MESSAGELIMIT"));
        // RFC 7888 §5: never both.
        assert!(all.contains(" LITERAL+ ") && !all.contains("LITERAL-"));
        assert!(!secret.contains("COMPRESS") && !secret.contains("SCRAM"));
        let unbound = list(true, false, Some(false), &settings);
        assert!(unbound.contains("AUTH=SCRAM-SHA-256 ") && !unbound.contains("PLUS"));
        let bound = list(true, false, Some(true), &settings);
        assert!(bound.contains("AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN"));
        assert!(
            TABLE
                .iter()
                .all(|(name, source, _)| !name.is_empty() && !source.is_empty())
        );
    }
}
