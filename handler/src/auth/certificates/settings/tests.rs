use std::collections::BTreeMap;

use super::super::super::testing::SigningKey;
use super::super::testing::{
    PublicKey, authority, client, intermediate, root, root_of, self_signed,
};
use super::*;

const PIN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const PINNED: (&str, &str) = (THUMBPRINTS, PIN);
const INSTANCE: (&str, &str) = ("WEBSITE_INSTANCE_ID", "an instance");
const DEVELOPMENT: (&str, &str) = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
const ON: (&str, &str) = (CERTIFICATES, "app-service");

fn read(settings: &[(&str, &str)]) -> (Option<CertificateSettings>, String) {
    let source: BTreeMap<String, String> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut problems = Problems::new();
    let settings = CertificateSettings::read(&source, &mut problems);
    (settings, problems.to_string())
}

#[test]
fn nothing_set_asks_for_no_certificate() {
    let (settings, problems) = read(&[INSTANCE]);

    assert!(settings.is_none());
    assert_eq!(problems, "");
}

#[test]
fn the_header_is_believed_where_app_service_runs_the_app_and_on_a_developers_machine() {
    for (place, front_end) in [
        (INSTANCE, FrontEnd::AppService),
        (("WEBSITE_SKU", "FlexConsumption"), FrontEnd::AppService),
        (DEVELOPMENT, FrontEnd::Nobody),
    ] {
        let (settings, problems) = read(&[ON, PINNED, place]);

        assert_eq!(problems, "");
        assert_eq!(settings.expect("settings").front_end, front_end);
    }
    for elsewhere in [
        &[ON, PINNED][..],
        &[ON, PINNED, ("AZURE_FUNCTIONS_ENVIRONMENT", "Production")],
        &[ON, PINNED, ("CONTAINER_APP_NAME", "app")],
        &[ON, PINNED, DEVELOPMENT, ("CONTAINER_APP_NAME", "app")],
        &[ON, PINNED, INSTANCE, ("CONTAINER_APP_NAME", "app")],
        &[
            ON,
            PINNED,
            INSTANCE,
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ],
    ] {
        let (settings, problems) = read(elsewhere);

        assert!(settings.is_none());
        assert!(problems.contains("WEBSITE_INSTANCE_ID"), "{problems}");
    }
}

#[test]
fn a_setting_that_would_mean_nothing_is_a_problem() {
    for (settings, named) in [
        (&[INSTANCE, ON][..], CERTIFICATES),
        (&[INSTANCE, PINNED], THUMBPRINTS),
        (&[INSTANCE, (AUTHORITIES, "ca.pem")], AUTHORITIES),
        (&[INSTANCE, PINNED, (CERTIFICATES, "nginx")], CERTIFICATES),
        (&[INSTANCE, PINNED, (CERTIFICATES, "")], CERTIFICATES),
    ] {
        let (_, problems) = read(settings);

        assert!(problems.starts_with(named), "{settings:?}: {problems}");
    }
}

#[test]
fn thumbprints_are_sha_256_in_any_case_with_or_without_colons() {
    let pairs: Vec<_> = (0..32).map(|at| &PIN[2 * at..2 * at + 2]).collect();
    let colons = pairs.join(":").to_uppercase();

    let (settings, problems) = read(&[INSTANCE, ON, (THUMBPRINTS, &format!("{PIN}, {colons}"))]);

    assert_eq!(problems, "");
    let settings = settings.expect("settings");
    assert_eq!(settings.thumbprints.len(), 2);
    assert_eq!(settings.thumbprints[0], settings.thumbprints[1]);
    assert_eq!(settings.thumbprints[0][..3], [0x00, 0x11, 0x22]);
}

#[test]
fn a_sha_1_thumbprint_is_refused_with_the_way_out() {
    let (_, problems) = read(&[INSTANCE, ON, (THUMBPRINTS, &PIN[..40])]);

    assert!(problems.contains("SHA-1"), "{problems}");
    assert!(problems.contains("openssl x509"), "{problems}");
    for other in [&PIN[..62], "zz", &PIN.replace('f', "g"), &format!("{PIN},")] {
        let (_, problems) = read(&[INSTANCE, ON, (THUMBPRINTS, other)]);
        assert!(problems.starts_with(THUMBPRINTS), "{other}: {problems}");
        assert!(!problems.contains("SHA-1"), "{other}: {problems}");
    }
}

#[test]
fn the_file_of_authorities_stands_in_the_apps_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = root("Root");
    let pem = root.pem() + &intermediate("Intermediate", &root).pem();
    std::fs::write(folder.path().join("ca.pem"), pem).expect("the folder can be written to");
    let path = folder.path().display().to_string();
    let in_folder = ("FUNCTIONS_APP_ROOT_PATH", path.as_str());

    let (settings, problems) = read(&[INSTANCE, ON, in_folder, (AUTHORITIES, "ca.pem")]);
    assert_eq!(problems, "");
    let shown = format!("{:?}", settings.expect("settings").authorities);
    assert_eq!(shown, "Some(Authorities { roots: 1, intermediates: 1 })");

    let (_, problems) = read(&[INSTANCE, ON, in_folder, (AUTHORITIES, "other.pem")]);
    assert!(problems.contains("cannot be read"), "{problems}");
    assert!(!problems.contains("other.pem"), "{problems}");
}

#[test]
fn a_file_that_holds_anything_but_authorities_is_a_problem() {
    let own_root = root("Root");
    let weak_key = PublicKey::rsa(&SigningKey::first().modulus()[..128], &[1, 0, 1]);
    let weak = authority("Weak").signed_by(&weak_key, &own_root);
    let weak = weak.expect("an intermediate");
    let orphan = intermediate("Orphan", &root("Elsewhere"));
    let mut mute = authority("Mute");
    mute.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let good = own_root.pem();
    for (name, pem, text) in [
        ("nothing", String::new(), "no certificate"),
        ("no PEM", "certificate".to_owned(), "no certificate"),
        (
            "a key",
            good.clone() + &own_root.key().serialize_pem(),
            "private key",
        ),
        (
            "an unknown section",
            good.clone() + "-----BEGIN THING-----\nAAAA\n-----END THING-----\n",
            "other than certificates",
        ),
        ("a damaged one", good.replace("MII", "M*I"), "damaged"),
        (
            "not DER",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "certificate 1",
        ),
        (
            "a client's",
            good.clone() + &self_signed(&client()).pem(),
            "certificate 2 is not an authority's",
        ),
        (
            "an authority that may not sign",
            root_of(mute).pem(),
            "certificate 1 is not an authority's",
        ),
        (
            "an intermediate without its issuer",
            good.clone() + &orphan.pem(),
            "certificate 2 leads to no other",
        ),
        (
            "a weak one",
            good.clone() + &weak.pem(),
            "certificate 2 has a key",
        ),
        (
            "an intermediate alone",
            intermediate("Intermediate", &own_root).pem(),
            "certificate 1 leads to no other",
        ),
        ("too many", good.repeat(101), "more than 100"),
        ("too large", "\n".repeat(1024 * 1024 + 1), "1 MiB"),
    ] {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), pem).expect("the file can be written");
        let path = file.path().display().to_string();

        let (_, problems) = read(&[INSTANCE, ON, (AUTHORITIES, &path)]);

        assert_eq!(problems.lines().count(), 1, "{name}: {problems}");
        assert!(problems.starts_with(AUTHORITIES), "{name}: {problems}");
        assert!(problems.contains(text), "{name}: {problems}");
    }
}
