//! Addresses are read whole or refused with what is wrong, and no message shows a password.

use std::time::Duration;

use super::{ConfigError, ScyllaConfig};

fn refused(address: &str) -> String {
    let error = ScyllaConfig::parse(address).expect_err(address);
    let (message, debug) = (error.to_string(), format!("{error:?}"));
    for shown in [&message, &debug] {
        assert!(!shown.contains("hunter2"), "the password is shown: {shown}");
        assert!(!shown.contains("nter2"), "part of the password is shown: {shown}");
    }
    message
}

#[test]
fn a_short_address_has_defaults() {
    let config = ScyllaConfig::parse("scylla://db1/quorate").expect("well-formed");
    assert_eq!(config.nodes, ["db1:9042"]);
    assert_eq!(config.keyspace, "quorate");
    assert!(config.credentials.is_none() && config.tls.is_none() && config.datacenter.is_none());
    assert_eq!(config.request_timeout, Duration::from_secs(5));
    assert_eq!(config.describe(), "keyspace quorate on db1:9042");
}

#[test]
fn a_long_address_is_read_whole() {
    let config = ScyllaConfig::parse(
        "scylla://quo%72ate:p%40ss%3A%2Fword@db1,[::1]:9043,10.0.0.3:19042/quota_2?replication=dc1:3,dc2:2&datacenter=dc1\
         &tls_authorities=/etc/ca.pem&tls_certificate=/etc/me.pem&tls_key=/etc/me.key&tls_server_name=db.internal\
         &request_timeout=7s&connect_timeout=1500ms&migration_timeout=2m&in_flight=9\
         &reach=10.0.0.5:9042~203.0.113.7:1,10.0.0.6:9042~203.0.113.7:2",
    )
    .expect("well-formed");
    let credentials = config.credentials.as_ref().expect("given");
    assert_eq!(
        (credentials.user.as_str(), credentials.password.as_str()),
        ("quorate", "p@ss:/word")
    );
    assert_eq!(config.nodes, ["db1:9042", "[::1]:9043", "10.0.0.3:19042"]);
    assert_eq!(
        config
            .replication
            .iter()
            .map(|(name, n)| format!("{name}:{n}"))
            .collect::<Vec<_>>(),
        ["dc1:3", "dc2:2"]
    );
    assert_eq!(config.datacenter.as_deref(), Some("dc1"));
    let tls = config.tls.as_ref().expect("given");
    assert_eq!(tls.server_name.as_deref(), Some("db.internal"));
    assert!(tls.certificate.is_some());
    assert_eq!(config.request_timeout, Duration::from_secs(7));
    assert_eq!(config.connect_timeout, Duration::from_millis(1500));
    assert_eq!(config.migration_timeout, Duration::from_secs(120));
    assert_eq!(config.in_flight_max, 9);
    assert_eq!(config.reach.len(), 2);
    assert!(
        !format!("{config:?} {}", config.describe()).contains("p@ss"),
        "the password is shown"
    );
}

#[test]
fn a_password_with_an_at_sign_is_read_to_the_last_one() {
    let config = ScyllaConfig::parse("scylla://me:a@b@db/quorate").expect("well-formed");
    assert_eq!(config.credentials.expect("given").password, "a@b");
    assert_eq!(config.nodes, ["db:9042"]);
}

#[test]
fn what_is_wrong_is_named_and_the_password_is_not() {
    let cases = [
        ("redis://db/quorate", "must begin with scylla://"),
        ("scylla://me:hunter2@db", "names no keyspace"),
        ("scylla://me:hunter2@/quorate", "a node without a host"),
        ("scylla://me:hunter2@db:0/quorate", "the port of node `db`"),
        ("scylla://me:hunter2@db:70000/quorate", "the port of node `db`"),
        ("scylla://me:hu/nter2@db/quorate", "written %2F"),
        ("scylla://me:hu?nter2@db/quorate", "written %2F"),
        // Whoever forgets the node shows no more than what looks like a host.
        ("scylla://me:hunter2/quorate", "the port of node `me`"),
        ("scylla://hunter2@db/quorate", "a user without a password"),
        ("scylla://:hunter2@db/quorate", "the user is empty"),
        ("scylla://me:hunter2%zz@db/quorate", "a `%` in a user or password"),
        ("scylla://me:hunter2@db/Quorate", "cannot name a keyspace"),
        ("scylla://me:hunter2@db/quorate-1", "cannot name a keyspace"),
        (
            "scylla://me:hunter2@db/quorate?datacentre=dc1",
            "no setting `datacentre`; there are replication",
        ),
        (
            "scylla://me:hunter2@db/quorate?datacenter=",
            "the value of datacenter is empty",
        ),
        (
            "scylla://me:hunter2@db/quorate?datacenter=a&datacenter=b",
            "datacenter is there twice",
        ),
        (
            "scylla://me:hunter2@db/quorate?replication=dc1",
            "`dc1` is not datacenter:copies",
        ),
        (
            "scylla://me:hunter2@db/quorate?replication=dc1:0",
            "`dc1:0` is not datacenter:copies",
        ),
        (
            "scylla://me:hunter2@db/quorate?replication=d'c:1",
            "must not be empty nor hold a quote",
        ),
        (
            "scylla://me:hunter2@db/quorate?request_timeout=5",
            "request_timeout=`5` is no duration",
        ),
        ("scylla://me:hunter2@db/quorate?request_timeout=2999ms", "at least 3 s"),
        (
            "scylla://me:hunter2@db/quorate?in_flight=many",
            "in_flight=`many` is no number",
        ),
        ("scylla://me:hunter2@db/quorate?in_flight=0", "must be more than 0"),
        ("scylla://me:hunter2@db/quorate?tls_key=/k", "go together"),
        (
            "scylla://me:hunter2@db/quorate?tls_server_name=x",
            "tls_authorities is missing",
        ),
        (
            "scylla://me:hunter2@db/quorate?reach=10.0.0.5:9042",
            "is not announced~reached",
        ),
    ];
    for (address, expected) in cases {
        let message = refused(address);
        assert!(message.contains(expected), "{address}: {message}");
    }
}

#[test]
fn a_keyspace_is_as_long_as_the_database_allows() {
    let name = "k".repeat(48);
    assert!(ScyllaConfig::new(vec!["db:9042".to_owned()], &name).is_ok());
    let error = ScyllaConfig::new(vec!["db:9042".to_owned()], &(name + "k")).expect_err("too long");
    assert!(error.to_string().contains("at most 48"), "{error}");
    assert_eq!(
        ScyllaConfig::new(Vec::new(), "quorate").expect_err("no node"),
        ConfigError("names no node".to_owned())
    );
}
