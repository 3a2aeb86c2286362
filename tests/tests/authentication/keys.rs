//! Keys as they can be published: each refusal beside the same key published rightly.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use stockade_tests::Tenant;
use stockade_tests::tenant::{CurveKey, Numbers, Version, hmac_sha256, jwk};

use super::call::Call;
use super::change::head;
use super::table::{accepting, check};
use super::world::{
    ATTACKERS, CONSUMERS, KEY, OURS, SISTER, SISTERS, SPARE, STRANGER, STRANGERS, token,
    two_tenants,
};

/// A key that is signed with in its numbers alone, and is good.
static BARE: LazyLock<Numbers> = LazyLock::new(|| Numbers::generate(2048, 65537));
static SHORT: LazyLock<Numbers> = LazyLock::new(|| Numbers::generate(1024, 65537));
static ONE_BIT_SHORT: LazyLock<Numbers> = LazyLock::new(|| Numbers::generate(2047, 65537));
static EXPONENT_3: LazyLock<Numbers> = LazyLock::new(|| Numbers::generate(2048, 3));
static CURVE: LazyLock<CurveKey> = LazyLock::new(CurveKey::generate);

/// The shared secret that is published, as far as such a thing goes.
const SECRET: &[u8] = b"a secret that everybody can read";

/// Publishes every tenant's documents, of which the listed one's key set is a cabinet of horrors.
pub(crate) fn publish(tenant: &Tenant) {
    let mut keys = horrors(tenant);
    keys.push(jwk(
        "ours",
        KEY.numbers(),
        &tenant.issuer(Version::V2, OURS),
    ));
    tenant.publish(Version::V2, OURS, &keys);
    let mut v1 = jwk("ours-v1", KEY.numbers(), "");
    v1.as_object_mut().expect("an object").remove("issuer");
    tenant.publish(Version::V1, OURS, &[v1]);
    let sister = tenant.issuer(Version::V2, SISTER);
    // One name that both tenants use, each for its own key.
    let sisters = ["sister", "ours"].map(|kid| jwk(kid, SISTERS.numbers(), &sister));
    tenant.publish(Version::V2, SISTER, &sisters);
    tenant.publish(Version::V1, SISTER, &sisters);
    for id in [STRANGER, CONSUMERS] {
        let issuer = tenant.issuer(Version::V2, id);
        tenant.publish(
            Version::V2,
            id,
            &[jwk("stranger", STRANGERS.numbers(), &issuer)],
        );
    }
}

/// A good key under many names, with one thing wrong under each.
fn horrors(tenant: &Tenant) -> Vec<Value> {
    let issuer = tenant.issuer(Version::V2, OURS);
    let bare = |kid: &str, key: &Numbers| jwk(kid, key, &issuer);
    let spare = |kid: &str| jwk(kid, SPARE.numbers(), &issuer);
    let with = |kid: &str, name: &str, value: Value| {
        let mut key = spare(kid);
        key[name] = value;
        key
    };
    let without = |kid: &str, name: &str| {
        let mut key = spare(kid);
        key.as_object_mut().expect("an object").remove(name);
        key
    };
    let number = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
    let zero_first = [&[0], SPARE.numbers().modulus().as_slice()].concat();
    let template = issuer.replace(OURS, "{tenantid}");
    let sts = tenant.issuer(Version::V1, OURS);
    let private = number(&SPARE.numbers().private_exponent());
    vec![
        spare("spare"),
        with("alg-rs256", "alg", json!("RS256")),
        with("alg-rs512", "alg", json!("RS512")),
        with("alg-list", "alg", json!(["RS256"])),
        with("for-encryption", "use", json!("enc")),
        without("for-nothing", "use"),
        with("ops-verify", "key_ops", json!(["verify"])),
        with("ops-sign", "key_ops", json!(["sign"])),
        with("ops-none", "key_ops", json!([])),
        with("private", "d", private),
        with("kty-lower", "kty", json!("rsa")),
        without("kty-none", "kty"),
        with("template", "issuer", json!(template)),
        without("of-nobody", "issuer"),
        with(
            "of-stranger",
            "issuer",
            json!(tenant.issuer(Version::V2, STRANGER)),
        ),
        with(
            "of-sister",
            "issuer",
            json!(tenant.issuer(Version::V2, SISTER)),
        ),
        with("of-sts", "issuer", json!(sts)),
        with("of-many", "issuer", json!([issuer])),
        with(
            "other-cloud",
            "cloud_instance_name",
            json!("microsoftonline.us"),
        ),
        without("no-cloud", "cloud_instance_name"),
        with("zero-first", "n", number(&zero_first)),
        with(
            "padded",
            "n",
            json!(URL_SAFE.encode(SPARE.numbers().modulus())),
        ),
        with("even", "n", number(&even(&SPARE.numbers().modulus()))),
        with("exponent-zero-first", "e", json!("AAEAAQ")),
        with("exponent-1", "e", json!("AQ")),
        without("no-modulus", "n"),
        bare("bare", &BARE),
        bare("short", &SHORT),
        bare("one-bit-short", &ONE_BIT_SHORT),
        bare("exponent-3", &EXPONENT_3),
        spare("twice"),
        bare("twice", ATTACKERS.numbers()),
        spare("twice-the-same"),
        spare("twice-the-same"),
        CURVE.jwk("curve", &issuer),
        CURVE.jwk("curve-and-rsa", &issuer),
        spare("curve-and-rsa"),
        json!({"kty": "oct", "use": "sig", "kid": "secret", "k": URL_SAFE_NO_PAD.encode(SECRET),
               "alg": "RS256", "issuer": issuer}),
        with("x", "kid", json!(7)),
        without("x", "kid"),
        with("x", "kid", json!("")),
        json!({}),
        json!(null),
        json!(["kty", "RSA"]),
        json!("a text"),
        json!(7),
    ]
}

fn even(modulus: &[u8]) -> Vec<u8> {
    let mut even = modulus.to_vec();
    if let Some(last) = even.last_mut() {
        *last &= 0xfe;
    }
    even
}

/// A call whose token names a key under which `SPARE` is published, and is signed with it.
fn spare(kid: &'static str) -> impl Fn() -> Call {
    move || Call::with(two_tenants, token().head("kid", kid).signed_with(&SPARE))
}

#[test]
fn a_key_counts_only_as_it_is_published_for_signatures_of_rs256() {
    check(
        two_tenants(),
        &[
            accepting("a key as Entra publishes it", spare("spare"))
                .but_not(
                    "for encryption",
                    "unknown_key",
                    head("kid", "for-encryption"),
                )
                .but_not("without a use", "unknown_key", head("kid", "for-nothing"))
                .but_not("as a private key", "unknown_key", head("kid", "private"))
                .but_not(
                    "with its type in lower case",
                    "unknown_key",
                    head("kid", "kty-lower"),
                )
                .but_not("without a type", "unknown_key", head("kid", "kty-none"))
                .but_not(
                    "without a modulus",
                    "unknown_key",
                    head("kid", "no-modulus"),
                )
                .but_not(
                    "with a modulus that begins with zero",
                    "unknown_key",
                    head("kid", "zero-first"),
                )
                .but_not(
                    "with a modulus in padded base64",
                    "unknown_key",
                    head("kid", "padded"),
                )
                .but_not("with an even modulus", "signature", head("kid", "even"))
                .but_not(
                    "with an exponent that begins with zero",
                    "unknown_key",
                    head("kid", "exponent-zero-first"),
                )
                .but_not(
                    "with the exponent 1",
                    "unknown_key",
                    head("kid", "exponent-1"),
                )
                .but_not("under another name", "unknown_key", head("kid", "nobody"))
                .but_not(
                    "under its name in upper case",
                    "unknown_key",
                    head("kid", "SPARE"),
                )
                .but_not(
                    "under the beginning of its name",
                    "unknown_key",
                    head("kid", "spar"),
                )
                .but_not(
                    "under the name of another",
                    "signature",
                    head("kid", "ours"),
                ),
            accepting("a key for RS256", spare("alg-rs256"))
                .but_not("for RS512", "unknown_key", head("kid", "alg-rs512"))
                .but_not(
                    "for a list of algorithms",
                    "unknown_key",
                    head("kid", "alg-list"),
                ),
            accepting("a key that may verify", spare("ops-verify"))
                .but_not("only sign", "unknown_key", head("kid", "ops-sign"))
                .but_not("do nothing", "unknown_key", head("kid", "ops-none")),
        ],
    );
}

#[test]
fn a_key_counts_only_for_the_issuer_and_the_cloud_that_it_names() {
    check(
        two_tenants(),
        &[
            accepting("a key of the tenant", spare("spare"))
                .but_not("of nobody", "unusable_key", head("kid", "of-nobody"))
                .but_not(
                    "of a tenant that is not listed",
                    "unusable_key",
                    head("kid", "of-stranger"),
                )
                .but_not(
                    "of another listed tenant",
                    "unusable_key",
                    head("kid", "of-sister"),
                )
                .but_not(
                    "of the issuer in the v1 form",
                    "unusable_key",
                    head("kid", "of-sts"),
                )
                .but_not(
                    "of a list of issuers",
                    "unusable_key",
                    head("kid", "of-many"),
                ),
            accepting("a key of every tenant", spare("template")),
            accepting("a key without a cloud", spare("no-cloud")).but_not(
                "of another cloud",
                "unusable_key",
                head("kid", "other-cloud"),
            ),
        ],
    );
}

#[test]
fn a_name_stands_for_one_key_or_for_none() {
    check(
        two_tenants(),
        &[
            accepting("a name that one key has", spare("spare"))
                .but_not(
                    "a name that two keys have",
                    "unusable_key",
                    head("kid", "twice"),
                )
                .but_not(
                    "a name that one key has twice",
                    "unusable_key",
                    head("kid", "twice-the-same"),
                ),
            // RFC 7517 §4.5: keys of different types may share a name.
            accepting(
                "a name that an RSA key shares with a curve's",
                spare("curve-and-rsa"),
            ),
        ],
    );
}

#[test]
fn a_key_of_another_size_or_kind_verifies_nothing() {
    let by = |kid: &'static str, key: &'static Numbers| {
        move |call: Call| {
            call.token(|token| token.head("kid", kid).signed_by(|text| key.sign(text)))
        }
    };
    check(
        two_tenants(),
        &[
            accepting("a key of 2048 bits with the exponent 65537", move || {
                by("bare", &BARE)(Call::with(two_tenants, token()))
            })
            .but_not("of 1024 bits", "unknown_key", by("short", &SHORT))
            .but_not(
                "of 2047 bits",
                "unknown_key",
                by("one-bit-short", &ONE_BIT_SHORT),
            )
            .but_not(
                "with the exponent 3",
                "unknown_key",
                by("exponent-3", &EXPONENT_3),
            )
            .but_not("on a curve", "unknown_key", |call| {
                call.token(|token| {
                    token
                        .head("kid", "curve")
                        .signed_by(|text| CURVE.sign(text))
                })
            })
            .but_not("that is a shared secret", "unknown_key", |call| {
                call.token(|token| {
                    let token = token.head("kid", "secret");
                    token.signed_by(|text| hmac_sha256(SECRET, text))
                })
            }),
        ],
    );
}
