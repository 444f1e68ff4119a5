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
