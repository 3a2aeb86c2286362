//! The settings of client certificates.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{Authorities, Thumbprint};
use crate::settings::{Problems, Source, development};

/// Which client certificates are accepted.
#[derive(Debug, Clone)]
pub(crate) struct CertificateSettings {
    pub(super) thumbprints: Vec<Thumbprint>,
    pub(super) authorities: Option<Authorities>,
    pub(crate) front_end: FrontEnd,
}

/// Who is between the callers and the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrontEnd {
    /// App Service, which runs the app.
    AppService,
    /// Nobody who checks a certificate's key: a developer's machine.
    Nobody,
}

impl CertificateSettings {
    /// Reads the settings; `None` in an app that asks for no certificates.
    pub(in crate::auth) fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let Some(mode) = problems.text(source, CERTIFICATES) else {
            for name in [THUMBPRINTS, AUTHORITIES] {
                if source.get(name).is_some() {
                    problems.push(
                        name,
                        "counts only where STOCKADE__AUTH__CLIENT_CERTIFICATES is set",
                    );
                }
            }
            return None;
        };
        if mode != "app-service" {
            problems.push(CERTIFICATES, "cannot be read; expected: `app-service`");
            return None;
        }
        let front_end = front_end(source);
        if front_end.is_none() {
            problems.push(
                CERTIFICATES,
                "is refused where nothing says that App Service runs the app \
                 (WEBSITE_INSTANCE_ID, WEBSITE_SKU): any caller could send the header, and certificates are \
                 no secret",
            );
        }
        if source.get(THUMBPRINTS).is_none() && source.get(AUTHORITIES).is_none() {
            problems.push(
                CERTIFICATES,
                "accepts nothing by itself; give STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS \
                 or STOCKADE__AUTH__CLIENT_CERTIFICATE_AUTHORITIES",
            );
        }
        Some(Self {
            thumbprints: read_thumbprints(source, problems),
            authorities: read_authorities(source, problems),
            front_end: front_end?,
        })
    }
}

fn front_end(source: &dyn Source) -> Option<FrontEnd> {
    let is_set = |name: &&str| source.get(name).is_some();
    if APP_SERVICE.iter().any(is_set) && !OTHER_FRONT_ENDS.iter().any(is_set) {
        return Some(FrontEnd::AppService);
    }
    development(source).is_ok().then_some(FrontEnd::Nobody)
}

fn read_thumbprints(source: &dyn Source, problems: &mut Problems) -> Vec<Thumbprint> {
    let mut thumbprints = Vec::new();
    for item in problems.list(source, THUMBPRINTS).unwrap_or_default() {
        let digits: Vec<u8> = item.bytes().filter(|byte| *byte != b':').collect();
        match thumbprint(&digits) {
            Some(thumbprint) => thumbprints.push(thumbprint),
            None if digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit) => problems
                .push(
                    THUMBPRINTS,
                    "holds a SHA-1 thumbprint, which another certificate can be made to have; \
                     give the SHA-256 one: openssl x509 -noout -fingerprint -sha256",
                ),
            None => problems.push(
                THUMBPRINTS,
                "holds something other than SHA-256 thumbprints of 64 hex digits",
            ),
        }
    }
    thumbprints
}

fn thumbprint(digits: &[u8]) -> Option<Thumbprint> {
    let mut thumbprint = [0; 32];
    if digits.len() != 2 * thumbprint.len() {
        return None;
    }
    for (byte, pair) in thumbprint.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
    }
    Some(thumbprint)
}

fn read_authorities(source: &dyn Source, problems: &mut Problems) -> Option<Authorities> {
    let path = problems.text(source, AUTHORITIES)?;
    let root = source.get("FUNCTIONS_APP_ROOT_PATH").unwrap_or_default();
    let mut pem = Vec::new();
    let read = File::open(Path::new(&root).join(path))
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut pem));
    if read.is_err() {
        problems.push(
            AUTHORITIES,
            "cannot be read; the path is relative to the folder of host.json",
        );
        return None;
    }
    if pem.len() as u64 > MAX_FILE_BYTES {
        problems.push(AUTHORITIES, "is larger than 1 MiB");
        return None;
    }
    match Authorities::read(&pem) {
        Ok(authorities) => Some(authorities),
        Err(error) => {
            problems.describe(AUTHORITIES, error.to_string());
            None
        }
    }
}

const CERTIFICATES: &str = "STOCKADE__AUTH__CLIENT_CERTIFICATES";
const THUMBPRINTS: &str = "STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS";
const AUTHORITIES: &str = "STOCKADE__AUTH__CLIENT_CERTIFICATE_AUTHORITIES";

/// Set where Container Apps or Kubernetes run the app, whose front ends do not write the header.
/// What App Service sets in each process; consumption plans have no instance id (host 4.1037,
/// EnvironmentExtensions.IsFlexConsumptionSku).
const APP_SERVICE: [&str; 2] = ["WEBSITE_INSTANCE_ID", "WEBSITE_SKU"];
const OTHER_FRONT_ENDS: [&str; 2] = ["CONTAINER_APP_NAME", "KUBERNETES_SERVICE_HOST"];

const MAX_FILE_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
