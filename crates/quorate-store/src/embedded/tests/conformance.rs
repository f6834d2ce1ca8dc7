//! The suite, on this engine.

use std::sync::Arc;

use crate::conformance::run_all;
use crate::embedded::Embedded;

#[tokio::test]
async fn it_keeps_every_promise() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open(directory.path()).unwrap());
    run_all(store).await;
}
