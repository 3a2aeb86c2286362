//! Every setting of ours: what it means, what it is when left out, and in what unit it is written.

/// One setting, as the docs show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The name of the environment variable.
    pub name: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// What counts when it is left out; empty when nothing does.
    pub default: &'static str,
    /// What it is written in: a unit or a kind of value.
    pub unit: &'static str,
}

/// Every setting that the app knows, in the order in which the docs list them.
pub static TABLE: &[Setting] = &[
    Setting {
        name: "STOCKADE__AUTH__CLOUD",
        meaning: "The cloud whose login host signs the tokens.",
        default: "public",
        unit: "`public`, `usgov` or `china`",
    },
    Setting {
        name: "STOCKADE__AUTH__TENANTS",
        meaning: "The tenants whose tokens are accepted. The word `any` accepts every \
                  organisation's; personal accounts only when their tenant is listed.",
        default: "",
        unit: "tenant GUIDs, comma-separated, or `any`",
    },
    Setting {
        name: "STOCKADE__AUTH__AUDIENCES",
        meaning: "The values of `aud` that mean this app: its client id, and for v1 tokens its \
                  App ID URIs.",
        default: "",
        unit: "client ids or App ID URIs, comma-separated",
    },
    Setting {
        name: "STOCKADE__AUTH__CLIENTS",
        meaning: "The only applications that may call, by client id (`azp`, in v1 `appid`).",
        default: "every application",
        unit: "client ids (GUIDs), comma-separated",
    },
    Setting {
        name: "STOCKADE__AUTH__ACCEPT_V1",
        meaning: "Whether v1 access tokens are accepted beside v2.",
        default: "false",
        unit: "`true` or `false`",
    },
    Setting {
        name: "STOCKADE__AUTH__CLOCK_SKEW_SECONDS",
        meaning: "How far the clocks of the issuer and this machine may differ; at most 300.",
        default: "60",
        unit: "a whole number of seconds",
    },
    Setting {
        name: "STOCKADE__AUTH__MAX_TOKEN_BYTES",
        meaning: "The longest token that is looked at.",
        default: "32768",
        unit: "a whole number of bytes",
    },
    Setting {
        name: "STOCKADE__AUTH__TOKEN_CACHE_ENTRIES",
        meaning: "How many verified tokens are remembered, at most 16384; 0 remembers none.",
        default: "4096",
        unit: "a whole number of tokens",
    },
    Setting {
        name: "STOCKADE__AUTH__KEYS_COOLDOWN_SECONDS",
        meaning: "The least time between two refreshes that an unknown key id causes; below 30 \
                  only together with `STOCKADE__AUTH__INSECURE_AUTHORITY`.",
        default: "300",
        unit: "a whole number of seconds",
    },
    Setting {
        name: "STOCKADE__AUTH__PRINCIPALS",
        meaning: "The only users and applications that may call, by object id (`oid`).",
        default: "everybody whom the access rules let in",
        unit: "object ids (GUIDs), comma-separated",
    },
    Setting {
        name: "STOCKADE__AUTH__GROUPS",
        meaning: "The groups of which a caller has to be in one (claim `groups`, which the app \
                  registration has to emit as ids). Of a caller in more groups than a token holds \
                  nothing is known, so it is refused.",
        default: "groups do not matter",
        unit: "group ids (GUIDs), comma-separated",
    },
    Setting {
        name: "STOCKADE__AUTH__MIN_CLIENT_CREDENTIAL",
        meaning: "The least by which the calling application has to prove itself to Entra \
                  (`azpacr`, in v1 `appidacr`).",
        default: "none",
        unit: "`none`, `secret` or `certificate`",
    },
    Setting {
        name: "STOCKADE__AUTH__RESOURCE",
        meaning: "What this app is called as a protected resource (RFC 9728): the address under \
                  which callers reach it, up to the end of the route prefix. Challenges then name \
                  the metadata below it, which `stockade::auth::protected_resource()` serves. \
                  Loopback `http` only on a developer's machine.",
        default: "challenges name no metadata",
        unit: "an https address such as `https://orders.azurewebsites.net/api`",
    },
    Setting {
        name: "STOCKADE__AUTH__KEYS_APP_ID",
        meaning: "The app whose own signing keys are asked for: this one, if it has a claims mapping \
                  policy, since its tokens are then signed with keys of its own.",
        default: "the keys that the tenant signs with for all apps",
        unit: "a client id (GUID)",
    },
    Setting {
        name: "STOCKADE__AUTH__CLIENT_CERTIFICATES",
        meaning: "Whether each call of a function that asks for a caller has to come with a client \
                  certificate, beside its token. `app-service` says that App Service is in front \
                  with `clientCertMode` Required, and is refused where App Service does not run \
                  the app. A certificate is accepted if it is pinned or if it chains to a listed \
                  authority; at least one of the two settings has to be given.",
        default: "none is asked for, and the header is removed",
        unit: "`app-service`",
    },
    Setting {
        name: "STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS",
        meaning: "The client certificates that are accepted by themselves.",
        default: "",
        unit: "SHA-256 thumbprints (64 hex digits, colons allowed), comma-separated",
    },
    Setting {
        name: "STOCKADE__AUTH__CLIENT_CERTIFICATE_AUTHORITIES",
        meaning: "The file with the authorities whose client certificates are accepted: their \
                  roots and every intermediate, since only the caller's own certificate arrives. \
                  Read at the start.",
        default: "",
        unit: "the path of a PEM file, relative to the folder of host.json",
    },
    Setting {
        name: "STOCKADE__AUTH__INSECURE_AUTHORITY",
        meaning: "For tests: the origin to ask in place of the cloud's login host. Issuers and \
                  metadata are then expected below it. Loopback `http` only, and only on a \
                  developer's machine.",
        default: "",
        unit: "an origin such as `http://127.0.0.1:7072`",
    },
    Setting {
        name: "STOCKADE__SECRETS__VAULT_URI",
        meaning: "The Key Vault that secrets are read from, and whose keys are used.",
        default: "",
        unit: "an https address",
    },
    Setting {
        name: "STOCKADE__SECRETS__INSECURE_VAULT",
        meaning: "For tests: lets the vault be a loopback name outside the cloud's suffixes, \
                  still over TLS. Only on a developer's machine.",
        default: "false",
        unit: "`true` or `false`",
    },
    Setting {
        name: "STOCKADE__SECRETS__REFRESH_SECONDS",
        meaning: "How old a secret may grow before it is asked for again, and so how late a \
                  rotation may be seen; at most a day.",
        default: "300",
        unit: "a whole number of seconds",
    },
    Setting {
        name: "STOCKADE__SECRETS__LAST_GOOD_SECONDS",
        meaning: "How long the last good value of a secret counts while the vault does not \
                  answer; at least as long as `STOCKADE__SECRETS__REFRESH_SECONDS`, at most a week.",
        default: "86400",
        unit: "a whole number of seconds",
    },
    Setting {
        name: "STOCKADE__IDENTITY__CLIENT_ID",
        meaning: "The user-assigned identity that the app signs in to Azure with.",
        default: "the identity that the platform assigns to the app itself",
        unit: "a client id (GUID)",
    },
    Setting {
        name: "STOCKADE__STORAGE__ACCOUNT_URI",
        meaning: "The storage account whose blobs the app reads, writes and issues signed URLs for, \
                  by its identity: the blob endpoint, in the cloud of `STOCKADE__AUTH__CLOUD`.",
        default: "",
        unit: "an https address such as `https://orders.blob.core.windows.net`",
    },
    Setting {
        name: "STOCKADE__STORAGE__SAS_MAX_SECONDS",
        meaning: "The longest life of a signed URL, 60 to 43200: half as long as the key lives \
                  that it is signed with. The app's code may allow less, and never more.",
        default: "3600",
        unit: "a whole number of seconds",
    },
    Setting {
        name: "STOCKADE__STORAGE__INSECURE_ACCOUNT",
        meaning: "For tests: lets the account be `https://<name>.blob.localhost:<port>` and no \
                  other. Only on a developer's machine.",
        default: "false",
        unit: "`true` or `false`",
    },
    Setting {
        name: "STOCKADE__LIMITS__MAX_BODY_BYTES",
        meaning: "The largest request body that a function may be sent.",
        default: "1048576",
        unit: "a whole number of bytes",
    },
    Setting {
        name: "STOCKADE__LIMITS__MAX_ENVELOPE_BYTES",
        meaning: "The largest invocation that is read from the host.",
        default: "16777216",
        unit: "a whole number of bytes",
    },
    Setting {
        name: "STOCKADE__LIMITS__MAX_CONNECTIONS",
        meaning: "How many connections are open at once.",
        default: "20000",
        unit: "a whole number of connections",
    },
    Setting {
        name: "STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS",
        meaning: "How many invocations run at once.",
        default: "1024",
        unit: "a whole number of invocations",
    },
    Setting {
        name: "STOCKADE__LIMITS__DEADLINE_SECONDS",
        meaning: "How long a function may take; the host's own time-out less 2 seconds bounds it.",
        default: "30",
        unit: "a whole number of seconds",
    },
    Setting {
        name: "STOCKADE__LIMITS__CALLER_CONCURRENT_INVOCATIONS",
        meaning: "How many invocations of one caller run at once in an instance of the app; more \
                  get 429. A caller is a user or an application in its tenant, whatever client \
                  and token it comes with. Raise it where one application calls for everybody, \
                  as a gateway does.",
        default: "a quarter of `STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS`: 256",
        unit: "a whole number of invocations",
    },
    Setting {
        name: "STOCKADE__LIMITS__CALLER_REQUESTS_PER_MINUTE",
        meaning: "How many requests of one caller are taken in a minute by an instance of the \
                  app, evenly, with a tenth of them (at least one) at once after a pause; more \
                  get 429 with the seconds to wait. No number fits every app, so there is none \
                  until it is set: take about three times what the busiest honest caller needs, \
                  such as 600 where people click. The platform may run more than one instance.",
        default: "no limit",
        unit: "a whole number of requests, at most 10000000",
    },
    Setting {
        name: "STOCKADE__TELEMETRY__INSECURE_INGESTION",
        meaning: "For tests: lets the ingestion endpoint of `APPLICATIONINSIGHTS_CONNECTION_STRING` \
                  be a name below `localhost`, still over TLS. Only on a developer's machine.",
        default: "false",
        unit: "`true` or `false`",
    },
    Setting {
        name: "STOCKADE__TELEMETRY__TRUSTED_PROXIES",
        meaning: "How many proxies of yours, such as Front Door and API Management, stand before \
                  the platform's front end: so many entries of `X-Forwarded-For` are skipped from \
                  the right to find the caller's address for the audit trail. Set it outside of \
                  Azure only if a front end of yours appends the address.",
        default: "0 in App Service and Container Apps, elsewhere no address is read",
        unit: "a whole number from 0 to 8",
    },
];

/// Settings of telemetry that others read, too: the Functions host, and OpenTelemetry's SDKs. One
/// that is set to nothing counts as not set.
pub(crate) static STANDARD: &[Setting] = &[
    Setting {
        name: "APPLICATIONINSIGHTS_CONNECTION_STRING",
        meaning: "The Application Insights resource that telemetry is sent to, in a cloud of Azure.",
        default: "nothing is sent there",
        unit: "a connection string",
    },
    Setting {
        name: "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        meaning: "The identity that signs in to Application Insights: the app's own, or the \
                  user-assigned one of the client id. Without it whoever knows the connection \
                  string can send telemetry in the app's name, and each start says so.",
        default: "none signs in",
        unit: "`Authorization=AAD` or `Authorization=AAD;ClientId=<GUID>`",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_ENDPOINT",
        meaning: "The collector that telemetry is sent to by OTLP, beside Application Insights. \
                  `http` only on this machine.",
        default: "nothing is sent there",
        unit: "an https address, before `/v1/traces`, `/v1/metrics` and `/v1/logs`",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        meaning: "Where spans are sent to by OTLP.",
        default: "below `OTEL_EXPORTER_OTLP_ENDPOINT`",
        unit: "the whole address",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        meaning: "Where metrics are sent to by OTLP.",
        default: "below `OTEL_EXPORTER_OTLP_ENDPOINT`",
        unit: "the whole address",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        meaning: "Where log records are sent to by OTLP.",
        default: "below `OTEL_EXPORTER_OTLP_ENDPOINT`",
        unit: "the whole address",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_HEADERS",
        meaning: "Headers of each request by OTLP. They may be secret, and are never shown.",
        default: "",
        unit: "`name=value`, comma-separated, values percent-encoded",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_PROTOCOL",
        meaning: "How OTLP is spoken; there is one way.",
        default: "http/protobuf",
        unit: "`http/protobuf`",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_COMPRESSION",
        meaning: "How requests by OTLP are compressed; they are not.",
        default: "none",
        unit: "`none`",
    },
    Setting {
        name: "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        meaning: "Whether metrics by OTLP count from the start or from the last time. Application \
                  Insights always gets the latter.",
        default: "cumulative",
        unit: "`cumulative`, `delta` or `lowmemory`",
    },
    Setting {
        name: "OTEL_SERVICE_NAME",
        meaning: "The name of the app in its telemetry.",
        default: "`WEBSITE_SITE_NAME`, else the name that the app gives itself",
        unit: "text",
    },
    Setting {
        name: "OTEL_RESOURCE_ATTRIBUTES",
        meaning: "What else is known of the app, in each piece of telemetry.",
        default: "",
        unit: "`name=value`, comma-separated, values percent-encoded",
    },
    Setting {
        name: "OTEL_TRACES_SAMPLER",
        meaning: "Which traces are recorded: all, none, a share of them, or about so many a \
                  second. What ends badly is always recorded. Forms with `parentbased_` mean the \
                  same: what a caller's trace says of itself does not decide.",
        default: "microsoft.rate_limited",
        unit: "`always_on`, `always_off`, `traceidratio`, `microsoft.fixed_percentage` or \
               `microsoft.rate_limited`",
    },
    Setting {
        name: "OTEL_TRACES_SAMPLER_ARG",
        meaning: "The share, or how many traces a second.",
        default: "20 traces a second",
        unit: "a number, from 0 to 1 for a share",
    },
    Setting {
        name: "OTEL_BSP_SCHEDULE_DELAY",
        meaning: "How long a span may wait before it is sent; at most 60000.",
        default: "1000",
        unit: "a whole number of milliseconds",
    },
    Setting {
        name: "OTEL_BSP_MAX_QUEUE_SIZE",
        meaning: "How many spans wait to be sent at most. More are dropped and counted.",
        default: "2048",
        unit: "a whole number of spans",
    },
    Setting {
        name: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        meaning: "How many spans are sent at once; at most as many as may wait.",
        default: "512",
        unit: "a whole number of spans",
    },
    Setting {
        name: "OTEL_BLRP_SCHEDULE_DELAY",
        meaning: "How long a log record may wait before it is sent; at most 60000.",
        default: "1000",
        unit: "a whole number of milliseconds",
    },
    Setting {
        name: "OTEL_BLRP_MAX_QUEUE_SIZE",
        meaning: "How many log records wait to be sent at most, and as many events of the audit \
                  trail beside them. More are dropped and counted.",
        default: "2048",
        unit: "a whole number of records",
    },
    Setting {
        name: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        meaning: "How many log records are sent at once; at most as many as may wait.",
        default: "512",
        unit: "a whole number of records",
    },
    Setting {
        name: "OTEL_METRIC_EXPORT_INTERVAL",
        meaning: "How often metrics are sent, 1000 to 3600000.",
        default: "60000",
        unit: "a whole number of milliseconds",
    },
    Setting {
        name: "OTEL_SDK_DISABLED",
        meaning: "Whether nothing is exported at all, wherever it would go.",
        default: "false",
        unit: "`true` or `false`",
    },
];

/// The row of a setting.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    let mut rows = TABLE.iter().chain(STANDARD);
    rows.find(|setting| setting.name == name)
}

/// The known name that `name` was probably meant to be: at most a third of it differs.
pub(super) fn nearest(name: &str, known: &[Setting]) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let name = name.to_ascii_uppercase();
    known
        .iter()
        .map(|setting| (distance(&name, setting.name), setting.name))
        .filter(|(changes, meant)| *changes <= meant.len() / 3)
        .min()
        .map(|(_, meant)| meant)
}

/// How many bytes have to be put in, taken out or replaced to turn one text into the other
/// (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (taken, left) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = taken + 1;
        for (put, right) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[put + 1];
            row[put + 1] = replaced.min(row[put] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// Longer names are nobody's typing mistake.
const LONGEST_NAME: usize = 128;
