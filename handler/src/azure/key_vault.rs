//! Reads secrets from Azure Key Vault with Microsoft's client.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azure_core::error::ErrorKind;
use azure_core::http::headers::RETRY_AFTER;
use azure_core::http::{ClientOptions, RawResponse};
use azure_security_keyvault_secrets::models::{Secret, SecretClientGetSecretOptions};
use azure_security_keyvault_secrets::{ResourceExt as _, SecretClient, SecretClientOptions};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde::Deserialize;
use zeroize::Zeroize as _;

use super::cause;
use super::challenge::{CheckChallenge, Foreign};
use super::identity::{Identity, TokenError};
use super::transport::{TransportError, trouble};
use super::vault_uri::VaultUri;
use crate::secrets::vault::{Fetched, ObjectName, ObjectVersion, Vault, VaultError};

/// The secrets of one vault, read with one identity.
pub(super) struct KeyVault {
    client: SecretClient,
    /// The longest that one read may take, over all tries, with its token.
    patience: Duration,
}

impl KeyVault {
    pub(super) fn new(
        uri: &VaultUri,
        identity: Arc<Identity>,
        client_options: ClientOptions,
    ) -> Self {
        let options = SecretClientOptions {
            client_options: CheckChallenge::guard(client_options, uri, &identity),
            ..SecretClientOptions::default()
        };
        let client = SecretClient::new(uri.as_str(), identity, Some(options))
            .expect("a vault's address is an https address");
        Self {
            client,
            patience: PATIENCE,
        }
    }

    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    async fn read(
        &self,
        name: ObjectName,
        version: Option<ObjectVersion>,
    ) -> Result<Fetched, VaultError> {
        let options = SecretClientGetSecretOptions {
            secret_version: version.map(|version| version.as_str().to_owned()),
            ..SecretClientGetSecretOptions::default()
        };
        let answer = self
            .client
            .get_secret(name.as_str(), Some(options))
            .await
            .map_err(|error| refusal(&error))?;
        let body = answer.into_body();
        let secret = body.json();
        wipe(body.into());
        fetched(
            secret.map_err(|_| VaultError::Malformed("no JSON of a secret"))?,
            name,
            version,
        )
    }
}

impl Vault for KeyVault {
    fn get<'a>(
        &'a self,
        name: ObjectName,
        version: Option<ObjectVersion>,
    ) -> BoxFuture<'a, Result<Fetched, VaultError>> {
        tokio::time::timeout(self.patience, self.read(name, version))
            .map(|read| read.unwrap_or(Err(VaultError::TimedOut)))
            .boxed()
    }
}

/// Takes the value out before anything can go wrong, so that what is dropped holds none.
fn fetched(
    mut secret: Secret,
    name: ObjectName,
    pinned: Option<ObjectVersion>,
) -> Result<Fetched, VaultError> {
    let value = secret.value.take().map(sealed);
    let id = secret
        .resource_id()
        .map_err(|_| VaultError::Malformed("no id"))?;
    // The names of a vault ignore case.
    if !id.name.eq_ignore_ascii_case(name.as_str()) {
        return Err(VaultError::Malformed("the secret of another name"));
    }
    let version = id.version.as_deref().and_then(ObjectVersion::new);
    let version = version.ok_or(VaultError::Malformed("no version"))?;
    if pinned.is_some_and(|pinned| pinned != version) {
        return Err(VaultError::Malformed(
            "another version than the one asked for",
        ));
    }
    let attributes = secret
        .attributes
        .ok_or(VaultError::Malformed("no attributes"))?;
    Ok(Fetched {
        value: value.ok_or(VaultError::Malformed("no value"))?,
        version,
        enabled: attributes
            .enabled
            .ok_or(VaultError::Malformed("no word whether it is enabled"))?,
        not_before: attributes.not_before.map(SystemTime::from),
        expires: attributes.expires.map(SystemTime::from),
    })
}

/// Moves a value to where it is wiped when it is dropped. A copy of the exact size, since shrinking
/// a string in place may leave its old buffer behind.
fn sealed(mut value: String) -> SecretString {
    let sealed = SecretString::from(value.as_str());
    value.zeroize();
    sealed
}

/// Wipes the answer, which nobody else holds.
pub(super) fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
}

/// What an error of the SDK comes down to, without a word of what the vault said.
pub(super) fn refusal(error: &azure_core::Error) -> VaultError {
    if let Some(error) = cause::<TokenError>(error) {
        return VaultError::Identity(error.text());
    }
    if cause::<Foreign>(error).is_some() {
        return VaultError::ForeignChallenge;
    }
    if let Some(TransportError::TooLarge) = cause(error) {
        return VaultError::Malformed("too large");
    }
    match error.kind() {
        ErrorKind::HttpResponse {
            status,
            raw_response,
            ..
        } => status_refusal(u16::from(*status), raw_response.as_deref()),
        _ => VaultError::Unreachable(trouble(error as &(dyn Error + 'static))),
    }
}

pub(super) fn status_refusal(status: u16, answer: Option<&RawResponse>) -> VaultError {
    match status {
        // The challenge was a vault's, and the token did not do.
        401 => VaultError::Identity("the vault refuses it; is the vault in the identity's tenant?"),
        403 => match answer.and_then(inner_code).as_deref() {
            Some("SecretDisabled" | "KeyDisabled") => VaultError::Disabled,
            Some("ForbiddenByFirewall" | "ForbiddenByConnection") => {
                VaultError::Unreachable("its firewall does not let the app in")
            }
            _ => VaultError::Forbidden,
        },
        404 => VaultError::NotFound,
        429 => VaultError::Throttled {
            retry_after: answer.and_then(retry_after),
        },
        300..=399 => VaultError::Unreachable("it redirects, which no vault does"),
        500..=599 => VaultError::Unreachable("it answers that it is out of order"),
        _ => VaultError::Unreachable("an answer that no vault gives"),
    }
}

/// The inner code of a refusal, which tells a disabled secret or key from a missing role (Microsoft Learn,
/// "Key Vault REST API error codes").
fn inner_code(answer: &RawResponse) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Outer,
    }
    #[derive(Deserialize)]
    struct Outer {
        innererror: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: Option<String>,
    }
    let refusal: Refusal = serde_json::from_slice(answer.body()).ok()?;
    refusal.error.innererror?.code
}

/// The seconds of `Retry-After`, up to a bound: it is a wish, and a year would be an outage.
fn retry_after(answer: &RawResponse) -> Option<Duration> {
    let seconds = answer.headers().get_optional_str(&RETRY_AFTER)?;
    let seconds: u64 = seconds.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WISH))
}

/// A secret has at most 25,000 bytes, and tags.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
const LONGEST_WISH: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
