//! What the server says when its doors are open: to a person, to a program, and into a file for a script that waits.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::server::Server;
use crate::config::{Arguments, CallerEntry, GRPC_LISTEN_DEFAULT};

/// The name of this program.
const NAME: &str = "quorate";

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
    let line = try_line(&program(), addresses, server.callers());
    text.push_str(&format!("Try:\n  {line}\n"));
    text
}

/// A command that works as it stands, or with the files that it names put in.
fn try_line(program: &str, addresses: &Addresses, callers: &[CallerEntry]) -> String {
    let mut line = format!("{program} check --key demo --endpoint 'POST /api/v1/threats/scan'");
    // A server that listens everywhere is reached here.
    let mut reached = addresses.grpc;
    if reached.ip().is_unspecified() {
        reached.set_ip(if reached.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let reached = reached.to_string();
    if addresses.tls {
        line.push_str(&format!(" --server https://{reached} --tls-ca FILE"));
    } else if reached != GRPC_LISTEN_DEFAULT {
        line.push_str(&format!(" --server {reached}"));
    }
    if callers.iter().any(CallerEntry::has_token) {
        line.push_str(" --token-file FILE");
    } else if !callers.is_empty() {
        line.push_str(" --tls-cert FILE --tls-key FILE");
    }
    line
}

/// How this program is called: by its name where that finds it, else as it was typed, else by its path.
fn program() -> String {
    let Ok(running) = std::env::current_exe() else {
        return NAME.to_owned();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let typed = std::env::args_os().next().map(PathBuf::from);
    name_of(&running, typed.as_deref(), &path)
}

fn name_of(running: &Path, typed: Option<&Path>, path: &OsStr) -> String {
    let is_it = |candidate: &Path| {
        let same = candidate.canonicalize().ok().zip(running.canonicalize().ok());
        same.is_some_and(|(candidate, running)| candidate == running)
    };
    let found = std::env::split_paths(path).map(|directory| directory.join(NAME));
    if found
        .into_iter()
        .find(|candidate| candidate.is_file())
        .is_some_and(|first| is_it(&first))
    {
        return NAME.to_owned();
    }
    // Without a slash it was looked for elsewhere, and is a file here by chance.
    let typed = typed.filter(|typed| typed.components().count() > 1 && is_it(typed));
    let shown = typed.unwrap_or(running).display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if shown.chars().all(is_plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', r"'\''"))
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
        let line = |grpc, tls| try_line("quorate", &addresses(grpc, tls), &[]);
        let question = "quorate check --key demo --endpoint 'POST /api/v1/threats/scan'";
        assert_eq!(line("127.0.0.1:8081", false), question);
        assert_eq!(
            line("127.0.0.1:4000", false),
            format!("{question} --server 127.0.0.1:4000")
        );
        let secure = line("0.0.0.0:8081", true);
        assert_eq!(
            secure,
            format!("{question} --server https://127.0.0.1:8081 --tls-ca FILE")
        );
    }

    #[test]
    fn the_program_to_try_is_this_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str| {
            let path = directory.path().join(name).join("quorate");
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
            std::fs::write(&path, "").expect("a file");
            path
        };
        let (running, other, spaced) = (file("target"), file("usr"), file("with space"));
        let path = |first: &Path| {
            let folders = ["nowhere".into(), first.parent().expect("it has one").to_owned()];
            std::env::join_paths(folders).expect("good names")
        };
        let own = running.display().to_string();
        assert_eq!(name_of(&running, None, &path(&running)), "quorate");
        assert_eq!(name_of(&running, Some(Path::new("quorate")), &path(&other)), own);
        let typed = directory.path().join("usr/../target/quorate");
        assert_eq!(
            name_of(&running, Some(&typed), OsStr::new("")),
            typed.display().to_string()
        );
        assert_eq!(name_of(&running, Some(&other), OsStr::new("")), own);
        assert_eq!(
            name_of(&spaced, None, OsStr::new("")),
            format!("'{}'", spaced.display())
        );
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
