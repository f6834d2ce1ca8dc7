//! The suite, on this engine.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::Store;
use crate::conformance::{cases, run_all};
use crate::embedded::Embedded;

#[tokio::test]
async fn it_keeps_every_promise() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open(directory.path()).unwrap());
    run_all(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_every_promise_while_others_do_too() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(directory.path()).unwrap());
    let running = cases().into_iter().map(|case| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { case.run(store).await })
    });
    for ended in join_all(running).await {
        ended.expect("the case passes");
    }
}
