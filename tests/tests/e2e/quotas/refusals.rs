//! Stores that cannot be used are refused at the start, with words that say why.

use std::os::unix::fs::PermissionsExt;

use super::{folder, monthly, passes, serve, stop};
use crate::harness::{AskExt, Launch, ask, policy};

#[tokio::test]
async fn one_directory_has_one_server() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    let (code, words) = Launch::keeping(monthly(10), &folder.path().join("data")).refused();
    assert_eq!(code, Some(2), "{words}");
    assert!(
        words.contains("in use") && words.contains(&server.pid().to_string()),
        "{words}"
    );
    // The first one is not disturbed, and when it is gone the directory is free.
    passes(&server.client().await, &ask("k").of("o")).await;
    stop(server);
    let server = serve(monthly(10), &folder);
    passes(&server.client().await, &ask("k").of("o")).await;
}

#[test]
fn quotas_need_a_store() {
    let (code, words) = Launch::with(monthly(10)).args(["--store", "none"]).refused();
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("quotas") && words.contains("store"), "{words}");
}

#[test]
fn what_is_no_directory_is_refused_by_name() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a directory").expect("the folder can be written to");
    for path in [file.clone(), file.join("below")] {
        let (code, words) = Launch::keeping(policy::one_limit(5, "1m"), &path).refused();
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains(path.to_str().expect("text")), "{words}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "not a directory");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused_by_name() {
    let folder = folder();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).expect("a directory");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).expect("it is ours");
    // Who may do everything is not kept out by permissions, but nobody makes directories in /proc.
    let all_powerful = std::fs::write(closed.join("probe"), "").is_ok();
    let path = if all_powerful {
        "/proc/quorate".into()
    } else {
        closed.clone()
    };
    let (code, words) = Launch::keeping(policy::one_limit(5, "1m"), &path).refused();
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains(path.to_str().expect("text")), "{words}");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = folder();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a directory");
    let file = data.join("quorate.redb");
    let noise: Vec<u8> = (0..8_192_u32).map(|n| n.to_le_bytes()[0] ^ 0x5A).collect();
    std::fs::write(&file, &noise).expect("a file");
    let (code, words) = Launch::keeping(monthly(5), &data).refused();
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("quorate.redb"), "{words}");
    assert_eq!(std::fs::read(&file).expect("it is there"), noise);
}
