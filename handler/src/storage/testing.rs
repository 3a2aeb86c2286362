//! An account that answers what a test says, and keeps what it was asked.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};

use super::StorageAccount;
use super::sas::testing::settings;

/// What is answered.
pub(super) enum Reply {
    Status(StatusCode),
    /// 200 with these headers, and these parts of a body.
    Body(
        Vec<(&'static str, String)>,
        BoxStream<'static, azure_core::Result<Bytes>>,
    ),
    Nothing,
}

impl Reply {
    /// 200 with a whole body.
    pub(super) fn whole(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::Body(Vec::new(), Box::pin(stream::iter([Ok(body)])))
    }
}

/// A request as the account got it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: Headers,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &'static str) -> &str {
        let value = self
            .headers
            .get_optional_str(&HeaderName::from_static(name));
        value.unwrap_or_default()
    }
}

type Answers = dyn FnMut() -> Reply + Send;

/// Plays the account.
pub(super) struct Account {
    answers: Mutex<Box<Answers>>,
    asked: Mutex<Vec<Asked>>,
}

impl Account {
    /// The account and what was opened over it. Nothing is tried again.
    pub(super) fn answering(
        answers: impl FnMut() -> Reply + Send + 'static,
    ) -> (Arc<Self>, StorageAccount) {
        let account = Arc::new(Self {
            answers: Mutex::new(Box::new(answers)),
            asked: Mutex::default(),
        });
        let options = ClientOptions {
            transport: Some(Transport::new(account.clone())),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let opened = StorageAccount::open(settings(&[]), Arc::new(Identity), options);
        (account, opened.expect("it opens"))
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl HttpClient for Account {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            panic!("nothing here is sent as a stream");
        };
        self.asked.lock().unwrap().push(Asked {
            line: format!("{} {}", request.method(), request.url()),
            headers: request.headers().clone(),
            body: String::from_utf8_lossy(body).into_owned(),
        });
        let reply = (self.answers.lock().unwrap())();
        let answer = |status, headers: Vec<(&'static str, String)>, body| {
            let mut all = Headers::new();
            for (name, value) in headers {
                all.insert(name, value);
            }
            Ok(AsyncRawResponse::new(status, all, body))
        };
        match reply {
            Reply::Status(status) => answer(status, Vec::new(), Box::pin(stream::empty())),
            Reply::Body(headers, body) => answer(StatusCode::Ok, headers, body),
            Reply::Nothing => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account")
    }
}

/// An identity with one token for storage.
#[derive(Debug)]
struct Identity;

#[async_trait::async_trait]
impl TokenCredential for Identity {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://storage.azure.com/.default"]);
        let expires = SystemTime::now() + Duration::from_secs(3600);
        Ok(AccessToken::new("of-the-identity", expires.into()))
    }
}
