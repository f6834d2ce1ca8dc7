//! What one word of a policy means: integers, durations, percentages, factors, instants, names. One way to write each.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

/// The longest name of a plan, limit, meter, slot, scope or environment, in bytes: they become labels and headers.
pub(crate) const NAME_BYTES_MAX: usize = 64;
/// The longest free text, in bytes: a reason is a sentence or two.
const TEXT_BYTES_MAX: usize = 1_000;

/// An integer: digits, `_` between them, no leading zero, no sign.
pub(crate) fn integer(text: &str) -> Result<u64, String> {
    let grouped = text.split('_').all(|group| !group.is_empty());
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || b == b'_') || !grouped {
        return Err("is not a whole number".to_owned());
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err("has a leading zero".to_owned());
    }
    text.replace('_', "").parse().map_err(|_| "is too large".to_owned())
}

const UNITS: [(&str, u64); 5] = [
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
];

/// A duration in nanoseconds: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
    match (integer(number), scale) {
        (Ok(number), Some(scale)) => number.checked_mul(scale).ok_or_else(|| "is too long".to_owned()),
        (Err(problem), Some(_)) if !number.is_empty() => Err(format!("is not a duration: `{number}` {problem}")),
        _ => Err("is not a duration".to_owned()),
    }
}

/// A duration as it would be written, in the largest unit that divides it; nanoseconds when none does.
pub(crate) fn written_duration(nanos: u64) -> String {
    UNITS
        .iter()
        .rev()
        .find(|(_, scale)| nanos.is_multiple_of(*scale))
        .map_or_else(
            || format!("{nanos}ns"),
            |(unit, scale)| format!("{}{unit}", nanos / scale),
        )
}

/// A percentage from 1 to 100.
pub(crate) fn percent(text: &str) -> Result<u8, String> {
    let Some(number) = text.strip_suffix('%') else {
        return Err("is not a percentage".to_owned());
    };
    match integer(number).map(u8::try_from) {
        Ok(Ok(value @ 1..=100)) => Ok(value),
        Ok(_) => Err("is not between 1% and 100%".to_owned()),
        Err(problem) => Err(format!("is not a percentage: `{number}` {problem}")),
    }
}

/// The largest factor, in hundredths: a thousand times a limit is no limit.
const FACTOR_MAX: u32 = 100_000;

/// A factor in hundredths: a number with at most two digits after the point, above 0.
pub(crate) fn factor(text: &str) -> Result<u32, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let hundredths = match (integer(whole), part.len(), part.parse::<u32>()) {
        (Ok(whole), 1, Ok(tenths)) if all_digits(part) => whole.checked_mul(100).map(|w| (w, tenths * 10)),
        (Ok(whole), 2, Ok(hundredths)) if all_digits(part) => whole.checked_mul(100).map(|w| (w, hundredths)),
        _ => return Err("is not a factor".to_owned()),
    };
    hundredths
        .and_then(|(whole, part)| u32::try_from(whole.checked_add(u64::from(part))?).ok())
        .filter(|hundredths| (1..=FACTOR_MAX).contains(hundredths))
        .ok_or_else(|| format!("is not between 0.01 and {}", FACTOR_MAX / 100))
}

/// A factor as it would be written.
pub(crate) fn written_factor(hundredths: u32) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => whole.to_string(),
        (whole, part) if part % 10 == 0 => format!("{whole}.{}", part / 10),
        (whole, part) => format!("{whole}.{part:02}"),
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// An instant in nanoseconds since the Unix epoch, as RFC 3339 writes it.
pub(crate) fn timestamp(text: &str) -> Result<u64, String> {
    let instant: Timestamp = text.parse().map_err(|_| "is not an instant".to_owned())?;
    u64::try_from(instant.as_nanosecond()).map_err(|_| "is not between the years 1970 and 2554".to_owned())
}

/// `true` or `false`.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither `true` nor `false`".to_owned()),
    }
}

/// A name of something that the policy declares.
pub(crate) fn name(text: &str) -> Result<&str, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.len() > NAME_BYTES_MAX {
        Err(format!("is longer than {NAME_BYTES_MAX} bytes"))
    } else if text.is_empty() || !text.bytes().all(fits) {
        Err("is not a name".to_owned())
    } else {
        Ok(text)
    }
}

/// The id of an org or a key: what a request may carry.
pub(crate) fn id(text: &str) -> Result<&str, String> {
    let max = quorate_core::request::KEY_BYTES_MAX.min(quorate_core::request::ORG_BYTES_MAX);
    if text.is_empty() {
        Err("is empty".to_owned())
    } else if text.len() > max {
        Err(format!("is longer than {max} bytes"))
    } else if text.chars().any(char::is_control) {
        Err("has control characters".to_owned())
    } else {
        Ok(text)
    }
}

/// Free text.
pub(crate) fn text(text: &str) -> Result<&str, String> {
    if text.trim().is_empty() {
        Err("is empty".to_owned())
    } else if text.len() > TEXT_BYTES_MAX {
        Err(format!("is longer than {TEXT_BYTES_MAX} bytes"))
    } else {
        Ok(text)
    }
}

/// The keyed hash of a credential: 32 bytes in lower-case hex.
pub(crate) fn credential_hash(text: &str) -> Result<[u8; 32], String> {
    let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let hash = blake3::Hash::from_hex(text).ok().filter(|_| lower);
    hash.map(|hash| *hash.as_bytes())
        .ok_or_else(|| "is not a hash of 64 hex digits (0-9, a-f)".to_owned())
}

/// A time zone of the IANA database, which is built in. Its canonical spelling.
pub(crate) fn time_zone(text: &str) -> Result<&str, String> {
    let known = TimeZoneDatabase::bundled()
        .get(text)
        .is_ok_and(|zone| zone.iana_name() == Some(text));
    if known {
        Ok(text)
    } else {
        Err("is not a time zone of the IANA database".to_owned())
    }
}

/// All names of time zones.
pub(crate) fn time_zones() -> Vec<String> {
    TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
