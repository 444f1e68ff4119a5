//! The part of the server that reads what strangers write, for the fuzzers: the protocol core, the router and the tokens.
//!
//! These are the sources of the server itself (`scim`, `secret`, `http/route.rs`, `directory/cursor.rs` and two of
//! `directory/people_csv` are links into `../src`, `assets`
//! is one into its definitions), compiled without the rings around them. Neither SQLite nor the HTTP server is built for
//! a fuzzer that could reach neither.

// The targets name the library as the tests do, which replay the corpora through the same functions.
extern crate self as scim_appliance;

pub mod scim;
pub mod secret;
pub mod targets;

/// What of `http` needs no server.
pub mod http {
    pub mod route;
}

/// What of `directory` needs no store.
pub mod directory {
    pub mod cursor;

    /// What of files of people needs no store.
    pub mod people_csv {
        pub mod cell;
        pub mod text;
    }

    /// As `directory/caller.rs` has it, which stands on the store: the router names it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Reach {
        /// See there.
        Own,
        /// See there.
        All,
    }
}
