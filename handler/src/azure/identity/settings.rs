//! Which identity the platform gives the process, and where it hands out tokens.

use std::net::IpAddr;

use azure_core::http::Url;

use crate::auth::Guid;
use crate::settings::{Problems, Process, Source, is_loopback};

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IdentitySettings {
    /// The platform's endpoint. Its secret header stays in the environment, where the SDK reads it.
    Platform {
        endpoint: Url,
        /// The user-assigned identity; the app's own without it.
        client_id: Option<Guid>,
    },
    /// Whoever is signed in to the Azure CLI.
    #[cfg(feature = "dev")]
    AzureCli,
}

impl IdentitySettings {
    pub(super) fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        Self::read_beside(&Process, source, problems)
    }

    /// As [`read`](Self::read), for an identity that another setting names.
    pub(super) fn read_as(
        client_id: Option<Guid>,
        source: &dyn Source,
        problems: &mut Problems,
    ) -> Option<Self> {
        let before = problems.iter().count();
        // The Azure CLI has one identity, whichever is meant.
        let client_id = client_id.filter(|_| source.get(ENDPOINT).is_some());
        Self::of(client_id, before, &Process, source, problems)
    }

    /// `process` is the environment that the SDK reads by itself.
    pub(super) fn read_beside(
        process: &dyn Source,
        source: &dyn Source,
        problems: &mut Problems,
    ) -> Option<Self> {
        let before = problems.iter().count();
        let client_id = read_client_id(source, problems);
        Self::of(client_id, before, process, source, problems)
    }

    /// `before` counts the problems that are none of the identity's.
    fn of(
        client_id: Option<Guid>,
        before: usize,
        process: &dyn Source,
        source: &dyn Source,
        problems: &mut Problems,
    ) -> Option<Self> {
        let platform = match (source.get(ENDPOINT), source.get(HEADER)) {
            (None, None) => return without_platform(client_id, problems),
            (Some(_), None) => {
                problems.push(HEADER, "is not set beside IDENTITY_ENDPOINT");
                None
            }
            (None, Some(_)) => {
                problems.push(ENDPOINT, "is not set beside IDENTITY_HEADER");
                None
            }
            (Some(_), Some(_)) => {
                check_header(source, problems);
                read_endpoint(source, problems)
            }
        };
        for name in [ENDPOINT, HEADER] {
            if source.get(name) != process.get(name) {
                problems.push(
                    name,
                    "is not what the process's environment says, which the Azure client reads",
                );
            }
        }
        let endpoint = platform?;
        (problems.iter().count() == before).then_some(Self::Platform {
            endpoint,
            client_id,
        })
    }
}

#[cfg(feature = "dev")]
fn without_platform(client_id: Option<Guid>, problems: &mut Problems) -> Option<IdentitySettings> {
    if client_id.is_some() {
        problems.push(
            CLIENT_ID,
            "names a managed identity, and the Azure CLI has none; remove it",
        );
        return None;
    }
    tracing::warn!("no managed identity: the app signs in as whoever uses the Azure CLI");
    Some(IdentitySettings::AzureCli)
}

#[cfg(not(feature = "dev"))]
fn without_platform(_: Option<Guid>, problems: &mut Problems) -> Option<IdentitySettings> {
    problems.push(
        ENDPOINT,
        "is not set: the platform sets it where the app has a managed identity; assign one, or \
         try `cargo fn dev`",
    );
    None
}

fn read_client_id(source: &dyn Source, problems: &mut Problems) -> Option<Guid> {
    let text = problems.text(source, CLIENT_ID)?;
    let id = Guid::parse(&text.to_ascii_lowercase()).ok();
    if id.is_none() {
        problems.push(CLIENT_ID, "has to be a client id, which is a GUID");
    }
    id
}

fn check_header(source: &dyn Source, problems: &mut Problems) {
    let text = problems.text(source, HEADER);
    if text.is_some_and(|text| http::HeaderValue::from_str(&text).is_err()) {
        problems.push(HEADER, "cannot be sent as the value of a header");
    }
}

fn read_endpoint(source: &dyn Source, problems: &mut Problems) -> Option<Url> {
    let url: Option<Url> = problems.text(source, ENDPOINT)?.parse().ok();
    let url = url.filter(|url| {
        url.scheme() == "http"
            && (is_loopback(url) || is_link_local(url))
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    });
    if url.is_none() {
        problems.push(
            ENDPOINT,
            "has to be an http address on this machine or a link-local one: the platform's \
             secret is sent there",
        );
    }
    url
}

/// 169.254.0.0/16 (RFC 3927 §2.1) or fe80::/10 (RFC 4291 §2.5.6).
fn is_link_local(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_unicast_link_local(),
        Err(_) => false,
    }
}

pub(super) const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";
const CLIENT_ID: &str = "STOCKADE__IDENTITY__CLIENT_ID";

#[cfg(test)]
mod tests;
