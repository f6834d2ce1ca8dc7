//! Makes the store that later versions must still be able to open. Once for each format:
//!
//! ```sh
//! cargo run -p quorate-store --example fixture -- crates/quorate-store/fixtures/format-1
//! ```
//!
//! It imports `export.jsonl` of that directory into a new store, and leaves its file beside it.

use std::error::Error;
use std::fs;
use std::io::BufReader;
use std::path::PathBuf;

use quorate_store::embedded::Embedded;
use quorate_store::transfer;
use quorate_store::usage::Life;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fixture: PathBuf = std::env::args().nth(1).ok_or("a directory")?.into();
    let making = tempfile::tempdir()?;
    let store = Embedded::open(making.path())?;
    let lines = BufReader::new(fs::File::open(fixture.join("export.jsonl"))?);
    let counts = transfer::import(&store, lines, Life::FOR_EVER).await?;
    store.close().await?;
    fs::copy(making.path().join("quorate.redb"), fixture.join("quorate.redb"))?;
    println!("{counts:?}");
    Ok(())
}
