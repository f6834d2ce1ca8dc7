//! What does not fit is refused with what is wrong, at once and without a password: no such host, no such user, no
//! encryption, no keyspace, no datacenter.

use std::net::SocketAddr;

use quorate_store::Store as _;
use quorate_store_scylla::ConnectError;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::cassandra::{self, Node};
use crate::stores::{self, DEADLINE, PATIENT};

async fn refused(url: &str) -> (ConnectError, String) {
    let error = stores::connect(url)
        .await
        .err()
        .unwrap_or_else(|| panic!("{url} was taken"));
    let words = format!("{error}\n{error:?}");
    assert!(!words.contains("hunter2"), "the password is shown: {words}");
    (error, words)
}

#[tokio::test]
async fn a_host_that_nobody_answers_at() {
    // A port that was free a moment ago, on an address of this machine.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    let (error, words) = refused(&format!("scylla://me:hunter2@{address}/quorate")).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{words}");
    assert!(words.contains(&address.to_string()), "{words}");
    let (error, words) = refused("scylla://me:hunter2@no-such-host.invalid/quorate").await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{words}");
    assert!(words.contains("no-such-host.invalid"), "{words}");
}

#[tokio::test]
async fn a_keyspace_that_is_not_there_and_is_not_to_be_made() {
    let node = cassandra::shared();
    let keyspace = stores::own_keyspace();
    let (error, words) = refused(&format!("scylla://{node}/{keyspace}?{}", &PATIENT[1..])).await;
    assert!(matches!(error, ConnectError::NoKeyspace { .. }), "{words}");
    assert!(words.contains(&keyspace) && words.contains("datacenter1:"), "{words}");
    let url = format!("scylla://{node}/{keyspace}?replication=datacentre1:1{PATIENT}");
    let (error, words) = refused(&url).await;
    assert!(matches!(error, ConnectError::Datacenter { .. }), "{words}");
    assert!(
        words.contains("`datacentre1`") && words.contains("datacenter1"),
        "{words}"
    );
}

#[tokio::test]
async fn a_datacenter_that_is_not_there() {
    let settings = format!("{PATIENT}&datacenter=elsewhere");
    let url = stores::url(cassandra::shared(), &stores::shared_keyspace(), &settings);
    let (error, words) = refused(&url).await;
    assert!(matches!(error, ConnectError::Datacenter { .. }), "{words}");
    assert!(
        words.contains("`elsewhere`") && words.contains("datacenter1"),
        "{words}"
    );
    let right = stores::url(
        cassandra::shared(),
        &stores::shared_keyspace(),
        &format!("{PATIENT}&datacenter=datacenter1"),
    );
    let store = stores::connected(&right).await;
    assert!(!store.describe().contains('@'), "{}", store.describe());
}

/// One node that wants a password and a certificate, since it takes a while to start: all that can be wrong with either.
#[tokio::test]
async fn passwords_and_certificates() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (node_certificate, node_key) = ours.certify("db.quorate.test");
    let (my_certificate, my_key) = ours.certify("me.quorate.test");
    let (other_certificate, other_key) = theirs.certify("me.quorate.test");
    let more = format!(
        "authenticator: PasswordAuthenticator\n\
         client_encryption_options:\n  enabled: true\n  optional: false\n  require_client_auth: true\n  \
         ssl_context_factory:\n    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory\n    \
         parameters:\n      private_key: |\n{}{}      trusted_certificates: |\n{}",
        indented(&node_key),
        indented(&node_certificate),
        indented(&ours.pem),
    );
    let starting = tokio::task::spawn_blocking(move || Node::start_encrypted(&more));
    let node = starting.await.expect("it starts");
    let folder = TempDir::new().expect("a folder of its own");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder can be written to");
        path.display().to_string()
    };
    let (authority, stranger) = (file("ours.pem", &ours.pem), file("theirs.pem", &theirs.pem));
    let (me, me_key) = (file("me.pem", &my_certificate), file("me.key", &my_key));
    let (other, other_key) = (file("other.pem", &other_certificate), file("other.key", &other_key));
    let trusting = format!("&tls_authorities={authority}&tls_server_name=db.quorate.test");
    let known = format!("{trusting}&tls_certificate={me}&tls_key={me_key}");
    let keyspace = stores::own_keyspace();
    let address = |login: &str, settings: &str| url(login, node.address(), &keyspace, settings);

    // The first user comes to be a moment after the node answers.
    let until = tokio::time::Instant::now() + DEADLINE;
    let right = address("cassandra:cassandra@", &known);
    while let Err(error) = stores::connect(&right).await {
        assert!(tokio::time::Instant::now() < until, "{error}");
        stores::pause().await;
    }

    let (error, words) = refused(&address("cassandra:hunter2@", &known)).await;
    assert!(matches!(error, ConnectError::Credentials { .. }), "{words}");
    assert!(words.contains("`cassandra`"), "{words}");
    let (error, words) = refused(&address("", &known)).await;
    assert!(matches!(error, ConnectError::NoCredentials { .. }), "{words}");

    let login = "cassandra:cassandra@";
    // Without encryption the node hangs up; without its certificate it refuses in the handshake.
    let unreachable = [
        String::new(),
        trusting.clone(),
        format!("{trusting}&tls_certificate={other}&tls_key={other_key}"),
        // Somebody else's authority, another name, and the address, which the certificate does not hold.
        format!("&tls_authorities={stranger}&tls_server_name=db.quorate.test&tls_certificate={me}&tls_key={me_key}"),
        format!("&tls_authorities={authority}&tls_server_name=other.test&tls_certificate={me}&tls_key={me_key}"),
        format!("&tls_authorities={authority}&tls_certificate={me}&tls_key={me_key}"),
    ];
    for settings in unreachable {
        let settings = format!("&connect_timeout=60s{settings}");
        let (error, words) = refused(&address(login, &settings)).await;
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{settings}: {words}");
    }
    for (settings, what) in [
        ("&tls_authorities=/nowhere.pem".to_owned(), "/nowhere.pem".to_owned()),
        (format!("&tls_authorities={me_key}"), me_key.clone()),
        (
            format!("&tls_authorities={authority}&tls_certificate={me}&tls_key={other_key}"),
            me.clone(),
        ),
    ] {
        let (error, words) = refused(&address(login, &settings)).await;
        assert!(matches!(error, ConnectError::Tls { .. }), "{settings}: {words}");
        assert!(words.contains(&what), "{words}");
    }
}

fn url(login: &str, node: SocketAddr, keyspace: &str, settings: &str) -> String {
    let patient = if settings.contains("connect_timeout") {
        ""
    } else {
        PATIENT
    };
    format!("scylla://{login}{node}/{keyspace}?replication=datacenter1:1{patient}{settings}")
}

/// A text as a block of YAML below two levels.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}\n")).collect()
}

/// Signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate and its key.
    fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let signed = params.signed_by(&key, &self.issuer).expect("signed");
        (signed.pem(), key.serialize_pem())
    }
}
