//! A change on its way through the queue to the writer, and its answer on the way back.

use tokio::sync::oneshot;

use super::tables::Tables;
use super::{Fault, Lost};
use crate::StoreError;

/// A change. What it returns is withheld until it is durable, a refusal too: it may rest on a change before it.
pub(super) trait Write: Send {
    /// Makes the change in the writer's transaction. An error means that the transaction cannot go on.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), Fault>;

    /// Tells the one who asked.
    fn answer(self: Box<Self>, lost: Option<&Lost>);
}

/// What the one who asked for a change receives.
pub(super) type Answer<T> = Result<Result<T, StoreError>, Lost>;

/// A change that a closure makes.
struct Asked<T, F> {
    change: Option<F>,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Answer<T>>,
}

/// Makes a change of a closure, and the place where its answer arrives.
pub(super) fn ask<T, F>(change: F) -> (Box<dyn Write>, oneshot::Receiver<Answer<T>>)
where
    T: Send + 'static,
    F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let asked = Asked {
        change: Some(change),
        done: None,
        answer,
    };
    (Box::new(asked), answered)
}

impl<T, F> Write for Asked<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), Fault> {
        let change = self.change.take().expect("the writer applies a change once");
        self.done = Some(match change(tables) {
            Ok(value) => Ok(value),
            Err(Fault::Own(error)) => Err(error),
            Err(file) => return Err(file),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, lost: Option<&Lost>) {
        let answer = match (lost, self.done) {
            (None, Some(done)) => Ok(done),
            (Some(lost), _) => Err(lost.clone()),
            (None, None) => unreachable!("what was committed was applied before"),
        };
        // Nobody waits any more: then nobody wants to know.
        let _ = self.answer.send(answer);
    }
}

/// Changes nothing: wakes the writer, who looks after the file.
pub(super) struct Wake;

impl Write for Wake {
    fn apply(&mut self, _: &mut Tables<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Option<&Lost>) {}
}
