//! Understands what was said: every setting, then what must hold between them.

mod envoy;

use std::path::PathBuf;
use std::time::Duration;

use super::layers::{Layers, Raw};
use super::print::{Effective, Value};
use super::problem::{Problem, Problems};
use super::settings::{self, SETTINGS, Setting};
use super::values::{address, boolean, duration, integer, kept, size, word};
use super::{Config, NodeSettings, TelemetrySettings, callers};
use crate::listen::{ClientAuthentication, ConnectionLimits, KEPT_BYTES_MAX, TlsFiles};
use crate::store::{Address, StoreChoice};
use crate::telemetry::logs::{self, LogFormat};

/// More threads than any machine has cores: a typing error.
const DATA_THREADS_MAX: u64 = 1_024;

/// The smallest useful message: one request with every string at its longest fits.
const MESSAGE_BYTES_MIN: u64 = 16 * 1_024;

/// The largest message that HTTP/2 framing of gRPC can announce.
const MESSAGE_BYTES_MAX: u64 = 1 << 30;

/// The smallest bound on memory with which tables can be made at all.
const MEMORY_MIN: u64 = 1 << 20;
/// The part of it that undeclared keys of one org may take when nobody says otherwise, as 1 / this.
const ORG_MEMORY_SHARE: u64 = 4;

/// Timers below this would be busy loops.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

pub(super) fn read(layers: &Layers) -> Result<(Config, Effective), Problems> {
    let mut reader = Reader {
        layers,
        problems: layers.problems.clone(),
    };
    let config = reader.config();
    reader.check_together(&config);
    if !reader.problems.is_empty() {
        return Err(Problems(reader.problems));
    }
    let values = SETTINGS.iter().map(|setting| {
        let raw = reader.raw(setting);
        // A default that does not count must not be given back as if somebody had said it.
        let counts = setting.key != settings::envoy::AUTHZ_KEY_HEADER.key || config.authz.key_header.is_some();
        Value {
            setting,
            texts: if counts { raw.texts } else { Vec::new() },
            origin: raw.origin,
        }
    });
    let effective = Effective {
        values: values.collect(),
        callers: config.callers.clone(),
    };
    Ok((config, effective))
}

struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let message_bytes_max = self.get(&settings::MESSAGE_BYTES, |text| {
            wide(bounded(size(text)?, MESSAGE_BYTES_MIN..=MESSAGE_BYTES_MAX)?)
        });
        Config {
            policy: self
                .raw(&settings::POLICY)
                .texts
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            data_threads: self.get(&settings::DATA_THREADS, data_threads),
            grpc_listen: self.get(&settings::GRPC_LISTEN, address),
            grpc_unix_socket: self.path(&settings::GRPC_UNIX_SOCKET),
            http_listen: self.get(&settings::HTTP_LISTEN, address),
            tls: self.tls(),
            callers: callers::read(self.layers, &mut self.problems),
            connections: self.connections(message_bytes_max),
            in_flight_max: self.get(&settings::IN_FLIGHT, |text| count(text, 1..=u64::from(u32::MAX))),
            message_bytes_max,
            drain_delay: self.get(&settings::DRAIN_DELAY, duration),
            drain_timeout: self.get(&settings::DRAIN_TIMEOUT, duration),
            keep_timeout: self.get(&settings::KEEP_TIMEOUT, duration),
            node: self.node(),
            store: self.store(),
            unshared_windows: self.get(&settings::UNSHARED_WINDOWS, boolean),
            usage_kept: self.get(&settings::USAGE_KEEP, kept),
            envoy: self.envoy(),
            authz: self.authz(),
            telemetry: self.telemetry(),
        }
    }

    fn store(&mut self) -> StoreChoice {
        let directory = self.get(&settings::DATA_DIR, |text| Ok(PathBuf::from(text)));
        self.get(&settings::STORE, |text| match text {
            "embedded" => Ok(StoreChoice::Embedded(directory.clone())),
            "none" => Ok(StoreChoice::Nowhere),
            _ if text.starts_with("scylla://") => match Address::parse(text) {
                Ok(address) => Ok(StoreChoice::Cluster(address)),
                Err(error) => Err(error.to_string()),
            },
            // Not repeated: it may hold a password.
            _ => Err("it is neither `embedded`, nor `none`, nor `scylla://…`".to_owned()),
        })
    }

    fn connections(&mut self, message_bytes_max: usize) -> ConnectionLimits {
        let interval = |text: &str| at_least(duration(text)?, INTERVAL_MIN);
        ConnectionLimits {
            connections_max: self.get(&settings::CONNECTIONS, |text| count(text, 1..=u64::from(u32::MAX))),
            streams_max: self.get(&settings::STREAMS, |text| narrow(bounded(integer(text)?, 1..=100_000)?)),
            header_bytes_max: self.get(&settings::HEADER_BYTES, |text| {
                narrow(bounded(size(text)?, 1_024..=1 << 20)?)
            }),
            idle_timeout: self.get(&settings::IDLE_TIMEOUT, interval),
            keepalive_interval: self.get(&settings::KEEPALIVE_INTERVAL, interval),
            keepalive_timeout: self.get(&settings::KEEPALIVE_TIMEOUT, interval),
            // One message at its largest must always fit, and the answer to another.
            kept_bytes_max: message_bytes_max.saturating_mul(2).max(KEPT_BYTES_MAX),
        }
    }

    fn telemetry(&mut self) -> TelemetrySettings {
        let formats = [
            ("auto", LogFormat::Auto),
            ("text", LogFormat::Text),
            ("json", LogFormat::Json),
        ];
        let filter = |text: &str| match logs::check(text) {
            Ok(()) => Ok(text.to_owned()),
            Err(_) => Err(format!(
                "`{text}` is not a filter, such as `info` or `info,quorate_server=debug`"
            )),
        };
        TelemetrySettings {
            log: self.get(&settings::LOG, filter),
            log_format: self.get(&settings::LOG_FORMAT, |text| word(text, &formats)),
            otlp_endpoint: self.optional(&settings::OTLP_ENDPOINT, endpoint),
            otlp_ca: self.path(&settings::OTLP_CA),
            trace_ratio: self.get(&settings::TRACE_RATIO, |text| {
                text.parse().map_err(|error| format!("`{text}`: {error}"))
            }),
        }
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        let words = [
            ("required", ClientAuthentication::Required),
            ("optional", ClientAuthentication::Optional),
        ];
        let certificate = self.path(&settings::TLS_CERTIFICATE);
        let key = self.path(&settings::TLS_KEY);
        let client_authorities = self.path(&settings::TLS_CLIENT_AUTHORITIES);
        let client_authentication = self.get(&settings::TLS_CLIENT_AUTHENTICATION, |text| word(text, &words));
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate,
                key,
                client_authorities,
                client_authentication,
            }),
            (None, None) => {
                if client_authorities.is_some() {
                    self.wrong(
                        &settings::TLS_CLIENT_AUTHORITIES,
                        "it needs tls.certificate and tls.key",
                    );
                }
                None
            }
            (Some(_), None) => {
                self.wrong(&settings::TLS_KEY, "tls.certificate needs its private key");
                None
            }
            (None, Some(_)) => {
                self.wrong(&settings::TLS_CERTIFICATE, "tls.key needs its certificate");
                None
            }
        }
    }

    fn node(&mut self) -> NodeSettings {
        let whole = self.get(&settings::MEMORY, |text| bounded(size(text)?, MEMORY_MIN..=u64::MAX));
        let of_org = self.optional(&settings::ORG_MEMORY, |text| bounded(size(text)?, 1..=u64::MAX));
        NodeSettings {
            memory_max_bytes: whole,
            org_memory_max_bytes: of_org.unwrap_or(whole / ORG_MEMORY_SHARE),
            cost_max: self.get(&settings::COST_MAX, |text| {
                bounded(integer(text)?, 1..=quorate_core::limit::CAPACITY_MAX)
            }),
            credential_key_file: self.path(&settings::CREDENTIAL_KEY),
        }
    }

    /// What must hold between settings.
    fn check_together(&mut self, config: &Config) {
        let insecure = self.get(&settings::INSECURE, boolean);
        if config.tls.is_none() && !insecure {
            for (setting, address) in [
                (&settings::GRPC_LISTEN, config.grpc_listen),
                (&settings::HTTP_LISTEN, config.http_listen),
            ] {
                if !address.ip().is_loopback() {
                    self.wrong(
                        setting,
                        "an address beyond loopback needs TLS (tls.certificate, tls.key) or --insecure",
                    );
                }
            }
        }
        if config.grpc_listen == config.http_listen && config.grpc_listen.port() != 0 {
            self.wrong(&settings::HTTP_LISTEN, "gRPC listens there already");
        }
        let asks_certificates = config.tls.as_ref().is_some_and(|tls| tls.client_authorities.is_some());
        if !asks_certificates && config.callers.iter().any(callers::CallerEntry::needs_certificates) {
            self.wrong(
                &settings::TLS_CLIENT_AUTHORITIES,
                "callers that are known by their certificate need the authorities that sign them",
            );
        }
        if config.node.org_memory_max_bytes > config.node.memory_max_bytes {
            self.wrong(&settings::ORG_MEMORY, "it is more than memory.total");
        }
    }

    fn get<T>(&mut self, setting: &'static Setting, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let raw = self.raw(setting);
        let text = raw.texts.last().map_or("", String::as_str);
        parse(text).unwrap_or_else(|message| {
            self.problem(setting, &raw, message);
            // Something to go on with, so that the other problems are found too.
            parse(setting.default).expect("every default is a value: a test reads them all")
        })
    }

    fn optional<T>(&mut self, setting: &'static Setting, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let raw = self.raw(setting);
        let text = raw.texts.last().filter(|text| !text.is_empty())?;
        parse(text).map_err(|message| self.problem(setting, &raw, message)).ok()
    }

    fn path(&mut self, setting: &'static Setting) -> Option<PathBuf> {
        self.optional(setting, |text| Ok(PathBuf::from(text)))
    }

    fn raw(&self, setting: &'static Setting) -> Raw {
        self.layers.get(setting).unwrap_or_else(|| Raw {
            texts: if setting.default.is_empty() {
                Vec::new()
            } else {
                vec![setting.default.to_owned()]
            },
            origin: super::Origin::Default,
        })
    }

    fn wrong(&mut self, setting: &'static Setting, message: &str) {
        let raw = self.raw(setting);
        self.problem(setting, &raw, message.to_owned());
    }

    fn problem(&mut self, setting: &'static Setting, raw: &Raw, message: String) {
        let origin = (raw.origin != super::Origin::Default).then(|| raw.origin.clone());
        self.problems.push(Problem {
            field: setting.key.to_owned(),
            origin,
            message,
        });
    }
}

fn data_threads(text: &str) -> Result<usize, String> {
    if text == "auto" {
        return Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    }
    count(text, 1..=DATA_THREADS_MAX).map_err(|message| format!("{message}, or `auto`"))
}

fn endpoint(text: &str) -> Result<http::Uri, String> {
    let wrong = || format!("`{text}` is not a URL, such as `http://localhost:4317`");
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        // Without the text: it holds a secret.
        return Err("a user and password in the URL would not be sent; leave them out".to_owned());
    }
    (matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some())
        .then_some(uri)
        .ok_or_else(wrong)
}

fn count(text: &str, range: std::ops::RangeInclusive<u64>) -> Result<usize, String> {
    wide(bounded(integer(text)?, range)?)
}

fn bounded(value: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("{value} is not from {} to {}", range.start(), range.end()))
}

fn at_least(value: Duration, least: Duration) -> Result<Duration, String> {
    if value < least {
        return Err(format!("it must be at least {} s", least.as_secs()));
    }
    Ok(value)
}

fn wide(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| format!("{value} is too large for this machine"))
}

fn narrow(value: u64) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| format!("{value} is too large"))
}
