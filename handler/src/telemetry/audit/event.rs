//! The types of audit events: the one table of their names, levels and fields, and the writer.

use std::net::IpAddr;

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use tracing::Level;

use crate::auth::{Guid, Principal};

use super::joined::Seen;

/// A type of audit event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    AuthSucceeded,
    AuthDenied,
    AccessRefused,
    InputRejected,
    Quarantined,
    SecretRead,
    SecretFailed,
    SecretEnded,
    KeysChanged,
    KeysFailed,
    ConfigurationWeak,
    AppStarted,
    AppStopped,
}

/// What there is to know of a type of event.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) event: Event,
    /// The event's name, which is its message.
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    /// The fields that it may have beside those that each event has.
    pub(crate) fields: &'static [&'static str],
    /// What has happened.
    pub(crate) meaning: &'static str,
    /// What it answers.
    pub(crate) question: &'static str,
}

/// A field of audit events.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    /// Whether each event has it.
    pub(crate) always: bool,
}

/// The version of the schema. It grows when a field changes its meaning or goes.
const VERSION: u64 = 1;

/// The target under which events are written.
pub(crate) const TARGET: &str = "stockade::audit";

/// Whether events have a field of this name.
pub(crate) fn has_field(name: &str) -> bool {
    FIELDS.iter().any(|field| field.name == name)
}

/// Every type, in the order of [`Event`].
pub(crate) static TYPES: [Type; 13] = [
    Type {
        event: Event::AuthSucceeded,
        name: "auth.succeeded",
        level: Level::INFO,
        fields: &[CLIENT, FUNCTION, INVOCATION, P_CLIENT, P_OBJECT, P_TENANT],
        meaning: "A caller's token was accepted, and the caller may do what it asked for.",
        question: "Who called what, and from where?",
    },
    Type {
        event: Event::AuthDenied,
        name: "auth.denied",
        level: Level::WARN,
        fields: &[
            CLIENT, FUNCTION, INVOCATION, P_CLIENT, P_OBJECT, P_TENANT, RULE,
        ],
        meaning: "A caller could not show who it is: no token, a token that is no good, no \
                  acceptable client certificate, or no keys to check a token with. A caller is \
                  named only if its token was good.",
        question: "Who tries to get in with what is no good?",
    },
    Type {
        event: Event::AccessRefused,
        name: "access.refused",
        level: Level::WARN,
        fields: &[
            CLIENT, FUNCTION, INVOCATION, P_CLIENT, P_OBJECT, P_TENANT, RULE,
        ],
        meaning: "A caller that is known may not do what it asked for: it lacks the permission, is \
                  on no list, takes too much, or the function itself forbids it.",
        question: "Which known caller reaches for more than it may?",
    },
    Type {
        event: Event::InputRejected,
        name: "input.rejected",
        level: Level::WARN,
        fields: &[
            CLIENT, FUNCTION, INVOCATION, P_CLIENT, P_OBJECT, P_TENANT, RULE,
        ],
        meaning: "What came for a function is not what it asks for.",
        question: "Who probes the validation?",
    },
    Type {
        event: Event::Quarantined,
        name: "event.quarantined",
        level: Level::WARN,
        fields: &[FUNCTION, INVOCATION, RULE],
        meaning: "An event that is wrong for good was put into its function's quarantine.",
        question: "What is in quarantine, and why?",
    },
    Type {
        event: Event::SecretRead,
        name: "secret.read",
        level: Level::INFO,
        fields: &[REASON, SECRET, VERSION_OF_SECRET],
        meaning: "A value of a secret is in use that was not before. `reason` is `first` where \
                  none was held, `rotated` where another version was.",
        question: "Which versions of which secrets were read, and when?",
    },
    Type {
        event: Event::SecretFailed,
        name: "secret.failed",
        level: Level::WARN,
        fields: &[ERROR, SECRET],
        meaning: "A secret could not be refreshed. What is held may go on.",
        question: "Which secrets cannot be read, and why?",
    },
    Type {
        event: Event::SecretEnded,
        name: "secret.ended",
        level: Level::WARN,
        fields: &[REASON, SECRET],
        meaning: "What was held of a secret does not count any more. `reason` is `vault` (the vault \
                  says that it is gone, disabled, expired or not valid yet), `expired` (it expired \
                  here) or `too_old` (the last good value is).",
        question: "Which secrets have ended?",
    },
    Type {
        event: Event::KeysChanged,
        name: "keys.changed",
        level: Level::INFO,
        fields: &[KEY_IDS, REASON, TENANT],
        meaning: "A tenant publishes other signing keys than before. `reason` is `first` where none \
                  were known, else `changed`.",
        question: "With which keys do the tenants sign, and since when?",
    },
    Type {
        event: Event::KeysFailed,
        name: "keys.failed",
        level: Level::WARN,
        fields: &[ERROR, TENANT],
        meaning: "A tenant's signing keys could not be fetched. The last good ones count for 24 \
                  hours.",
        question: "Since when are no keys to be had?",
    },
    Type {
        event: Event::ConfigurationWeak,
        name: "configuration.weak",
        level: Level::WARN,
        fields: &[REASON, SETTING],
        meaning: "A setting weakens a check, as `reason` says. Each start tells so again.",
        question: "Where does a weakened configuration run?",
    },
    Type {
        event: Event::AppStarted,
        name: "app.started",
        level: Level::INFO,
        fields: &[APP, HOST_VERSION, HTTP, LIBRARY_VERSION],
        meaning: "The app serves.",
        question: "When did which version start?",
    },
    Type {
        event: Event::AppStopped,
        name: "app.stopped",
        level: Level::INFO,
        fields: &[APP, REASON],
        meaning: "The app has ended in order; `reason` is `a signal` or `the host has gone`. An app \
                  that is killed tells nothing.",
        question: "When did it stop, and why?",
    },
];

/// Every field. An event has those that are known.
pub(crate) static FIELDS: [Field; 21] = [
    always("audit.version", "the version of this schema: 1"),
    always("audit.id", "the event's own id (UUID, version 4)"),
    always(
        COUNT,
        "how many alike events this one stands for; sums of it are exact",
    ),
    known(RULE, "the rule that decided, as in logging.md"),
    known(P_TENANT, "the caller's tenant, by a verified token"),
    known(P_OBJECT, "the caller's object id there"),
    known(
        P_CLIENT,
        "the client id of the application that got the token",
    ),
    known(
        CLIENT,
        "the address that the request came from, as the platform's front end gives it",
    ),
    known(
        INVOCATION,
        "the host's id of the invocation; joined events have none",
    ),
    known(FUNCTION, "the function"),
    known(SECRET, "the secret's name in the vault"),
    known(
        VERSION_OF_SECRET,
        "the vault's id of the version, which is no secret",
    ),
    known(SETTING, "the setting's name"),
    known(TENANT, "the tenant that publishes the keys"),
    known(
        KEY_IDS,
        "the ids of the keys, separated by commas; at most 32",
    ),
    known(REASON, "why, in fixed words"),
    known(ERROR, "what went wrong, in words for the operator"),
    known(APP, "the app's name"),
    known(LIBRARY_VERSION, "the version of the library"),
    known(
        HOST_VERSION,
        "the version of the host that the app asks for",
    ),
    known(HTTP, "how the host hands over requests"),
];

const COUNT: &str = "count";
const RULE: &str = "rule";
const P_TENANT: &str = "principal.tenant_id";
const P_OBJECT: &str = "principal.object_id";
const P_CLIENT: &str = "principal.client_id";
const CLIENT: &str = "client.address";
const INVOCATION: &str = "invocation.id";
const FUNCTION: &str = "function.name";
const SECRET: &str = "secret";
const VERSION_OF_SECRET: &str = "version";
const SETTING: &str = "setting";
const TENANT: &str = "tenant";
const KEY_IDS: &str = "key.ids";
const REASON: &str = "reason";
const ERROR: &str = "error";
const APP: &str = "app";
const LIBRARY_VERSION: &str = "stockade.version";
const HOST_VERSION: &str = "host.version";
const HTTP: &str = "http";

const fn always(name: &'static str, meaning: &'static str) -> Field {
    Field {
        name,
        meaning,
        always: true,
    }
}

const fn known(name: &'static str, meaning: &'static str) -> Field {
    Field {
        name,
        meaning,
        always: false,
    }
}

impl Event {
    fn of_type(self) -> &'static Type {
        &TYPES[self as usize]
    }
}

/// What is known of one event.
#[derive(Default)]
pub(super) struct Facts<'a> {
    pub(super) rule: Option<&'static str>,
    pub(super) function: Option<&'a str>,
    pub(super) principal: Option<&'a Principal>,
    pub(super) client: Option<IpAddr>,
    pub(super) invocation: Option<&'a str>,
    pub(super) secret: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) setting: Option<&'a str>,
    pub(super) tenant: Option<&'a str>,
    pub(super) key_ids: Option<&'a [&'a str]>,
    pub(super) reason: Option<&'static str>,
    pub(super) error: Option<&'a (dyn std::error::Error + 'static)>,
    pub(super) app: Option<&'a str>,
    pub(super) library_version: Option<&'static str>,
    pub(super) host_version: Option<&'a str>,
    pub(super) http: Option<&'static str>,
}

impl<'a> From<Seen<'a>> for Facts<'a> {
    fn from(seen: Seen<'a>) -> Self {
        Self {
            rule: seen.rule,
            function: seen.function,
            principal: seen.principal,
            client: seen.client,
            ..Self::default()
        }
    }
}

/// Writes an event. It belongs to no span, or the fields of one would be among its own.
pub(super) fn write(event: Event, count: u64, facts: &Facts<'_>) {
    let of_type = event.of_type();
    let id = id();
    let key_ids = facts.key_ids.map(listed);
    let principal = facts.principal;
    // Only what has the form of an id leaves: an `oid` of a foreign tenant can be any text.
    let object = principal.and_then(Principal::object_id).and_then(guid);
    let application = principal.map(Principal::client).and_then(guid);
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                parent: None::<tracing::Id>,
                $level,
                message = of_type.name,
                audit.version = VERSION,
                audit.id = id.as_str(),
                count,
                rule = facts.rule,
                principal.tenant_id = principal.map(|caller| caller.tenant().to_string()),
                principal.object_id = object,
                principal.client_id = application,
                client.address = facts.client.map(tracing::field::display),
                invocation.id = facts.invocation,
                function.name = facts.function,
                secret = facts.secret,
                version = facts.version,
                setting = facts.setting,
                tenant = facts.tenant,
                key.ids = key_ids,
                reason = facts.reason,
                error = facts.error,
                app = facts.app,
                stockade.version = facts.library_version,
                host.version = facts.host_version,
                http = facts.http,
            )
        };
    }
    if of_type.level == Level::INFO {
        at!(Level::INFO);
    } else {
        at!(Level::WARN);
    }
}

fn guid(text: &str) -> Option<&str> {
    Guid::parse(text).ok().map(|_| text)
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn id() -> String {
    let mut bytes = TraceId::to_bytes(RandomIdGenerator::default().new_trace_id());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = TraceId::from_bytes(bytes).to_string();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// Key ids as one text. They are the login host's own words, and still bounded.
fn listed(ids: &[&str]) -> String {
    const MOST: usize = 32;
    const LONGEST: usize = 128;

    let mut ids: Vec<_> = ids
        .iter()
        .map(|id| id.chars().take(LONGEST).collect::<String>())
        .collect();
    ids.sort_unstable();
    ids.truncate(MOST);
    ids.join(", ")
}

/// An event of a type with all that it may hold, for the docs. Its ids are made up.
#[cfg(any(test, feature = "cli"))]
pub(crate) fn example(event: Event) {
    use crate::auth::KeyError;
    use crate::secrets::vault::VaultError;

    let principal = Principal::for_tests("aaaaaaaa-1f0e-4d3c-8b2a-6c5d4e3f2a10")
        .with_client("5f0c7d21-9e4b-4a38-b6d1-8c2e3f7a9045");
    let of_type = event.of_type();
    let has = |field: &str| of_type.fields.contains(&field);
    let rule = match event {
        Event::AuthDenied => "unknown_key",
        Event::AccessRefused => "missing_permission",
        _ => "invalid_input",
    };
    let reason = match event {
        Event::SecretRead => "rotated",
        Event::SecretEnded => "expired",
        Event::KeysChanged => "changed",
        Event::ConfigurationWeak => "tokens of a stand-in for the login host are believed",
        _ => "a signal",
    };
    let forbidden = VaultError::Forbidden;
    let away = KeyError::TimedOut;
    let error: &(dyn std::error::Error + 'static) = match event {
        Event::KeysFailed => &away,
        _ => &forbidden,
    };
    let function = match event {
        Event::Quarantined => "order-worker",
        _ => "create-order",
    };
    let is_nobody = event == Event::AuthDenied;
    let facts = Facts {
        rule: has(RULE).then_some(rule),
        function: has(FUNCTION).then_some(function),
        principal: (has(P_OBJECT) && !is_nobody).then_some(&principal),
        client: has(CLIENT).then_some(IpAddr::from([203, 0, 113, 7])),
        invocation: has(INVOCATION).then_some("815eec33-037f-4f35-ad74-a33b32f396d9"),
        secret: has(SECRET).then_some("erp-key"),
        version: has(VERSION_OF_SECRET).then_some("0123456789abcdef0123456789abcdef"),
        setting: has(SETTING).then_some("STOCKADE__AUTH__INSECURE_AUTHORITY"),
        tenant: has(TENANT).then_some("11111111-2222-3333-4444-55555555abcd"),
        key_ids: has(KEY_IDS).then_some(&["key-1", "key-2"]),
        reason: has(REASON).then_some(reason),
        error: has(ERROR).then_some(error),
        app: has(APP).then_some("orders"),
        library_version: has(LIBRARY_VERSION).then_some(env!("CARGO_PKG_VERSION")),
        host_version: has(HOST_VERSION).then_some("~4"),
        http: has(HTTP).then_some("envelope"),
    };
    write(event, 1, &facts);
}
