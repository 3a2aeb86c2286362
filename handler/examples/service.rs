//! A plain axum service, no Functions app, behind the same check of tokens.
//!
//! ```sh
//! STOCKADE__AUTH__TENANTS=<tenant id> STOCKADE__AUTH__AUDIENCES=<client id> \
//!     cargo run --example service -- 127.0.0.1:8080
//! ```

use std::error::Error;
use std::process::ExitCode;

use axum::Router;
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, StatusCode};
use stockade::auth::Entra;
use stockade::{Principal, access};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    stockade::start_logging(&["address", "principal.id"]);
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The service cannot run.\n{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let entra = Entra::from_env().await?;
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    axum::serve(listener, app(entra)).await?;
    Ok(())
}

fn app(entra: Entra) -> Router {
    Router::new()
        .route("/orders", post(create_order))
        .layer(entra.layer(access::scope("Orders.Write")))
        // What is added below a layer is not behind it.
        .route("/ready", get(async move || ready(&entra)))
}

/// Answers with the caller, the headers that came through, and the order as it came.
async fn create_order(caller: Principal, headers: HeaderMap, order: String) -> String {
    let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    tracing::info!(principal.id = caller.id(), "an order");
    format!("{}\n{}\n{order}\n", caller.id(), names.join(" "))
}

/// For a probe: without the tenant's keys nobody can be let in.
fn ready(entra: &Entra) -> StatusCode {
    match entra.is_ready() {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}
