//! A partner whose server asks each client for a certificate of the partner's own authority, and answers
//! with the one that it was shown.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio_rustls::rustls::crypto::aws_lc_rs as backend;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

pub(crate) struct Partner {
    authority: CertifiedIssuer<'static, KeyPair>,
    port: u16,
    served: Arc<AtomicUsize>,
}

/// What the partner has issued to the app.
pub(crate) struct Issued {
    /// The key, the certificate and the authority's.
    pub(crate) pem: String,
    pub(crate) key: String,
    /// What the partner answers to whoever shows it.
    pub(crate) fingerprint: String,
}

impl Partner {
    pub(crate) fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key()).expect("an authority");
        let config = Arc::new(config(&authority));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let partner = Self {
            authority,
            port: listener.local_addr().expect("it is bound").port(),
            served: Arc::default(),
        };
        let served = Arc::clone(&partner.served);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (config, served) = (Arc::clone(&config), Arc::clone(&served));
                std::thread::spawn(move || serve(connection, config, &served));
            }
        });
        partner
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn root(&self) -> String {
        self.authority.pem()
    }

    /// How many requests were answered.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    pub(crate) fn issue(&self) -> Issued {
        issued_by(&self.authority)
    }
}

/// Another authority's certificate, which the partner does not know.
pub(crate) fn issued_elsewhere() -> Issued {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    issued_by(&CertifiedIssuer::self_signed(params, key()).expect("an authority"))
}

fn issued_by(authority: &CertifiedIssuer<'static, KeyPair>) -> Issued {
    let key = key();
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = params.signed_by(&key, authority).expect("a certificate");
    Issued {
        pem: [key.serialize_pem(), leaf.pem(), authority.pem()].concat(),
        key: key.serialize_pem(),
        fingerprint: fingerprint(leaf.der()),
    }
}

fn config(authority: &CertifiedIssuer<'static, KeyPair>) -> ServerConfig {
    let provider = Arc::new(backend::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.der().clone())
        .expect("an authority's certificate");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let own = key();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .and_then(|params| params.signed_by(&own, authority))
        .expect("a certificate");
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_client_cert_verifier(verifier.build().expect("there is a root"))
        .with_single_cert(
            vec![server.der().clone()],
            PrivatePkcs8KeyDer::from(own.serialize_der()).into(),
        )
        .expect("the key is the certificate's")
}

/// Answers one request with the fingerprint of the certificate that came with it.
fn serve(mut connection: TcpStream, config: Arc<ServerConfig>, served: &AtomicUsize) {
    let patience = Some(Duration::from_secs(30));
    connection
        .set_read_timeout(patience)
        .expect("a time-out that is not zero");
    let mut session = ServerConnection::new(config).expect("a configuration");
    let mut stream = Stream::new(&mut session, &mut connection);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let shown = stream.conn.peer_certificates().expect("it was asked for");
    let body = fingerprint(&shown[0]);
    served.fetch_add(1, Ordering::SeqCst);
    let length = body.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn fingerprint(der: &[u8]) -> String {
    let digest = digest(&SHA256, der);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}
