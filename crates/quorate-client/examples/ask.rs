//! One question, a batch, and many callers over one stream, asked of a running server.
//!
//! `cargo run -p quorate-client --example ask -- 127.0.0.1:8081`

use anyhow::ensure;
use quorate_client::{Answer, Ask, Client, Config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    // What to do when nobody answers is a choice: here, let through and say so.
    let client = Client::new(Config::new(address).fail_open())?;
    let scan = || Ask::key("example-rust").endpoint("POST /api/v1/threats/scan");

    let answer = client.should_allow(scan()).await?;
    show("one", &answer)?;

    let batch = client.should_allow_batch((0..3).map(|_| scan())).await?;
    ensure!(batch.answers.len() == 3, "three answers are expected");
    for answer in &batch.answers {
        show("batch", answer)?;
    }

    let stream = client.multiplexed();
    let callers = (0..3).map(|caller| {
        let stream = stream.clone();
        tokio::spawn(async move { stream.should_allow(Ask::key(format!("example-rust-{caller}"))).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        show("stream", &caller.await??)?;
    }
    Ok(())
}

fn show(how: &str, answer: &Answer) -> anyhow::Result<()> {
    // An answer that the server did not make says so.
    ensure!(answer.decided(), "nobody decided: {:?}", answer.source);
    let left = answer
        .binding
        .as_ref()
        .map(|binding| (binding.remaining, &binding.name));
    println!("{how}: {} {left:?} retry after {:?}", answer.reason, answer.retry_after);
    Ok(())
}
