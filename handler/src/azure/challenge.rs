//! Looks at a vault's challenge before the SDK acts on it.
//!
//! A vault answers the first request with 401 and names the resource that it wants a token for. The
//! SDK checks that the resource's host is a parent domain of the vault's, so `https://net` passes,
//! and takes whatever follows the first `resource="` or `scope="` in the header. Here the resource
//! has to be the cloud's own for vaults, and the SDK is handed a challenge that says just that.

use std::sync::Arc;

use azure_core::error::ErrorKind;
use azure_core::http::headers::{AUTHORIZATION, Headers, WWW_AUTHENTICATE};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, ClientOptions, Context, Request, StatusCode};

use super::identity::Identity;
use super::vault_uri::VaultUri;

/// Sees each request to a vault before it is sent, and each answer before the SDK does.
#[derive(Debug)]
pub(super) struct CheckChallenge {
    vault: VaultUri,
    /// Whose tokens they are that the vault may refuse.
    identity: Option<Arc<Identity>>,
}

/// Why a request or its answer goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    /// A token would leave for another address.
    #[error("the request is for another address than the vault's")]
    Address,
    /// The challenge wants another resource, or names another login host.
    #[error("the challenge is not a vault's")]
    Challenge,
}

impl CheckChallenge {
    /// The check alone, with nobody to hear of it.
    #[cfg(any(test, feature = "cli"))]
    pub(super) fn of(vault: &VaultUri) -> Arc<Self> {
        Arc::new(Self {
            vault: vault.clone(),
            identity: None,
        })
    }

    pub(super) fn is_ours(&self, challenge: &str) -> bool {
        let Some(wants) = Wants::read(challenge) else {
            return false;
        };
        let resource = self.vault.resource();
        let scope = format!("{resource}/.default");
        let right_resource = wants.resource.is_none_or(|found| found == resource);
        let right_scope = wants.scope.is_none_or(|found| found == scope);
        (wants.resource.is_some() || wants.scope.is_some())
            && right_resource
            && right_scope
            && self.vault.signs_in_at(wants.authority)
    }

    /// The one challenge that the SDK gets to see.
    fn own_challenge(&self) -> String {
        format!("Bearer resource=\"{}\"", self.vault.resource())
    }

    /// Adds the check to the options of a client that signs in to the vault as this identity, which
    /// hears of each of its tokens that the vault refuses.
    pub(super) fn guard(
        mut options: ClientOptions,
        vault: &VaultUri,
        identity: &Arc<Identity>,
    ) -> ClientOptions {
        // After the SDK's own policies, next to the transport: it sees each answer before they do.
        options.per_try_policies.push(Arc::new(Self {
            vault: vault.clone(),
            identity: Some(Arc::clone(identity)),
        }));
        options
    }

    /// Passes on that the vault has refused the token of a request, if there was one.
    fn tell(&self, request: &Request) {
        let credentials = request.headers().get_optional_str(&AUTHORIZATION);
        let token = credentials.and_then(|text| text.strip_prefix("Bearer "));
        if let (Some(identity), Some(token)) = (&self.identity, token) {
            let scope = format!("{}/.default", self.vault.resource());
            identity.refused(&scope, token);
        }
    }
}

#[async_trait::async_trait]
impl Policy for CheckChallenge {
    #[expect(
        elided_lifetimes_in_paths,
        reason = "the trait leaves it out, and to write it would change how it is bound"
    )]
    async fn send(
        &self,
        ctx: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        if !self.vault.serves(request.url()) {
            return Err(azure_core::Error::new(ErrorKind::Other, Foreign::Address));
        }
        let answer = next[0].send(ctx, request, &next[1..]).await?;
        if answer.status() != StatusCode::Unauthorized {
            return Ok(answer);
        }
        let challenge = answer.headers().get_optional_str(&WWW_AUTHENTICATE);
        if !challenge.is_some_and(|challenge| self.is_ours(challenge)) {
            return Err(azure_core::Error::new(ErrorKind::Other, Foreign::Challenge));
        }
        self.tell(request);
        let mut headers = Headers::new();
        headers.insert(WWW_AUTHENTICATE, self.own_challenge());
        Ok(AsyncRawResponse::from_bytes(answer.status(), headers, ""))
    }
}

/// What a Bearer challenge asks for (RFC 9110 §11.6.1; RFC 6750 §3).
#[derive(Debug, Default, PartialEq, Eq)]
struct Wants<'a> {
    authority: &'a str,
    resource: Option<&'a str>,
    scope: Option<&'a str>,
}

impl<'a> Wants<'a> {
    /// Reads the header, or nothing if it is written in any way in which vaults do not write it.
    fn read(challenge: &'a str) -> Option<Self> {
        let (scheme, mut rest) = challenge.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return None;
        }
        let (mut authority, mut resource, mut scope) = (None, None, None);
        while !rest.is_empty() {
            let (name, value, after) = parameter(rest.trim_start_matches([' ', '\t']))?;
            let slot = match name.to_ascii_lowercase().as_str() {
                "authorization" | "authorization_uri" => Some(&mut authority),
                "resource" => Some(&mut resource),
                "scope" => Some(&mut scope),
                _ => None,
            };
            if slot.is_some_and(|slot| slot.replace(value).is_some()) {
                return None;
            }
            rest = after;
        }
        Some(Self {
            authority: authority?,
            resource,
            scope,
        })
    }
}

/// One `name="value"`, and what follows the comma after it.
fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once("=\"")?;
    let (value, rest) = rest.split_once('"')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_name) || value.contains('\\') {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    match rest.strip_prefix(',') {
        Some(after) if !after.trim().is_empty() => Some((name, value, after)),
        None if rest.is_empty() => Some((name, value, "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
