//! Stories of the pipeline over a real store and directory.

mod bounces;
mod door;
mod log;
mod queue;
mod submission;
mod world;
