//! What is logged, and where to.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::{Exports, Fields, JsonLines};

/// Writes what is logged with `tracing`, and the text of each panic, to standard output: one JSON
/// object to a line, and no text from outside begins a line of its own.
///
/// Of fields, only those of these names are written, and what the library itself logs, as with
/// [`App::log_fields`](crate::App::log_fields).
///
/// [`main`](crate::main) does so by itself. A service that is no Functions app may call it first of all.
pub fn start_logging(fields: &[&'static str]) {
    start(Fields::declared(fields), None);
}

/// Logs what comes up while the settings are read, until the guard is dropped: only they say whether
/// lines are exported as well.
pub(super) fn log_meanwhile(fields: Fields) -> DefaultGuard {
    tracing::subscriber::set_default(lines(fields))
}

/// Logs for as long as the process lives; lines and spans are also handed to what exports them.
pub(super) fn start(fields: Fields, exports: Option<&Exports>) {
    // Only the app's own `main` installs a subscriber; if one is there already, it was meant.
    let _ = match exports {
        None => tracing::subscriber::set_global_default(lines(fields)),
        Some(exports) => tracing::subscriber::set_global_default(
            lines(fields)
                .with(exports.opened_spans())
                .with(exports.records()),
        ),
    };
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(
            panic.location = location,
            panic.text = text,
            "a panic was caught"
        );
    }));
}

fn lines(fields: Fields) -> impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync {
    tracing_subscriber::registry()
        .with(levels())
        .with(JsonLines::to_stdout().with(fields))
}

/// What is logged at all. The Azure SDK tells names of secrets below a warning.
fn levels() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("azure_", LevelFilter::WARN)
        .with_target("typespec_", LevelFilter::WARN)
}

#[cfg(test)]
mod tests {
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
}
