//! Which addresses may be reached. What is not public is refused, so that nobody makes us speak to the machines around us
//! or to the metadata of the cloud by typing in, or naming in the DNS, an address of theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// The registry of special addresses (RFC 6890 and its later entries), and one that belongs to it by its nature.
const SPECIAL_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "no address of a machine"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "an address inside a provider's network (CGNAT)"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(169, 254, 0, 0, 16), "a link-local address, where clouds keep their metadata"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "reserved for documentation"),
    (v4(192, 88, 99, 0, 24), "a relay of 6to4"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "reserved for measurements"),
    (v4(198, 51, 100, 0, 24), "reserved for documentation"),
    (v4(203, 0, 113, 0, 24), "reserved for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
    // Public by its number, but inside every machine of Azure it is the platform itself.
    (v4(168, 63, 129, 16, 32), "the platform of a cloud"),
];

/// The parts of 2000::/3 that are no public machines. Outside of it nothing is.
const SPECIAL_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x2001, 0, 0, 23), "reserved for protocols such as Teredo"),
    (v6(0x2001, 0xdb8, 0, 32), "reserved for documentation"),
    (v6(0x3fff, 0, 0, 20), "reserved for documentation"),
];

const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// What is the matter with an address; none when it may be reached.
pub(super) fn objection(address: IpAddr, allow: &[IpNet]) -> Option<&'static str> {
    // `::ffff:10.0.0.1` is 10.0.0.1 for the system, and so it is for us.
    let address = address.to_canonical();
    if is_allowed(address, allow) {
        return None;
    }
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// Did the owner of the machine name this address?
pub(super) fn is_allowed(address: IpAddr, allow: &[IpNet]) -> bool {
    let address = address.to_canonical();
    allow.iter().any(|network| network.contains(&address))
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [_, _, a, b, c, d, ..] = address.octets();
    let [.., w, x, y, z] = address.octets();
    // A translator stands there and goes on to the IPv4 address inside.
    if NAT64.contains(&address) {
        return special_v4(Ipv4Addr::new(w, x, y, z));
    }
    if SIX_TO_FOUR.contains(&address) {
        return special_v4(Ipv4Addr::new(a, b, c, d));
    }
    if PUBLIC_V6.contains(&address) {
        return SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind);
    }
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        [0, 0, 0, 0, 0, 0, 0, 0] => "no address of a machine",
        [first, ..] if first & 0xfe00 == 0xfc00 => "a private address",
        [first, ..] if first & 0xffc0 == 0xfe80 => "a link-local address",
        [first, ..] if first & 0xff00 == 0xff00 => "a multicast address",
        _ => "a reserved address",
    })
}

#[cfg(test)]
mod tests;
