//! Why a caller was turned away, for the operator; and the little of it that the caller is told.

use http::StatusCode;

use super::guid::TenantId;
use super::keys::KeyError;

/// Why a caller was turned away. Logged in full; the caller learns only the status.
///
/// The texts say what to do about it. None of them holds a token or the text of a claim.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The request has no `Authorization` header.
    #[error("no bearer token; the caller has to send `Authorization: Bearer <access token>`")]
    MissingToken,
    /// The credentials are of another kind.
    #[error("the credentials are not a bearer token")]
    NotBearer,
    /// The request has more than one `Authorization` header.
    #[error("more than one Authorization header; exactly one is accepted")]
    SeveralCredentials,
    /// What follows the scheme is not a token (RFC 6750 §2.1).
    #[error("the Authorization header does not hold one well-formed bearer token")]
    MalformedCredentials,
    /// The token is longer than `STOCKADE__AUTH__MAX_TOKEN_BYTES`.
    #[error("the token is longer than STOCKADE__AUTH__MAX_TOKEN_BYTES allows")]
    TokenTooLong,
    /// The token is not a signed JWT in compact form (RFC 7515 §7.1).
    #[error("the token is not a signed JWT: {0}")]
    Malformed(&'static str),
    /// The token's algorithm is not RS256.
    #[error("the token is not signed with RS256")]
    Algorithm,
    /// The token's header breaks a rule.
    #[error("the token's header is refused: {0}")]
    Header(&'static str),
    /// A claim is missing or is of the wrong type.
    #[error("the token's `{0}` claim is missing or is not what it has to be")]
    Claim(&'static str),
    /// A v1 token, and `STOCKADE__AUTH__ACCEPT_V1` is off.
    #[error(
        "v1 token where v2 was expected; set `requestedAccessTokenVersion` to 2 in the app \
         registration, or accept v1 with STOCKADE__AUTH__ACCEPT_V1"
    )]
    Version1,
    /// The token was made for Microsoft Graph.
    #[error(
        "this token is for Microsoft Graph; the caller has to ask for a scope of this app, such \
         as api://<client id>/.default"
    )]
    MicrosoftGraph,
    /// The issuer is not the one that tokens of this tenant, version and cloud have.
    #[error("the token's issuer is not the one that this cloud has for its tenant and version")]
    Issuer,
    /// The token is for a tenant that is not on the list.
    #[error("the token is for tenant {found}, which STOCKADE__AUTH__TENANTS does not list")]
    Tenant {
        /// The tenant that the token names.
        found: TenantId,
    },
    /// The token was made for another app.
    #[error("the token is for another app: STOCKADE__AUTH__AUDIENCES does not list its audience")]
    Audience,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is not valid yet.
    #[error("the token is not valid yet; compare this machine's clock with the issuer's")]
    NotYetValid,
    /// The dates of the token contradict each other.
    #[error("the token's lifetime ends before it begins")]
    Lifetime,
    /// The tenant publishes no key of this name.
    #[error("the token is signed with a key that its tenant does not publish")]
    UnknownKey,
    /// The key may not be used for this token.
    #[error("the key that the token names is unusable: {0}")]
    UnusableKey(&'static str),
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// An ID token.
    #[error("this is an ID token, which is for the client; the caller has to send an access token")]
    IdToken,
    /// The token is bound to a key (RFC 7800), so a bearer may not use it.
    #[error("the token is bound to a key of its holder and cannot be used as a bearer token")]
    BoundToken,
    /// The token was given to an application that is not on the list.
    #[error("the calling application is not one that STOCKADE__AUTH__CLIENTS lists")]
    Client,
    /// The caller is not on the list.
    #[error("the caller is not one that STOCKADE__AUTH__PRINCIPALS lists")]
    UnlistedPrincipal,
    /// The caller is in no group on the list.
    #[error("the caller is a member of none of the groups that STOCKADE__AUTH__GROUPS lists")]
    Group,
    /// There is no list of groups to look into.
    #[error(
        "the token's `groups` claim is missing or is not a list of object ids; let the app \
         registration emit group ids (`groupMembershipClaims`)"
    )]
    GroupsClaim,
    /// The caller is in more groups than a token holds.
    #[error(
        "the caller is in more groups than a token holds; let the app registration emit the groups \
         assigned to the application alone (`groupMembershipClaims`: `ApplicationGroup`), or use \
         app roles"
    )]
    GroupsElsewhere,
    /// The client proved itself to Entra by less than is asked for.
    #[error(
        "the calling application did not prove itself by what STOCKADE__AUTH__MIN_CLIENT_CREDENTIAL \
         asks for"
    )]
    ClientCredential,
    /// An application's own token that carries delegated scopes.
    #[error("the token is an application's own and yet carries delegated scopes")]
    ContradictoryPermissions,
    /// The caller has enough under way already.
    #[error(
        "the caller has as many invocations under way as \
         STOCKADE__LIMITS__CALLER_CONCURRENT_INVOCATIONS allows; raise it if that is what the \
         caller is meant to need"
    )]
    CallerConcurrency,
    /// The caller comes too often.
    #[error(
        "the caller makes more requests than STOCKADE__LIMITS__CALLER_REQUESTS_PER_MINUTE \
         allows; raise it if that is what the caller is meant to need"
    )]
    CallerRate {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// The app asks for client certificates, and none came.
    #[error(
        "no client certificate came in X-ARR-ClientCert; set `clientCertMode` to Required, without \
         exclusion paths, and have the caller present its certificate"
    )]
    CertificateMissing,
    /// What came is not one certificate.
    #[error("the client certificate cannot be read: {0}")]
    CertificateMalformed(&'static str),
    /// The certificate is not pinned and chains to no listed authority.
    #[error("the client certificate is not trusted: {0}")]
    CertificateUntrusted(&'static str),
    /// The certificate has expired.
    #[error("the client certificate has expired; the caller has to renew it")]
    CertificateExpired,
    /// The certificate is not valid yet.
    #[error(
        "the client certificate is not valid yet; compare this machine's clock with its issuer's"
    )]
    CertificateNotYetValid,
    /// The certificate is not for TLS clients.
    #[error("the client certificate is not for clients: {0}")]
    CertificatePurpose(&'static str),
    /// The certificate's key or signature is too weak.
    #[error("the client certificate is too weak: {0}")]
    CertificateAlgorithm(&'static str),
    /// The token is genuine but does not allow this call.
    #[error("the token carries none of the permissions that the function asks for")]
    MissingPermission {
        /// The scopes that would have allowed it, which the caller is told.
        scopes: Vec<&'static str>,
    },
    /// The token allows this call, but its user has not signed in as strongly as the call asks for.
    #[error("the token lacks the authentication context {context} that the function asks for")]
    AuthenticationContext {
        /// The context that would have done.
        context: &'static str,
        /// The tenant to get it from, where the client can act on such a challenge (`xms_cc`).
        challenge: Option<TenantId>,
    },
    /// Whether the token is genuine cannot be told: there are no keys to check it with.
    #[error("signing keys could not be fetched")]
    KeysUnavailable {
        /// When to try again, in seconds.
        retry_after: u64,
        /// What went wrong with the last attempt.
        #[source]
        cause: Option<std::sync::Arc<KeyError>>,
    },
}

impl Denial {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.told() {
            Told::Nothing | Told::InvalidToken | Told::InsufficientClaims { .. } => {
                StatusCode::UNAUTHORIZED
            }
            Told::InsufficientScope(_) | Told::Forbidden => StatusCode::FORBIDDEN,
            Told::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Told::Later(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When the caller may try again, in seconds, if that would help.
    pub fn retry_after(&self) -> Option<u64> {
        match self.told() {
            Told::TooMany(seconds) | Told::Later(seconds) => Some(seconds),
            Told::Nothing
            | Told::InvalidToken
            | Told::InsufficientClaims { .. }
            | Told::InsufficientScope(_)
            | Told::Forbidden => None,
        }
    }

    /// What the caller lacks.
    pub(crate) fn concern(&self) -> Concern {
        match self.told() {
            // Certificates are refused like this, and they too are about who is calling.
            Told::Nothing | Told::InvalidToken | Told::Forbidden | Told::Later(_) => {
                Concern::Credentials
            }
            Told::InsufficientScope(_) | Told::InsufficientClaims { .. } | Told::TooMany(_) => {
                Concern::Permission
            }
        }
    }

    /// Whether the caller is told to have its user sign in again.
    pub(crate) fn wants_another_sign_in(&self) -> bool {
        matches!(self.told(), Told::InsufficientClaims { .. })
    }

    /// The rule that failed, as a short name that stays the same for logs and dashboards.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::NotBearer => "not_bearer",
            Self::SeveralCredentials => "several_credentials",
            Self::MalformedCredentials => "malformed_credentials",
            Self::TokenTooLong => "token_too_long",
            Self::Malformed(_) => "malformed_token",
            Self::Algorithm => "algorithm",
            Self::Header(_) => "token_header",
            Self::Claim(_) => "claim",
            Self::Version1 => "version_1",
            Self::MicrosoftGraph => "microsoft_graph",
            Self::Issuer => "issuer",
            Self::Tenant { .. } => "tenant",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::UnknownKey => "unknown_key",
            Self::UnusableKey(_) => "unusable_key",
            Self::Signature => "signature",
            Self::IdToken => "id_token",
            Self::BoundToken => "bound_token",
            Self::Client => "client",
            Self::UnlistedPrincipal => "principal",
            Self::Group => "group",
            Self::GroupsClaim => "groups_claim",
            Self::GroupsElsewhere => "groups_elsewhere",
            Self::ClientCredential => "client_credential",
            Self::ContradictoryPermissions => "contradictory_permissions",
            Self::CallerConcurrency => "caller_concurrency",
            Self::CallerRate { .. } => "caller_rate",
            Self::CertificateMissing => "certificate_missing",
            Self::CertificateMalformed(_) => "certificate_malformed",
            Self::CertificateUntrusted(_) => "certificate_untrusted",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateNotYetValid => "certificate_not_yet_valid",
            Self::CertificatePurpose(_) => "certificate_purpose",
            Self::CertificateAlgorithm(_) => "certificate_algorithm",
            Self::MissingPermission { .. } => "missing_permission",
            Self::AuthenticationContext { .. } => "authentication_context",
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }

    /// The one place that decides what a caller is told. No wildcard: a new rule has to choose.
    pub(super) fn told(&self) -> Told<'_> {
        match self {
            Self::MissingToken | Self::NotBearer => Told::Nothing,
            Self::SeveralCredentials
            | Self::MalformedCredentials
            | Self::TokenTooLong
            | Self::Malformed(_)
            | Self::Algorithm
            | Self::Header(_)
            | Self::Claim(_)
            | Self::Version1
            | Self::MicrosoftGraph
            | Self::Issuer
            | Self::Tenant { .. }
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::Lifetime
            | Self::UnknownKey
            | Self::UnusableKey(_)
            | Self::Signature
            | Self::IdToken
            | Self::BoundToken => Told::InvalidToken,
            // Nobody knows when an invocation ends; most of them take less than a second.
            Self::CallerConcurrency => Told::TooMany(1),
            Self::CallerRate { retry_after } => Told::TooMany(*retry_after),
            Self::ContradictoryPermissions
            | Self::Client
            | Self::UnlistedPrincipal
            | Self::Group
            | Self::GroupsClaim
            | Self::GroupsElsewhere
            | Self::ClientCredential => Told::InsufficientScope(&[]),
            Self::CertificateMissing
            | Self::CertificateMalformed(_)
            | Self::CertificateUntrusted(_)
            | Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificatePurpose(_)
            | Self::CertificateAlgorithm(_) => Told::Forbidden,
            Self::MissingPermission { scopes } => Told::InsufficientScope(scopes),
            Self::AuthenticationContext { context, challenge } => match challenge {
                Some(tenant) => Told::InsufficientClaims {
                    context,
                    tenant: *tenant,
                },
                None => Told::InsufficientScope(&[]),
            },
            Self::KeysUnavailable { retry_after, .. } => Told::Later(*retry_after),
        }
    }
}

/// What a caller who was turned away lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// It has not shown who it is.
    Credentials,
    /// It is known, and may not do this.
    Permission,
}

/// What a caller is told.
pub(super) enum Told<'a> {
    /// That a token is needed: none came, so there is nothing wrong with it (RFC 6750 §3.1).
    Nothing,
    /// That the token is no good.
    InvalidToken,
    /// That the token is good but does not allow this call, and which scopes would.
    InsufficientScope(&'a [&'static str]),
    /// That the token allows this call, but only after the user has signed in to the tenant in
    /// another way.
    InsufficientClaims {
        context: &'static str,
        tenant: TenantId,
    },
    /// That it is too much at once, and after how many seconds to ask again (RFC 6585 §4).
    TooMany(u64),
    /// That the call is not allowed, and no other token would change that.
    Forbidden,
    /// That it cannot be told now, and after how many seconds to ask again.
    Later(u64),
}
