//! The function that serves the metadata.

use http::{HeaderValue, header};

use super::{ROUTE, ResourceMetadata};
use crate::{Error, Function, Reply, access, on};

/// A function that tells clients whose tokens this app takes, and with which scopes (RFC 9728).
///
/// Add it to an app that sets `STOCKADE__AUTH__RESOURCE`:
///
/// ```
/// # let app = stockade::App::<()>::new("orders");
/// let app = app.function(stockade::auth::protected_resource());
/// ```
///
/// It answers at `.well-known/oauth-protected-resource` below the route prefix. Where the resource
/// identifier ends with that prefix, as `https://orders.azurewebsites.net/api` does with `api`, this is
/// the address that every challenge names. Clients that make the address up from the identifier
/// instead of reading the challenge (RFC 9728 §3.1) put `/.well-known/…` before its path, where an app
/// with a prefix has no route: for those, set `extensions.http.routePrefix` in host.json to `""`, or
/// let what stands in front of the app rewrite that path.
pub fn protected_resource<S: Send + Sync + 'static>() -> Function<S> {
    Function::new(
        "protected-resource",
        on::get(
            ROUTE,
            access::anonymous("clients read here whose token to bring, before they have one"),
        ),
        describe,
    )
}

async fn describe(metadata: Option<ResourceMetadata>) -> Result<Reply<ResourceMetadata>, Error> {
    let metadata = metadata
        .ok_or_else(|| Error::not_found("This app does not describe itself as a resource."))?;
    Ok(Reply::ok(metadata).with_header(header::CACHE_CONTROL, AN_HOUR))
}

/// It changes with the app's settings alone.
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
