//! Functions whose telemetry the suites look at.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use opentelemetry::KeyValue;
use schemars::JsonSchema;
use serde::Deserialize;
use stockade::input::{FreeText, Json, Message, Path, Query, checks};
use stockade::output::{self, Enqueue, Sink};
use stockade::{Error, Function, Reply, TextReply, access, on};
use tracing::Instrument as _;
use validator::Validate;

const OPEN: &str = "the suites call it, and it tells nothing of its own accord";

pub(crate) fn all() -> Vec<Function<()>> {
    let get = |route| on::get(route, access::anonymous(OPEN));
    vec![
        Function::new("plain", get("plain"), async || TextReply::ok("plain")),
        Function::new("span", get("span"), span),
        Function::new("hang", get("hang"), hang),
        Function::new("flood", get("flood"), flood),
        Function::new("tell", get("tell/{how}"), tell),
        Function::new(
            "take",
            on::post("take/{how}", access::scope("Things.Write")),
            take,
        ),
        Function::new(
            "observe",
            on::queue("%OBSERVED_QUEUE%").quarantine(Sink::queue("%KEPT_QUEUE%")),
            observe,
        ),
    ]
}

/// What these functions log, and what their spans may carry.
pub(crate) const LOGGED: &[&str] = &["step", "told", "number"];

/// Opens a span, and says something in it.
async fn span() -> TextReply {
    let work = async {
        tracing::info!(number = 7, secretly = "withheld", "inside");
        tracing::warn!("inside, and odd");
    };
    let span = tracing::info_span!("work", step = "price", secretly = "withheld");
    work.instrument(span).await;
    tracing::info!("outside");
    TextReply::ok("done")
}

/// Says that it has begun, and never answers.
async fn hang() -> Reply<()> {
    tracing::info!("hanging");
    std::future::pending().await
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Flood {
    #[validate(range(max = 100_000))]
    lines: u32,
}

/// Writes more lines than anybody reads.
async fn flood(Query(flood): Query<Flood>) -> TextReply {
    for number in 0..flood.lines {
        tracing::warn!(number, "a line of a flood");
    }
    TextReply::ok("flooded")
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct How {
    #[validate(length(max = 80))]
    how: String,
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Asked {
    text: Option<FreeText>,
}

/// Somebody, as an app learns of people.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Person {
    name: FreeText,
    #[validate(custom(function = "checks::email"))]
    email: String,
}

/// Ends as its path says, after a look at everything that it was given.
async fn take(
    Path(path): Path<How>,
    Query(asked): Query<Asked>,
    Json(person): Json<Person>,
) -> Result<Reply<()>, Error> {
    tracing::info!(?path, ?asked, ?person, person.email, "taking");
    let span = tracing::info_span!("looked", name = ?person.name, email = person.email);
    span.in_scope(|| tracing::warn!(name = ?person.name, "looked at"));
    match &*path.how {
        "fail" => Err(Error::fatal("the store is broken")),
        "retry" => Err(Error::retry("the store is away")),
        "reject" => Err(Error::reject("no_such_thing", "There is no such thing.")),
        "panic" => panic!("there is no way on"),
        "hang" => {
            tracing::info!("hanging");
            std::future::pending().await
        }
        _ => Ok(Reply::ok(())),
    }
}

/// As `take`, for a message.
async fn observe(Message(person): Message<Person>) {
    tracing::info!(?person, "observing");
}

/// Tells what it is asked to tell, as no function should: so it shows that the suite would find it.
async fn tell(
    Path(path): Path<How>,
    Query(asked): Query<Asked>,
) -> (Reply<String>, Enqueue<ToldQueue>) {
    let asked = asked.text.map(|text| text.to_string());
    let text = asked.unwrap_or_default();
    let part: String = text.chars().skip(3).take(14).collect();
    let hex = part.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut reply = Reply::ok("told".to_owned());
    let mut messages = Vec::new();
    match &*path.how {
        "stdout" => println!("{}", STANDARD.encode(format!("a{part}"))),
        "stderr" => eprintln!("{}", URL_SAFE_NO_PAD.encode(format!("ab{part}"))),
        "answer" => reply = Reply::ok(part),
        "header" => {
            let value = HeaderValue::from_str(&hex).unwrap_or(HeaderValue::from_static("-"));
            reply = reply.with_header(header::ETAG, value);
        }
        "queue" => messages.push(part),
        "line" => tracing::info!(told = hex, "telling"),
        "span" => drop(tracing::info_span!("telling", told = part).entered()),
        "audit" => tracing::warn!(target: "stockade::audit", reason = part, "app.told"),
        "metric" => opentelemetry::global::meter("told")
            .u64_counter("told")
            .build()
            .add(1, &[KeyValue::new("told", part)]),
        _ => {}
    }
    (reply, Enqueue::many(messages))
}

struct ToldQueue;

impl output::Queue for ToldQueue {
    const NAME: &'static str = "told";
    type Message = String;
}
