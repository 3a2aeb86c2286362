//! Client certificates: who is asked for one shows that of the vault, and the newest.

use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::{Answer, Host, Request, Setup};

use crate::partner::{Issued, Partner, issued_elsewhere};
use crate::vault::admin;
use crate::{error_of, setup};

fn setup_for(partner: &Partner) -> Setup {
    setup()
        .setting("PARTNER_URL", &partner.url())
        .setting("PARTNER_ROOT", &partner.root())
        .setting("STOCKADE__SECRETS__REFRESH_SECONDS", "1")
}

/// A host whose vault begins with this certificate.
fn host(partner: &Partner, issued: &Issued) -> Host {
    let secrets = json!({ "partner": secret(&issued.pem) });
    let setup = setup_for(partner).file("local.secrets.json", &secrets.to_string());
    setup.start()
}

fn secret(value: &str) -> Value {
    json!({"value": value, "contentType": "application/x-pem-file"})
}

fn call(host: &Host, function: &str) -> Answer {
    Request::get(&format!("/api/{function}")).send(host.port)
}

/// Whether any line holds a line of this key.
fn holds(output: &[String], key: &str) -> bool {
    let mut secret = key.lines().filter(|line| !line.starts_with("-----"));
    secret.any(|part| output.iter().any(|line| line.contains(part)))
}

#[test]
fn who_asks_for_a_certificate_is_shown_that_of_the_vault_and_the_new_one_after_a_rotation() {
    let partner = Partner::start();
    let (first, second) = (partner.issue(), partner.issue());
    let host = host(&partner, &first);

    let shown = call(&host, "call-partner");
    admin(&host, "PUT", "secrets/partner", &secret(&second.pem));
    poll("the new certificate to be shown", || {
        (call(&host, "call-partner").text() == second.fingerprint).then_some(())
    });

    assert_eq!(shown.text(), first.fingerprint);
    let starts = host.log();
    let starts = starts.iter().filter(|line| line.message() == "serving");
    assert_eq!(starts.count(), 1);
    let output = host.stop();
    for issued in [first, second] {
        assert!(!holds(&output, &issued.key));
    }
}

#[test]
fn without_the_certificate_the_partner_answers_nobody() {
    let partner = Partner::start();
    let host = host(&partner, &partner.issue());

    let nobody = call(&host, "call-as-nobody");
    let refused = partner.served();
    let somebody = call(&host, "call-partner");

    assert_eq!((nobody.status, refused), (503, 0), "{nobody:?}");
    assert_eq!(
        (somebody.status, partner.served()),
        (200, 1),
        "{somebody:?}"
    );
}

#[test]
fn a_certificate_of_another_authority_does_not_open_the_partners_door() {
    let partner = Partner::start();
    let host = host(&partner, &issued_elsewhere());

    let answer = call(&host, "call-partner");

    assert_eq!((answer.status, partner.served()), (503, 0), "{answer:?}");
}

#[test]
fn a_version_that_is_no_certificate_leaves_the_last_good_one_in_use() {
    let partner = Partner::start();
    let issued = partner.issue();
    let host = host(&partner, &issued);
    let other = partner.issue();

    let foreign_key = issued.pem.replace(&issued.key, &other.key);
    admin(&host, "PUT", "secrets/partner", &secret(&foreign_key));
    let line = host.wait_for_line("the refusal", |line| line.message() == "secret.failed");

    assert_eq!(line.text("secret"), "partner");
    let why = line.text("error");
    assert!(
        why.contains("is not that of its first certificate"),
        "{why}"
    );
    assert_eq!(call(&host, "call-partner").text(), issued.fingerprint);
    let output = host.stop();
    assert!(!holds(&output, &other.key) && !holds(&output, &issued.key));
}

#[test]
fn pkcs_12_is_refused_with_the_way_out_and_the_other_functions_go_on() {
    let partner = Partner::start();
    // The beginning of a PFX (RFC 7292 §4), as Key Vault writes it.
    let pfx = format!("MIIKKAIBAzCCCeQGCSqGSIb3DQEHAaCCCdUE{}", "A".repeat(600));
    let secrets = json!({"partner": {"value": pfx, "contentType": "application/x-pkcs12"}});
    let setup = setup_for(&partner).file("local.secrets.json", &secrets.to_string());
    let host = setup.start();

    let answer = call(&host, "call-partner");
    let other = call(&host, "call-as-nobody");

    assert_eq!(answer.status, 503, "{answer:?}");
    let why = host.wait_for_line("the reason", |line| line.text("secret") == "partner");
    let told = why.text("error");
    assert!(told.contains("application/x-pem-file"), "{told}");
    assert!(error_of(&host, &other).contains("retry"), "{other:?}");
}
