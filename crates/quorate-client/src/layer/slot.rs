//! A concurrency slot that is given back when what holds it is dropped.

use tokio::runtime::Handle;

use crate::answer::Answer;
use crate::client::Client;

/// Gives its slot back once, on drop. If that fails, the slot's time to live frees it.
#[derive(Debug)]
pub(super) struct Held {
    client: Client,
    org: String,
    decision_id: String,
    /// A body may be dropped outside of any task.
    runtime: Handle,
}

impl Held {
    /// The slot that an answer holds, if it holds one.
    pub(super) fn by(client: Client, answer: &Answer) -> Option<Self> {
        let policy = answer.policy.as_ref().filter(|_| answer.slot_held)?;
        Some(Self {
            client,
            org: policy.org.clone(),
            decision_id: answer.decision_id.clone(),
            runtime: Handle::try_current().ok()?,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let client = self.client.clone();
        let (org, decision_id) = (std::mem::take(&mut self.org), std::mem::take(&mut self.decision_id));
        self.runtime.spawn(async move {
            let _ = client.release_slot(&org, &decision_id).await;
        });
    }
}
