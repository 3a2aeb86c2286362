//! The arguments that read input: each parses strictly, then validates.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::json::JsonLimits;
use super::{Input, Rejection, content_type, headers, path, query, read_json};
use crate::auth::Principal;
use crate::function::{Argument, Call, Inputs, Part, Payload};
use crate::on::{HasCaller, HasMessage, HasRequest};

/// The JSON body of a request. It comes last among the arguments.
#[derive(Debug, Clone, Copy)]
pub struct Json<P>(pub P);

/// The query parameters of a request.
#[derive(Debug, Clone, Copy)]
pub struct Query<P>(pub P);

/// The parameters in the route of a request.
#[derive(Debug, Clone, Copy)]
pub struct Path<P>(pub P);

/// Headers of a request, but none that carry credentials.
#[derive(Debug, Clone, Copy)]
pub struct Headers<P>(pub P);

/// The JSON payload of a message. It comes last among the arguments.
#[derive(Debug, Clone, Copy)]
pub struct Message<P>(pub P);

impl<T: HasRequest, S, P: Input> Argument<T, S> for Json<P> {
    type Role = Payload;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        let request = T::request(call.event);
        // Before the content type, which the host drops with an empty body where it forwards.
        if request.body.is_empty() {
            return Err(Rejection::NO_BODY);
        }
        let header = |name| {
            let mut values = request.headers.get_all(name).iter();
            let value = values.next()?.to_str().unwrap_or("?");
            // Of two, readers differ in which one counts.
            Some(if values.next().is_some() { "?" } else { value })
        };
        content_type::require_json(header(CONTENT_TYPE), header(CONTENT_ENCODING))
            .map_err(|_| Rejection::NOT_ACCEPTABLE_TYPE)?;
        document(&request.body).map(Json)
    }

    fn describe(inputs: &mut Inputs) {
        inputs.payload = Some(schemars::schema_for!(P));
    }
}

impl<T: HasRequest, S, P: Input> Argument<T, S> for Query<P> {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        let query = T::request(call.event).uri.query().unwrap_or_default();
        query::read(query).map(Query).map_err(Rejection::invalid)
    }

    fn describe(inputs: &mut Inputs) {
        inputs.query = Some(schemars::schema_for!(P));
    }
}

impl<T: HasRequest, S, P: Input> Argument<T, S> for Path<P> {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        let params = T::request(call.event).params.captured();
        path::read(&params).map(Path).map_err(Rejection::invalid)
    }

    fn describe(inputs: &mut Inputs) {
        inputs.path = Some(schemars::schema_for!(P));
    }
}

impl<T: HasRequest, S, P: Input> Argument<T, S> for Headers<P> {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        let headers = &T::request(call.event).headers;
        headers::read(headers)
            .map(Headers)
            .map_err(Rejection::invalid)
    }

    fn describe(inputs: &mut Inputs) {
        inputs.headers = Some(schemars::schema_for!(P));
    }
}

impl<T: HasMessage, S, P: Input> Argument<T, S> for Message<P> {
    type Role = Payload;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        document(T::payload(call.event)).map(Message)
    }

    fn describe(inputs: &mut Inputs) {
        inputs.payload = Some(schemars::schema_for!(P));
    }
}

/// Reads and validates one document.
///
/// # Errors
///
/// The places that are wrong.
pub(super) fn document<P: Input>(bytes: &[u8]) -> Result<P, Rejection> {
    // The size was checked when the bytes were read.
    let limits = JsonLimits {
        bytes: usize::MAX,
        ..JsonLimits::default()
    };
    read_json(bytes, &limits).map_err(Rejection::invalid)
}

impl<T: HasCaller, S> Argument<T, S> for Principal {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        Ok(call.caller().clone())
    }
}
