//! RFC 5321 §4.1.1.1: what the peer's reply to EHLO offers.

use super::answer::Reply;

/// What the peer can do. All `false` after HELO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Features {
    /// RFC 1870 §3; `Some(0)` has no fixed limit.
    pub size: Option<u64>,
    pub pipelining: bool,
    pub eight_bit: bool,
    pub smtputf8: bool,
    pub chunking: bool,
    pub binary: bool,
    pub dsn: bool,
    pub starttls: bool,
    pub requiretls: bool,
    /// RFC 6710 §2.
    pub priority: bool,
    pub auth_plain: bool,
    pub auth_login: bool,
}

impl Features {
    /// Reads the reply; its first line is a greeting.
    pub(crate) fn read(reply: &Reply) -> Self {
        let mut features = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else {
                continue;
            };
            match keyword.to_ascii_uppercase().as_str() {
                // RFC 1870 §3: without a number there is no limit to tell.
                "SIZE" => {
                    features.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0));
                }
                "PIPELINING" => features.pipelining = true,
                "8BITMIME" => features.eight_bit = true,
                "SMTPUTF8" => features.smtputf8 = true,
                "CHUNKING" => features.chunking = true,
                "BINARYMIME" => features.binary = true,
                "DSN" => features.dsn = true,
                "STARTTLS" => features.starttls = true,
                "REQUIRETLS" => features.requiretls = true,
                "MT-PRIORITY" => features.priority = true,
                "AUTH" => features.mechanisms(words),
                // RFC 4954 §3 is newer than some servers, which write `AUTH=`.
                old if old.starts_with("AUTH=") => {
                    features.mechanisms(line[5..].split_ascii_whitespace());
                }
                _ => {}
            }
        }
        features
    }

    fn mechanisms<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            self.auth_plain |= word.eq_ignore_ascii_case("PLAIN");
            self.auth_login |= word.eq_ignore_ascii_case("LOGIN");
        }
    }

    /// RFC 3030 §3: BINARYMIME is nothing without CHUNKING.
    #[must_use]
    pub fn takes_binary(&self) -> bool {
        self.binary && self.chunking
    }

    /// Whether a message of so many octets fits (RFC 1870 §3).
    #[must_use]
    pub fn fits(&self, octets: u64) -> bool {
        self.size.is_none_or(|max| max == 0 || octets <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::answer::Replies;

    fn read(text: &str) -> Features {
        let mut replies = Replies::default();
        replies.receive(text.as_bytes());
        Features::read(&replies.next().unwrap().unwrap())
    }

    #[test]
    fn keywords_are_read_in_any_case_and_the_greeting_is_none() {
        let all = read(
            "250-PIPELINING greets you\r\n250-size 100\r\n250-8bitmime\r\n250-AUTH LOGIN plain\r\n250 XUNKNOWN\r\n",
        );
        assert_eq!(
            all,
            Features {
                size: Some(100),
                eight_bit: true,
                auth_plain: true,
                auth_login: true,
                ..Features::default()
            }
        );
        assert!(all.fits(100) && !all.fits(101));
        assert!(read("250-x\r\n250 SIZE\r\n").fits(u64::MAX));
        assert!(read("250-x\r\n250 AUTH=PLAIN\r\n").auth_plain);
        assert_eq!(read("250 PIPELINING\r\n"), Features::default());
    }
}
