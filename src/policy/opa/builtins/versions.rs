//! `semver.*`: strict versions, whose order follows the standard.

use std::cmp::Ordering;

use super::Function;
use super::arguments::Stop;

pub(super) const FUNCTIONS: &[Function] = &[
    ("semver.is_valid", 1, |all| {
        Ok(all
            .text(0)
            .is_ok_and(|text| Version::parse(text).is_some())
            .into())
    }),
    ("semver.compare", 2, |all| {
        let version = |at: usize| Version::parse(all.text(at)?).ok_or(Stop::Undefined);
        Ok(match version(0)?.order(&version(1)?) {
            Ordering::Less => -1i64,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
        .into())
    }),
];

struct Version<'t> {
    numbers: [u64; 3],
    prerelease: &'t str,
}

impl<'t> Version<'t> {
    fn parse(text: &'t str) -> Option<Version<'t>> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        let (core, prerelease) = match text.split_once('-') {
            Some((core, prerelease)) => (core, Some(prerelease)),
            None => (text, None),
        };
        let is_identifier = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !part.is_empty() && part.bytes().all(plain)
        };
        let is_padded = |part: &str| {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            part.len() > 1 && part.starts_with('0') && is_number
        };
        if prerelease.is_some_and(|suffix| suffix.split('.').any(is_padded)) {
            return None;
        }
        let suffixes = prerelease.into_iter().chain(build);
        if !suffixes
            .flat_map(|suffix| suffix.split('.'))
            .all(is_identifier)
        {
            return None;
        }
        let mut numbers = [0; 3];
        let mut parts = core.split('.');
        for number in &mut numbers {
            let part = parts.next()?;
            let is_number = !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && (part == "0" || !part.starts_with('0'));
            *number = part.parse().ok().filter(|_| is_number)?;
        }
        parts.next().is_none().then_some(Version {
            numbers,
            prerelease: prerelease.unwrap_or_default(),
        })
    }

    fn order(&self, other: &Version<'_>) -> Ordering {
        let by_numbers = self.numbers.cmp(&other.numbers);
        by_numbers.then_with(|| match (self.prerelease, other.prerelease) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (one, other) => order_identifiers(one, other),
        })
    }
}

/// Numbers come before words, and a shorter list before a longer one.
fn order_identifiers(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        let ordering = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => match (one.parse::<u64>(), other.parse::<u64>()) {
                (Ok(one), Ok(other)) => one.cmp(&other),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => one.cmp(other),
            },
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}
