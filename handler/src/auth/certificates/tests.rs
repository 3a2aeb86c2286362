use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use rcgen::CertificateParams;

use super::super::testing::TestClock;
use super::testing::{Issuer, client, issued, root};
use super::*;
use crate::settings::Problems;

mod header;
mod remembered;
mod rules;
mod trust;

struct Harness {
    certificates: Certificates,
    clock: Arc<TestClock>,
}

impl Harness {
    /// Accepts certificates with these bytes, and those of the authorities in a PEM text.
    fn new(pinned: &[&[u8]], authorities: Option<&str>) -> Self {
        let pinned: Vec<String> = pinned.iter().map(|der| hex(&sha256(der))).collect();
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut source = BTreeMap::from([
            (
                "STOCKADE__AUTH__CLIENT_CERTIFICATES",
                "app-service".to_owned(),
            ),
            ("WEBSITE_INSTANCE_ID", "an instance".to_owned()),
        ]);
        if !pinned.is_empty() {
            source.insert(
                "STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS",
                pinned.join(","),
            );
        }
        if let Some(authorities) = authorities {
            std::fs::write(file.path(), authorities).expect("the file can be written");
            source.insert(
                "STOCKADE__AUTH__CLIENT_CERTIFICATE_AUTHORITIES",
                file.path().display().to_string(),
            );
        }
        let source: BTreeMap<String, String> = source
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut problems = Problems::new();
        let settings = CertificateSettings::read(&source, &mut problems);
        assert_eq!(problems.to_string(), "");
        let clock = Arc::new(TestClock::new());
        Self {
            certificates: Certificates::new(&settings.expect("settings"), clock.clone()),
            clock,
        }
    }

    fn pinning(certificate: &[u8]) -> Self {
        Self::new(&[certificate], None)
    }

    fn trusting(issuers: &[&Issuer]) -> Self {
        let pem: String = issuers.iter().map(|issuer| issuer.pem()).collect();
        Self::new(&[], Some(&pem))
    }

    fn outcome(&self, der: &[u8]) -> &'static str {
        self.outcome_of(&STANDARD.encode(der))
    }

    /// The rule that a header breaks.
    fn outcome_of(&self, value: &str) -> &'static str {
        self.require(value)
            .map_or_else(|denial| denial.rule(), |()| "accepted")
    }

    fn require(&self, value: &str) -> Result<(), Denial> {
        let mut headers = HeaderMap::new();
        headers.append("x-arr-clientcert", value.parse().expect("a value"));
        let header = ClientCertificateHeader::of(&headers);
        self.certificates.require(header.as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The outcome of a certificate where it is pinned, and where its issuer is listed.
fn both_outcomes(params: &CertificateParams) -> [&'static str; 2] {
    let issuer = root("Root");
    let certificate = issued(params, &issuer);
    [
        Harness::pinning(certificate.der()).outcome(certificate.der()),
        Harness::trusting(&[&issuer]).outcome(certificate.der()),
    ]
}

fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = client();
    change(&mut params);
    params
}
