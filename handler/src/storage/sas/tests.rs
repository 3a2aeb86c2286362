use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use reqwest::Url;

use super::super::failure::StorageError;
use super::super::keys::testing::{BEGIN, parts};
use super::super::keys::{DelegationKey, DelegationKeyParts};
use super::testing::settings;
use super::*;

/// What Microsoft's own library signs for the same inputs: `azure-storage-blob` 12.17.0 for Python,
/// `BlobSharedAccessSignature` with its version set to ours. The HMACs are in hexadecimal.
fn vectors() -> [Vector; 4] {
    [
        Vector {
            name: "a blob to be written",
            container: "uploads",
            blob: Some("7c1e/report.pdf"),
            permissions: Permissions::CREATE | Permissions::WRITE,
            minutes: 15,
            range: None,
            mac: "ef552e775ce6d1c46e79173b728747d5c879cc45cee2931a764fd4e2049eddb7",
        },
        Vector {
            name: "a blob to be read from one address",
            container: "order-documents-2",
            blob: Some("a"),
            permissions: Permissions::READ,
            minutes: 1,
            range: Some(("203.0.113.7", "203.0.113.7")),
            mac: "e2bd9f7b461a1899a15ce630d9673b4645dc150ef4183e0583cc871b436ba093",
        },
        Vector {
            name: "a blob with characters to be escaped, from a range",
            container: "uploads",
            blob: Some("a b/ü+%2F?#&=~.txt"),
            permissions: Permissions::READ | Permissions::CREATE | Permissions::WRITE,
            minutes: 60,
            range: Some(("203.0.113.5", "203.0.113.9")),
            mac: "230cfbbc1e41ed790c5176c43811037b08d3dbfab66f7739f9a0c310bcaa3d6d",
        },
        Vector {
            name: "a container",
            container: "uploads",
            blob: None,
            permissions: Permissions::READ,
            minutes: 60,
            range: None,
            mac: "e048a8afe0f372c71e2e7602d5bc652d6eea190f146ee4547892d62b5d2f0976",
        },
    ]
}

struct Vector {
    name: &'static str,
    container: &'static str,
    blob: Option<&'static str>,
    permissions: Permissions,
    minutes: u64,
    range: Option<(&'static str, &'static str)>,
    mac: &'static str,
}

fn container(name: &str) -> ContainerName {
    ContainerName::new(name).expect("a name")
}

fn blob(name: &str) -> BlobName {
    BlobName::new(name).expect("a name")
}

fn range(first: &str, last: &str) -> IpRange {
    let address = |text: &str| text.parse::<Ipv4Addr>().expect("an address");
    IpRange::new(address(first), address(last)).expect("a range")
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Keys that count for a day from now on, or none.
struct Keys(bool);

impl DelegationKeys for Keys {
    fn fetch(
        &self,
        start: SystemTime,
        expiry: SystemTime,
    ) -> BoxFuture<'_, Result<DelegationKey, StorageError>> {
        let key = match self.0 {
            true => DelegationKey::new(&DelegationKeyParts {
                signed_start: start,
                signed_expiry: expiry,
                ..parts()
            }),
            false => Err(StorageError::Unreachable),
        };
        Box::pin(async { key })
    }
}

fn issuer(caps: SasCaps) -> SasIssuer {
    SasIssuer::new(&settings(&[]), Arc::new(Keys(true)), caps)
}

fn uploads() -> SasCaps {
    SasCaps::new(
        container("uploads"),
        Permissions::CREATE | Permissions::WRITE,
    )
}

/// What a URL says, by name.
fn query(url: &SasUrl) -> BTreeMap<String, String> {
    let url: Url = url.expose_secret().parse().expect("an address");
    url.query_pairs().into_owned().collect()
}

/// For how long a URL is good from now on, to the second.
fn left(url: &SasUrl) -> Duration {
    let left = url.expires().duration_since(SystemTime::now());
    left.expect("it has not ended")
}

#[test]
fn what_is_signed_is_what_microsofts_library_signs() {
    let (settings, key) = (settings(&[]), DelegationKey::new(&parts()).expect("a key"));
    for vector in vectors() {
        let (container, blob) = (container(vector.container), vector.blob.map(blob));
        let grant = Grant {
            container: &container,
            blob: blob.as_ref(),
            permissions: vector.permissions,
            life: minutes(vector.minutes),
            range: vector.range.map(|(first, last)| range(first, last)),
        };
        let now = UNIX_EPOCH + BEGIN + minutes(60);
        let fields = Fields::new(grant, &key, now).expect("time is left");

        let mac = key.sign(&fields.string_to_sign(&settings.account, &key));

        let mac: String = mac
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(mac, vector.mac, "{}", vector.name);
        let url = fields.sign(&settings.account, &key);
        let signature = STANDARD.decode(&query(&url)["sig"]).expect("base64");
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(signature, vector.mac, "{}", vector.name);
    }
}

#[test]
fn a_url_says_in_its_query_what_was_signed() {
    let (settings, key) = (settings(&[]), DelegationKey::new(&parts()).expect("a key"));
    let (container, blob) = (container("uploads"), blob("a b/ü?.txt"));
    let grant = Grant {
        container: &container,
        blob: Some(&blob),
        permissions: Permissions::WRITE | Permissions::CREATE,
        life: minutes(15),
        range: Some(range("203.0.113.5", "203.0.113.9")),
    };
    let now = UNIX_EPOCH + BEGIN + minutes(60) + Duration::from_millis(900);

    let url = Fields::new(grant, &key, now)
        .expect("time is left")
        .sign(&settings.account, &key);

    let (path, _) = url.expose_secret().split_once('?').expect("a query");
    assert_eq!(
        path,
        "https://orders1.blob.core.windows.net/uploads/a%20b/%C3%BC%3F.txt"
    );
    let mut query = query(&url);
    assert!(query.remove("sig").is_some());
    let expected = [
        ("sip", "203.0.113.5-203.0.113.9"),
        ("ske", "2026-01-03T03:00:00Z"),
        ("skoid", "11111111-2222-3333-4444-555555555555"),
        ("sks", "b"),
        ("skt", "2026-01-02T03:00:00Z"),
        ("sktid", "66666666-7777-8888-9999-aaaaaaaaaaaa"),
        ("skv", "2025-11-05"),
        ("se", "2026-01-02T04:15:00Z"),
        ("sp", "cw"),
        ("spr", "https"),
        ("sr", "b"),
        ("st", "2026-01-02T03:55:00Z"),
        ("sv", "2022-11-02"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(query, BTreeMap::from(expected));
    assert_eq!(url.expires_text(), "2026-01-02T04:15:00Z");
}

#[test]
fn a_url_counts_no_longer_than_its_key_and_from_no_sooner() {
    let key = DelegationKey::new(&parts()).expect("a key");
    let container = container("uploads");
    let grant = Grant {
        container: &container,
        blob: None,
        permissions: Permissions::READ,
        life: minutes(30),
        range: None,
    };
    let begin = UNIX_EPOCH + BEGIN;

    let first = Fields::new(grant, &key, begin + minutes(2)).expect("time is left");
    assert_eq!(first.start, key.start);
    assert_eq!(first.expiry, begin + minutes(32));

    let last = Fields::new(grant, &key, key.expiry - minutes(10)).expect("time is left");
    assert_eq!(last.start, key.expiry - minutes(15));
    assert_eq!(last.expiry, key.expiry);

    assert!(Fields::new(grant, &key, key.expiry - Duration::from_secs(58)).is_none());
    assert!(Fields::new(grant, &key, key.expiry + minutes(1)).is_none());
}

#[tokio::test]
async fn a_life_is_the_least_of_what_is_asked_for_and_what_is_allowed() {
    let name = blob("a");
    let upload = SasRequest::blob(&name, Permissions::WRITE);
    let capped = issuer(uploads().live_at_most(minutes(15)));

    for (issuer, asked, given) in [
        (&capped, None, 15),
        (&capped, Some(10), 10),
        (&capped, Some(15), 15),
        (&capped, Some(16), 15),
        (&capped, Some(100_000_000), 15),
        (&issuer(uploads()), None, 60),
        (&issuer(uploads().live_at_most(minutes(90))), Some(90), 60),
        (
            &issuer(uploads().live_at_most(minutes(9)).live_at_most(minutes(20))),
            None,
            9,
        ),
    ] {
        let request = match asked {
            Some(asked) => upload.clone().life(minutes(asked)),
            None => upload.clone(),
        };
        let left = left(&issuer.issue(&request).await.expect("a URL"));
        assert!(left <= minutes(given), "{asked:?}: {left:?}");
        assert!(
            left > minutes(given) - Duration::from_secs(5),
            "{asked:?}: {left:?}"
        );
    }
}

#[tokio::test]
async fn the_setting_shortens_a_life_that_caps_allow_and_lengthens_none() {
    let name = blob("a");
    for (seconds, cap, given) in [("120", 15, 2), ("7200", 15, 15)] {
        let settings = settings(&[("STOCKADE__STORAGE__SAS_MAX_SECONDS", seconds)]);
        let caps = uploads().live_at_most(minutes(cap));
        let issuer = SasIssuer::new(&settings, Arc::new(Keys(true)), caps);

        let left = left(&issuer.blob(&name, Permissions::WRITE).await.expect("a URL"));

        assert!(left <= minutes(given), "{seconds}: {left:?}");
        assert!(
            left > minutes(given) - Duration::from_secs(5),
            "{seconds}: {left:?}"
        );
    }
}

#[tokio::test]
async fn a_url_that_nobody_could_use_is_not_issued() {
    let issuer = issuer(uploads());
    let name = blob("a");
    let request = SasRequest::blob(&name, Permissions::WRITE);

    let minute = issuer.issue(&request.clone().life(minutes(1))).await;
    let less = issuer
        .issue(&request.clone().life(Duration::from_secs(59)))
        .await;
    let nothing = issuer.issue(&request.life(Duration::ZERO)).await;

    assert!(minute.is_ok());
    assert_eq!(less.unwrap_err(), SasError::TooShort);
    assert_eq!(nothing.unwrap_err(), SasError::TooShort);
}

#[tokio::test]
async fn no_more_permissions_than_allowed_are_given_and_no_fewer_than_asked_for() {
    let issuer = issuer(uploads());
    let name = blob("a");

    for (asked, given) in [
        (Permissions::WRITE, Some("w")),
        (Permissions::CREATE, Some("c")),
        (Permissions::WRITE | Permissions::CREATE, Some("cw")),
        (Permissions::READ, None),
        (Permissions::READ | Permissions::WRITE, None),
    ] {
        let url = issuer.blob(&name, asked).await;
        match given {
            Some(given) => assert_eq!(query(&url.expect("a URL"))["sp"], given),
            None => assert_eq!(url.unwrap_err(), SasError::BeyondCaps("permissions")),
        }
    }
}

#[tokio::test]
async fn a_whole_container_is_signed_for_only_where_that_is_allowed() {
    let request = SasRequest::container(Permissions::WRITE);

    let refused = issuer(uploads()).issue(&request).await;
    let allowed = issuer(uploads().allow_whole_container())
        .issue(&request)
        .await;

    assert_eq!(
        refused.unwrap_err(),
        SasError::BeyondCaps("the whole container")
    );
    let allowed = allowed.expect("a URL");
    assert_eq!(query(&allowed)["sr"], "c");
    assert!(
        allowed
            .expose_secret()
            .starts_with("https://orders1.blob.core.windows.net/uploads?")
    );
}

#[tokio::test]
async fn addresses_are_those_asked_for_within_those_allowed() {
    let office = range("203.0.113.0", "203.0.113.15");
    let (open, capped) = (issuer(uploads()), issuer(uploads().only_from(office)));
    let name = blob("a");
    let request = SasRequest::blob(&name, Permissions::WRITE);

    for (issuer, asked, given) in [
        (&open, None, Ok(None)),
        (&open, Some(office), Ok(Some("203.0.113.0-203.0.113.15"))),
        (&capped, None, Ok(Some("203.0.113.0-203.0.113.15"))),
        (
            &capped,
            Some(range("203.0.113.7", "203.0.113.7")),
            Ok(Some("203.0.113.7")),
        ),
        (&capped, Some(range("203.0.113.7", "203.0.113.16")), Err(())),
        (&capped, Some(range("0.0.0.0", "255.255.255.255")), Err(())),
    ] {
        let request = match asked {
            Some(asked) => request.clone().from(asked),
            None => request.clone(),
        };
        let url = issuer.issue(&request).await;
        match given {
            Ok(given) => {
                assert_eq!(
                    query(&url.expect("a URL")).get("sip").map(String::as_str),
                    given
                );
            }
            Err(()) => assert_eq!(url.unwrap_err(), SasError::BeyondCaps("addresses")),
        }
    }
}

#[tokio::test]
async fn every_url_is_for_https_alone() {
    let name = blob("a");

    let url = issuer(uploads())
        .blob(&name, Permissions::WRITE)
        .await
        .expect("a URL");

    assert_eq!(query(&url)["spr"], "https");
    assert!(url.expose_secret().starts_with("https://"));
}

#[tokio::test]
async fn a_url_shows_itself_to_its_one_reader_alone() {
    let issuer = issuer(uploads());
    let name = blob("letters/from-ada");
    let url = issuer.blob(&name, Permissions::WRITE).await.expect("a URL");

    let shown = format!("{url:?} {url:#?} {issuer:?}");

    let signature = &query(&url)["sig"];
    assert!(url.expose_secret().contains("sig="));
    for hidden in ["sig", "https", "letters", "1111", signature.as_str()] {
        assert!(!shown.contains(hidden), "{hidden}: {shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_there_is_no_url() {
    let issuer = SasIssuer::new(&settings(&[]), Arc::new(Keys(false)), uploads());

    let url = issuer.blob(&blob("a"), Permissions::WRITE).await;

    assert_eq!(url.unwrap_err(), SasError::NoKey);
}
