//! The long run of the fault tests: `cargo run --release -p tests --bin faultrun`; prints their table.
//! With `victim` as its first word it is the process that is killed.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test program fails loudly, and starts and kills others"
)]

use tests::fault::{run, table};

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("victim") => run::victim(arguments),
        Some(rounds) => {
            let dir = tempfile::tempdir_in(".").unwrap();
            let own = std::env::current_exe().unwrap();
            let row = run::kills(&own, dir.path(), 1, rounds.parse().unwrap());
            table::print(&[row]);
        }
        None => {}
    }
}
