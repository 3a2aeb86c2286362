use serde_json::json;

use super::super::super::authority::Cloud;
use super::super::super::testing::{SigningKey, tenant_id};
use super::*;

mod properties;

fn issuer(version: Version) -> Issuer {
    Issuer {
        tenant: tenant_id(),
        version,
    }
}

fn authority() -> Authority {
    Authority::of(Cloud::Public)
}

fn metadata_of(document: &serde_json::Value) -> Result<Metadata, String> {
    let text = document.to_string();
    Metadata::read(text.as_bytes(), &authority(), issuer(Version::V2))
        .map_err(|error| error.to_string())
}

fn good_metadata() -> serde_json::Value {
    let tenant = tenant_id();
    json!({
        "issuer": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        "jwks_uri": "https://login.microsoftonline.com/keys?appid=some",
        "cloud_instance_name": "microsoftonline.com",
    })
}

fn read(keys: &serde_json::Value, version: Version) -> Result<KeySet, String> {
    let metadata = metadata_of(&good_metadata()).expect("metadata");
    let text = json!({ "keys": keys }).to_string();
    KeySet::read(text.as_bytes(), &metadata, &authority(), issuer(version))
        .map_err(|error| error.to_string())
}

/// The first key with one member changed, or taken away by `null`.
fn changed(name: &str, value: serde_json::Value) -> serde_json::Value {
    let mut jwk = SigningKey::first().jwk();
    let members = jwk.as_object_mut().expect("an object");
    match value {
        serde_json::Value::Null => drop(members.remove(name)),
        value => drop(members.insert(name.to_owned(), value)),
    }
    jwk
}

/// What becomes of an entry beside a good one.
fn fate(entry: &serde_json::Value, version: Version) -> String {
    let set = read(&json!([SigningKey::second().jwk(), entry]), version).expect("a key set");
    match set.slots.get("first-key") {
        Some(Slot::Key(_)) => "usable".to_owned(),
        Some(Slot::Unusable(why)) => (*why).to_owned(),
        None => {
            assert_eq!(set.dropped, 1);
            "dropped".to_owned()
        }
    }
}

#[test]
fn metadata_points_to_the_keys_with_their_query() {
    let metadata = metadata_of(&good_metadata()).expect("metadata");

    assert_eq!(
        metadata.keys.as_str(),
        "https://login.microsoftonline.com/keys?appid=some"
    );
}

#[test]
fn metadata_of_another_issuer_is_refused() {
    let tenant = tenant_id();
    for other in [
        "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
        "https://login.microsoftonline.com/common/v2.0".to_owned(),
        format!("https://login.microsoftonline.us/{tenant}/v2.0"),
        format!("https://login.microsoftonline.com/{tenant}/v2.0/"),
        format!("https://sts.windows.net/{tenant}/"),
    ] {
        let mut document = good_metadata();
        document["issuer"] = json!(other);

        let error = metadata_of(&document).expect_err("another issuer");

        assert_eq!(
            error,
            KeyError::ForeignMetadata.to_string(),
            "{}",
            document["issuer"]
        );
    }
}

#[test]
fn keys_elsewhere_are_refused() {
    for other in [
        "http://login.microsoftonline.com/keys",
        "https://login.microsoftonline.com:444/keys",
        "https://login.microsoftonline.com.example.com/keys",
        "https://example.com/login.microsoftonline.com",
        "https://login.microsoftonline.com@example.com/keys",
    ] {
        let mut document = good_metadata();
        document["jwks_uri"] = json!(other);

        let error = metadata_of(&document).expect_err("another place");

        assert_eq!(error, KeyError::ForeignKeys.to_string(), "{other}");
    }
}

#[test]
fn metadata_without_its_members_is_malformed() {
    for name in ["issuer", "jwks_uri"] {
        for value in [json!(null), json!(["x"]), json!(7)] {
            let mut document = good_metadata();
            document[name] = value;
            assert_eq!(
                metadata_of(&document).expect_err("malformed"),
                "the metadata is malformed"
            );
        }
    }
}

#[test]
fn a_key_like_entras_is_usable() {
    assert_eq!(fate(&SigningKey::first().jwk(), Version::V2), "usable");
    assert_eq!(fate(&changed("alg", json!("RS256")), Version::V2), "usable");
    assert_eq!(
        fate(&changed("key_ops", json!(["verify"])), Version::V2),
        "usable"
    );
}

#[test]
fn an_entry_of_another_kind_is_dropped_and_the_rest_is_used() {
    for entry in [
        json!(null),
        json!("key"),
        changed("kty", json!("oct")),
        changed("kty", json!("EC")),
        changed("kty", json!(null)),
        changed("use", json!("enc")),
        changed("use", json!(null)),
        changed("alg", json!("HS256")),
        changed("alg", json!(7)),
        changed("key_ops", json!(["sign"])),
        changed("key_ops", json!("verify")),
        changed("kid", json!(null)),
        changed("kid", json!("")),
        changed("n", json!(null)),
        changed("n", json!("AQAB")),
        changed("n", json!("not base64url!")),
        changed("e", json!("Aw")),
        changed("e", json!("AAEAAQ")),
        changed("d", json!("AQAB")),
    ] {
        assert_eq!(fate(&entry, Version::V2), "dropped", "{entry}");
    }
}

#[test]
fn a_key_of_another_issuer_is_unusable() {
    let tenant = tenant_id();
    for (named, expected) in [
        (
            json!("https://login.microsoftonline.com/{tenantid}/v2.0"),
            "usable",
        ),
        (
            json!("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
            "it belongs to another issuer",
        ),
        (
            json!(format!("https://login.microsoftonline.us/{tenant}/v2.0")),
            "it belongs to another issuer",
        ),
        (json!(null), "it does not name its issuer"),
    ] {
        assert_eq!(
            fate(&changed("issuer", named.clone()), Version::V2),
            expected,
            "{named}"
        );
    }
    assert_eq!(fate(&changed("issuer", json!(null)), Version::V1), "usable");
}

#[test]
fn a_key_of_another_cloud_is_unusable() {
    let entry = changed("cloud_instance_name", json!("microsoftonline.us"));
    assert_eq!(fate(&entry, Version::V2), "it belongs to another cloud");

    let entry = changed("cloud_instance_name", json!(null));
    assert_eq!(fate(&entry, Version::V2), "usable");
}

#[test]
fn two_keys_under_one_name_make_both_unusable() {
    let first = SigningKey::first().jwk();
    let mut second = SigningKey::second().jwk();
    second["kid"] = first["kid"].clone();

    for keys in [
        json!([first, second, SigningKey::second().jwk()]),
        json!([first, second, first, SigningKey::second().jwk()]),
    ] {
        let set = read(&keys, Version::V2).expect("a key set");

        assert!(matches!(set.slots["first-key"], Slot::Unusable(_)));
        assert!(matches!(set.slots["second-key"], Slot::Key(_)));
    }
}

#[test]
fn a_set_without_a_usable_key_is_an_error() {
    for keys in [
        json!([]),
        json!([changed("kty", json!("oct"))]),
        json!([changed("issuer", json!(null))]),
    ] {
        assert_eq!(
            read(&keys, Version::V2).expect_err("no key"),
            KeyError::NoUsableKeys.to_string()
        );
    }
    assert_eq!(
        read(&json!({}), Version::V2).expect_err("no list"),
        "the key set is malformed"
    );
}

#[test]
fn the_number_of_keys_is_bounded() {
    let keys: Vec<_> = (0..=MAX_KEYS)
        .map(|number| changed("kid", json!(format!("key-{number}"))))
        .collect();

    let set = read(&json!(keys), Version::V2).expect("a key set");

    assert_eq!((set.slots.len(), set.dropped), (MAX_KEYS, 1));
}
