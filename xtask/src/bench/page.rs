//! One page over HTTP: what a server or a proxy under measurement tells of itself.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};

/// Fetches a page; anything but 200 is an error.
pub fn page(address: &str, path: &str) -> Result<String> {
    let mut connection = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    // Not HTTP/1.0, which Envoy turns away.
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let status = answer.split_whitespace().nth(1);
    ensure!(status == Some("200"), "{address}{path} is not shown: {answer}");
    body(&answer).with_context(|| format!("{address}{path} is cut off: {answer}"))
}

/// The body of an answer, put together from its chunks if it has any; `None` when something is missing.
fn body(answer: &str) -> Option<String> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return Some(body.to_owned());
    }
    let (mut rest, mut whole) = (body, String::new());
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn a_body_is_whole_or_in_chunks() {
        let plain = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na: 1\n";
        assert_eq!(body(plain).as_deref(), Some("a: 1\n"));
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na: \r\nA\r\n1\nb: 22\nc:\r\n0\r\n\r\n";
        assert_eq!(body(chunks).as_deref(), Some("a: 1\nb: 22\nc:"));
        assert_eq!(body(&chunks[..chunks.len() - 9]), None);
    }
}
