//! Inbound HTTP. The only module that names hyper, and the only one that knows status codes.

mod api;
mod assets;
mod authn;
mod bulk;
mod doors;
mod exchange;
mod flow;
mod h1;
mod h2;
mod lines;
mod media;
mod notes;
mod opening;
mod pace;
mod probes;
mod problem;
mod rate;
pub mod route;
mod scim;
mod server;
mod service;
mod ui;
mod wire;

pub use doors::DoorLimits;
pub use rate::Rate;
pub use route::BASE;
pub use server::{Limits, serve};
pub use ui::Settings;

/// The certificate that the server shows.
#[derive(Debug, Clone)]
pub struct CertificateView {
    /// Its names.
    pub names: Vec<String>,
    /// When it ends, in microseconds since 1970.
    pub not_after: i64,
    /// Made by the server itself.
    pub self_signed: bool,
    /// SHA-256 of it, as hexadecimal text.
    pub fingerprint: String,
    /// Why a newer one could not be used.
    pub problem: Option<String>,
}
