//! Backup and restore as docs/OPERATIONS.md says it: its own commands, and its fence.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{folder, passes, quota, serve, spend_rest, stop};
use crate::documents::blocks;
use crate::harness::command::run;
use crate::harness::document::read;
use crate::harness::{AskExt, Launch, ask, binary};

/// Of the quota.
const LIMIT: u64 = 1_000;

fn lifetime(limit: u64) -> String {
    quota(&format!("per: org, limit: {limit}, period: lifetime"))
}

/// Runs the commands of the document that begin with this comment; what they say.
fn documented(comment: &str, data: &Path, backup: &Path) -> String {
    let blocks = blocks(&read("docs/OPERATIONS.md"), "sh");
    let block = blocks.iter().find(|block| block.starts_with(&format!("# {comment}")));
    let block = block.unwrap_or_else(|| panic!("docs/OPERATIONS.md has no commands for {comment}"));
    // The document says `quorate`, wherever that lies.
    let script = format!("set -eu\nquorate() {{ \"$QUORATE\" \"$@\"; }}\n{block}\n");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("QUORATE", binary());
    run(shell.env("DATA", data).env("BACKUP", backup)).exits(0).stdout
}

/// What the only row of each line says is granted.
fn granted(lines: &str) -> Vec<u64> {
    let lines = lines.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let granted = &line["grant"]["granted"];
        granted.as_u64().unwrap_or_else(|| panic!("no units in {line}"))
    });
    lines.collect()
}

#[tokio::test]
async fn what_is_restored_and_fenced_as_documented_grants_no_unit_twice() {
    let folder = folder();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup.jsonl"));
    let request = ask("k").of("o");
    let server = serve(lifetime(LIMIT), &folder);
    passes(&server.client().await, &request.clone().costing(300)).await;
    stop(server);
    documented("Backup", &data, &backup);

    // What is spent after that is not in the backup.
    let server = serve(lifetime(LIMIT), &folder);
    passes(&server.client().await, &request.clone().costing(200)).await;
    stop(server);
    documented("Restore", &data, &backup);
    let rows = granted(&documented("G₀", &data, &backup));
    assert_eq!(rows, [300, 500], "of the backup, and of what was there before");

    // The fence: lower by what the backup does not know of.
    let fenced = LIMIT - (rows[1] - rows[0]);
    let server = serve(lifetime(fenced), &folder);
    let rest = spend_rest(&server.client().await, &request, LIMIT).await;
    assert_eq!(300 + 200 + rest, LIMIT, "all of it, and no unit twice");
    stop(server);
}

#[tokio::test]
async fn an_atomic_snapshot_of_the_directory_is_a_backup() {
    let folder = folder();
    let request = ask("k").of("o");
    let server = serve(lifetime(LIMIT), &folder);
    passes(&server.client().await, &request.clone().costing(300)).await;
    // Nothing changes while it is copied, as on a file system that takes snapshots.
    server.halt();
    let copy = copied(&folder.path().join("data"), &folder.path().join("copy"));
    server.resume();
    passes(&server.client().await, &request.clone().costing(100)).await;
    stop(server);
    let server = Launch::keeping(lifetime(LIMIT), &copy).start();
    let rest = spend_rest(&server.client().await, &request, LIMIT).await;
    // As after a crash: what was leased and not spent is stranded.
    assert!(300 + rest <= LIMIT, "{rest} units are left");
    assert!(
        300 + rest >= LIMIT - 2,
        "{rest} units are left, though a chunk is one unit"
    );
    stop(server);
}

fn copied(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir(to).expect("a folder");
    for file in std::fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
    to.to_owned()
}
