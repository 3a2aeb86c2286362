//! How the state is built from secrets.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::*;
use crate::app::{App, Assembly};
use crate::limits::LimitSettings;
use crate::secrets::tests::{FakeVault, Version, settings_of};
use crate::settings::Problems;
use crate::test::TokioClock;
use crate::{Function, Reply, access, on};

crate::secret! {
    /// What the state needs.
    Key: "state-key"
}

crate::secret! {
    /// Nobody declares it.
    Undeclared: "undeclared-key"
}

async fn health() -> Reply<()> {
    Reply::ok(())
}

fn ready(app: App<String>) -> Ready<String> {
    let limits = LimitSettings::read(&std::collections::BTreeMap::new(), &mut Problems::new());
    let open = access::anonymous("a test");
    app.function(Function::new("health", on::get("health", open), health))
        .assemble(Assembly {
            port: 0,
            mode: crate::Mode::Envelope,
            route_prefix: "api".to_owned(),
            deadline: limits.deadline,
            limits,
            tokens: None,
            clock: Arc::new(TokioClock(Instant::now())),
            resource: None,
            certificates: None,
            spans: None,
            proxies: crate::telemetry::audit::Proxies::default(),
        })
}

/// When the state was tried to be built, and when it was there.
async fn built(
    vault: Arc<FakeVault>,
    app: App<String>,
    arrives: impl Future<Output = ()>,
) -> (Vec<u64>, u64, String) {
    let needed = app.secrets_of_state().to_vec();
    let ready = ready(app);
    let _tasks = ready.secrets().keep_fresh(&settings_of(vault));
    let started = Instant::now();
    let tries = Mutex::new(Vec::new());
    let from_env = async |environment: &Environment| {
        tries.lock().unwrap().push(started.elapsed().as_secs());
        let key = environment.secret::<Key>()?;
        Ok(key.expose_secret().to_owned())
    };
    let building = async {
        build(&ready, &needed, &from_env).await;
        started.elapsed().as_secs()
    };
    let (there, ()) = tokio::join!(building, arrives);
    let state = ready.state().get().unwrap().clone();
    (tries.into_inner().unwrap(), there, state)
}

#[tokio::test(start_paused = true)]
async fn the_state_is_built_once_its_secret_has_been_read() {
    let vault = Arc::new(FakeVault::default());
    vault.put::<Key>(Version::new(1, "one"));

    let app = App::new("keys").secret::<Key>();
    let (tries, _, state) = built(vault, app, async {}).await;

    assert_eq!(tries, [0], "it does not fail first");
    assert_eq!(state, "one");
}

#[tokio::test(start_paused = true)]
async fn the_state_is_tried_again_at_once_when_its_secret_comes() {
    let vault = Arc::new(FakeVault::default());
    let app = App::new("keys").secret::<Key>();
    let arrives = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        vault.put::<Key>(Version::new(1, "one"));
    };

    let (tries, there, state) = built(vault.clone(), app, arrives).await;

    assert_eq!(state, "one");
    assert!(tries.len() > 2, "{tries:?}");
    // Without a value the vault is asked at least every 30 seconds.
    assert!((100..=131).contains(&there), "{there}");
    assert_eq!(tries.last(), Some(&there));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_nobody_declares_is_an_error_that_says_so() {
    let ready = ready(App::new("keys").secret::<Key>());
    let environment = Environment::new(ready.secrets().clone());

    let missing = environment.secret::<Key>().unwrap_err().to_string();
    let undeclared = environment.secret::<Undeclared>().unwrap_err().to_string();

    assert!(
        missing.contains("the secret `state-key` is not there"),
        "{missing}"
    );
    assert!(undeclared.contains("App::secret"), "{undeclared}");
    assert!(environment.watch::<Key>().is_ok());
    assert!(environment.watch::<Undeclared>().is_err());
    let nothing = Environment::default();
    assert!(nothing.secret::<Key>().is_err());
}
