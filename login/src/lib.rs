//! Server-rendered sign-in pages and sessions.
