//! One run of devhost: everything started, waited for and stopped.

use super::Args;
use super::failure::Failure;
use super::notes::Notes;
use super::report::{Report, Stands};
use super::roots::Roots;
use super::signals::Signals;
use crate::app::App;
use crate::blob::Blobs;
use crate::cloud::{Cloud, Ports, ROOTS, StandIns, Taken};
use crate::front::{Front, serve};
use crate::invoke::Invoker;
use crate::keys::{self, Keys};
use crate::log::Log;
use crate::process::{Ending, Handler, free_port};
use crate::queue::Queues;
use crate::sources::Sources;
use crate::telemetry::Telemetry;
use crate::vault;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};

/// How long running invocations may take to end when devhost is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Everything that runs.
pub(super) struct Running {
    app: Arc<App>,
    handler: Arc<Handler>,
    supervisor: JoinHandle<Ending>,
    front: Arc<Front>,
    serving: JoinHandle<()>,
    report: Report,
    /// None where the app folder cannot be written to.
    _notes: Option<Notes>,
    /// None without anything that speaks TLS.
    _roots: Option<Roots>,
    started: Instant,
    log: Log,
}

impl Running {
    /// Starts everything; the handler may take its time.
    pub(super) async fn begin(args: Args, log: Log) -> Result<Self, Failure> {
        let started = Instant::now();
        let mut app = App::read(&args.app, environment())?;
        if app.functions.is_empty() {
            return Err(Failure::problems(&[
                "no folder has a function.json, and host.json has no customHandler.http.routes; the host starts no handler then".to_owned(),
            ]));
        }
        let sources = Sources::read(&app).map_err(|problems| Failure::problems(&problems))?;
        let (listener, port) = listen(args.port).await?;
        let ports = Ports {
            tenant: args.tenant_port,
            vault: (!args.no_vault).then_some(args.vault_port),
            ingestion: (!args.no_telemetry).then_some(args.ingestion_port),
        };
        let started_cloud = match args.no_tenant {
            true => StartedCloud::default(),
            false => start_cloud(ports, port, &args.random_secret, &mut app).await?,
        };
        let StartedCloud {
            stands,
            stand_ins,
            roots,
        } = started_cloud;
        let handler_port = app.host.port.map_or_else(free_port, Ok).map_err(|error| {
            Failure::failed(format!(
                "There is no free port for the handler: {error}. Try again."
            ))
        })?;

        let app = Arc::new(app);
        let (handler, supervisor) = Handler::start(Arc::clone(&app), handler_port, log);
        let invoker = Invoker {
            app: Arc::clone(&app),
            handler: Arc::clone(&handler),
            queues: Queues::new(),
            blobs: Blobs::new(),
            log,
        };
        if let Some(telemetry) = stand_ins.telemetry.clone()
            && log.is_full()
        {
            tokio::spawn(telemetry.show(log));
        }
        sources.start(&invoker.queues, &app.host.queues, &invoker);
        let names = app.functions.iter().map(|function| function.name.as_str());
        let keys = Keys::new(args.master_key.unwrap_or_else(keys::generate), names);
        let report = Report::new(&app, port, handler_port, &keys.master(), stands);
        let notes = Notes::leave(&args.app, &report.noted())
            .inspect_err(|error| {
                log.info(&format!(
                    "{}/.devhost.json cannot be written: {error}. Other tools will not find this devhost.",
                    args.app.display()
                ));
            })
            .ok();
        let front = Arc::new(Front::new(
            Arc::clone(&app),
            keys,
            invoker,
            sources,
            stand_ins,
            log,
        ));
        Ok(Self {
            serving: tokio::spawn(serve(listener, Arc::clone(&front))),
            app,
            handler,
            supervisor,
            front,
            report,
            _notes: notes,
            _roots: roots,
            started,
            log,
        })
    }

    /// Waits for a signal, or for the handler to be gone for good.
    pub(super) async fn until_over(
        mut self,
        mut signals: Signals,
        as_json: bool,
    ) -> Result<(), Failure> {
        self.log.info(&self.report.text());
        let announced = announce(&self.handler, &self.report, self.started, self.log, as_json);
        let ending = tokio::select! {
            ending = &mut self.supervisor => Some(ending),
            () = signals.next() => None,
            never = announced => match never {},
        };
        self.serving.abort();
        match ending {
            Some(ending) => self.explain(ending),
            None => {
                self.log.info("Stopping.");
                self.drain(&mut signals).await;
                self.handler.stop();
                // A supervisor that panicked has dropped, and so killed, its process.
                let _ = self.supervisor.await;
                Ok(())
            }
        }
    }

    /// Lets running invocations end, for a while and until a second signal.
    async fn drain(&self, signals: &mut Signals) {
        let idle = async {
            while self.front.running() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = idle => {}
            () = tokio::time::sleep(DRAIN) => {}
            () = signals.next() => {}
        }
    }

    fn explain(&self, ending: Result<Ending, JoinError>) -> Result<(), Failure> {
        match ending {
            Ok(Ending::Ordered) => Ok(()),
            Ok(Ending::TooManyErrors) => Err(Failure::failed(
                "The handler failed three times within 30 minutes, and the host gives up after that. Its errors are above; when they are mended, run devhost again.",
            )),
            Ok(Ending::CannotRun(error)) => Err(Failure::cannot_run(&self.app, &error)),
            Err(error) => Err(Failure::failed(format!(
                "devhost itself failed: {error}. Run it again."
            ))),
        }
    }
}

/// Tells that the handler is ready, once it is, and then has no more to say.
async fn announce(
    handler: &Handler,
    report: &Report,
    started: Instant,
    log: Log,
    as_json: bool,
) -> Infallible {
    if handler.ready().await.is_ok() {
        if as_json {
            println!("{}", report.json());
        }
        let took = started.elapsed();
        log.info(&format!("The handler is ready after {took:.0?}."));
    }
    std::future::pending().await
}

fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

async fn listen(port: u16) -> Result<(TcpListener, u16), Failure> {
    let unusable = |error| {
        Failure::failed(format!(
            "127.0.0.1:{port} cannot be used: {error}. Run again with --port 0 for a free one."
        ))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(unusable)?;
    let port = listener.local_addr().map_err(unusable)?.port();
    Ok((listener, port))
}

/// What there is to tell and to keep of the stand-ins for Azure.
#[derive(Default)]
struct StartedCloud {
    stands: Stands,
    stand_ins: StandIns,
    roots: Option<Roots>,
}

/// Starts the stand-ins for Azure and introduces them to the handler.
async fn start_cloud(
    ports: Ports,
    main: u16,
    random_secrets: &[String],
    app: &mut App,
) -> Result<StartedCloud, Failure> {
    let cloud = Cloud::open(ports, main)
        .await
        .map_err(|taken| no_port(&taken, ports))?;
    let stand_ins = cloud.stand_ins().clone();
    let mut random = Vec::new();
    if let Some(vault) = &stand_ins.vault {
        vault::read_local_secrets(&app.root, vault)
            .map_err(|problems| Failure::problems(&problems))?;
        for name in random_secrets {
            let set = vault.set_if_absent(name).map_err(|why| {
                Failure::problems(&[format!("--random-secret {}: {why}", name.escape_debug())])
            })?;
            if set {
                random.push(name.clone());
            }
        }
    }
    let roots = match cloud.roots(app.settings.get(ROOTS)) {
        None => None,
        Some(roots) => Some(Roots::leave(&app.root, &roots).map_err(|error| {
            Failure::failed(format!(
                "The certificate of the vault and of Application Insights can be written neither into {} nor among the temporary files: {error}. Run again with --no-vault --no-telemetry.",
                app.root.display()
            ))
        })?),
    };
    cloud.introduce(&mut app.settings, roots.as_ref().map(Roots::path));
    let stands = Stands {
        tenant: Some(cloud.tenant().to_owned()),
        identity_endpoint: Some(cloud.identity_endpoint()),
        identity_header: stand_ins
            .identity
            .as_ref()
            .map(|identity| identity.header().to_owned()),
        vault: stand_ins.vault.as_ref().map(vault::Vault::uri),
        telemetry: stand_ins.telemetry.as_ref().map(Telemetry::page),
        ca_file: roots.as_ref().map(|roots| roots.path().to_owned()),
        random_secrets: random,
    };
    tokio::spawn(cloud.serve());
    Ok(StartedCloud {
        stands,
        stand_ins,
        roots,
    })
}

fn no_port(taken: &Taken, ports: Ports) -> Failure {
    Failure::failed(match taken {
        Taken::Tenant(error) => format!(
            "The tenant's port {} cannot be used: {error}. Run again with --tenant-port 0, or --no-tenant.",
            ports.tenant
        ),
        Taken::Vault(error) => format!(
            "The vault's port {} cannot be used: {error}. Run again with --vault-port 0, or --no-vault.",
            ports.vault.unwrap_or_default()
        ),
        Taken::Ingestion(error) => format!(
            "The port {} of Application Insights cannot be used: {error}. Run again with --ingestion-port 0, or --no-telemetry.",
            ports.ingestion.unwrap_or_default()
        ),
        Taken::Identity(error) => format!(
            "There is no free port for the managed identity: {error}. Try again, or run with --no-tenant."
        ),
    })
}
