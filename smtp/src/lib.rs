//! Speaks SMTP: receiving as mail exchanger, as submission server and, as LMTP, for another host. Machines without sockets,
//! clocks or tasks (idea 1), and the one tokio loop that drives them.

pub mod ask;
mod auth;
pub mod command;
pub mod data;
mod desk;
pub mod extension;
mod lmtp;
pub mod receiver;
pub mod relay;
pub mod reply;
mod room;
pub mod sender;
pub mod session;
mod transaction;

pub use ask::{Answer, Ask, SignIn, Step};
pub use desk::{Limits, Looking, Services, VERIFY_S};
pub use receiver::{Config, Pace, Receiver, Service, Tls};
pub use session::{End, run};
