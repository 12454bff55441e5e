//! The book while it is read.

use crate::book::Book;
use std::ops::Deref;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// One thread has one at a time: between two of them a writer may wait, who lets no second one in, and is let in by none
/// who has the first. Debug builds hold every reader to that, so that every test asks.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    book: RwLockReadGuard<'a, Book>,
    _once: Once,
}

impl<'a> Reading<'a> {
    /// Waits for a writer who is at work or was there first.
    pub(crate) fn of(book: &'a RwLock<Book>) -> Self {
        let once = Once::new(book);
        Self {
            book: book.read().unwrap_or_else(PoisonError::into_inner),
            _once: once,
        }
    }
}

impl Deref for Reading<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

#[cfg(debug_assertions)]
thread_local! {
    /// Where the books are that this thread reads.
    static READ: std::cell::RefCell<Vec<usize>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// That this thread reads a book.
#[derive(Debug)]
struct Once(#[cfg(debug_assertions)] usize);

impl Once {
    #[cfg(debug_assertions)]
    fn new(book: &RwLock<Book>) -> Self {
        let at = std::ptr::from_ref(book).addr();
        READ.with_borrow_mut(|read| {
            assert!(!read.contains(&at), "the book is read twice at once");
            read.push(at);
        });
        Self(at)
    }

    #[cfg(not(debug_assertions))]
    fn new(_: &RwLock<Book>) -> Self {
        Self()
    }
}

#[cfg(debug_assertions)]
impl Drop for Once {
    fn drop(&mut self) {
        READ.with_borrow_mut(|read| read.retain(|at| *at != self.0));
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "the book is read twice at once")]
    fn one_thread_reads_it_once_at_a_time() {
        let book = RwLock::new(Book::default());
        let _first = Reading::of(&book);
        let _second = Reading::of(&book);
    }

    #[test]
    fn it_may_be_read_again_after() {
        let (book, other) = <(RwLock<Book>, RwLock<Book>)>::default();
        let first = Reading::of(&book);
        let _other = Reading::of(&other);
        drop(first);
        let _again = Reading::of(&book);
    }
}
