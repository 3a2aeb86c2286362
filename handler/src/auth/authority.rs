//! Where a tenant's metadata is, and what its tokens call their issuer.

use std::str::FromStr;

use reqwest::Url;

use super::guid::{Guid, TenantId};

/// The cloud whose Entra ID signs the tokens.
///
/// An issuer of another cloud is refused even where the text of the v1 issuer is the same: the
/// keys come from this cloud's login host alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloud {
    /// Azure.
    #[default]
    Public,
    /// Azure Government (United States).
    UsGov,
    /// Azure operated by 21Vianet (China).
    China,
}

/// The form of a token, of its issuer and of the metadata it is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    V1,
    V2,
}

/// Who signed a token: a tenant, in one of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Issuer {
    pub(crate) tenant: TenantId,
    pub(crate) version: Version,
}

/// The login host that is asked, and the beginnings of the issuers it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    /// Scheme, host and port, without a path.
    origin: Url,
    /// What a v2 issuer begins with, up to the tenant.
    v2: String,
    /// What a v1 issuer begins with, up to the tenant.
    v1: &'static str,
    /// The app whose own keys are asked for, in place of those that a tenant signs with for all.
    app: Option<Guid>,
}

impl Cloud {
    fn login_host(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGov => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    fn v1_issuer(self) -> &'static str {
        match self {
            // Both clouds write the same issuer; their keys tell them apart.
            Self::Public | Self::UsGov => "https://sts.windows.net/",
            Self::China => "https://sts.chinacloudapi.cn/",
        }
    }
}

impl FromStr for Cloud {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "usgov" => Ok(Self::UsGov),
            "china" => Ok(Self::China),
            _ => Err(()),
        }
    }
}

impl Authority {
    /// The cloud's own login host.
    pub(crate) fn of(cloud: Cloud) -> Self {
        let origin = cloud
            .login_host()
            .parse()
            .expect("login hosts are addresses");
        Self::at(origin, cloud)
    }

    /// Another login host that plays the cloud's part. `origin` has no path.
    pub(crate) fn at(origin: Url, cloud: Cloud) -> Self {
        let v2 = origin.to_string();
        let v1 = cloud.v1_issuer();
        Self {
            origin,
            v2,
            v1,
            app: None,
        }
    }

    /// The same login host, asked for the keys of one app: an app with claims mapping has its own
    /// (Entra ID: access tokens).
    pub(crate) fn for_app(self, app: Option<Guid>) -> Self {
        Self { app, ..self }
    }

    pub(crate) fn origin(&self) -> &Url {
        &self.origin
    }

    /// Where the metadata of an issuer is.
    pub(crate) fn metadata(&self, issuer: Issuer) -> Url {
        let version = match issuer.version {
            Version::V1 => "",
            Version::V2 => "/v2.0",
        };
        let mut url = self.origin.clone();
        url.set_path(&format!(
            "/{}{version}/.well-known/openid-configuration",
            issuer.tenant
        ));
        if let Some(app) = &self.app {
            url.set_query(Some(&format!("appid={}", app.as_str())));
        }
        url
    }

    /// The authorization server of a tenant: the issuer of its v2 tokens.
    pub(crate) fn server(&self, tenant: &str) -> String {
        let (start, end) = self.around_tenant(Version::V2);
        [start, tenant, end].concat()
    }

    /// Where a user of a tenant signs in.
    pub(crate) fn authorize(&self, tenant: TenantId) -> Url {
        let mut url = self.origin.clone();
        url.set_path(&format!("/{tenant}/oauth2/v2.0/authorize"));
        url
    }

    /// Whether `name` is, byte for byte, what the tokens and the metadata of an issuer call it.
    pub(crate) fn is_named(&self, issuer: Issuer, name: &str) -> bool {
        let (start, end) = self.around_tenant(issuer.version);
        name.strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(|tenant| tenant == issuer.tenant.as_str())
    }

    /// Whether an address is on the login host: the same scheme, host and port.
    pub(crate) fn serves(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
            && url.username().is_empty()
            && url.password().is_none()
    }

    fn around_tenant(&self, version: Version) -> (&str, &'static str) {
        match version {
            Version::V1 => (self.v1, "/"),
            Version::V2 => (&self.v2, "/v2.0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    fn issuer(version: Version) -> Issuer {
        let tenant = TenantId::parse(TENANT).expect("a tenant");
        Issuer { tenant, version }
    }

    #[test]
    fn each_cloud_has_its_own_metadata_and_issuers() {
        let rows = [
            (
                Cloud::Public,
                "https://login.microsoftonline.com",
                "https://sts.windows.net",
            ),
            (
                Cloud::UsGov,
                "https://login.microsoftonline.us",
                "https://sts.windows.net",
            ),
            (
                Cloud::China,
                "https://login.partner.microsoftonline.cn",
                "https://sts.chinacloudapi.cn",
            ),
        ];
        for (cloud, host, sts) in rows {
            let authority = Authority::of(cloud);
            let (v1, v2) = (issuer(Version::V1), issuer(Version::V2));

            assert!(authority.is_named(v2, &format!("{host}/{TENANT}/v2.0")));
            assert!(authority.is_named(v1, &format!("{sts}/{TENANT}/")));
            assert!(!authority.is_named(v1, &format!("{host}/{TENANT}/v2.0")));
            assert_eq!(
                authority.metadata(v2).as_str(),
                format!("{host}/{TENANT}/v2.0/.well-known/openid-configuration")
            );
            assert_eq!(
                authority.metadata(v1).as_str(),
                format!("{host}/{TENANT}/.well-known/openid-configuration")
            );
        }
    }

    #[test]
    fn an_app_with_keys_of_its_own_is_named_to_the_login_host_and_nowhere_else() {
        let app = "eeeeeeee-0000-4000-8000-000000000007";
        let authority =
            Authority::of(Cloud::Public).for_app(Some(Guid::parse(app).expect("a GUID")));
        let v2 = issuer(Version::V2);

        let asked = authority.metadata(v2);
        assert!(
            asked
                .as_str()
                .ends_with(&format!("/openid-configuration?appid={app}"))
        );
        assert!(authority.is_named(
            v2,
            &format!("https://login.microsoftonline.com/{TENANT}/v2.0")
        ));
        assert_eq!(authority.authorize(v2.tenant).query(), None);
    }

    #[test]
    fn an_issuer_is_recognised_byte_for_byte() {
        let authority = Authority::of(Cloud::Public);
        let v2 = issuer(Version::V2);
        let name = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        assert!(authority.is_named(v2, &name));

        for other in [
            format!("{name}/"),
            name.replace("https", "http"),
            name.to_uppercase(),
            name.replace(TENANT, "common"),
            name.replace(".com", ".us"),
            format!(" {name}"),
        ] {
            assert!(!authority.is_named(v2, &other), "{other}");
        }
    }

    #[test]
    fn only_the_same_scheme_host_and_port_without_credentials_is_the_login_host() {
        let authority = Authority::of(Cloud::Public);
        let serves = |text: &str| authority.serves(&text.parse().expect("an address"));

        assert!(serves(
            "https://login.microsoftonline.com/x/keys?appid=some"
        ));
        assert!(serves("https://login.microsoftonline.com:443/keys"));
        for elsewhere in [
            "http://login.microsoftonline.com/keys",
            "https://login.microsoftonline.com:8443/keys",
            "https://login.microsoftonline.com.example.com/keys",
            "https://user@login.microsoftonline.com/keys",
            "https://login.microsoftonline.com@example.com/keys",
            "data:application/json,{}",
        ] {
            assert!(!serves(elsewhere), "{elsewhere}");
        }
    }
}
