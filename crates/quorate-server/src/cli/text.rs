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

/// Reads a duration as policies write them: `100ms`, `1s`, `5m`, `1h`, `1d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is no duration: 100ms, 1s, 5m, 1h or 1d is expected"))?;
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        unit => return Err(format!("`{unit}` is no unit of time: ms, s, m, h or d is expected")),
    };
    let millis = number.checked_mul(millis).ok_or("the duration is too long")?;
    Ok(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests;
