//! TLS and mTLS, with certificates made for the test.

use quorate_client::{Ask, Cause, Client, Config, Source, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::fake::{Fake, PATIENCE};

struct Issued {
    chain: String,
    key: String,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    // The server of these tests wants to be told too, where a program links more than one provider.
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signs itself")
}

fn issue(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Issued {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("signs");
    Issued {
        chain: certificate.pem(),
        key: key.serialize_pem(),
    }
}

async fn source(fake: &Fake, tls: Tls) -> Source {
    let config = Config::new(fake.url()).deadline(PATIENCE).tls(tls);
    let client = Client::new(config).expect("a good configuration");
    client.should_allow(Ask::key("k")).await.expect("answered").source
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_its_name() {
    let ours = authority();
    let issued = issue(&ours, "limits.test");
    let fake = Fake::secure(ServerTlsConfig::new().identity(Identity::from_pem(&issued.chain, &issued.key)));

    let good = Tls::new().authority(ours.pem()).server_name("limits.test");
    assert_eq!(source(&fake, good).await, Source::Decided);

    let other_name = Tls::new().authority(ours.pem()).server_name("other.test");
    let other_authority = Tls::new().authority(authority().pem()).server_name("limits.test");
    for distrusted in [other_name, other_authority] {
        let source = source(&fake, distrusted).await;
        assert!(
            matches!(source, Source::FailedClosed(Cause::Unreachable(_))),
            "{source:?}"
        );
    }
}

#[tokio::test]
async fn a_caller_shows_a_certificate() {
    let ours = authority();
    let server = issue(&ours, "limits.test");
    let caller = issue(&ours, "caller.test");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(&server.chain, &server.key))
        .client_ca_root(Certificate::from_pem(ours.pem()));
    let fake = Fake::secure(tls);

    let anonymous = Tls::new().authority(ours.pem()).server_name("limits.test");
    let known = anonymous.clone().identity(caller.chain, caller.key);
    assert_eq!(source(&fake, known).await, Source::Decided);
    let refused = source(&fake, anonymous).await;
    assert!(
        matches!(
            refused,
            Source::FailedClosed(Cause::Unreachable(_) | Cause::Disconnected(_))
        ),
        "{refused:?}"
    );
}
