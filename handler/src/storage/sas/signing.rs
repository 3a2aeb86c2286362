//! What is signed, and the URL that says it.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::SERVICE_VERSION;
use super::super::account::Account;
use super::super::kept::SKEW;
use super::super::keys::{DelegationKey, SERVICE};
use super::super::names::{BlobName, ContainerName, escaped};
use super::super::permissions::{IpRange, Permissions};
use super::super::time::{to_the_second, utc};
use super::{LEAST_LIFE, SasUrl};

/// What a request comes to within the caps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) container: &'a ContainerName,
    pub(super) blob: Option<&'a BlobName>,
    pub(super) permissions: Permissions,
    pub(super) life: Duration,
    pub(super) range: Option<IpRange>,
}

/// A grant with its times.
pub(super) struct Fields<'a> {
    pub(super) grant: Grant<'a>,
    pub(super) start: SystemTime,
    pub(super) expiry: SystemTime,
}

impl<'a> Fields<'a> {
    /// The times of a grant from now on: it began some minutes ago, in case the account's clock is
    /// behind, and it ends with its life or with the key, whichever is first.
    ///
    /// Nothing when the key ends too soon for anybody to use it.
    pub(super) fn new(grant: Grant<'a>, key: &DelegationKey, now: SystemTime) -> Option<Self> {
        let start = to_the_second(now - SKEW).max(key.start);
        let expiry = to_the_second(now + grant.life).min(key.expiry);
        let left = expiry.duration_since(now).ok()?;
        // The second that `to_the_second` may have taken is no loss.
        (left + Duration::from_secs(1) > LEAST_LIFE).then_some(Self {
            grant,
            start,
            expiry,
        })
    }

    /// The URL.
    pub(super) fn sign(&self, account: &Account, key: &DelegationKey) -> SasUrl {
        let text = self.string_to_sign(account, key);
        let signature = STANDARD.encode(key.sign(&text));
        let container = self.grant.container;
        let mut url = match self.grant.blob {
            Some(blob) => format!("{}{container}/{}?", account.uri(), blob.to_path()),
            None => format!("{}{container}?", account.uri()),
        };
        let parameters = [
            ("sv", SERVICE_VERSION),
            ("sr", self.resource()),
            ("sp", &self.grant.permissions.to_string()),
            ("st", &utc(self.start)),
            ("se", &utc(self.expiry)),
            ("spr", PROTOCOL),
            ("sip", &self.range()),
            ("skoid", key.object_id.as_str()),
            ("sktid", key.tenant_id.as_str()),
            ("skt", &utc(key.start)),
            ("ske", &utc(key.expiry)),
            ("sks", SERVICE),
            ("skv", &key.version),
            ("sig", &signature),
        ];
        let written = parameters.iter().filter(|(_, value)| !value.is_empty());
        for (index, (name, value)) in written.enumerate() {
            if index > 0 {
                url.push('&');
            }
            url.push_str(name);
            url.push('=');
            url.push_str(&escaped(value));
        }
        SasUrl {
            url: url.into(),
            expires: self.expiry,
        }
    }

    /// What is signed, in the order of version 2020-12-06 and later, up to 2025-07-05 (Microsoft
    /// Learn, "Create a user delegation SAS", "Specify the signature"). Values stand as they are,
    /// not escaped.
    pub(super) fn string_to_sign(&self, account: &Account, key: &DelegationKey) -> String {
        let resource = match self.grant.blob {
            Some(blob) => format!("/blob/{}/{}/{blob}", account.name(), self.grant.container),
            None => format!("/blob/{}/{}", account.name(), self.grant.container),
        };
        [
            self.grant.permissions.to_string().as_str(),
            &utc(self.start),
            &utc(self.expiry),
            &resource,
            key.object_id.as_str(),
            key.tenant_id.as_str(),
            &utc(key.start),
            &utc(key.expiry),
            SERVICE,
            &key.version,
            "", // saoid
            "", // suoid
            "", // scid
            &self.range(),
            PROTOCOL,
            SERVICE_VERSION,
            self.resource(),
            "", // the time of a snapshot
            "", // ses
            "", // rscc
            "", // rscd
            "", // rsce
            "", // rscl
            "", // rsct
        ]
        .join("\n")
    }

    /// `sr`: a blob or a container.
    fn resource(&self) -> &'static str {
        match self.grant.blob {
            Some(_) => "b",
            None => "c",
        }
    }

    /// `sip`: empty where every address will do.
    fn range(&self) -> String {
        let range = self.grant.range;
        range.map(|range| range.to_string()).unwrap_or_default()
    }
}

/// `spr`: no URL of ours is good without TLS.
const PROTOCOL: &str = "https";
