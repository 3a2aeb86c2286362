//! The metadata of an issuer. It has to be the issuer's by a second reading, and to lead to keys on
//! the login host and nowhere else.

use stockade::auth::testing::{read_metadata, tenant_id};

use crate::Target;
use crate::json::Json;

/// The target `metadata`.
#[derive(Debug)]
pub struct Metadata;

impl Target for Metadata {
    fn name(&self) -> &'static str {
        "metadata"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let tenant = tenant_id();
        let document = |keys: &str| {
            let document = serde_json::json!({
                "issuer": format!("{LOGIN}/{tenant}/v2.0"),
                "jwks_uri": keys,
                "cloud_instance_name": "microsoftonline.com",
                "id_token_signing_alg_values_supported": ["RS256"],
            });
            document.to_string().into_bytes()
        };
        vec![
            document(&format!("{LOGIN}/{tenant}/discovery/v2.0/keys")),
            document(&format!("{LOGIN}/{tenant}/discovery/v2.0/keys?appid=some")),
            document("https://login.microsoftonline.com:443/keys"),
            document("https://login.microsoftonline.com@example.com/keys"),
            document("https://user@login.microsoftonline.com/keys"),
        ]
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let mut words = crate::owned(WORDS);
        words.push(tenant_id().to_string().into_bytes());
        words
    }

    fn run(&self, input: &[u8]) {
        let read = crate::within_bounds(input, read_metadata);
        let second =
            Json::read(input).filter(|document| document.depth() <= 16 && !document.has_twins());
        let member = |name| {
            second
                .as_ref()
                .and_then(|document| document.member(name)?.text())
        };
        let issuer = format!("{LOGIN}/{}/v2.0", tenant_id());
        match read {
            Ok(keys) => {
                assert_eq!(member("issuer"), Some(&*issuer));
                assert!(
                    member("jwks_uri").is_some(),
                    "it does not say where the keys are"
                );
                assert!(keys.starts_with(&format!("{LOGIN}/")), "{keys}");
            }
            Err(why) => {
                let plain = member("jwks_uri").is_some_and(is_plainly_on_the_login_host);
                let good = plain && member("issuer") == Some(&issuer);
                let serdes = serde_json::from_slice::<serde_json::Value>(input).is_ok();
                assert!(!good || !serdes, "refused: {why}");
            }
        }
    }
}

/// Whether nobody can have doubts about an address.
fn is_plainly_on_the_login_host(address: &str) -> bool {
    let path = address
        .strip_prefix(LOGIN)
        .and_then(|rest| rest.strip_prefix('/'));
    path.is_some_and(|path| {
        path.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'/')
    })
}

const LOGIN: &str = "https://login.microsoftonline.com";

const WORDS: &[&str] = &[
    "issuer",
    "jwks_uri",
    "cloud_instance_name",
    "https",
    "http",
    "://",
    "login.microsoftonline.com",
    "login.windows.net",
    "example.com",
    "@",
    "user@",
    ":443",
    ":8443",
    "/v2.0",
    "?appid=",
    "#",
    "\\\\",
    "%2e",
    "\\u0000",
    "\\t",
    "\":\"",
    "\",\"",
    "[]",
    "\"\"",
    "{}",
    "null",
];
