//! Where the app's Key Vault is: an address that has been checked against the cloud's own names.

use azure_core::http::Url;

use crate::auth::Cloud;
use crate::settings::{Problems, Source, insecure_allowed};
use crate::telemetry::audit;

/// The address of a Key Vault of the app's cloud.
///
/// Tokens are sent there, so it is nobody else's: `https`, one label before the suffix of the
/// cloud's vaults, nothing after the host.
#[derive(Debug, Clone)]
pub(crate) struct VaultUri {
    url: Url,
    /// What the host ends in, without the dot before it.
    suffix: &'static str,
    login: LoginHosts,
}

/// Where a vault's challenge may send its callers for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoginHosts {
    /// These, over https.
    Of(&'static [&'static str]),
    /// This machine's, for tests.
    Loopback,
}

impl VaultUri {
    /// Reads the address from the settings.
    pub(crate) fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let insecure = problems.parse(source, INSECURE).unwrap_or(false);
        if source.get(SETTING).is_none() {
            problems.push(SETTING, "is not set: the app uses a vault");
            return None;
        }
        let url: Url = problems.parse(source, SETTING)?;
        if !is_bare_https(&url) {
            problems.push(
                SETTING,
                "has to be an https address with nothing but a host",
            );
            return None;
        }
        if insecure {
            return Self::for_tests(source, url, problems);
        }
        // What is wrong with the cloud is told where the rest of AUTH is read.
        let cloud = source
            .get(CLOUD)
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or_default();
        let (suffix, login) = names_of(cloud);
        if !is_vault_below(&url, suffix) || url.port().is_some() {
            problems.describe(
                SETTING,
                format!("has to be a vault of the cloud: https://<name>.{suffix}"),
            );
            return None;
        }
        let login = LoginHosts::Of(login);
        Some(Self { url, suffix, login })
    }

    fn for_tests(source: &dyn Source, url: Url, problems: &mut Problems) -> Option<Self> {
        if let Err(against) = insecure_allowed(source, &url) {
            problems.push(INSECURE, against);
            return None;
        }
        if !is_vault_below(&url, LOOPBACK_SUFFIX) {
            problems.describe(
                SETTING,
                format!("has to be https://<name>.{LOOPBACK_SUFFIX}:<port> beside {INSECURE}"),
            );
            return None;
        }
        Some(Self {
            url,
            suffix: LOOPBACK_SUFFIX,
            login: LoginHosts::Loopback,
        })
    }

    /// The address as the SDK's clients take it.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// What tokens for this vault are issued for, and what its challenges have to name.
    pub(crate) fn resource(&self) -> String {
        format!("https://{}", self.suffix)
    }

    /// Whether an address is on this vault.
    pub(crate) fn serves(&self, url: &Url) -> bool {
        url.origin() == self.url.origin() && has_no_user(url)
    }

    /// Whether a challenge of this vault may send its callers there for a token.
    pub(crate) fn signs_in_at(&self, authority: &str) -> bool {
        let Ok(url) = authority.parse::<Url>() else {
            return false;
        };
        let at_home = match self.login {
            LoginHosts::Of(hosts) => {
                url.scheme() == "https"
                    && url.port().is_none()
                    && url.host_str().is_some_and(|host| hosts.contains(&host))
            }
            LoginHosts::Loopback => crate::settings::is_loopback(&url),
        };
        at_home && has_no_user(&url)
    }

    /// Tells, at each start, that the vault is not the cloud's.
    pub(crate) fn tell_weakening(&self) {
        if self.login == LoginHosts::Loopback {
            audit::weakness(INSECURE, "secrets are read from a vault on this machine");
        }
    }
}

fn is_bare_https(url: &Url) -> bool {
    url.scheme() == "https"
        && has_no_user(url)
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Whether the host is one label of 3 to 24 letters, digits and hyphens before the suffix
/// (Microsoft Learn, "Azure Key Vault keys, secrets and certificates overview").
///
/// The parser of the address has brought the host to lower case.
fn is_vault_below(url: &Url, suffix: &str) -> bool {
    let label = url
        .host_str()
        .and_then(|host| host.strip_suffix(suffix))
        .and_then(|rest| rest.strip_suffix('.'));
    label.is_some_and(|label| {
        (3..=24).contains(&label.len())
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    })
}

/// The suffix of a cloud's vaults, and the login hosts that their challenges name.
fn names_of(cloud: Cloud) -> (&'static str, &'static [&'static str]) {
    match cloud {
        // Vaults name the older of the two names of the login host, too.
        Cloud::Public => (
            "vault.azure.net",
            &["login.microsoftonline.com", "login.windows.net"],
        ),
        Cloud::UsGov => ("vault.usgovcloudapi.net", &["login.microsoftonline.us"]),
        Cloud::China => (
            "vault.azure.cn",
            &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        ),
    }
}

/// The setting that names the vault.
pub(super) const SETTING: &str = "STOCKADE__SECRETS__VAULT_URI";
const INSECURE: &str = "STOCKADE__SECRETS__INSECURE_VAULT";
const CLOUD: &str = "STOCKADE__AUTH__CLOUD";

/// What vaults on this machine end in. The SDK wants a parent domain of the vault in its challenge,
/// so neither `localhost` nor 127.0.0.1 would do.
const LOOPBACK_SUFFIX: &str = "vault.localhost";

#[cfg(test)]
mod tests;
