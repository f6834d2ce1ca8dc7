//! How values read on a terminal.

use std::fmt;
use std::time::Duration;

/// A duration in the largest unit that says it exactly, or to the millisecond: `1h`, `90s`, `1.250s`, `3.2ms`, `41µs`.
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        match (seconds, nanos) {
            (0, 0) => f.write_str("0s"),
            (0, 0..1_000) => write!(f, "{nanos}ns"),
            (0, 0..1_000_000) => write!(f, "{}µs", nanos / 1_000),
            (0, _) => write!(f, "{}.{}ms", nanos / 1_000_000, nanos / 100_000 % 10),
            (_, 0) if seconds % 86_400 == 0 => write!(f, "{}d", seconds / 86_400),
            (_, 0) if seconds % 3_600 == 0 => write!(f, "{}h", seconds / 3_600),
            (_, 0) if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            (_, 0) => write!(f, "{seconds}s"),
            _ => write!(f, "{seconds}.{:03}s", nanos / 1_000_000),
        }
    }
}

/// A count with its thousands apart: `1,234,567`.
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// The longest duration that a command is given, as in policies: instants so far from now always exist.
const DURATION_MAX: Duration = Duration::from_secs(400 * 86_400);

/// Reads a duration as policies write them: `100ms`, `1s`, `5m`, `1h`, `1d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("`{text}` is no duration: 100ms, 1s, 5m, 1h or 1d is expected"));
    }
    let millis: u64 = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => {
            return Err(format!(
                "a unit is missing: {digits}ms, {digits}s, {digits}m, {digits}h or {digits}d?"
            ));
        }
        unit => return Err(format!("`{unit}` is no unit of time: ms, s, m, h or d is expected")),
    };
    let millis = digits.parse().ok().and_then(|number: u64| number.checked_mul(millis));
    millis
        .map(Duration::from_millis)
        .filter(|duration| *duration <= DURATION_MAX)
        .ok_or_else(|| "it is longer than 400 days".to_owned())
}

/// Reads a duration that is not nothing.
pub fn some_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than that".to_owned()),
        some => Ok(some),
    }
}

/// Reads a number of units, with `_` between digits where that reads better, as policies write them.
pub fn units(text: &str) -> Result<u64, String> {
    let apart = text.strip_prefix('_').or(text.strip_suffix('_')).is_none();
    let digits = text.replace('_', "");
    let plain = apart && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !plain {
        return Err(format!("`{text}` is no whole number of units"));
    }
    digits.parse().map_err(|_| format!("{text} is more than {}", u64::MAX))
}

#[cfg(test)]
mod tests;
