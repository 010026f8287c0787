//! Pages of others, in a browser that can reach the device: they are not to speak for whoever sits before it.
//!
//! A page may send a request to any address without being allowed to read the answer, and one whose name is made to
//! point here may even read it. The first says in `Origin` whose it is, the second in `Host` whom it means.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// Why a request is a stranger's page's, where it is. Whoever has a key has been told it by somebody.
pub(super) fn stranger(headers: &HeaderMap, with_keys: bool) -> Option<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let (_, authority) = origin.split_once("://").unwrap_or_default();
        if !authority.eq_ignore_ascii_case(host) {
            return Some("a page of another site may not ask this device".to_owned());
        }
    }
    if !with_keys && !is_address(host) {
        return Some(format!(
            "{:?} is no address: without [serve] keys the device is asked by its address, or as localhost",
            host.chars().take(80).collect::<String>()
        ));
    }
    None
}

/// Whether nobody else's name server has said where `host` is. Clients that name none are no browsers.
fn is_address(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return host.is_empty() };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn is_stranger(host: &str, origin: Option<&str>, with_keys: bool) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        stranger(&headers, with_keys).is_some()
    }

    #[test]
    fn the_devices_own_page_and_programs_are_no_strangers() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "10.0.0.7"] {
            assert!(!is_stranger(host, None, false), "{host}");
            assert!(!is_stranger(host, Some(&format!("http://{host}")), false), "{host}");
        }
        assert!(!is_stranger("car.example:443", Some("https://car.example:443"), true));
    }

    #[test]
    fn a_page_of_another_site_is() {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:9090", "http://"] {
            for with_keys in [false, true] {
                assert!(is_stranger("127.0.0.1:8080", Some(origin), with_keys), "{origin}");
            }
        }
    }

    #[test]
    fn so_is_a_name_that_was_made_to_point_here() {
        assert!(is_stranger("evil.example:8080", Some("http://evil.example:8080"), false));
        assert!(is_stranger("evil.example:8080", None, false));
        assert!(is_stranger("127.0.0.1.evil.example", None, false));
    }
}
