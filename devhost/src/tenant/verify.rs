//! Checks tokens for the stand-ins that take them, as careful services do.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::token::{Version, issuer};
use super::{TENANT, Tenant};

/// Why a token is not one for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No signed token, or none that has the claims of one.
    #[error("the token is malformed")]
    Malformed,
    /// Signed by a key that the tenant does not publish, or not signed rightly.
    #[error("the signature is not the tenant's")]
    Signature,
    /// From another tenant.
    #[error("the issuer is not the tenant")]
    Issuer,
    /// For another application.
    #[error("the audience is another")]
    Audience,
    /// Over, or not begun.
    #[error("the token is not valid now")]
    Lifetime,
}

/// Who a token is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Caller {
    /// The user or service principal.
    pub oid: String,
}

impl Tenant {
    /// Accepts a token that this tenant's published keys signed for an audience.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names what is wrong with it.
    pub fn verify(&self, token: &str, audience: &str) -> Result<Caller, TokenError> {
        let kid = decode_header(token)
            .map_err(|_| TokenError::Malformed)?
            .kid
            .ok_or(TokenError::Malformed)?;
        let key = self.published_key(&kid).ok_or(TokenError::Signature)?;
        let issuers =
            [Version::V1, Version::V2].map(|version| issuer(&self.shared.origin, TENANT, version));
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
        rules.set_audience(&[audience]);
        rules.set_issuer(&issuers);
        rules.validate_nbf = true;
        rules.leeway = 0;
        decode::<Caller>(token, &key, &rules)
            .map(|data| data.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature
                | ErrorKind::InvalidAlgorithm
                | ErrorKind::InvalidAlgorithmName => TokenError::Signature,
                ErrorKind::InvalidIssuer => TokenError::Issuer,
                ErrorKind::InvalidAudience => TokenError::Audience,
                ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => TokenError::Lifetime,
                _ => TokenError::Malformed,
            })
    }

    fn published_key(&self, kid: &str) -> Option<DecodingKey> {
        let key = {
            let state = self.lock();
            state.keys.iter().find(|key| key.kid() == kid)?.clone()
        };
        let jwk = key.jwk(kid);
        DecodingKey::from_rsa_components(jwk["n"].as_str()?, jwk["e"].as_str()?).ok()
    }
}
