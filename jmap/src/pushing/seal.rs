//! Encryption of what is sent to a push service (RFC 8291), as one record of `aes128gcm` (RFC 8188): the service passes on
//! what it cannot read.

use directory::PushKeys;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};

/// Octets that a push service takes at least (RFC 8291 §4, RFC 8030 §7.2).
const BODY_MAX: usize = 4_096;
/// Octets of a salt (RFC 8188 §2.1).
const SALT: usize = 16;
/// Octets before the record: salt, record size, length of the key's name, and the key itself.
const HEAD: usize = SALT + 4 + 1 + directory::push::KEY_OCTETS;
/// Octets that a record has more than the text: its delimiter, and the tag.
const RECORD_MORE: usize = 1 + 16;
/// Octets of a text that still fits.
pub(super) const TEXT_MAX: usize = BODY_MAX - HEAD - RECORD_MORE;
/// RFC 8188 §2: ends the last record.
const LAST: u8 = 2;

/// It cannot be encrypted: the client's key is no point of the curve, or the system gives no random octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not to be encrypted with these keys")]
pub(crate) struct Unsealed;

/// So many octets are asked of HKDF.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unsealed> {
    let mut octets = [0; N];
    let okm = key.expand(info, Length(N)).map_err(|_| Unsealed)?;
    okm.fill(&mut octets).map_err(|_| Unsealed)?;
    Ok(octets)
}

/// RFC 8188 §2: header and one record; `name` is the key's.
fn record(secret: &[u8], salt: &[u8; SALT], name: &[u8], text: &[u8]) -> Result<Vec<u8>, Unsealed> {
    // RFC 8188 §2.2, §2.3
    let key = Salt::new(HKDF_SHA256, salt).extract(secret);
    let content: [u8; 16] = expand(&key, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = expand(&key, &[b"Content-Encoding: nonce\0"])?;
    let content = UnboundKey::new(&AES_128_GCM, &content).map_err(|_| Unsealed)?;
    let mut sealed = text.to_vec();
    sealed.push(LAST);
    let nonce = Nonce::assume_unique_for_key(nonce);
    LessSafeKey::new(content)
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
        .map_err(|_| Unsealed)?;
    let size = u32::try_from(BODY_MAX).map_err(|_| Unsealed)?;
    let mut body = salt.to_vec();
    body.extend_from_slice(&size.to_be_bytes());
    body.push(u8::try_from(name.len()).map_err(|_| Unsealed)?);
    body.extend_from_slice(name);
    body.extend_from_slice(&sealed);
    Ok(body)
}

/// RFC 8291 §3: by this key of ours, which is good for one message.
fn seal_by(
    ours: EphemeralPrivateKey,
    salt: &[u8; SALT],
    theirs: &PushKeys,
    text: &[u8],
) -> Result<Vec<u8>, Unsealed> {
    if text.len() > TEXT_MAX {
        return Err(Unsealed);
    }
    let public = ours.compute_public_key().map_err(|_| Unsealed)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, &theirs.p256dh);
    let derived = agree_ephemeral(ours, &peer, |shared| {
        let key = Salt::new(HKDF_SHA256, &theirs.auth).extract(shared);
        let info: [&[u8]; 3] = [b"WebPush: info\0", &theirs.p256dh, public.as_ref()];
        expand::<32>(&key, &info)
    });
    let secret = derived.map_err(|_| Unsealed)??;
    record(&secret, salt, public.as_ref(), text)
}

/// The body of a message with this text, of [`TEXT_MAX`] octets at most.
pub(crate) fn seal(theirs: &PushKeys, text: &[u8]) -> Result<Vec<u8>, Unsealed> {
    let random = SystemRandom::new();
    let ours = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(|_| Unsealed)?;
    let mut salt = [0; SALT];
    random.fill(&mut salt).map_err(|_| Unsealed)?;
    seal_by(ours, &salt, theirs, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn octets(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn theirs() -> PushKeys {
        PushKeys {
            p256dh: octets(
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            ),
            auth: octets("BTBZMqHH6r4Tts7J_aSIgg"),
        }
    }

    /// RFC 8188 §3.1.
    #[test]
    fn the_walrus_is_sealed_as_rfc_8188_shows() {
        let salt: [u8; SALT] = octets("I1BsxtFttlv3u_Oo94xnmw").try_into().unwrap();
        let body = record(
            &octets("yqdlZ-tYemfogSmv7Ws5PQ"),
            &salt,
            b"",
            b"I am the walrus",
        );
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body.unwrap()),
            "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg"
        );
    }

    /// RFC 8291 §5. The key is given by a random source that is none, which ring has for such tests alone.
    #[test]
    #[allow(deprecated, reason = "ring offers no other way to a key that is given")]
    fn the_watermelon_is_sealed_as_rfc_8291_shows() {
        let private = octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let given = ring::test::rand::FixedSliceRandom { bytes: &private };
        let ours = EphemeralPrivateKey::generate(&ECDH_P256, &given).unwrap();
        let salt: [u8; SALT] = octets("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let text = b"When I grow up, I want to be a watermelon";
        let body = seal_by(ours, &salt, &theirs(), text).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn each_message_has_a_key_and_a_salt_of_its_own_and_fits() {
        let (one, two) = (
            seal(&theirs(), b"x").unwrap(),
            seal(&theirs(), b"x").unwrap(),
        );
        assert_eq!(one.len(), HEAD + RECORD_MORE + 1);
        assert_ne!(one[..SALT], two[..SALT]);
        assert_ne!(one[SALT + 5..HEAD], two[SALT + 5..HEAD]);
        let longest = seal(&theirs(), &[b'x'; TEXT_MAX]).unwrap();
        assert_eq!(longest.len(), BODY_MAX);
        assert_eq!(seal(&theirs(), &[b'x'; TEXT_MAX + 1]), Err(Unsealed));
    }

    #[test]
    fn a_key_that_is_no_point_of_the_curve_is_refused() {
        for last in [0x0f, 0x00] {
            let mut theirs = theirs();
            *theirs.p256dh.last_mut().unwrap() = last;
            assert_eq!(seal(&theirs, b"x"), Err(Unsealed));
        }
        let mut theirs = theirs();
        theirs.p256dh.truncate(33);
        assert_eq!(seal(&theirs, b"x"), Err(Unsealed));
    }
}
