//! The stand-in tenant on a port of its own, and what the handler has to know to trust it.

use crate::app::Settings;
use crate::tenant::{AUDIENCE, TENANT, Tenant};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

/// How many ports after the main one are tried before any will do.
const NEIGHBOURS: u16 = 20;

/// The tenant's address, taken before its keys are made.
#[derive(Debug)]
pub(crate) struct Authority {
    listener: TcpListener,
    origin: String,
}

impl Authority {
    /// Takes this port, or with 0 the first free one after the main port.
    ///
    /// # Errors
    ///
    /// What the system says when there is none.
    pub(crate) async fn bind(port: u16, main: u16) -> io::Result<Self> {
        let listener = if port == 0 {
            bind_near(main).await?
        } else {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?
        };
        let origin = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        Ok(Self { listener, origin })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Lets the handler trust the tenant, where the app does not say whom it trusts.
    pub(crate) fn introduce(&self, settings: &mut Settings) {
        settings.set_default("STOCKADE__AUTH__INSECURE_AUTHORITY", &self.origin);
        settings.set_default("STOCKADE__AUTH__TENANTS", TENANT);
        settings.set_default("STOCKADE__AUTH__AUDIENCES", AUDIENCE);
        settings.set_default("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
    }

    /// Makes the keys, then serves. Whoever asks before waits.
    pub(crate) async fn serve(self) {
        let origin = self.origin;
        let Ok(tenant) = tokio::task::spawn_blocking(move || Tenant::new(origin)).await else {
            return;
        };
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            let tenant = tenant.clone();
            tokio::spawn(async move {
                let service = service_fn(|request: http::Request<Incoming>| {
                    let tenant = tenant.clone();
                    async move { Ok::<_, Infallible>(tenant.serve(request).await) }
                });
                // A client that breaks off is its own affair.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }
}

async fn bind_near(main: u16) -> io::Result<TcpListener> {
    for port in (1..=NEIGHBOURS).filter_map(|step| main.checked_add(step)) {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}
