//! Where what listens is reached by a command on the same machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where `listen` is reached from here: of all addresses of the machine, at loopback.
pub const fn near(listen: SocketAddr) -> SocketAddr {
    let host = match (listen.ip().is_unspecified(), listen.is_ipv4()) {
        (false, _) => listen.ip(),
        (true, true) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        (true, false) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(host, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_at_loopback_and_one_address_is_itself() {
        for (listen, at) in [
            ("0.0.0.0:99", "127.0.0.1:99"),
            ("[::]:99", "[::1]:99"),
            ("10.0.0.7:1", "10.0.0.7:1"),
            ("[fe80::1]:1", "[fe80::1]:1"),
        ] {
            assert_eq!(near(listen.parse().unwrap()).to_string(), at);
        }
    }
}
