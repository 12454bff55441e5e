//! Memory that goes back to the system when it is no longer used.
//!
//! glibc's allocator learns: once a piece of 30 MB was freed, pieces of up to 30 MB are cut from its pools, and each of
//! its pools (eight for each processor) keeps twice as much of what was freed. A server that hands large letters to
//! many clients ends up with hundreds of megabytes that nobody uses. With a fixed measure it does not learn: what is
//! large is asked of the system and given back at once. The measure can only be named in the environment of a program
//! that starts, so the server starts itself once more with it, as the same process.

use std::ffi::OsString;

/// What is set, unless the operator has set something of the kind. Octets: pieces from this size on come from the
/// system, and so much of what was freed stays in each pool (with 8 MiB, sixteen pools kept 104 MiB after a million
/// letters were loaded). Our own pieces (of an answer, of a page, of the index) are smaller.
const MEASURES: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "1048576"),
    ("MALLOC_TRIM_THRESHOLD_", "1048576"),
];
/// How many pools there are: one for each processor ([`pools`]) instead of eight. What one thread frees in a pool, threads
/// of other pools cannot use; it stays as holes.
const POOLS: &str = "MALLOC_ARENA_MAX";
/// Where an operator may have set other measures.
const OPERATOR: &str = "GLIBC_TUNABLES";

/// Starts this program anew as the same process, with the allocator's measures in its environment; returns where they
/// stand there already, or where that cannot be done: then all works as well, with more memory.
pub(crate) fn settle() {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) || is_set(std::env::var_os) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    #[allow(
        clippy::disallowed_methods,
        reason = "no other program: itself, in its own place"
    )]
    let mut again = std::process::Command::new(program);
    let mut arguments = std::env::args_os();
    if let Some(name) = arguments.next() {
        std::os::unix::process::CommandExt::arg0(&mut again, name);
    }
    again.args(arguments).envs(MEASURES);
    again.env(POOLS, pools().to_string());
    let error = std::os::unix::process::CommandExt::exec(&mut again);
    tracing::debug!(%error, "memory is given back late");
}

/// As many as there are threads that work at a time; two at least, so that one that frees much holds nobody up.
fn pools() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().max(2))
}

fn is_set(variable: impl Fn(&'static str) -> Option<OsString>) -> bool {
    let names = MEASURES.iter().map(|(name, _)| *name);
    let names = names.chain([POOLS, OPERATOR]);
    names.into_iter().any(|name| variable(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It would start itself for ever otherwise.
    #[test]
    fn who_was_started_with_the_measures_stays() {
        let check = |set: &str, expected: bool| {
            let found = is_set(|name| (name == set).then(OsString::new));
            assert_eq!(found, expected, "{set}");
        };
        for (name, _) in MEASURES {
            check(name, true);
        }
        check(POOLS, true);
        check(OPERATOR, true);
        check("PATH", false);
    }
}
