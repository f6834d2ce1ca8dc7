//! From PEM files to a configuration of rustls.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{ClientAuthentication, Current, Protocols, TlsError, TlsFiles, provider};

/// What the files say now.
pub(super) fn read(files: &TlsFiles, protocols: Protocols) -> Result<Current, TlsError> {
    let chain = certificates(&files.certificate)?;
    let valid_unix_s = chain.first().map_or(ALWAYS, validity);
    let key = private_key(&files.key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| pair(files, source))?;
    let builder = match client_verifier(files)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|source| pair(files, source))?;
    config.alpn_protocols = protocols.alpn();
    Ok(Current {
        config: Arc::new(config),
        valid_unix_s,
    })
}

/// Of a certificate that does not say.
const ALWAYS: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// When a certificate is valid.
fn validity(certificate: &CertificateDer<'_>) -> RangeInclusive<i64> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return ALWAYS;
    };
    let validity = certificate.validity();
    validity.not_before.timestamp()..=validity.not_after.timestamp()
}

fn pair(files: &TlsFiles, source: rustls::Error) -> TlsError {
    TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    }
}

fn client_verifier(files: &TlsFiles) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let Some(path) = &files.client_authorities else {
        return Ok(None);
    };
    let malformed = |reason: String| TlsError::Malformed {
        path: path.clone(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| malformed(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = match files.client_authentication {
        ClientAuthentication::Required => builder,
        ClientAuthentication::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map(Some).map_err(|error| malformed(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = bytes(path)?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem(path, "certificate", &error))?;
    if certificates.is_empty() {
        return Err(pem(path, "certificate", &PemError::NoItemsFound));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&bytes(path)?).map_err(|error| pem(path, "private key", &error))
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn pem(path: &Path, what: &'static str, error: &PemError) -> TlsError {
    let path = path.to_owned();
    match error {
        PemError::NoItemsFound => TlsError::Empty { path, what },
        other => TlsError::Malformed {
            path,
            reason: other.to_string(),
        },
    }
}
