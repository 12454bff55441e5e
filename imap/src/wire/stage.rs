//! RFC 9051 §3: in which states a command is allowed; RFC 9586 §3: which of them name message numbers.

use super::command::Command;

/// In which states a command is allowed (RFC 9051 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stage {
    Any,
    NotAuthenticated,
    Authenticated,
    Selected,
}

impl Command {
    /// Whether it names message numbers: RFC 9586 §3 has them refused once UIDONLY is on.
    pub fn names_numbers(&self) -> bool {
        match self {
            Self::Fetch { uid, .. } | Self::Copy { uid, .. } | Self::Replace { uid, .. } => !uid,
            Self::Store(store) => !store.uid,
            Self::Search { uid, search } => !uid || search.key.names_numbers(),
            Self::Select(select) => select.resync.as_ref().is_some_and(|r| r.sample.is_some()),
            _ => false,
        }
    }

    /// command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
    pub fn stage(&self) -> Stage {
        match self {
            Self::Capability | Self::Noop | Self::Logout | Self::Id => Stage::Any,
            Self::StartTls | Self::Authenticate { .. } | Self::Login { .. } => {
                Stage::NotAuthenticated
            }
            // RFC 7377 §2.2: only the selected mailbox must be selected.
            Self::Search { search, .. } if !search.needs_selected() => Stage::Authenticated,
            Self::Search { .. }
            | Self::Check
            | Self::Close
            | Self::Unselect
            | Self::Expunge(_)
            | Self::CancelUpdate(_)
            | Self::Fetch { .. }
            | Self::Store(_)
            | Self::Replace { .. }
            | Self::Copy { .. } => Stage::Selected,
            _ => Stage::Authenticated,
        }
    }
}
