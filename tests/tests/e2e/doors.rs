//! The doors of the server: TLS, client identities, Unix sockets, and what is refused at them.

use std::path::Path;
use std::process::Command;

use quorate_api::v1::Reason;
use rustix::process::Signal;
use serde_json::json;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request};

use crate::harness::binary;
use crate::harness::certificates::{Authority, Identity};
use crate::harness::client::within;
use crate::harness::command::run;
use crate::harness::http::{Reply, send};
use crate::harness::{AskExt, Client, Launch, Server, ask, policy, time};

/// Gives a server its certificate.
fn with_certificate(launch: Launch, identity: &Identity) -> Launch {
    let certificate = launch.file("server.pem", &identity.certificate);
    let key = launch.file("server.key", &identity.key);
    launch
        .arg("--tls-certificate")
        .arg(certificate)
        .arg("--tls-key")
        .arg(key)
}

/// Connects over TLS, trusting one authority, with a certificate or without.
async fn connect(
    server: &Server,
    trusted: &str,
    identity: Option<&Identity>,
) -> Result<Channel, tonic::transport::Error> {
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(trusted))
        .domain_name("localhost");
    if let Some(identity) = identity {
        tls = tls.identity(tonic::transport::Identity::from_pem(
            &identity.certificate,
            &identity.key,
        ));
    }
    let endpoint = Endpoint::from_shared(format!("https://{}", server.grpc())).expect("an address is a URI");
    within(endpoint.tls_config(tls)?.connect()).await
}

/// Whether a decision can be had over TLS: with TLS 1.3 a client learns only from its first call that its certificate
/// was not good enough.
async fn is_served(server: &Server, trusted: &str, identity: Option<&Identity>) -> bool {
    let Ok(channel) = connect(server, trusted, identity).await else {
        return false;
    };
    within(Client::of(channel).inner.should_allow(ask("k").of("o")))
        .await
        .is_ok()
}

#[tokio::test]
async fn tls_is_spoken_to_who_trusts_it_and_nothing_else_is() {
    let authority = Authority::new();
    let server = with_certificate(Launch::plain(), &authority.server()).start();
    assert!(is_served(&server, &authority.pem, None).await);
    assert!(
        !is_served(&server, &Authority::new().pem, None).await,
        "another authority is not trusted"
    );
    let clear = Endpoint::from_shared(format!("http://{}", server.grpc()))
        .expect("a URI")
        .connect_lazy();
    let refused = within(Client::of(clear).inner.should_allow(ask("k"))).await;
    assert!(refused.is_err(), "clear text is not spoken");
}

#[tokio::test]
async fn commands_trust_what_the_platform_does() {
    let authority = Authority::new();
    let launch = with_certificate(Launch::plain(), &authority.server());
    let trusted = launch.file("platform.pem", &authority.pem);
    let server = launch.start();
    let address = server.grpc().to_string();
    let ask = |more: &[&str]| {
        let mut command = Command::new(binary());
        command.args(["health", "--json", "--deadline", "1m", "--server", &address]);
        command.args(["--tls-server-name", "localhost"]).args(more);
        run(command.env("SSL_CERT_FILE", &trusted).env_remove("SSL_CERT_DIR"))
    };
    let asked = ask(&["--tls"]);
    assert_eq!(asked.exits(0).json(), json!({ "status": "SERVING" }));
    let other = server.path("other.pem");
    std::fs::write(&other, Authority::new().pem).expect("a file");
    let other = other.display().to_string();
    ask(&["--tls-ca", &other]).exits(3);
}

#[tokio::test]
async fn http_is_within_tls_too() {
    let authority = Authority::new();
    let server = with_certificate(Launch::plain(), &authority.server()).start();
    let reply = crate::harness::http::get_tls(server.http(), &authority.pem, "/healthz").await;
    assert_eq!(reply.status, 200);
    let clear = crate::harness::http::raw(server.http(), b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!clear.starts_with("HTTP/1.1 2"), "{clear}");
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_open_connections_stay() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = with_certificate(Launch::plain(), &old.server()).start();
    let client = Client::of(connect(&server, &old.pem, None).await.expect("trusted"));
    client.allowed(ask("k").of("o")).await;
    let identity = new.server();
    crate::harness::server::replace(&server.path("server.key"), &identity.key);
    crate::harness::server::replace(&server.path("server.pem"), &identity.certificate);
    server.signal(Signal::HUP);
    time::eventually("the new certificate", || async {
        is_served(&server, &new.pem, None).await.then_some(())
    })
    .await;
    assert!(
        !is_served(&server, &old.pem, None).await,
        "new connections get the new one"
    );
    client.allowed(ask("k").of("o")).await;

    // A broken one is not taken.
    crate::harness::server::replace(&server.path("server.pem"), "no certificate at all");
    server.signal(Signal::HUP);
    time::eventually("the refusal", || async {
        server.words().contains("server.pem").then_some(())
    })
    .await;
    assert!(is_served(&server, &new.pem, None).await);
}

#[tokio::test]
async fn with_client_authorities_only_their_clients_are_served() {
    let authority = Authority::new();
    let launch = with_certificate(Launch::plain(), &authority.server());
    let trusted = launch.file("clients.pem", &authority.pem);
    let server = launch.arg("--tls-client-authorities").arg(trusted).start();
    assert!(is_served(&server, &authority.pem, Some(&authority.client("gateway"))).await);
    assert!(!is_served(&server, &authority.pem, None).await, "no certificate");
    let stranger = Authority::new().client("gateway");
    assert!(
        !is_served(&server, &authority.pem, Some(&stranger)).await,
        "of another authority"
    );
}

fn config(launch: &Launch, callers: &str) -> std::path::PathBuf {
    launch.file("quorate.toml", callers)
}

/// One call with a bearer token.
async fn ask_as(client: &Client, token: Option<&str>, org: &str) -> Result<bool, Code> {
    let mut request = Request::new(ask("k").of(org));
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().expect("a header");
        request.metadata_mut().insert("authorization", value);
    }
    let answer = within(client.inner.clone().should_allow(request)).await;
    answer
        .map(|answer| answer.get_ref().allowed)
        .map_err(|status| status.code())
}

const CALLERS: &str = r#"
[[callers]]
name = "gateway of acme"
orgs = ["acme"]
token_file = "TOKEN"

[[callers]]
name = "operator"
orgs = ["*"]
certificate_names = ["operator.example"]
"#;

#[tokio::test]
async fn a_token_is_good_for_its_orgs_only() {
    let launch = Launch::with(policy::one_limit(100, "1h"));
    let token = launch.file("token", "a-secret-token\n");
    let callers = CALLERS.split("[[callers]]").nth(1).expect("the first caller");
    let callers = format!("[[callers]]{}", callers.replace("TOKEN", &token.display().to_string()));
    let config = config(&launch, &callers);
    let server = launch.arg("--config").arg(config).start();
    let client = server.client().await;
    let token = Some("a-secret-token");
    assert_eq!(ask_as(&client, token, "acme").await, Ok(true));
    assert_eq!(ask_as(&client, token, "other").await, Err(Code::PermissionDenied));
    assert_eq!(ask_as(&client, None, "acme").await, Err(Code::Unauthenticated));
    assert_eq!(
        ask_as(&client, Some("a-wrong-token"), "acme").await,
        Err(Code::Unauthenticated)
    );

    // The same over HTTP.
    let address = server.http();
    let over_http = |token: &'static str, org: &'static str| async move {
        let headers = [("content-type", "application/json"), ("authorization", token)];
        let body = json!({ "key": "k", "org": org }).to_string().into();
        send(address, http::Method::POST, "/v1/should-allow", &headers, body).await
    };
    let status = |reply: Reply| reply.status.as_u16();
    assert_eq!(status(over_http("Bearer a-secret-token", "acme").await), 200);
    assert_eq!(status(over_http("Bearer a-secret-token", "other").await), 403);
    assert_eq!(status(over_http("Bearer nonsense", "acme").await), 401);
}

#[tokio::test]
async fn a_certificate_says_who_calls() {
    let authority = Authority::new();
    let launch = with_certificate(Launch::with(policy::one_limit(100, "1h")), &authority.server());
    let trusted = launch.file("clients.pem", &authority.pem);
    let token = launch.file("token", "a-secret-token");
    let config = config(&launch, &CALLERS.replace("TOKEN", &token.display().to_string()));
    let server = launch
        .arg("--tls-client-authorities")
        .arg(trusted)
        .args(["--tls-client-authentication", "optional", "--config"])
        .arg(config)
        .start();
    let operator = authority.client("operator.example");
    let operator = Client::of(
        connect(&server, &authority.pem, Some(&operator))
            .await
            .expect("trusted"),
    );
    assert_eq!(ask_as(&operator, None, "acme").await, Ok(true));
    assert_eq!(ask_as(&operator, None, "other").await, Ok(true));
    let unknown = authority.client("somebody.example");
    let unknown = Client::of(connect(&server, &authority.pem, Some(&unknown)).await.expect("trusted"));
    assert_eq!(ask_as(&unknown, None, "acme").await, Err(Code::Unauthenticated));
    let token = Client::of(connect(&server, &authority.pem, None).await.expect("trusted"));
    assert_eq!(ask_as(&token, Some("a-secret-token"), "acme").await, Ok(true));
    assert_eq!(
        ask_as(&token, Some("a-secret-token"), "other").await,
        Err(Code::PermissionDenied)
    );
}

#[tokio::test]
async fn a_unix_socket_is_a_door_too_and_is_gone_afterwards() {
    let launch = Launch::with(policy::one_limit(3, "1h"));
    let socket = launch.path("quorate.sock");
    let mut server = launch.args(["--drain-delay", "0", "--uds"]).arg(&socket).start();
    let over_unix = Client::connect_unix(socket.clone()).await;
    over_unix.allowed(ask("k").of("o").costing(2)).await;
    let over_tcp = server.client().await;
    over_tcp.allowed(ask("k").of("o")).await;
    over_unix.denied(ask("k").of("o"), Reason::RateLimited).await;
    drop((over_unix, over_tcp));
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    assert!(!Path::new(&socket).exists(), "no stale socket is left");
}

#[test]
fn a_bind_beyond_loopback_wants_tls_or_insecure() {
    for flag in ["--grpc-listen", "--http-listen"] {
        let (code, words) = Launch::bare().args([flag, "0.0.0.0:0"]).refused();
        assert!(code.is_some_and(|code| code != 0), "{words}");
        assert!(words.contains("--insecure") && words.contains(flag), "{words}");
    }
    let beyond = ["--grpc-listen", "0.0.0.0:0", "--http-listen", "0.0.0.0:0"];
    drop(Launch::bare().args(beyond).arg("--insecure").start());
    let identity = Authority::new().server();
    drop(with_certificate(Launch::bare().args(beyond), &identity).start());
}

#[test]
fn every_problem_of_the_configuration_is_told_at_once() {
    let launch = Launch::bare().args([
        "--grpc-listen",
        "nowhere",
        "--idle-timeout",
        "soon",
        "--memory-max",
        "lots",
    ]);
    let (code, words) = launch.refused();
    assert!(code.is_some_and(|code| code != 0), "{words}");
    for problem in ["nowhere", "soon", "lots"] {
        assert!(words.contains(problem), "{problem} is not told: {words}");
    }
}
