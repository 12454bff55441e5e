//! The `[sign_in]` section of the config.

use serde::{Deserialize, Serialize};

/// Cost of passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// argon2id memory, KiB (OWASP's first choice: 19 MiB, 2 passes).
    pub argon2_memory_kib: u32,
    /// argon2id passes.
    pub argon2_passes: u32,
    /// PBKDF2 iterations of what is kept for SCRAM-SHA-256, paid by the client at each sign-in and by the server when
    /// a password is set; 0: SCRAM is not offered. Guesses at a stolen store are cheaper with it than with argon2id.
    /// Clients with Cyrus SASL (mbsync, Mutt, Evolution) refuse more than 65,536.
    pub scram_iterations: u32,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            argon2_memory_kib: 19_456,
            argon2_passes: 2,
            scram_iterations: 60_000,
        }
    }
}

impl SignIn {
    /// Errors: the key that is wrong, and what is expected of it.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(8_192..=4 << 20).contains(&self.argon2_memory_kib) {
            return Err(("sign_in.argon2_memory_kib", "expected 8192 to 4194304 KiB"));
        }
        if !(1..=20).contains(&self.argon2_passes) {
            return Err(("sign_in.argon2_passes", "expected 1 to 20"));
        }
        let scram = self.scram_iterations;
        if scram != 0 && !(directory::ITERATIONS_MIN..=10_000_000).contains(&scram) {
            return Err((
                "sign_in.scram_iterations",
                "expected 0, or 4096 to 10000000",
            ));
        }
        Ok(())
    }
}
