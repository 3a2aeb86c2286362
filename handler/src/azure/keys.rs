//! Uses keys of Azure Key Vault with Microsoft's client.

use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, RequestContent, Response, StatusCode, Url};
use azure_security_keyvault_keys::models::{
    EncryptionAlgorithm, KeyClientSignOptions, KeyOperationParameters, KeyOperationResult,
    SignParameters, SignatureAlgorithm,
};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions, ResourceExt as _, ResourceId};
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::challenge::CheckChallenge;
use super::identity::Identity;
use super::key_vault::{PATIENCE, refusal, wipe};
use super::vault_uri::VaultUri;
use crate::keys::vault::{KeyError, Keys};
use crate::keys::{Decrypted, DecryptionAlgorithm, KeyVersion, Signature, SigningAlgorithm};
use crate::secrets::vault::{ObjectName, ObjectVersion, VaultError};

/// The keys of one vault, used with one identity.
pub(super) struct KeyVaultKeys {
    client: KeyClient,
    vault: VaultUri,
    /// The longest that one use may take, over all tries, with its token.
    patience: Duration,
}

impl KeyVaultKeys {
    pub(super) fn new(
        uri: &VaultUri,
        identity: Arc<Identity>,
        client_options: ClientOptions,
    ) -> Self {
        let options = KeyClientOptions {
            client_options: CheckChallenge::guard(client_options, uri, &identity),
            ..KeyClientOptions::default()
        };
        let client = KeyClient::new(uri.as_str(), identity, Some(options))
            .expect("a vault's address is an https address");
        Self {
            client,
            vault: uri.clone(),
            patience: PATIENCE,
        }
    }

    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits for an answer, and takes from it what is about this key.
    async fn answer(
        &self,
        name: ObjectName,
        version: Option<ObjectVersion>,
        answer: impl Future<Output = azure_core::Result<Response<KeyOperationResult>>>,
    ) -> Result<(Zeroizing<Vec<u8>>, KeyVersion), KeyError> {
        let answer = tokio::time::timeout(self.patience, answer)
            .await
            .map_err(|_| VaultError::TimedOut)?
            .map_err(|error| refused(&error))?;
        let body = answer.into_body();
        let outcome = body.json();
        wipe(body.into());
        let mut outcome: KeyOperationResult =
            outcome.map_err(|_| VaultError::Malformed("no JSON of a key operation"))?;
        let bytes = outcome.result.take().map(Zeroizing::new);
        let id = outcome
            .resource_id()
            .map_err(|_| VaultError::Malformed("no id of a key"))?;
        let version = self.check(&id, name, version)?;
        let bytes = bytes.ok_or(VaultError::Malformed("no result"))?;
        Ok((bytes, version.into()))
    }

    /// The version that an answer is about, if it is about this key of this vault.
    fn check(
        &self,
        id: &ResourceId,
        name: ObjectName,
        wanted: Option<ObjectVersion>,
    ) -> Result<ObjectVersion, VaultError> {
        let url: Option<Url> = id.source_id.parse().ok();
        if !url.is_some_and(|url| self.vault.serves(&url)) {
            return Err(VaultError::Malformed("the key of another vault"));
        }
        // The names of a vault ignore case.
        if !id.name.eq_ignore_ascii_case(name.as_str()) {
            return Err(VaultError::Malformed("the key of another name"));
        }
        let version = id.version.as_deref().and_then(ObjectVersion::new);
        let version = version.ok_or(VaultError::Malformed("no version"))?;
        if wanted.is_some_and(|wanted| wanted != version) {
            return Err(VaultError::Malformed(
                "another version than the one asked for",
            ));
        }
        Ok(version)
    }
}

impl Keys for KeyVaultKeys {
    fn sign<'a>(
        &'a self,
        name: ObjectName,
        version: Option<ObjectVersion>,
        algorithm: SigningAlgorithm,
        digest: &'a [u8],
    ) -> BoxFuture<'a, Result<Signature, KeyError>> {
        Box::pin(async move {
            let parameters = content(SignParameters {
                algorithm: Some(signing(algorithm)),
                value: Some(digest.to_vec()),
            })?;
            let options = KeyClientSignOptions {
                key_version: version.map(|version| version.as_str().to_owned()),
                ..KeyClientSignOptions::default()
            };
            let answer = self.client.sign(name.as_str(), parameters, Some(options));
            let (signature, version) = self.answer(name, version, answer).await?;
            Ok(Signature::new(signature.to_vec(), version))
        })
    }

    fn decrypt<'a>(
        &'a self,
        name: ObjectName,
        version: ObjectVersion,
        algorithm: DecryptionAlgorithm,
        ciphertext: &'a [u8],
    ) -> BoxFuture<'a, Result<Decrypted, KeyError>> {
        Box::pin(async move {
            let parameters = content(KeyOperationParameters {
                algorithm: Some(decryption(algorithm)),
                value: Some(ciphertext.to_vec()),
                ..KeyOperationParameters::default()
            })?;
            let answer = self
                .client
                .decrypt(name.as_str(), version.as_str(), parameters, None);
            let (plaintext, _) = self.answer(name, Some(version), answer).await?;
            Ok(Decrypted::new(plaintext))
        })
    }
}

fn content<T>(parameters: T) -> Result<RequestContent<T>, VaultError>
where
    RequestContent<T>: TryFrom<T>,
{
    let content = RequestContent::try_from(parameters);
    content.map_err(|_| VaultError::Unreachable("the request cannot be written"))
}

/// What an error of the SDK comes down to, without a word of what the vault said.
fn refused(error: &azure_core::Error) -> KeyError {
    match error.kind() {
        ErrorKind::HttpResponse {
            status: StatusCode::BadRequest,
            ..
        } => KeyError::Refused,
        _ => refusal(error).into(),
    }
}

fn signing(algorithm: SigningAlgorithm) -> SignatureAlgorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => SignatureAlgorithm::Rs256,
        SigningAlgorithm::Rs384 => SignatureAlgorithm::Rs384,
        SigningAlgorithm::Rs512 => SignatureAlgorithm::Rs512,
        SigningAlgorithm::Ps256 => SignatureAlgorithm::Ps256,
        SigningAlgorithm::Ps384 => SignatureAlgorithm::Ps384,
        SigningAlgorithm::Ps512 => SignatureAlgorithm::Ps512,
        SigningAlgorithm::Es256 => SignatureAlgorithm::Es256,
        SigningAlgorithm::Es384 => SignatureAlgorithm::Es384,
        SigningAlgorithm::Es512 => SignatureAlgorithm::Es512,
    }
}

fn decryption(algorithm: DecryptionAlgorithm) -> EncryptionAlgorithm {
    match algorithm {
        DecryptionAlgorithm::RsaOaep256 => EncryptionAlgorithm::RsaOaep256,
        DecryptionAlgorithm::RsaOaep => EncryptionAlgorithm::RsaOaep,
    }
}

/// A signature or a plaintext has at most 512 bytes, and an error its words.
pub(super) const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
