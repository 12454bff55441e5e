//! Conversations, played against real sessions over a real store.

mod basics;
mod door;
mod mailboxes;
mod parts;
mod searching;
mod sessions;
