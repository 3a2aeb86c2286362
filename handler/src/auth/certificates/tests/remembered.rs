//! What is remembered of certificates, and until when.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::date_time_ymd;

use super::super::sha256;
use super::super::testing::{
    authority, client, intermediate_of, issued, root, root_of, self_signed,
};
use super::Harness;

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
