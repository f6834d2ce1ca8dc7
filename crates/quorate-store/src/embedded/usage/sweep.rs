//! Finding rows of usage whose life is over, in small steps: by org and span, whose rows are in the order of their
//! starts, so that the rows that live are stepped over and not read.

use std::ops::Bound;

use redb::ReadableTable;

use super::super::fault::Fault;
use super::super::tables::{Scan, scan};
use super::{code, decode_row_key};
use crate::code::{Writer, after_prefix};
use crate::usage::{FORGOTTEN_AT_ONCE, Life, UsageKey};

/// Orgs and spans that one step looks at: some milliseconds of reading.
const GROUPS_PER_STEP: usize = 1_024;

/// What one step found.
pub(super) struct Swept {
    /// The keys of rows whose life is over.
    pub(super) over: Vec<Vec<u8>>,
    /// Where the next step begins.
    pub(super) next: Vec<u8>,
}

/// Looks from `from` on.
pub(super) fn step(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    from: Vec<u8>,
    life: Life,
) -> Result<Swept, Fault> {
    let mut swept = Swept {
        over: Vec::new(),
        next: from,
    };
    for _ in 0..GROUPS_PER_STEP {
        let mut first = None;
        scan(table, Bound::Included(&swept.next), None, |key, _| {
            first = Some(decode_row_key(key)?.0);
            Ok(Scan::Enough)
        })?;
        let Some(first) = first else {
            // The end: the next step begins anew.
            swept.next = Vec::new();
            break;
        };
        let group = Writer::key().part(&first.org).byte(code(first.span)).finish();
        let after = after_prefix(&group);
        let mut is_full = false;
        scan(table, Bound::Included(&swept.next), after.as_deref(), |key, _| {
            let (UsageKey { span, start_s, .. }, _) = decode_row_key(key)?;
            if life.left_s(span, start_s) != Some(0) {
                return Ok(Scan::Enough);
            }
            swept.over.push(key.to_owned());
            is_full = swept.over.len() >= FORGOTTEN_AT_ONCE;
            Ok(if is_full { Scan::Enough } else { Scan::GoOn })
        })?;
        if is_full {
            // More of this group may be over; what was found is gone by then.
            swept.next = group;
            break;
        }
        swept.next = after.unwrap_or_default();
        if swept.next.is_empty() {
            break;
        }
    }
    Ok(swept)
}
