//! Where Application Insights is, and as whom the app signs in there.
//!
//! Both texts are written as for the Functions host, which reads the same settings (Microsoft Learn,
//! "Connection strings in Application Insights" and "App settings reference for Azure Functions").

use url::Url;

use crate::auth::Guid;
use crate::settings::{Problems, Source, insecure_allowed};

/// The address of the ingestion endpoint of a cloud, and the resource that telemetry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connection {
    key: Guid,
    endpoint: Url,
    /// What tokens for the endpoint are issued for.
    scope: &'static str,
    on_this_machine: bool,
}

/// How telemetry is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SignIn {
    /// The user-assigned identity; the app's own without it.
    pub(super) client_id: Option<Guid>,
}

impl Connection {
    /// Reads the connection string, if there is one.
    pub(super) fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let insecure = problems.parse(source, INSECURE_INGESTION).unwrap_or(false);
        let text = super::settings::value(source, CONNECTION_STRING)?;
        let here = |url: &Url| insecure && is_below_localhost(url);
        let connection = match Self::parse(&text, here) {
            Ok(connection) => connection,
            Err(wrong) => {
                problems.push(CONNECTION_STRING, wrong);
                return None;
            }
        };
        if connection.on_this_machine
            && let Err(against) = insecure_allowed(source, &connection.endpoint)
        {
            problems.push(INSECURE_INGESTION, against);
            return None;
        }
        Some(connection)
    }

    /// `here` says whether an address on this machine may stand for the cloud's.
    fn parse(text: &str, here: impl Fn(&Url) -> bool) -> Result<Self, &'static str> {
        let fields = Fields::of(text)?;
        if let Some(how) = fields.get("authorization")
            && !how.eq_ignore_ascii_case("ikey")
        {
            return Err(
                "says how to sign in, which APPLICATIONINSIGHTS_AUTHENTICATION_STRING does",
            );
        }
        let key = fields
            .get("instrumentationkey")
            .and_then(|key| Guid::parse(&key.to_ascii_lowercase()).ok())
            .ok_or("has to hold InstrumentationKey=<GUID>")?;
        let endpoint = endpoint(&fields)?;
        if let Some(scope) = scope_of(&endpoint) {
            return Ok(Self {
                key,
                endpoint,
                scope,
                on_this_machine: false,
            });
        }
        if here(&endpoint) {
            return Ok(Self {
                key,
                endpoint,
                scope: PUBLIC_SCOPE,
                on_this_machine: true,
            });
        }
        Err("names an ingestion endpoint that is not Azure's")
    }

    /// The connection string in the form that the exporter's own reader takes: it fails at spaces
    /// and at a semicolon at the end, and panics without a scheme.
    pub(super) fn normalised(&self) -> String {
        let endpoint = self.endpoint.as_str().trim_end_matches('/');
        format!(
            "InstrumentationKey={};IngestionEndpoint={endpoint}",
            self.key.as_str()
        )
    }

    pub(super) fn scope(&self) -> &'static str {
        self.scope
    }

    /// Whether telemetry goes to a stand-in on this machine.
    pub(super) fn is_on_this_machine(&self) -> bool {
        self.on_this_machine
    }
}

impl SignIn {
    /// Reads how the app signs in: with an identity, or, without the setting, not at all.
    pub(super) fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let text = super::settings::value(source, AUTHENTICATION_STRING)?;
        let parsed = Self::parse(&text);
        if let Err(wrong) = parsed {
            problems.push(AUTHENTICATION_STRING, wrong);
        }
        parsed.ok()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let fields = Fields::of(text)?;
        let aad = fields
            .get("authorization")
            .is_some_and(|how| how.eq_ignore_ascii_case("AAD"));
        if !aad {
            return Err("has to begin with Authorization=AAD");
        }
        let client_id = match fields.get("clientid") {
            None => None,
            Some(id) => Some(
                Guid::parse(&id.to_ascii_lowercase())
                    .map_err(|_| "has a ClientId that is no client id, which is a GUID")?,
            ),
        };
        Ok(Self { client_id })
    }
}

/// The fields of `Name=value;Name=value`. Names ignore case.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(text: &str) -> Result<Self, &'static str> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for part in text.split(';').map(str::trim) {
            if part.is_empty() {
                continue;
            }
            let (name, value) = part
                .split_once('=')
                .ok_or("has to be made of Name=value, with semicolons between them")?;
            let name = name.trim().to_ascii_lowercase();
            if fields.iter().any(|(known, _)| *known == name) {
                return Err("names the same thing twice");
            }
            fields.push((name, value.trim().to_owned()));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }
}

/// The address that telemetry is sent to, https and nothing but a host.
fn endpoint(fields: &Fields) -> Result<Url, &'static str> {
    let text = match (
        fields.get("ingestionendpoint"),
        fields.get("endpointsuffix"),
    ) {
        (Some(endpoint), _) if endpoint.contains("://") => endpoint.to_owned(),
        (Some(endpoint), _) => format!("https://{endpoint}"),
        (None, Some(suffix)) => match fields.get("location") {
            Some(location) => format!("https://{location}.dc.{suffix}"),
            None => format!("https://dc.{suffix}"),
        },
        (None, None) => format!("https://{DEFAULT_HOST}"),
    };
    let url: Url = text
        .parse()
        .map_err(|_| "names an ingestion endpoint that is no address")?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if url.scheme() != "https" || !bare {
        return Err("has to name an ingestion endpoint over https, with nothing but a host");
    }
    Ok(url)
}

/// What tokens for an endpoint of Azure are issued for; none if it is not Azure's.
fn scope_of(endpoint: &Url) -> Option<&'static str> {
    let host = endpoint.host_str()?;
    if endpoint.port().is_some() {
        return None;
    }
    CLOUDS
        .iter()
        .find(|(suffix, _)| {
            host.strip_suffix(suffix)
                .is_some_and(|before| before.len() > 1 && before.ends_with('.'))
        })
        .map(|(_, scope)| *scope)
}

fn is_below_localhost(url: &Url) -> bool {
    url.host_str()
        .is_some_and(|host| host.ends_with(".localhost"))
}

pub(super) const CONNECTION_STRING: &str = "APPLICATIONINSIGHTS_CONNECTION_STRING";
pub(super) const AUTHENTICATION_STRING: &str = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";
pub(super) const INSECURE_INGESTION: &str = "STOCKADE__TELEMETRY__INSECURE_INGESTION";

/// What a connection string without an endpoint means.
const DEFAULT_HOST: &str = "dc.services.visualstudio.com";

const PUBLIC_SCOPE: &str = "https://monitor.azure.com/.default";
const USGOV_SCOPE: &str = "https://monitor.azure.us/.default";
const CHINA_SCOPE: &str = "https://monitor.azure.cn/.default";

/// What the ingestion hosts of each cloud end in (Microsoft Learn, "Application Insights overrides
/// for endpoints" and "IP addresses used by Azure Monitor").
const CLOUDS: &[(&str, &str)] = &[
    ("applicationinsights.azure.com", PUBLIC_SCOPE),
    ("applicationinsights.microsoft.com", PUBLIC_SCOPE),
    ("services.visualstudio.com", PUBLIC_SCOPE),
    ("applicationinsights.azure.us", USGOV_SCOPE),
    ("applicationinsights.us", USGOV_SCOPE),
    ("applicationinsights.azure.cn", CHINA_SCOPE),
];

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "11111111-2222-3333-4444-555555555555";

    fn parsed(text: &str) -> Result<Connection, &'static str> {
        Connection::parse(text, |_| false)
    }

    #[test]
    fn every_way_to_write_it_comes_down_to_one() {
        let rows = [
            (
                format!("InstrumentationKey={KEY}"),
                "https://dc.services.visualstudio.com",
            ),
            (
                format!(" instrumentationkey = {} ; ", KEY.to_uppercase()),
                "https://dc.services.visualstudio.com",
            ),
            (
                format!(
                    "InstrumentationKey={KEY};IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;ApplicationId=a=b"
                ),
                "https://westeurope-5.in.applicationinsights.azure.com",
            ),
            (
                format!(
                    "InstrumentationKey={KEY};IngestionEndpoint=x.in.applicationinsights.azure.com"
                ),
                "https://x.in.applicationinsights.azure.com",
            ),
            (
                format!(
                    "InstrumentationKey={KEY};EndpointSuffix=applicationinsights.azure.cn;Location=chinaeast2"
                ),
                "https://chinaeast2.dc.applicationinsights.azure.cn",
            ),
        ];

        for (text, endpoint) in rows {
            let connection = parsed(&text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(
                connection.normalised(),
                format!("InstrumentationKey={KEY};IngestionEndpoint={endpoint}")
            );
        }
    }

    #[test]
    fn a_token_is_asked_for_in_the_clouds_own_name() {
        for (host, scope) in [
            ("x.in.applicationinsights.azure.com", PUBLIC_SCOPE),
            ("x.in.applicationinsights.azure.us", USGOV_SCOPE),
            ("x.in.applicationinsights.azure.cn", CHINA_SCOPE),
        ] {
            let text = format!("InstrumentationKey={KEY};IngestionEndpoint=https://{host}");
            assert_eq!(parsed(&text).expect("Azure's").scope(), scope);
        }
    }

    #[test]
    fn what_is_not_azures_is_refused() {
        let endpoint =
            |endpoint: &str| format!("InstrumentationKey={KEY};IngestionEndpoint={endpoint}");
        for text in [
            String::new(),
            KEY.to_owned(),
            "InstrumentationKey=none".to_owned(),
            format!("InstrumentationKey={KEY};InstrumentationKey={KEY}"),
            format!("InstrumentationKey={KEY};Authorization=AAD"),
            format!("InstrumentationKey={KEY};EndpointSuffix=evil.example"),
            endpoint("http://x.in.applicationinsights.azure.com"),
            endpoint("https://applicationinsights.azure.com"),
            endpoint("https://evilapplicationinsights.azure.com"),
            endpoint("https://x.applicationinsights.azure.com.evil.example"),
            endpoint("https://x.applicationinsights.azure.com:8443"),
            endpoint("https://x@x.applicationinsights.azure.com"),
            endpoint("https://x.applicationinsights.azure.com/v2/track"),
            endpoint("https://devhost.ingestion.localhost:7073"),
            endpoint("::"),
            "@Microsoft.KeyVault(VaultName=v;SecretName=s)".to_owned(),
        ] {
            assert!(parsed(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_stand_in_is_believed_only_on_a_developers_machine() {
        let stand_in = format!(
            "InstrumentationKey={KEY};IngestionEndpoint=https://devhost.ingestion.localhost:7073"
        );
        let mut settings: std::collections::BTreeMap<String, String> = [
            (CONNECTION_STRING, stand_in.as_str()),
            (INSECURE_INGESTION, "true"),
            ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let mut problems = Problems::new();
        let connection = Connection::read(&settings, &mut problems).expect("a connection");
        assert!(connection.is_on_this_machine() && problems.is_empty());

        settings.insert("WEBSITE_INSTANCE_ID".to_owned(), "i".to_owned());
        assert_eq!(Connection::read(&settings, &mut problems), None);
        assert!(!problems.is_empty());
    }

    #[test]
    fn an_identity_is_named_by_its_client_id() {
        let sign_in = |text| SignIn::parse(text).map(|sign_in| sign_in.client_id);

        assert_eq!(sign_in("Authorization=AAD"), Ok(None));
        let named = format!("authorization=aad; ClientId={KEY};");
        assert_eq!(sign_in(&named), Ok(Guid::parse(KEY).ok()));
        for wrong in [
            "",
            "AAD",
            "Authorization=ikey",
            "Authorization=AAD;ClientId=me",
        ] {
            assert!(sign_in(wrong).is_err(), "{wrong}");
        }
    }
}
