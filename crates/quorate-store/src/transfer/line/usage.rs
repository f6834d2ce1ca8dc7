//! A row of usage, as a line.

use std::sync::Arc;

use quorate_core::grant::HolderId;
use serde::{Deserialize, Serialize};

use super::{Record, holder};
use crate::usage::{Span, UsageKey, Used};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transfer) struct UsageLine {
    org: Arc<str>,
    span: SpanField,
    start_s: u64,
    key: Arc<str>,
    endpoint: Arc<str>,
    meter: Arc<str>,
    writer: String,
    calls: u64,
    units: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SpanField {
    Hour,
    Day,
    Month,
}

impl UsageLine {
    pub(super) fn of(key: UsageKey, writer: HolderId, used: Used) -> Self {
        Self {
            org: key.org,
            span: match key.span {
                Span::Hour => SpanField::Hour,
                Span::Day => SpanField::Day,
                Span::Month => SpanField::Month,
            },
            start_s: key.start_s,
            key: key.key,
            endpoint: key.endpoint,
            meter: key.meter,
            writer: writer.to_string(),
            calls: used.calls,
            units: used.units,
        }
    }

    pub(super) fn into_record(self) -> Result<Record, &'static str> {
        let key = UsageKey {
            org: self.org,
            span: match self.span {
                SpanField::Hour => Span::Hour,
                SpanField::Day => Span::Day,
                SpanField::Month => Span::Month,
            },
            start_s: self.start_s,
            key: self.key,
            endpoint: self.endpoint,
            meter: self.meter,
        };
        let used = Used {
            calls: self.calls,
            units: self.units,
        };
        Ok(Record::Usage(key, holder(&self.writer)?, used))
    }
}
