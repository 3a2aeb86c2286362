//! Blobs in memory: where blob outputs are written and blob inputs are read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// All blobs of the storage account, by `container/name`. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Blobs {
    blobs: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl Blobs {
    /// An account without blobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a blob, over one of the same path if there is one.
    pub fn put(&self, path: &str, content: impl Into<Bytes>) {
        self.lock().insert(path.to_owned(), content.into());
    }

    /// A blob's content.
    pub fn get(&self, path: &str) -> Option<Bytes> {
        self.lock().get(path).cloned()
    }

    /// Deletes a blob; `false` when there was none.
    pub fn delete(&self, path: &str) -> bool {
        self.lock().remove(path).is_some()
    }

    /// All paths with their sizes in bytes, in order.
    pub fn list(&self) -> Vec<(String, usize)> {
        self.lock()
            .iter()
            .map(|(path, content)| (path.clone(), content.len()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        // Every change is one step, so a thread that panicked left nothing half done.
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_read_as_it_was_last_written() {
        let blobs = Blobs::new();
        blobs.put("docs/a", "one");
        blobs.clone().put("docs/a", "four");
        blobs.put("docs/b", Bytes::new());

        assert_eq!(blobs.get("docs/a"), Some(Bytes::from("four")));
        assert_eq!(
            blobs.list(),
            [("docs/a".to_owned(), 4), ("docs/b".to_owned(), 0)]
        );
        assert!(blobs.delete("docs/a"));
        assert!(!blobs.delete("docs/a"));
        assert_eq!(blobs.get("docs/a"), None);
    }
}
