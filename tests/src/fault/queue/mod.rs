//! The queue's whole life under faults: letters are accepted, placed, tried, put off, warned of, bounced, held, released,
//! retried, rerouted, deleted, taken back, expanded by lists and sent on, while the process is killed or the power
//! fails; then it is seen what became of each.
//!
//! What is acknowledged, and what other servers took, stands in a [`Ledger`] that outlives the fault. The oracle
//! ([`ends`], [`timelines`]) knows from it what must be: each acknowledged letter ends once for each recipient, by the
//! letter or by one notification; a peer gets it again only where his 250 was never written down here.

pub mod ends;
pub mod faults;
pub mod ledger;
pub mod left;
pub mod letter;
pub mod life;
pub mod peer;
pub mod province;
pub mod timelines;

pub use ledger::{Event, Ledger};
pub use letter::Letter;
pub use province::Province;
