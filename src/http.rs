//! Inbound HTTP. The only module that names hyper, and the only one that knows status codes.

mod answers;
mod api;
mod assets;
mod authn;
mod bulk;
mod certificate;
mod doors;
mod exchange;
mod flow;
mod gzip;
mod h1;
mod h2;
mod lines;
mod media;
mod notes;
mod opening;
mod origin;
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

pub use certificate::{CertificateView, Certificates};
pub use doors::DoorLimits;
pub use origin::{Origin, Surface};
pub use rate::Rate;
pub use route::BASE;
pub use server::{Limits, Listening, Surroundings, serve};
pub use ui::Settings;
