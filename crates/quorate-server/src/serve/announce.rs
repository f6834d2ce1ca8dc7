//! What the server says when its doors are open: to a person, to a program, and into a file for a script that waits.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::server::Server;
use crate::config::{Arguments, GRPC_LISTEN_DEFAULT};

/// Where the doors are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// gRPC over TCP.
    pub grpc: SocketAddr,
    /// gRPC over a Unix socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uds: Option<PathBuf>,
    /// HTTP.
    pub http: SocketAddr,
    /// Whether the TCP doors speak TLS.
    pub tls: bool,
}

pub(super) fn announce(server: &Server, arguments: &Arguments) -> io::Result<()> {
    let addresses = server.addresses();
    let line = format!("{}\n", serde_json::to_string(addresses)?);
    let text = if arguments.json {
        line.clone()
    } else {
        for_people(server)
    };
    say(&mut io::stdout(), &text)?;
    match &arguments.ready_file {
        Some(path) => write_whole(path, &line)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        None => Ok(()),
    }
}

/// Writes a text to whoever may be reading. That nobody is any more (`quorate serve | head`) harms nobody.
pub(super) fn say(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Writes a file that a reader finds either not at all or whole.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text)?;
    std::fs::rename(&partial, path)
}

fn for_people(server: &Server) -> String {
    let addresses = server.addresses();
    let policy = server.policy();
    let mut text = format!(
        "quorate {}, policy: {} ({})\n",
        env!("CARGO_PKG_VERSION"),
        policy.sources.join(", "),
        policy.content_hash.get(..12).unwrap_or(&policy.content_hash),
    );
    let scheme = if addresses.tls { "https" } else { "http" };
    let tls = if addresses.tls { " (TLS)" } else { "" };
    text.push_str(&format!("  gRPC  {}{tls}\n", addresses.grpc));
    if let Some(path) = &addresses.uds {
        text.push_str(&format!("        unix:{}\n", path.display()));
    }
    text.push_str(&format!("  HTTP  {scheme}://{}\n", addresses.http));
    text.push_str(&format!("Try:\n  {}\n", try_line(addresses)));
    text
}

/// A command that works as it stands.
fn try_line(addresses: &Addresses) -> String {
    let question = "quorate check --key demo --endpoint 'POST /api/v1/threats/scan'";
    // A server that listens everywhere is reached here.
    let mut reached = addresses.grpc;
    if reached.ip().is_unspecified() {
        reached.set_ip(if reached.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    match (addresses.tls, reached.to_string()) {
        (true, reached) => format!("{question} --server https://{reached}"),
        (false, reached) if reached == GRPC_LISTEN_DEFAULT => question.to_owned(),
        (false, reached) => format!("{question} --server {reached}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(grpc: &str, tls: bool) -> Addresses {
        Addresses {
            grpc: grpc.parse().expect("an address"),
            uds: None,
            http: "127.0.0.1:8080".parse().expect("an address"),
            tls,
        }
    }

    #[test]
    fn the_line_to_try_names_the_real_port() {
        assert!(!try_line(&addresses("127.0.0.1:8081", false)).contains("--server"));
        assert!(try_line(&addresses("127.0.0.1:4000", false)).ends_with("--server 127.0.0.1:4000"));
        assert!(try_line(&addresses("0.0.0.0:8081", true)).ends_with("--server https://127.0.0.1:8081"));
    }

    #[test]
    fn that_nobody_reads_is_no_failure() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        drop(reader);
        say(&mut writer, "here\n").expect("a server goes on");
        let mut full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        assert!(say(&mut full, "here\n").is_err());
    }

    #[test]
    fn a_program_reads_one_line_of_json() {
        let line = serde_json::to_string(&addresses("127.0.0.1:4000", false)).expect("it is JSON");
        assert_eq!(line, r#"{"grpc":"127.0.0.1:4000","http":"127.0.0.1:8080","tls":false}"#);
    }
}
