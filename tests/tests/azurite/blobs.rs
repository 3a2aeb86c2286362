//! The client for the app's own blobs.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use stockade::storage::{BlobError, StorageError};

use super::emulator::{Clock, Emulator};
use super::{CREATE, READ, all, blob, container};

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_blob_of_any_name_is_the_same_by_its_url_and_by_the_client() {
    let emulator = Emulator::start(Clock::Right);
    let issuer = emulator.account().sas_issuer(all("box"));
    let blobs = emulator.account().blobs(container("box"));
    emulator.put("box/first", b"makes the container").await;

    for (index, name) in [
        "plain",
        "a/b/c",
        "a b",
        "ü/漢",
        "a+b&c=d",
        "100%",
        "%2F",
        "a?b#c",
        "~;,@:!$'()*",
    ]
    .into_iter()
    .enumerate()
    {
        let name = blob(name);
        let url = issuer.blob(&name, READ | CREATE).await.expect("a URL");
        let content = Bytes::from(format!("content {index}"));

        blobs
            .create(&name, content.clone())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));

        assert_eq!(
            emulator.content(url.expose_secret()).await,
            content,
            "{name}"
        );
        // It is the same blob, so it cannot be created again by its URL.
        assert_eq!(emulator.upload(url.expose_secret()).await.0, 403, "{name}");
    }
}

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_blob_is_created_once_and_never_overwritten() {
    let emulator = Emulator::start(Clock::Right);
    emulator.put("box/first", b"makes the container").await;
    let blobs = emulator.account().blobs(container("box"));
    let name = blob("once");

    blobs
        .create(&name, Bytes::from_static(b"first"))
        .await
        .expect("it is new");
    let again = blobs.create(&name, Bytes::from_static(b"second")).await;

    assert!(
        matches!(again, Err(BlobError::Storage(StorageError::Conflict))),
        "{again:?}"
    );
    let parts: Vec<_> = blobs
        .read(&name)
        .await
        .expect("it is there")
        .try_collect()
        .await
        .expect("whole");
    assert_eq!(parts.concat(), b"first");
    let missing = blobs.read(&blob("missing")).await.map(|_| ());
    assert!(
        matches!(missing, Err(BlobError::Storage(StorageError::NotFound))),
        "{missing:?}"
    );
}

#[tokio::test]
#[ignore = "needs Azurite: .ci/azurite"]
async fn a_large_blob_comes_back_whole_and_one_that_is_too_large_not_at_all() {
    let emulator = Emulator::start(Clock::Right);
    emulator.put("box/first", b"makes the container").await;
    let blobs = emulator.account().blobs(container("box"));
    let content: Bytes = (0..20_000_000_u32).map(|at| (at % 251) as u8).collect();
    let bytes = 20_000_000;
    let name = blob("large");

    blobs
        .create(&name, content.clone())
        .await
        .expect("it is taken");
    let parts: Vec<_> = blobs
        .clone()
        .max_bytes(bytes)
        .read(&name)
        .await
        .expect("it is there")
        .try_collect()
        .await
        .expect("whole");
    assert!(parts.concat() == content, "it is another");

    let small = blobs.max_bytes(bytes - 1);
    let refused = small.create(&blob("larger"), content).await;
    assert!(
        matches!(refused, Err(BlobError::TooLarge { .. })),
        "{refused:?}"
    );
    let stream = small.read(&name).await;
    let read = match stream {
        Ok(stream) => stream.try_for_each(|_| async { Ok(()) }).await,
        Err(error) => Err(error),
    };
    assert!(matches!(read, Err(BlobError::TooLarge { .. })), "{read:?}");
}
