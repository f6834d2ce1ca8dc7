//! Which server to ask, and how: the arguments that every command with a server takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use quorate_client::{Address, Cause, Config, Place, Tls};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::bench::Target;
use super::exit::Failure;
use super::text;
use crate::config::GRPC_LISTEN_DEFAULT;

/// What may be wrong when nothing that answers speaks gRPC.
pub const NOT_GRPC: &str =
    "is that its gRPC address? `quorate serve` says where it listens; 8080 is HTTP, 8081 is gRPC";

/// How to reach a server.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub struct Connect {
    /// The server's gRPC address: host:port, http://…, https://… or unix:/path
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_SERVER", default_value = GRPC_LISTEN_DEFAULT)]
    pub server: String,
    /// How long one call may take, connecting included
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = text::some_duration)]
    pub deadline: Duration,
    /// A file with the bearer token that says who calls
    #[arg(long, value_name = "FILE", env = "QUORATE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Use TLS and trust the platform's authorities, or those of --tls-ca
    #[arg(long)]
    tls: bool,
    /// Trust this authority (PEM) and no other
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// A certificate (PEM) that says who calls
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The name that the server's certificate must have, if it is not the host of the address
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,
}

impl Connect {
    /// The client's configuration. Commands fail closed: they report that nobody decided, never a guess.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::new(&self.server)
            .deadline(self.deadline)
            .connect_within(self.deadline)
            .fail_closed();
        if let Some(path) = &self.token_file {
            config = config.bearer_token(String::from_utf8_lossy(&read(path)?).trim());
        }
        if let Some(tls) = self.tls()? {
            config = config.tls(tls);
        }
        Ok(config)
    }

    /// Where `bench` sends its load and `health` its question, which have connections of their own.
    pub fn target(&self) -> Result<Target, Failure> {
        let address = Address::parse(&self.server, self.wants_tls()).map_err(Failure::new)?;
        let token = self.token_file.as_deref().map(read).transpose()?;
        let authorization = token.map(|token| format!("Bearer {}", String::from_utf8_lossy(&token).trim()).parse());
        let secure = address.uri.scheme_str() == Some("https");
        Ok(Target {
            tls: if secure { Some(self.rustls(&address)?) } else { None },
            address,
            authorization: authorization
                .transpose()
                .map_err(|_| Failure::new("the bearer token has characters that a header cannot carry"))?,
            deadline: self.deadline,
        })
    }

    fn rustls(&self, address: &Address) -> anyhow::Result<(Arc<ClientConfig>, ServerName<'static>)> {
        let roots = match &self.tls_ca {
            Some(authority) => roots_of(authority)?,
            None => roots_of_the_platform()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match (&self.tls_cert, &self.tls_key) {
            (Some(chain), Some(key)) => {
                let chain = CertificateDer::pem_slice_iter(&read(chain)?).collect::<Result<_, _>>()?;
                config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(&read(key)?)?)?
            }
            _ => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = match (&self.tls_server_name, &address.place) {
            (Some(name), _) => name.clone(),
            (None, Place::Tcp { host, .. }) => host.clone(),
            (None, Place::Unix(_)) => anyhow::bail!("TLS over a Unix socket is not supported"),
        };
        Ok((Arc::new(config), ServerName::try_from(name)?))
    }

    fn wants_tls(&self) -> bool {
        self.tls || self.tls_ca.is_some() || self.tls_cert.is_some() || self.tls_server_name.is_some()
    }

    fn tls(&self) -> Result<Option<Tls>, Failure> {
        if !self.wants_tls() {
            return Ok(None);
        }
        let mut tls = Tls::new();
        if let Some(path) = &self.tls_ca {
            tls = tls.authority(read(path)?);
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            tls = tls.identity(read(certificate)?, read(key)?);
        }
        if let Some(name) = &self.tls_server_name {
            tls = tls.server_name(name);
        }
        Ok(Some(tls))
    }

    /// That the server gave no decision, and what may help.
    pub fn unreached(&self, cause: &Cause) -> Failure {
        let failure = Failure::new(format_args!("no decision from {}: {cause}", self.server));
        match cause {
            Cause::Unreachable(why) if why.contains("InvalidContentType") => {
                failure.help("it speaks no TLS there: leave https:// and the --tls flags away")
            }
            Cause::Unreachable(_) => {
                failure.help("start a server with `quorate serve`, or name one with --server or QUORATE_SERVER")
            }
            Cause::Deadline => failure.help("give it more time with --deadline"),
            // An answer, and none of gRPC: what answers speaks HTTP, such as the server's own HTTP door.
            Cause::Server { message, .. } if message.contains("response with status") => failure.help(NOT_GRPC),
            Cause::Disconnected(_) if !self.wants_tls() => {
                failure.help("if it speaks TLS, say so: https://… or --tls-ca FILE")
            }
            _ => failure,
        }
    }
}

fn roots_of(authority: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&read(authority)?) {
        roots.add(certificate?)?;
    }
    Ok(roots)
}

fn roots_of_the_platform() -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Stores hold old certificates that nothing can read: the others serve.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    anyhow::ensure!(
        !roots.is_empty(),
        "this machine trusts no authority: name the server's with --tls-ca"
    );
    Ok(roots)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
