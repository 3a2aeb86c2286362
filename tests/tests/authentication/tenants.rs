//! v1 tokens where they are asked for, and apps that are open to every organisation.

use stockade_tests::tenant::Version;

use super::call::Call;
use super::change::{claim, head};
use super::table::{accepting, check};
use super::world::{
    APP_ID_URI, AUDIENCE, CLIENT, CONSUMERS, KEY, OURS, STRANGER, STRANGERS, any_tenant, of,
    sisters_token, strangers_token, tenant, token, v1_token, with_v1,
};

fn v1() -> Call {
    Call::with(with_v1, v1_token())
}

fn v2() -> Call {
    Call::with(with_v1, token())
}

#[test]
fn a_token_has_the_form_of_its_version_throughout() {
    let issuer = |version: Version| {
        move |call: Call| call.token(|token| token.claim("iss", tenant().issuer(version, OURS)))
    };
    let china = format!("https://sts.chinacloudapi.cn/{OURS}/");
    let sts = tenant().issuer(Version::V1, OURS);
    check(
        with_v1(),
        &[
            accepting("a v1 token", v1)
                .but_not("with the issuer of v2", "issuer", issuer(Version::V2))
                .but_not(
                    "with an issuer without its slash",
                    "issuer",
                    claim("iss", sts.trim_end_matches('/').to_owned()),
                )
                .but_not(
                    "with an issuer and a version",
                    "issuer",
                    claim("iss", format!("{sts}v2.0")),
                )
                .but_not("with the issuer of China", "issuer", claim("iss", china))
                .but_not(
                    "with the issuer of another tenant",
                    "issuer",
                    claim("iss", sts.replace(OURS, STRANGER)),
                )
                .but_not(
                    "with http",
                    "issuer",
                    claim("iss", sts.replace("https", "http")),
                )
                .but_not("with the version of v2", "claim", claim("ver", "2.0"))
                .but_not("with the client claim of v2", "claim", |call| {
                    call.token(|token| token.without("appid").claim("azp", CLIENT))
                })
                .but_not("with an empty client", "claim", claim("appid", ""))
                .but_not(
                    "with a key of the v2 document",
                    "unknown_key",
                    head("kid", "ours"),
                )
                .but_not("for another app", "audience", claim("aud", STRANGER))
                .but_not("without a client", "claim", |call| {
                    call.token(|token| token.without("appid"))
                }),
            accepting("a v2 token beside it", v2)
                .but_not("with the issuer of v1", "issuer", issuer(Version::V1))
                .but_not("with the version of v1", "claim", claim("ver", "1.0"))
                .but_not("with the client claim of v1", "claim", |call| {
                    call.token(|token| token.without("azp").claim("appid", CLIENT))
                })
                .but_not(
                    "with a key of the v1 document",
                    "unknown_key",
                    head("kid", "ours-v1"),
                ),
        ],
    );
}

#[test]
fn an_audience_is_listed_to_the_letter() {
    let for_uri = || claim("aud", APP_ID_URI)(v1());
    check(
        with_v1(),
        &[
            accepting("the App ID URI", for_uri)
                .but_not(
                    "with a slash",
                    "audience",
                    claim("aud", format!("{APP_ID_URI}/")),
                )
                .but_not(
                    "in upper case",
                    "audience",
                    claim("aud", APP_ID_URI.to_uppercase()),
                )
                .but_not(
                    "with a scope after it",
                    "audience",
                    claim("aud", format!("{APP_ID_URI}/.default")),
                )
                .but_not(
                    "both in one",
                    "audience",
                    claim("aud", format!("{AUDIENCE},{APP_ID_URI}")),
                ),
            accepting("the client id", v1),
        ],
    );
}

#[test]
fn only_a_listed_application_calls() {
    check(
        with_v1(),
        &[
            accepting("a listed application", v2)
                .but_not("another", "client", claim("azp", STRANGER))
                .but_not(
                    "it in upper case",
                    "client",
                    claim("azp", CLIENT.to_uppercase()),
                )
                .but_not(
                    "it and a space",
                    "client",
                    claim("azp", format!("{CLIENT} ")),
                )
                .but_not("another, with it in the claim of v1", "client", |call| {
                    call.token(|token| token.claim("azp", STRANGER).claim("appid", CLIENT))
                }),
            accepting("a listed application with a v1 token", v1)
                .but_not("another", "client", claim("appid", STRANGER))
                .but_not("another, with it in the claim of v2", "client", |call| {
                    call.token(|token| token.claim("appid", STRANGER).claim("azp", CLIENT))
                }),
        ],
    );
}

#[test]
fn any_tenant_is_every_organisation_with_its_own_keys_and_no_personal_account() {
    let consumers = || of(strangers_token(), CONSUMERS);
    let nowhere = "3e8d51c7-92f0-4ab6-8c14-7d05b9e26fa3";
    check(
        any_tenant(),
        &[
            accepting("a tenant of its own accord", || {
                Call::with(any_tenant, strangers_token())
            })
            .but_not("the tenant of personal accounts", "tenant", move |_| {
                Call::with(any_tenant, consumers())
            })
            .but_not("a tenant that does not exist", "unknown_key", move |call| {
                call.token(|token| of(token, nowhere))
            })
            .but_not("another tenant's key", "signature", |call| {
                call.token(|token| token.signed_with(&KEY))
            })
            .but_not("another tenant's key by its name", "unknown_key", |call| {
                call.token(|token| token.head("kid", "ours").signed_with(&KEY))
            })
            .but_not(
                "its key for another tenant's token",
                "unknown_key",
                |call| call.token(|token| of(token, OURS)),
            )
            .but_not("another tenant's issuer", "issuer", |call| {
                call.token(|token| token.claim("iss", tenant().issuer(Version::V2, OURS)))
            })
            .but_not("common as its issuer", "issuer", |call| {
                let issuer = tenant().issuer(Version::V2, "common");
                call.token(|token| token.claim("iss", issuer))
            })
            .but_not("the template as its issuer", "issuer", |call| {
                let issuer = tenant().issuer(Version::V2, "{tenantid}");
                call.token(|token| token.claim("iss", issuer))
            })
            .but_not("the template as its tenant", "claim", |call| {
                call.token(|token| of(token, "{tenantid}"))
            })
            .but_not("another app's token", "audience", |call| {
                call.token(|token| token.claim("aud", CLIENT))
            }),
            accepting("another tenant", || Call::with(any_tenant, token())).but_not(
                "the first one's key",
                "signature",
                |call| call.token(|token| token.signed_with(&STRANGERS)),
            ),
            accepting("a third tenant", || Call::with(any_tenant, sisters_token())),
        ],
    );
}
