//! Which certificates are trusted: pinned ones, and those of listed authorities.

use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, SanType,
    SerialNumber,
};

use super::super::testing::{
    authority, client, intermediate, intermediate_of, issued, key, root, root_of, self_signed,
};
use super::{Harness, with};

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
fn another_key_under_the_same_names_is_another_certificate() {
    let issuer = root("Root");
    let params = with(|it| it.serial_number = Some(SerialNumber::from_slice(&[1])));
    let pinned = params.signed_by(&key(), &issuer).expect("a certificate");
    let twin = params.signed_by(&key(), &issuer).expect("a certificate");
    let harness = Harness::pinning(pinned.der());

    assert_eq!(harness.outcome(pinned.der()), "accepted");
    assert_eq!(harness.outcome(twin.der()), "certificate_untrusted");
}
