//! Joins: config, TLS, listeners, HTTP, command line, demo.
