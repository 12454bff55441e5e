//! Point in time: an account or a mailbox as it was, to look at and to put back.

mod view;

pub use self::view::View;
