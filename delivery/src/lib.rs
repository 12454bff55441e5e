//! Moves mail: the one pipeline accept -> spool -> dispatch (idea 3). Knows no SMTP verb and no socket: what goes
//! elsewhere is leased as [`Job`]s, whoever has the sockets tries them, and [`Delivery::settle`] hears how it ended.

pub mod accept;
mod act;
mod bounce;
pub mod dispatch;
pub mod dsn;
pub mod envelope;
pub mod error;
mod header;
mod job;
mod list;
mod news;
pub mod origin;
mod outcome;
pub mod outward;
mod pace;
mod place;
pub mod release;
mod report;
mod resolve;
mod resolver;
pub mod retry;
mod schedule;
pub mod sign;
mod spoilt;
pub mod spool;
mod stamp;
mod submit;
pub mod tls_report;
pub mod trace;
mod turn;
mod urgency;

pub use accept::{Delivery, Receipt, Settings};
pub use act::Act;
pub use envelope::{Envelope, Recipient, ReversePath, TlsWish};
pub use error::{Refusal, Refused};
pub use job::{Job, RECIPIENTS_MAX, Tried};
pub use origin::Origin;
pub use outcome::Outcome;
pub use outward::{Detour, Hop, Outward, Pattern, Route, Security, SmartHost, Via};
pub use release::{Hold, Later, RELEASE_MAX_S};
pub use resolver::{LookupError, MailHost, MailHosts, Resolver, Tlsa, Tlsas};
pub use schedule::{OCTETS_MAX, RESTS_S};
pub use sign::Signer;
pub use spoilt::Unreadable;
pub use spool::{Item, RecipientState, Waiting};
