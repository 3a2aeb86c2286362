//! What stands in for Azure, each on a port of its own: the tenant, the app's managed identity, the Key
//! Vault and the ingestion of Application Insights. OTLP is taken at the tenant's port. The handler is told where they are and how to trust them.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::app::Settings;
use crate::door::Door;
use crate::managed_identity::{self, ManagedIdentity};
use crate::telemetry::{self, Source, Telemetry};
use crate::tenant::{AUDIENCE, TENANT, Tenant};
use crate::tls::{self, Identity};
use crate::vault::{SUFFIX, Vault};

/// The vault's name in its host.
const VAULT_NAME: &str = "devhost";
/// The variable that names a client's roots (OpenSSL, and rustls-native-certs after it).
pub(crate) const ROOTS: &str = "SSL_CERT_FILE";
/// The variables by which App Service tells an app of its identity.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
const IDENTITY_HEADER: &str = "IDENTITY_HEADER";
/// The names by which Azure and OpenTelemetry tell an app where its telemetry goes.
const CONNECTION_STRING: &str = "APPLICATIONINSIGHTS_CONNECTION_STRING";
const AUTHENTICATION: &str = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const VAULT_URI: &str = "STOCKADE__SECRETS__VAULT_URI";

/// Which ports to take; 0 is the first free one after the main port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) tenant: u16,
    /// None is for no vault.
    pub(crate) vault: Option<u16>,
    /// None is for no telemetry.
    pub(crate) ingestion: Option<u16>,
}

/// Which port could not be had.
#[derive(Debug)]
pub(crate) enum Taken {
    Tenant(io::Error),
    Vault(io::Error),
    Ingestion(io::Error),
    Identity(io::Error),
}

/// The stand-ins' ports, taken before the tenant's keys are made.
#[derive(Debug)]
pub(crate) struct Cloud {
    tenant: Door,
    tenant_origin: String,
    identity: Door,
    vault: Option<Door>,
    ingestion: Option<Door>,
    tls: Option<Identity>,
    stand_ins: StandIns,
}

/// The stand-ins that can be looked into and changed while they run.
#[derive(Debug, Clone, Default)]
pub(crate) struct StandIns {
    pub(crate) identity: Option<ManagedIdentity>,
    pub(crate) vault: Option<Vault>,
    pub(crate) telemetry: Option<Telemetry>,
}

impl Cloud {
    /// Takes the ports and makes what costs little.
    ///
    /// # Errors
    ///
    /// [`Taken`] when a port cannot be had.
    pub(crate) async fn open(ports: Ports, main: u16) -> Result<Self, Taken> {
        let tenant = Door::bind(ports.tenant, main)
            .await
            .map_err(Taken::Tenant)?;
        let vault = match ports.vault {
            None => None,
            Some(port) => Some(Door::bind(port, main).await.map_err(Taken::Vault)?),
        };
        let ingestion = match ports.ingestion {
            None => None,
            Some(port) => Some(Door::bind(port, main).await.map_err(Taken::Ingestion)?),
        };
        let identity = Door::bind(0, main).await.map_err(Taken::Identity)?;
        let stand_ins = StandIns {
            identity: Some(ManagedIdentity::new()),
            vault: vault
                .as_ref()
                .map(|door| Vault::new(format!("https://{VAULT_NAME}{SUFFIX}:{}", door.port()))),
            telemetry: ingestion.as_ref().map(|door| {
                let origin = format!("https://{}:{}", telemetry::HOST, door.port());
                Telemetry::new(origin, tenant.port())
            }),
        };
        let speaks_tls = vault.is_some() || ingestion.is_some();
        let names = [&format!("*{SUFFIX}"), telemetry::HOST, "localhost"];
        Ok(Self {
            tenant_origin: format!("http://127.0.0.1:{}", tenant.port()),
            tenant,
            identity,
            tls: speaks_tls.then(|| Identity::make(&names)),
            vault,
            ingestion,
            stand_ins,
        })
    }

    /// The tenant's origin.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant_origin
    }

    /// The address of the identity endpoint.
    pub(crate) fn identity_endpoint(&self) -> String {
        format!(
            "http://127.0.0.1:{}{}",
            self.identity.port(),
            managed_identity::PATH
        )
    }

    pub(crate) fn stand_ins(&self) -> &StandIns {
        &self.stand_ins
    }

    /// The roots for a client of the vault and the ingestion that trusted this file before, or else the system's.
    pub(crate) fn roots(&self, before: Option<&str>) -> Option<String> {
        let tls = self.tls.as_ref()?;
        Some(tls::with_roots(&tls.authority, before))
    }

    /// Lets the handler find and trust the tenant, its identity, the vault and what takes telemetry, each where the app does
    /// not name another. The roots are in this file.
    pub(crate) fn introduce(&self, settings: &mut Settings, roots: Option<&Path>) {
        settings.set_default("STOCKADE__AUTH__INSECURE_AUTHORITY", &self.tenant_origin);
        settings.set_default("STOCKADE__AUTH__TENANTS", TENANT);
        settings.set_default("STOCKADE__AUTH__AUDIENCES", AUDIENCE);
        settings.set_default("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
        // Half of another's address would be worse than none.
        if let Some(identity) = &self.stand_ins.identity
            && settings.get(IDENTITY_ENDPOINT).is_none()
            && settings.get(IDENTITY_HEADER).is_none()
        {
            settings.set(IDENTITY_ENDPOINT, self.identity_endpoint());
            settings.set(IDENTITY_HEADER, identity.header());
        }
        if let Some(vault) = &self.stand_ins.vault
            && settings.get(VAULT_URI).is_none()
        {
            settings.set(VAULT_URI, vault.uri());
            settings.set_default("STOCKADE__SECRETS__INSECURE_VAULT", "true");
        }
        if let Some(telemetry) = &self.stand_ins.telemetry {
            if settings.get(CONNECTION_STRING).is_none() {
                settings.set(CONNECTION_STRING, telemetry.connection_string());
                settings.set_default(AUTHENTICATION, "Authorization=AAD");
                settings.set_default("STOCKADE__TELEMETRY__INSECURE_INGESTION", "true");
            }
            settings.set_default(OTLP_ENDPOINT, telemetry.otlp_endpoint());
            telemetry.ask_for_token(brings_token(settings.get(AUTHENTICATION)));
        }
        // Whatever the app names as its vault, what it trusted before stays trusted.
        if let Some(roots) = roots {
            settings.set(ROOTS, roots.display().to_string());
        }
    }

    /// Makes the tenant's keys, then serves. Whoever asks before waits.
    pub(crate) async fn serve(self) {
        let origin = self.tenant_origin;
        let Ok(tenant) = tokio::task::spawn_blocking(move || Tenant::new(origin)).await else {
            return;
        };
        let StandIns {
            identity,
            vault,
            telemetry,
        } = self.stand_ins;
        let acceptor = self.tls.map(|tls| tls.acceptor);
        tokio::join!(
            serve_tenant(self.tenant, tenant.clone(), telemetry.clone()),
            async {
                if let Some(identity) = identity {
                    serve_identity(self.identity, identity, tenant.clone()).await;
                }
            },
            async {
                if let (Some(door), Some(vault), Some(tls)) = (self.vault, vault, &acceptor) {
                    serve_vault(door, tls.clone(), vault, tenant.clone()).await;
                }
            },
            async {
                if let (Some(door), Some(telemetry), Some(tls)) =
                    (self.ingestion, telemetry, &acceptor)
                {
                    serve_ingestion(door, tls.clone(), telemetry, tenant.clone()).await;
                }
            },
        );
    }
}

/// Whether an app with this setting brings a token (Azure Monitor, "Microsoft Entra authentication for
/// Application Insights").
fn brings_token(authentication: Option<&str>) -> bool {
    let parts = authentication.unwrap_or_default().split(';');
    let mut members = parts.filter_map(|part| part.split_once('='));
    members.any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("Authorization")
            && value.trim().eq_ignore_ascii_case("AAD")
    })
}

async fn serve_tenant(door: Door, tenant: Tenant, telemetry: Option<Telemetry>) -> Infallible {
    let never_shut = watch::Sender::new(false);
    door.serve(None, never_shut.subscribe(), move |request| {
        let (tenant, telemetry) = (tenant.clone(), telemetry.clone());
        async move {
            match telemetry {
                Some(telemetry) if Telemetry::owns(request.uri().path()) => {
                    telemetry.serve_local(request).await
                }
                _ => Some(tenant.serve(request).await),
            }
        }
    })
    .await
}

async fn serve_identity(door: Door, identity: ManagedIdentity, tenant: Tenant) -> Infallible {
    let shut = identity.faults().shut();
    door.serve(None, shut, move |request| {
        let (identity, tenant) = (identity.clone(), tenant.clone());
        async move { identity.serve(&tenant, request).await }
    })
    .await
}

async fn serve_vault(door: Door, tls: TlsAcceptor, vault: Vault, tenant: Tenant) -> Infallible {
    let shut = vault.faults().shut();
    door.serve(Some(tls), shut, move |request| {
        let (vault, tenant) = (vault.clone(), tenant.clone());
        async move { vault.serve(&tenant, request).await }
    })
    .await
}

async fn serve_ingestion(
    door: Door,
    tls: TlsAcceptor,
    telemetry: Telemetry,
    tenant: Tenant,
) -> Infallible {
    let shut = telemetry.faults(Source::ApplicationInsights).shut();
    door.serve(Some(tls), shut, move |request| {
        let (telemetry, tenant) = (telemetry.clone(), tenant.clone());
        async move { telemetry.serve_ingestion(&tenant, request).await }
    })
    .await
}
