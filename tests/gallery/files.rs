//! A mounted router that streams both ways.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use stockade::{Function, access, on};

pub(crate) fn function() -> Function<()> {
    let router = Router::new()
        .route("/api/files/count", post(count))
        .route("/api/files/back", post(back))
        .route("/api/files/endless", get(endless))
        .route(
            "/api/files/bytes",
            get(|| async { Bytes::from_static(b"\xff\xfe\x00") }),
        )
        .route("/api/files/headers", get(headers));
    on::router(
        "files",
        "files/{*rest}",
        access::anonymous("the suites call it, and it tells nothing"),
        router,
        on::validates_itself("it counts bytes and gives them back"),
    )
}

/// How many bytes came.
async fn count(request: Request) -> String {
    let mut body = request.into_body().into_data_stream();
    let mut bytes = 0;
    while let Some(Ok(chunk)) = body.next().await {
        bytes += chunk.len();
    }
    bytes.to_string()
}

/// Gives each piece back as soon as it comes.
async fn back(request: Request) -> Body {
    Body::from_stream(request.into_body().into_data_stream())
}

/// Answers for ever, and says when nobody listens any more.
async fn endless() -> Body {
    let abandoned = Abandoned;
    let pieces = stream::repeat_with(move || {
        let _kept = &abandoned;
        Ok::<_, Infallible>(Bytes::from_static(&[b'.'; 1024]))
    });
    Body::from_stream(pieces)
}

struct Abandoned;

impl Drop for Abandoned {
    fn drop(&mut self) {
        tracing::info!("the answer was dropped");
    }
}

/// Repeats the values of `x-many`, one header for each.
async fn headers(headers: HeaderMap) -> impl IntoResponse {
    let values = headers.get_all("x-many").iter();
    let values: Vec<_> = values.map(|value| ("x-seen", value.clone())).collect();
    (AppendHeaders(values), "seen")
}
