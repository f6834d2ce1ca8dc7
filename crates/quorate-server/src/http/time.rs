//! Instants as people and programs read them: RFC 3339, in UTC.

use jiff::Timestamp;

/// Writes nanoseconds since the Unix epoch; with a fraction only where there is one.
pub(super) fn rfc3339(unix_ns: u64) -> String {
    // Every u64 of nanoseconds lies within the years that a timestamp reaches.
    Timestamp::from_nanosecond(i128::from(unix_ns)).map_or_else(|_| String::new(), |at| at.to_string())
}
