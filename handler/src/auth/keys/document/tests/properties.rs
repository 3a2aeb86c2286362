//! What holds for every document.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Values of the members of a key, often right and often nearly so.
fn value() -> impl Strategy<Value = Value> {
    let [n, issuer] = ["n", "issuer"].map(|name| SigningKey::second().jwk()[name].clone());
    let short = n.as_str().expect("a text")[..340].to_owned();
    let known = [
        json!("RSA"),
        json!("EC"),
        json!("sig"),
        json!("enc"),
        json!("RS256"),
        json!("PS256"),
        json!(["verify"]),
        json!(["sign"]),
        json!("second-key"),
        json!("a key"),
        json!(""),
        json!("AQAB"),
        json!("Aw"),
        json!("AAEAAQ"),
        json!("microsoftonline.com"),
        json!("microsoftonline.us"),
        json!("https://login.microsoftonline.com/{tenantid}/v2.0"),
        json!(null),
        json!(65537),
        n,
        issuer,
        json!(short),
    ];
    prop::sample::select(known.to_vec())
}

const NAMES: &[&str] = &[
    "kty",
    "use",
    "alg",
    "key_ops",
    "kid",
    "n",
    "e",
    "d",
    "issuer",
    "cloud_instance_name",
    "x5c",
];

/// The rules once more: whether an entry may be used, and under which name.
fn usable_name(entry: &Value) -> Option<&str> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let of_this_issuer = [
        format!("https://login.microsoftonline.com/{}/v2.0", tenant_id()),
        "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
    ];
    let moduli = [SigningKey::first(), SigningKey::second()].map(|key| key.jwk()["n"].clone());
    let good = text("kty") == Some("RSA")
        && text("use") == Some("sig")
        && entry.get("alg").is_none_or(|alg| alg == "RS256")
        && entry
            .get("key_ops")
            .is_none_or(|ops| ops == &json!(["verify"]))
        && entry.get("d").is_none()
        && entry
            .get("n")
            .is_some_and(|modulus| moduli.contains(modulus))
        && text("e") == Some("AQAB")
        && text("issuer").is_some_and(|issuer| of_this_issuer.iter().any(|ours| ours == issuer))
        && text("cloud_instance_name").is_none_or(|cloud| cloud == "microsoftonline.com");
    let name = text("kid")?;
    let visible =
        (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte > b' ' && byte < 0x7f);
    (good && visible).then_some(name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let metadata = metadata_of(&good_metadata()).expect("metadata");

        prop_assert!(Metadata::read(&bytes, &authority(), issuer(Version::V2)).is_err());
        prop_assert!(KeySet::read(&bytes, &metadata, &authority(), issuer(Version::V2)).is_err());
    }

    #[test]
    fn a_key_counts_exactly_if_every_rule_holds(
        edits in prop::collection::vec((prop::sample::select(NAMES), prop::option::weighted(0.8, value())), 0..4),
    ) {
        let mut entry = SigningKey::first().jwk();
        let members = entry.as_object_mut().expect("an object");
        for (name, value) in edits {
            match value {
                Some(value) => drop(members.insert(name.to_owned(), value)),
                None => drop(members.remove(name)),
            }
        }

        let set = read(&json!([entry]), Version::V2);

        let names: Vec<_> = set.iter().flat_map(|set| set.slots.keys()).map(|name| &**name).collect();
        prop_assert_eq!(names, Vec::from_iter(usable_name(&entry)));
    }

    #[test]
    fn metadata_leads_to_the_login_host_or_nowhere(
        scheme in "(https|http|HTTPS|ftp|data|)(://|:|//|:\\\\\\\\|)",
        user in "(|user@|login\\.microsoftonline\\.com@)",
        host in "(login\\.microsoftonline\\.com|LOGIN\\.microsoftonline\\.com|login\\.microsoftonline\\.us|example\\.com|)",
        port in "(|:443|:8443|:)",
        path in "(|/keys|\\\\keys|/../keys|\\?x|#x|\\.example\\.com/)",
    ) {
        let mut document = good_metadata();
        document["jwks_uri"] = json!(format!("{scheme}{user}{host}{port}{path}"));

        if let Ok(metadata) = metadata_of(&document) {
            let keys = metadata.keys.as_str();
            prop_assert!(keys.starts_with("https://login.microsoftonline.com/"), "{}", keys);
        }
    }
}
