//! Encodings and checksums.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

use super::{Call, Function, fixed};
use crate::template::bytes;
use crate::template::error::Problem;
use crate::template::inputs::Inputs;
use crate::template::text::Text;
use crate::template::value::{Type, Value};

const TEXT: &[Type] = &[Type::String];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("b64enc", TEXT, |call| {
        let text = STANDARD.encode(call.bytes(0));
        call.computed_text(text)
    }),
    fixed("b64dec", TEXT, |call| decoded(call, decode64)),
    fixed("b32enc", TEXT, |call| {
        let text = encode32(&call.bytes(0));
        call.computed_text(text)
    }),
    fixed("b32dec", TEXT, |call| decoded(call, decode32)),
    fixed("sha1sum", TEXT, |call| {
        let sum = sha1::Sha1::digest(&*call.bytes(0));
        call.computed_text(hex(&sum))
    }),
    fixed("sha256sum", TEXT, |call| {
        let sum = sha2::Sha256::digest(&*call.bytes(0));
        call.computed_text(hex(&sum))
    }),
    fixed("sha512sum", TEXT, |call| {
        let sum = sha2::Sha512::digest(&*call.bytes(0));
        call.computed_text(hex(&sum))
    }),
    fixed("adler32sum", TEXT, |call| {
        let sum = adler32(&call.bytes(0));
        call.computed_text(sum.to_string())
    }),
];

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        _ = write!(out, "{byte:02x}");
    }
    out
}

/// The decoded text, or the message of an error, as sprig gives it.
fn decoded(
    call: &mut Call<'_>,
    decode: fn(&str) -> Result<Vec<u8>, String>,
) -> Result<Value, Problem> {
    match decode(call.str(0)) {
        Ok(bytes) => {
            call.budget.bytes(bytes.len())?;
            let text = Text::of_bytes(&bytes, &Inputs::NONE);
            call.computed(Value::string(text))
        }
        Err(message) => call.computed_text(message),
    }
}

/// Decodes as Go does, which tells the offset of the first byte that is wrong.
fn decode64(text: &str) -> Result<Vec<u8>, String> {
    let illegal = |at: usize| format!("illegal base64 data at input byte {at}");
    let bytes = text.bytes().enumerate();
    let mut bytes = bytes.filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    while let Some((at, byte)) = bytes.next() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if count == 2 => match bytes.next() {
                Some((_, b'=')) => return padded(out, bits << 12, 1, bytes.next(), illegal),
                Some((at, _)) => return Err(illegal(at)),
                None => return Err(illegal(text.len())),
            },
            b'=' if count == 3 => return padded(out, bits << 6, 2, bytes.next(), illegal),
            _ => return Err(illegal(at)),
        };
        bits = bits << 6 | u32::from(digit);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        0 => Ok(out),
        count => Err(illegal(text.len() - count)),
    }
}

/// The end of a text with padding, behind which nothing may follow.
fn padded(
    mut out: Vec<u8>,
    bits: u32,
    count: usize,
    after: Option<(usize, u8)>,
    illegal: impl Fn(usize) -> String,
) -> Result<Vec<u8>, String> {
    if let Some((at, _)) = after {
        return Err(illegal(at));
    }
    out.extend_from_slice(&bits.to_be_bytes()[1..1 + count]);
    Ok(out)
}

const ALPHABET32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let used = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let digit = (bits >> (35 - 5 * index)) & 31;
            out.push(match index < used {
                true => char::from(ALPHABET32[digit as usize]),
                false => '=',
            });
        }
    }
    out
}

/// Decodes as Go does, which tells the offset of the first byte that is wrong.
fn decode32(text: &str) -> Result<Vec<u8>, String> {
    let written = bytes::of_string(text);
    let bytes: Vec<u8> = written
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let illegal = |at: usize| format!("illegal base32 data at input byte {at}");
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u64, 0);
    for (at, byte) in bytes.iter().enumerate() {
        let after = &bytes[at + 1..];
        if *byte == b'=' && count >= 2 && after.len() < 8 {
            if after.len() + count < 7 {
                return Err(illegal(bytes.len()));
            }
            let padding = after.iter().take(7 - count);
            if let Some(wrong) = padding.enumerate().find(|(_, byte)| **byte != b'=') {
                return Err(illegal(at + wrong.0));
            }
            if matches!(count, 3 | 6) {
                return Err(illegal(at));
            }
            bits <<= 5 * (8 - count);
            out.extend_from_slice(&bits.to_be_bytes()[3..3 + count * 5 / 8]);
            return Ok(out);
        }
        let digit = ALPHABET32.iter().position(|letter| letter == byte);
        bits = bits << 5 | digit.ok_or_else(|| illegal(at))? as u64;
        count += 1;
        if count == 8 {
            out.extend_from_slice(&bits.to_be_bytes()[3..]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        0 => Ok(out),
        count => Err(illegal(bytes.len() - count)),
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}
