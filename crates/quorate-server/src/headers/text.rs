//! Names in header fields. A policy may name a limit as it likes, a header field carries printable ASCII only: what it
//! cannot carry is percent-encoded, and `%` with it, so that the name can be told from the field.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The name in printable ASCII.
pub(super) fn ascii(name: &str) -> Cow<'_, str> {
    if name.bytes().all(is_carried) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        if is_carried(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

/// The name as the inside of a quoted string: printable ASCII, quotes and backslashes escaped.
pub(super) fn quoted(name: &str) -> Cow<'_, str> {
    let name = ascii(name);
    if name.contains(['"', '\\']) {
        Cow::Owned(name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        name
    }
}

fn is_carried(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'%'
}
