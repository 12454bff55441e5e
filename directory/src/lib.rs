//! Knows who may: the agency tree, domains, accounts, credentials, rights and the proof of a sign-in.
//!
//! Idea 2 (ARCHITECTURE.md): no Access, no mail. Signing in yields [`Access`]; the mail of an account
//! is reached only through it (I-08). Synchronous; knows no socket and no protocol.

pub mod access;
pub mod account;
mod act;
pub mod agency;
pub mod alias;
pub mod annotation;
pub mod audit;
mod book;
mod bounded;
pub mod clock;
mod colleague;
pub mod credential;
mod custody;
pub mod domain;
pub mod error;
mod fact;
mod former;
mod hash;
pub mod hearing;
pub mod held;
mod lazy;
pub mod lockout;
mod met;
pub mod notice;
pub mod open;
pub mod policy;
mod proving;
pub mod quota;
mod recent;
pub mod resolve;
pub mod right;
pub mod sasl;
mod saslprep;
mod scram;
mod sealing;
pub mod session;
pub mod share;
pub mod signin;
mod verifier;
pub mod wanted;

pub use access::{Access, Through};
pub use account::{Account, AccountKind, AccountState, NewAccount};
pub use agency::{Agency, AgencyId, NewAgency};
pub use alias::Alias;
pub use annotation::{Annotated, Annotation, Annotations, Seen};
pub use clock::Clock;
pub use credential::{Credential, CredentialId, CredentialKind, Secret};
pub use domain::{Domain, DomainState};
pub use error::{Denied, Error, SignInError};
pub use hearing::{Hearing, Reannotated};
pub use held::Held;
pub use notice::Notice;
pub use open::{Directory, Settings};
pub use quota::{AgencyQuota, Quota, Used};
pub use resolve::Resolution;
pub use right::{Capability, Right, Rights, Role};
pub use sealing::seal_domain;
pub use session::SessionToken;
pub use share::{RightsChange, Share, Sharing};
pub use signin::Peer;
pub use storage::AccountId;
pub use verifier::ITERATIONS_MIN;
pub use wanted::Wanted;
