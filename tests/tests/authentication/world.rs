//! The app in front of which strangers stand, and the tenants whose tokens it accepts.

use std::sync::{LazyLock, OnceLock};

use serde_json::{Value, json};
use stockade_tests::tenant::{Draft, SigningKey, Version, jwk, now};
use stockade_tests::{Host, Mode, Setup, Tenant};

/// A tenant that the app lists.
pub(crate) const OURS: &str = "6b1d0c52-3f7e-4a94-b8d1-70e2c95a4f13";
/// Another tenant that the app lists.
pub(crate) const SISTER: &str = "c27a9e04-18b5-4d63-9f0e-5a41d7b8e620";
/// A tenant with good keys that the app does not list.
pub(crate) const STRANGER: &str = "e90f3b71-6c2d-4875-a1e4-0d8b7f59c632";
/// The tenant of personal accounts.
pub(crate) const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// The app's client id.
pub(crate) const AUDIENCE: &str = "45d2f8a0-9e31-4c76-8b05-e6a7c1d93f28";
/// The app's App ID URI.
pub(crate) const APP_ID_URI: &str = "api://orders.example";
/// The application that calls.
pub(crate) const CLIENT: &str = "0f6e7c15-d284-4b39-a760-91c3e85fb2d4";

/// The key that the listed tenant signs with, `ours` by name.
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::generate);
/// A second key of the listed tenant, which it publishes in every way a key can be published.
pub(crate) static SPARE: LazyLock<SigningKey> = LazyLock::new(SigningKey::generate);
/// The key of the other listed tenant, `sister` by name.
pub(crate) static SISTERS: LazyLock<SigningKey> = LazyLock::new(SigningKey::generate);
/// The key of the tenant that is not listed, `stranger` by name.
pub(crate) static STRANGERS: LazyLock<SigningKey> = LazyLock::new(SigningKey::generate);
/// A key that nobody publishes.
pub(crate) static ATTACKERS: LazyLock<SigningKey> = LazyLock::new(SigningKey::generate);

/// The app with its settings, behind a host in each mode.
pub(crate) struct World {
    /// `quote` is forwarded, `create-order` comes in the envelope.
    forwarding: Host,
    /// Both come in the envelope.
    envelope: OnceLock<Host>,
    /// `quote` is proxied.
    proxying: OnceLock<Host>,
    setup: Setup,
}

impl World {
    fn new(settings: &[(&str, &str)]) -> Self {
        let setup = setup(tenant(), settings);
        Self {
            forwarding: setup.clone().mode(Mode::Forwarding).start(),
            envelope: OnceLock::new(),
            proxying: OnceLock::new(),
            setup,
        }
    }

    pub(crate) fn forwarding(&self) -> &Host {
        &self.forwarding
    }

    pub(crate) fn envelope(&self) -> &Host {
        let start = || self.setup.clone().mode(Mode::Envelope).start();
        self.envelope.get_or_init(start)
    }

    pub(crate) fn proxying(&self) -> &Host {
        let start = || self.setup.clone().mode(Mode::Proxying).start();
        self.proxying.get_or_init(start)
    }

    /// Everything that runs.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        let others = self.envelope.get().into_iter().chain(self.proxying.get());
        std::iter::once(&self.forwarding).chain(others)
    }
}

/// An app that accepts v2 tokens of two tenants.
pub(crate) fn two_tenants() -> &'static World {
    static WORLD: LazyLock<World> =
        LazyLock::new(|| World::new(&[("STOCKADE__AUTH__MAX_TOKEN_BYTES", MAX_TOKEN)]));
    &WORLD
}

/// An app that accepts v1 tokens too, and calls of one application alone.
pub(crate) fn with_v1() -> &'static World {
    static AUDIENCES: LazyLock<String> = LazyLock::new(|| format!("{AUDIENCE},{APP_ID_URI}"));
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        World::new(&[
            ("STOCKADE__AUTH__ACCEPT_V1", "true"),
            ("STOCKADE__AUTH__AUDIENCES", &AUDIENCES),
            ("STOCKADE__AUTH__CLIENTS", CLIENT),
        ])
    });
    &WORLD
}

/// An app that accepts every organisation.
pub(crate) fn any_tenant() -> &'static World {
    static WORLD: LazyLock<World> =
        LazyLock::new(|| World::new(&[("STOCKADE__AUTH__TENANTS", "any")]));
    &WORLD
}

/// The login host of all worlds in which nothing goes wrong with it.
pub(crate) fn tenant() -> &'static Tenant {
    static TENANT: LazyLock<Tenant> = LazyLock::new(|| {
        let tenant = Tenant::start();
        super::keys::publish(&tenant);
        tenant
    });
    &TENANT
}

/// The reference app as it is deployed, for the tenants of a login host.
pub(crate) fn setup(tenant: &Tenant, settings: &[(&str, &str)]) -> Setup {
    let tenants = format!("{OURS},{SISTER}");
    let complete = [
        ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
        ("STOCKADE__AUTH__TENANTS", &tenants),
        ("STOCKADE__AUTH__AUDIENCES", AUDIENCE),
        ("STOCKADE__AUTH__INSECURE_AUTHORITY", &tenant.origin()),
    ];
    let all = complete.iter().chain(settings);
    all.fold(Setup::of_release(), |setup, (name, value)| {
        setup.setting(name, value)
    })
}

/// The entries under which the listed tenant's keys are published, `ours` and `spare` by name.
pub(crate) fn entries(tenant: &Tenant, kids: &[&str]) -> Vec<Value> {
    let issuer = tenant.issuer(Version::V2, OURS);
    let key = |kid: &str| if kid == "ours" { &KEY } else { &SPARE };
    let entries = kids.iter().map(|kid| jwk(kid, key(kid).numbers(), &issuer));
    entries.collect()
}

/// A v2 token of the listed tenant for a user with both scopes, as Entra makes it.
pub(crate) fn token() -> Draft {
    token_of(tenant())
}

/// The same, of a login host of a test's own.
pub(crate) fn token_of(tenant: &Tenant) -> Draft {
    let now = now();
    Draft::new(
        &json!({"typ": "JWT", "alg": "RS256", "x5t": "ours", "kid": "ours"}),
        &json!({
            "aud": AUDIENCE, "iss": tenant.issuer(Version::V2, OURS),
            "iat": now - 60, "nbf": now - 60, "exp": now + 4500,
            "aio": "AXQAi/8TAAAAW5rB1cGlj3JdEu7sZ0m2Qk6yC4oTn8fHqLxVbKp",
            "azp": CLIENT, "azpacr": "0",
            "name": "Ada", "preferred_username": "ada@example.org",
            "oid": OBJECT, "rh": "1.AXQA8k3Zc7yQ1k2xW0p5n6d7fQ.",
            "scp": "Orders.Read Orders.Write",
            "sid": "002b9d41-7f3c-4e58-8a16-c0d7e2f5b394",
            "sub": "hKq3bXc0Yd9v2LmZ8sTn5RwPq1JgUe7FaVxB6oCyDzE",
            "tid": OURS, "uti": "Qk6yC4oTn8fHqLxVbKpAAA", "ver": "2.0", "xms_ftd": "x",
        }),
        &KEY,
    )
}

/// The same token in the v1 form, signed with the key that v1 metadata publishes.
pub(crate) fn v1_token() -> Draft {
    token()
        .head("kid", "ours-v1")
        .head("x5t", "ours-v1")
        .claim("ver", "1.0")
        .claim("iss", tenant().issuer(Version::V1, OURS))
        .without("azp")
        .without("azpacr")
        .claim("appid", CLIENT)
        .claim("appidacr", "0")
}

/// The same token for an application itself, with the role that reads.
pub(crate) fn application() -> Draft {
    token()
        .without("scp")
        .claim("sub", OBJECT)
        .claim("idtyp", "app")
        .claim("roles", json!(["Orders.Read.All"]))
}

/// The same token as the other listed tenant makes it.
pub(crate) fn sisters_token() -> Draft {
    of(token(), SISTER)
        .head("kid", "sister")
        .signed_with(&SISTERS)
}

/// The same token as the tenant makes it that is not listed.
pub(crate) fn strangers_token() -> Draft {
    of(token(), STRANGER)
        .head("kid", "stranger")
        .signed_with(&STRANGERS)
}

/// A token with the claims of another tenant.
pub(crate) fn of(draft: Draft, id: &str) -> Draft {
    draft
        .claim("tid", id)
        .claim("iss", tenant().issuer(Version::V2, id))
}

/// The greatest length of a token here: more than the host lets through would prove nothing.
pub(crate) const MAX_TOKEN: &str = "8192";

/// The user.
const OBJECT: &str = "a81c4e6f-25d0-4b97-83fa-1e6d9c70b5a2";
