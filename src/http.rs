//! Inbound HTTP. The only module that names hyper, and the only one that knows status codes.

mod authn;
mod bulk;
mod exchange;
mod pace;
mod probes;
mod problem;
mod route;
mod scim;
mod server;
mod wire;

pub use route::BASE;
pub use server::{Limits, serve};
