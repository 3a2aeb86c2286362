//! The gallery: apps with a function for everything that the suites look at.
//!
//! The setting `GALLERY` picks one. `gallery manifest` prints what its app folder has to hold.

use std::process::ExitCode;

use stockade::settings::Environment;
use stockade::{App, Error};

mod events;
mod files;
mod guarded;
mod keyed;
mod members;
mod observed;
mod recorded;
mod requests;
mod vaulted;

fn main() -> ExitCode {
    match wanted().as_str() {
        "keyed" => run(keyed::app, keyed::Partners::from_env),
        "vaulted" => run(vaulted::app, vaulted::Vaulted::from_env),
        "vaulted-state" => run(vaulted::of_state, vaulted::Keyed::from_env),
        _ => run(app, async |_| Ok(())),
    }
}

/// Prints the app's manifest, or runs it.
fn run<S: Send + Sync + 'static>(
    app: fn() -> App<S>,
    state: impl AsyncFn(&Environment) -> Result<S, Error>,
) -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("manifest") {
        let manifest = serde_json::to_string(&app().manifest());
        println!("{}", manifest.expect("a manifest has string keys only"));
        return ExitCode::SUCCESS;
    }
    stockade::main(app, state)
}

fn wanted() -> String {
    std::env::var("GALLERY").unwrap_or_default()
}

/// The app that `GALLERY` names, of those without a state.
fn app() -> App<()> {
    match wanted().as_str() {
        "recorded" => App::new("recorded")
            .functions(recorded::all())
            .log_fields(recorded::LOGGED),
        "recorded-json" => App::new("recorded-json")
            .functions(recorded::all_with_json())
            .log_fields(recorded::LOGGED),
        "members" => App::new("members").functions(members::all()),
        "observed" => App::new("observed")
            .functions(observed::all())
            .log_fields(observed::LOGGED),
        "guarded" => App::new("guarded").functions(guarded::all()),
        "vaulted-1" => vaulted::with_many(1),
        "vaulted-8" => vaulted::with_many(8),
        "vaulted-32" => vaulted::with_many(32),
        "bytes" => App::new("bytes").function(requests::picture()),
        "catch-all" => App::new("catch-all")
            .function(requests::catch_all())
            .functions(events::all())
            .log_fields(events::LOGGED),
        _ => App::new("gallery")
            .functions(requests::all())
            .function(files::function())
            .functions(events::all())
            .log_fields(events::LOGGED),
    }
}
