//! Accepts connections, one acceptor per listening socket, and hands each on.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};

use super::socket::{Bound, Socket};

/// How long to wait after a failure to accept: it is mostly a lack of file descriptors, which a busy loop only hides.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Accepts connections and hands each to `hand_over`, until `stop` is done. What waits in the backlog at that moment
/// is still taken in: those callers believe that they are connected.
///
/// # Errors
/// The socket cannot be watched; nothing was accepted.
pub async fn accept_until(bound: &Bound, stop: impl Future<Output = ()>, hand_over: impl Fn(Socket)) -> io::Result<()> {
    let listener = match bound {
        Bound::Tcp(listener) => Listener::Tcp(TcpListener::from_std(listener.try_clone()?)?),
        Bound::Unix(unix) => Listener::Unix(unix.listener()?),
    };
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(socket) => hand_over(socket),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    while let Some(Ok(socket)) = futures_util::FutureExt::now_or_never(listener.accept()) {
        hand_over(socket);
    }
    Ok(())
}

impl Listener {
    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An answer is small and must not wait for more to send.
                stream.set_nodelay(true)?;
                stream.into_std().map(Socket::Tcp)
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.into_std().map(Socket::Unix)
            }
        }
    }
}

/// Whether an error says something about the one connection and nothing about the listening socket.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::InvalidInput
    )
}
