//! `crypto.*`: hashes; and what is random in OPA, computed from the arguments instead.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("crypto.md5", 1, |all| {
        Ok(hex(&Md5::digest(all.text(0)?.as_bytes())))
    }),
    ("crypto.sha1", 1, |all| {
        Ok(hex(&Sha1::digest(all.text(0)?.as_bytes())))
    }),
    ("crypto.sha256", 1, |all| {
        Ok(hex(&Sha256::digest(all.text(0)?.as_bytes())))
    }),
    ("crypto.hmac.md5", 2, hmac::<Hmac<Md5>>),
    ("crypto.hmac.sha1", 2, hmac::<Hmac<Sha1>>),
    ("crypto.hmac.sha256", 2, hmac::<Hmac<Sha256>>),
    ("crypto.hmac.sha512", 2, hmac::<Hmac<Sha512>>),
    ("crypto.hmac.equal", 2, |all| {
        Ok((all.text(0)? == all.text(1)?).into())
    }),
    ("rand.intn", 2, random),
    ("uuid.rfc4122", 1, uuid),
];

fn hex(bytes: &[u8]) -> Value {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into()
}

fn hmac<M: Mac + KeyInit>(all: &Arguments<'_>) -> Outcome {
    let mut mac =
        <M as KeyInit>::new_from_slice(all.text(1)?.as_bytes()).map_err(|_| Stop::Undefined)?;
    mac.update(all.text(0)?.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

/// A number below the second argument. The same check gives the same number.
fn random(all: &Arguments<'_>) -> Outcome {
    let limit = all.int(1)?.unsigned_abs();
    let hash = Sha256::digest(all.text(0)?.as_bytes());
    let start: [u8; 8] = hash.first_chunk().copied().ok_or(Stop::Undefined)?;
    Ok(u64::from_be_bytes(start)
        .checked_rem(limit)
        .unwrap_or(0)
        .into())
}

/// A UUID of version 4. The same check gives the same UUID.
fn uuid(all: &Arguments<'_>) -> Outcome {
    let hash = Sha256::digest(all.text(0)?.as_bytes());
    let mut bytes: [u8; 16] = hash.first_chunk().copied().ok_or(Stop::Undefined)?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    Ok(parts.join("-").into())
}
