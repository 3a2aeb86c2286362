//! The way to the secrets: the identity, the vault, then each secret.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::secrets::vault::{Approach, NoToken, VaultError};
use crate::secrets::{Declaration, Need, SecretSettings, examine};
use crate::settings::{Problems, Source};

use super::super::screen::Screen;
use super::gathered::{Gathered, IDENTITY_ENDPOINT, VAULT};
use super::report::{Check, Ends};
use super::secret;

/// Whose vault is asked, since that decides what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Azure,
    Devhost,
}

/// The vault that is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) home: Home,
    pub(super) address: &'a str,
}

impl<'a> Place<'a> {
    /// The first label of its host.
    pub(super) fn vault_name(self) -> &'a str {
        let host = self.address.trim_start_matches("https://");
        host.split('.').next().unwrap_or(host)
    }
}

/// Who signs the app in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signer {
    Platform,
    Devhost,
    AzureCli,
}

/// The checks of identity, vault and secrets; `given` is what devhost gives its handler.
pub(super) fn checks(
    declared: &[Declaration],
    gathered: &Gathered,
    given: Option<&BTreeMap<String, String>>,
    screen: &Screen,
) -> Vec<Check> {
    let Some(first) = declared.first() else {
        return no_secrets();
    };
    if SecretSettings::does_without_vault(gathered, declared) {
        return no_vault(declared);
    }
    // What is wrong with them is told where the settings are.
    let Some(vault) = (first.approach)(gathered, &mut Problems::new()) else {
        return no_way(declared);
    };
    let signer = match gathered.get(IDENTITY_ENDPOINT) {
        None => Signer::AzureCli,
        Some(_) if gathered.is_given_by(given, IDENTITY_ENDPOINT) => Signer::Devhost,
        Some(_) => Signer::Platform,
    };
    let home = match gathered.is_given_by(given, VAULT) {
        true => Home::Devhost,
        false => Home::Azure,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return vec![Check::problem(
            "vault",
            "unreachable",
            "this machine gives no runtime to ask it with",
        )];
    };
    let work = go(vault.as_ref(), declared, signer, home, SystemTime::now());
    let checks = runtime.block_on(accompanied(work, vault.address(), screen));
    // A look-up of a name may hang in a thread, and nobody waits for it any more.
    runtime.shutdown_background();
    checks
}

/// Tells whoever waits what for, once it takes long.
async fn accompanied<T>(work: impl Future<Output = T>, address: &str, screen: &Screen) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(UNTIL_PROGRESS) => {}
    }
    let most = WITHIN.as_secs();
    screen.progress(&format!(
        "Waiting for the identity and {address}, {most} s at most …"
    ));
    work.await
}

/// Goes the way, and no longer than [`WITHIN`].
async fn go(
    vault: &dyn Approach,
    declared: &[Declaration],
    signer: Signer,
    home: Home,
    now: SystemTime,
) -> Vec<Check> {
    let deadline = Instant::now() + WITHIN;
    let place = Place {
        home,
        address: vault.address(),
    };
    let (signed_in, knocked) = tokio::join!(
        timed(timeout_at(deadline, vault.sign_in())),
        timed(timeout_at(deadline, vault.knock()))
    );
    let (signed_in, token_took) = signed_in;
    let signed_in = signed_in.unwrap_or(Err(NoToken::Away("no token came in time")));
    let (knocked, knock_took) = knocked;
    let knocked = knocked.unwrap_or(Err(VaultError::TimedOut));
    let mut checks = vec![
        identity(signed_in, signer).with("durationMs", millis(token_took)),
        at_the_vault(&knocked, place, knock_took),
    ];
    // A vault that throttles is there, and may let the next request through.
    let is_there = matches!(knocked, Ok(()) | Err(VaultError::Throttled { .. }));
    if signed_in.is_err() || !is_there {
        let why = "not asked: its vault cannot be asked yet";
        checks.extend(declared.iter().map(|one| secret::skipped(one, why)));
        return checks;
    }
    let asked = declared.iter().map(|one| async move {
        let found = examine(one, vault, now, deadline).await;
        secret::check(one, &found, now, place)
    });
    checks.extend(join_all(asked).await);
    checks
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    (work.await, started.elapsed())
}

fn identity(signed_in: Result<(), NoToken>, signer: Signer) -> Check {
    let (who, source) = match signer {
        Signer::Platform => ("the platform's managed identity", "platform"),
        Signer::Devhost => ("devhost's managed identity", "devhost"),
        Signer::AzureCli => ("whoever is signed in to the Azure CLI", "azure-cli"),
    };
    let next = match signer {
        Signer::Platform => {
            "assign an identity to the app; STOCKADE__IDENTITY__CLIENT_ID picks one of several"
        }
        Signer::Devhost => "look at the terminal of cargo fn dev, and start it again",
        Signer::AzureCli => "az login",
    };
    let check = match signed_in {
        Ok(()) => Check::ok("identity", format!("{who} gets a token for the vault")),
        Err(NoToken::Refused(why)) => Check::problem(
            "identity",
            "no-token",
            format!("{who} gets no token: {why}"),
        )
        .next(next),
        Err(NoToken::Away(why)) => {
            Check::problem("identity", "away", format!("{who} gets no token: {why}"))
                .next(next)
                .ending(Ends::ServiceAway)
        }
    };
    check.with("source", source)
}

fn at_the_vault(knocked: &Result<(), VaultError>, place: Place<'_>, took: Duration) -> Check {
    let address = place.address;
    let check = match knocked {
        Ok(()) => Check::ok(
            "vault",
            format!("{address} answers as a vault, in {} ms", millis(took)),
        ),
        Err(error) => {
            let (state, ends) = match error {
                VaultError::Unreachable(_) => ("unreachable", Ends::ServiceAway),
                VaultError::TimedOut => ("timed-out", Ends::ServiceAway),
                VaultError::Throttled { .. } => ("throttled", Ends::Found),
                VaultError::ForeignChallenge => ("foreign-challenge", Ends::Found),
                VaultError::Malformed(_) => ("malformed", Ends::Found),
                VaultError::Forbidden
                | VaultError::NotFound
                | VaultError::Disabled
                | VaultError::Identity(_) => ("refused", Ends::Found),
            };
            Check::problem("vault", state, format!("{address}: {error}"))
                .next(after_knocking(error, place.home))
                .ending(ends)
        }
    };
    check
        .with("address", address)
        .with("durationMs", millis(took))
}

fn after_knocking(error: &VaultError, home: Home) -> String {
    match (error, home) {
        (VaultError::Throttled { retry_after }, _) => wait(*retry_after),
        (_, Home::Devhost) => "cargo fn dev  (start it again; its vault ends with it)".to_owned(),
        (VaultError::Unreachable(_) | VaultError::TimedOut, Home::Azure) => format!(
            "mend {VAULT}, or let the app through the vault's firewall and private endpoints"
        ),
        (VaultError::ForeignChallenge | VaultError::Malformed(_), Home::Azure) => format!(
            "mend {VAULT} or STOCKADE__AUTH__CLOUD; something that is no vault of the cloud \
             answers there"
        ),
        _ => "look at the networking and the access control of the vault".to_owned(),
    }
}

/// What to do about throttling.
pub(super) fn wait(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(pause) => format!("wait {} s, then cargo fn doctor", pause.as_secs()),
        None => "wait a little, then cargo fn doctor".to_owned(),
    }
}

fn no_secrets() -> Vec<Check> {
    let no_need = |check| Check::skipped(check, "not needed for secrets").state("not-needed");
    vec![
        no_need("identity"),
        no_need("vault"),
        Check::ok("secret", "the app declares no secret").state("none-declared"),
    ]
}

/// An optional secret needs no vault, and a developer's machine may lack one.
fn no_vault(declared: &[Declaration]) -> Vec<Check> {
    let needed = declared.iter().any(|one| one.need == Need::Required);
    let vault = if needed {
        Check::warning(
            "vault",
            "none",
            "no vault is named, so functions that require a secret do not run",
        )
        .next(format!("cargo fn dev  (it brings one), or set {VAULT}"))
    } else {
        Check::ok("vault", "no vault is named, and the app can do without").state("none")
    };
    let identity = Check::skipped("identity", "not asked: no vault is named");
    let why = "not asked: no vault is named";
    [identity, vault]
        .into_iter()
        .chain(declared.iter().map(|one| secret::skipped(one, why)))
        .collect()
}

fn no_way(declared: &[Declaration]) -> Vec<Check> {
    let why = "not asked: a setting is wrong";
    ["identity", "vault"]
        .map(|check| Check::skipped(check, why))
        .into_iter()
        .chain(declared.iter().map(|one| secret::skipped(one, why)))
        .collect()
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The longest that the whole way may take.
const WITHIN: Duration = Duration::from_secs(20);
const UNTIL_PROGRESS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
