use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A payload with every claim that is read, and the claim that `change` puts in place of its own.
fn payload(change: &[(&str, serde_json::Value)]) -> Vec<u8> {
    let mut claims = json!({
        "ver": "2.0", "iss": "issuer", "tid": "11111111-2222-3333-4444-555555555555",
        "aud": "app", "azp": "client", "exp": 3, "nbf": 1, "iat": 2,
        "oid": "object", "sub": "subject", "scp": "a b", "roles": ["r"], "idtyp": "user",
    });
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    serde_json::to_vec(&claims).expect("JSON")
}

fn refused_for(change: &[(&str, serde_json::Value)]) -> String {
    match Claims::read(&payload(change)) {
        Ok(_) => "accepted".to_owned(),
        Err(Denial::Claim(name)) => name.to_owned(),
        Err(other) => other.rule().to_owned(),
    }
}

#[test]
fn the_claims_that_decide_something_are_read() {
    let text = payload(&[]);

    let claims = Claims::read(&text).expect("claims");

    assert_eq!(claims.version, Version::V2);
    assert_eq!((&*claims.audience, &*claims.client), ("app", "client"));
    assert_eq!(
        (claims.expires, claims.not_before, claims.issued_at),
        (3, 1, 2)
    );
    assert_eq!(claims.scopes.as_deref(), Some("a b"));
    assert_eq!(claims.roles, ["r"]);
    assert_eq!(claims.purpose, Purpose::Bearer);
}

#[test]
fn the_wrong_type_is_refused_for_each_claim() {
    for name in [
        "ver", "iss", "tid", "aud", "azp", "appid", "exp", "nbf", "iat", "oid", "sub", "scp",
        "roles", "idtyp",
    ] {
        for value in [json!(null), json!(true), json!({}), json!([1]), json!(1.5)] {
            assert_eq!(refused_for(&[(name, value.clone())]), name, "{value}");
        }
    }
    assert_eq!(refused_for(&[("aud", json!(["app"]))]), "aud");
    assert_eq!(refused_for(&[("iss", json!(["issuer"]))]), "iss");
    assert_eq!(refused_for(&[("roles", json!("r"))]), "roles");
    assert_eq!(refused_for(&[("scp", json!(["a"]))]), "scp");
    assert_eq!(refused_for(&[("exp", json!("3"))]), "exp");
}

#[test]
fn each_required_claim_is_missed() {
    for name in ["ver", "iss", "tid", "aud", "azp", "exp", "nbf", "iat"] {
        let mut claims: serde_json::Value =
            serde_json::from_slice(&payload(&[])).expect("the payload is JSON");
        claims.as_object_mut().expect("an object").remove(name);
        let text = serde_json::to_vec(&claims).expect("JSON");

        assert!(
            matches!(Claims::read(&text), Err(Denial::Claim(missed)) if missed == name),
            "{name}"
        );
    }
}

#[test]
fn the_client_claim_is_that_of_the_version() {
    let text = payload(&[("ver", json!("1.0")), ("appid", json!("v1 client"))]);
    assert_eq!(Claims::read(&text).expect("claims").client, "v1 client");

    assert_eq!(refused_for(&[("ver", json!("1.0"))]), "appid");
    assert_eq!(refused_for(&[("ver", json!("2"))]), "ver");
}

#[test]
fn a_date_is_a_whole_number_up_to_the_year_9999() {
    assert_eq!(refused_for(&[("exp", json!(LAST_SECOND))]), "accepted");
    for value in [
        json!(LAST_SECOND + 1),
        json!(u64::MAX),
        json!(-1),
        json!(3.0),
    ] {
        assert_eq!(refused_for(&[("exp", value)]), "exp");
    }
}

#[test]
fn a_tenant_is_a_lower_case_guid() {
    for value in ["", "common", "AAAAAAAA-2222-3333-4444-555555555555"] {
        assert_eq!(refused_for(&[("tid", json!(value))]), "tid", "{value}");
    }
}

#[test]
fn an_id_is_visible_ascii_of_bounded_length() {
    assert_eq!(refused_for(&[("oid", json!("x".repeat(256)))]), "accepted");
    for value in ["", "a b", "a\n", "ä", &"x".repeat(257)] {
        assert_eq!(refused_for(&[("oid", json!(value))]), "oid", "{value}");
        assert_eq!(refused_for(&[("sub", json!(value))]), "sub", "{value}");
    }
}

#[test]
fn bound_tokens_and_id_tokens_are_recognised_whatever_the_claim_holds() {
    for (name, purpose) in [
        ("cnf", Purpose::Bound),
        ("nonce", Purpose::Identification),
        ("at_hash", Purpose::Identification),
        ("c_hash", Purpose::Identification),
    ] {
        let text = payload(&[(name, json!(null))]);
        assert_eq!(Claims::read(&text).expect("claims").purpose, purpose);
    }
}

#[test]
fn a_client_takes_challenges_if_its_capabilities_say_so() {
    for (value, expected) in [
        (json!(["cp1"]), true),
        (json!("cp1"), true),
        (json!(["foo", "CP1"]), true),
        (json!([["x"], 1, "cp1"]), true),
        (json!([]), false),
        (json!("cp1 cp2"), false),
        (json!(["cp10", "acp1", " cp1"]), false),
        (json!([["cp1"]]), false),
        (json!({"cp1": "cp1"}), false),
        (json!({"values": ["cp1"]}), false),
        (json!(true), false),
        (json!(1), false),
        (json!(null), false),
    ] {
        let text = payload(&[("xms_cc", value.clone())]);
        let claims = Claims::read(&text).expect("claims");
        assert_eq!(claims.takes_challenges, expected, "{value}");
    }
    assert!(
        !Claims::read(&payload(&[]))
            .expect("claims")
            .takes_challenges
    );
}

#[test]
fn contexts_that_are_no_list_are_none() {
    for (value, expected) in [
        (json!(["c1", "c2"]), true),
        (json!(["urn:other", "c1"]), true),
        (json!("c1"), false),
        (json!([["c1"]]), false),
        (json!(["c1", 1]), false),
        (json!({"c1": true}), false),
        (json!(["c2"]), false),
    ] {
        let text = payload(&[("acrs", value.clone())]);
        let claims = Claims::read(&text).expect("claims");
        assert_eq!(claims.contexts.has("c1"), expected, "{value}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_claims_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Claims::read(&bytes).is_err());
    }
}
