//! The threads that read, beside the writer: each read sees every commit that was answered before it began.

use std::sync::Arc;

use redb::ReadTransaction;
use tokio::sync::oneshot;

use super::Fault;
use super::file::StoreFile;
use super::queue::{Queue, Turned};
use super::write::{Wake, Write};
use crate::StoreError;

/// How many threads read. Reads come from the page cache of the file, mostly: two keep up with what a server asks, and a
/// slow page of one does not hold up a short look of another.
pub(super) const READERS: usize = 2;

/// The most reads that wait. A read that finds as many before it is better told so.
pub(super) const READS_WAITING_MAX: usize = 1_024;

type Read = Box<dyn FnOnce(&StoreFile) + Send>;

/// Reads on their way to the readers.
pub(super) struct Reads {
    queue: Queue<Read>,
    writer: Arc<Queue<Box<dyn Write>>>,
}

impl Reads {
    pub(super) const fn new(writer: Arc<Queue<Box<dyn Write>>>) -> Self {
        Self {
            queue: Queue::new(READS_WAITING_MAX, usize::MAX),
            writer,
        }
    }

    /// Has something read; the answer arrives through the channel.
    pub(super) fn ask<T, F>(&self, read: F) -> Result<oneshot::Receiver<Result<T, StoreError>>, Turned>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let run = move |file: &StoreFile| {
            // Nobody waits any more: then nobody wants to know.
            let _ = answer.send(file.read(read));
        };
        self.queue.push(0, Box::new(run)).map(|()| answered)
    }

    /// Reads until the queue is closed and empty.
    pub(super) fn run(&self, file: &StoreFile) {
        let _attending = self.queue.attend();
        while let Some((_, read)) = self.queue.pop() {
            read(file);
            if file.has_failed() {
                // The writer opens the file anew. When its queue is full or closed it looks without being told.
                let _ = self.writer.push(0, Box::new(Wake));
            }
        }
    }

    pub(super) fn close(&self) {
        self.queue.close();
    }
}
