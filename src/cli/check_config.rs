//! `check-config`: what `serve` would refuse, without serving.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use super::{options, outbound, pages_doubt, read_config, remark, say};
use crate::store::{check_key, check_place, is_served};
use crate::tls;

pub fn run(file: &Path) -> Result<()> {
    let config = read_config(file)?.config;
    check_place(&options(&config))?;
    check_key(&config.store.path)?;
    outbound(&config)?;
    if let Some(tls) = &config.tls
        && let Some(certificate) = tls::check(tls)?
        && let Some(warning) = certificate.warning(tls.own.is_some())
    {
        remark(format!("warning: {warning}"));
    }
    if let Some(doubt) = pages_doubt(&config) {
        remark(format!("warning: {doubt}"));
    }
    // A server that runs already has the port; that is no fault of the configuration.
    if !is_served(&config.store.path) {
        for of in [Some(config.listen.main), config.listen.settings].into_iter().flatten() {
            try_address(of.address).with_context(|| format!("cannot listen on {}", of.address))?;
        }
    }
    say(format!("{} can be used.", file.display()))
}

/// Takes the address for a moment without listening on it: nobody could connect meanwhile.
fn try_address(address: SocketAddr) -> std::io::Result<()> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, None)?;
    // As the listener of a server: connections of before that linger are no obstacle, another listener is.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    Ok(bind(&socket, &address)?)
}
