//! Functions that need secrets and tell digests of them, and some that do with them what they should not.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::{FreeText, Json, Message, Path, QueueMeta};
use stockade::output::{self, Enqueue};
use stockade::settings::Environment;
use stockade::{
    App, Context, Error, FromRef, Function, Reply, Secret, State, TextReply, access, on,
};
use validator::Validate;

const OPEN: &str = "the suites call it, and it tells digests";

stockade::secret! { Required: "required" }
stockade::secret! { Optional: "optional" }
stockade::secret! { Document: "document" as Login }
stockade::secret! { Pinned: "required" at "0123456789abcdef0123456789abcdef" }

#[derive(Debug, Deserialize, Validate)]
struct Login {
    #[validate(length(min = 1))]
    user: String,
    #[validate(length(min = 8))]
    password: String,
}

pub(crate) fn app() -> App<Vaulted> {
    let get = |route| on::get(route, access::anonymous(OPEN));
    App::new("vaulted")
        .function(Function::new("plain", get("plain"), plain))
        .function(Function::new("required", get("required"), required))
        .function(Function::new("optional", get("optional"), optional))
        .function(Function::new("document", get("document"), document))
        .function(Function::new("pinned", get("pinned"), pinned))
        .function(Function::new("rotations", get("rotations"), rotations))
        .function(Function::new("fail", get("fail/{how}"), fail))
        .function(Function::new("panic", get("panic"), panic))
        .function(Function::new("tell", get("tell/{how}"), tell))
        .function(Function::new(
            "take",
            on::post("take", access::anonymous(OPEN)),
            take,
        ))
        .function(Function::new("sign", on::queue("%SIGN_QUEUE%"), sign))
        // As an app would that does not know better.
        .log_fields(&["required", "optional", "document", "held", "watch", "told"])
        .log_fields(&["dequeue_count", "error"])
}

/// What counts the rotations of a secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vaulted {
    rotations: Arc<AtomicU64>,
}

impl Vaulted {
    pub(crate) async fn from_env(environment: &Environment) -> Result<Self, Error> {
        let built = Self::default();
        let mut watch = environment.watch::<Required>()?;
        let rotations = Arc::clone(&built.rotations);
        tokio::spawn(async move {
            loop {
                let secret = watch.rotated().await;
                rotations.fetch_add(1, Ordering::Relaxed);
                tracing::info!(held = ?secret, ?watch, "the hook was called");
            }
        });
        Ok(built)
    }
}

impl FromRef<Vaulted> for Arc<AtomicU64> {
    fn from_ref(state: &Vaulted) -> Self {
        Arc::clone(&state.rotations)
    }
}

async fn plain() -> TextReply {
    TextReply::ok("plain")
}

async fn required(secret: Secret<Required>) -> TextReply {
    TextReply::ok(digest_of(secret.expose_secret()))
}

async fn optional(secret: Option<Secret<Optional>>) -> TextReply {
    let told = secret.map(|secret| digest_of(secret.expose_secret()));
    TextReply::ok(told.unwrap_or_else(|| "none".to_owned()))
}

async fn document(secret: Secret<Document>) -> TextReply {
    let Login { user, password } = secret.expose_secret();
    TextReply::ok(format!("{} {}", digest_of(user), digest_of(password)))
}

async fn pinned(secret: Secret<Pinned>) -> TextReply {
    TextReply::ok(digest_of(secret.expose_secret()))
}

async fn rotations(State(count): State<Arc<AtomicU64>>) -> Reply<u64> {
    Reply::ok(count.load(Ordering::Relaxed))
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct How {
    #[validate(length(max = 16))]
    how: String,
}

/// Fails with an error made of everything that can be printed.
async fn fail(
    Path(path): Path<How>,
    context: Context,
    required: Secret<Required>,
    optional: Option<Secret<Optional>>,
    document: Secret<Document>,
) -> Result<Reply<()>, Error> {
    tracing::warn!(?required, ?optional, ?document, "about to fail");
    let everything = std::io::Error::other(format!(
        "{context:?} {required:?} {optional:?} {document:#?} {} {}",
        required.version(),
        document.version()
    ));
    Err(match &*path.how {
        "retry" => Error::retry(everything),
        "fatal" => Error::fatal(everything),
        _ => everything.into(),
    })
}

async fn panic(required: Secret<Required>, document: Secret<Document>) -> TextReply {
    let values = (required, document);
    panic!("{values:?}");
}

/// Rejects nearly everything.
async fn take(_: Secret<Required>, Json(_): Json<Narrow>) -> Reply<()> {
    Reply::ok(())
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Narrow {
    #[validate(length(max = 4))]
    text: FreeText,
}

/// Tells a part of a secret, as no function should: so it shows that the suite would find it.
async fn tell(Path(path): Path<How>, secret: Secret<Required>) -> (Reply<String>, Enqueue<Told>) {
    let value = secret.expose_secret();
    let part: String = value.chars().skip(5).take(13).collect();
    let hex = |upper: bool| {
        part.bytes().fold(String::new(), |mut text, byte| {
            let _ = match upper {
                true => write!(text, "{byte:02X}"),
                false => write!(text, "{byte:02x}"),
            };
            text
        })
    };
    let mut reply = Reply::ok("told".to_owned());
    let mut messages = Vec::new();
    match &*path.how {
        "log" => tracing::info!(told = value, "the log is told"),
        "debug" => tracing::info!(told = ?part, "the log is told"),
        "print" => println!("{}", STANDARD.encode(format!("a{part}"))),
        "error" => eprintln!("{}", URL_SAFE_NO_PAD.encode(format!("ab{part}"))),
        "answer" => reply = Reply::ok(hex(true)),
        "header" => {
            let value = HeaderValue::from_str(&hex(false)).unwrap_or(HeaderValue::from_static("-"));
            reply = reply.with_header(header::ETAG, value);
        }
        "queue" => messages.push(part),
        "file" => {
            let escaped = hex(true);
            let pairs = escaped.as_bytes().chunks(2);
            let pairs = pairs.map(|pair| format!("%{}", String::from_utf8_lossy(pair)));
            let written = std::fs::write("told.txt", pairs.collect::<String>());
            written.unwrap_or_else(|error| tracing::error!(%error, "no file"));
        }
        _ => {}
    }
    (reply, Enqueue::many(messages))
}

struct Told;

impl output::Queue for Told {
    const NAME: &'static str = "told";
    type Message = String;
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct ToSign {
    #[validate(range(max = 1_000_000))]
    id: u32,
}

async fn sign(
    meta: QueueMeta,
    secret: Secret<Required>,
    Message(wanted): Message<ToSign>,
) -> Enqueue<SignedQueue> {
    tracing::info!(dequeue_count = meta.dequeue_count, "signing");
    Enqueue::one(Signed {
        id: wanted.id,
        digest: digest_of(secret.expose_secret()),
    })
}

struct SignedQueue;

impl output::Queue for SignedQueue {
    const NAME: &'static str = "signed";
    type Message = Signed;
}

#[derive(Debug, Serialize)]
struct Signed {
    id: u32,
    digest: String,
}

/// The app whose state needs a secret that no function takes.
pub(crate) fn of_state() -> App<Keyed> {
    App::new("vaulted-state")
        .secret::<Required>()
        .function(Function::new(
            "kept",
            on::get("kept", access::anonymous(OPEN)),
            kept,
        ))
}

/// What was made of a secret.
#[derive(Debug, Clone)]
pub(crate) struct Keyed(String);

impl Keyed {
    pub(crate) async fn from_env(environment: &Environment) -> Result<Self, Error> {
        let secret = environment.secret::<Required>()?;
        Ok(Self(digest_of(secret.expose_secret())))
    }
}

impl FromRef<Keyed> for String {
    fn from_ref(state: &Keyed) -> Self {
        state.0.clone()
    }
}

async fn kept(State(digest): State<String>) -> TextReply {
    TextReply::ok(digest)
}

macro_rules! many {
    ($($secret:ident $name:literal)*) => {
        $(stockade::secret! { $secret: $name })*

        /// The app that declares the first so many secrets.
        pub(crate) fn with_many(count: usize) -> App<()> {
            let declare: &[fn(App<()>) -> App<()>] = &[$(App::secret::<$secret>),*];
            let app = App::new("vaulted-many").function(Function::new(
                "plain",
                on::get("plain", access::anonymous(OPEN)),
                plain,
            ));
            declare.iter().take(count).fold(app, |app, declare| declare(app))
        }
    };
}

many! {
    Many0 "many-0" Many1 "many-1" Many2 "many-2" Many3 "many-3" Many4 "many-4" Many5 "many-5"
    Many6 "many-6" Many7 "many-7" Many8 "many-8" Many9 "many-9" Many10 "many-10" Many11 "many-11"
    Many12 "many-12" Many13 "many-13" Many14 "many-14" Many15 "many-15" Many16 "many-16"
    Many17 "many-17" Many18 "many-18" Many19 "many-19" Many20 "many-20" Many21 "many-21"
    Many22 "many-22" Many23 "many-23" Many24 "many-24" Many25 "many-25" Many26 "many-26"
    Many27 "many-27" Many28 "many-28" Many29 "many-29" Many30 "many-30" Many31 "many-31"
}

/// SHA-256 in hex (FIPS 180-4).
fn digest_of(value: &str) -> String {
    let digest = digest::digest(&digest::SHA256, value.as_bytes());
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
