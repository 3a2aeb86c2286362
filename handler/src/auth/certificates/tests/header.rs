//! What the header may hold, and what a refusal shows of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SanType, date_time_ymd};

use super::super::super::Challenges;
use super::super::ClientCertificateHeader;
use super::super::testing::{client, issued, root, self_signed};
use super::{Harness, with};

#[test]
fn what_is_not_one_certificate_is_refused_as_malformed() {
    let issuer = root("Root");
    let harness = Harness::trusting(&[&issuer]);
    let der = issued(&client(), &issuer).der().to_vec();
    let bare = STANDARD.encode(&der);

    for value in [
        String::new(),
        "not base64".to_owned(),
        bare[4..].to_owned(),
        format!("{bare},{bare}"),
        bare.replace('=', "%3D") + "%0A",
        STANDARD.encode(&der[..der.len() - 1]),
        STANDARD.encode([&der[..], &[0]].concat()),
        STANDARD.encode([&der[..], &der[..]].concat()),
        STANDARD.encode(issuer.key().public_key_raw()),
        STANDARD.encode([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        STANDARD.encode([0x30; 12_000]),
    ] {
        assert_eq!(
            harness.outcome_of(&value),
            "certificate_malformed",
            "{value:.40}"
        );
    }

    let armoured = format!("-----BEGIN CERTIFICATE-----{bare}-----END CERTIFICATE-----");
    assert_eq!(harness.outcome_of(&bare), "accepted");
    assert_eq!(harness.outcome_of(&armoured), "accepted");
}

#[test]
fn no_header_and_two_headers_are_refused() {
    let certificate = self_signed(&client());
    let harness = Harness::pinning(certificate.der());
    let value = STANDARD.encode(certificate.der());
    let rule = |times| {
        let mut headers = HeaderMap::new();
        for _ in 0..times {
            headers.append("x-arr-clientcert", value.parse().expect("a value"));
        }
        let header = ClientCertificateHeader::of(&headers);
        let outcome = harness.certificates.require(header.as_ref());
        outcome.map_or_else(|denial| denial.rule(), |()| "accepted")
    };

    assert_eq!(rule(0), "certificate_missing");
    assert_eq!(rule(1), "accepted");
    assert_eq!(rule(2), "certificate_malformed");
}

#[test]
fn a_refusal_is_forbidden_without_a_challenge_and_shows_nothing_of_the_certificate() {
    let issuer = root("Secret Root");
    let harness = Harness::trusting(&[&root("Listed")]);
    let secret = |change: fn(&mut CertificateParams)| {
        let params = with(|it| {
            it.distinguished_name
                .push(rcgen::DnType::OrganizationName, "Secret Org");
            it.subject_alt_names = vec![SanType::DnsName(
                "secret.example".try_into().expect("a name"),
            )];
            change(it);
        });
        STANDARD.encode(issued(&params, &issuer).der())
    };

    for value in [
        secret(|_| ()),
        secret(|it| it.not_after = date_time_ymd(2025, 12, 31)),
        secret(|it| it.not_before = date_time_ymd(2026, 1, 2)),
        secret(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        secret(|it| it.not_before = date_time_ymd(1960, 1, 1)),
        "secret".to_owned(),
    ] {
        let denial = harness.require(&value).expect_err("a denial");

        let text = format!("{denial} {denial:?}").to_lowercase();
        assert!(!text.contains("secret"), "{text}");
        let refusal = Challenges::default().refuse(denial);
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        assert!(refusal.www_authenticate().is_none());
        assert_eq!(refusal.denial().retry_after(), None);
    }
}

proptest! {
    /// One byte changed, put in or taken out.
    #[test]
    fn no_mutation_of_a_good_certificate_is_accepted_or_panics(
        at in 0..2000usize,
        byte in any::<u8>(),
        kind in 0..4u8,
    ) {
        static GOOD: std::sync::LazyLock<(Harness, Vec<u8>)> = std::sync::LazyLock::new(|| {
            let issuer = root("Root");
            let der = issued(&client(), &issuer).der().to_vec();
            (Harness::trusting(&[&issuer]), der)
        });
        let (harness, good) = &*GOOD;
        prop_assert_eq!(harness.outcome(good), "accepted");
        let at = at % good.len();
        let mut der = good.clone();
        match kind {
            0 => der[at] ^= byte.max(1),
            1 => der.insert(at, byte),
            2 => { der.remove(at); }
            _ => der.truncate(at),
        }
        if der != *good {
            prop_assert_ne!(harness.outcome(&der), "accepted");
        }
    }

    #[test]
    fn no_bytes_panic(der in proptest::collection::vec(any::<u8>(), 0..400)) {
        let harness = Harness::pinning(b"nothing");
        prop_assert_ne!(harness.outcome(&der), "accepted");
    }
}
