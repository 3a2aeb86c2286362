//! The file of roots that lets the handler trust what speaks TLS here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::notes::write_own;

/// The file, which goes away with this.
#[derive(Debug)]
pub(super) struct Roots {
    path: PathBuf,
}

impl Roots {
    /// Writes the file into the app folder, or among the temporary files where that cannot be.
    ///
    /// # Errors
    ///
    /// The operating system's, for the second try.
    pub(super) fn leave(app: &Path, roots: &str) -> io::Result<Self> {
        let own = app.join(NAME);
        let path = match write_own(&own, roots.as_bytes()) {
            Ok(()) => own,
            Err(_) => {
                // Nobody knows the name before, so nobody can have put something there.
                let name = format!("devhost-{}.pem", uuid::Uuid::new_v4().simple());
                let elsewhere = std::env::temp_dir().join(name);
                write_own(&elsewhere, roots.as_bytes())?;
                elsewhere
            }
        };
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        // A file that stayed vouches for a key that is gone.
        let _ = fs::remove_file(&self.path);
    }
}

const NAME: &str = ".devhost-roots.pem";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_in_the_app_folder_while_it_is_needed() {
        let app = tempfile::tempdir().unwrap();
        fs::write(app.path().join(NAME), "left behind").unwrap();

        let roots = Roots::leave(app.path(), "roots").unwrap();

        assert_eq!(roots.path(), app.path().join(NAME));
        assert_eq!(fs::read_to_string(roots.path()).unwrap(), "roots");
        drop(roots);
        assert!(!app.path().join(NAME).exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_passed_over() {
        let roots = Roots::leave(Path::new("/nowhere/at/all"), "roots").unwrap();

        assert!(roots.path().starts_with(std::env::temp_dir()));
        assert_eq!(fs::read_to_string(roots.path()).unwrap(), "roots");
        let path = roots.path().to_owned();
        drop(roots);
        assert!(!path.exists());
    }
}
