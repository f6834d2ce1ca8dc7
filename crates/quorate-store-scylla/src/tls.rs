//! TLS to the database by rustls, with the cryptography that the rest of the process uses.
//!
//! The driver asks for a certificate of the node's IP address, for it knows nodes by nothing else. Where certificates hold
//! names, one name for all nodes is checked instead.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::config::Tls;
use crate::error::ConnectError;

/// Reads the files.
pub(crate) fn client(tls: &Tls) -> Result<Arc<ClientConfig>, ConnectError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.authorities)? {
        roots.add(certificate).map_err(|error| wrong(&tls.authorities, error))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| wrong(&tls.authorities, error))?;
    let verifier: Arc<dyn ServerCertVerifier> = match &tls.server_name {
        None => verifier,
        Some(name) => {
            let server_name = ServerName::try_from(name.clone());
            let server_name = server_name.map_err(|error| named("tls_server_name", error))?;
            Arc::new(OneName {
                server_name,
                inner: verifier,
            })
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| named("protocol versions", error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &tls.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, private)
                .map_err(|error| wrong(certificate, error))?
        }
    };
    Ok(Arc::new(config))
}

/// Certificates of a file; one without any is an error.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|error| wrong(file, error))?
        .collect();
    let all = all.map_err(|error| wrong(file, error))?;
    if all.is_empty() {
        return Err(wrong(file, "it holds no certificate"));
    }
    Ok(all)
}

fn wrong(file: &Path, reason: impl std::fmt::Display) -> ConnectError {
    named(&file.display().to_string(), reason)
}

fn named(what: &str, reason: impl std::fmt::Display) -> ConnectError {
    ConnectError::Tls {
        what: what.to_owned(),
        reason: reason.to_string(),
    }
}

/// Checks everything that is usually checked, but for one name instead of the address that was connected to.
#[derive(Debug)]
struct OneName {
    server_name: ServerName<'static>,
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for OneName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner
            .verify_server_cert(end_entity, intermediates, &self.server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
