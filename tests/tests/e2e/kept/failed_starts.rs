//! Starts that fail: what a stop in good order kept is still there for the next one.

use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;

use super::{MINUTE_AND_HOUR, folder, serve, stop};
use crate::harness::{AskExt, Launch, ask, policy};

/// So few files are enough for the program itself to be loaded, and for no server.
const FILES_MIN: u32 = 8;
/// So many are more than enough for one that serves nobody.
const FILES_MAX: u32 = 500;

/// A start on the same data, with these flags, that must not succeed; what it said.
fn refused(data: &Path, flags: &[&str], code: i32) -> String {
    let launch = Launch::bare().args(["--drain-delay", "0", "--data-dir"]).arg(data);
    let policy = launch.file("policy.yaml", &policy::plan(MINUTE_AND_HOUR));
    let (ended, words) = launch.arg("--policy").arg(policy).args(flags).refused();
    assert_eq!(ended, Some(code), "{words}");
    words
}

#[tokio::test]
async fn a_start_that_fails_uses_nothing_up() {
    let folder = folder();
    let data = folder.path().join("data");
    let server = serve(MINUTE_AND_HOUR, &folder);
    server.client().await.allowed(ask("k").of("o").costing(10)).await;
    stop(server);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    let free = ["--grpc-listen", "127.0.0.1:0", "--http-listen"];
    let with = |rest: &[&'static str]| [&free[..], &["127.0.0.1:0"], rest].concat();
    let missing = folder.path().join("missing/file").display().to_string();
    for (what, words) in [
        ("cannot listen", refused(&data, &[&free[..], &[&taken]].concat(), 3)),
        (
            "cannot listen",
            refused(&data, &[&with(&[])[..], &["--uds", &missing]].concat(), 3),
        ),
        (
            "telemetry",
            refused(&data, &with(&["--otlp-endpoint", "not an address"]), 2),
        ),
        (
            "tls",
            refused(
                &data,
                &[&with(&[])[..], &["--tls-certificate", &missing, "--tls-key", &missing]].concat(),
                2,
            ),
        ),
        // When the doors are open already.
        (
            "where the server listens",
            refused(&data, &[&with(&[])[..], &["--ready-file", &missing]].concat(), 3),
        ),
    ] {
        assert!(words.contains(what), "{what}: {words}");
    }

    is_all_there(&folder).await;
}

#[tokio::test]
async fn a_start_that_lacks_anything_uses_nothing_up() {
    let folder = folder();
    let server = serve(MINUTE_AND_HOUR, &folder);
    server.client().await.allowed(ask("k").of("o").costing(10)).await;
    stop(server);
    // One file more each time: whatever a start opens, once it is that which fails.
    let mut failed = 0;
    for files in FILES_MIN..FILES_MAX {
        let launch = Launch::keeping(policy::plan(MINUTE_AND_HOUR), &folder.path().join("data"));
        match launch.args(["--data-threads", "1"]).with_files_max(files).try_start() {
            Err(words) => {
                assert!(words.contains("Too many open files"), "{words}");
                failed += 1;
            }
            Ok(server) => {
                stop(server);
                break;
            }
        }
    }
    assert!(failed > 0, "{FILES_MIN} files were enough");
    is_all_there(&folder).await;
}

/// Starts, and finds all that was used.
async fn is_all_there(folder: &TempDir) {
    let server = serve(MINUTE_AND_HOUR, folder);
    let client = server.client().await;
    for name in ["minute", "hour"] {
        assert_eq!(client.used(ask("k").of("o"), name).await, 10, "{name}");
    }
}
