//! Pieces in memory, and nodes on them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use quorate_core::request::Request;
use quorate_policy::{Checked, Source, check};
use quorate_store::StoreError;
use quorate_store::snapshot::Snapshots;

use crate::windows::keeper::WindowKeeper;
use crate::windows::{Found, Restoration};
use crate::{Node, NodeConfig, Wanted};

pub type Pieces = BTreeMap<String, Vec<u8>>;

/// Pieces in memory.
#[derive(Default)]
pub struct Memory {
    pub pieces: Mutex<Pieces>,
    /// What it held after each change.
    pub states: Mutex<Vec<Pieces>>,
    pub fails: AtomicBool,
}

impl Memory {
    pub fn of(pieces: Pieces) -> Arc<Self> {
        Arc::new(Self {
            pieces: Mutex::new(pieces),
            ..Self::default()
        })
    }

    fn change(&self, change: impl FnOnce(&mut Pieces)) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("it was told to fail".to_owned()));
        }
        let mut pieces = self.pieces.lock();
        change(&mut pieces);
        self.states.lock().push(pieces.clone());
        Ok(())
    }
}

#[async_trait::async_trait]
impl Snapshots for Memory {
    async fn write_pieces(&self, pieces: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        // Each is written whole; of several some may be.
        for (name, content) in pieces {
            self.change(|known| {
                known.insert(name.clone(), content.clone());
            })?;
        }
        Ok(())
    }

    async fn pieces(
        &self,
        prefix: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let pieces = self.pieces.lock();
        let found = pieces
            .iter()
            .filter(|(name, _)| name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after));
        Ok(found
            .take(max)
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect())
    }

    async fn forget_pieces(&self, names: &[String]) -> Result<(), StoreError> {
        self.change(|known| known.retain(|name, _| !names.contains(name)))
    }
}

/// A minute and an hour of a key, of so many units each.
pub fn limits() -> Checked {
    limits_named("long")
}

/// The same, with a name for the hour.
pub fn limits_named(long: &str) -> Checked {
    let text = format!(
        "version: 1\ndefaults: {{ plan: p }}\nplans: {{ p: {{ limits: [\
         {{ name: short, per: key, limit: 1_000, window: 59m }},\
         {{ name: {long}, per: key, limit: 1_000_000, window: 9h }}] }} }}\n"
    );
    check(&[Source {
        name: "test.yaml".into(),
        text,
    }])
    .unwrap_or_else(|report| panic!("{report}"))
}

/// A node that has restored what a store keeps, and its keeper.
pub async fn start(store: &Arc<Memory>) -> (Arc<Node>, WindowKeeper, Restoration) {
    let found = Found::look(&**store).await.expect("it answers");
    let node = Node::start(NodeConfig::default(), &limits()).expect("it compiles");
    let node = node.keyed(*found.hash_key());
    let (keeper, restored) = found.restore(&node, store.clone()).await.expect("it answers");
    (node, keeper, restored)
}

/// Uses a unit of a key.
pub fn spend(node: &Node, key: &str) {
    let request = Request::of(key, "");
    let allowed = node.should_allow(&request, Wanted::default(), |answer| answer.allowed());
    assert_eq!(allowed, Ok(true));
}

/// What a key has used of a limit.
pub fn used(node: &Node, key: &str, limit: &str) -> u64 {
    let request = Request {
        check_only: true,
        ..Request::of(key, "")
    };
    let used = node.should_allow(&request, Wanted { statuses: true }, |answer| {
        let status = answer.statuses.iter().find(|status| status.name == limit);
        status.expect("the limit applies").used
    });
    used.expect("it is well formed")
}
