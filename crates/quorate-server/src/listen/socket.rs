//! Binding: TCP addresses and Unix sockets, before anything else is started.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket as RawSocket, Type};
use thiserror::Error;

use crate::telemetry::Listener;

/// How many connections may wait to be accepted. The kernel cuts it to its own maximum (4,096 on current Linux).
const BACKLOG: i32 = 4_096;

/// A socket that listens.
#[derive(Debug)]
pub enum Bound {
    /// A TCP address.
    Tcp(std::net::TcpListener),
    /// A Unix socket; its file is removed when this is dropped.
    Unix(UnixBound),
}

/// A Unix socket that listens.
#[derive(Debug)]
pub struct UnixBound {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
    /// The socket's file, by device and inode.
    file: Option<(u64, u64)>,
}

/// A connection that was accepted and belongs to no runtime yet.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(std::net::TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Which of the gRPC door's listeners it came in by, as metrics call it.
    pub(super) const fn listener(&self) -> Listener {
        match self {
            Self::Tcp(_) => Listener::Grpc,
            Self::Unix(_) => Listener::Unix,
        }
    }
}

/// A socket that cannot be bound.
#[derive(Debug, Error)]
pub enum BindError {
    /// A TCP address.
    #[error("cannot listen on {address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A Unix socket.
    #[error("cannot listen on the Unix socket {}: {source}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Bound {
    /// Listens on a TCP address; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken, or not ours.
    pub fn tcp(address: SocketAddr) -> Result<Self, BindError> {
        listen_tcp(address)
            .map(Self::Tcp)
            .map_err(|source| BindError::Tcp { address, source })
    }

    /// Listens on a Unix socket. A file that a dead server left behind is replaced; one that answers is not.
    ///
    /// # Errors
    /// The path is in use, or cannot be made.
    pub fn unix(path: &Path) -> Result<Self, BindError> {
        listen_unix(path)
            .map(|listener| {
                Self::Unix(UnixBound {
                    listener,
                    path: path.to_owned(),
                    file: file_at(path),
                })
            })
            .map_err(|source| BindError::Unix {
                path: path.to_owned(),
                source,
            })
    }

    /// The TCP address that was bound.
    ///
    /// # Errors
    /// It is a Unix socket, or the operating system does not know.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Unix(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a Unix socket has no address",
            )),
        }
    }
}

impl UnixBound {
    pub(super) fn listener(&self) -> io::Result<tokio::net::UnixListener> {
        tokio::net::UnixListener::from_std(self.listener.try_clone()?)
    }
}

impl Drop for UnixBound {
    fn drop(&mut self) {
        // What somebody has put in its place meanwhile is not ours to remove.
        if self.file.is_some() && self.file == file_at(&self.path) {
            // The next server replaces what is left behind, so a failure here harms nobody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

fn listen_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last life's connections to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn listen_unix(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::FileTypeExt;

    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server answers there"));
        }
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_takes_a_free_port() {
        let bound = Bound::tcp("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = bound.address().expect("a TCP address");
        assert_ne!(address.port(), 0);
        let again = Bound::tcp(address).expect_err("it is taken");
        assert!(
            again.to_string().starts_with(&format!("cannot listen on {address}: ")),
            "{again}"
        );
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("quorate.sock");
        // A listener that is dropped without removing its file is what a crash leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("it binds"));
        assert!(path.exists());
        let bound = Bound::unix(&path).expect("the dead socket is replaced");
        assert!(Bound::unix(&path).is_err(), "the live one is not");
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn what_took_the_place_of_a_socket_is_not_removed_with_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("quorate.sock");
        let bound = Bound::unix(&path).expect("it binds");
        let moved = directory.path().join("moved.sock");
        std::fs::rename(&path, &moved).expect("it is ours");
        std::fs::write(&path, "precious").expect("it is writable");
        drop(bound);
        assert!(path.exists() && moved.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_is_never_removed() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(Bound::unix(file.path()).is_err());
        assert!(file.path().exists());
    }
}
