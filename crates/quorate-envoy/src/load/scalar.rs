//! What one word of a rule file means: YAML 1.1 as the reference's reader resolves it. Texts keep the spelling of their
//! source whatever they resolve to.

/// What a word resolves to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word {
    Null,
    Bool(bool),
    /// A whole number that fits 64 bits with a sign.
    Integer {
        negative: bool,
        magnitude: u64,
        /// `010`, which YAML 1.1 reads in base 8 and hardly anybody else.
        leading_zero: bool,
    },
    /// A number with a fraction or an exponent, one beyond 64 bits, or none at all (`.nan`, `.inf`).
    Fraction,
    Text,
}

/// What a word resolves to; in quotes it is text.
pub(super) fn resolve(text: &str, plain: bool) -> Word {
    if !plain {
        return Word::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Word::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Word::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Word::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" => return Word::Fraction,
        "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => return Word::Fraction,
        _ => {}
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
    if !numeric {
        return Word::Text;
    }
    let digits = text.replace('_', "");
    if text.starts_with('.') {
        return if is_fraction(text) { Word::Fraction } else { Word::Text };
    }
    match integer(&digits) {
        Some((negative, magnitude, leading_zero)) if fits(negative, magnitude) => Word::Integer {
            negative,
            magnitude,
            leading_zero,
        },
        Some((false, ..)) => Word::Fraction,
        _ if is_fraction(&digits) => Word::Fraction,
        _ => Word::Text,
    }
}

/// Whether a word is what a tag says: the reference refuses one that is not.
pub(super) fn is_of(tag: &str, word: &str) -> bool {
    match resolve(word, true) {
        Word::Null => tag == "null",
        Word::Bool(_) => tag == "bool",
        Word::Integer { .. } => tag == "int",
        Word::Fraction => tag == "float",
        Word::Text => {
            tag == "timestamp"
                && word.find(|letter: char| !letter.is_ascii_digit()) == Some(4)
                && word[4..].starts_with('-')
        }
    }
}

fn fits(negative: bool, magnitude: u64) -> bool {
    magnitude <= i64::MAX.unsigned_abs() || negative && magnitude == i64::MIN.unsigned_abs()
}

/// A whole number: its sign, what it is without, and whether a zero before its digits makes it octal.
fn integer(text: &str) -> Option<(bool, u64, bool)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits, leading_zero) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..], false),
        Some("0o") => (8, &digits[2..], false),
        Some("0b") => (2, &digits[2..], false),
        Some(two) if two.starts_with('0') => (8, &digits[1..], true),
        _ => (10, digits, false),
    };
    // The library would take a second sign.
    let first = digits.bytes().next()?;
    if !first.is_ascii_alphanumeric() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    Some((negative, magnitude, leading_zero))
}

/// `1.5`, `.5`, `1.`, `1e3`: digits with a point or an exponent. Whole numbers are too; it is asked last.
fn is_fraction(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some = !whole.is_empty() || !part.is_empty();
    some && all_digits(whole)
        && all_digits(part)
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
        // What no float holds is text.
        && text.parse().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests;
