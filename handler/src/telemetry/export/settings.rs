//! Where telemetry goes, how much of it, and under which name.
//!
//! The names are those that the Functions host and OpenTelemetry's SDKs know, so one that is set to
//! nothing counts as not set (OpenTelemetry specification, "Environment Variable Specification").

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_sdk::metrics::Temporality;
use url::Url;

use super::connection::{self, Connection, SignIn};
use super::text;
use crate::azure::Identity;
use crate::settings::{Problems, Source, is_loopback};
use crate::telemetry::audit;
use crate::telemetry::sampling::Sampler;

/// What is exported, where to and how.
#[derive(Debug)]
pub(crate) struct TelemetrySettings {
    pub(super) insights: Option<Insights>,
    pub(super) otlp: Option<Otlp>,
    /// Attributes of everything that is exported.
    pub(super) resource: Vec<(String, String)>,
    pub(super) sampler: Sampler,
    pub(super) spans: Batches,
    pub(super) logs: Batches,
    pub(super) metrics_every: Duration,
}

/// Application Insights.
#[derive(Debug)]
pub(super) struct Insights {
    pub(super) connection: Connection,
    /// Who signs in; nobody if telemetry is taken from whoever knows the key.
    pub(super) identity: Option<Identity>,
}

/// A collector that speaks OTLP over HTTP, by an address for each signal.
#[derive(Debug)]
pub(super) struct Otlp {
    pub(super) traces: Option<Url>,
    pub(super) metrics: Option<Url>,
    pub(super) logs: Option<Url>,
    pub(super) headers: HeaderMap,
    pub(super) temporality: Temporality,
}

/// How what is to be exported is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batches {
    pub(super) every: Duration,
    /// What waits at most; more is dropped and counted.
    pub(super) queue: usize,
    pub(super) size: usize,
}

impl TelemetrySettings {
    /// Reads the settings. Nothing comes of them where no exporter is named.
    pub(crate) fn read(app: &str, source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        if value(source, DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return None;
        }
        let insights = Insights::read(source, problems);
        let otlp = Otlp::read(source, problems);
        if insights.is_none() && otlp.is_none() {
            return None;
        }
        let metrics_every = number(source, METRIC_INTERVAL, 1_000..=3_600_000, problems);
        Some(Self {
            insights,
            otlp,
            resource: resource(app, source, problems),
            sampler: sampler(source, problems),
            spans: Batches::read(source, &SPANS, problems),
            logs: Batches::read(source, &LOGS, problems),
            metrics_every: Duration::from_millis(metrics_every.unwrap_or(60_000)),
        })
    }

    /// What is weaker than it has to be.
    pub(super) fn weakness(&self) -> Option<Weakness> {
        let insights = self.insights.as_ref()?;
        if insights.connection.is_on_this_machine() {
            return Some(Weakness::ThisMachine);
        }
        insights.identity.is_none().then_some(Weakness::NoIdentity)
    }
}

/// How telemetry is sent less safely than it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weakness {
    /// To a stand-in.
    ThisMachine,
    /// Signed in as nobody.
    NoIdentity,
}

impl Weakness {
    pub(super) fn tell(self) {
        match self {
            Self::ThisMachine => audit::weakness(
                connection::INSECURE_INGESTION,
                "telemetry is sent to a stand-in on this machine",
            ),
            Self::NoIdentity => audit::weakness(
                connection::AUTHENTICATION_STRING,
                "telemetry is sent without an identity, so whoever knows the connection string can \
                 send some in the app's name",
            ),
        }
    }
}

impl Insights {
    fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let connection = Connection::read(source, problems)?;
        let sign_in = SignIn::read(source, problems);
        let identity =
            sign_in.and_then(|sign_in| Identity::open_as(sign_in.client_id, source, problems));
        Some(Self {
            connection,
            identity,
        })
    }
}

impl Otlp {
    fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let base = endpoint(source, OTLP_ENDPOINT, problems);
        let mut signal = |name, path| match value(source, name) {
            Some(_) => endpoint(source, name, problems),
            None => base.as_ref().map(|base| below(base, path)),
        };
        let traces = signal(OTLP_TRACES, "v1/traces");
        let metrics = signal(OTLP_METRICS, "v1/metrics");
        let logs = signal(OTLP_LOGS, "v1/logs");
        if traces.is_none() && metrics.is_none() && logs.is_none() {
            return None;
        }
        if value(source, OTLP_PROTOCOL).is_some_and(|protocol| protocol != "http/protobuf") {
            problems.push(OTLP_PROTOCOL, "has to be http/protobuf");
        }
        if value(source, OTLP_COMPRESSION).is_some_and(|compression| compression != "none") {
            problems.push(OTLP_COMPRESSION, "has to be none");
        }
        Some(Self {
            traces,
            metrics,
            logs,
            headers: headers(source, problems),
            temporality: temporality(source, problems),
        })
    }
}

/// The names and defaults of one kind of batches.
struct BatchNames {
    every: &'static str,
    queue: &'static str,
    size: &'static str,
}

impl Batches {
    fn read(source: &dyn Source, names: &BatchNames, problems: &mut Problems) -> Self {
        let every = number(source, names.every, 1..=60_000, problems);
        let queue = number(source, names.queue, 1..=65_536, problems).unwrap_or(2048);
        let size = number(source, names.size, 1..=65_536, problems);
        if size.is_some_and(|size| size > queue) {
            problems.push(names.size, "has to be at most as large as the queue");
        }
        Self {
            // The host ends the process without notice, so nothing may wait for long.
            every: Duration::from_millis(every.unwrap_or(1000)),
            queue: queue as usize,
            size: size.unwrap_or(512).min(queue) as usize,
        }
    }
}

/// The text of a setting that others read, too.
pub(super) fn value(source: &dyn Source, name: &str) -> Option<String> {
    let text = source.get(name)?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn number(
    source: &dyn Source,
    name: &str,
    allowed: std::ops::RangeInclusive<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    value(source, name)?;
    problems.number(source, name, allowed)
}

fn endpoint(source: &dyn Source, name: &str, problems: &mut Problems) -> Option<Url> {
    let url: Option<Url> = value(source, name)?.parse().ok();
    let url = url.filter(|url| {
        let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        safe && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
    });
    if url.is_none() {
        problems.push(
            name,
            "has to be an https address, or an http address on this machine",
        );
    }
    url
}

/// The address of a signal below that of the collector (OpenTelemetry specification, "OTLP Exporter",
/// Endpoint URLs for OTLP/HTTP).
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// `name=value,name=value`, values percent-encoded (W3C Baggage §3.3.1).
fn headers(source: &dyn Source, problems: &mut Problems) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(source, OTLP_HEADERS, problems) {
        let name: Option<HeaderName> = name.parse().ok();
        match (name, HeaderValue::from_str(&value)) {
            (Some(name), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            _ => problems.push(OTLP_HEADERS, "holds something that is no header"),
        }
    }
    headers
}

fn pairs(source: &dyn Source, name: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let text = value(source, name).unwrap_or_default();
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let pairs: Option<Vec<_>> = items
        .map(|item| {
            let (name, value) = item.split_once('=')?;
            Some((name.trim().to_owned(), decoded(value.trim())?))
        })
        .collect();
    if pairs.is_none() {
        problems.push(
            name,
            "has to be made of name=value, with commas between them",
        );
    }
    pairs.unwrap_or_default()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(rest.next())? << 4 | digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn temporality(source: &dyn Source, problems: &mut Problems) -> Temporality {
    let preference = value(source, OTLP_TEMPORALITY).map(|text| text.to_ascii_lowercase());
    match preference.as_deref() {
        None | Some("cumulative") => Temporality::Cumulative,
        Some("delta") => Temporality::Delta,
        Some("lowmemory") => Temporality::LowMemory,
        Some(_) => {
            problems.push(OTLP_TEMPORALITY, "has to be cumulative, delta or lowmemory");
            Temporality::Cumulative
        }
    }
}

/// The name of the service, its instance, and what the operator adds.
fn resource(app: &str, source: &dyn Source, problems: &mut Problems) -> Vec<(String, String)> {
    let mut resource = pairs(source, RESOURCE_ATTRIBUTES, problems);
    let mut set = |name: &str, value: String| {
        resource.retain(|(known, _)| known != name);
        resource.push((name.to_owned(), value));
    };
    if let Some(name) = value(source, SERVICE_NAME) {
        set("service.name", name);
    } else if !value(source, RESOURCE_ATTRIBUTES).is_some_and(|text| text.contains("service.name="))
    {
        let site = value(source, "WEBSITE_SITE_NAME");
        set("service.name", site.unwrap_or_else(|| app.to_owned()));
    }
    if let Some(instance) = INSTANCE.iter().find_map(|name| value(source, name)) {
        set("service.instance.id", instance);
    }
    for (_, value) in &mut resource {
        text::clip(value, text::VALUE);
    }
    resource
}

fn sampler(source: &dyn Source, problems: &mut Problems) -> Sampler {
    let name = value(source, SAMPLER).map(|text| text.to_ascii_lowercase());
    // Ours decides for whole traces in any case.
    let name = name.as_deref().map(|name| {
        let plain = name.strip_prefix("parentbased_");
        plain.unwrap_or(name)
    });
    let argument: Option<f64> = value(source, SAMPLER_ARG).and_then(|text| text.parse().ok());
    let share = argument.filter(|share| (0.0..=1.0).contains(share));
    let per_second = argument.filter(|traces| (0.0..=100_000.0).contains(traces));
    let given = value(source, SAMPLER_ARG).is_some();
    let sampler = match name {
        Some("always_on") => Some(Sampler::Always),
        Some("always_off") => Some(Sampler::Never),
        Some("traceidratio") if !given => Some(Sampler::Always),
        Some("traceidratio" | "microsoft.fixed_percentage") => share.map(Sampler::Share),
        None | Some("microsoft.rate_limited") if !given => Some(Sampler::per_second(TRACES)),
        None | Some("microsoft.rate_limited") => {
            per_second.map(|traces| Sampler::per_second(traces.ceil() as u32))
        }
        Some(_) => {
            problems.push(
                SAMPLER,
                "has to be always_on, always_off, traceidratio, microsoft.fixed_percentage or \
                 microsoft.rate_limited",
            );
            return Sampler::Never;
        }
    };
    sampler.unwrap_or_else(|| {
        problems.push(
            SAMPLER_ARG,
            "has to be a share from 0 to 1, or how many traces a second where the sampler is \
             microsoft.rate_limited",
        );
        Sampler::Never
    })
}

const DISABLED: &str = "OTEL_SDK_DISABLED";
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const OTLP_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const OTLP_METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const OTLP_LOGS: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";
const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const OTLP_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const OTLP_COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
const OTLP_TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const METRIC_INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
const SPANS: BatchNames = BatchNames {
    every: "OTEL_BSP_SCHEDULE_DELAY",
    queue: "OTEL_BSP_MAX_QUEUE_SIZE",
    size: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
};
const LOGS: BatchNames = BatchNames {
    every: "OTEL_BLRP_SCHEDULE_DELAY",
    queue: "OTEL_BLRP_MAX_QUEUE_SIZE",
    size: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
};
/// What names the instance on the platforms that run apps.
const INSTANCE: [&str; 3] = ["WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "CONTAINER_NAME"];
/// How many traces a second are recorded where nothing is set.
const TRACES: u32 = 20;

#[cfg(test)]
mod tests;
