//! A token in the making: good until a test changes something, and open to change down to its bytes.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::key::SigningKey;

/// A token in the making.
#[derive(Clone)]
pub struct Draft {
    header: Part,
    payload: Part,
    sign: Sign,
    spell: Spell,
}

type Sign = Arc<dyn Fn(&[u8]) -> Vec<u8>>;
type Spell = Arc<dyn Fn(String) -> String>;
type Rewrite = Arc<dyn Fn(String) -> Vec<u8>>;

/// The members of a JSON object in their order, each as it is written, so that one can occur twice.
#[derive(Clone)]
struct Part {
    members: Vec<(String, String)>,
    rewrite: Rewrite,
}

impl Draft {
    /// A token with these members, to be signed with `key`.
    pub fn new(header: &Value, payload: &Value, key: &'static SigningKey) -> Self {
        Self {
            header: Part::new(header),
            payload: Part::new(payload),
            sign: Arc::new(|text| key.sign(text)),
            spell: Arc::new(|token| token),
        }
    }

    /// Sets a member of the header.
    #[must_use]
    pub fn head(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.set(name, &value.into());
        self
    }

    /// Takes a member out of the header.
    #[must_use]
    pub fn head_without(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Writes one member more into the header, whether it is there or not: `"name":value`.
    #[must_use]
    pub fn head_also(mut self, member: &str) -> Self {
        self.header.append(member);
        self
    }

    /// Makes the header's bytes from its text.
    #[must_use]
    pub fn head_bytes(mut self, rewrite: impl Fn(String) -> Vec<u8> + 'static) -> Self {
        self.header.rewrite = Arc::new(rewrite);
        self
    }

    /// Sets a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload.set(name, &value.into());
        self
    }

    /// Sets a claim to what is written here.
    #[must_use]
    pub fn claim_text(mut self, name: &str, text: &str) -> Self {
        self.payload.put(name, text.to_owned());
        self
    }

    /// Takes a claim out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.payload.remove(name);
        self
    }

    /// Writes one claim more, whether it is there or not: `"name":value`.
    #[must_use]
    pub fn also(mut self, member: &str) -> Self {
        self.payload.append(member);
        self
    }

    /// Makes the payload's bytes from its text.
    #[must_use]
    pub fn payload_bytes(mut self, rewrite: impl Fn(String) -> Vec<u8> + 'static) -> Self {
        self.payload.rewrite = Arc::new(rewrite);
        self
    }

    /// Signs with another key of the same kind.
    #[must_use]
    pub fn signed_with(self, key: &'static SigningKey) -> Self {
        self.signed_by(|text| key.sign(text))
    }

    /// Signs in another way.
    #[must_use]
    pub fn signed_by(mut self, sign: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Self {
        self.sign = Arc::new(sign);
        self
    }

    /// Changes the good signature.
    #[must_use]
    pub fn signature(self, change: impl Fn(Vec<u8>) -> Vec<u8> + 'static) -> Self {
        let sign = Arc::clone(&self.sign);
        self.signed_by(move |text| change(sign(text)))
    }

    /// Spells the finished token in another way.
    #[must_use]
    pub fn spelled(mut self, spell: impl Fn(String) -> String + 'static) -> Self {
        self.spell = Arc::new(spell);
        self
    }

    /// How long the token is, without signing it. A signature of 2048 bits is what it has in the end.
    pub fn length(&self) -> usize {
        let segment = |part: &Part| URL_SAFE_NO_PAD.encode(part.bytes()).len();
        segment(&self.header) + segment(&self.payload) + SIGNATURE + 2
    }

    /// The token.
    pub fn make(&self) -> String {
        let segment = |part: &Part| URL_SAFE_NO_PAD.encode(part.bytes());
        let signed = format!("{}.{}", segment(&self.header), segment(&self.payload));
        let signature = (self.sign)(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature);
        (self.spell)(format!("{signed}.{signature}"))
    }

    /// The name of its key, if it is a text.
    pub fn key_id(&self) -> Option<String> {
        let (_, text) = self.header.members.iter().find(|(name, _)| name == "kid")?;
        serde_json::from_str(text).ok()
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("header", &self.header.text())
            .field("payload", &self.payload.text())
            .finish_non_exhaustive()
    }
}

impl Part {
    fn new(members: &Value) -> Self {
        let members = members.as_object().expect("an object");
        Self {
            members: members
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            rewrite: Arc::new(String::into_bytes),
        }
    }

    fn set(&mut self, name: &str, value: &Value) {
        self.put(name, value.to_string());
    }

    fn put(&mut self, name: &str, text: String) {
        match self.members.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = text,
            None => self.members.push((name.to_owned(), text)),
        }
    }

    fn remove(&mut self, name: &str) {
        self.members.retain(|(known, _)| known != name);
    }

    fn append(&mut self, member: &str) {
        self.members.push((String::new(), member.to_owned()));
    }

    fn text(&self) -> String {
        let members: Vec<_> = self
            .members
            .iter()
            .map(|(name, text)| match name.as_str() {
                "" => text.clone(),
                _ => format!("{}:{text}", json!(name)),
            })
            .collect();
        format!("{{{}}}", members.join(","))
    }

    fn bytes(&self) -> Vec<u8> {
        (self.rewrite)(self.text())
    }
}

/// The time of day as tokens write it (RFC 7519 §2).
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs()
}

/// The characters of a signature of 2048 bits.
const SIGNATURE: usize = 342;
