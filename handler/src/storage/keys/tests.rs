use std::time::{Duration, UNIX_EPOCH};

use azure_core::http::StatusCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::testing::{Account, Reply};
use super::testing::{BEGIN, parts};
use super::*;

#[test]
fn a_key_has_every_part_that_the_service_promises() {
    assert!(DelegationKey::new(&parts()).is_ok());
    let upper = DelegationKeyParts {
        signed_oid: "ABCDEFAB-2222-3333-4444-555555555555".to_owned(),
        ..parts()
    };
    assert!(DelegationKey::new(&upper).is_ok());
    for (what, wrong) in [
        (
            "an identity",
            DelegationKeyParts {
                signed_oid: String::new(),
                ..parts()
            },
        ),
        (
            "a tenant",
            DelegationKeyParts {
                signed_tid: "common\nb".to_owned(),
                ..parts()
            },
        ),
        (
            "blobs",
            DelegationKeyParts {
                signed_service: "q".to_owned(),
                ..parts()
            },
        ),
        (
            "a version",
            DelegationKeyParts {
                signed_version: "2025-11-0\n".to_owned(),
                ..parts()
            },
        ),
        (
            "a value",
            DelegationKeyParts {
                value: Zeroizing::new(vec![7; 31]),
                ..parts()
            },
        ),
    ] {
        let made = DelegationKey::new(&wrong);
        assert!(matches!(made, Err(StorageError::Malformed(_))), "{what}");
    }
}

#[test]
fn a_key_is_not_shown() {
    let parts = parts();
    let key = DelegationKey::new(&parts).expect("a key");

    let shown = format!("{key:?} {parts:?}");

    assert!(shown.contains("expiry"));
    assert!(!shown.contains(&format!("{:?}", parts.value)));
    assert!(!shown.contains("1111") && !shown.contains("key:") && !shown.contains("value"));
    assert_eq!(
        key.expiry() - Duration::from_secs(24 * 3600),
        parts.signed_start
    );
}

/// What the account answers (Microsoft Learn, "Get User Delegation Key").
fn answer(value: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>\
         <SignedOid>11111111-2222-3333-4444-555555555555</SignedOid>\
         <SignedTid>66666666-7777-8888-9999-aaaaaaaaaaaa</SignedTid>\
         <SignedStart>2026-01-02T03:00:00Z</SignedStart>\
         <SignedExpiry>2026-01-03T03:00:00Z</SignedExpiry>\
         <SignedService>b</SignedService><SignedVersion>2022-11-02</SignedVersion>\
         <Value>{value}</Value></UserDelegationKey>"
    )
}

async fn fetch(
    reply: impl Fn() -> Reply + Send + 'static,
) -> (Arc<Account>, Result<DelegationKey, StorageError>) {
    let (account, opened) = Account::answering(reply);
    let keys = AccountKeys(opened.service());
    let start = UNIX_EPOCH + BEGIN;
    let key = keys
        .fetch(start, start + Duration::from_secs(24 * 3600))
        .await;
    (account, key)
}

#[tokio::test]
async fn a_key_is_asked_for_by_the_identity_with_its_times() {
    let value = STANDARD.encode(&*parts().value);

    let (account, key) = fetch(move || Reply::whole(answer(&value))).await;

    let (key, same) = (
        key.expect("a key"),
        DelegationKey::new(&parts()).expect("a key"),
    );
    assert_eq!(key.sign("a text").as_ref(), same.sign("a text").as_ref());
    assert_eq!((key.start, key.expiry), (same.start, same.expiry));
    assert_eq!(key.version, "2022-11-02");
    let asked = &account.asked()[0];
    assert_eq!(
        asked.line,
        "POST https://orders1.blob.core.windows.net/?comp=userdelegationkey&restype=service"
    );
    assert_eq!(asked.header("authorization"), "Bearer of-the-identity");
    assert_eq!(asked.header("x-ms-version"), "2022-11-02");
    for time in [
        "<Start>2026-01-02T03:00:00Z<",
        "<Expiry>2026-01-03T03:00:00Z<",
    ] {
        assert!(asked.body.contains(time), "{}", asked.body);
    }
}

#[tokio::test]
async fn what_is_no_key_is_told_apart_and_never_shown() {
    for (what, reply) in [
        ("no XML", "{\"secret\": 1}".to_owned()),
        ("nothing", String::new()),
        (
            "another document",
            "<Error><Code>secret</Code></Error>".to_owned(),
        ),
        ("no base64", answer("secret!")),
        ("too short a key", answer("c2VjcmV0")),
    ] {
        let (_, key) = fetch(move || Reply::whole(reply.clone())).await;

        let error = key.expect_err(what);
        assert!(
            matches!(error, StorageError::Malformed(_)),
            "{what}: {error:?}"
        );
        assert!(
            !format!("{error} {error:?}").contains("secret"),
            "{what}: {error:?}"
        );
    }
}

#[tokio::test]
async fn the_role_that_is_missing_is_named() {
    let (_, key) = fetch(|| Reply::Status(StatusCode::Forbidden)).await;

    let error = key.expect_err("it is forbidden").to_string();

    assert!(error.contains("Storage Blob Delegator"), "{error}");
}
