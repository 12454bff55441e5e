//! The command congvu.

fn main() {}
