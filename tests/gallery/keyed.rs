//! Functions that sign, decrypt, and show a partner who they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::Json;
use stockade::keys::{DecryptionAlgorithm, Key, SigningAlgorithm};
use stockade::secrets::{ClientCertificate, Secret};
use stockade::settings::{Environment, Source as _};
use stockade::{App, Error, FromRef, Function, Reply, State, TextReply, access, on};
use validator::Validate;

stockade::key! {
    /// Signs what partners receive, and opens what they send.
    Orders: "orders"
}

stockade::secret! {
    /// What the partner knows this app by.
    PartnerCertificate: "partner" as ClientCertificate
}

const OPEN: &str = "the suites call it, with keys of their own";

pub(crate) fn app() -> App<Partners> {
    App::new("keyed")
        .function(Function::new(
            "sign",
            on::post("sign", access::anonymous(OPEN)),
            sign,
        ))
        .function(Function::new(
            "decrypt",
            on::post("decrypt", access::anonymous(OPEN)),
            decrypt,
        ))
        .function(Function::new(
            "call-partner",
            on::get("call-partner", access::anonymous(OPEN)),
            call_partner,
        ))
        .function(Function::new(
            "call-as-nobody",
            on::get("call-as-nobody", access::anonymous(OPEN)),
            call_as_nobody,
        ))
}

/// What the functions need beside their input.
#[derive(Clone)]
pub(crate) struct Partners {
    orders: Key<Orders>,
    url: String,
    root: String,
}

impl Partners {
    pub(crate) async fn from_env(environment: &Environment) -> Result<Self, Error> {
        let text = |name| environment.get(name).unwrap_or_default();
        Ok(Self {
            orders: environment.key()?,
            url: text("PARTNER_URL"),
            root: text("PARTNER_ROOT"),
        })
    }

    /// Asks the partner how it knows this app.
    async fn call(&self, client: reqwest::ClientBuilder) -> Result<TextReply, Error> {
        let root = reqwest::Certificate::from_pem(self.root.as_bytes())?;
        let client = client.no_proxy().tls_certs_only([root]).build()?;
        let answer = client.get(&self.url).send().await.map_err(Error::retry)?;
        Ok(TextReply::ok(answer.text().await?))
    }
}

impl FromRef<Partners> for Partners {
    fn from_ref(state: &Partners) -> Self {
        state.clone()
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
struct Message {
    algorithm: String,
    #[validate(length(max = 1000))]
    text: String,
}

#[derive(Serialize)]
struct Signed {
    version: String,
    signature: String,
}

async fn sign(
    State(partners): State<Partners>,
    Json(message): Json<Message>,
) -> Result<Reply<Signed>, Error> {
    let algorithm = match message.algorithm.as_str() {
        "RS256" => SigningAlgorithm::Rs256,
        "RS384" => SigningAlgorithm::Rs384,
        "RS512" => SigningAlgorithm::Rs512,
        "PS256" => SigningAlgorithm::Ps256,
        "PS384" => SigningAlgorithm::Ps384,
        "PS512" => SigningAlgorithm::Ps512,
        "ES256" => SigningAlgorithm::Es256,
        _ => return Err(Error::unprocessable("There is no such algorithm.")),
    };
    let text = message.text.as_bytes();
    let signature = partners.orders.sign(algorithm, text).await?;
    Ok(Reply::ok(Signed {
        version: signature.version().to_string(),
        signature: URL_SAFE_NO_PAD.encode(signature.as_bytes()),
    }))
}

#[derive(Deserialize, Validate, JsonSchema)]
struct Sealed {
    version: String,
    value: String,
}

/// Tells how long the plaintext is and how it ends; the whole of it stays here.
async fn decrypt(
    State(partners): State<Partners>,
    Json(sealed): Json<Sealed>,
) -> Result<TextReply, Error> {
    let wrong = || Error::reject("unreadable", "Version and value cannot be read.");
    let version = sealed.version.parse().map_err(|_| wrong())?;
    let value = URL_SAFE_NO_PAD.decode(sealed.value).map_err(|_| wrong())?;
    let oaep = DecryptionAlgorithm::RsaOaep256;
    let plaintext = partners.orders.decrypt(oaep, version, &value).await?;
    let plaintext = plaintext.expose_secret();
    let end = String::from_utf8_lossy(&plaintext[plaintext.len().saturating_sub(4)..]);
    Ok(TextReply::ok(format!("{} {end}", plaintext.len())))
}

async fn call_partner(
    State(partners): State<Partners>,
    certificate: Secret<PartnerCertificate>,
) -> Result<TextReply, Error> {
    let identity = certificate.expose_secret().identity();
    partners
        .call(reqwest::Client::builder().identity(identity))
        .await
}

async fn call_as_nobody(State(partners): State<Partners>) -> Result<TextReply, Error> {
    partners.call(reqwest::Client::builder()).await
}
