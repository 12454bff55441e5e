//! A letter's HTML made safe to show, and plain text to and from HTML.
//!
//! ```text
//! letter --balance (+ sheet)--> well-nested allowed tags --ammonia + style + link--> document
//! ```
//! `balance` bounds nesting, attributes and size before a real parser sees the letter; ammonia is
//! the judge of what stays; nothing touches the text after it.

mod balance;
mod clean;
mod link;
mod plain;
mod sheet;
mod style;
mod token;

pub use clean::{
    CleanOptions, Cleaned, DEPTH_MAX, IMAGES_MAX, INPUT_MAX, Images, OUTPUT_MAX, clean,
};
pub use plain::{html_to_text, text_to_html};
