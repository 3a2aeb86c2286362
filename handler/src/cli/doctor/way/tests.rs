//! The way to a vault that the test plays, in tokio's time.

use std::sync::Mutex;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde::Deserialize;
use validator::Validate;

use super::super::report::Outcome;
use super::*;
use crate::secrets::Declared;
use crate::secrets::vault::{Fetched, ObjectName, ObjectVersion, Vault};

#[derive(Deserialize, Validate)]
#[expect(dead_code, reason = "it is read, and nobody looks at it")]
struct Access {
    user: String,
}

crate::secret! {
    /// A text.
    Key: "erp-key"
}

crate::secret! {
    /// A document.
    Erp: "erp-access" as Access
}

const CANARY: &str = "canary-7f3e";
const ADDRESS: &str = "https://orders.vault.azure.net";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NOW: Duration = Duration::from_secs(1_800_000_000);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

/// A vault whose answers are given, and a door to it.
struct Played {
    token: fn() -> Result<(), NoToken>,
    door: fn() -> Result<(), VaultError>,
    secret: Box<dyn Fn() -> Result<Fetched, VaultError> + Send + Sync>,
    takes: Duration,
    asked: Mutex<usize>,
}

impl Default for Played {
    fn default() -> Self {
        Self {
            token: || Ok(()),
            door: || Ok(()),
            secret: Box::new(|| Ok(fetched())),
            takes: Duration::ZERO,
            asked: Mutex::default(),
        }
    }
}

fn fetched() -> Fetched {
    Fetched {
        value: SecretString::from(CANARY),
        version: ObjectVersion::for_tests(1),
        enabled: true,
        not_before: None,
        expires: None,
    }
}

impl Played {
    fn giving(secret: impl Fn() -> Result<Fetched, VaultError> + Send + Sync + 'static) -> Self {
        Self {
            secret: Box::new(secret),
            ..Self::default()
        }
    }

    async fn later<T>(&self, answer: T) -> T {
        tokio::time::sleep(self.takes).await;
        answer
    }
}

impl Vault for Played {
    fn get<'a>(
        &'a self,
        _: ObjectName,
        _: Option<ObjectVersion>,
    ) -> BoxFuture<'a, Result<Fetched, VaultError>> {
        *self.asked.lock().unwrap() += 1;
        self.later((self.secret)()).boxed()
    }
}

impl Approach for Played {
    fn address(&self) -> &str {
        ADDRESS
    }

    fn sign_in(&self) -> BoxFuture<'_, Result<(), NoToken>> {
        self.later((self.token)()).boxed()
    }

    fn knock(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        self.later((self.door)()).boxed()
    }
}

fn declared<K: Declared>(need: Need) -> Vec<Declaration> {
    vec![Declaration::of::<K>(need)]
}

/// Goes the way to a vault in Azure.
async fn gone(vault: &Played, declared: &[Declaration]) -> Vec<Check> {
    let checks = go(vault, declared, Signer::Platform, Home::Azure, now()).await;
    let text = serde_json::to_string(&checks).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    checks
}

fn seen(checks: &[Check]) -> Vec<(Outcome, &'static str, Ends)> {
    checks.iter().map(Check::seen).collect()
}

const FINE: (Outcome, &str, Ends) = (Outcome::Ok, "ok", Ends::Well);

#[tokio::test]
async fn where_everything_is_there_each_step_is_fine() {
    let checks = gone(&Played::default(), &declared::<Key>(Need::Required)).await;

    assert_eq!(seen(&checks), [FINE; 3]);
    let secret = checks[2].document();
    assert_eq!(secret["name"], "erp-key");
    assert_eq!(secret["required"], true);
    assert_eq!(secret["version"], ObjectVersion::for_tests(1).as_str());
    assert!(secret["daysLeft"].is_null(), "{secret}");
}

#[tokio::test]
async fn each_trouble_of_a_secret_has_a_state_and_a_next_step_of_its_own() {
    type Play = fn() -> Result<Fetched, VaultError>;
    let cases: [(&str, Ends, &str, Play); 12] = [
        (
            "missing",
            Ends::Found,
            "az keyvault secret set --vault-name orders --name erp-key",
            || Err(VaultError::NotFound),
        ),
        (
            "role-missing",
            Ends::Found,
            "Key Vault Secrets User",
            || Err(VaultError::Forbidden),
        ),
        ("disabled", Ends::Found, "--enabled true", || {
            Err(VaultError::Disabled)
        }),
        ("disabled", Ends::Found, "--enabled true", || {
            Ok(Fetched {
                enabled: false,
                ..fetched()
            })
        }),
        ("expired", Ends::Found, "secret set", || {
            Ok(Fetched {
                expires: Some(now()),
                ..fetched()
            })
        }),
        ("not-yet", Ends::Found, "--not-before", || {
            Ok(Fetched {
                not_before: Some(now() + DAY),
                ..fetched()
            })
        }),
        ("unusable", Ends::Found, "secret set", || {
            Ok(Fetched {
                value: SecretString::from(""),
                ..fetched()
            })
        }),
        ("throttled", Ends::Found, "wait 7 s", || {
            Err(VaultError::Throttled {
                retry_after: Some(Duration::from_secs(7)),
            })
        }),
        ("unreachable", Ends::ServiceAway, "again", || {
            Err(VaultError::Unreachable("no connection"))
        }),
        ("foreign-challenge", Ends::Found, "again", || {
            Err(VaultError::ForeignChallenge)
        }),
        ("malformed", Ends::Found, "again", || {
            Err(VaultError::Malformed("no id"))
        }),
        ("no-token", Ends::Found, "one tenant", || {
            Err(VaultError::Identity("refused"))
        }),
    ];
    for (state, ends, next, play) in cases {
        let checks = gone(&Played::giving(play), &declared::<Key>(Need::Required)).await;

        assert_eq!(checks[2].seen(), (Outcome::Problem, state, ends));
        let document = checks[2].document();
        let told = document["next"].as_str().unwrap_or_default();
        assert!(told.contains(next), "{state}: {document}");
    }
}

#[tokio::test]
async fn a_secret_is_worth_a_warning_below_thirty_days() {
    for (left, result, days) in [
        (DAY * 30, Outcome::Ok, 30),
        (DAY * 30 - Duration::from_secs(1), Outcome::Warning, 29),
        (Duration::from_secs(1), Outcome::Warning, 0),
    ] {
        let vault = Played::giving(move || {
            Ok(Fetched {
                expires: Some(now() + left),
                ..fetched()
            })
        });

        let checks = gone(&vault, &declared::<Key>(Need::Required)).await;

        assert_eq!(checks[2].seen().0, result, "{left:?}");
        assert_eq!(checks[2].document()["daysLeft"], days, "{left:?}");
    }
}

#[tokio::test]
async fn a_document_has_to_be_what_the_app_declares() {
    let right = Played::giving(|| {
        Ok(Fetched {
            value: SecretString::from(r#"{"user":"canary-7f3e"}"#),
            ..fetched()
        })
    });

    let fine = gone(&right, &declared::<Erp>(Need::Required)).await;
    let wrong = gone(&Played::default(), &declared::<Erp>(Need::Required)).await;

    assert_eq!(fine[2].seen(), FINE);
    assert_eq!(wrong[2].seen(), (Outcome::Problem, "unusable", Ends::Found));
}

#[tokio::test]
async fn an_optional_secret_may_be_missing_and_not_be_wrong() {
    let optional = declared::<Key>(Need::Optional);

    let missing = gone(&Played::giving(|| Err(VaultError::NotFound)), &optional).await;
    let denied = gone(&Played::giving(|| Err(VaultError::Forbidden)), &optional).await;

    assert_eq!(missing[2].seen(), (Outcome::Ok, "missing", Ends::Well));
    assert_eq!(
        denied[2].seen(),
        (Outcome::Warning, "role-missing", Ends::Found)
    );
}

#[tokio::test]
async fn no_secret_is_asked_for_without_a_token_or_a_vault() {
    let no_token = |token| Played {
        token,
        ..Played::default()
    };
    let no_vault = |door| Played {
        door,
        ..Played::default()
    };
    let cases = [
        (
            no_token(|| Err(NoToken::Refused("not assigned"))),
            0,
            ("no-token", Ends::Found),
        ),
        (
            no_token(|| Err(NoToken::Away("no connection"))),
            0,
            ("away", Ends::ServiceAway),
        ),
        (
            no_vault(|| Err(VaultError::Unreachable("no connection"))),
            1,
            ("unreachable", Ends::ServiceAway),
        ),
        (
            no_vault(|| Err(VaultError::ForeignChallenge)),
            1,
            ("foreign-challenge", Ends::Found),
        ),
        (
            no_vault(|| Err(VaultError::Malformed("no JSON"))),
            1,
            ("malformed", Ends::Found),
        ),
        (
            no_vault(|| Err(VaultError::Forbidden)),
            1,
            ("refused", Ends::Found),
        ),
    ];
    for (vault, at, (state, ends)) in cases {
        let checks = gone(&vault, &declared::<Key>(Need::Required)).await;

        assert_eq!(checks[at].seen(), (Outcome::Problem, state, ends));
        assert_eq!(checks[2].seen().0, Outcome::Skipped, "{state}");
        assert_eq!(*vault.asked.lock().unwrap(), 0, "{state}");
    }
}

#[tokio::test]
async fn a_vault_that_throttles_is_there_and_is_asked() {
    let vault = Played {
        door: || Err(VaultError::Throttled { retry_after: None }),
        ..Played::default()
    };

    let checks = gone(&vault, &declared::<Key>(Need::Required)).await;

    assert_eq!(checks[1].seen().1, "throttled");
    assert_eq!(checks[2].seen(), FINE);
}

#[tokio::test(start_paused = true)]
async fn the_whole_way_is_bounded_whoever_does_not_answer() {
    let deaf = Played {
        takes: DAY,
        ..Played::default()
    };
    let slow = Played {
        takes: Duration::from_secs(12),
        ..Played::default()
    };
    for (vault, states) in [
        (deaf, ["away", "timed-out", "skipped"]),
        (slow, ["ok", "ok", "timed-out"]),
    ] {
        let started = Instant::now();

        let checks = gone(&vault, &declared::<Key>(Need::Required)).await;

        let found: Vec<_> = checks.iter().map(|check| check.seen().1).collect();
        assert_eq!(found, states);
        assert_eq!(started.elapsed(), WITHIN);
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_are_asked_for_at_the_same_time() {
    let vault = Played {
        takes: Duration::from_secs(5),
        ..Played::default()
    };
    let both = [
        declared::<Key>(Need::Required),
        declared::<Erp>(Need::Optional),
    ]
    .concat();
    let started = Instant::now();

    gone(&vault, &both).await;

    assert_eq!(started.elapsed(), Duration::from_secs(10));
}

#[test]
fn an_app_without_secrets_asks_nobody() {
    let gathered = Gathered::new(
        &BTreeMap::new(),
        &super::super::LocalSettings::default(),
        None,
        std::path::Path::new("/app"),
    );
    let screen = Screen::new(clap::ColorChoice::Never, true);

    let checks = checks(&[], &gathered, None, &screen);

    assert_eq!(
        seen(&checks),
        [
            (Outcome::Skipped, "not-needed", Ends::Well),
            (Outcome::Skipped, "not-needed", Ends::Well),
            (Outcome::Ok, "none-declared", Ends::Well),
        ]
    );
}

#[test]
fn a_developers_machine_may_lack_a_vault_and_is_told_what_does_not_run() {
    let settings = |development: &str| {
        let name = "AZURE_FUNCTIONS_ENVIRONMENT".to_owned();
        Gathered::new(
            &BTreeMap::from([(name, development.to_owned())]),
            &super::super::LocalSettings::default(),
            None,
            std::path::Path::new("/app"),
        )
    };
    let screen = Screen::new(clap::ColorChoice::Never, true);
    let vault = |need, environment| {
        let found = checks(
            &declared::<Key>(need),
            &settings(environment),
            None,
            &screen,
        );
        assert_eq!(found[2].seen().0, Outcome::Skipped);
        found[1].seen()
    };

    let required = vault(Need::Required, "Development");
    assert_eq!(required, (Outcome::Warning, "none", Ends::Found));
    let optional = vault(Need::Optional, "Production");
    assert_eq!(optional, (Outcome::Ok, "none", Ends::Well));
    // Elsewhere that is a wrong setting, which is told with the settings.
    assert_eq!(vault(Need::Required, "Production").0, Outcome::Skipped);
}
