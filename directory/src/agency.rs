//! Agency: a node of the province's tree, independent of domains (idea 7).

use serde::{Deserialize, Serialize};

/// The node's code, e.g. `H99.1` (QĐ 20/2020 form; letters, digits, dots; at most 32 octets). Never changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgencyId(pub String);

/// One agency or unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Agency {
    pub id: AgencyId,
    pub parent: Option<AgencyId>,
    pub name: String,
    pub name_en: Option<String>,
    /// Raised with each change (If-Match).
    pub version: u64,
}

/// An agency to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewAgency {
    pub id: AgencyId,
    pub parent: Option<AgencyId>,
    pub name: String,
    pub name_en: Option<String>,
}
