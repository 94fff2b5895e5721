//! Strings of Go hold any bytes, those of Rust only UTF-8.
//!
//! A byte that is not part of a character (`"\xff"`, or half of an `é` that `trunc` cut) stands in
//! a string as a *stray*: one of the last 128 code points of Unicode, which no text uses.

use std::borrow::Cow;

/// The code point that stands for the byte 0.
const FIRST: u32 = 0x10_FF00;
/// The first byte of all strays in UTF-8.
const LEAD: u8 = 0xF4;

/// The stray that stands for a byte.
fn stray(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a stray stands for; `None` for every other character.
pub(super) fn byte_of(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(FIRST)?;
    u8::try_from(byte).ok().filter(|byte| !byte.is_ascii())
}

/// True if a string stands for bytes that are not UTF-8.
pub(super) fn has_strays(text: &str) -> bool {
    first_stray(text).is_some()
}

/// The offset of the first byte of a string that is not UTF-8.
pub(crate) fn first_stray(text: &str) -> Option<usize> {
    if !text.as_bytes().contains(&LEAD) {
        return None;
    }
    let mut each = text.char_indices();
    each.find_map(|(at, c)| byte_of(c).map(|_| at))
}

/// The string that stands for bytes.
pub(super) fn to_string(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|byte| stray(*byte)));
    }
    out
}

/// The bytes that a string stands for.
pub(super) fn of_string(text: &str) -> Cow<'_, [u8]> {
    if !has_strays(text) {
        return text.as_bytes().into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes.into()
}

/// The string with U+FFFD in place of strays.
pub(super) fn replaced(text: &str) -> Cow<'_, str> {
    with(text, "\u{fffd}")
}

/// The string with something else in place of each stray.
pub(super) fn with<'t>(text: &'t str, replacement: &str) -> Cow<'t, str> {
    if !has_strays(text) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(_) => out.push_str(replacement),
            None => out.push(c),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [&b"a\xff\xc3\xa9\xe2\x80"[..], b"", b"plain", b"\x80"] {
            let text = to_string(bytes);
            assert_eq!(&*of_string(&text), bytes);
            assert_eq!(has_strays(&text), std::str::from_utf8(bytes).is_err());
        }
        assert_eq!(replaced(&to_string(b"a\xffb")), "a\u{fffd}b");
        assert!(!has_strays("\u{100000}é"));
        assert_eq!(first_stray(&to_string(b"\xc3\xa9\xc3")), Some(2));
    }
}
