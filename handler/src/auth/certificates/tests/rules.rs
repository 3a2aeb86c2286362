//! What a trusted certificate has to be: within its dates, for clients, and strong.

use std::time::Duration;

use rcgen::{
    CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber, date_time_ymd,
};

use super::super::super::testing::SigningKey;
use super::super::testing::{PublicKey, client, issued, root};
use super::{Harness, both_outcomes, with};

#[test]
fn one_change_to_a_good_certificate_is_refused_by_its_own_rule() {
    let critical = |oid: &[u64]| {
        let mut extension = CustomExtension::from_oid_content(oid, vec![5, 0]);
        extension.set_criticality(true);
        extension
    };
    let cases = [
        ("nothing", client(), "accepted"),
        (
            "expired",
            with(|it| it.not_after = date_time_ymd(2025, 12, 31)),
            "certificate_expired",
        ),
        (
            "not yet valid",
            with(|it| it.not_before = date_time_ymd(2026, 1, 2)),
            "certificate_not_yet_valid",
        ),
        (
            "for servers",
            with(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            "certificate_purpose",
        ),
        (
            "for servers and clients",
            with(|it| {
                it.extended_key_usages
                    .insert(0, ExtendedKeyUsagePurpose::ServerAuth);
            }),
            "accepted",
        ),
        (
            "for anything",
            with(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            "accepted",
        ),
        (
            "without a purpose",
            with(|it| it.extended_key_usages.clear()),
            "accepted",
        ),
        (
            "for encryption only",
            with(|it| it.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            "certificate_purpose",
        ),
        (
            "without a usage",
            with(|it| it.key_usages.clear()),
            "accepted",
        ),
        (
            "a critical extension that nobody knows",
            with(|it| it.custom_extensions = vec![critical(&[1, 3, 6, 1, 4, 1, 99_999])]),
            "certificate_malformed",
        ),
        (
            "until the year 9999, as a GeneralizedTime",
            with(|it| it.not_after = date_time_ymd(9999, 12, 31)),
            "accepted",
        ),
        (
            "since 1970",
            with(|it| it.not_before = date_time_ymd(1970, 1, 1)),
            "accepted",
        ),
        (
            "since before 1970",
            with(|it| it.not_before = date_time_ymd(1969, 12, 31)),
            "certificate_malformed",
        ),
        (
            "a serial of 20 bytes",
            with(|it| it.serial_number = Some(SerialNumber::from_slice(&[0x7f; 20]))),
            "accepted",
        ),
        (
            "a serial of 200 bytes",
            with(|it| it.serial_number = Some(SerialNumber::from_slice(&[0x7f; 200]))),
            "certificate_malformed",
        ),
        (
            "many names",
            with(|it| {
                let name = |number| format!("n{number}.example.com").try_into().expect("a name");
                it.subject_alt_names = (0..500).map(|it| SanType::DnsName(name(it))).collect();
            }),
            "accepted",
        ),
        (
            "more names than a header holds",
            with(|it| {
                let name = |number| format!("n{number}.example.com").try_into().expect("a name");
                it.subject_alt_names = (0..900).map(|it| SanType::DnsName(name(it))).collect();
            }),
            "certificate_malformed",
        ),
    ];
    for (name, params, rule) in cases {
        assert_eq!(both_outcomes(&params), [rule; 2], "{name}");
    }
}

#[test]
fn an_authoritys_own_certificate_is_no_clients() {
    let issuer = root("Root");
    let params = with(|it| it.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained));

    let outcome = Harness::trusting(&[&issuer]).outcome(issued(&params, &issuer).der());
    assert_eq!(outcome, "certificate_purpose");

    let params = with(|it| it.is_ca = IsCa::ExplicitNoCa);
    let outcome = Harness::trusting(&[&issuer]).outcome(issued(&params, &issuer).der());
    assert_eq!(outcome, "accepted");
}

#[test]
fn the_first_and_the_last_second_count_and_remembering_changes_nothing() {
    let second = Duration::from_secs(1);
    let issuer = root("Root");
    let certificate = issued(
        &with(|it| {
            it.not_before = date_time_ymd(2026, 1, 1) + second;
            it.not_after = date_time_ymd(2026, 1, 1) + 3 * second;
        }),
        &issuer,
    );
    let pinning = || Harness::pinning(certificate.der());
    let trusting = || Harness::trusting(&[&issuer]);
    let (pinning_before, trusting_before) = (pinning(), trusting());
    for (seconds, rule) in (0..).zip([
        "certificate_not_yet_valid",
        "accepted",
        "accepted",
        "accepted",
        "certificate_expired",
    ]) {
        let harnesses = [pinning(), trusting()];
        for fresh in &harnesses {
            fresh.clock.advance(seconds * second);
        }
        let remembering = [&pinning_before, &trusting_before];
        for harness in harnesses.iter().chain(remembering) {
            let outcome = harness.outcome(certificate.der());
            assert_eq!(outcome, rule, "after {seconds} seconds");
        }
        for harness in remembering {
            harness.clock.advance(second);
        }
    }
}

#[test]
fn keys_of_todays_kinds_are_accepted_and_small_rsa_keys_are_not() {
    let issuer = root("Root");
    let harness = Harness::trusting(&[&issuer]);
    let outcome = |key: &dyn Fn() -> rcgen::Certificate| harness.outcome(key().der());

    for kind in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let key = KeyPair::generate_for(kind).expect("a key");
        let signed = || client().signed_by(&key, &issuer).expect("a certificate");
        assert_eq!(outcome(&signed), "accepted", "{kind:?}");
        let alone = client().self_signed(&key).expect("a certificate");
        let pinned = Harness::pinning(alone.der()).outcome(alone.der());
        assert_eq!(pinned, "accepted", "{kind:?}");
    }

    let modulus = SigningKey::first().modulus().to_vec();
    for (modulus, exponent, rule) in [
        (&modulus[..], &[1, 0, 1][..], "accepted"),
        (&modulus[..255], &[1, 0, 1], "certificate_algorithm"),
        (&modulus[..128], &[1, 0, 1], "certificate_algorithm"),
        (&modulus[..], &[3], "certificate_algorithm"),
    ] {
        let key = PublicKey::rsa(modulus, exponent);
        let signed = || client().signed_by(&key, &issuer).expect("a certificate");
        assert_eq!(outcome(&signed), rule, "{} bytes", modulus.len());
    }

    let off_the_curve = PublicKey(
        [&[4][..], &[7; 64]].concat(),
        &rcgen::PKCS_ECDSA_P256_SHA256,
    );
    let signed = || {
        client()
            .signed_by(&off_the_curve, &issuer)
            .expect("a certificate")
    };
    assert_eq!(outcome(&signed), "certificate_algorithm");
}

#[test]
fn a_signature_over_sha_1_is_not_accepted_even_if_it_is_pinned() {
    // sha256WithRSAEncryption, and sha1WithRSAEncryption (RFC 8017 §A.2.4).
    const SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    const SHA_1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
    let certificate = client().self_signed(&key).expect("a certificate");
    let mut der = certificate.der().to_vec();
    assert_eq!(Harness::pinning(&der).outcome(&der), "accepted");

    let mut replaced = 0;
    for at in 0..der.len() - SHA_256.len() {
        if der[at..].starts_with(SHA_256) {
            der[at..at + SHA_1.len()].copy_from_slice(SHA_1);
            replaced += 1;
        }
    }

    assert_eq!(replaced, 2);
    assert_eq!(
        Harness::pinning(&der).outcome(&der),
        "certificate_algorithm"
    );
}
