//! VAPID (RFC 8292): the key by which push services know this server. Drawn once for each store, and kept in it: a client's
//! push service takes messages of that key alone, so another one would silence all of them (RFC 9749 §5).

use crate::fact::{decode, encode, table};
use crate::{Directory, Error};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use storage::{RowChange, Store};

/// Row of the counter table.
const ROW: &[u8] = b"vapid";

/// Signs as this server.
pub struct VapidKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VapidKey(***)")
    }
}

impl VapidKey {
    /// The store's, drawn when it has none; `None` where it has none and takes none: a full disk keeps no server from
    /// starting, and a key that is not kept would be another one the next time.
    pub(crate) fn load(store: &Store) -> Result<Option<Self>, Error> {
        let random = SystemRandom::new();
        let kept = store.table(table::COUNTER).row(ROW)?;
        let pkcs8: Vec<u8> = match kept {
            Some(value) => decode(table::COUNTER, &value)?,
            None => {
                let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                let drawn = drawn.map_err(|_| unavailable("no key can be drawn"))?;
                let drawn = drawn.as_ref().to_vec();
                let row = RowChange {
                    table: table::COUNTER,
                    key: ROW.to_vec(),
                    value: Some(encode(&drawn)?),
                };
                match store.commit_rows(vec![row]) {
                    Err(storage::Error::Unavailable(why)) => {
                        tracing::warn!(%why, "no key for web push until the next start");
                        return Ok(None);
                    }
                    committed => committed?,
                };
                drawn
            }
        };
        let pkcs8 = zeroize::Zeroizing::new(pkcs8);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random);
        let odd = |_| storage::Error::Corrupt("the key of web push cannot be read".into());
        Ok(Some(Self {
            pair: pair.map_err(odd)?,
            random,
        }))
    }

    /// The public key: a point of P-256, uncompressed, 65 octets.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// ES256 (RFC 7518 §3.4): 64 octets. Errors: the system gives no random octets.
    pub fn sign(&self, text: &[u8]) -> Result<Vec<u8>, storage::Error> {
        let signed = self.pair.sign(&self.random, text);
        let signed = signed.map_err(|_| unavailable("nothing can be signed"))?;
        Ok(signed.as_ref().to_vec())
    }
}

fn unavailable(what: &'static str) -> storage::Error {
    storage::Error::Unavailable(what.into())
}

impl Directory {
    /// By which push services know this server; `None` until it could be kept.
    #[must_use]
    pub fn vapid(&self) -> Option<&VapidKey> {
        self.inner.vapid.as_ref()
    }
}
