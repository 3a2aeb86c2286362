//! The default mode: the request as a JSON object, posted to `/<function>`.

use super::identity::{EasyAuth, identities};
use super::known_fields::spelling;
use super::{Front, Matched, Next, answer, body_text, escape_path};
use crate::encode::{Metadata, Value, merge_payload, sys};
use crate::http1::{Body, Responder, Response};
use crate::invoke::Invocation;
use crate::newtonsoft::Token;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

impl Front {
    pub(super) async fn by_envelope(
        &self,
        matched: &Matched<'_>,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> io::Result<Next> {
        let started = Instant::now();
        let Some(whole) = self.read_body(matched.head, body, responder).await? else {
            return Ok(Next::Done);
        };
        let invocation = self.invocation(matched, &whole);
        let response = match self.invoker.attempt(&invocation).await {
            Ok(answered) => {
                answer::response(matched.function, &answered).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let response = response.unwrap_or_else(|reason| {
            self.log.error(&format!(
                "{} failed: {reason} ({})",
                matched.function.name, invocation.id
            ));
            Response::status(500)
        });
        self.log_answer(matched, response.status, started);
        let is_cut = answer::is_cut_short(&response);
        responder.send(response).await?;
        if is_cut {
            responder.close_after();
        }
        Ok(Next::Done)
    }

    fn invocation(&self, matched: &Matched<'_>, body: &Bytes) -> Invocation {
        // A chunked body has no length and is not looked at (recorded).
        let body = matched
            .head
            .content_length()
            .filter(|length| *length > 0)
            .map(|_| body);
        let trigger = &matched.function.trigger().name;
        let metadata = metadata(matched, trigger, body);
        let request = Value::Object(self.request(matched, body));
        let mut data = vec![(trigger.clone(), request)];
        data.extend(self.invoker.inputs(matched.function, &metadata));
        Invocation {
            function: Arc::clone(matched.function),
            id: Uuid::new_v4(),
            data,
            metadata,
        }
    }

    /// `Data.req` (host 4.1037, `GetRequestAsJObject`).
    fn request(&self, matched: &Matched<'_>, body: Option<&Bytes>) -> Token {
        let head = matched.head;
        let easy_auth = if self.app.settings.is_true("WEBSITE_AUTH_ENABLED") {
            EasyAuth::On
        } else {
            EasyAuth::Off
        };
        let query = matched
            .query
            .joined()
            .map(|(name, value)| (name, Token::text(value)));
        let fields = head.fields.grouped();
        let fields = fields.iter().map(|(name, values)| {
            (
                spelling(name),
                Token::Array(values.iter().map(|value| Token::text(*value)).collect()),
            )
        });
        let values = matched.values.iter().map(|(name, value)| {
            (
                name.as_str(),
                value
                    .as_ref()
                    .map_or(Token::Null, |value| Token::text(value.as_str())),
            )
        });
        let mut members = vec![
            ("Url", Token::text(url(matched))),
            ("Method", Token::text(head.method.to_uppercase())),
            ("Query", Token::object(query)),
            ("Headers", Token::object(fields)),
            ("Params", Token::object(values)),
            ("Identities", identities(head, &matched.grant, easy_auth)),
        ];
        if let Some(body) = body {
            let text = if is_binary(head.fields.first("Content-Type")) {
                STANDARD.encode(body)
            } else {
                body_text::decode(body)
            };
            members.push(("Body", Token::text(text)));
        }
        Token::object(members)
    }
}

/// What the HTTP extension tells of a request: body members, then the query, then route values,
/// each over the one before; `Query` and `Headers` only where those names are free
/// (HTTP extension 3.2, `GetRequestBindingData`).
fn metadata(matched: &Matched<'_>, trigger: &str, body: Option<&Bytes>) -> Metadata {
    let mut metadata = Metadata::default();
    if let Some(body) = body {
        merge_payload(&body_text::decode(body), &mut metadata);
    }
    for (name, value) in matched
        .query
        .last()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("code"))
    {
        metadata.insert(name, Value::from(value));
    }
    for (name, value) in &matched.values {
        let value = value
            .as_deref()
            .map_or(Value::Json(Token::Null), Value::from);
        metadata.insert(name.as_str(), value);
    }
    if !metadata.contains("Query") {
        let query = matched
            .query
            .last()
            .map(|(name, value)| (name, Token::text(value)));
        metadata.insert("Query", Value::Object(Token::object(query)));
    }
    if !metadata.contains("Headers") {
        let fields = matched.head.fields.grouped();
        let fields = fields
            .iter()
            .map(|(name, values)| (spelling(name), Token::text(values.join(","))));
        metadata.insert("Headers", Value::Object(Token::object(fields)));
    }
    let name = if metadata.contains("sys") {
        "$sys"
    } else {
        "sys"
    };
    metadata.insert(name, sys(&matched.function.name));
    // Under the trigger's own name stands the request, which is not sent.
    metadata.insert(trigger, Value::Json(Token::Null));
    metadata
}

/// Scheme and host as the platform's front end tells them (host 4.1037, `AppServiceHeaderFixupMiddleware`).
fn url(matched: &Matched<'_>) -> String {
    let fields = &matched.head.fields;
    let scheme = match fields.first("X-Forwarded-Proto") {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let host = fields
        .first("DISGUISED-HOST")
        .or_else(|| fields.first("Host"))
        .unwrap_or_default();
    format!(
        "{scheme}://{host}{}{}",
        escape_path(&matched.target.path),
        matched.target.query
    )
}

/// Bodies of these types go as base64 (host 4.1037, `IsMediaTypeOctetOrMultipart`).
fn is_binary(content_type: Option<&str>) -> bool {
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_lowercase();
    media_type == "application/octet-stream" || media_type.contains("multipart/")
}
