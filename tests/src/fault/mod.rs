//! The oracle of the fault tests: it knows what was acknowledged, and so what must be there.
//!
//! A *lane* is one thread with an account of its own. What a lane does next follows from its seed
//! and its [`Lane`], the plain model of all it has done; so whoever counts the acknowledged steps
//! knows, without being told, what the store must hold: exactly that, or one step more (the one
//! that was under way when the fault came). Anything else is lost or invented.

pub mod chance;
pub mod inside;
pub mod judge;
pub mod keys;
pub mod lane;
pub mod letter;
pub mod queue;
pub mod run;
pub mod step;
pub mod table;
pub mod torn;

pub use chance::Chance;
pub use judge::{Verdict, judge};
pub use lane::Lane;
pub use step::Step;
