//! RFC 8017 §3.2: an RSA key of 2048 bits is drawn, and written as RSAPrivateKey (appendix A.1.2). Nothing else is done
//! here: `ring` reads the key, looks whether its parts fit together, and signs; it draws none itself. The `rsa` crate
//! would, with twice as much to compile and a standing advisory (RUSTSEC-2023-0071) against its other half.

use crypto_bigint::rand_core::{TryCryptoRng, TryRng};
use crypto_bigint::{Limb, NonZero, Odd, U1024, U2048};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// Bits of each of the two primes.
const PRIME_BITS: u32 = 1024;
/// The usual public exponent, a prime.
const EXPONENT: u64 = 65_537;
/// Pairs that are drawn at most: one in some ten thousand does not do.
const TRIES_MAX: usize = 10;

/// The system's randomness. Where it fails there are zeros, and the failure is remembered: nothing is made of them.
struct System {
    failed: bool,
}

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        if getrandom::fill(octets).is_err() {
            octets.fill(0);
            self.failed = true;
        }
        Ok(())
    }
}

impl TryCryptoRng for System {}

/// RSAPrivateKey in DER. `None`: there is no randomness.
pub(super) fn draw() -> Option<Zeroizing<Vec<u8>>> {
    let mut system = System { failed: false };
    for _ in 0..TRIES_MAX {
        let (p, q) = (prime(&mut system)?, prime(&mut system)?);
        if system.failed {
            return None;
        }
        let key = if p > q {
            written(&p, &q)
        } else {
            written(&q, &p)
        };
        if key.is_some() {
            return key;
        }
    }
    None
}

/// With its two highest bits set, so that a product of two has all its bits.
fn prime(system: &mut System) -> Option<U1024> {
    let sieve = SmallFactorsSieveFactory::new(Flavor::Any, PRIME_BITS, SetBits::TwoMsb).ok()?;
    sieve_and_find(system, sieve, |_, candidate| {
        is_prime(Flavor::Any, candidate)
    })
    .ok()?
}

/// The key of `p` > `q`. `None`: the exponent has no inverse for them.
fn written(p: &U1024, q: &U1024) -> Option<Zeroizing<Vec<u8>>> {
    let (less_p, less_q) = (p.wrapping_sub(&U1024::ONE), q.wrapping_sub(&U1024::ONE));
    let modulus: U2048 = p.concatenating_mul(q);
    let private = inverse(&less_p.concatenating_mul(&less_q))?;
    let by = |less: &U1024| -> Option<U1024> {
        let less = Option::<NonZero<U1024>>::from(NonZero::new(*less))?;
        Some(private.rem(&less))
    };
    let odd = Option::<Odd<U1024>>::from(Odd::new(*p))?;
    let coefficient = Option::<U1024>::from(q.invert_odd_mod(&odd))?;
    let mut parts = Zeroizing::new(Vec::new());
    let mut put = |octets: &[u8]| parts.extend(integer(octets).iter());
    put(&[0]);
    put(&modulus.to_be_bytes());
    put(&EXPONENT.to_be_bytes());
    put(&private.to_be_bytes());
    put(&p.to_be_bytes());
    put(&q.to_be_bytes());
    put(&by(&less_p)?.to_be_bytes());
    put(&by(&less_q)?.to_be_bytes());
    put(&coefficient.to_be_bytes());
    Some(Zeroizing::new(super::key::tagged(0x30, &parts)))
}

/// 1/EXPONENT modulo `phi`: (1 + k·phi) / EXPONENT with the k for which that comes out even.
fn inverse(phi: &U2048) -> Option<U2048> {
    let exponent = Option::<NonZero<Limb>>::from(NonZero::new(Limb(EXPONENT)))?;
    let (quotient, rest) = phi.div_rem_limb(exponent);
    if rest.0 == 0 {
        return None;
    }
    // Fermat: rest^(EXPONENT - 2) is 1/rest modulo the prime EXPONENT.
    let (mut power, mut base, mut left) = (1, rest.0, EXPONENT - 2);
    while left > 0 {
        if left & 1 == 1 {
            power = power * base % EXPONENT;
        }
        base = base * base % EXPONENT;
        left >>= 1;
    }
    let k = EXPONENT - power;
    let small = U2048::from_u64((k * rest.0 + 1) / EXPONENT);
    Some(
        quotient
            .wrapping_mul(&U2048::from_u64(k))
            .wrapping_add(&small),
    )
}

/// DER INTEGER, not negative.
fn integer(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let digits = &octets[zeros.min(octets.len() - 1)..];
    let mut content = Zeroizing::new(Vec::with_capacity(digits.len() + 1));
    if digits[0] > 127 {
        content.push(0);
    }
    content.extend_from_slice(digits);
    Zeroizing::new(super::key::tagged(0x02, &content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_is_one() {
        // (p-1)(q-1) of 1,000,003 and 999,983.
        let phi = U2048::from_u64(1_000_002 * 999_982);
        let found = inverse(&phi).unwrap();
        let modulus = NonZero::new(phi).unwrap();
        assert_eq!(
            found.wrapping_mul(&U2048::from_u64(EXPONENT)).rem(&modulus),
            U2048::ONE
        );
        assert!(inverse(&U2048::from_u64(EXPONENT * 6)).is_none());
    }

    #[test]
    fn integers_are_short_and_never_negative() {
        let check = |octets: &[u8], der: &[u8]| assert_eq!(&integer(octets)[..], der);
        check(&[0], &[2, 1, 0]);
        check(&[0, 0, 127], &[2, 1, 127]);
        check(&[0, 128], &[2, 2, 0, 128]);
        check(&EXPONENT.to_be_bytes(), &[2, 3, 1, 0, 1]);
    }

    #[test]
    fn what_is_drawn_fits_together() {
        let key = draw().unwrap();
        let pair = ring::signature::RsaKeyPair::from_der(&key);
        assert_eq!(pair.unwrap().public().modulus_len(), 256);
    }
}
