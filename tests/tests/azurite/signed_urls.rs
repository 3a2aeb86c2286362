//! What a signed URL is good for, and what it is not.

use std::net::Ipv4Addr;
use std::time::Duration;

use reqwest::{Method, Url};
use stockade::storage::{IpRange, SasRequest};

use super::emulator::{Clock, Emulator};
use super::{CREATE, READ, WRITE, all, blob};

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_url_allows_what_it_says_and_nothing_else() {
    let emulator = Emulator::start(Clock::Right);
    let issuer = emulator.account().sas_issuer(all("box"));
    emulator.put("box/there", b"before").await;

    for (permissions, reads, creates, overwrites) in [
        (READ, true, false, false),
        (CREATE, false, true, false),
        (WRITE, false, true, true),
        (CREATE | WRITE, false, true, true),
        (READ | WRITE, true, true, true),
    ] {
        let there = issuer
            .blob(&blob("there"), permissions)
            .await
            .expect("a URL");
        let name = format!("new-{permissions}");
        let new = issuer.blob(&blob(&name), permissions).await.expect("a URL");

        let refused = (403, "AuthorizationPermissionMismatch".to_owned());
        let or = |allowed: bool, status: u16| match allowed {
            true => (status, String::new()),
            false => refused.clone(),
        };
        let there = there.expose_secret();
        assert_eq!(
            emulator.get(there).await,
            or(reads, 200),
            "{permissions}: read"
        );
        assert_eq!(
            emulator.upload(new.expose_secret()).await,
            or(creates, 201),
            "{permissions}: create"
        );
        assert_eq!(
            emulator.upload(there).await,
            or(overwrites, 201),
            "{permissions}: write"
        );
        let deleted = emulator.send(Method::DELETE, there).await;
        assert_eq!(deleted, refused, "{permissions}: delete");
    }
}

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_url_with_anything_changed_is_refused() {
    let emulator = Emulator::start(Clock::Right);
    let issuer = emulator.account().sas_issuer(all("box"));
    emulator.put("box/there", b"content").await;
    let name = blob("there");
    let office = IpRange::from(Ipv4Addr::new(203, 0, 113, 7));
    let request = SasRequest::blob(&name, READ).from(office);
    let url = issuer.issue(&request).await.expect("a URL");
    let url: Url = url.expose_secret().parse().expect("an address");
    assert_eq!(emulator.get(url.as_str()).await.0, 200);

    let names: Vec<_> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names.len(), 14);
    for changed in &names {
        // Others that are as well formed as those that are signed.
        let other = match changed.as_str() {
            "sv" => "2023-01-03",
            "sr" => "c",
            "sp" => "rw",
            "st" | "skt" => "2026-01-01T00:00:00Z",
            "se" | "ske" => "2099-01-01T00:00:00Z",
            "spr" => "https,http",
            "sip" => "0.0.0.0-255.255.255.255",
            "skoid" | "sktid" => "99999999-2222-3333-4444-555555555555",
            "sks" => "q",
            "skv" => "2022-11-02",
            "sig" => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            other => panic!("{other} is new: how is it changed?"),
        };
        let with = |value: Option<&str>| {
            let pairs = url.query_pairs().filter_map(|(name, old)| {
                let new = if name == *changed { value } else { Some(&*old) };
                new.map(|new| (name.into_owned(), new.to_owned()))
            });
            let pairs: Vec<_> = pairs.collect();
            let mut with = url.clone();
            with.query_pairs_mut().clear().extend_pairs(pairs);
            with
        };
        for url in [with(Some(other)), with(None)] {
            let (status, _) = emulator.get(url.as_str()).await;
            assert!((400..500).contains(&status), "{changed}: {status}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_url_of_a_blob_is_good_for_no_other() {
    let emulator = Emulator::start(Clock::Right);
    let issuer = emulator.account().sas_issuer(all("box"));
    for path in ["box/a", "box/b", "box/a/b", "other/a"] {
        emulator.put(path, b"content").await;
    }
    let url = issuer.blob(&blob("a"), READ).await.expect("a URL");
    let whole = issuer
        .issue(&SasRequest::container(READ))
        .await
        .expect("a URL");

    for (path, by_blob, by_container) in [
        ("box/a", 200, 200),
        ("box/b", 403, 200),
        ("box/a/b", 403, 200),
        ("other/a", 403, 403),
    ] {
        let at = |url: &str| {
            let mut url: Url = url.parse().expect("an address");
            url.set_path(path);
            url
        };
        let got = emulator.get(at(url.expose_secret()).as_str()).await;
        assert_eq!(got.0, by_blob, "{path} by the URL of a blob");
        let got = emulator.get(at(whole.expose_secret()).as_str()).await;
        assert_eq!(got.0, by_container, "{path} by the URL of its container");
    }
}

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_url_counts_from_some_minutes_ago_to_its_end() {
    let name = blob("there");
    let life = |minutes: u64| SasRequest::blob(&name, READ).life(Duration::from_secs(60 * minutes));
    for (clock, minutes, status) in [
        (Clock::Ahead(14), 15, 200),
        (Clock::Ahead(16), 15, 403),
        (Clock::Ahead(16), 20, 200),
        (Clock::Behind(4), 15, 200),
        (Clock::Behind(6), 15, 403),
    ] {
        let emulator = Emulator::start(clock);
        emulator.put("box/there", b"content").await;
        let issuer = emulator.account().sas_issuer(all("box"));

        let url = issuer.issue(&life(minutes)).await.expect("a URL");

        let (found, code) = emulator.get(url.expose_secret()).await;
        assert_eq!(found, status, "{clock:?}, {minutes} minutes");
        if status == 403 {
            assert_eq!(code, "AuthorizationFailure", "{clock:?}, {minutes} minutes");
        }
    }
}

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn without_tls_a_url_is_refused() {
    let emulator = Emulator::start(Clock::Right);
    let plain = emulator.beside_without_tls();
    emulator.put("box/there", b"content").await;
    let issuer = emulator.account().sas_issuer(all("box"));
    let url = issuer.blob(&blob("there"), READ).await.expect("a URL");

    let with_tls = emulator.get(url.expose_secret()).await;
    let without = plain.get(&plain.at_this(url.expose_secret())).await;

    assert_eq!(with_tls.0, 200);
    assert_eq!(without, (403, "AuthorizationProtocolMismatch".to_owned()));
}
