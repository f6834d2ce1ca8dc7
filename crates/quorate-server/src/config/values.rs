//! How values are written: durations, sizes, addresses and the like.

use std::net::SocketAddr;
use std::time::Duration;

/// The least that anything is kept: what is written late by a store that was away is not to be gone at once.
const KEPT_MIN: Duration = Duration::from_secs(3_600);

/// Units of durations, longest name first where one ends with another.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Units of sizes.
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `250ms`, `5s`, `1m`, `1h`, `1d`, or `0`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration, such as `250ms`, `5s` or `10m`");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (number, unit_ms) = DURATION_UNITS
        .iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, *ms)))
        .ok_or_else(wrong)?;
    let number = integer(number).map_err(|_| wrong())?;
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(wrong)
}

/// How long something is kept: a duration, or `0` for ever, which is `None`.
pub(crate) fn kept(text: &str) -> Result<Option<Duration>, String> {
    match duration(text)? {
        Duration::ZERO => Ok(None),
        kept if kept < KEPT_MIN => Err("it must be at least `1h`, or `0` for ever".to_owned()),
        kept => Ok(Some(kept)),
    }
}

/// `4096`, `64KiB`, `4MiB`, `1GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size, such as `4096`, `64KiB` or `1GiB`");
    let (number, unit) = SIZE_UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)))
        .unwrap_or((text, 1));
    let number = integer(number).map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

/// An integer that may have `_` between digits.
pub(super) fn integer(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a whole number");
    if text.starts_with('_') || text.ends_with('_') || text.starts_with('+') {
        return Err(wrong());
    }
    text.replace('_', "").parse().map_err(|_| wrong())
}

/// An address and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.replace("localhost:", "127.0.0.1:")
        .parse()
        .map_err(|_| format!("`{text}` is not an address with a port, such as `127.0.0.1:8081`"))
}

/// `true` or `false`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            format!("`{text}` is not one of {}", words.join(", "))
        })
}

/// 32 bytes as 64 hex digits.
pub(crate) fn hex_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_exact() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(size("4096"), Ok(4_096));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1_0MiB"), Ok(10 << 20));
        for wrong in ["", "5", "s", "-1s", "1.5s", "1 s", "99999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "KiB", "1KB", "-1", "1e3", "99999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_for_ever_is_kept_for_no_time_at_all() {
        assert_eq!(kept("0"), Ok(None));
        assert_eq!(kept("0s"), Ok(None));
        assert_eq!(kept("35d"), Ok(Some(Duration::from_secs(35 * 86_400))));
        assert!(kept("59m").is_err());
        assert!(kept("always").is_err());
    }

    #[test]
    fn words_say_what_they_could_be() {
        let words = [("auto", 0), ("json", 1)];
        assert_eq!(word("json", &words), Ok(1));
        assert_eq!(
            word("xml", &words),
            Err("`xml` is not one of `auto`, `json`".to_owned())
        );
    }

    #[test]
    fn hex_is_64_digits() {
        assert_eq!(hex_32(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(hex_32(&"0f".repeat(31)), None);
        assert_eq!(hex_32(&"+f".repeat(32)), None);
    }
}
