//! Moves mail: the one pipeline accept -> spool -> dispatch (idea 3). Knows no SMTP verb and no socket.

pub mod accept;
mod bounce;
pub mod dispatch;
pub mod envelope;
pub mod error;
mod header;
pub mod origin;
mod place;
mod resolve;
pub mod retry;
pub mod spool;
mod stamp;
mod submit;
pub mod transport;

pub use accept::{Delivery, Receipt, Settings};
pub use envelope::{Envelope, Recipient, ReversePath};
pub use error::{Refusal, Refused};
pub use origin::Origin;
pub use spool::{Item, RecipientState, Waiting};
pub use transport::{Outcome, Resolver, Transport};
