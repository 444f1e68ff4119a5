//! Where a request comes from: the connection that brought it, and what proxies say about the client behind them.
//!
//! `X-Forwarded-For` and `X-Forwarded-Proto` are anybody's to write. They count only when the peer is one of the
//! proxies that the configuration names, and only as far as such proxies have written them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What is served on a listener. The probes are on all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// SCIM and the settings page.
    All,
    /// SCIM alone: the settings page has a listener of its own.
    Scim,
    /// The settings page and its API.
    Settings,
}

impl Surface {
    /// Is `/scim/v2` here?
    pub fn serves_scim(self) -> bool {
        self != Surface::Settings
    }

    /// Are the settings page and `/api/v1` here?
    pub fn serves_settings(self) -> bool {
        self != Surface::Scim
    }
}

/// A connection: what is known of it before anything is asked.
#[derive(Debug, Clone, Copy)]
pub struct Hop {
    /// Who has opened it.
    pub peer: SocketAddr,
    /// It speaks TLS with this process.
    pub tls: bool,
    /// Its certificate was given: browsers may hold fast to TLS.
    pub strict: bool,
    /// What is served on its listener.
    pub surface: Surface,
    /// Its listener speaks plain HTTP where others than the proxies reach it.
    pub only_for_proxies: bool,
}

/// Who asks, and how. Everything that concerns the client of a request looks here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address: the peer's, or what trusted proxies say.
    pub address: IpAddr,
    /// The client speaks TLS, with this process or with a trusted proxy.
    pub secure: bool,
    /// The client may be told to speak nothing but TLS from now on.
    pub strict: bool,
    /// What is served where it asks.
    pub surface: Surface,
    /// The request came in the clear, and not from one of the proxies that it has to come from.
    pub trespasses: bool,
}

impl Hop {
    /// Where a request with these headers comes from.
    pub fn origin(&self, headers: &HeaderMap, proxies: &[IpNet]) -> Origin {
        let peer = self.peer.ip().to_canonical();
        let direct = Origin {
            address: peer,
            secure: self.tls,
            strict: self.strict,
            surface: self.surface,
            trespasses: self.only_for_proxies && !peer.is_loopback(),
        };
        if !is_trusted(peer, proxies) {
            return direct;
        }
        let told = is_https(headers);
        Origin {
            address: client(peer, headers, proxies),
            secure: self.tls || told,
            strict: self.strict || told,
            trespasses: false,
            ..direct
        }
    }
}

fn is_trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// The right-most hop that is not one of the proxies. What stands left of it was written by nobody who is trusted. A
/// hop that is no address ends the walk: then the proxy that has written it is all that is known.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR);
    let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|b| *b == b','));
    let mut client = peer;
    for hop in hops {
        let Some(address) = address(hop) else { break };
        client = address;
        if !is_trusted(client, proxies) {
            break;
        }
    }
    client
}

/// An address as proxies write it: some with a port, and then those of IPv6 in brackets.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let parsed = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip())).or_else(bare);
    parsed.map(|ip: IpAddr| ip.to_canonical())
}

/// Did the client speak TLS all the way, as far as the proxies have seen it?
fn is_https(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(FORWARDED_PROTO).iter().map(HeaderValue::as_bytes).map(String::from_utf8_lossy);
    let all = |line: Cow<'_, str>| line.split(',').all(|hop| hop.trim().eq_ignore_ascii_case("https"));
    said.next().is_some_and(all) && said.all(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a request from a peer with these lines of a header comes from, behind proxies in 10/8, 192.0.2.7 and fd00::/8.
    fn origin(peer: &str, name: HeaderName, lines: &[&str]) -> Origin {
        let proxies = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"].map(|n| n.parse().unwrap());
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(name.clone(), HeaderValue::from_str(line).unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        let hop = Hop { peer, tls: false, strict: false, surface: Surface::All, only_for_proxies: true };
        hop.origin(&map, &proxies)
    }

    #[test]
    fn the_client_is_the_right_most_hop_that_is_no_proxy() {
        for (peer, lines, client) in [
            ("10.0.0.1", &["198.51.100.1"][..], "198.51.100.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.2.3.4,192.0.2.7"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1", "10.2.3.4"], "198.51.100.1"),
            ("10.0.0.1", &["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]:443, [fd00::2]"], "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.1:5000"], "198.51.100.1"),
            // Not a proxy: what it says is nothing.
            ("198.51.100.2", &["203.0.113.9"], "198.51.100.2"),
            ("192.0.2.8", &["10.0.0.1"], "192.0.2.8"),
            // What is no address ends the walk.
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9,"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, 1.2.3"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9 198.51.100.1"], "10.0.0.1"),
        ] {
            assert_eq!(origin(peer, FORWARDED_FOR, lines).address.to_string(), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn only_proxies_say_that_a_client_is_secure() {
        let secure = |peer: &str, lines: &[&str]| {
            let origin = origin(peer, FORWARDED_PROTO, lines);
            assert_eq!(origin.secure, origin.strict);
            origin.secure
        };
        assert!(secure("10.0.0.1", &["https"]) && secure("10.0.0.1", &["HTTPS, https"]));
        for lines in [&[][..], &["http"], &["https, http"], &["https", "http"], &["httpsx"], &[""], &["https,"]] {
            assert!(!secure("10.0.0.1", lines), "{lines:?}");
        }
        assert!(!secure("198.51.100.2", &["https"]));
    }

    #[test]
    fn past_the_proxies_only_this_machine_comes_in() {
        assert!(origin("198.51.100.2", FORWARDED_FOR, &[]).trespasses);
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1"] {
            assert!(!origin(peer, FORWARDED_FOR, &[]).trespasses, "{peer}");
        }
    }
}
