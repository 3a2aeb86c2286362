//! The app's own reading and writing of blobs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_storage_blob::models::{BlobClientDownloadOptions, BlockBlobClientUploadOptions};
use azure_storage_blob::{BlobClient, BlobServiceClient};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use super::failure::StorageError;
use super::names::{BlobName, ContainerName};

/// The blobs of one container, read and written by the app's identity. Cheap to clone.
///
/// For what is too large for a binding, or has a name that a binding cannot give it. Every answer is
/// bounded in size and in time.
#[derive(Clone)]
pub struct Blobs {
    service: Arc<BlobServiceClient>,
    container: ContainerName,
    max_bytes: u64,
    patience: Duration,
}

/// Why a blob was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// It is larger than the app takes.
    #[error("the blob has more than {max_bytes} bytes")]
    TooLarge {
        /// The most that is taken.
        max_bytes: u64,
    },
    /// The account did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Blobs {
    pub(super) fn new(service: Arc<BlobServiceClient>, container: ContainerName) -> Self {
        Self {
            service,
            container,
            max_bytes: DEFAULT_MAX_BYTES,
            patience: DEFAULT_PATIENCE,
        }
    }

    /// The largest blob that is read or written, instead of 64 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long the account may take to take a blob, to begin to hand one out, and from each part of
    /// one to the next, instead of 20 seconds.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Writes a blob that is not there yet.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] when it is there already, which nothing is done to, and whatever
    /// else is wrong. Where an answer was lost and the client tried again, what is there already may
    /// be what it wrote itself.
    pub async fn create(&self, name: &BlobName, content: Bytes) -> Result<(), BlobError> {
        self.check(u64::try_from(content.len()).unwrap_or(u64::MAX))?;
        // `If-None-Match: *` (Microsoft Learn, "Specifying conditional headers for Blob service
        // operations").
        let options = BlockBlobClientUploadOptions::default().if_not_exists();
        let blob = self.blob(name);
        let upload = blob.upload(content.into(), Some(options));
        let done = tokio::time::timeout(self.patience, upload).await;
        let done = done.map_err(|_| StorageError::TimedOut)?;
        done.map_err(|error| StorageError::of(&error, WRITER))?;
        Ok(())
    }

    /// Reads a blob, part by part. The stream ends with an error when the blob turns out to be too
    /// large, and is of no use then.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotFound`] when there is no such blob, and whatever else is wrong before the
    /// first part of it is there.
    pub async fn read(
        &self,
        name: &BlobName,
    ) -> Result<impl Stream<Item = Result<Bytes, BlobError>> + Send + use<>, BlobError> {
        let blob = self.blob(name);
        let download = blob.download(Some(BlobClientDownloadOptions::default()));
        let answer = tokio::time::timeout(self.patience, download).await;
        let answer = answer.map_err(|_| StorageError::TimedOut)?;
        let answer = answer.map_err(|error| StorageError::of(&error, READER))?;
        self.check(answer.properties.content_length.unwrap_or(0))?;
        let unread = Some((answer.body, 0_u64, self.clone()));
        Ok(stream::unfold(unread, |unread| async {
            let (mut body, read, limits) = unread?;
            let part = tokio::time::timeout(limits.patience, body.next()).await;
            let part = match part {
                Ok(Some(Ok(part))) => part,
                Ok(None) => return None,
                Ok(Some(Err(error))) => return ended(StorageError::of(&error, READER)),
                Err(_) => return ended(StorageError::TimedOut),
            };
            let read = read.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
            match limits.check(read) {
                Ok(()) => Some((Ok(part), Some((body, read, limits)))),
                Err(error) => ended(error),
            }
        }))
    }

    fn blob(&self, name: &BlobName) -> BlobClient {
        // Both names are checked, so neither is `..`, which the client would take for the parent.
        self.service
            .blob_client(self.container.as_str(), name.as_str())
    }

    fn check(&self, bytes: u64) -> Result<(), BlobError> {
        if bytes > self.max_bytes {
            return Err(BlobError::TooLarge {
                max_bytes: self.max_bytes,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs")
            .field("container", &self.container)
            .field("max_bytes", &self.max_bytes)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// The last item of a stream.
fn ended<T, S>(error: impl Into<BlobError>) -> Option<(Result<T, BlobError>, Option<S>)> {
    Some((Err(error.into()), None))
}

const DEFAULT_MAX_BYTES: u64 = 64 * 1024 * 1024;
const DEFAULT_PATIENCE: Duration = Duration::from_secs(20);
const READER: &str = "Storage Blob Data Reader";
const WRITER: &str = "Storage Blob Data Contributor";

#[cfg(test)]
mod tests;
