//! Reads a `scylla://` address.
//!
//! Messages name the part that is wrong. They repeat only what cannot be part of a user's name or password: what comes
//! after the last `@`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use super::{ConfigError, Credentials, PORT, ScyllaConfig, Tls};

/// What an address begins with. Both mean the same: the driver finds out what it talks to.
const SCHEMES: [&str; 2] = ["scylla://", "cassandra://"];

/// Every setting.
const SETTINGS: [&str; 11] = [
    "replication",
    "datacenter",
    "tls_authorities",
    "tls_certificate",
    "tls_key",
    "tls_server_name",
    "request_timeout",
    "connect_timeout",
    "migration_timeout",
    "in_flight",
    "reach",
];

type Settings<'a> = BTreeMap<&'a str, String>;

pub(super) fn parse(address: &str) -> Result<ScyllaConfig, ConfigError> {
    let Some(rest) = SCHEMES.iter().find_map(|scheme| address.strip_prefix(scheme)) else {
        return fail("must begin with scylla:// or cassandra://");
    };
    // Credentials end at the last `@`: what follows is never part of a password. One that holds `/` or `?` unescaped
    // would be cut in the middle, and its second half taken for a keyspace.
    let (login, place) = rest
        .rsplit_once('@')
        .map_or((None, rest), |(login, place)| (Some(login), place));
    if login.is_some_and(|login| login.contains(['/', '?', '#'])) {
        return fail("`/`, `?`, `#` and `@` in a user or password are written %2F, %3F, %23 and %40, as anywhere else");
    }
    let credentials = login.map(credentials).transpose()?;
    let (nodes, path) = place.split_once('/').map_or((place, ""), |(nodes, path)| (nodes, path));
    let (keyspace, query) = path
        .split_once('?')
        .map_or((path, ""), |(keyspace, query)| (keyspace, query));
    if keyspace.is_empty() {
        return fail("names no keyspace: scylla://host:9042/keyspace");
    }
    let mut config = ScyllaConfig::new(self::nodes(nodes)?, keyspace)?;
    config.credentials = credentials;
    apply(&mut config, &settings(query)?)?;
    config.check()?;
    Ok(config)
}

fn credentials(login: &str) -> Result<Credentials, ConfigError> {
    let Some((user, password)) = login.split_once(':') else {
        return fail("a user without a password: scylla://user:password@host");
    };
    let Some((user, password)) = unescape(user).zip(unescape(password)) else {
        return fail("a `%` in a user or password is not followed by two hex digits, or it is no text");
    };
    if user.is_empty() {
        return fail("the user is empty");
    }
    Ok(Credentials { user, password })
}

fn nodes(list: &str) -> Result<Vec<String>, ConfigError> {
    list.split(',').map(node).collect()
}

/// `host`, `host:port`, `[::1]`, `[::1]:port`.
fn node(node: &str) -> Result<String, ConfigError> {
    let colon = match node.rfind(']') {
        Some(end) => node[end..].find(':').map(|at| end + at),
        None => node.find(':'),
    };
    let (host, port) = colon.map_or((node, None), |at| (&node[..at], Some(&node[at + 1..])));
    if host.is_empty() {
        return fail("a node without a host");
    }
    let port = port.map_or(Ok(PORT), |port| port.parse().map(NonZeroU16::get));
    let Ok(port) = port else {
        return fail(format!("the port of node `{host}` is no number from 1 to 65535"));
    };
    Ok(format!("{host}:{port}"))
}

fn settings(query: &str) -> Result<Settings<'_>, ConfigError> {
    let mut settings = Settings::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = SETTINGS.into_iter().find(|known| *known == name) else {
            return fail(format!("no setting `{name}`; there are {}", SETTINGS.join(", ")));
        };
        let Some(value) = unescape(value).filter(|value| !value.is_empty()) else {
            return fail(format!(
                "the value of {name} is empty, or a `%` in it begins no hex digits"
            ));
        };
        if settings.insert(name, value).is_some() {
            return fail(format!("{name} is there twice"));
        }
    }
    Ok(settings)
}

fn apply(config: &mut ScyllaConfig, settings: &Settings<'_>) -> Result<(), ConfigError> {
    config.datacenter = settings.get("datacenter").cloned();
    for (name, field) in [
        ("request_timeout", &mut config.request_timeout),
        ("connect_timeout", &mut config.connect_timeout),
        ("migration_timeout", &mut config.migration_timeout),
    ] {
        if let Some(value) = settings.get(name) {
            let read = duration(value);
            *field =
                read.ok_or_else(|| ConfigError(format!("{name}=`{value}` is no duration such as 5s or 1500ms")))?;
        }
    }
    if let Some(value) = settings.get("in_flight") {
        let read = value.parse().ok();
        config.in_flight_max = read.ok_or_else(|| ConfigError(format!("in_flight=`{value}` is no number")))?;
    }
    for pair in settings.get("replication").iter().flat_map(|list| list.split(',')) {
        let read = pair
            .split_once(':')
            .and_then(|(name, copies)| Some((name, copies.parse().ok()?)));
        let Some((name, copies)) = read else {
            return fail(format!("replication: `{pair}` is not datacenter:copies, such as dc1:3"));
        };
        config.replication.insert(name.to_owned(), copies);
    }
    for pair in settings.get("reach").iter().flat_map(|list| list.split(',')) {
        let read = pair.split_once('~').and_then(|(announced, reached)| {
            Some((
                announced.parse::<SocketAddr>().ok()?,
                reached.parse::<SocketAddr>().ok()?,
            ))
        });
        let Some((announced, reached)) = read else {
            return fail(format!(
                "reach: `{pair}` is not announced~reached, such as 10.0.0.5:9042~203.0.113.7:9042"
            ));
        };
        config.reach.insert(announced, reached);
    }
    config.tls = tls(settings)?;
    Ok(())
}

fn tls(settings: &Settings<'_>) -> Result<Option<Tls>, ConfigError> {
    let path = |name: &str| settings.get(name).map(PathBuf::from);
    let certificate = match (path("tls_certificate"), path("tls_key")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return fail("tls_certificate and tls_key go together"),
    };
    let server_name = settings.get("tls_server_name").cloned();
    match path("tls_authorities") {
        Some(authorities) => Ok(Some(Tls {
            authorities,
            certificate,
            server_name,
        })),
        None if certificate.is_none() && server_name.is_none() => Ok(None),
        None => fail("tls_authorities is missing: the authorities that nodes' certificates must come from"),
    }
}

/// `5s`, `1500ms`, `2m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

/// Resolves `%xx`.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let plain = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = str::from_utf8(digits).ok().filter(|_| plain)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn fail<T>(why: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(why.into()))
}
