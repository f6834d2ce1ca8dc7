//! Reads the lines of an export.

use std::io::{BufRead, Read};

use super::TransferError;
use super::line::Line;

/// The most bytes of a line. The longest that an export has is a document of a megabyte in which every character takes
/// six.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Lines on their way in.
pub(super) struct Input<R> {
    from: R,
    /// The line that was read last, from 1.
    pub(super) line: u64,
    bytes: Vec<u8>,
}

/// A line, and about how much memory it takes.
pub(super) struct Arrived {
    pub(super) line: Line,
    pub(super) bytes: usize,
}

impl<R: BufRead> Input<R> {
    pub(super) const fn new(from: R) -> Self {
        Self {
            from,
            line: 0,
            bytes: Vec::new(),
        }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Arrived>, TransferError> {
        self.bytes.clear();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.from.by_ref().take(most).read_until(b'\n', &mut self.bytes);
        if read.map_err(TransferError::Read)? == 0 {
            return Ok(None);
        }
        let ended = self.bytes.last() == Some(&b'\n');
        if !ended && self.bytes.len() > LINE_BYTES_MAX {
            return Err(self.wrong(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        self.line = self.line.saturating_add(1);
        match serde_json::from_slice(&self.bytes) {
            Ok(line) => Ok(Some(Arrived {
                line,
                bytes: self.bytes.len(),
            })),
            // A line that has no end and makes no sense was cut off, not mistyped.
            Err(_) if !ended => Err(TransferError::CutOff {
                line: self.line.saturating_sub(1),
            }),
            Err(error) => Err(TransferError::Line {
                line: self.line,
                reason: error.to_string(),
            }),
        }
    }

    fn wrong(&self, reason: String) -> TransferError {
        TransferError::Line {
            line: self.line.saturating_add(1),
            reason,
        }
    }
}
