//! Vietnamese text: folding for search, order, and the names of people.

mod collate;
mod fold;
mod name;
mod steer;

pub use collate::{key, name_key};
pub use fold::{MARKS, casemap, fold, is_mark, order};
pub use name::{Name, NameScheme, given_name, initials, local_part_by, local_part_from_name};
pub use steer::steers;
