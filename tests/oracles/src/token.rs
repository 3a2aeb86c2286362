//! The whole check of a token.
//!
//! The first byte of an input says what the rest of it is:
//!
//! - the whole token;
//! - header and payload, divided by a line feed, under a signature that is not theirs;
//! - header and payload, signed by the tenant, for an app that takes v2 tokens or both forms.
//!
//! What is accepted has to be what the tenant signed, and a second reading of it has to find
//! nothing wrong. What the second reading finds faultless has to be accepted.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stockade::auth::testing::{
    AUDIENCE, CLIENT, LIFETIME, START, SigningKey, TestClock, TestTenant, TestToken, tenant_id,
};
use stockade::auth::{Kind, Principal, Tokens};
use tokio::runtime::Runtime;

use crate::Target;
use crate::json::Json;

/// The target `token`.
#[derive(Debug)]
pub struct Token {
    runtime: Runtime,
    v2: Tokens,
    both: Tokens,
    /// Tokens that the tenant made; an input that is a token of its own can only be one of them.
    made: Vec<String>,
}

impl Token {
    /// A tenant and two apps of it, one for v2 tokens and one for both forms.
    pub fn prepared() -> Self {
        let tenant = TestTenant::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let tokens = |accept_v1| {
            let settings = tenant.settings(&[("STOCKADE__AUTH__ACCEPT_V1", accept_v1)]);
            let clock = Arc::new(TestClock::new());
            let tokens = Tokens::with_fetch(&settings, clock, Arc::new(tenant.clone()));
            assert!(runtime.block_on(tokens.prepare(Duration::from_secs(5))));
            tokens
        };
        Self {
            v2: tokens("false"),
            both: tokens("true"),
            made: kinds().iter().map(TestToken::sign).collect(),
            runtime,
        }
    }

    fn verify(&self, tokens: &Tokens, token: &str) -> Result<Principal, &'static str> {
        let verified = self.runtime.block_on(tokens.verify(token));
        verified.map_err(|denial| denial.rule())
    }

    fn whole(&self, token: &[u8]) {
        let Ok(token) = std::str::from_utf8(token) else {
            return;
        };
        for tokens in [&self.v2, &self.both] {
            if self.verify(tokens, token).is_ok() {
                assert!(self.made.iter().any(|made| made == token), "nobody made it");
            }
        }
    }

    fn unsigned(&self, header: &[u8], payload: &[u8]) {
        let signature = self.made[0].rsplit('.').next().expect("three segments");
        let token = format!("{}.{signature}", signing_input(header, payload));
        self.whole(token.as_bytes());
    }

    fn signed(&self, forms: Forms, header: &[u8], payload: &[u8]) {
        let tokens = match forms {
            Forms::V2 => &self.v2,
            Forms::Both => &self.both,
        };
        let signed = signing_input(header, payload);
        let second = second_reading(header, payload, forms);
        let is_not_serdes = || is_not_serdes(header) || is_not_serdes(payload);
        // A signature takes longer than all the rest; what is refused before anybody looks at it
        // needs none.
        let refusal = self.verify(tokens, &format!("{signed}.AAAA"));
        let refusal = refusal.expect_err("the signature is not the tenant's");
        if refusal != "signature" {
            assert!(second.is_err() || is_not_serdes(), "refused: {refusal}");
            return;
        }
        let signature = URL_SAFE_NO_PAD.encode(SigningKey::first().sign(&signed));
        let token = format!("{signed}.{signature}");
        let first = self.verify(tokens, &token);
        match (&first, &second) {
            (Ok(principal), Ok(expected)) => expected.assert_is(principal),
            (Ok(_), Err(why)) => panic!("accepted, although {why}"),
            (Err(rule), Ok(_)) => assert!(is_not_serdes(), "refused: {rule}"),
            (Err(_), Err(_)) => {}
        }
        // Remembered at its second coming, recalled at its third.
        for _ in 0..2 {
            assert_eq!(self.verify(tokens, &token), first);
        }
    }
}

impl Target for Token {
    fn name(&self) -> &'static str {
        "token"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let whole = self
            .made
            .iter()
            .map(|token| [b"d", token.as_bytes()].concat());
        let parts = self.made.iter().flat_map(|token| {
            let mut parts = token.split('.').map(|part| {
                let decoded = URL_SAFE_NO_PAD.decode(part);
                decoded.expect("tokens are base64url")
            });
            let (header, payload) = (parts.next(), parts.next());
            let [header, payload] = [header, payload].map(|part| part.expect("three segments"));
            [b"e", b"f", b"g"].map(|way| [&way[..], &header, b"\n", &payload].concat())
        });
        whole.chain(parts).collect()
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let tenant = tenant_id();
        let dates = [
            0,
            START - 60,
            START,
            START + 60,
            START + 61,
            253_402_300_800,
        ];
        let v2 = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let v1 = format!("https://sts.windows.net/{tenant}/");
        crate::owned(WORDS)
            .into_iter()
            .chain(
                [AUDIENCE, CLIENT, tenant.as_str(), &v2, &v1].map(|word| word.as_bytes().to_vec()),
            )
            .chain(dates.map(|date| date.to_string().into_bytes()))
            // As deep as a header and a payload may be, and one deeper.
            .chain([7, 8, 31, 32].map(|depth| [b"[".repeat(depth), b"]".repeat(depth)].concat()))
            .collect()
    }

    fn run(&self, input: &[u8]) {
        let Some((way, rest)) = input.split_first() else {
            return;
        };
        let mut parts = rest.splitn(2, |byte| *byte == b'\n');
        let header = parts.next().unwrap_or_default();
        let payload = parts.next().unwrap_or_default();
        match way % 4 {
            0 => self.whole(rest),
            1 => self.unsigned(header, payload),
            2 => self.signed(Forms::V2, header, payload),
            _ => self.signed(Forms::Both, header, payload),
        }
    }
}

/// Which forms of token the app takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forms {
    V2,
    Both,
}

/// A token of each kind.
fn kinds() -> Vec<TestToken> {
    let token = || TestTenant::new().token();
    vec![
        token(),
        token().claim("roles", vec!["Clerk"]).without("oid"),
        token().application("Orders.Read.All"),
        token().application("Orders.Read.All").without("idtyp"),
        token().v1(),
        token().v1().application("Orders.Read.All"),
        token().claim("nbf", START - LIFETIME).claim("exp", START),
    ]
}

fn signing_input(header: &[u8], payload: &[u8]) -> String {
    let encode = |part| URL_SAFE_NO_PAD.encode(part);
    format!("{}.{}", encode(header), encode(payload))
}

/// Whom a token stands for.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    id: String,
    object_id: Option<String>,
    client: String,
    kind: Kind,
    scopes: Vec<String>,
    roles: Vec<String>,
}

impl Expected {
    fn assert_is(&self, principal: &Principal) {
        let owned = |text: &str| text.to_owned();
        let found = Self {
            id: principal.id().to_owned(),
            object_id: principal.object_id().map(owned),
            client: principal.client().to_owned(),
            kind: principal.kind(),
            scopes: principal.scopes().map(owned).collect(),
            roles: principal.roles().map(owned).collect(),
        };
        assert_eq!(principal.tenant(), tenant_id());
        assert_eq!(&found, self);
    }
}

/// What is right by the rules of Entra's access tokens, read by other code in another way: every
/// rule looks at the whole token, and the order of the rules means nothing.
fn second_reading(header: &[u8], payload: &[u8], forms: Forms) -> Result<Expected, &'static str> {
    let header = Json::read(header).ok_or("the header is not JSON")?;
    let claims = Json::read(payload).ok_or("the payload is not JSON")?;
    let holds = |name: &str| claims.member(name).is_some();
    let text = |name: &str| claims.member(name).and_then(Json::text);
    let whole = |name| claims.member(name).and_then(whole_number);
    let texts_if_there = |names: &[&str]| {
        names
            .iter()
            .all(|name| !holds(name) || text(name).is_some())
    };
    let is_id = |text: &str| {
        (1..=256).contains(&text.len()) && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
    };
    let v2 = text("ver") == Some("2.0");
    let tenant = tenant_id();
    let issuer = match v2 {
        true => format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        false => format!("https://sts.windows.net/{tenant}/"),
    };
    let client = text(if v2 { "azp" } else { "appid" });
    let (oid, sub) = (text("oid"), text("sub"));
    let roles = match claims.member("roles") {
        None => Some(Vec::new()),
        Some(Json::List(roles)) => roles.iter().map(Json::text).collect(),
        Some(_) => None,
    };
    let application = match claims.member("idtyp") {
        Some(kind) => kind.text() == Some("app"),
        None => {
            !holds("scp")
                && oid.is_some()
                && oid == sub
                && roles.as_ref().is_some_and(|roles| !roles.is_empty())
        }
    };
    let [expires, begins, issued] = ["exp", "nbf", "iat"].map(whole);
    let latest = Some(START + SKEW);

    let rules = [
        (
            "the header is no object, or nested too deeply",
            header.members().is_some() && header.depth() <= 8,
        ),
        ("the header has twins", !header.has_twins()),
        (
            "`alg` is not RS256",
            header.member("alg").and_then(Json::text) == Some("RS256"),
        ),
        (
            "`typ` is not JWT",
            header.member("typ").and_then(Json::text) == Some("JWT"),
        ),
        (
            "`kid` is not the key's",
            header.member("kid").and_then(Json::text) == Some("first-key"),
        ),
        (
            "the header asks for more",
            FORBIDDEN.iter().all(|name| header.member(name).is_none()),
        ),
        (
            "the payload is no object, or nested too deeply",
            claims.members().is_some() && claims.depth() <= 32,
        ),
        ("the payload has twins", !claims.has_twins()),
        (
            "`ver` is not accepted",
            v2 || forms == Forms::Both && text("ver") == Some("1.0"),
        ),
        ("`iss` is not the tenant's", text("iss") == Some(&issuer)),
        (
            "`tid` is not the tenant's",
            text("tid") == Some(tenant.as_str()),
        ),
        ("`aud` is not the app's", text("aud") == Some(AUDIENCE)),
        (
            "a text is no text",
            texts_if_there(&["azp", "appid", "idtyp", "scp", "oid", "sub"]),
        ),
        ("`roles` is no list of texts", roles.is_some()),
        (
            "there is no client",
            client.is_some_and(|client| !client.is_empty()),
        ),
        (
            "an id is not visible",
            [oid, sub].into_iter().flatten().all(is_id),
        ),
        ("there is nobody", oid.or(sub).is_some()),
        (
            "a date is missing or out of range",
            [expires, begins, issued]
                .iter()
                .all(|date| date.is_some_and(|date| date <= 253_402_300_799)),
        ),
        (
            "it has expired",
            expires.is_some_and(|expires| START < expires + SKEW),
        ),
        ("it ends before it begins", begins <= expires),
        ("it is not valid yet", begins <= latest && issued <= latest),
        (
            "it is not for whoever bears it",
            ["cnf", "nonce", "at_hash", "c_hash"]
                .iter()
                .all(|name| !holds(name)),
        ),
        ("an application has scopes", !(application && holds("scp"))),
    ];
    if let Some((why, _)) = rules.iter().find(|(_, holds)| !holds) {
        return Err(why);
    }
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    Ok(Expected {
        id: format!("{tenant}/{}", oid.or(sub).expect("a rule")),
        object_id: oid.map(str::to_owned),
        client: client.expect("a rule").to_owned(),
        kind: if application {
            Kind::Application
        } else {
            Kind::User
        },
        scopes: owned(
            text("scp")
                .unwrap_or_default()
                .split(' ')
                .filter(|scope| !scope.is_empty())
                .collect(),
        ),
        roles: owned(roles.expect("a rule")),
    })
}

fn whole_number(value: &Json) -> Option<u64> {
    match value {
        Json::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// Whether `serde_json` refuses a text that the second reader takes: numbers beyond all bounds.
fn is_not_serdes(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(text).is_err()
}

/// Seconds, as the settings have it where nothing else is said.
const SKEW: u64 = 60;

const FORBIDDEN: [&str; 10] = [
    "crit", "b64", "zip", "enc", "cty", "jwk", "jku", "x5u", "x5c", "nonce",
];

const WORDS: &[&str] = &[
    "alg",
    "RS256",
    "none",
    "HS256",
    "typ",
    "JWT",
    "at+jwt",
    "kid",
    "first-key",
    "crit",
    "b64",
    "zip",
    "enc",
    "cty",
    "jwk",
    "jku",
    "x5u",
    "x5c",
    "x5t",
    "nonce",
    "ver",
    "1.0",
    "2.0",
    "iss",
    "tid",
    "aud",
    "azp",
    "appid",
    "exp",
    "nbf",
    "iat",
    "oid",
    "sub",
    "idtyp",
    "app",
    "user",
    "scp",
    "roles",
    "cnf",
    "at_hash",
    "c_hash",
    "\":\"",
    "\",\"",
    "\":{\"",
    "\":[\"",
    "\"]",
    "\"}",
    "null",
    "true",
    "[]",
    "\"\"",
    "{}",
    "\\u0061",
    "\\u006c",
    "1e3",
    "-0",
    "\n",
];
