//! The settings of token checks.

use std::time::Duration;

use reqwest::Url;

use super::authority::{Authority, Cloud};
use super::certificates::{CertificateSettings, FrontEnd};
use super::claims::ClientCredential;
use super::guid::{Guid, TenantId};
use super::lists::{GuidList, Lists};
use super::resource::ResourceId;
use crate::settings::{Problems, Source, insecure_allowed};
use crate::telemetry::audit;

/// What tokens have to satisfy, and how they are checked.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    pub(crate) authority: Authority,
    pub(crate) tenants: Tenants,
    /// The values of `aud` that mean this app.
    pub(crate) audiences: Vec<String>,
    /// Who may call, beside having a token.
    pub(crate) lists: Lists,
    /// What the app is called as a protected resource (RFC 9728).
    pub(crate) resource: Option<ResourceId>,
    pub(crate) v1: V1,
    pub(crate) clock_skew: Duration,
    pub(crate) max_token_bytes: usize,
    /// How many verified tokens are remembered; 0 for none.
    pub(crate) cache_entries: usize,
    pub(crate) keys_cooldown: Duration,
    /// The client certificates that callers need beside their token, if they need any.
    pub(crate) certificates: Option<CertificateSettings>,
}

/// The tenants whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tenants {
    /// These, of which there may be none when no function needs a token.
    Listed(Vec<TenantId>),
    /// Every organisation's, which had to be asked for by the word `any`.
    Any,
}

/// What happens to v1 tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum V1 {
    Refused,
    Accepted,
}

impl AuthSettings {
    /// Reads the settings and records everything that is wrong with them.
    ///
    /// `needs_tokens` says whether the app has a function that needs a token; only then are a
    /// tenant and an audience required.
    pub fn read(source: &dyn Source, problems: &mut Problems, needs_tokens: bool) -> Self {
        let cloud = read_cloud(source, problems);
        let insecure_authority = read_insecure_authority(source, problems);
        let least_cooldown = match insecure_authority {
            Some(_) => 0,
            None => 30,
        };
        let tenants = read_tenants(source, problems);
        let audiences = problems.list(source, AUDIENCES);
        if needs_tokens {
            if source.get(TENANTS).is_none() {
                problems.push(TENANTS, "is missing; list the tenants that may call");
            }
            if source.get(AUDIENCES).is_none() {
                problems.push(AUDIENCES, "is missing; give the app's client id");
            }
        }
        let accept_v1 = problems.parse(source, ACCEPT_V1).unwrap_or(false);
        let seconds = |problems: &mut Problems, name, allowed, default| {
            Duration::from_secs(problems.number(source, name, allowed).unwrap_or(default))
        };
        let count = |problems: &mut Problems, name, allowed, default| {
            let number = problems.number(source, name, allowed).unwrap_or(default);
            usize::try_from(number).unwrap_or(usize::MAX)
        };
        Self {
            authority: match insecure_authority {
                Some(origin) => Authority::at(origin, cloud),
                None => Authority::of(cloud),
            }
            .for_app(read_keys_app_id(source, problems)),
            tenants: tenants.unwrap_or(Tenants::Listed(Vec::new())),
            audiences: audiences.unwrap_or_default(),
            lists: read_lists(source, problems),
            resource: ResourceId::read(source, problems),
            v1: if accept_v1 { V1::Accepted } else { V1::Refused },
            clock_skew: seconds(problems, CLOCK_SKEW_SECONDS, 0..=300, 60),
            max_token_bytes: count(problems, MAX_TOKEN_BYTES, 1024..=262_144, 32_768),
            cache_entries: count(problems, TOKEN_CACHE_ENTRIES, 0..=16_384, 4096),
            keys_cooldown: seconds(
                problems,
                KEYS_COOLDOWN_SECONDS,
                least_cooldown..=86_400,
                300,
            ),
            certificates: CertificateSettings::read(source, problems),
        }
    }

    /// The longest token that is looked at.
    pub fn max_token_bytes(&self) -> usize {
        self.max_token_bytes
    }

    /// Tells, at each start, what weakens the checks.
    pub(crate) fn tell_weakenings(&self) {
        if self.insecure_authority().is_some() {
            audit::weakness(
                INSECURE_AUTHORITY,
                "tokens of a stand-in for the login host are believed",
            );
        }
        let certificates = self.certificates.as_ref();
        if certificates.is_some_and(|settings| settings.front_end == FrontEnd::Nobody) {
            audit::weakness(
                "STOCKADE__AUTH__CLIENT_CERTIFICATES",
                "client certificates are believed without a front end",
            );
        }
    }

    /// The origin that plays the login host, if it is not the cloud's own.
    fn insecure_authority(&self) -> Option<&Url> {
        let origin = self.authority.origin();
        (origin.scheme() == "http").then_some(origin)
    }
}

fn read_cloud(source: &dyn Source, problems: &mut Problems) -> Cloud {
    let Some(text) = problems.text(source, CLOUD) else {
        return Cloud::default();
    };
    match text.to_ascii_lowercase().as_str() {
        "ciam" | "external-id" | "externalid" | "external" => {
            problems.push(CLOUD, "External ID is not supported yet");
            Cloud::default()
        }
        "b2c" => {
            problems.push(CLOUD, "B2C is not supported yet");
            Cloud::default()
        }
        _ => problems.parse(source, CLOUD).unwrap_or_default(),
    }
}

fn read_tenants(source: &dyn Source, problems: &mut Problems) -> Option<Tenants> {
    let items = problems.list(source, TENANTS)?;
    let any = items.iter().any(|item| item == "any");
    if any && items.len() == 1 {
        return Some(Tenants::Any);
    }
    if any {
        problems.push(
            TENANTS,
            "holds `any` beside tenants; it is one or the other",
        );
        return None;
    }
    let mut tenants = Vec::with_capacity(items.len());
    for item in items {
        match TenantId::parse(&item.to_ascii_lowercase()) {
            Ok(tenant) if !tenants.contains(&tenant) => tenants.push(tenant),
            Ok(_) => {}
            Err(_) => problems.push(
                TENANTS,
                "holds something other than tenant GUIDs; domain names, `common`, \
                 `organizations` and `consumers` are not tenants here",
            ),
        }
    }
    Some(Tenants::Listed(tenants))
}

fn read_lists(source: &dyn Source, problems: &mut Problems) -> Lists {
    let mut guids = |name, what| read_guids(source, problems, name, what);
    Lists {
        clients: guids(CLIENTS, "holds something other than client ids (GUIDs)"),
        principals: guids(PRINCIPALS, "holds something other than object ids (GUIDs)"),
        groups: guids(GROUPS, "holds something other than group ids (GUIDs)"),
        min_client_credential: problems
            .parse(source, MIN_CLIENT_CREDENTIAL)
            .unwrap_or(ClientCredential::None),
    }
}

fn read_guids(
    source: &dyn Source,
    problems: &mut Problems,
    name: &str,
    otherwise: &'static str,
) -> Option<GuidList> {
    let items = problems.list(source, name)?;
    let guids: Result<GuidList, _> = items
        .iter()
        .map(|item| Guid::parse(&item.to_ascii_lowercase()))
        .collect();
    if guids.is_err() {
        problems.push(name, otherwise);
    }
    guids.ok()
}

fn read_keys_app_id(source: &dyn Source, problems: &mut Problems) -> Option<Guid> {
    let text = problems.text(source, KEYS_APP_ID)?;
    let app = Guid::parse(&text.to_ascii_lowercase());
    if app.is_err() {
        problems.push(KEYS_APP_ID, "is no client id (a GUID)");
    }
    app.ok()
}

fn read_insecure_authority(source: &dyn Source, problems: &mut Problems) -> Option<Url> {
    let url: Url = problems.parse(source, INSECURE_AUTHORITY)?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if url.scheme() != "http" || !bare {
        problems.push(
            INSECURE_AUTHORITY,
            "has to be an http origin without a path, such as http://127.0.0.1:7072",
        );
        return None;
    }
    match insecure_allowed(source, &url) {
        Ok(()) => Some(url),
        Err(text) => {
            problems.push(INSECURE_AUTHORITY, text);
            None
        }
    }
}

const CLOUD: &str = "STOCKADE__AUTH__CLOUD";
const TENANTS: &str = "STOCKADE__AUTH__TENANTS";
const AUDIENCES: &str = "STOCKADE__AUTH__AUDIENCES";
const CLIENTS: &str = "STOCKADE__AUTH__CLIENTS";
const PRINCIPALS: &str = "STOCKADE__AUTH__PRINCIPALS";
const GROUPS: &str = "STOCKADE__AUTH__GROUPS";
const MIN_CLIENT_CREDENTIAL: &str = "STOCKADE__AUTH__MIN_CLIENT_CREDENTIAL";
const ACCEPT_V1: &str = "STOCKADE__AUTH__ACCEPT_V1";
const CLOCK_SKEW_SECONDS: &str = "STOCKADE__AUTH__CLOCK_SKEW_SECONDS";
const MAX_TOKEN_BYTES: &str = "STOCKADE__AUTH__MAX_TOKEN_BYTES";
const TOKEN_CACHE_ENTRIES: &str = "STOCKADE__AUTH__TOKEN_CACHE_ENTRIES";
const KEYS_COOLDOWN_SECONDS: &str = "STOCKADE__AUTH__KEYS_COOLDOWN_SECONDS";
const KEYS_APP_ID: &str = "STOCKADE__AUTH__KEYS_APP_ID";
const INSECURE_AUTHORITY: &str = "STOCKADE__AUTH__INSECURE_AUTHORITY";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::Problem;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    /// A complete set of settings with `changes` laid over it.
    fn read(changes: &[(&str, &str)]) -> (AuthSettings, String) {
        let mut source: BTreeMap<String, String> = BTreeMap::new();
        let complete = [(TENANTS, TENANT), (AUDIENCES, "api://orders")];
        for (name, value) in complete.iter().chain(changes) {
            source.insert((*name).to_owned(), (*value).to_owned());
        }
        let mut problems = Problems::new();
        let settings = AuthSettings::read(&source, &mut problems, true);
        (settings, problems.to_string())
    }

    #[test]
    fn what_is_left_out_has_the_safe_default() {
        let (settings, problems) = read(&[]);

        assert_eq!(problems, "");
        assert_eq!(
            settings.authority.origin().as_str(),
            "https://login.microsoftonline.com/"
        );
        assert_eq!(settings.lists, Lists::default());
        assert_eq!(settings.resource, None);
        assert_eq!(settings.v1, V1::Refused);
        assert_eq!(settings.clock_skew, Duration::from_secs(60));
        assert_eq!(settings.max_token_bytes, 32_768);
        assert_eq!(settings.cache_entries, 4096);
        assert_eq!(settings.keys_cooldown, Duration::from_secs(300));
        assert_eq!(settings.insecure_authority(), None);
    }

    #[test]
    fn an_app_that_needs_tokens_needs_a_tenant_and_an_audience_and_another_does_not() {
        let nothing = BTreeMap::new();

        let mut problems = Problems::new();
        AuthSettings::read(&nothing, &mut problems, true);
        let named: Vec<_> = problems.iter().map(Problem::name).collect();
        assert_eq!(named, [TENANTS, AUDIENCES]);

        let mut problems = Problems::new();
        AuthSettings::read(&nothing, &mut problems, false);
        assert!(problems.is_empty());
    }

    #[test]
    fn every_wrong_value_is_told() {
        for (name, value) in [
            (CLOUD, "germany"),
            (CLOUD, "b2c"),
            (CLOUD, "ciam"),
            (TENANTS, "common"),
            (TENANTS, "any,11111111-2222-3333-4444-555555555555"),
            (TENANTS, ""),
            (AUDIENCES, ","),
            (CLIENTS, "my-client"),
            (CLIENTS, ""),
            (PRINCIPALS, "ada@example.com"),
            (PRINCIPALS, ""),
            (GROUPS, "Clerks"),
            (GROUPS, "11111111-2222-3333-4444-555555555555,"),
            (MIN_CLIENT_CREDENTIAL, "2"),
            (MIN_CLIENT_CREDENTIAL, ""),
            (KEYS_APP_ID, "api://orders"),
            (KEYS_APP_ID, "11111111-2222-3333-4444-555555555555&x=1"),
            (KEYS_APP_ID, ""),
            (ACCEPT_V1, "yes"),
            (CLOCK_SKEW_SECONDS, "301"),
            (CLOCK_SKEW_SECONDS, "-1"),
            (MAX_TOKEN_BYTES, "0"),
            (TOKEN_CACHE_ENTRIES, "16385"),
            (KEYS_COOLDOWN_SECONDS, "29"),
            (INSECURE_AUTHORITY, "http://127.0.0.1:1"),
        ] {
            let (_, problems) = read(&[(name, value)]);
            assert_eq!(problems.lines().count(), 1, "{name}={value}: {problems}");
            assert!(problems.starts_with(name), "{problems}");
        }
    }

    #[test]
    fn tenants_are_listed_once_in_lower_case_or_are_any() {
        let upper = "AAAAAAAA-2222-3333-4444-555555555555";
        let lower = TenantId::parse(&upper.to_lowercase()).expect("a tenant");

        let (settings, problems) = read(&[(TENANTS, &format!("{upper}, {upper}"))]);
        assert_eq!(problems, "");
        assert_eq!(settings.tenants, Tenants::Listed(vec![lower]));

        let (settings, problems) = read(&[(TENANTS, "any")]);
        assert_eq!(problems, "");
        assert_eq!(settings.tenants, Tenants::Any);
    }

    #[test]
    fn an_insecure_authority_is_a_loopback_http_origin_in_development() {
        let development = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
        let with = |origin| {
            read(&[
                development,
                (INSECURE_AUTHORITY, origin),
                (KEYS_COOLDOWN_SECONDS, "1"),
            ])
        };

        let (settings, problems) = with("http://127.0.0.1:7072");
        assert_eq!(problems, "");
        assert!(settings.insecure_authority().is_some());
        assert_eq!(settings.keys_cooldown, Duration::from_secs(1));

        for refused in [
            "https://127.0.0.1:7072",
            "http://10.0.0.1:7072",
            "http://127.0.0.1:7072/path",
            "http://user@127.0.0.1:7072",
            "127.0.0.1:7072",
        ] {
            let (settings, problems) = with(refused);
            assert!(problems.contains(INSECURE_AUTHORITY), "{refused}");
            assert_eq!(settings.insecure_authority(), None);
        }
    }
}
