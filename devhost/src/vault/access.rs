//! Who may ask the vault: holders of a token that the tenant signed for it.

use http::{HeaderMap, HeaderValue, header};

use crate::tenant::{TENANT, Tenant, TokenError};

use super::RESOURCE;

/// The challenge of a vault (Key Vault, "Authentication, requests and responses").
pub(super) fn challenge(
    tenant: &Tenant,
    authority: Option<&str>,
    resource: Option<&str>,
) -> HeaderValue {
    let own = format!("{}/{TENANT}", tenant.origin());
    let authority = authority.unwrap_or(&own);
    let resource = resource.unwrap_or(RESOURCE);
    HeaderValue::try_from(format!(
        r#"Bearer authorization="{authority}", resource="{resource}""#
    ))
    .expect("an origin is written in visible characters")
}

/// Lets a request in, or says what is wrong in the vault's words.
pub(super) fn authenticate(headers: &HeaderMap, tenant: &Tenant) -> Result<(), String> {
    let token = bearer(headers).ok_or("AKV10000: Request is missing a Bearer or PoP token.")?;
    let Err(wrong) = tenant.verify(token, RESOURCE) else {
        return Ok(());
    };
    Err(match wrong {
        TokenError::Audience => format!("AKV10022: Invalid audience. Expected {RESOURCE}."),
        TokenError::Issuer => "AKV10032: Invalid issuer.".to_owned(),
        wrong => format!("Error validating token: {wrong}."),
    })
}

/// The scheme's name ignores case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
