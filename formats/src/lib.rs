//! Bytes to values and back: addresses, dates, messages, text, safe HTML. Knows no clock, no account.
