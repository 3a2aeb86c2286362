//! Lets its caller upload one document: answers with a signed URL of a blob under a name of its own.

use serde::Serialize;
use stockade::storage::{BlobName, Permissions};
use stockade::{Error, Function, Principal, Reply, State, access, on};

use crate::state::{AppState, Uploads};

pub fn function() -> Function<AppState> {
    Function::new(
        "create-upload",
        on::post("uploads", access::scope("Orders.Write")),
        create_upload,
    )
}

async fn create_upload(
    State(uploads): State<Uploads>,
    caller: Principal,
) -> Result<Reply<Upload>, Error> {
    let issuer = uploads.issuer()?;
    // Nobody can guess it, so nobody can put a document under the name that another was given.
    let name = format!("{}/{}", caller.id(), azure_core::Uuid::new_v4());
    let upload = Permissions::CREATE | Permissions::WRITE;
    let url = issuer.blob(&BlobName::new(name)?, upload).await;
    let url = url.map_err(Error::retry)?;
    Ok(Reply::ok(Upload {
        url: url.expose_secret().to_owned(),
        expires: url.expires_text(),
    }))
}

/// The answer. Whoever has the URL may upload, so it is shown to the caller alone.
#[derive(Serialize)]
struct Upload {
    /// To `PUT` the document to, with `x-ms-blob-type: BlockBlob`.
    url: String,
    /// When that ends (RFC 3339, UTC).
    expires: String,
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use serde_json::Value;
    use stockade::App;
    use stockade::settings::Problems;
    use stockade::storage::{
        DelegationKey, DelegationKeyParts, DelegationKeys, SasIssuer, StorageError, StorageSettings,
    };
    use stockade::test::TestApp;

    use super::*;

    /// Keys that count for an hour, or none.
    struct Keys(bool);

    impl DelegationKeys for Keys {
        fn fetch(
            &self,
            start: SystemTime,
            _: SystemTime,
        ) -> futures_util::future::BoxFuture<'_, Result<DelegationKey, StorageError>> {
            let parts = DelegationKeyParts {
                signed_oid: "11111111-2222-3333-4444-555555555555".to_owned(),
                signed_tid: "66666666-7777-8888-9999-aaaaaaaaaaaa".to_owned(),
                signed_start: start,
                signed_expiry: start + Duration::from_secs(3600),
                signed_service: "b".to_owned(),
                signed_version: "2022-11-02".to_owned(),
                value: vec![7; 32].into(),
            };
            let key = match self.0 {
                true => DelegationKey::new(&parts),
                false => Err(StorageError::Unreachable),
            };
            Box::pin(async { key })
        }
    }

    fn app(uploads: Uploads) -> TestApp<AppState> {
        App::new("orders")
            .function(function())
            .with_state(AppState::default().with_uploads(uploads))
    }

    fn uploads(keys: Keys) -> Uploads {
        let settings = [(
            "STOCKADE__STORAGE__ACCOUNT_URI".to_owned(),
            "https://orders1.blob.core.windows.net".to_owned(),
        )];
        let mut problems = Problems::new();
        let settings = StorageSettings::read(&BTreeMap::from(settings), &mut problems);
        let settings = settings.expect("an account");
        Uploads::over(SasIssuer::new(&settings, Arc::new(keys), Uploads::caps()))
    }

    fn ada() -> Principal {
        Principal::for_tests("ada").with_scope("Orders.Write")
    }

    fn query(body: &Value) -> BTreeMap<String, String> {
        let url: url::Url = body["url"].as_str().expect("a URL").parse().expect("a URL");
        url.query_pairs().into_owned().collect()
    }

    #[tokio::test]
    async fn a_caller_gets_a_url_that_uploads_one_document_for_a_quarter_of_an_hour() {
        let app = app(uploads(Keys(true)));
        let asked = SystemTime::now();

        let answer = app.call("create-upload").as_caller(ada()).await;

        assert_eq!(answer.status(), 200);
        let body: Value = answer.json();
        let query = query(&body);
        assert_eq!((query["sp"].as_str(), query["sr"].as_str()), ("cw", "b"));
        assert_eq!(query["spr"], "https");
        assert_eq!(body["expires"], query["se"]);
        let expires = azure_core::time::parse_rfc3339(&query["se"]).expect("a time");
        let life = SystemTime::from(expires).duration_since(asked);
        let life = life.expect("it has not ended").as_secs();
        assert!((14 * 60 + 55..=15 * 60).contains(&life), "{life}");
    }

    #[tokio::test]
    async fn each_upload_has_a_name_of_its_own_below_its_caller() {
        let app = app(uploads(Keys(true)));
        let eve = Principal::for_tests("eve").with_scope("Orders.Write");
        let below = |caller: &Principal| {
            format!(
                "https://orders1.blob.core.windows.net/uploads/{}/",
                caller.id()
            )
        };

        let mut urls = Vec::new();
        for caller in [ada(), ada(), eve] {
            let answer = app.call("create-upload").as_caller(caller.clone()).await;
            let body: Value = answer.json();
            let url = body["url"].as_str().expect("a URL");
            let (path, _) = url.split_once('?').expect("a query");
            let name = path.strip_prefix(&below(&caller)).expect(path);
            assert!(azure_core::Uuid::parse_str(name).is_ok(), "{name}");
            urls.push(path.to_owned());
        }

        assert!(urls[0] != urls[1] && urls[1] != urls[2]);
    }

    #[tokio::test]
    async fn without_the_scope_there_is_no_upload() {
        let app = app(uploads(Keys(true)));
        let reader = Principal::for_tests("ada").with_scope("Orders.Read");

        let answer = app.call("create-upload").as_caller(reader).await;

        assert_eq!(answer.status(), 403);
    }

    #[tokio::test]
    async fn without_an_account_the_answer_is_later_and_the_log_says_what_is_missing() {
        let app = app(Uploads::default());

        let answer = app.call("create-upload").as_caller(ada()).await;

        assert_eq!(answer.status(), 503);
        let log = format!("{:?}", app.log());
        assert!(log.contains("STOCKADE__STORAGE__ACCOUNT_URI"), "{log}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_key_the_answer_is_later() {
        let app = app(uploads(Keys(false)));

        let answer = app.call("create-upload").as_caller(ada()).await;

        assert_eq!(answer.status(), 503);
    }
}
