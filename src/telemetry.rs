//! The log: to stderr, as text or JSON. What a client wrote is always logged as a Debug string, which escapes line
//! breaks and control characters; secrets are types that do not speak.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::{Format, Level, Log};

/// Starts logging for this process.
pub fn start(log: &Log) {
    let level = match log.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let base = fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false);
    // A second start, in a test, is no error.
    let _ = match log.format {
        Format::Text => tracing::subscriber::set_global_default(base.finish()),
        Format::Json => tracing::subscriber::set_global_default(base.json().flatten_event(true).finish()),
    };
}
