//! How far the app gets on its way to the vault: the identity, the address, and then the secrets.

use std::sync::Arc;

use azure_core::http::headers::WWW_AUTHENTICATE;
use azure_core::http::{HttpClient as _, Method, Request, StatusCode, Url};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::challenge::CheckChallenge;
use super::identity::{Identity, TokenError};
use super::key_vault::{KeyVault, MAX_ANSWER_BYTES, refusal, status_refusal};
use super::transport::{bare_client, client_options};
use super::vault_uri::VaultUri;
use crate::secrets::vault::{
    Approach, Fetched, NoToken, ObjectName, ObjectVersion, Vault, VaultError,
};
use crate::settings::{Problems, Source};

/// Opens the vault that the settings name as [`open_vault`](super::open_vault) does.
pub(crate) fn open_approach(
    source: &dyn Source,
    problems: &mut Problems,
) -> Option<Arc<dyn Approach>> {
    let uri = VaultUri::read(source, problems);
    let identity = Identity::open(source, problems);
    let (uri, identity) = (uri?, identity?);
    let options = client_options(MAX_ANSWER_BYTES);
    Some(Arc::new(Approached {
        vault: KeyVault::new(&uri, Arc::new(identity.clone()), options),
        uri,
        identity,
    }))
}

struct Approached {
    uri: VaultUri,
    identity: Identity,
    vault: KeyVault,
}

impl Vault for Approached {
    fn get<'a>(
        &'a self,
        name: ObjectName,
        version: Option<ObjectVersion>,
    ) -> BoxFuture<'a, Result<Fetched, VaultError>> {
        self.vault.get(name, version)
    }
}

impl Approach for Approached {
    fn address(&self) -> &str {
        self.uri.as_str().trim_end_matches('/')
    }

    fn sign_in(&self) -> BoxFuture<'_, Result<(), NoToken>> {
        let scope = format!("{}/.default", self.uri.resource());
        async move {
            let signed_in = self.identity.sign_in(&scope).await;
            signed_in.map_err(no_token)
        }
        .boxed()
    }

    fn knock(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        knock(&self.uri).boxed()
    }
}

fn no_token(error: TokenError) -> NoToken {
    match error {
        TokenError::Unreachable(_) | TokenError::TimedOut | TokenError::Lost => {
            NoToken::Away(error.text())
        }
        TokenError::NotAssigned
        | TokenError::Status
        | TokenError::Malformed
        | TokenError::Expired
        | TokenError::Scopes
        | TokenError::Failed => NoToken::Refused(error.text()),
    }
}

/// Asks without a token: a vault answers with 401 and its own challenge (Microsoft Learn,
/// "Authentication, requests and responses").
async fn knock(uri: &VaultUri) -> Result<(), VaultError> {
    let url: Url = format!("{}secrets?api-version=7.4", uri.as_str())
        .parse()
        .expect("a path and a query follow an address that was read");
    let client = bare_client(MAX_ANSWER_BYTES);
    let answer = client
        .execute_request(&Request::new(url, Method::Get))
        .await
        .map_err(|error| refusal(&error))?;
    match answer.status() {
        StatusCode::Unauthorized => {
            let challenge = answer.headers().get_optional_str(&WWW_AUTHENTICATE);
            let is_ours = |text| CheckChallenge::of(uri).is_ours(text);
            if challenge.is_some_and(is_ours) {
                return Ok(());
            }
            Err(VaultError::ForeignChallenge)
        }
        status if status.is_success() => Err(VaultError::Malformed(
            "it answers without asking for a token, which no vault does",
        )),
        status => {
            let answer = answer.try_into_raw_response().await.ok();
            Err(status_refusal(u16::from(status), answer.as_ref()))
        }
    }
}
