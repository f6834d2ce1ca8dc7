//! Where a server is: the forms of an address that every part of quorate takes.

use std::path::PathBuf;

use http::Uri;
use thiserror::Error;

/// A server's address, understood: `host:port`, `http://host:port`, `https://host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// What to connect to.
    pub place: Place,
    /// What HTTP is told of it; `https` exactly when it is reached by TLS.
    pub uri: Uri,
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host's name or number, without brackets, and its port.
    Tcp {
        /// The name or number.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is none of the known forms.
    #[error("`{0}` is no address: host:port, http://…, https://… or unix:/path is expected")]
    Malformed(String),
    /// TLS is for TCP: a Unix socket is protected by its file's permissions.
    #[error("TLS over a Unix socket is not supported")]
    TlsOverUnix,
    /// TLS was configured for an `http://` address.
    #[error("TLS was asked for, but the address begins with http://")]
    TlsOverHttp,
}

impl Address {
    /// Understands an address; with `tls`, one without a scheme is `https`.
    ///
    /// # Errors
    /// It is none of the known forms, or contradicts `tls`.
    pub fn parse(text: &str, tls: bool) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some(path) => Self::unix(text, path, tls),
            None => Self::tcp(text, tls),
        }
    }

    fn unix(text: &str, path: &str, tls: bool) -> Result<Self, AddressError> {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(AddressError::Malformed(text.to_owned()));
        }
        if tls {
            return Err(AddressError::TlsOverUnix);
        }
        Ok(Self {
            place: Place::Unix(path.into()),
            // HTTP wants an authority, and a socket's path is none.
            uri: Uri::from_static("http://localhost"),
        })
    }

    fn tcp(text: &str, tls: bool) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let full = match (text.contains("://"), tls) {
            (true, _) => text.to_owned(),
            (false, false) => format!("http://{text}"),
            (false, true) => format!("https://{text}"),
        };
        let uri: Uri = full.parse().map_err(|_| malformed())?;
        let default_port = match (uri.scheme_str(), tls) {
            (Some("http"), true) => return Err(AddressError::TlsOverHttp),
            (Some("http"), false) => 80,
            (Some("https"), _) => 443,
            _ => return Err(malformed()),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        let host = authority.host();
        // A port that is no number would be taken for none; a user name means nothing here.
        let beyond_host = authority.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        if host.is_empty() || authority.as_str() != format!("{host}{beyond_host}") {
            return Err(malformed());
        }
        let place = Place::Tcp {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
        };
        Ok(Self { place, uri })
    }
}

#[cfg(test)]
mod tests;
