//! A store that a running server holds: who that is, in one sentence that says what to do.

use crate::config::Config;
use crate::told::{Advice, Failed, Holder, shown};

/// The process that holds the store, when an error came of that; inside `None`: it did not tell its number.
#[allow(clippy::option_option, reason = "whether, and by whom")]
pub(super) fn by(error: &anyhow::Error) -> Option<Option<u32>> {
    error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(storage::Error::InUse { process, .. }) => Some(*process),
        _ => None,
    })
}

/// The error as it is, or, when a server holds the store, one sentence with its process and `advice`.
pub(super) fn told(error: anyhow::Error, config: &Config, advice: Advice) -> anyhow::Error {
    match by(&error) {
        Some(process) => {
            let (dir, holder) = (dir(config), Holder(process));
            Failed::Held {
                dir,
                holder,
                advice,
            }
            .into()
        }
        None => error,
    }
}

/// Who holds it, and could not be asked.
pub(super) fn not_asked(config: &Config, process: Option<u32>) -> Failed {
    let (dir, holder) = (dir(config), Holder(process));
    Failed::HeldAndNotAsked { dir, holder }
}

fn dir(config: &Config) -> String {
    shown(&crate::keys::store_dir(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_holder_is_known_by_the_error_and_not_by_its_words() {
        let error = |process| storage::Error::InUse {
            dir: "data/store".into(),
            process,
        };
        let config = Config::default();
        let own = std::process::id();
        let wrapped = Err::<(), _>(error(Some(own))).context("it cannot be opened");
        let told = told(wrapped.unwrap_err(), &config, Advice::Stop).to_string();
        assert!(told.contains(&format!("(pid {own})")), "{told}");
        assert!(told.ends_with("; stop it first") && told.contains("congvu-data/store"));
        assert_eq!(by(&error(None).into()), Some(None));
        let words = storage::Error::Unavailable("in use by process 7".into());
        assert_eq!(by(&words.into()), None);
    }
}
