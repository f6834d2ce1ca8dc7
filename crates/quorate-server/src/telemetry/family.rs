//! Metrics as they are gathered: named families of samples, before any format.

use std::borrow::Cow;

/// How the values of a family behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; starts at 0 with the process. The page for Prometheus puts `_total` behind its name.
    Counter,
    /// Rises and falls.
    Gauge,
    /// A distribution in buckets.
    Histogram,
}

/// All samples of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The metric's name.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// What it says, without a full stop.
    pub help: &'static str,
    /// Its samples; no two have the same labels.
    pub samples: Vec<Sample>,
}

/// One value of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What tells it from the other samples of its family.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// The value.
    pub value: Value,
}

/// What a sample holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(u64),
    /// Of a histogram.
    Distribution(Distribution),
}

/// How durations are distributed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many fell into each bucket, the unbounded one last.
    pub counts: Vec<u64>,
    /// Their sum, in nanoseconds.
    pub sum_ns: u64,
}

impl Family {
    /// A family without samples.
    pub(super) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            samples: Vec::new(),
        }
    }

    /// With its only sample.
    pub(super) fn of(mut self, value: u64) -> Self {
        self.samples.push(Sample {
            labels: Vec::new(),
            value: Value::Number(value),
        });
        self
    }

    /// With one more sample, told apart by one label.
    pub(super) fn by(mut self, label: &'static str, is: impl Into<Cow<'static, str>>, value: u64) -> Self {
        self.samples.push(Sample {
            labels: vec![(label, is.into())],
            value: Value::Number(value),
        });
        self
    }
}
