//! RFC 5802, RFC 7677: the server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.
//!
//! Sans-io: what must be looked up is a [`Question`], asked of the directory on a blocking thread. Names
//! that do not exist get a salt like any other and fail at the end, after the same work.

use crate::sasl::{ANSWER_MAX, Channel, Entry, Step};
use crate::signin::Peer;
use crate::verifier::{Key, Verifier};
use crate::{Access, AccountId, CredentialId, Directory, SignInError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of the client's nonce.
pub(crate) const NONCE_MAX: usize = 512;

/// Something to find out; see [`Question::answer`].
pub struct Question(Asked);

enum Asked {
    Offer {
        name: String,
    },
    Outcome {
        name: String,
        found: Option<(AccountId, CredentialId)>,
    },
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question")
    }
}

impl PartialEq for Question {
    /// Two questions are never the same one.
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl Question {
    /// Asks the directory. Waits for nothing but the book; a failure is counted here, as with passwords.
    pub fn answer(self, directory: &Directory, peer: Peer) -> Answer {
        Answer(match self.0 {
            Asked::Offer { name } => Found::Offer(directory.scram_offer(&name, peer)),
            Asked::Outcome { name, found } => {
                Found::Outcome(directory.scram_outcome(&name, found, peer).map(Box::new))
            }
        })
    }
}

/// What the directory said.
#[derive(Debug)]
pub struct Answer(Found);

#[derive(Debug)]
enum Found {
    Offer(Result<Offer, SignInError>),
    Outcome(Result<Box<Access>, SignInError>),
}

/// What the server-first-message tells, and what the proof is tried on.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The server's part.
    pub(crate) nonce: String,
    /// At least one; all with the same salt and iterations. Without an owner: nobody's.
    pub(crate) verifiers: Vec<(Option<(AccountId, CredentialId)>, Verifier)>,
}

/// One exchange.
#[derive(Debug)]
pub(crate) struct Scram {
    /// The client must bind the channel.
    plus: bool,
    channel: Channel,
    state: State,
}

#[derive(Debug)]
enum State {
    Begun,
    Asked,
    /// The client's first message was read.
    Named(First),
    Offered {
        first: First,
        nonce: String,
        server_first: String,
        offer: Offer,
    },
    Judged {
        signature: Key,
    },
    Proved(Box<Access>),
    Over,
}

/// client-first-message = gs2-header client-first-message-bare
#[derive(Debug)]
struct First {
    /// What the client's `c=` must be: gs2-header and channel binding data.
    binding: Vec<u8>,
    bare: String,
    name: String,
    nonce: String,
}

impl Scram {
    pub(crate) fn new(plus: bool, channel: Channel) -> Self {
        Self {
            plus,
            channel,
            state: State::Begun,
        }
    }

    pub(crate) fn step(&mut self, answer: Option<&[u8]>) -> Step {
        let state = std::mem::replace(&mut self.state, State::Over);
        match (state, answer) {
            // RFC 5802 §5: the client speaks first.
            (State::Begun, None) => {
                self.state = State::Asked;
                Step::Challenge(Vec::new())
            }
            // RFC 5802 §6: the flag `y` where -PLUS was offered must fail.
            (State::Begun | State::Asked, Some([b'y', b',', ..]))
                if !self.plus && self.channel.binds() =>
            {
                Step::Downgraded
            }
            (State::Begun | State::Asked, Some(message)) => {
                let Some(first) = self.first(message) else {
                    return Step::Malformed;
                };
                let name = first.name.clone();
                self.state = State::Named(first);
                Step::Ask(Question(Asked::Offer { name }))
            }
            (
                State::Offered {
                    first,
                    nonce,
                    server_first,
                    offer,
                },
                Some(message),
            ) => {
                let Some(judged) = judged(message, &first, (&nonce, &server_first), &offer) else {
                    return Step::Malformed;
                };
                let (found, signature) = judged.unzip();
                self.state = State::Judged {
                    signature: signature.unwrap_or_default(),
                };
                let name = first.name;
                let found = found.flatten();
                Step::Ask(Question(Asked::Outcome { name, found }))
            }
            // The client has verified the server, and has nothing to add.
            (State::Proved(access), Some(b"")) => Step::Entered(Entry(access)),
            _ => Step::Malformed,
        }
    }

    pub(crate) fn answered(&mut self, Answer(found): Answer) -> Step {
        let state = std::mem::replace(&mut self.state, State::Over);
        match (state, found) {
            (State::Named(first), Found::Offer(Ok(offer))) => {
                let Some((_, verifier)) = offer.verifiers.first() else {
                    return Step::Refused(SignInError::Refused);
                };
                // server-first-message = nonce "," salt "," iteration-count
                let nonce = format!("{}{}", first.nonce, offer.nonce);
                let salt = STANDARD.encode(verifier.salt);
                let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
                let challenge = server_first.clone().into_bytes();
                self.state = State::Offered {
                    first,
                    nonce,
                    server_first,
                    offer,
                };
                Step::Challenge(challenge)
            }
            (State::Judged { signature }, Found::Outcome(Ok(access))) => {
                self.state = State::Proved(access);
                // server-final-message = verifier; verifier = "v=" base64
                Step::Challenge(format!("v={}", STANDARD.encode(signature)).into_bytes())
            }
            // RFC 5802 §5.1: on failure the server-final-message is optional.
            (_, Found::Offer(Err(error)) | Found::Outcome(Err(error))) => Step::Refused(error),
            _ => Step::Malformed,
        }
    }

    fn first(&self, message: &[u8]) -> Option<First> {
        if message.len() > ANSWER_MAX {
            return None;
        }
        let text = std::str::from_utf8(message).ok()?;
        // gs2-header = gs2-cbind-flag "," [ authzid ] ","
        let (flag, rest) = text.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        let header = &text[..text.len() - bare.len()];
        let mut binding = header.as_bytes().to_vec();
        match flag.strip_prefix("p=") {
            Some(kind) if self.plus => binding.extend_from_slice(self.channel.data(kind)?),
            // RFC 5802 §6: `y` is a client's that could bind and has heard that we cannot, as it is here.
            None if ["y", "n"].contains(&flag) && !self.plus => {}
            _ => return None,
        }
        // client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
        let mut fields = bare.split(',');
        let name = saslname(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let printable = nonce.bytes().all(|b| b.is_ascii_graphic());
        if nonce.is_empty() || nonce.len() > NONCE_MAX || !printable {
            return None;
        }
        // RFC 5802 §5.1 a: as PLAIN, nobody acts for another.
        let oneself = match authzid.strip_prefix("a=") {
            Some(other) => saslname(other)? == name,
            None => authzid.is_empty(),
        };
        oneself.then(|| First {
            binding,
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
            name,
        })
    }
}

/// Whose verifier the proof fits, and the ServerSignature; `None` inside: nobody's. `None`: not even a
/// client-final-message = channel-binding "," nonce ["," extensions] "," proof.
#[allow(
    clippy::type_complexity,
    reason = "a private answer, taken apart at once"
)]
fn judged(
    message: &[u8],
    first: &First,
    (nonce, server_first): (&str, &str),
    offer: &Offer,
) -> Option<Option<(Option<(AccountId, CredentialId)>, Key)>> {
    if message.len() > ANSWER_MAX {
        return None;
    }
    let text = std::str::from_utf8(message).ok()?;
    let (without_proof, proof) = text.rsplit_once(",p=")?;
    let proof: Key = STANDARD.decode(proof).ok()?.try_into().ok()?;
    let mut fields = without_proof.split(',');
    let binding = STANDARD.decode(fields.next()?.strip_prefix("c=")?).ok()?;
    let same = fields.next()?.strip_prefix("r=")? == nonce && binding == first.binding;
    let signed = format!("{},{server_first},{without_proof}", first.bare);
    let found = offer.verifiers.iter().find_map(|(owner, verifier)| {
        let signature = verifier.signature(signed.as_bytes(), &proof)?;
        Some((*owner, signature))
    });
    Some(found.filter(|_| same))
}

/// saslname = 1*(value-safe-char / "=2C" / "=3D")
fn saslname(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('=');
    out.push_str(pieces.next()?);
    for piece in pieces {
        let (letter, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        out.push(letter);
        out.push_str(rest);
    }
    (!out.is_empty() && !out.contains('\0')).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const OWNER: (AccountId, CredentialId) = (AccountId::FIRST, CredentialId(7));

    /// The example of RFC 7677 §3, up to the server's first message.
    fn offered(plus: bool, channel: Channel, header: &str) -> (Scram, Step) {
        let mut scram = Scram::new(plus, channel);
        let first = format!("{header}n=user,r=rOprNGfwEbeRWgbNEkqO");
        let step = scram.step(Some(first.as_bytes()));
        if !matches!(step, Step::Ask(_)) {
            return (scram, step);
        }
        let salt: [u8; 16] = STANDARD
            .decode("W22ZaJ0SNY7soEsUEjb6gQ==")
            .unwrap()
            .try_into()
            .unwrap();
        let other = Verifier::decoy(salt, 4096, [[1; 32]; 2]);
        let verifiers = vec![
            (None, other),
            (Some(OWNER), Verifier::of("pencil", salt, 4096)),
        ];
        let nonce = NONCE["rOprNGfwEbeRWgbNEkqO".len()..].to_owned();
        let step = scram.answered(Answer(Found::Offer(Ok(Offer { nonce, verifiers }))));
        (scram, step)
    }

    /// Whose proof it is, after the last message; `None`: the message cannot be read.
    fn found(scram: &mut Scram, last: &str) -> Option<Option<(AccountId, CredentialId)>> {
        match scram.step(Some(last.as_bytes())) {
            Step::Ask(Question(Asked::Outcome { name, found })) => {
                assert_eq!(name, "user");
                Some(found)
            }
            Step::Malformed => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_of_rfc_7677_is_spoken() {
        let (mut scram, step) = offered(false, Channel::default(), "n,,");
        let Step::Challenge(first) = step else {
            panic!("{step:?}")
        };
        let expected = format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        assert_eq!(String::from_utf8(first).unwrap(), expected);
        let last = format!("c=biws,r={NONCE},p={PROOF}");
        assert_eq!(found(&mut scram, &last), Some(Some(OWNER)));
        let State::Judged { signature } = scram.state else {
            panic!("{scram:?}")
        };
        let expected = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(STANDARD.encode(signature), expected);
    }

    #[test]
    fn what_does_not_fit_proves_nothing() {
        for (last, expected) in [
            (format!("c=biws,r={NONCE}x,p={PROOF}"), Some(None)),
            (format!("c=eSws,r={NONCE},p={PROOF}"), Some(None)),
            (format!("c=biws,r={NONCE},x=y,p={PROOF}"), Some(None)),
            (
                format!("c=biws,r={NONCE},p={}=", "A".repeat(43)),
                Some(None),
            ),
            (format!("c=biws,r={NONCE},p=AAAA"), None),
            (format!("c=biws,r={NONCE}"), None),
            (format!("r={NONCE},c=biws,p={PROOF}"), None),
            (String::new(), None),
        ] {
            let (mut scram, _) = offered(false, Channel::default(), "n,,");
            assert_eq!(found(&mut scram, &last), expected, "{last}");
        }
    }

    #[test]
    fn the_channel_is_bound_as_rfc_5802_says() {
        let channel = Channel {
            exporter: Some([7; 32]),
            end_point: None,
        };
        let check = |plus: bool, channel: &Channel, header: &str, fits: bool| {
            let (_, step) = offered(plus, channel.clone(), header);
            assert_eq!(matches!(step, Step::Challenge(_)), fits, "{plus} {header}");
        };
        let none = Channel::default();
        check(false, &none, "n,,", true);
        check(false, &none, "y,,", true);
        check(false, &channel, "n,,", true);
        // Somebody has taken -PLUS out of the list.
        check(false, &channel, "y,,", false);
        let (_, step) = offered(false, channel.clone(), "y,,");
        assert!(matches!(step, Step::Downgraded), "{step:?}");
        let (_, step) = offered(true, channel.clone(), "y,,");
        assert!(matches!(step, Step::Malformed), "{step:?}");
        check(false, &channel, "p=tls-exporter,,", false);
        check(true, &channel, "p=tls-exporter,,", true);
        check(true, &channel, "p=tls-exporter,a=user,", true);
        check(true, &channel, "p=tls-server-end-point,,", false);
        check(true, &channel, "p=tls-unique,,", false);
        check(true, &channel, "n,,", false);
        check(false, &none, "n,a=other,", false);
        check(false, &none, "n,,m=x,", false);
        check(false, &none, "n,", false);
        for (data, expected) in [([7; 32], Some(OWNER)), ([8; 32], None)] {
            let (mut scram, step) = offered(true, channel.clone(), "p=tls-exporter,,");
            let Step::Challenge(first) = step else {
                panic!("{step:?}")
            };
            let first = String::from_utf8(first).unwrap();
            let binding = STANDARD.encode([&b"p=tls-exporter,,"[..], &data].concat());
            let without = format!("c={binding},r={NONCE}");
            let signed = format!("n=user,r=rOprNGfwEbeRWgbNEkqO,{first},{without}");
            let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
            let (proof, _) = verifier::proof("pencil", &salt, 4096, signed.as_bytes());
            let last = format!("{without},p={}", STANDARD.encode(proof));
            assert_eq!(found(&mut scram, &last), Some(expected));
        }
    }

    #[test]
    fn names_are_unquoted() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(saslname(text).as_deref(), expected, "{text:?}");
        };
        check("a=2Cb=3Dc", Some("a,b=c"));
        check("an@tinh.gov.vn", Some("an@tinh.gov.vn"));
        check("a=2c", None);
        check("a=", None);
        check("", None);
        check("a\0", None);
    }
}
