//! What devhost leaves in the app folder while it runs, so that other tools find it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// The file, which goes away with this.
#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
}

/// What stands in the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Noted<'a> {
    /// The origin that clients call.
    pub(super) host: &'a str,
    /// The stand-in tenant's origin.
    pub(super) tenant: Option<&'a str>,
    /// The page that shows invocations.
    pub(super) telemetry: Option<&'a str>,
    /// Runs any function, so only the owner may read the file.
    pub(super) master_key: &'a str,
    pub(super) pid: u32,
    /// What the handler was given beside the app's own settings; among it is the header by which the
    /// stand-in identity knows the app.
    pub(super) settings: &'a BTreeMap<String, String>,
}

impl Notes {
    /// Writes the file into the app folder, over one that an earlier run left behind.
    ///
    /// # Errors
    ///
    /// The operating system's, as for a folder that cannot be written to.
    pub(super) fn leave(app: &Path, noted: &Noted<'_>) -> io::Result<Self> {
        let path = app.join(NAME);
        write_own(&path, &serde_json::to_vec(noted)?)?;
        Ok(Self { path })
    }
}

/// Writes a file that only its owner reads, over one that an earlier run left behind.
///
/// # Errors
///
/// The operating system's; nothing is left half written then.
pub(super) fn write_own(path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A new file, so that its mode is what is asked for and no link is followed.
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

impl Drop for Notes {
    fn drop(&mut self) {
        // Whoever finds a file that stayed finds nobody at its address.
        let _ = fs::remove_file(&self.path);
    }
}

const NAME: &str = ".devhost.json";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_for_its_owner_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        fs::write(&file, "left behind").unwrap();

        let settings = BTreeMap::from([("NAME".to_owned(), "value".to_owned())]);

        let notes = Notes::leave(folder.path(), &noted(&settings)).unwrap();

        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            r#"{"host":"http://127.0.0.1:7071","tenant":null,"telemetry":null,"masterKey":"k","pid":7,"settings":{"NAME":"value"}}"#
        );
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(notes);
        assert!(!file.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told() {
        assert!(Notes::leave(Path::new("/nowhere/at/all"), &noted(&BTreeMap::new())).is_err());
    }

    fn noted(settings: &BTreeMap<String, String>) -> Noted<'_> {
        Noted {
            host: "http://127.0.0.1:7071",
            tenant: None,
            telemetry: None,
            master_key: "k",
            pid: 7,
            settings,
        }
    }
}
