//! The suite that every engine passes: what the comments of the traits promise, case by case.
//!
//! A case takes a store that may hold other data, and other cases may run on it meanwhile: every name a case uses is its
//! own. A case panics when a promise is broken. It does not mind a store that is slow or away for a moment: it settles
//! what is unknown by the rules that a user of the store has to follow.

mod documents;
mod grants;
mod subject;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use subject::Subject;

use crate::Store;

/// One promise, tried.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Case {
    /// What it tries: `grants::create_is_once`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Tries it.
    ///
    /// # Panics
    /// The engine does not keep the promise.
    pub async fn run(&self, store: Arc<dyn Store>) {
        (self.run)(Subject::new(self.name, store)).await;
    }
}

/// Tries everything on one store, one case after the other.
///
/// # Panics
/// The engine does not keep a promise.
pub async fn run_all(store: Arc<dyn Store>) {
    for case in cases() {
        println!("conformance: {}", case.name());
        case.run(Arc::clone(&store)).await;
    }
}

macro_rules! cases {
    ($($part:ident: $($name:ident)*;)*) => {
        vec![$($(Case {
            name: concat!(stringify!($part), "::", stringify!($name)),
            run: |subject| Box::pin($part::$name(subject)),
        },)*)*]
    };
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    cases! {
        grants:
            a_row_that_was_never_made_is_none
            a_row_is_made_once
            a_move_applies_once
            a_move_expects_version_limit_and_granted;
        documents:
            a_document_goes_through_its_versions;
    }
}
