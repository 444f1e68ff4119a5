//! From a URL to a connection: the name is looked up once, the addresses are judged, and it is one of these addresses that is
//! connected to. So nobody can show us one address and lead us to another.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{OutboundError, Policy, address};

/// Addresses of one name that are tried, at most.
const TRIED: usize = 6;
/// How long an address has for itself before the next one is tried beside it (RFC 8305, 5).
const NEXT: Duration = Duration::from_millis(250);

/// Characters of a name in the DNS, at most.
pub(super) const HOST: usize = 253;

/// Where a URL leads, as far as it can be said without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Target {
    /// Errors: a URL that nobody should call.
    pub(super) fn of(url: &Uri, policy: &Policy) -> Result<Target, OutboundError> {
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(OutboundError::BadUrl("the URL is not complete: it begins with https:// and a host".into()));
        };
        // What stands before the @ may be a password: nothing of it is said again.
        if authority.as_str().contains('@') {
            return Err(OutboundError::BadUrl(
                "the URL has a user name before its host; remove everything up to the @".into(),
            ));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() || host.len() > HOST {
            return Err(OutboundError::BadUrl("the URL has no host, or one that is too long".into()));
        }
        let tls = match scheme {
            "https" => true,
            "http" if policy.allow_http => false,
            _ => return Err(OutboundError::NotHttps(host)),
        };
        let rest = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port = match (rest, authority.port_u16()) {
            ("", _) => {
                if tls {
                    443
                } else {
                    80
                }
            }
            (_, Some(port)) if port > 0 => port,
            _ => return Err(OutboundError::BadUrl(format!("the port in the URL of {host} is none"))),
        };
        Ok(Target { host, port, tls })
    }

    /// For messages: the port is said where it is not the usual one.
    pub(super) fn shown(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The addresses of the host that may be reached. Looks it up once.
    pub(super) async fn addresses(&self, policy: &Policy, names: &Names) -> Result<Vec<SocketAddr>, OutboundError> {
        let found = names.look_up(&self.host, self.port).await.map_err(|_| OutboundError::NoAddress(self.shown()))?;
        let mut good = Vec::new();
        let mut refused = None;
        for at in found {
            match self.objection(at.ip(), policy) {
                Some(why) => refused = refused.or(Some((at.ip(), why))),
                None if !good.contains(&at) => good.push(at),
                None => {}
            }
        }
        let mut good = by_turns(good);
        good.truncate(TRIED);
        match refused {
            Some((address, why)) if good.is_empty() => {
                let address = address.to_canonical();
                Err(OutboundError::Refused { host: self.shown(), address, why })
            }
            None if good.is_empty() => Err(OutboundError::NoAddress(self.shown())),
            _ => Ok(good),
        }
    }

    /// Below 1024 other services live, and what we send is not for them.
    pub(super) fn is_other_service(&self) -> bool {
        self.port < 1024 && self.port != 443
    }

    pub(super) fn objection(&self, address: IpAddr, policy: &Policy) -> Option<&'static str> {
        if address::is_allowed(address, &policy.allow) {
            return None;
        }
        if !self.tls {
            return Some("spoken to in plain http");
        }
        if self.is_other_service() {
            return Some("called on a port of another service");
        }
        address::objection(address, &policy.allow)
    }
}

/// Who knows the addresses of names.
#[derive(Clone)]
pub(super) enum Names {
    /// The system.
    System,
    /// A test.
    #[cfg(test)]
    Told(Arc<Told>),
}

#[cfg(test)]
type Told = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

impl Names {
    pub(super) async fn look_up(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            Names::System => Ok(tokio::net::lookup_host((host, port)).await?.collect()),
            #[cfg(test)]
            Names::Told(told) => Ok(told(host).into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
        }
    }
}

/// IPv6 and IPv4 by turns, beginning with the family that the system prefers (RFC 8305, 4): where one of them leads nowhere,
/// the other is not at the end of the line.
pub(super) fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut mixed = Vec::new();
    loop {
        let turn = [preferred.next(), others.next()];
        if turn.iter().all(Option::is_none) {
            return mixed;
        }
        mixed.extend(turn.into_iter().flatten());
    }
}

/// Connects to the first address that answers. One that is silent goes on trying while the next has its turn; one that
/// refuses makes room for the next at once.
pub(super) async fn tcp(target: &Target, addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, OutboundError> {
    let mut why = "it does not answer";
    let mut left = addresses.iter().copied();
    // Those that are under way when one has answered end with this.
    let mut tried = JoinSet::new();
    loop {
        if let Some(address) = left.next() {
            tried.spawn(TcpStream::connect(address));
        }
        let turn = if left.len() > 0 { until.min(Instant::now() + NEXT) } else { until };
        match timeout_at(turn, tried.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => {
                // One small request, one answer: nothing is gained by waiting for more to send.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Some(Ok(Err(e)))) if e.kind() == std::io::ErrorKind::ConnectionRefused => why = "nothing listens there",
            Ok(Some(_)) => why = "there is no way to it",
            // All of them were tried.
            Ok(None) => break,
            Err(_) if Instant::now() >= until => break,
            Err(_) => {}
        }
    }
    Err(OutboundError::Unreachable { host: target.shown(), why })
}

/// What both kinds of connection can do.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Shakes hands: TLS 1.2 or 1.3 with a certificate that is good for the host.
pub(super) async fn tls(
    target: &Target,
    config: &Arc<ClientConfig>,
    stream: TcpStream,
) -> Result<Box<dyn Stream>, OutboundError> {
    if !target.tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| OutboundError::BadUrl(format!("{} is no name that a certificate can have", target.shown())))?;
    match TlsConnector::from(config.clone()).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(e) => {
            let inner = e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
            Err(OutboundError::BadCertificate { host: target.shown(), why: complaint(inner) })
        }
    }
}

fn complaint(error: Option<&rustls::Error>) -> &'static str {
    let Some(rustls::Error::InvalidCertificate(why)) = error else {
        return "it does not speak TLS 1.2 or 1.3, or broke off while shaking hands";
    };
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; compare the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => {
            "its certificate comes from an authority that is not known here; put that into outbound.ca_file, and see whether it sends those between"
        }
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate cannot be used",
    }
}

/// What is believed of certificates: the public authorities that browsers know, and those of the file.
pub(super) fn trust(policy: &Policy) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = &policy.ca_file {
        let bad = |why: &str| OutboundError::BadAuthorities(format!("outbound.ca_file {}: {why}", file.display()));
        let bytes = std::fs::read(file).map_err(|e| bad(&format!("it cannot be read: {e}")))?;
        let mut added = 0;
        for found in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = found.map_err(|_| bad("it is no PEM file"))?;
            roots.add(certificate).map_err(|_| bad("it holds a certificate that cannot be read"))?;
            added += 1;
        }
        if added == 0 {
            return Err(bad("it holds no certificate; it is a PEM file of certificate authorities"));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| OutboundError::BadAuthorities(format!("TLS cannot be spoken: {e}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// How long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Look-up, connection and handshake.
    pub(super) connect: Duration,
    /// All of it.
    pub(super) total: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_families_are_among_those_that_are_tried() {
        let addresses = async |all: &[&str]| {
            let all: Vec<IpAddr> = all.iter().map(|a| a.parse().unwrap()).collect();
            let names = Names::Told(Arc::new(move |_: &str| all.clone()));
            let target = Target { host: "idp.example".into(), port: 443, tls: true };
            let good = target.addresses(&Policy::default(), &names).await.unwrap();
            good.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>()
        };
        let six: Vec<String> = (1..9).map(|i| format!("2603:1037:1:60::{i}")).collect();
        let mut all: Vec<&str> = six.iter().map(String::as_str).collect();
        all.push("20.190.151.1");
        let tried = addresses(&all).await;
        assert_eq!(tried[..3], [all[0], "20.190.151.1", all[1]]);
        assert_eq!(tried.len(), TRIED);
        let four = ["1.1.1.1", "1.0.0.1", "2606:4700::1111", "2606:4700::1001", "1.1.1.1"];
        assert_eq!(addresses(&four).await, ["1.1.1.1", "2606:4700::1111", "1.0.0.1", "2606:4700::1001"]);
        // What is refused is not among them.
        assert_eq!(addresses(&["fd00::1", "10.0.0.1", "1.1.1.1"]).await, ["1.1.1.1"]);
    }
}
