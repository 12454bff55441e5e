//! Joins: config, TLS, listeners, the one HTTP router, shutdown, command line, demo.

#[macro_use]
mod out;

mod attached;
mod autoconfig;
mod called;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
mod dns;
mod drain;
mod health;
pub mod holder;
mod hooks;
pub mod http;
mod keys;
pub mod listener;
mod mail;
mod memory;
pub mod outward;
mod paths;
mod premises;
mod push;
pub mod run;
pub mod services;
pub mod shutdown;
pub mod sign_in;
pub mod telemetry;
pub mod tls;
mod told;
pub mod upkeep;
