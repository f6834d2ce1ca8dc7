//! Which connection a call takes.

use tokio::time::Instant;

use super::Client;
use crate::config::Config;

#[tokio::test]
async fn a_connection_that_waits_for_its_next_attempt_is_passed_over() {
    let client = Client::new(Config::new("127.0.0.1:1").connections(3)).expect("a good configuration");
    let all = &client.connections.all;
    let now = Instant::now();
    all[1].gate.failed(now);
    for _ in 0..9 {
        let (connection, _pass) = client.connections.enter(now).expect("two are open");
        assert!(!std::ptr::eq(connection, &all[1]));
    }
    all[0].gate.failed(now);
    all[2].gate.failed(now);
    assert!(client.connections.enter(now).is_none(), "the server is away");
}
