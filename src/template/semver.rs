//! Versions and ranges of versions as Helm and sprig compare them (`Masterminds/semver` 3.5).
//!
//! Versions may be short (`1.2`, `v1`). A range such as `>=1.2 <2 || ^3` has groups, of which one
//! must hold. A version with a prerelease (`1.2.0-rc.1`) only fits a group that names one.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The longest range, in bytes.
const LONGEST: usize = 512;
/// How many groups a range may have.
const MOST_GROUPS: usize = 32;
/// The operators, the longest first where one begins another.
const OPERATORS: &str = r"!=|>=|=>|<=|=<|~>|=|>|<|~|\^|";
/// A version in a range, which may have placeholders.
const WRITTEN: &str = r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?(-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?";

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What follows `-`; empty without it.
    pub prerelease: String,
    /// What follows `+`; empty without it.
    pub metadata: String,
    /// As written.
    pub original: String,
}

/// A range of versions.
#[derive(Clone, Debug)]
pub struct Range {
    groups: Vec<Vec<Bound>>,
}

/// One comparison in a range.
#[derive(Clone, Debug)]
struct Bound {
    operator: String,
    version: Version,
    /// How many numbers are given, from 0 (`*`) to 3.
    given: usize,
}

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(
        r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?$",
    )
});
static BOUND: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!(r"^\s*({OPERATORS})\s*{WRITTEN}\s*$")));
static FOUND: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!(r"(?:{OPERATORS})\s*{WRITTEN}")));
static GROUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(&format!(
        r"^(?:\s*(?:{OPERATORS})\s*{WRITTEN}\s*)(?:(?:\s+|,\s*)(?:{OPERATORS})\s*{WRITTEN}\s*)*$"
    ))
});
static HYPHEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!(r"\s*({WRITTEN})\s+-\s+({WRITTEN})\s*")));

impl Version {
    /// Reads a version; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Version> {
        const LONGEST: usize = 256;
        if text.len() > LONGEST {
            return None;
        }
        let found = VERSION.as_ref()?.captures(text)?;
        let group = |at| found.get(at).map_or("", |found| found.as_str());
        let number = |at: usize| match group(at).trim_start_matches('.') {
            "" => Some(0),
            digits => digits.parse().ok(),
        };
        let prerelease = group(5);
        let is_valid = |part: &str| {
            !(part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()))
        };
        prerelease.split('.').all(is_valid).then_some(())?;
        Some(Version {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            prerelease: prerelease.to_string(),
            metadata: group(6).to_string(),
            original: text.to_string(),
        })
    }

    /// The order of two versions; metadata plays no part.
    pub fn compare(&self, other: &Version) -> Ordering {
        let numbers = |version: &Version| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.as_str(), other.prerelease.as_str()) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (one, other) => by_prerelease(one, other),
            }
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(formatter, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(formatter, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn by_prerelease(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        let order = match (one.next(), other.next()) {
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
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl Range {
    /// Reads a range. The error is worded as in Go.
    pub fn parse(text: &str) -> Result<Range, String> {
        if text.len() > LONGEST {
            return Err(format!(
                "constraint string is too long (max {LONGEST} bytes)"
            ));
        }
        let improper = |part: &str| format!("improper constraint: {part:?}");
        let (Some(group), Some(found), Some(hyphen)) = (&*GROUP, &*FOUND, &*HYPHEN) else {
            return Err(improper(text));
        };
        // `1.2 - 2` is `>=1.2 <=2`
        let second = 1 + WRITTEN.matches('(').count() - WRITTEN.matches("(?:").count() + 1;
        let plain = hyphen.replace_all(text, |found: &Captures<'_>| {
            let part = |at| found.get(at).map_or("", |found| found.as_str());
            format!(">= {}, <= {} ", part(1), part(second))
        });
        let parts: Vec<&str> = plain.split("||").collect();
        if parts.len() > MOST_GROUPS {
            return Err(format!("too many constraint groups (max {MOST_GROUPS})"));
        }
        let mut groups = Vec::new();
        for part in parts {
            if !group.is_match(part) {
                return Err(improper(part));
            }
            let bounds = found
                .find_iter(part)
                .map(|bound| Bound::parse(bound.as_str()).ok_or_else(|| improper(bound.as_str())));
            groups.push(bounds.collect::<Result<_, _>>()?);
        }
        Ok(Range { groups })
    }

    /// Whether a version lies in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.groups.iter().any(|bounds| {
            let named = bounds
                .iter()
                .any(|bound| !bound.version.prerelease.is_empty());
            let allowed = version.prerelease.is_empty() || named;
            allowed && bounds.iter().all(|bound| bound.holds(version))
        })
    }
}

impl Bound {
    fn parse(text: &str) -> Option<Bound> {
        let found = BOUND.as_ref()?.captures(text)?;
        let group = |at| found.get(at).map_or("", |found| found.as_str());
        let number = |at: usize| group(at).trim_start_matches('.');
        let is_open = |text: &str| matches!(text, "" | "x" | "X" | "*");
        let numbers = [number(2), number(3), number(4)];
        let given = numbers.iter().take_while(|number| !is_open(number)).count();
        let numbers = numbers.iter().take(given).copied();
        let mut numbers: Vec<&str> = numbers.collect();
        numbers.resize(3, "0");
        let version = Version::parse(&format!("{}{}", numbers.join("."), group(5)))?;
        Some(Bound {
            operator: group(1).to_string(),
            version,
            given,
        })
    }

    fn holds(&self, version: &Version) -> bool {
        let (own, order) = (&self.version, version.compare(&self.version));
        let whole = self.given == 3;
        let (major, minor) = (version.major.cmp(&own.major), version.minor.cmp(&own.minor));
        match self.operator.as_str() {
            "" | "=" if whole => order == Ordering::Equal,
            "" | "=" | "~" | "~>" => self.tilde(version),
            "!=" => self.differs(version),
            ">" => match self.given {
                0 if major == Ordering::Equal => order == Ordering::Greater,
                1 => major == Ordering::Greater,
                2 if major == Ordering::Equal => minor == Ordering::Greater,
                2 => major == Ordering::Greater,
                _ => order == Ordering::Greater,
            },
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" if whole => order != Ordering::Greater,
            "<=" | "=<" => match major {
                Ordering::Less => true,
                Ordering::Greater => false,
                Ordering::Equal => minor != Ordering::Greater || self.given == 1,
            },
            _ => self.caret(version),
        }
    }

    /// `~1.2.3` and `1.2.x`: the numbers that are given stay, but the last of three.
    fn tilde(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own) == Ordering::Less {
            return false;
        }
        let is_zero = (own.major, own.minor, own.patch) == (0, 0, 0);
        if is_zero && !matches!(self.given, 1 | 2) {
            return true;
        }
        version.major == own.major && (version.minor == own.minor || self.given == 1)
    }

    fn differs(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.given {
            3 => version.compare(own) != Ordering::Equal,
            _ if version.major != own.major => true,
            1 => false,
            _ if version.minor != own.minor => true,
            2 => {
                let pre = (version.prerelease.as_str(), own.prerelease.as_str());
                pre != ("", "") && by_prerelease(pre.0, pre.1) != Ordering::Equal
            }
            _ => version.compare(own) != Ordering::Equal,
        }
    }

    /// `^1.2.3`: the first number that is not zero stays.
    fn caret(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own) == Ordering::Less {
            return false;
        }
        if own.major > 0 || self.given == 1 {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.given == 2 {
            return version.minor == own.minor;
        }
        version.minor == 0 && own.patch == version.patch
    }
}

/// Whether a text is a version.
pub fn is_version(text: &str) -> bool {
    Version::parse(text).is_some()
}

/// Whether a version lies in a range. Neither holds for texts that are not such.
pub fn matches(range: &str, version: &str) -> bool {
    match (Range::parse(range), Version::parse(version)) {
        (Ok(range), Some(version)) => range.contains(&version),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_go_says() {
        for (range, version, expected) in [
            (">=1.19-0", "1.34.0", true),
            (">=1.19-0", "1.20.0-beta.1", true),
            (">1.0", "2.0.0-beta", false),
            (">1.0", "1.0.5", false),
            (">1.0", "1.1.0", true),
            ("1.2.x", "1.2.9", true),
            ("1.2.x", "1.3.0", false),
            ("*", "3.0.0", true),
            ("*", "3.0.0-rc1", false),
            ("^0.2", "0.2.7", true),
            ("^0.2", "0.3.0", false),
            ("^0.0.3", "0.0.4", false),
            ("^1", "1.9.0", true),
            ("~1", "1.9.0", true),
            ("~1.2.3", "1.3.0", false),
            ("~0.0.0", "7.0.0", true),
            ("1.2 - 1.4", "1.4.9", true),
            ("1.2 - 1.4", "1.5.0", false),
            (">=1.2, <2", "1.9.9", true),
            (">=1.2 <2 || ^3", "3.1.0", true),
            ("!=1.2", "1.2.5", false),
            ("!=1.2", "1.3.5", true),
            ("<=1.2", "1.2.9", true),
            ("<=1", "1.9.9", true),
            ("=1.2.3", "v1.2.3+build", true),
            ("2", "2.4.1", true),
            ("", "1.0.0", false),
            ("latest", "1.0.0", false),
            (">=1.0.0", "not a version", false),
        ] {
            assert_eq!(matches(range, version), expected, "{range} {version}");
        }
    }

    #[test]
    fn versions_may_be_short_but_not_other_texts() {
        for text in ["1", "v1.2", "1.2.3-rc.1+b.5", "01.2.3", "1.2.3-0a"] {
            assert!(is_version(text), "{text}");
        }
        for text in [
            "",
            "x",
            "1.2.3.4",
            "1.2.3-01",
            "1.2.3-",
            "v",
            "99999999999999999999.0.0",
        ] {
            assert!(!is_version(text), "{text}");
        }
        assert_eq!(Version::parse("v1.2").unwrap().to_string(), "1.2.0");
        let order = |one: &str, other: &str| {
            Version::parse(one)
                .unwrap()
                .compare(&Version::parse(other).unwrap())
        };
        assert_eq!(order("1.0.0-rc.2", "1.0.0-rc.10"), Ordering::Less);
        assert_eq!(order("1.0.0-rc", "1.0.0"), Ordering::Less);
        assert_eq!(order("1.0.0-1", "1.0.0-a"), Ordering::Less);
    }
}
