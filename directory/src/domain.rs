//! Domain: a mail domain we serve.

use crate::AgencyId;
use formats::address::DomainName;
use serde::{Deserialize, Serialize};

/// Whether mail for it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DomainState {
    Active,
    Suspended,
}

/// One domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Domain {
    pub name: DomainName,
    pub agency: AgencyId,
    pub state: DomainState,
    pub version: u64,
}
