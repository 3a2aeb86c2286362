//! What a caller who was turned away is told of it, beside the status: the `WWW-Authenticate` header
//! (RFC 6750 §3).
//!
//! Without credentials it names the scheme alone. Every token that is refused gets the same words, so
//! that nobody learns which check it failed. Nothing in it comes from the request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};

use super::authority::{Authority, Cloud};
use super::denial::{Denial, Told};
use super::resource::ResourceId;
use super::settings::AuthSettings;

/// How an app challenges its callers.
#[derive(Debug, Clone)]
pub struct Challenges {
    /// Where a user signs in again.
    authority: Authority,
    /// Where the metadata of this protected resource is (RFC 9728 §5.1).
    resource_metadata: Option<String>,
}

/// A caller who was turned away, and the challenge that goes with the answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.denial)]
pub struct Refusal(Box<Refused>);

/// Boxed, because it is rare: what an outcome might hold is carried by every invocation.
#[derive(Debug)]
struct Refused {
    denial: Denial,
    challenge: Option<HeaderValue>,
}

impl Default for Challenges {
    fn default() -> Self {
        Self {
            authority: Authority::of(Cloud::default()),
            resource_metadata: None,
        }
    }
}

impl Challenges {
    /// Challenges by settings, and by nothing that a request says.
    pub(super) fn new(settings: &AuthSettings) -> Self {
        let resource = settings.resource.as_ref();
        Self {
            authority: settings.authority.clone(),
            resource_metadata: resource.map(ResourceId::metadata_address),
        }
    }

    /// Turns a caller away.
    pub(crate) fn refuse(&self, denial: Denial) -> Refusal {
        let challenge = self.challenge(&denial.told());
        Refusal(Box::new(Refused { denial, challenge }))
    }

    fn challenge(&self, told: &Told<'_>) -> Option<HeaderValue> {
        let mut challenge = match told {
            Told::Nothing => Challenge::new(),
            Told::InvalidToken => Challenge::new().with("error", "invalid_token"),
            Told::InsufficientScope(scopes) => {
                let named: Vec<&str> = scopes.iter().copied().filter(|s| is_scope(s)).collect();
                let challenge = Challenge::new().with("error", "insufficient_scope");
                match named.is_empty() {
                    true => challenge,
                    false => challenge.with("scope", &named.join(" ")),
                }
            }
            Told::InsufficientClaims { context, tenant } => {
                // A realm that is not empty has to be the tenant of the address (Entra ID: claims
                // challenge).
                let request = format!(
                    r#"{{"access_token":{{"acrs":{{"essential":true,"value":"{context}"}}}}}}"#
                );
                Challenge::new()
                    .with("realm", tenant.as_str())
                    .with(
                        "authorization_uri",
                        self.authority.authorize(*tenant).as_str(),
                    )
                    .with("error", "insufficient_claims")
                    .with("claims", &STANDARD.encode(request))
            }
            Told::Forbidden | Told::TooMany(_) | Told::Later(_) => return None,
        };
        if let Some(address) = &self.resource_metadata {
            challenge = challenge.with("resource_metadata", address);
        }
        Some(challenge.into_value())
    }
}

impl Refusal {
    /// Why, for the operator.
    pub fn denial(&self) -> &Denial {
        &self.0.denial
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.denial.status()
    }

    /// The `WWW-Authenticate` header of the answer, if it has one.
    pub fn www_authenticate(&self) -> Option<&HeaderValue> {
        self.0.challenge.as_ref()
    }
}

/// A challenge in the making: `Bearer name="value", …` (RFC 9110 §11.6.1).
struct Challenge(String);

impl Challenge {
    fn new() -> Self {
        Self("Bearer".to_owned())
    }

    /// Adds a parameter. `value` is visible ASCII and spaces, without `"` and `\`.
    fn with(mut self, name: &str, value: &str) -> Self {
        let separator = if self.0.contains(' ') { ", " } else { " " };
        self.0.extend([separator, name, "=\"", value, "\""]);
        self
    }

    fn into_value(self) -> HeaderValue {
        HeaderValue::try_from(self.0).expect("parameters are visible ASCII")
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(denial: Denial) -> String {
        let refusal = Challenges::default().refuse(denial);
        let value = refusal.www_authenticate().expect("a challenge");
        value.to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn without_a_token_the_challenge_has_no_error_and_with_a_bad_one_it_has() {
        assert_eq!(Denial::MissingToken.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(challenge(Denial::MissingToken), "Bearer");

        for denial in [Denial::Expired, Denial::Audience, Denial::Signature] {
            assert_eq!(denial.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(challenge(denial), r#"Bearer error="invalid_token""#);
        }
    }

    #[test]
    fn a_missing_permission_is_told_with_the_scopes_that_would_do() {
        let scopes = vec!["Orders.Read", "Orders.Write", "not a scope", "\"quoted\""];
        let denial = Denial::MissingPermission { scopes };

        assert_eq!(denial.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            challenge(denial),
            r#"Bearer error="insufficient_scope", scope="Orders.Read Orders.Write""#
        );
    }

    #[test]
    fn a_missing_role_is_told_without_naming_it() {
        let denial = Denial::MissingPermission { scopes: Vec::new() };

        assert_eq!(challenge(denial), r#"Bearer error="insufficient_scope""#);
    }

    #[test]
    fn a_caller_that_asks_too_much_is_told_when_to_come_back_and_not_to_bring_another_token() {
        for (denial, seconds) in [
            (Denial::CallerConcurrency, 1),
            (Denial::CallerRate { retry_after: 7 }, 7),
        ] {
            let refusal = Challenges::default().refuse(denial);

            assert_eq!(refusal.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(refusal.denial().retry_after(), Some(seconds));
            assert!(refusal.www_authenticate().is_none());
        }
    }

    #[test]
    fn a_missing_context_is_told_to_a_client_that_can_act_on_it() {
        let tenant = super::super::testing::tenant_id();
        let denial = |challenge| Denial::AuthenticationContext {
            context: "c1",
            challenge,
        };

        assert_eq!(denial(Some(tenant)).status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            challenge(denial(Some(tenant))),
            format!(
                "Bearer realm=\"{tenant}\", authorization_uri=\
                 \"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize\", \
                 error=\"insufficient_claims\", claims=\
                 \"eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19\""
            )
        );
        assert_eq!(denial(None).status(), StatusCode::FORBIDDEN);
        assert_eq!(
            challenge(denial(None)),
            r#"Bearer error="insufficient_scope""#
        );
    }

    #[test]
    fn every_challenge_names_the_metadata_of_the_resource_where_there_is_one() {
        let tenant = super::super::testing::TestTenant::new();
        let setting = ("STOCKADE__AUTH__RESOURCE", "https://orders.example/api");
        let challenges = Challenges::new(&tenant.settings(&[setting]));
        let address = "https://orders.example/api/.well-known/oauth-protected-resource";

        for (denial, before) in [
            (Denial::MissingToken, "Bearer "),
            (Denial::Expired, "Bearer error=\"invalid_token\", "),
            (Denial::Group, "Bearer error=\"insufficient_scope\", "),
            (
                Denial::AuthenticationContext {
                    context: "c1",
                    challenge: None,
                },
                "Bearer error=\"insufficient_scope\", ",
            ),
        ] {
            let refusal = challenges.refuse(denial);
            let challenge = refusal.www_authenticate().expect("a challenge");
            let expected = format!("{before}resource_metadata=\"{address}\"");
            assert_eq!(challenge, expected.as_str());
        }
    }

    #[test]
    fn missing_keys_are_not_the_callers_fault() {
        let refusal = Challenges::default().refuse(Denial::KeysUnavailable {
            retry_after: 7,
            cause: None,
        });

        assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refusal.denial().retry_after(), Some(7));
        assert!(refusal.www_authenticate().is_none());
    }
}
