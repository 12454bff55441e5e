//! Alias: another address of an account or list.

use crate::AccountId;
use formats::address::Address;
use serde::{Deserialize, Serialize};

/// One alias. Its owner may also send as it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Alias {
    pub address: Address,
    pub account: AccountId,
    pub version: u64,
}
