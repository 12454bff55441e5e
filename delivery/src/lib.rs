//! Moves: the one mail pipeline from acceptance to mailbox or queue.
