//! scim-appliance: a SCIM 2.0 directory in one binary and one SQLite file.
//!
//! The map of the house. A pure core decides what a request means: [`scim`] knows the RFCs and nothing else. The
//! use-cases in [`directory`] carry it out, each inside one transaction of the [`store`], which alone knows SQL. Around
//! them stands what can block, fail or be attacked: [`http`] speaks with clients, [`config`] reads the one TOML file,
//! [`tls`] keeps the certificate, [`sso`] speaks OpenID Connect with an identity provider through the guarded client of
//! [`outbound`], [`telemetry`] writes the log, and [`cli`] puts everything together, one file for each command. [`secret`] and [`clock`] are the two small things that everybody outside the core needs: randomness and time.
//!
//! The arrows point inwards only, and a test (`tests/layers.rs`) holds them. To follow a request, begin at
//! `http::server`, go on to `http::scim`, and from there to the use-case of the same name.

pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod http;
pub mod outbound;
pub mod scim;
pub mod secret;
pub mod sso;
pub mod store;
pub mod telemetry;
pub mod tls;
