use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType, SerialNumber, date_time_ymd,
};

use super::super::Challenges;
use super::super::testing::{SigningKey, TestClock};
use super::testing::{
    Issuer, PublicKey, authority, client, intermediate, intermediate_of, issued, key, root,
    root_of, self_signed,
};
use super::*;
use crate::settings::Problems;

struct Harness {
    certificates: Certificates,
    clock: Arc<TestClock>,
}

impl Harness {
    /// Accepts certificates with these bytes, and those of the authorities in a PEM text.
    fn new(pinned: &[&[u8]], authorities: Option<&str>) -> Self {
        let pinned: Vec<String> = pinned.iter().map(|der| hex(&sha256(der))).collect();
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut source = BTreeMap::from([
            (
                "STOCKADE__AUTH__CLIENT_CERTIFICATES",
                "app-service".to_owned(),
            ),
            ("WEBSITE_INSTANCE_ID", "an instance".to_owned()),
        ]);
        if !pinned.is_empty() {
            source.insert(
                "STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS",
                pinned.join(","),
            );
        }
        if let Some(authorities) = authorities {
            std::fs::write(file.path(), authorities).expect("the file can be written");
            source.insert(
                "STOCKADE__AUTH__CLIENT_CERTIFICATE_AUTHORITIES",
                file.path().display().to_string(),
            );
        }
        let source: BTreeMap<String, String> = source
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut problems = Problems::new();
        let settings = CertificateSettings::read(&source, &mut problems);
        assert_eq!(problems.to_string(), "");
        let clock = Arc::new(TestClock::new());
        Self {
            certificates: Certificates::new(&settings.expect("settings"), clock.clone()),
            clock,
        }
    }

    fn pinning(certificate: &[u8]) -> Self {
        Self::new(&[certificate], None)
    }

    fn trusting(issuers: &[&Issuer]) -> Self {
        let pem: String = issuers.iter().map(|issuer| issuer.pem()).collect();
        Self::new(&[], Some(&pem))
    }

    fn outcome(&self, der: &[u8]) -> &'static str {
        self.outcome_of(&STANDARD.encode(der))
    }

    /// The rule that a header breaks.
    fn outcome_of(&self, value: &str) -> &'static str {
        self.require(value)
            .map_or_else(|denial| denial.rule(), |()| "accepted")
    }

    fn require(&self, value: &str) -> Result<(), Denial> {
        let mut headers = HeaderMap::new();
        headers.append("x-arr-clientcert", value.parse().expect("a value"));
        let header = ClientCertificateHeader::of(&headers);
        self.certificates.require(header.as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The outcome of a certificate where it is pinned, and where its issuer is listed.
fn both_outcomes(params: &CertificateParams) -> [&'static str; 2] {
    let issuer = root("Root");
    let certificate = issued(params, &issuer);
    [
        Harness::pinning(certificate.der()).outcome(certificate.der()),
        Harness::trusting(&[&issuer]).outcome(certificate.der()),
    ]
}

fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = client();
    change(&mut params);
    params
}

#[test]
fn a_pinned_certificate_is_accepted_whoever_issued_it_and_no_other_is() {
    let issuer = root("Root");
    let pinned = [
        issued(&client(), &issuer),
        self_signed(&client()),
        // What `openssl req -x509` makes.
        self_signed(&with(|params| {
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.key_usages.clear();
            params.extended_key_usages.clear();
        })),
    ];
    let ders: Vec<&[u8]> = pinned.iter().map(|it| it.der().as_ref()).collect();
    let harness = Harness::new(&ders, None);

    for der in &ders {
        assert_eq!(harness.outcome(der), "accepted");
    }
    for other in [issued(&client(), &issuer), self_signed(&client())] {
        assert_eq!(harness.outcome(other.der()), "certificate_untrusted");
    }
}

#[test]
fn a_certificate_of_a_listed_authority_is_accepted_and_one_of_its_namesake_is_not() {
    let listed = root("Root");
    let namesake = root("Root");
    let another = root("Another");
    let harness = Harness::trusting(&[&listed]);

    let outcome = |issuer| harness.outcome(issued(&client(), issuer).der());

    assert_eq!(outcome(&listed), "accepted");
    assert_eq!(outcome(&namesake), "certificate_untrusted");
    assert_eq!(outcome(&another), "certificate_untrusted");
    let alone = harness.outcome(self_signed(&client()).der());
    assert_eq!(alone, "certificate_untrusted");
}

#[test]
fn pinned_or_listed_is_enough_where_both_are_given() {
    let issuer = root("Root");
    let pinned = self_signed(&client());
    let harness = Harness::new(&[pinned.der()], Some(&issuer.pem()));

    assert_eq!(harness.outcome(pinned.der()), "accepted");
    let chained = issued(&client(), &issuer);
    assert_eq!(harness.outcome(chained.der()), "accepted");
    let neither = self_signed(&client());
    assert_eq!(harness.outcome(neither.der()), "certificate_untrusted");
}

#[test]
fn an_intermediate_leads_to_its_root_only_if_it_is_in_the_file() {
    let root = root("Root");
    let first = intermediate("First", &root);
    let second = intermediate("Second", &first);
    let certificate = issued(&client(), &second);

    let listed = Harness::trusting(&[&second, &root, &first]);
    assert_eq!(listed.outcome(certificate.der()), "accepted");

    let without = Harness::trusting(&[&root, &first]);
    assert_eq!(without.outcome(certificate.der()), "certificate_untrusted");
}

#[test]
fn what_an_authority_may_not_issue_is_not_accepted() {
    let root = root("Root");
    let restricted = |change: fn(&mut CertificateParams)| {
        let mut params = authority("Restricted");
        change(&mut params);
        let issuer = intermediate_of(params, &root);
        let harness = Harness::trusting(&[&root, &issuer]);
        harness.outcome(issued(&client(), &issuer).der())
    };

    assert_eq!(restricted(|_| ()), "accepted");
    assert_eq!(
        restricted(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }),
        "accepted"
    );
    assert_eq!(
        restricted(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        "certificate_untrusted"
    );
}

#[test]
fn names_outside_an_authoritys_constraints_are_not_accepted() {
    let mut params = authority("Root");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let issuer = root_of(params);
    let harness = Harness::trusting(&[&issuer]);
    let outcome = |name: &str| {
        let name = name.try_into().expect("a name");
        let params = with(|params| params.subject_alt_names = vec![SanType::DnsName(name)]);
        harness.outcome(issued(&params, &issuer).der())
    };

    assert_eq!(outcome("a.example.com"), "accepted");
    assert_eq!(outcome("a.example.org"), "certificate_untrusted");
}

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
fn a_remembered_certificate_ends_with_the_dates_of_its_authorities() {
    let second = Duration::from_secs(1);
    let short_lived = |name| {
        let mut params = authority(name);
        params.not_after = date_time_ymd(2026, 1, 1) + second;
        params
    };
    let expired_root = root_of(short_lived("Root"));
    let lasting_root = root("Lasting");
    let expired_intermediate = intermediate_of(short_lived("Intermediate"), &lasting_root);
    for (issuer, file) in [
        (&expired_root, vec![&expired_root]),
        (
            &expired_intermediate,
            vec![&lasting_root, &expired_intermediate],
        ),
    ] {
        let harness = Harness::trusting(&file);
        let certificate = issued(&client(), issuer);

        assert_eq!(harness.outcome(certificate.der()), "accepted");
        harness.clock.advance(second);
        assert_eq!(harness.outcome(certificate.der()), "accepted");
        harness.clock.advance(second);
        assert_eq!(harness.outcome(certificate.der()), "certificate_untrusted");
    }
}

#[test]
fn only_accepted_certificates_are_remembered() {
    let issuer = root("Root");
    let harness = Harness::trusting(&[&issuer]);
    let holds = |der: &[u8]| {
        let fingerprint = sha256(STANDARD.encode(der).as_bytes());
        let memory = &harness.certificates.accepted;
        memory.holds(&fingerprint, 0, Duration::ZERO)
    };
    let (good, bad) = (issued(&client(), &issuer), self_signed(&client()));

    harness.outcome(good.der());
    harness.outcome(bad.der());

    assert!(holds(good.der()));
    assert!(!holds(bad.der()));
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

#[test]
fn another_key_under_the_same_names_is_another_certificate() {
    let issuer = root("Root");
    let params = with(|it| it.serial_number = Some(SerialNumber::from_slice(&[1])));
    let pinned = params.signed_by(&key(), &issuer).expect("a certificate");
    let twin = params.signed_by(&key(), &issuer).expect("a certificate");
    let harness = Harness::pinning(pinned.der());

    assert_eq!(harness.outcome(pinned.der()), "accepted");
    assert_eq!(harness.outcome(twin.der()), "certificate_untrusted");
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
