//! The suite that every engine passes, on Cassandra.

use std::sync::Arc;

use quorate_store::conformance;

use crate::stores;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_keeps_every_promise() {
    conformance::run_all(Arc::new(stores::shared().await)).await;
}
