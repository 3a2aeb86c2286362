//! Removes headers that claim who the caller is.
//!
//! App Service authentication and front ends set them, and outsiders cannot do so only while those
//! are in front. Whoever the bearer token names is the caller, so nothing else may get a say.

use http::header::{HeaderMap, HeaderName};

/// Removes each header that speaks for the caller's identity, address or keys.
pub(crate) fn strip_identity(headers: &mut HeaderMap) {
    let claimed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| claims_identity(name.as_str()))
        .cloned()
        .collect();
    for name in claimed {
        // Removes every value of the name, not just the first.
        headers.remove(name);
    }
}

fn claims_identity(name: &str) -> bool {
    WHOLE.iter().any(|other| same(name, other))
        || STARTS.iter().any(|start| {
            name.get(..start.len())
                .is_some_and(|beginning| same(beginning, start))
        })
}

/// Names are lower case here. CGI-like servers read `_` as `-`, so a copy with underscores goes too.
fn same(name: &str, other: &str) -> bool {
    name.len() == other.len()
        && name
            .bytes()
            .zip(other.bytes())
            .all(|(found, wanted)| found == wanted || (found == b'_' && wanted == b'-'))
}

const STARTS: [&str; 6] = [
    "x-ms-client-principal",
    "x-ms-token-",
    "x-ms-auth-",
    "x-arr-clientcert",
    "x-forwarded-",
    "x-original-",
];

const WHOLE: [&str; 7] = [
    "forwarded",
    "x-forwarded",
    "x-functions-key",
    "x-functions-clientid",
    "x-zumo-auth",
    "x-client-ip",
    "x-real-ip",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn identity_headers_go_and_the_others_stay() {
        let mut headers = HeaderMap::new();
        for name in [
            "X-MS-CLIENT-PRINCIPAL",
            "X-MS-CLIENT-PRINCIPAL-NAME",
            "X_MS_CLIENT_PRINCIPAL_ID",
            "X-MS-TOKEN-AAD-ACCESS-TOKEN",
            "X-ARR-ClientCert",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "Forwarded",
            "x-functions-key",
            "x-functions-clientid",
        ] {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name.clone(), HeaderValue::from_static("first"));
            headers.append(name, HeaderValue::from_static("second"));
        }
        let kept = [
            "authorization",
            "content-type",
            "x-functions-keyring",
            "x-ms-invocation-id",
            "x-ms-tokenless",
        ];
        for name in kept {
            headers.append(name, HeaderValue::from_static("kept"));
        }

        strip_identity(&mut headers);

        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, kept);
    }
}
