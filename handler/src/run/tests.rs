//! What is logged.

use tracing::Level;

use super::*;

#[test]
fn of_the_azure_sdk_only_warnings_are_logged() {
    let levels = levels();

    for target in ["azure_core::http", "azure_identity", "typespec_client_core"] {
        assert!(levels.would_enable(target, &Level::WARN), "{target}");
        assert!(!levels.would_enable(target, &Level::INFO), "{target}");
    }
    assert!(levels.would_enable("stockade::azure", &Level::INFO));
    assert!(!levels.would_enable("stockade::azure", &Level::DEBUG));
}
