//! Judges: the whole server on loopback, scenarios, real clients, faults, tidy, benchmarks.
