//! scim-appliance: a SCIM 2.0 directory in one binary and one SQLite file.
pub mod clock;
pub mod scim;
pub mod directory;
pub mod secret;
pub mod store;
