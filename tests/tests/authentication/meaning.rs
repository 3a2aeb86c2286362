//! What the claims have to say: that the token is ours, alive, an access token, and for this version
//! of us (RFC 8725 §3.8 to §3.12; Entra ID, access tokens).

use serde_json::json;
use stockade_tests::tenant::{Version, now};

use super::call::Call;
use super::change::{claim, good};
use super::table::{accepting, check};
use super::world::{
    APP_ID_URI, AUDIENCE, CLIENT, CONSUMERS, OURS, SISTER, STRANGER, of, tenant, two_tenants,
};

/// The good token with a claim that is so many seconds from now.
fn from_now(name: &'static str, seconds: i64) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.claim(name, now().saturating_add_signed(seconds)))
}

#[test]
fn the_issuer_is_the_tenants_own_to_the_letter() {
    let ours = tenant().issuer(Version::V2, OURS);
    let origin = tenant().origin();
    let forms = [
        (
            "another listed tenant",
            tenant().issuer(Version::V2, SISTER),
        ),
        (
            "a tenant that is not listed",
            tenant().issuer(Version::V2, STRANGER),
        ),
        ("a slash after it", format!("{ours}/")),
        (
            "two slashes in it",
            ours.replacen(&format!("/{OURS}"), &format!("//{OURS}"), 1),
        ),
        ("https", ours.replacen("http:", "https:", 1)),
        ("its scheme in upper case", ours.replacen("http", "HTTP", 1)),
        (
            "its tenant in upper case",
            ours.replace(OURS, &OURS.to_uppercase()),
        ),
        ("its version in upper case", ours.replace("/v2.0", "/V2.0")),
        ("another version", ours.replace("/v2.0", "/v1.0")),
        ("no version", ours.replace("/v2.0", "")),
        ("the version alone with a slash", ours.replace("/v2.0", "/")),
        ("the host by name", ours.replace("127.0.0.1", "localhost")),
        (
            "the host in other numbers",
            ours.replace("127.0.0.1", "127.1"),
        ),
        (
            "a dot after the host",
            ours.replacen("127.0.0.1", "127.0.0.1.", 1),
        ),
        ("no port", format!("http://127.0.0.1/{OURS}/v2.0")),
        ("another port", format!("http://127.0.0.1:1/{OURS}/v2.0")),
        (
            "a user before the host",
            ours.replacen("http://", "http://user@", 1),
        ),
        (
            "the host as a user of another",
            ours.replacen(&origin, &format!("{origin}@attacker.example"), 1),
        ),
        (
            "the host in front of another's name",
            ours.replacen(&origin, &format!("{origin}.attacker.example"), 1),
        ),
        ("a query", format!("{ours}?x=1")),
        ("a fragment", format!("{ours}#x")),
        (
            "a path that goes back",
            ours.replacen(OURS, &format!("{SISTER}/../{OURS}"), 1),
        ),
        ("escapes", ours.replacen(OURS, &OURS.replace('6', "%36"), 1)),
        ("a space before it", format!(" {ours}")),
        ("a line end after it", format!("{ours}\n")),
        ("a zero byte after it", format!("{ours}\0")),
        ("the template", ours.replace(OURS, "{tenantid}")),
        ("common", ours.replace(OURS, "common")),
        ("organizations", ours.replace(OURS, "organizations")),
        ("consumers", ours.replace(OURS, "consumers")),
        (
            "the tenant of personal accounts",
            ours.replace(OURS, CONSUMERS),
        ),
        ("nothing", String::new()),
        ("the tenant alone", OURS.to_owned()),
        ("the v1 form", tenant().issuer(Version::V1, OURS)),
        (
            "the public cloud",
            format!("https://login.microsoftonline.com/{OURS}/v2.0"),
        ),
        (
            "an alias of it",
            format!("https://login.windows.net/{OURS}/v2.0"),
        ),
        (
            "the cloud of a government",
            format!("https://login.microsoftonline.us/{OURS}/v2.0"),
        ),
        (
            "the cloud of China",
            format!("https://login.partner.microsoftonline.cn/{OURS}/v2.0"),
        ),
        ("B2C", format!("https://orders.b2clogin.com/{OURS}/v2.0/")),
        (
            "External ID",
            format!("https://{OURS}.ciamlogin.com/{OURS}/v2.0"),
        ),
    ];
    let pair = accepting("the tenant's issuer", good);
    let pair = forms.into_iter().fold(pair, |pair, (name, issuer)| {
        pair.but_not(name, "issuer", claim("iss", issuer))
    });
    check(two_tenants(), &[pair]);
}

#[test]
fn the_tenant_is_a_listed_one_and_the_issuers() {
    let braces = format!("{{{OURS}}}");
    let both = |id: &'static str| move |call: Call| call.token(|token| of(token, id));
    check(
        two_tenants(),
        &[accepting("the tenant", good)
            .but_not(
                "another listed one beside its issuer",
                "issuer",
                claim("tid", SISTER),
            )
            .but_not(
                "one that is not listed beside its issuer",
                "issuer",
                claim("tid", STRANGER),
            )
            .but_not(
                "one that is not listed with its own issuer",
                "tenant",
                both(STRANGER),
            )
            .but_not("the one of personal accounts", "tenant", both(CONSUMERS))
            .but_not(
                "it in upper case",
                "claim",
                claim("tid", OURS.to_uppercase()),
            )
            .but_not("it in braces", "claim", claim("tid", braces))
            .but_not(
                "it without hyphens",
                "claim",
                claim("tid", OURS.replace('-', "")),
            )
            .but_not("it and a space", "claim", claim("tid", format!("{OURS} ")))
            .but_not("it and a path", "claim", claim("tid", format!("{OURS}/..")))
            .but_not("its domain", "claim", claim("tid", "contoso.example"))
            .but_not("common", "claim", claim("tid", "common"))
            .but_not("the template", "claim", claim("tid", "{tenantid}"))
            .but_not("nothing", "claim", claim("tid", ""))
            .but_not(
                "zeros",
                "issuer",
                claim("tid", "00000000-0000-0000-0000-000000000000"),
            )],
    );
}

#[test]
fn the_audience_is_this_app_to_the_letter() {
    check(
        two_tenants(),
        &[accepting("this app", good)
            .but_not("another", "audience", claim("aud", STRANGER))
            .but_not(
                "its App ID URI, which is not listed",
                "audience",
                claim("aud", APP_ID_URI),
            )
            .but_not(
                "its id as a URI",
                "audience",
                claim("aud", format!("api://{AUDIENCE}")),
            )
            .but_not(
                "it in upper case",
                "audience",
                claim("aud", AUDIENCE.to_uppercase()),
            )
            .but_not(
                "it and a slash",
                "audience",
                claim("aud", format!("{AUDIENCE}/")),
            )
            .but_not(
                "it and a space",
                "audience",
                claim("aud", format!("{AUDIENCE} ")),
            )
            .but_not(
                "the beginning of it",
                "audience",
                claim("aud", &AUDIENCE[..20]),
            )
            .but_not(
                "more than it",
                "audience",
                claim("aud", format!("{AUDIENCE}0")),
            )
            .but_not(
                "it among others in a text",
                "audience",
                claim("aud", format!("{AUDIENCE} {STRANGER}")),
            )
            .but_not(
                "it among others with a comma",
                "audience",
                claim("aud", format!("{AUDIENCE},{STRANGER}")),
            )
            .but_not("every app", "audience", claim("aud", "*"))
            .but_not("nothing", "audience", claim("aud", ""))
            .but_not("the caller", "audience", claim("aud", CLIENT))
            .but_not("the login host", "audience", |call| {
                let issuer = tenant().issuer(Version::V2, OURS);
                call.token(|token| token.claim("aud", issuer))
            })
            .but_not("a list of it", "claim", |call| {
                call.token(|token| token.claim("aud", json!([AUDIENCE])))
            })
            .but_not(
                "Graph by its id",
                "microsoft_graph",
                claim("aud", "00000003-0000-0000-c000-000000000000"),
            )
            .but_not(
                "Graph by its address",
                "microsoft_graph",
                claim("aud", "https://graph.microsoft.com"),
            )
            .but_not(
                "Graph and a slash",
                "microsoft_graph",
                claim("aud", "https://graph.microsoft.com/"),
            )
            .but_not(
                "management",
                "audience",
                claim("aud", "https://management.azure.com/"),
            )],
    );
}

#[test]
fn a_token_lives_from_nbf_to_exp_give_or_take_a_minute() {
    // The skew is 60 seconds; a test may take 15 of them.
    check(
        two_tenants(),
        &[
            accepting("a token that ended within the skew", || {
                let long_ago = from_now("iat", -7200)(from_now("nbf", -7200)(good()));
                from_now("exp", -45)(long_ago)
            })
            .but_not("at its end", "expired", from_now("exp", -60))
            .but_not("an hour ago", "expired", from_now("exp", -3600)),
            accepting("a token that begins within the skew", || {
                from_now("nbf", 45)(good())
            })
            .but_not("after it", "not_yet_valid", from_now("nbf", 75))
            .but_not("in an hour", "not_yet_valid", from_now("nbf", 3600)),
            accepting("a token that is issued within the skew", || {
                from_now("iat", 45)(good())
            })
            .but_not("after it", "not_yet_valid", from_now("iat", 75))
            .but_not("in the year 9999", "not_yet_valid", |call| {
                call.token(|token| token.claim("iat", 253_402_300_799_u64))
            }),
            accepting("a token that begins before it ends", good)
                .but_not("after it ends", "lifetime", |call| {
                    call.token(|token| token.claim("nbf", now() + 30).claim("exp", now() + 29))
                })
                .but_not("that ended in 1970", "lifetime", |call| {
                    call.token(|token| token.claim("exp", 0))
                })
                .but_not("all in 1970", "expired", |call| {
                    call.token(|token| token.claim("iat", 0).claim("nbf", 0).claim("exp", 1))
                }),
        ],
    );
}

#[test]
fn the_version_is_two_unless_another_is_asked_for() {
    let v1 = |call: Call| {
        call.token(|token| {
            let issuer = tenant().issuer(Version::V1, OURS);
            let token = token.claim("ver", "1.0").claim("iss", issuer);
            token.claim("appid", CLIENT).head("kid", "ours-v1")
        })
    };
    check(
        two_tenants(),
        &[accepting("version 2.0", good)
            .but_not("version 1.0 in full", "version_1", v1)
            .but_not("the number 2.0", "claim", |call| {
                call.token(|token| token.claim_text("ver", "2.0"))
            })
            .but_not("the number 2", "claim", |call| {
                call.token(|token| token.claim("ver", 2))
            })
            .but_not("version 2", "claim", claim("ver", "2"))
            .but_not("version 3.0", "claim", claim("ver", "3.0"))
            .but_not("version 2.0 and a space", "claim", claim("ver", "2.0 "))
            .but_not("no version at all", "claim", claim("ver", ""))],
    );
}

#[test]
fn id_tokens_and_bound_tokens_are_no_access_tokens() {
    let with = |name: &'static str, value: serde_json::Value| {
        move |call: Call| call.token(|token| token.claim(name, value.clone()))
    };
    let id_token = |call: Call| {
        call.token(|token| {
            let token = token.without("azp").without("azpacr").without("scp");
            token
                .claim("nonce", "678910")
                .claim("roles", json!(["Orders.Read.All"]))
        })
    };
    check(
        two_tenants(),
        &[accepting("an access token for its bearer", good)
            .but_not(
                "for the holder of a key",
                "bound_token",
                with("cnf", json!({"jkt": "0ZcOCORZNYy"})),
            )
            .but_not(
                "for the holder of a certificate",
                "bound_token",
                with(
                    "cnf",
                    json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
                ),
            )
            .but_not(
                "for the holder of nothing",
                "bound_token",
                with("cnf", json!(null)),
            )
            .but_not("an ID token", "id_token", id_token)
            .but_not("with a nonce", "id_token", with("nonce", json!("678910")))
            .but_not("with an empty nonce", "id_token", with("nonce", json!("")))
            .but_not(
                "with a nonce that is null",
                "id_token",
                with("nonce", json!(null)),
            )
            .but_not(
                "with the hash of another token",
                "id_token",
                with("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
            )
            .but_not(
                "with the hash of a code",
                "id_token",
                with("c_hash", json!("LDktKdoQak3Pk0cnXxCltA")),
            )],
    );
}

#[test]
fn a_token_names_the_application_that_it_was_given_to() {
    check(
        two_tenants(),
        &[accepting("an application", good)
            .but_not("an empty one", "claim", claim("azp", ""))
            .but_not("one in the claim of v1", "claim", |call| {
                call.token(|token| token.without("azp").claim("appid", CLIENT))
            })],
    );
}
