//! Who is denied most: the keys and the limits of the last minutes, in bounded space.
//!
//! Counts are of denials, per (org, key) and per (org, limit), and may be too large by a stated error, never too
//! small. Keys are ids; credentials never come here.

use std::collections::HashMap;
use std::mem;

use parking_lot::Mutex;
use quorate_core::answer::Answer;
use quorate_core::request::KEY_BYTES_MAX;

use super::space_saving::{Counted, SpaceSaving};
use crate::http::reason::told;

/// Elements per thread, kind and epoch: whatever makes up more than 1/256 of a thread's denials is found. At most
/// 256 × 2 × 2 × 512 bytes ≈ 512 KiB per thread.
const PLACES: usize = 256;

/// The longest text that is kept of an org or a key: that of a valid one.
const TEXT_BYTES_MAX: usize = KEY_BYTES_MAX;

/// One thread's denials, in this epoch and in the one before.
#[derive(Debug, Default)]
pub(super) struct Throttled {
    now: Epoch,
    before: Epoch,
}

#[derive(Debug)]
struct Epoch {
    keys: SpaceSaving,
    limits: SpaceSaving,
}

impl Default for Epoch {
    fn default() -> Self {
        Self {
            keys: SpaceSaving::new(PLACES),
            limits: SpaceSaving::new(PLACES),
        }
    }
}

impl Throttled {
    /// Counts a denial.
    pub(super) fn count(&mut self, answer: &Answer<'_>, key: &str) {
        let org = shortened(answer.by.org);
        self.now.keys.count(org, shortened(key));
        let by = answer
            .binding
            .map_or_else(|| told(answer.reason).code, |binding| binding.name);
        self.now.limits.count(org, shortened(by));
    }

    /// Forgets the epoch before this one and begins the next.
    pub(super) fn end_epoch(&mut self) {
        self.before = mem::take(&mut self.now);
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// One key or limit, with its denials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The org.
    pub org: String,
    /// The key's id, empty for credentials; or the limit's name, or, where no limit denied, the reason's code.
    pub name: String,
    /// How many denials there were, at most.
    pub count: u64,
    /// How many of them may have been others'.
    pub error: u64,
}

/// The most denied, most first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThrottledReport {
    /// The beginning of what is counted here, in nanoseconds since the Unix epoch.
    pub since_unix_ns: u64,
    /// Keys.
    pub keys: Vec<Denied>,
    /// Limits.
    pub limits: Vec<Denied>,
}

/// Sums the counts of all threads and both epochs.
pub(super) fn report<'a>(
    shards: impl Iterator<Item = &'a Mutex<Throttled>>,
    most: usize,
    since_unix_ns: u64,
) -> ThrottledReport {
    let (mut keys, mut limits) = (Sum::default(), Sum::default());
    for shard in shards {
        let shard = shard.lock();
        for epoch in [&shard.now, &shard.before] {
            keys.add(&epoch.keys);
            limits.add(&epoch.limits);
        }
    }
    ThrottledReport {
        since_unix_ns,
        keys: keys.most(most),
        limits: limits.most(most),
    }
}

/// The sum of several sketches. What has no place in one of them may have occurred there as often as its least
/// frequent: that much is added to count and error.
#[derive(Default)]
struct Sum {
    by_element: HashMap<(String, String), Part>,
    floors: u64,
}

#[derive(Default)]
struct Part {
    count: u64,
    error: u64,
    /// The floors of the sketches in which the element has a place.
    floors: u64,
}

impl Sum {
    fn add(&mut self, sketch: &SpaceSaving) {
        let floor = sketch.floor();
        self.floors += floor;
        for Counted {
            first,
            second,
            count,
            error,
        } in sketch.counted()
        {
            let part = self.by_element.entry((first.clone(), second.clone())).or_default();
            part.count += count;
            part.error += error;
            part.floors += floor;
        }
    }

    fn most(self, most: usize) -> Vec<Denied> {
        let floors = self.floors;
        let mut all: Vec<_> = self
            .by_element
            .into_iter()
            .map(|((org, name), part)| {
                let elsewhere = floors - part.floors;
                Denied {
                    org,
                    name,
                    count: part.count + elsewhere,
                    error: part.error + elsewhere,
                }
            })
            .collect();
        // By what is certain, so that a crowd of strangers does not hide who is really denied.
        all.sort_by(|a, b| {
            let certain = (b.count - b.error).cmp(&(a.count - a.error));
            certain.then_with(|| (&a.org, &a.name).cmp(&(&b.org, &b.name)))
        });
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests;
