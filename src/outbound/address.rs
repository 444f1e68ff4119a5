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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(address: &str) -> bool {
        objection(address.parse().unwrap(), &[]).is_some()
    }

    #[test]
    fn only_public_addresses_are_reached() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::ffff:0:7f00:1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "ff02::1",
            "ff0e::1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.1.2.3",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:0:1::808:808",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:10::1",
            "2001:20::1",
            "2001:2::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            "100::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(refused(address), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.17",
            "::ffff:8.8.8.8",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(!refused(address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_that_and_no_more() {
        let allow: Vec<IpNet> =
            ["10.1.0.0/16", "127.0.0.1/32", "fd00:1::/32", "64:ff9b::a02:0/112"].map(|n| n.parse().unwrap()).into();
        for (address, reached) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("::ffff:10.1.2.3", true),
            ("::ffff:10.2.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::1", false),
            ("fd00:1::5", true),
            ("fd00:ec2::254", false),
            // Whoever means the way through a translator names that way.
            ("64:ff9b::10.1.2.3", false),
            ("64:ff9b::10.2.0.7", true),
            ("2002:a01:203::1", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(objection(address.parse().unwrap(), &allow).is_none(), reached, "{address}");
        }
    }

    proptest! {
        /// No way of writing an IPv4 address into an IPv6 one leads where the address itself does not.
        #[test]
        fn a_disguise_helps_nobody(address: u32) {
            let v4 = Ipv4Addr::from(address);
            let refused = objection(IpAddr::V4(v4), &[]).is_some();
            let [a, b, c, d] = v4.octets().map(u128::from);
            let bits = a << 24 | b << 16 | c << 8 | d;
            let mapped = Ipv6Addr::from(0xffff_u128 << 32 | bits);
            let nat64 = Ipv6Addr::from(0x0064_ff9b_u128 << 96 | bits);
            let six_to_four = Ipv6Addr::from(0x2002_u128 << 112 | bits << 80 | 1);
            for disguised in [mapped, nat64, six_to_four] {
                prop_assert_eq!(objection(IpAddr::V6(disguised), &[]).is_some(), refused, "{}", disguised);
            }
            prop_assert!(objection(IpAddr::V6(Ipv6Addr::from(bits)), &[]).is_some());
        }

        /// What the standard library can tell of an address agrees.
        #[test]
        fn the_standard_library_agrees(address: u32) {
            let v4 = Ipv4Addr::from(address);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_unspecified() {
                prop_assert!(objection(IpAddr::V4(v4), &[]).is_some());
            }
        }
    }
}
