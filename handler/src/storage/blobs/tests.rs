use azure_core::http::StatusCode;
use futures_util::TryStreamExt as _;

use super::super::testing::{Account, Reply};
use super::*;

fn name() -> BlobName {
    BlobName::new("a b/c").expect("a name")
}

fn blobs(answers: impl FnMut() -> Reply + Send + 'static) -> (Arc<Account>, Blobs) {
    let (account, opened) = Account::answering(answers);
    (
        account,
        opened.blobs(ContainerName::new("box").expect("a name")),
    )
}

async fn read(blobs: &Blobs) -> Result<Vec<u8>, BlobError> {
    let parts: Vec<_> = blobs.read(&name()).await?.try_collect().await?;
    Ok(parts.concat())
}

/// A body that says how long it is, and these parts of it; then it hangs.
fn endless(says: u64, parts: usize) -> Reply {
    let part = || Ok(Bytes::from_static(&[7; 1000]));
    let parts = stream::repeat_with(part)
        .take(parts)
        .chain(stream::pending());
    let headers = vec![
        ("content-length", says.to_string()),
        ("content-range", format!("bytes 0-{}/{says}", says - 1)),
    ];
    Reply::Body(headers, Box::pin(parts))
}

#[tokio::test]
async fn a_blob_is_written_by_the_identity_and_only_where_there_is_none() {
    let (account, blobs) = blobs(|| Reply::Status(StatusCode::Created));

    let written = blobs.create(&name(), Bytes::from_static(b"content")).await;

    written.expect("it is written");
    let asked = &account.asked()[0];
    assert_eq!(
        asked.line,
        "PUT https://orders1.blob.core.windows.net/box/a%20b%2Fc"
    );
    assert_eq!(asked.header("if-none-match"), "*");
    assert_eq!(asked.header("authorization"), "Bearer of-the-identity");
    assert_eq!(asked.header("x-ms-version"), "2022-11-02");
    assert_eq!(asked.body, "content");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_never_answers_is_given_up() {
    let (_, blobs) = blobs(|| Reply::Nothing);
    let blobs = blobs.patience(Duration::from_secs(3));
    let began = tokio::time::Instant::now();

    let written = blobs.create(&name(), Bytes::new()).await;
    let read = read(&blobs).await;

    assert!(
        matches!(written, Err(BlobError::Storage(StorageError::TimedOut))),
        "{written:?}"
    );
    assert!(
        matches!(read, Err(BlobError::Storage(StorageError::TimedOut))),
        "{read:?}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_stops_in_the_middle_is_given_up() {
    let (_, blobs) = blobs(|| endless(10_000, 2));
    let blobs = blobs.patience(Duration::from_secs(3));
    let began = tokio::time::Instant::now();

    let mut parts = Box::pin(blobs.read(&name()).await.expect("it begins"));
    let mut whole = 0;
    let end = loop {
        match parts.next().await {
            Some(Ok(part)) => whole += part.len(),
            end => break end,
        }
    };

    assert_eq!(whole, 2000);
    assert!(
        matches!(end, Some(Err(BlobError::Storage(StorageError::TimedOut)))),
        "{end:?}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert!(parts.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_is_longer_than_it_says_is_too_large_all_the_same() {
    let (_, blobs) = blobs(|| endless(1000, 100));

    let read = read(&blobs.max_bytes(1500)).await;

    assert!(
        matches!(read, Err(BlobError::TooLarge { max_bytes: 1500 })),
        "{read:?}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_not_even_sent() {
    let (account, blobs) = blobs(|| Reply::Status(StatusCode::Created));
    let blobs = blobs.max_bytes(4);

    let small = blobs.create(&name(), Bytes::from_static(b"four")).await;
    let large = blobs.create(&name(), Bytes::from_static(b"fives")).await;

    assert!(small.is_ok(), "{small:?}");
    assert!(
        matches!(large, Err(BlobError::TooLarge { max_bytes: 4 })),
        "{large:?}"
    );
    assert_eq!(account.asked().len(), 1);
}

#[tokio::test]
async fn a_missing_role_is_named() {
    let (_, blobs) = blobs(|| Reply::Status(StatusCode::Forbidden));

    let written = blobs.create(&name(), Bytes::new()).await.unwrap_err();
    let read = read(&blobs).await.unwrap_err();

    assert!(
        written
            .to_string()
            .contains("Storage Blob Data Contributor"),
        "{written}"
    );
    assert!(
        read.to_string().contains("Storage Blob Data Reader"),
        "{read}"
    );
}
