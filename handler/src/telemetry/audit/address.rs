//! The address of a caller, as the front end of the platform gives it.
//!
//! App Service appends the address that connected to it as the last entry of `X-Forwarded-For`;
//! whatever stands before it is the client's own text. Where proxies of ours are in front of it, each
//! appends the address that connected to it, so the caller's is that many entries further left.
//!
//! Where nobody is known to append anything there is no address: a client that writes the whole header
//! must not choose what the audit trail says. Nothing is ever decided by it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::settings::{Problems, Source};

/// How many proxies of ours stand before the platform's front end; none where there is no front end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Proxies(Option<usize>);

impl Proxies {
    /// Reads the setting.
    pub(crate) fn read(source: &dyn Source, problems: &mut Problems) -> Self {
        if source.get(TRUSTED).is_some() {
            let count = problems.number(source, TRUSTED, 0..=8);
            return Self(count.and_then(|count| usize::try_from(count).ok()));
        }
        let has_front_end = FRONT_ENDS.iter().any(|name| source.get(name).is_some());
        Self(has_front_end.then_some(0))
    }

    #[cfg(test)]
    pub(crate) fn trusting(count: usize) -> Self {
        Self(Some(count))
    }

    /// The address that the headers give, if what stands in its place is one.
    pub(crate) fn client(self, headers: &HeaderMap) -> Option<IpAddr> {
        let skipped = self.0?;
        let mut entries = headers
            .get_all(&FORWARDED_FOR)
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let entry = entries.nth(skipped)?;
        address(std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']))
    }
}

/// An address with or without a port; version 6 with a port stands in brackets (RFC 3986 §3.2.2).
fn address(text: &str) -> Option<IpAddr> {
    // A zone means something on its own machine only.
    if text.contains('%') {
        return None;
    }
    let bracketed = || {
        let inside = text.strip_prefix('[')?.strip_suffix(']')?;
        inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let address = text
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| text.parse::<IpAddr>())
        .ok()
        .or_else(bracketed);
    address.map(|address| address.to_canonical())
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const TRUSTED: &str = "STOCKADE__TELEMETRY__TRUSTED_PROXIES";

/// Set where App Service or Container Apps run the app, whose front ends append the address.
const FRONT_ENDS: [&str; 3] = ["WEBSITE_INSTANCE_ID", "WEBSITE_SKU", "CONTAINER_APP_NAME"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn seen(skipped: usize, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).expect("a line"));
        }
        let address = Proxies::trusting(skipped).client(&headers);
        address.map(|address| address.to_string())
    }

    fn read(settings: &[(&str, &str)]) -> (Proxies, usize) {
        let pairs = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let source: BTreeMap<_, _> = pairs.collect();
        let mut problems = Problems::new();
        let proxies = Proxies::read(&source, &mut problems);
        (proxies, problems.iter().count())
    }

    #[test]
    fn the_last_entry_counts_and_a_clients_own_do_not() {
        for (lines, expected) in [
            (&["203.0.113.7:50123"][..], Some("203.0.113.7")),
            (&["203.0.113.7"], Some("203.0.113.7")),
            (&["198.51.100.1, 203.0.113.7:1"], Some("203.0.113.7")),
            (&["198.51.100.1", "203.0.113.7:1"], Some("203.0.113.7")),
            (&["203.0.113.7,\t[2001:db8::1]:443 "], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["[::ffff:203.0.113.7]:9"], Some("203.0.113.7")),
            (&["198.51.100.1, "], None),
            (&["198.51.100.1, unknown"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(seen(0, lines).as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn one_entry_is_skipped_for_each_proxy_of_ours() {
        let line = &["6.6.6.6, 203.0.113.7, 198.51.100.1:80, 192.0.2.1:81"][..];

        assert_eq!(seen(0, line).as_deref(), Some("192.0.2.1"));
        assert_eq!(seen(1, line).as_deref(), Some("198.51.100.1"));
        assert_eq!(seen(2, line).as_deref(), Some("203.0.113.7"));
        assert_eq!(seen(4, line), None);
        assert_eq!(seen(8, line), None);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "203.0.113",
            "203.0.113.007",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "203.0.113.7 evil",
            "[203.0.113.7]",
            "[2001:db8::1",
            "[fe80::1%eth0]:1",
            "fe80::1%1",
            "0x7f.1",
            "127.1",
            "localhost",
            "203.0.113.7;",
            "\"203.0.113.7\"",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn without_a_front_end_there_is_no_address_unless_the_setting_says_so() {
        for (settings, expected) in [
            (&[][..], None),
            (&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")], None),
            (&[("WEBSITE_INSTANCE_ID", "x")], Some(0)),
            (&[("WEBSITE_SKU", "FlexConsumption")], Some(0)),
            (&[("CONTAINER_APP_NAME", "x")], Some(0)),
            (&[(TRUSTED, "0")], Some(0)),
            (&[(TRUSTED, "2"), ("WEBSITE_SKU", "x")], Some(2)),
        ] {
            assert_eq!(read(settings), (Proxies(expected), 0), "{settings:?}");
        }
        for wrong in ["9", "-1", "", "one"] {
            assert_eq!(read(&[(TRUSTED, wrong)]), (Proxies(None), 1), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_and_an_address_prints_back_the_same(
            line in proptest::collection::vec(0x20_u8..=0xff, 0..80),
            skipped in 0_usize..9,
            own in any::<std::net::IpAddr>(),
        ) {
            let mut headers = HeaderMap::new();
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                headers.append(FORWARDED_FOR, line);
            }
            let _ = Proxies::trusting(skipped).client(&headers);

            let text = own.to_string();
            headers.append(FORWARDED_FOR, HeaderValue::from_str(&text).expect("an address"));
            prop_assert_eq!(Proxies::trusting(0).client(&headers), Some(own.to_canonical()));
        }
    }
}
