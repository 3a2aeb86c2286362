//! Where things are: the package, the repository's root and the target folder in use.

use std::path::{Path, PathBuf};

use crate::settings::Source;

use super::failed::Failed;

/// The folders of this project. Cargo names the package in the environment of what it runs.
#[derive(Debug)]
pub(super) struct Places {
    package: PathBuf,
    root: PathBuf,
    target: PathBuf,
    cargo: PathBuf,
}

impl Places {
    /// Finds them.
    ///
    /// # Errors
    ///
    /// The process was not started by cargo, or no folder above the package has a host.json.
    pub(super) fn find(source: &dyn Source) -> Result<Self, Failed> {
        let (Some(package), Some(cargo)) = (source.get("CARGO_MANIFEST_DIR"), source.get("CARGO"))
        else {
            return Err(Failed::missing(
                "This command works on the project's files, and cargo has not said where they are.",
                "cargo fn …  (in the project's folder)",
            ));
        };
        let package = PathBuf::from(package);
        let with_host = package
            .ancestors()
            .find(|folder| folder.join(HOST_JSON).is_file());
        let root = with_host.map(Path::to_path_buf).ok_or_else(|| {
            Failed::missing(
                format!(
                    "There is no host.json in {} or above it.",
                    package.display()
                ),
                "put the app's host.json into the root of the repository",
            )
        })?;
        Ok(Self {
            root,
            target: target(source)?,
            cargo: PathBuf::from(cargo),
            package,
        })
    }

    /// The app's own host.json.
    pub(super) fn host_json(&self) -> PathBuf {
        self.root.join(HOST_JSON)
    }

    /// The inventory that is kept for review.
    pub(super) fn manifest(&self) -> PathBuf {
        self.package.join("manifest.json")
    }

    /// A file for local work, such as [`LOCAL_SETTINGS`].
    pub(super) fn local(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A page of the documentation.
    pub(super) fn page(&self, name: &str) -> PathBuf {
        self.root.join("docs").join(name)
    }

    /// The root of the repository.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The target folder in use.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// The cargo that runs us.
    pub(super) fn cargo(&self) -> &Path {
        &self.cargo
    }

    /// A path as people write it: from the root, where it lies below it.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// The folder that is assembled for the host.
pub(super) fn app_folder(target: &Path) -> PathBuf {
    target.join("app")
}

/// The target folder in use: as the environment says, else the one that this program was built in,
/// which cargo marks with a tag (bford.info/cachedir).
///
/// # Errors
///
/// The program was taken out of its target folder.
pub(super) fn target(source: &dyn Source) -> Result<PathBuf, Failed> {
    if let Some(named) = source.get("CARGO_TARGET_DIR") {
        return Ok(std::path::absolute(&named).unwrap_or_else(|_| named.into()));
    }
    let program = std::env::current_exe().unwrap_or_default();
    let tagged = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    tagged.map(Path::to_path_buf).ok_or_else(|| {
        Failed::missing(
            "The target folder was not found.",
            "cargo fn …  (in the project's folder)",
        )
    })
}

pub(super) const HOST_JSON: &str = "host.json";
pub(super) const LOCAL_SETTINGS: &str = "local.settings.json";
/// What devhost's Key Vault begins with.
pub(super) const LOCAL_SECRETS: &str = "local.secrets.json";
