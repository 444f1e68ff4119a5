//! scim-appliance: a SCIM 2.0 directory in one binary and one SQLite file.
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod http;
pub mod scim;
pub mod secret;
pub mod store;
pub mod telemetry;
