//! The service behind Envoy: answers every request with 200 and counts them, or sends back what it gets over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A service; ends with the runtime of its test.
pub struct Upstream {
    pub address: SocketAddr,
    served: Arc<AtomicU64>,
}

impl Upstream {
    /// Answers HTTP/1.1 without bodies.
    pub async fn http() -> Self {
        Self::start(|stream, served| async move {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                if line == "\r\n" {
                    served.fetch_add(1, Ordering::Relaxed);
                    let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if stream.write_all(reply).await.is_err() {
                        return;
                    }
                }
                line.clear();
            }
        })
        .await
    }

    /// Sends back what it gets.
    pub async fn echo() -> Self {
        Self::start(|mut stream, served| async move {
            served.fetch_add(1, Ordering::Relaxed);
            let (mut reading, mut writing) = stream.split();
            // The other side may go at any time.
            let _ = tokio::io::copy(&mut reading, &mut writing).await;
        })
        .await
    }

    async fn start<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, Arc<AtomicU64>) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let served = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&served);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&counting)));
            }
        });
        Self { address, served }
    }

    /// How many requests, or connections, have reached it.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}
