//! Inbound HTTP. The only module that names hyper, and the only one that knows status codes.

mod answers;
mod authn;
mod bulk;
mod doors;
mod exchange;
mod flow;
mod h1;
mod h2;
mod lines;
mod media;
mod opening;
mod pace;
mod probes;
mod problem;
mod rate;
pub mod route;
mod scim;
mod server;
mod service;
mod wire;

pub use doors::DoorLimits;
pub use rate::Rate;
pub use route::BASE;
pub use server::{Limits, serve};
