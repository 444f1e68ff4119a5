//! What the tests of the built binary stand on: the binary as a process, an HTTP client, and the conversations.

pub mod appliance;
pub mod conversation;
pub mod expect;
pub mod fill;
pub mod http;

pub use appliance::Appliance;
pub use http::Answer;
