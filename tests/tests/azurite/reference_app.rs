//! `create-upload` of the reference app: the real binary, with a token of its own identity.

use stockade_tests::http::Request;
use stockade_tests::setup::{App, Setup};

use super::emulator::{Clock, Emulator};

#[tokio::test]
async fn a_caller_uploads_one_document_and_reads_none() {
    let emulator = Emulator::start(Clock::Right);
    emulator.put("uploads/of-somebody-else", b"before").await;
    let certificate = emulator.certificate();
    let certificate = certificate.to_str().expect("a path of text");
    let app = Setup::of(App::Reference).setting("SSL_CERT_FILE", certificate);
    let app = emulator
        .settings()
        .into_iter()
        .fold(app, |app, (name, value)| app.setting(name, value));
    let host = app.start();

    let asked = Request::post("/api/uploads")
        .bearer(&host.token_with(&["Orders.Write"]))
        .send(host.port);

    assert_eq!(asked.status, 200, "{asked:?}");
    let upload = asked.json();
    let url = upload["url"].as_str().expect("a URL");
    assert!(
        upload["expires"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );
    let refused = (403, "AuthorizationPermissionMismatch".to_owned());
    assert_eq!(emulator.get(url).await, refused);
    assert_eq!(emulator.upload(url).await, (201, String::new()));
    assert_eq!(emulator.get(url).await, refused);
    let (_, signature) = url.split_once('?').expect("a query");
    let other = url.split_once("uploads/").expect("the container").0;
    let other = format!("{other}uploads/of-somebody-else?{signature}");
    assert_eq!(emulator.upload(&other).await.0, 403);
    let line = host.wait_for_line("the function", |line| line.ends("create-upload"));
    assert_eq!(line.outcome(), Some("succeeded"));
    let signature = signature.rsplit_once("sig=").expect("a signature").1;
    assert!(host.output().iter().all(|line| !line.contains(signature)));
}
