//! Certificates are read, refused when broken, and replaced without a restart.

use std::path::Path;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use super::*;

/// A certificate that signs itself, written where a server looks for it.
fn write_certificate(directory: &Path) -> CertificateDer<'static> {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(directory.join("server.pem"), issued.cert.pem()).expect("it is writable");
    std::fs::write(directory.join("server.key"), issued.signing_key.serialize_pem()).expect("it is writable");
    issued.cert.der().clone()
}

fn files(directory: &Path) -> TlsFiles {
    TlsFiles {
        certificate: directory.join("server.pem"),
        key: directory.join("server.key"),
        client_authorities: None,
        client_authentication: ClientAuthentication::default(),
    }
}

/// Shakes hands in memory; the certificate that the server showed and the protocol that was agreed on.
async fn shake_hands(tls: &Tls, trusted: &CertificateDer<'static>) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("it is a certificate");
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, near);
    let (client, _server) = tokio::join!(connecting, tls.acceptor().accept(far));
    let client = client.map_err(|error| error.to_string())?;
    let connection = client.get_ref().1;
    let shown = connection
        .peer_certificates()
        .and_then(<[_]>::first)
        .expect("a server shows one");
    Ok((shown.to_vec(), connection.alpn_protocol().map(<[u8]>::to_vec)))
}

#[tokio::test]
async fn a_certificate_is_replaced_for_the_next_connection() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = write_certificate(directory.path());
    let tls = Tls::load(files(directory.path()), Protocols::Grpc).expect("the files are good");
    let (shown, protocol) = shake_hands(&tls, &first).await.expect("it is trusted");
    assert_eq!(shown, first.to_vec());
    assert_eq!(protocol.as_deref(), Some(b"h2".as_slice()));

    let second = write_certificate(directory.path());
    assert!(shake_hands(&tls, &second).await.is_err(), "nothing was reloaded yet");
    tls.reload().expect("the files are good");
    let (shown, _) = shake_hands(&tls, &second).await.expect("it is trusted");
    assert_eq!(shown, second.to_vec());
}

#[tokio::test]
async fn a_broken_certificate_keeps_the_old_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = write_certificate(directory.path());
    let tls = Tls::load(files(directory.path()), Protocols::Web).expect("the files are good");
    std::fs::write(directory.path().join("server.pem"), "nothing of that kind").expect("it is writable");
    let error = tls.reload().expect_err("the file is broken");
    assert!(
        matches!(
            error,
            TlsError::Empty {
                what: "certificate",
                ..
            }
        ),
        "{error}"
    );
    shake_hands(&tls, &first).await.expect("the old one is in force");
}

#[test]
fn a_certificate_that_has_expired_is_taken_and_told() {
    let directory = tempfile::tempdir().expect("a directory");
    write_certificate(directory.path());
    let tls = Tls::load(files(directory.path()), Protocols::Grpc).expect("the files are good");
    assert!(!tls.is_out_of_date());
    let key = rcgen::KeyPair::generate().expect("a key");
    for (year, out_of_date) in [(2_001, true), (4_000, false)] {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        parameters.not_before = rcgen::date_time_ymd(2_000, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        std::fs::write(directory.path().join("server.pem"), certificate.pem()).expect("it is writable");
        std::fs::write(directory.path().join("server.key"), key.serialize_pem()).expect("it is writable");
        tls.reload().expect("the pair is good");
        assert_eq!(tls.is_out_of_date(), out_of_date, "{year}");
    }
}

#[test]
fn what_is_wrong_with_files_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = files(directory.path());
    let problem = |files: TlsFiles| Tls::load(files, Protocols::Grpc).expect_err("something is wrong");
    assert!(matches!(problem(good.clone()), TlsError::Read { .. }));
    write_certificate(directory.path());
    let other = rcgen::KeyPair::generate().expect("a key");
    let other_key = directory.path().join("other.key");
    std::fs::write(&other_key, other.serialize_pem()).expect("it is writable");
    let mismatched = TlsFiles {
        key: other_key,
        ..good.clone()
    };
    assert!(matches!(problem(mismatched), TlsError::Pair { .. }));
    let no_key = TlsFiles {
        key: good.certificate.clone(),
        ..good.clone()
    };
    assert!(matches!(
        problem(no_key),
        TlsError::Empty {
            what: "private key",
            ..
        }
    ));
    let broken_authority = TlsFiles {
        client_authorities: Some(directory.path().join("server.key")),
        ..good.clone()
    };
    assert!(matches!(problem(broken_authority), TlsError::Empty { .. }));
}
