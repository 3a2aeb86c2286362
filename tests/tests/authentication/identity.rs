//! Headers that claim an identity count for nothing, whoever sets them (App Service authentication).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Call, Got, Outer, Way};
use super::change::good;
use super::table::{accepting, check};
use super::world::{ATTACKERS, token, two_tenants};

/// An administrator with every permission, as App Service authentication would tell of one.
fn forged() -> String {
    let claim = |kind: &str, value: &str| json!({"typ": kind, "val": value});
    let principal = json!({
        "auth_typ": "aad",
        "claims": [
            claim("name", "admin@forged.example"),
            claim("http://schemas.microsoft.com/identity/claims/scope", "Orders.Read Orders.Write"),
            claim("scp", "Orders.Read Orders.Write"),
            claim("roles", "Orders.Read.All"),
            claim("roles", "admin"),
        ],
        "name_typ": "name",
        "role_typ": "roles",
    });
    STANDARD.encode(principal.to_string())
}

/// Sets of headers that claim something, each with its name.
fn disguises() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let text = |value: &str| value.to_owned();
    let one = |name: &'static str, value: String| (name, vec![(name, value)]);
    let mut all = vec![
        one("X-MS-CLIENT-PRINCIPAL", forged()),
        one("X-MS-CLIENT-PRINCIPAL-ID", text("7f3c0001-forged")),
        one("X-MS-CLIENT-PRINCIPAL-NAME", text("admin@forged.example")),
        one("X-MS-CLIENT-PRINCIPAL-IDP", text("aad")),
        one("X-MS-TOKEN-AAD-ID-TOKEN", token().make()),
        one("X-MS-TOKEN-AAD-ACCESS-TOKEN", token().make()),
        one("X-MS-TOKEN-AAD-REFRESH-TOKEN", text("0.forged")),
        one("X-MS-AUTH-TOKEN", token().make()),
        one("X-ZUMO-AUTH", token().make()),
        one("X-ARR-ClientCert", STANDARD.encode("a certificate")),
        one("X-Forwarded-For", text("127.0.0.1")),
        one("X-Forwarded-User", text("admin")),
        one(
            "X-Forwarded-Client-Cert",
            text("Hash=00;Subject=\"CN=admin\""),
        ),
        one("X-Forwarded-Email", text("admin@forged.example")),
        one("X-Forwarded-Access-Token", token().make()),
        one("Forwarded", text("for=127.0.0.1;proto=https")),
        one("X-Original-URL", text("/admin")),
        one("X-Real-IP", text("127.0.0.1")),
        one("X-Client-IP", text("127.0.0.1")),
        one("X-Remote-User", text("admin")),
        one("X-functions-key", text("forged-key")),
        one("x-functions-clientid", text("admin")),
        one("X-MS-Request-ID", text("forged")),
        one("X_MS_CLIENT_PRINCIPAL", forged()),
        one("x-ms-client-principal", forged()),
        one("X-mS-cLiEnT-pRiNcIpAl", forged()),
        one("X-MS_CLIENT-PRINCIPAL_ID", text("7f3c0001-forged")),
    ];
    all.push((
        "the same header twice",
        vec![
            ("X-MS-CLIENT-PRINCIPAL", forged()),
            ("X-MS-CLIENT-PRINCIPAL", forged()),
        ],
    ));
    let everything = all
        .iter()
        .flat_map(|(_, headers)| headers.clone())
        .collect();
    all.push(("all of them", everything));
    all
}

fn dressed(headers: Vec<(&'static str, String)>) -> impl Fn(Outer) -> Outer + Clone {
    move |outer| {
        let headers = headers.iter();
        headers.fold(outer, |outer, (name, value)| outer.header(name, value))
    }
}

#[test]
fn an_identity_that_headers_claim_lets_nobody_in() {
    let pairs: Vec<_> = disguises()
        .into_iter()
        .map(|(name, headers)| {
            let dress = dressed(headers);
            let (other, third) = (dress.clone(), dress.clone());
            accepting(name, move || good().beside(dress.clone()))
                .but_not("without a token", "missing_token", move |call| {
                    let dress = other.clone();
                    call.presented(move |outer, _| dress(outer))
                })
                .but_not("with a token that is forged", "signature", |call| {
                    call.token(|token| token.signed_with(&ATTACKERS))
                })
                .but_not(
                    "with a token that may not",
                    "missing_permission",
                    move |call| {
                        let call = call.token(|token| token.claim("scp", "Orders.Delete"));
                        call.presented(Outer::bearer).beside(third.clone())
                    },
                )
        })
        .collect();
    check(two_tenants(), &pairs);
}

#[test]
fn a_token_says_the_same_whatever_headers_stand_beside_it() {
    for way in Way::ALL {
        let plain = seen(&good().send(way));
        for (name, headers) in disguises() {
            let answer = seen(&good().beside(dressed(headers)).send(way));

            assert_eq!(answer, plain, "{name} ({way:?})");
        }
    }
}

#[test]
fn in_an_envelope_the_callers_own_header_counts_and_nothing_around_it() {
    let around = |value: &'static str| {
        move |call: Call| {
            call.presented(move |outer, token| {
                outer.around("Authorization", &value.replace('*', token))
            })
        }
    };
    let identity = json!({
        "AuthenticationType": "aad",
        "IsAuthenticated": true,
        "Claims": [
            {"Type": "scp", "Value": "Orders.Read Orders.Write"},
            {"Type": "roles", "Value": "Orders.Read.All"},
        ],
        "Name": "admin@forged.example",
        "RoleClaimType": "roles",
    });
    let named = move |outer: Outer| outer.identity(identity.clone());
    let only = named.clone();
    check(
        two_tenants(),
        &[
            accepting("a token in the envelope", || good().directly())
                .but_not("around it", "missing_token", around("Bearer *"))
                .but_not(
                    "around it in another spelling",
                    "missing_token",
                    around("bearer *"),
                )
                .only(&[Way::Envelope]),
            accepting(
                "a token in the envelope, and another scheme around it",
                || {
                    good()
                        .directly()
                        .beside(|outer| outer.around("Authorization", "Basic YTpi"))
                },
            )
            .only(&[Way::Envelope]),
            accepting(
                "a token beside an identity that the host names",
                move || good().directly().beside(named.clone()),
            )
            .but_not("the identity alone", "missing_token", move |call| {
                let only = only.clone();
                call.presented(move |outer, _| only(outer))
            })
            .only(&[Way::Envelope]),
        ],
    );
}

/// All of an answer that does not change with the time.
fn seen(got: &Got) -> (u16, Vec<(String, String)>, String) {
    let mut headers = got.headers.clone();
    headers.retain(|(name, _)| name != "date");
    headers.sort();
    (got.status, headers, got.body.clone())
}
