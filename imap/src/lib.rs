//! Speaks IMAP4rev1 and IMAP4rev2: wire, machine, one file per command, session loop.
