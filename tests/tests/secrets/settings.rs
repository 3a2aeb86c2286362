//! Settings that would read a secret from where none is, or none from where one is.

use stockade_tests::running::free_port;
use stockade_tests::{App, Ended, Setup};

const VAULT: &str = "STOCKADE__SECRETS__VAULT_URI";
const INSECURE: &str = "STOCKADE__SECRETS__INSECURE_VAULT";

/// The app with what the platform gives it.
fn setup() -> Setup {
    Setup::of(App::Gallery("vaulted"))
        .setting("SIGN_QUEUE", "sign")
        .setting("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
        .setting("IDENTITY_HEADER", "proof")
}

/// Runs an app that cannot start, and gives what it says.
fn refusal(setup: &Setup) -> String {
    let Ended { status, lines } = setup.run_to_its_end(free_port());
    let text = lines.join("\n");
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(!text.contains("serving"), "{text}");
    text
}

#[test]
fn a_reference_that_nobody_resolved_stops_the_start_and_its_value_is_not_shown() {
    let setup = setup().setting(VAULT, "https://orders.vault.azure.net/");
    for name in ["SIGN_QUEUE", "STOCKADE__LIMITS__DEADLINE_SECONDS"] {
        let with = |secret: &str| {
            let value = format!("@Microsoft.KeyVault(VaultName=xyzzy;SecretName={secret})");
            let text = refusal(&setup.clone().setting(name, &value));
            assert!(text.contains(name), "{text}");
            assert!(!text.contains("xyzzy"), "{text}");
            text
        };

        let declared = with("required");
        let unknown = with("plugh");

        assert!(declared.contains("`required`"), "{declared}");
        assert!(!unknown.contains("plugh"), "{unknown}");
        assert_ne!(declared, unknown, "a declared secret is told apart");
    }
}

#[test]
fn a_vault_outside_the_cloud_is_refused() {
    for address in [
        "https://orders.vault.foreign.example/",
        "https://orders.vault.azure.net.foreign.example/",
        "https://orders.vault.usgovcloudapi.net/",
        "https://vault.azure.net/",
        "https://a.b.vault.azure.net/",
        "https://orders.vault.azure.net:8443/",
        "https://user@orders.vault.azure.net/",
        "http://orders.vault.azure.net/",
        "https://devhost.vault.localhost:7073/",
        "https://127.0.0.1/",
        "xyzzy",
    ] {
        let text = refusal(&setup().setting(VAULT, address));

        assert!(text.contains(VAULT), "{address}: {text}");
        assert!(!text.contains(address), "{address}: {text}");
    }
}

#[test]
fn a_vault_of_a_developers_machine_is_believed_nowhere_else() {
    let local = "https://devhost.vault.localhost:7073/";
    let development = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
    for (name, address, settings, told) in [
        ("without Development", local, vec![], INSECURE),
        (
            "on App Service",
            local,
            vec![development, ("WEBSITE_INSTANCE_ID", "1")],
            INSECURE,
        ),
        (
            "in Kubernetes",
            local,
            vec![development, ("KUBERNETES_SERVICE_HOST", "10.0.0.1")],
            INSECURE,
        ),
        (
            "a vault elsewhere",
            "https://orders.vault.azure.net/",
            vec![development],
            INSECURE,
        ),
        (
            "this machine by another name",
            "https://127.0.0.1:7073/",
            vec![development],
            VAULT,
        ),
    ] {
        let setup = setup().setting(VAULT, address).setting(INSECURE, "true");
        let setup = settings
            .into_iter()
            .fold(setup, |setup, (name, value)| setup.setting(name, value));

        let text = refusal(&setup);

        assert!(text.contains(told), "{name}: {text}");
    }
}

#[test]
fn an_app_that_requires_a_secret_does_not_start_without_a_vault_or_an_identity() {
    let without_vault = refusal(&setup());
    let without_identity = refusal(
        &Setup::of(App::Gallery("vaulted"))
            .setting("SIGN_QUEUE", "sign")
            .setting(VAULT, "https://orders.vault.azure.net/"),
    );

    assert!(without_vault.contains(VAULT), "{without_vault}");
    assert!(
        without_identity.contains("IDENTITY_ENDPOINT"),
        "{without_identity}"
    );
}

#[test]
fn where_a_developer_has_no_vault_the_app_starts_and_says_which_functions_do_not_run() {
    let handler = Setup::of(App::Gallery("vaulted"))
        .setting("SIGN_QUEUE", "sign")
        .setting("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        .start_handler();
    let ask = |target| {
        let request = stockade_tests::Request::get(target);
        handler.direct(request).send(handler.port)
    };

    assert_eq!(ask("/api/plain").status, 200);
    assert_eq!(ask("/api/optional").text(), "none");
    crate::world::is_told_to_come_back(&ask("/api/required"));
    handler.wait_for_line("a warning", |line| {
        line.text("level") == "WARN" && line.message().contains("no vault is named")
    });
}
