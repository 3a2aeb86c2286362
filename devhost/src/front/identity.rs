//! `Identities`: who the host thinks is calling.

use crate::http1::RequestHead;
use crate::keys::Grant;
use crate::newtonsoft::Token;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const NAME_CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const ROLE_CLAIM: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const LEVEL_CLAIM: &str = "http://schemas.microsoft.com/2017/07/functions/claims/authlevel";
const INVOKE_CLAIM: &str = "http://schemas.microsoft.com/2017/07/functions/claims/invoke";
const KEY_CLAIM: &str = "http://schemas.microsoft.com/2017/07/functions/claims/keyid";

/// Whether App Service authentication is on, so that its headers are believed
/// (host 4.1037, `WEBSITE_AUTH_ENABLED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EasyAuth {
    On,
    Off,
}

/// The identities of a request: one for the key, one for the platform's sign-in; with neither, an
/// empty one (host 4.1037, `FunctionInvocationMiddleware`).
pub(super) fn identities(head: &RequestHead, grant: &Grant, easy_auth: EasyAuth) -> Token {
    let mut found = Vec::new();
    found.extend(of_key(grant));
    if easy_auth == EasyAuth::On {
        found.extend(
            head.fields
                .first("X-MS-CLIENT-PRINCIPAL")
                .and_then(of_principal),
        );
    }
    if found.is_empty() {
        found.push(identity(
            Token::Null,
            Vec::new(),
            Token::Null,
            NAME_CLAIM,
            ROLE_CLAIM,
        ));
    }
    Token::Array(found)
}

fn of_key(grant: &Grant) -> Option<Token> {
    let (level, key) = match grant {
        Grant::Nothing => return None,
        Grant::Function { key } => ("Function", key.as_str()),
        Grant::System { key } => ("System", key.as_str()),
        Grant::Admin => ("Admin", "master"),
    };
    let claims = [
        (LEVEL_CLAIM, level),
        (INVOKE_CLAIM, "true"),
        (KEY_CLAIM, key),
    ]
    .iter()
    .map(|(kind, value)| claim(kind, value))
    .collect();
    Some(identity(
        Token::text("WebJobsAuthLevel"),
        claims,
        Token::Null,
        NAME_CLAIM,
        ROLE_CLAIM,
    ))
}

/// `X-MS-CLIENT-PRINCIPAL`: base64 of `{auth_typ, claims:[{typ,val}], name_typ, role_typ}`.
fn of_principal(header: &str) -> Option<Token> {
    let text = String::from_utf8(STANDARD.decode(header).ok()?).ok()?;
    let principal: serde_json::Value = serde_json::from_str(&text).ok()?;
    let text = |name: &str| principal.get(name).and_then(serde_json::Value::as_str);
    let claims: Vec<(&str, &str)> = principal
        .get("claims")?
        .as_array()?
        .iter()
        .filter_map(|claim| Some((claim.get("typ")?.as_str()?, claim.get("val")?.as_str()?)))
        .collect();
    let name_claim = text("name_typ").unwrap_or(NAME_CLAIM);
    let name = claims.iter().find(|(kind, _)| *kind == name_claim);
    Some(identity(
        Token::text(text("auth_typ")?),
        claims
            .iter()
            .map(|(kind, value)| claim(kind, value))
            .collect(),
        name.map_or(Token::Null, |(_, value)| Token::text(*value)),
        name_claim,
        text("role_typ").unwrap_or(ROLE_CLAIM),
    ))
}

/// A `ClaimsIdentity` as the host serialises it.
fn identity(
    kind: Token,
    claims: Vec<Token>,
    name: Token,
    name_claim: &str,
    role_claim: &str,
) -> Token {
    let is_authenticated = !kind.is_null();
    Token::object([
        ("AuthenticationType", kind),
        ("IsAuthenticated", Token::Bool(is_authenticated)),
        ("Actor", Token::Null),
        ("BootstrapContext", Token::Null),
        ("Claims", Token::Array(claims)),
        ("Label", Token::Null),
        ("Name", name),
        ("NameClaimType", Token::text(name_claim)),
        ("RoleClaimType", Token::text(role_claim)),
    ])
}

fn claim(kind: &str, value: &str) -> Token {
    Token::object([
        ("Issuer", Token::text("LOCAL AUTHORITY")),
        ("OriginalIssuer", Token::text("LOCAL AUTHORITY")),
        ("Properties", Token::object::<String>([])),
        ("Type", Token::text(kind)),
        ("Value", Token::text(value)),
        (
            "ValueType",
            Token::text("http://www.w3.org/2001/XMLSchema#string"),
        ),
    ])
}
