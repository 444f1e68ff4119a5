//! Going out by a proxy (CONNECT, RFC 9110, 9.3.6): it connects, and what goes through is TLS from here to the provider, so it
//! can neither read nor change it. Names are its to look up and to judge; what can be judged here is how they are written.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{self, Names, Target};
use super::{OutboundError, Policy, USER_AGENT, address};

/// Bytes of what a proxy says before it is silent, at most.
const HEAD: usize = 8 * 1024;
/// How long it takes, at most, to see whether a name is one of our own networks: whoever goes out by a proxy may not be able
/// to ask the DNS of the world.
const LOOK_UP: Duration = Duration::from_secs(1);
/// Ends of names that lead nowhere but to a network of one's own, or to oneself.
const OWN: [&str; 12] = [
    "localhost",
    "local",
    "internal",
    "arpa",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "localdomain",
    "test",
    "invalid",
];

/// The proxy by which the server goes out, of the configuration: whoever wrote that has said where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// A name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// The addresses of a target that is in a network that was allowed: it is near, and no proxy leads there. None: the proxy
/// does.
pub(super) async fn near(target: &Target, policy: &Policy, names: &Names) -> Option<Vec<SocketAddr>> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        let is_near = address::is_allowed(address, &policy.allow);
        return is_near.then(|| vec![SocketAddr::new(address, target.port)]);
    }
    if policy.allow.is_empty() {
        return None;
    }
    let found = timeout(LOOK_UP, names.look_up(&target.host, target.port)).await.ok()?.ok()?;
    let all = found.iter().all(|at| address::is_allowed(at.ip(), &policy.allow));
    (all && !found.is_empty()).then_some(found)
}

/// Is this a target that a proxy may be asked for?
///
/// Errors: it is not, as far as that can be seen from how it is written.
pub(super) fn judge(target: &Target, policy: &Policy) -> Result<(), OutboundError> {
    let host = || target.shown();
    if !target.tls {
        return Err(OutboundError::NotHttps(host()));
    }
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return match target.objection(address, policy) {
            Some(why) => Err(OutboundError::Refused { host: host(), address: address.to_canonical(), why }),
            None => Ok(()),
        };
    }
    let name = target.host.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit());
    let why = if is_number || name.contains(':') {
        "an address that is not written as addresses are"
    } else if !name.contains('.') || OWN.contains(&last) {
        "a name of a network of its own"
    } else if target.is_other_service() {
        "called on a port of another service"
    } else {
        return Ok(());
    };
    Err(OutboundError::RefusedName { host: host(), why })
}

/// Connects to a target by the proxy.
pub(super) async fn through(
    target: &Target,
    proxy: &Proxy,
    names: &Names,
    until: Instant,
) -> Result<TcpStream, OutboundError> {
    let there = Target { host: proxy.host.clone(), port: proxy.port, tls: false };
    let failed = |why: String| OutboundError::Proxy { proxy: there.shown(), host: target.shown(), why };
    let found = names.look_up(&proxy.host, proxy.port).await.map_err(|_| failed("it has no address".to_owned()))?;
    let stream = connect::tcp(&there, &connect::by_turns(found), until).await;
    let mut stream = stream.map_err(|e| match e {
        OutboundError::Unreachable { why, .. } => failed(why.to_owned()),
        other => other,
    })?;
    match timeout_at(until, led_on(&mut stream, target)).await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(why)) => Err(failed(why)),
        Err(_) => Err(failed("it does not answer".to_owned())),
    }
}

/// Asks a proxy to lead on.
///
/// Errors: why it does not.
async fn led_on(stream: &mut TcpStream, target: &Target) -> Result<(), String> {
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let at = format!("{host}:{}", target.port);
    let request = format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: {USER_AGENT}\r\n\r\n");
    let broke_off = |_| "it broke off".to_owned();
    stream.write_all(request.as_bytes()).await.map_err(broke_off)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // One at a time: what follows is not for us to read here.
        head.push(stream.read_u8().await.map_err(broke_off)?);
        if head.len() > HEAD {
            return Err("it does not answer as a proxy does".to_owned());
        }
    }
    match status(&head) {
        Some(200..=299) => Ok(()),
        Some(407) => Err("it wants a name and a password (status 407), which are not sent".to_owned()),
        Some(status) => Err(format!("it answers with status {status}")),
        None => Err("it does not answer as a proxy does".to_owned()),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next().filter(|digits| digits.len() == 3)?.parse().ok()
}
