//! The app's managed identity: the tokens with which it signs in to Azure's services.
//!
//! The platform gives the process an endpoint on this machine (`IDENTITY_ENDPOINT`,
//! `IDENTITY_HEADER`; Microsoft Learn, "How to use managed identities for App Service and Azure
//! Functions", REST endpoint reference), and Microsoft's `ManagedIdentityCredential` asks it. No
//! secret of an app registration is read anywhere. `tokens` keeps what comes back.

mod settings;
mod tokens;

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use settings::{ENDPOINT, IdentitySettings};
use tokens::Tokens;

use super::transport::{self, client_options};
use crate::auth::Guid;
use crate::settings::{Problems, Source};

/// An identity of the app. Clones share their tokens.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    tokens: Arc<Tokens>,
}

/// Why there is no token. No text holds anything that the endpoint said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub(super) enum TokenError {
    /// The platform does not know the identity (400).
    NotAssigned,
    /// Another status than 200.
    Status,
    /// No answer, and what stood between.
    Unreachable(&'static str),
    /// An answer that is no token.
    Malformed,
    /// A token that no longer counts.
    Expired,
    /// No whole answer in time.
    TimedOut,
    /// A scope that is none, or more than one.
    Scopes,
    /// The task that fetched it has ended without a word.
    Lost,
    /// Something else inside the SDK, or the Azure CLI.
    Failed,
}

impl Identity {
    /// The identity that the platform gives this process. Nothing is asked yet.
    pub(crate) fn open(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let settings = IdentitySettings::read(source, problems)?;
        Self::of(settings, problems)
    }

    /// The identity of this client id, whichever one the app uses elsewhere; the one that the platform
    /// assigns to the app itself without it.
    pub(crate) fn open_as(
        client_id: Option<Guid>,
        source: &dyn Source,
        problems: &mut Problems,
    ) -> Option<Self> {
        let settings = IdentitySettings::read_as(client_id, source, problems)?;
        Self::of(settings, problems)
    }

    fn of(settings: IdentitySettings, problems: &mut Problems) -> Option<Self> {
        static OPENED: Mutex<Vec<(IdentitySettings, Identity)>> = Mutex::new(Vec::new());

        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, identity)) = opened.iter().find(|(known, _)| *known == settings) {
            return Some(identity.clone());
        }
        let Ok(credential) = credential(&settings) else {
            problems.push(
                ENDPOINT,
                "belongs to a platform whose managed identity the Azure client cannot read",
            );
            return None;
        };
        let identity = Self::over(credential);
        opened.push((settings, identity.clone()));
        Some(identity)
    }

    /// Whether there is a token for this scope.
    #[cfg(feature = "cli")]
    pub(super) async fn sign_in(&self, scope: &str) -> Result<(), TokenError> {
        self.tokens.get(scope).await.map(drop)
    }

    /// The identity whose tokens come from `credential`.
    pub(crate) fn over(credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            tokens: Arc::new(Tokens::of(credential)),
        }
    }

    /// Forgets a token that its service refuses, so that the next caller gets another.
    pub(crate) fn refused(&self, scope: &str, token: &str) {
        self.tokens.refused(scope, token);
    }
}

#[async_trait::async_trait]
impl TokenCredential for Identity {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let outcome = match scopes {
            [scope] => self.tokens.get(scope).await,
            _ => Err(TokenError::Scopes),
        };
        // Of this kind nothing is retried: what keeps the tokens does that by itself.
        outcome.map_err(|error| azure_core::Error::new(ErrorKind::Credential, error))
    }
}

impl TokenError {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NotAssigned => {
                "the platform does not know the identity: assign it to the app, or mend \
                 STOCKADE__IDENTITY__CLIENT_ID"
            }
            Self::Status => "the identity endpoint answers with an error",
            Self::Unreachable(why) => why,
            Self::Malformed => "the identity endpoint's answer is no token",
            Self::Expired => "the identity endpoint's token has expired",
            Self::TimedOut => "the identity endpoint takes too long",
            Self::Scopes => "exactly one scope has to be asked for",
            Self::Lost => "the request for a token was given up",
            Self::Failed => "the sign-in failed",
        }
    }

    /// What an error of the SDK comes down to.
    fn of(error: &azure_core::Error) -> Self {
        // The credential wraps what happened in an error of its own kind.
        let telling =
            |error: &(dyn Error + 'static)| match error.downcast_ref::<azure_core::Error>()?.kind()
            {
                ErrorKind::Credential | ErrorKind::Other => None,
                kind => Some(kind.clone()),
            };
        match super::causes(error).find_map(telling) {
            Some(ErrorKind::HttpResponse { status, .. }) if u16::from(status) == 400 => {
                Self::NotAssigned
            }
            Some(ErrorKind::HttpResponse { .. }) => Self::Status,
            Some(ErrorKind::Io | ErrorKind::Connection) => {
                Self::Unreachable(transport::trouble(error))
            }
            Some(ErrorKind::DataConversion) => Self::Malformed,
            _ if super::cause::<transport::TransportError>(error).is_some() => {
                Self::Unreachable(transport::trouble(error))
            }
            _ => Self::Failed,
        }
    }
}

fn credential(settings: &IdentitySettings) -> azure_core::Result<Arc<dyn TokenCredential>> {
    match settings {
        IdentitySettings::Platform { client_id, .. } => {
            let platform = Platform {
                client_id: client_id.map(|id| id.as_str().to_owned()),
            };
            // What the SDK cannot read is told now.
            platform.ask_anew()?;
            Ok(Arc::new(platform))
        }
        #[cfg(feature = "dev")]
        IdentitySettings::AzureCli => Ok(azure_identity::AzureCliCredential::new(None)?),
    }
}

/// The platform's endpoint, asked each time: the SDK's own cache would hand out a token again that was
/// refused.
#[derive(Debug)]
struct Platform {
    client_id: Option<String>,
}

impl Platform {
    fn ask_anew(&self) -> azure_core::Result<Arc<ManagedIdentityCredential>> {
        let client_id = self.client_id.clone();
        ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
            user_assigned_id: client_id.map(UserAssignedId::ClientId),
            client_options: client_options(MAX_TOKEN_BYTES),
        }))
    }
}

#[async_trait::async_trait]
impl TokenCredential for Platform {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.ask_anew()?.get_token(scopes, options).await
    }
}

/// Access tokens with many groups and roles have some 10,000 bytes.
const MAX_TOKEN_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
