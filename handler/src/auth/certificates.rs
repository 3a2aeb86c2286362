//! Client certificates, as App Service hands them on.
//!
//! Where the app asks for them, a call needs one beside its token. App Service ends the caller's TLS
//! and puts the certificate into `X-ARR-ClientCert`; it checks that the caller holds the key and
//! nothing else (App Service: TLS mutual authentication). The rest is decided here:
//!
//! 1. The header came once and holds one certificate (`header`).
//! 2. The certificate is within its dates, may prove a client's identity and is strong enough
//!    (RFC 5280 §4.1.2.5, §4.2.1.3, §4.2.1.12; `certificate`).
//! 3. It is pinned by its SHA-256 thumbprint, or it chains to an authority that the app lists
//!    (RFC 5280 §6.1; `authorities`).
//!
//! A certificate never makes a caller: who calls is the token's alone to say.
//!
//! What this does not protect against: a front end that passes on the header of its clients. A
//! certificate is public, and only the front end's TLS handshake proves that the caller has its key.
//! Whether a certificate was revoked is not asked (RFC 5280 §6.3).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;

use super::clock::{Clock, numeric_date};
use super::denial::Denial;

pub(crate) use authorities::Authorities;
use certificate::Certificate;
pub(crate) use header::ClientCertificateHeader;
use memory::Memory;
pub(super) use settings::{CertificateSettings, FrontEnd};

mod authorities;
mod certificate;
mod header;
mod memory;
mod settings;
#[cfg(test)]
pub(super) mod testing;

/// Accepts the client certificates of one app.
pub(crate) struct Certificates {
    thumbprints: Vec<Thumbprint>,
    authorities: Option<Authorities>,
    accepted: Memory,
    clock: Arc<dyn Clock>,
}

/// A SHA-256 digest.
pub(crate) type Thumbprint = [u8; 32];

impl Certificates {
    /// Accepts by `settings`.
    pub(crate) fn new(settings: &CertificateSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            thumbprints: settings.thumbprints.clone(),
            authorities: settings.authorities.clone(),
            accepted: Memory::new(),
            clock,
        }
    }

    /// Accepts the certificate of a request, or says why not.
    ///
    /// # Errors
    ///
    /// [`Denial`] names the rule that failed.
    pub(crate) fn require(&self, header: Option<&ClientCertificateHeader>) -> Result<(), Denial> {
        let value = header.ok_or(Denial::CertificateMissing)?.value()?;
        let now = numeric_date(self.clock.now());
        let uptime = self.clock.uptime();
        let fingerprint = sha256(value);
        if self.accepted.holds(&fingerprint, now, uptime) {
            return Ok(());
        }
        let der = header::decode(value)?;
        let certificate = Certificate::read(&der)?;
        certificate.check(now)?;
        let changes = self.trust(&certificate, &der, now)?;
        let until = certificate.validity().end().min(changes);
        self.accepted.put(fingerprint, until, uptime);
        Ok(())
    }

    /// Pinned, or of a listed authority; either is enough. Tells until when that stays so, apart from
    /// the certificate's own dates.
    fn trust(&self, certificate: &Certificate<'_>, der: &[u8], now: u64) -> Result<u64, Denial> {
        if self.is_pinned(&sha256(der)) {
            return Ok(u64::MAX);
        }
        match &self.authorities {
            Some(authorities) => authorities.verify(certificate, now),
            None => Err(Denial::CertificateUntrusted("it is not pinned")),
        }
    }

    fn is_pinned(&self, found: &Thumbprint) -> bool {
        let equal = |pinned: &Thumbprint| verify_slices_are_equal(pinned, found).is_ok();
        // Every one is compared, so that the time does not tell which one it was.
        self.thumbprints
            .iter()
            .fold(false, |any, pinned| any | equal(pinned))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

fn sha256(bytes: &[u8]) -> Thumbprint {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests;
