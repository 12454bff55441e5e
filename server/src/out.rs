//! What commands print. Whoever reads it may stop reading (`congvu backup /mnt/b | head -1`): that is no reason to
//! stop the work or to panic, which the standard library's macros do.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something could not be printed although somebody reads it (a full disk).
static FAILED: AtomicBool = AtomicBool::new(false);

/// Standard output that does not mind that nobody reads it any more.
#[derive(Debug)]
pub(crate) struct Out;

impl Write for Out {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        match std::io::stdout().lock().write(octets) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(octets.len()),
            done => done,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match std::io::stdout().lock().flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }
}

/// Prints to standard output.
pub(crate) fn print(words: Arguments<'_>) {
    if let Err(error) = Out.write_fmt(words)
        && !FAILED.swap(true, Ordering::SeqCst)
    {
        tell(format_args!(
            "congvu: the output cannot be written: {error}\n"
        ));
    }
}

/// Prints to standard error; nobody can be told when that fails.
pub(crate) fn tell(words: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(words);
}

/// Flushes, and says whether all that was printed came through or was not wanted.
pub(crate) fn is_whole() -> bool {
    if Out.flush().is_err() {
        FAILED.store(true, Ordering::SeqCst);
    }
    !FAILED.load(Ordering::SeqCst)
}

// In the place of the standard library's, in the whole crate.

macro_rules! print {
    ($($words:tt)*) => { $crate::out::print(format_args!($($words)*)) };
}

macro_rules! println {
    () => { $crate::out::print(format_args!("\n")) };
    ($($words:tt)*) => { $crate::out::print(format_args!("{}\n", format_args!($($words)*))) };
}

macro_rules! eprint {
    ($($words:tt)*) => { $crate::out::tell(format_args!($($words)*)) };
}

macro_rules! eprintln {
    () => { $crate::out::tell(format_args!("\n")) };
    ($($words:tt)*) => { $crate::out::tell(format_args!("{}\n", format_args!($($words)*))) };
}
