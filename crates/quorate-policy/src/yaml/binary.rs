//! Base 64, as `!!binary` holds text.

/// The text that is encoded; `None` when it is not, or not text.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let digits: Vec<u8> = encoded.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let (groups, rest) = digits.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    for (place, group) in groups.iter().enumerate() {
        let given = group.iter().take_while(|digit| **digit != b'=').count();
        let padded = group[given..].iter().all(|digit| *digit == b'=');
        if given < 2 || !padded || given < 4 && place + 1 < groups.len() {
            return None;
        }
        let mut bits = 0_u32;
        for digit in &group[..given] {
            bits = bits << 6 | u32::from(value(*digit)?);
        }
        bits <<= 6 * (4 - given);
        bytes.extend_from_slice(&bits.to_be_bytes()[1..given]);
    }
    String::from_utf8(bytes).ok()
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
