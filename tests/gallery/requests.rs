//! Functions that answer HTTP requests.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stockade::input::{FreeText, Json, Path, Query};
use stockade::output::{self, Enqueue};
use stockade::{BinaryReply, Error, Function, Reply, TextReply, access, on};
use validator::Validate;

const OPEN: &str = "the suites call it, and it tells nothing";

pub(crate) fn all() -> Vec<Function<()>> {
    vec![
        Function::new(
            "echo",
            on::http(
                [Method::POST, Method::PUT, Method::PATCH],
                "echo/{word}",
                access::anonymous(OPEN),
            ),
            echo,
        ),
        Function::new(
            "look",
            on::http(
                [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS],
                "look/{word?}",
                access::anonymous(OPEN),
            ),
            look,
        ),
        Function::new("text", on::get("text", access::anonymous(OPEN)), text),
        Function::new(
            "nothing",
            on::post("nothing", access::anonymous(OPEN)),
            nothing,
        ),
        Function::new("twice", on::get("twice", access::anonymous(OPEN)), twice),
        Function::new(
            "error",
            on::get("error/{kind}", access::anonymous(OPEN)),
            error,
        ),
        Function::new("panic", on::get("panic", access::anonymous(OPEN)), panic),
        Function::new("hold", on::get("hold", access::anonymous(OPEN)), hold),
        Function::new("hang", on::get("hang", access::anonymous(OPEN)), hang),
        Function::new(
            "hang-briefly",
            on::get("hang-briefly", access::anonymous(OPEN)),
            hang,
        )
        .deadline(Duration::from_secs(1)),
        Function::new("send", on::post("send", access::anonymous(OPEN)), send),
    ]
}

/// Gives back what it read, so that a change on the way shows.
async fn echo(
    Path(path): Path<Word>,
    Query(query): Query<Wanted>,
    Json(document): Json<Document>,
) -> Reply<Echo<Document>> {
    Reply::ok(Echo {
        word: Some(path.word),
        query,
        document: Some(document),
    })
}

async fn look(Path(path): Path<MaybeWord>, Query(query): Query<Wanted>) -> Reply<Echo<()>> {
    Reply::ok(Echo {
        word: path.word,
        query,
        document: None,
    })
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Word {
    #[validate(length(min = 1, max = 64))]
    word: String,
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct MaybeWord {
    #[validate(length(min = 1, max = 64))]
    word: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Wanted {
    text: Option<String>,
    #[validate(range(min = 0, max = 5000))]
    number: Option<u32>,
    flag: Option<bool>,
}

/// One member for each kind of JSON value.
#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Document {
    text: Option<FreeText>,
    whole: Option<i64>,
    large: Option<u64>,
    real: Option<f64>,
    flag: Option<bool>,
    list: Option<Vec<Option<f64>>>,
    #[validate(nested)]
    inner: Option<Box<Document>>,
    /// Anything, to be read under the same limits as the rest.
    any: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Echo<D> {
    word: Option<String>,
    query: Wanted,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<D>,
}

/// Says what the caller wants to hear, as text and in a header.
async fn text(Query(wanted): Query<Wanted>) -> Result<TextReply, Error> {
    let text = wanted.text.unwrap_or_default();
    let seen = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("none"));
    Ok(TextReply::ok(text).with_header(header::ETAG, seen))
}

async fn nothing() -> TextReply {
    TextReply::new(StatusCode::ACCEPTED, "")
}

/// Sets one header twice.
async fn twice() -> Reply<()> {
    Reply::ok(())
        .with_header(header::SET_COOKIE, HeaderValue::from_static("a=1"))
        .with_header(header::SET_COOKIE, HeaderValue::from_static("b=2"))
}

/// Fails in each way that an error can.
async fn error(Path(path): Path<Kind>) -> Result<Reply<()>, Error> {
    let cause = || std::io::Error::other("the inner cause, for the log alone");
    Err(match &*path.kind {
        "forbidden" => Error::forbidden("Not for you."),
        "not-found" => Error::not_found("There is no such thing."),
        "conflict" => Error::conflict("It is taken."),
        "gone" => Error::gone("It was here once."),
        "unprocessable" => Error::unprocessable("It makes no sense."),
        "reject" => Error::reject("wrong_shape", "It will never fit."),
        "retry" => Error::retry(cause()),
        "fatal" => Error::fatal(cause()),
        _ => cause().into(),
    })
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Kind {
    #[validate(length(max = 16))]
    kind: String,
}

/// Panics with the caller's own words, which no log line may begin with.
async fn panic(Query(wanted): Query<Wanted>) -> Reply<()> {
    panic!("{}", wanted.text.unwrap_or_default().replace('_', "\n"));
}

/// Takes as long as the caller wants, in milliseconds, and says when it has begun.
async fn hold(Query(wanted): Query<Wanted>) -> Reply<()> {
    tracing::info!("holding");
    tokio::time::sleep(Duration::from_millis(wanted.number.unwrap_or(0).into())).await;
    Reply::ok(())
}

/// Never answers.
async fn hang() -> Reply<()> {
    std::future::pending().await
}

/// Puts any JSON document on the queue of `work`, also one that it cannot read.
async fn send(Json(jobs): Json<Jobs>) -> (Reply<usize>, Enqueue<WorkQueue>, Enqueue<StrictQueue>) {
    let count = jobs.work.len() + jobs.strict.len();
    (
        Reply::accepted(count),
        Enqueue::many(jobs.work),
        Enqueue::many(jobs.strict),
    )
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Jobs {
    #[serde(default)]
    work: Vec<Value>,
    #[serde(default)]
    strict: Vec<Value>,
}

struct WorkQueue;

impl output::Queue for WorkQueue {
    const NAME: &'static str = super::events::WORK;
    type Message = Value;
}

struct StrictQueue;

impl output::Queue for StrictQueue {
    const NAME: &'static str = super::events::STRICT;
    type Message = Value;
}

/// Answers with bytes that are no text: only a direct mode carries them.
pub(crate) fn picture() -> Function<()> {
    Function::new(
        "picture",
        on::get("picture", access::anonymous(OPEN)),
        || async {
            BinaryReply::ok(
                HeaderValue::from_static("image/png"),
                &b"\x89PNG\xff\x00"[..],
            )
        },
    )
}

/// Takes every path, which an empty route prefix makes dangerous.
pub(crate) fn catch_all() -> Function<()> {
    Function::new(
        "everything",
        on::post("{*path}", access::anonymous(OPEN)),
        || async { TextReply::ok("here") },
    )
}
