//! What is told of one secret: everything but its value.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::secrets::vault::VaultError;
use crate::secrets::{Attributes, Declaration, Examination, Need, Trouble};
use crate::telemetry::write_time;

use super::report::{Check, Ends};
use super::way::{Home, Place, millis, wait};

/// A secret that nobody asked for.
pub(super) fn skipped(declaration: &Declaration, why: &'static str) -> Check {
    declared(Check::skipped("secret", why), declaration)
}

/// What an examination comes to.
pub(super) fn check(
    declaration: &Declaration,
    found: &Examination,
    now: SystemTime,
    place: Place<'_>,
) -> Check {
    let check = match (&found.trouble, &found.attributes) {
        (None, attributes) => readable(declaration, attributes.as_ref(), now, place),
        // Whoever can do without a secret need not have it.
        (Some(Trouble::Vault(VaultError::NotFound)), _) if declaration.need == Need::Optional => {
            Check::ok("secret", "not in the vault, and the app can do without").state("missing")
        }
        (Some(trouble), _) => unreadable(declaration, trouble, place),
    };
    let check = attributes(check, found.attributes.as_ref(), now);
    declared(check, declaration).with("durationMs", millis(found.took))
}

fn readable(
    declaration: &Declaration,
    attributes: Option<&Attributes>,
    now: SystemTime,
    place: Place<'_>,
) -> Check {
    let Some(attributes) = attributes else {
        return Check::ok("secret", "readable");
    };
    let version = attributes.version.as_str();
    let Some(expires) = attributes.expires else {
        return Check::ok(
            "secret",
            format!("version {version}, enabled, without an end"),
        );
    };
    let days = days_until(expires, now);
    let found = format!(
        "version {version}, enabled, ends in {days} days ({})",
        moment(expires)
    );
    if days < FEW_DAYS {
        let next = new_version(declaration, place);
        return Check::warning("secret", "expiring", found).next(next);
    }
    Check::ok("secret", found)
}

fn unreadable(declaration: &Declaration, trouble: &Trouble, place: Place<'_>) -> Check {
    let (state, ends) = kind_of(trouble);
    let check = match declaration.need {
        Need::Required => Check::problem("secret", state, trouble.to_string()),
        Need::Optional => Check::warning("secret", state, trouble.to_string()),
    };
    let next = match place.home {
        Home::Azure => in_azure(declaration, trouble, place),
        Home::Devhost => at_devhost(declaration, trouble, place),
    };
    check.ending(ends).next(next)
}

/// The word for tools, and how the command ends.
fn kind_of(trouble: &Trouble) -> (&'static str, Ends) {
    let state = match trouble {
        Trouble::Vault(VaultError::Unreachable(_)) => return ("unreachable", Ends::ServiceAway),
        Trouble::Vault(VaultError::TimedOut) => return ("timed-out", Ends::ServiceAway),
        Trouble::Vault(VaultError::NotFound) => "missing",
        Trouble::Vault(VaultError::Forbidden) => "role-missing",
        Trouble::Vault(VaultError::Disabled) => "disabled",
        Trouble::Vault(VaultError::Identity(_)) => "no-token",
        Trouble::Vault(VaultError::ForeignChallenge) => "foreign-challenge",
        Trouble::Vault(VaultError::Throttled { .. }) => "throttled",
        Trouble::Vault(VaultError::Malformed(_)) | Trouble::OtherVersion => "malformed",
        Trouble::Expired => "expired",
        Trouble::NotYet(_) => "not-yet",
        Trouble::Unusable(_) => "unusable",
    };
    (state, Ends::Found)
}

fn in_azure(declaration: &Declaration, trouble: &Trouble, place: Place<'_>) -> String {
    let name = declaration.name.as_str();
    let vault = place.vault_name();
    let set = |what: &str| {
        format!("az keyvault secret set-attributes --vault-name {vault} --name {name} {what}")
    };
    match trouble {
        Trouble::Vault(VaultError::NotFound) if declaration.version.is_some() => format!(
            "pin a version that is there: \
             az keyvault secret list-versions --vault-name {vault} --name {name}"
        ),
        Trouble::Vault(VaultError::NotFound) | Trouble::Expired | Trouble::Unusable(_) => {
            new_version(declaration, place)
        }
        Trouble::Vault(VaultError::Forbidden) => format!(
            "az role assignment create --role \"Key Vault Secrets User\" --assignee OBJECT-ID \
             --scope $(az keyvault show --name {vault} --query id --output tsv), then wait some \
             minutes"
        ),
        Trouble::Vault(VaultError::Disabled) => set("--enabled true"),
        Trouble::NotYet(from) => format!(
            "wait until {}, or: {}",
            moment(*from),
            set("--not-before DATE")
        ),
        Trouble::Vault(VaultError::Identity(_)) => {
            "put the vault and the identity into one tenant".to_owned()
        }
        Trouble::Vault(VaultError::Throttled { retry_after }) => wait(*retry_after),
        Trouble::Vault(
            VaultError::ForeignChallenge
            | VaultError::Unreachable(_)
            | VaultError::TimedOut
            | VaultError::Malformed(_),
        )
        | Trouble::OtherVersion => "cargo fn doctor  (again: the vault did answer)".to_owned(),
    }
}

fn at_devhost(declaration: &Declaration, trouble: &Trouble, place: Place<'_>) -> String {
    match trouble {
        Trouble::Vault(VaultError::Throttled { retry_after }) => wait(*retry_after),
        Trouble::Vault(VaultError::NotFound | VaultError::Disabled)
        | Trouble::Expired
        | Trouble::NotYet(_)
        | Trouble::Unusable(_) => new_version(declaration, place),
        Trouble::Vault(_) | Trouble::OtherVersion => {
            "cargo fn dev  (start it again; what was changed in its vault ends with it)".to_owned()
        }
    }
}

fn new_version(declaration: &Declaration, place: Place<'_>) -> String {
    let name = declaration.name.as_str();
    match place.home {
        Home::Devhost => {
            format!("give {name} a value in local.secrets.json, then start cargo fn dev again")
        }
        Home::Azure => format!(
            "az keyvault secret set --vault-name {} --name {name} --file FILE",
            place.vault_name()
        ),
    }
}

fn attributes(check: Check, attributes: Option<&Attributes>, now: SystemTime) -> Check {
    let time = |at: Option<SystemTime>| at.map_or(Value::Null, |at| moment(at).into());
    let Some(found) = attributes else {
        return check;
    };
    let days = found.expires.map(|end| days_until(end, now));
    check
        .with("version", found.version.as_str())
        .with("enabled", found.enabled)
        .with("notBefore", time(found.not_before))
        .with("expires", time(found.expires))
        .with("daysLeft", days)
}

fn declared(check: Check, declaration: &Declaration) -> Check {
    let pinned = declaration.version.as_ref();
    check
        .named(declaration.name.as_str())
        .with("required", declaration.need == Need::Required)
        .with("pinned", pinned.map(|version| version.as_str().to_owned()))
}

/// Whole days, 0 from the end on.
fn days_until(end: SystemTime, now: SystemTime) -> u64 {
    end.duration_since(now).unwrap_or_default().as_secs() / DAY.as_secs()
}

fn moment(time: SystemTime) -> String {
    let mut text = String::new();
    write_time(&mut text, time);
    text
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Time enough to rotate a secret without haste.
const FEW_DAYS: u64 = 30;
