//! Versions and constraints as the library of Helm and its charts reads them: lenient versions, and
//! ranges such as `>=1.19-0 || ^2.x`.

use std::cmp::Ordering;
use std::fmt;

/// The longest version and constraint, as in the library.
const LONGEST_VERSION: usize = 256;
const LONGEST_CONSTRAINT: usize = 512;
const MOST_GROUPS: usize = 32;

/// A version. `v1.2` is 1.2.0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) prerelease: String,
    pub(super) metadata: String,
    /// The text as written.
    pub(crate) original: String,
}

impl Version {
    /// Reads a version; the error is worded as the library words it.
    pub(crate) fn parse(text: &str) -> Result<Version, String> {
        const INVALID: &str = "invalid semantic version";
        if text.len() > LONGEST_VERSION {
            return Err(format!(
                "version string is too long (max {LONGEST_VERSION} bytes)"
            ));
        }
        let written = Written::read(text).ok_or(INVALID)?;
        if !written.rest.is_empty() {
            return Err(INVALID.into());
        }
        written.version(text)
    }

    /// The order of two versions; metadata plays no part.
    pub(crate) fn order(&self, other: &Version) -> Ordering {
        let numbers = |version: &Version| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.as_str(), other.prerelease.as_str()) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (one, other) => order_prereleases(one, other),
            }
        })
    }

    /// True for `1.0.0-rc.1`.
    pub(crate) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    pub(super) fn next(&self, change: impl FnOnce(&mut Version)) -> Version {
        let mut next = self.clone();
        change(&mut next);
        let prefix = if self.original.starts_with('v') {
            "v"
        } else {
            ""
        };
        next.original = format!("{prefix}{next}");
        next
    }

    pub(super) fn next_major(&mut self) {
        self.major = self.major.saturating_add(1);
        (self.minor, self.patch) = (0, 0);
        self.prerelease.clear();
        self.metadata.clear();
    }

    pub(super) fn next_minor(&mut self) {
        self.minor = self.minor.saturating_add(1);
        self.patch = 0;
        self.prerelease.clear();
        self.metadata.clear();
    }

    pub(super) fn next_patch(&mut self) {
        if self.prerelease.is_empty() {
            self.patch = self.patch.saturating_add(1);
        }
        self.prerelease.clear();
        self.metadata.clear();
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// The parts of a version, and what follows it.
struct Written<'t> {
    segments: Vec<&'t str>,
    prerelease: &'t str,
    metadata: &'t str,
    rest: &'t str,
}

impl<'t> Written<'t> {
    fn read(text: &'t str) -> Option<Written<'t>> {
        Written::read_segments(text, |c| c.is_ascii_digit())
    }

    fn read_segments(text: &'t str, is_part: fn(char) -> bool) -> Option<Written<'t>> {
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        let mut segments = Vec::new();
        while segments.len() < 3 {
            let start = match segments.is_empty() {
                true => Some(rest),
                false => rest.strip_prefix('.'),
            };
            let segment = start.map(|start| start.split_at(prefix(start, is_part)));
            match segment {
                Some((segment, after)) if !segment.is_empty() => {
                    segments.push(segment);
                    rest = after;
                }
                _ if segments.is_empty() => return None,
                _ => break,
            }
        }
        let (prerelease, rest) = suffix(rest, '-');
        let (metadata, rest) = suffix(rest, '+');
        Some(Written {
            segments,
            prerelease,
            metadata,
            rest,
        })
    }

    fn version(&self, original: &str) -> Result<Version, String> {
        let number = |index: usize| match self.segments.get(index) {
            Some(digits) => digits
                .parse::<u64>()
                .map_err(|_| format!("error parsing version segment: {digits:?}")),
            None => Ok(0),
        };
        let has_leading_zero = self.prerelease.split('.').any(|part| {
            part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit())
        });
        if has_leading_zero {
            return Err("version segment starts with 0".into());
        }
        Ok(Version {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            prerelease: self.prerelease.to_string(),
            metadata: self.metadata.to_string(),
            original: original.to_string(),
        })
    }
}

fn prefix(text: &str, accepted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accepted(c)).unwrap_or(text.len())
}

/// `-a.b` or `+a.b`: identifiers with dots between them; empty if there are none.
fn suffix(text: &str, mark: char) -> (&str, &str) {
    let Some(inner) = text.strip_prefix(mark) else {
        return ("", text);
    };
    let is_identifier = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut end = prefix(inner, is_identifier);
    if end == 0 {
        return ("", text);
    }
    while let Some(next) = inner[end..].strip_prefix('.') {
        let length = prefix(next, is_identifier);
        if length == 0 {
            break;
        }
        end += 1 + length;
    }
    inner.split_at(end)
}

fn order_prereleases(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        let order = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(a), Some(b)) if a == b => continue,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        return order;
    }
}

/// Ranges of versions; one of them must allow a version.
#[derive(Clone, Debug)]
pub(crate) struct Constraints {
    groups: Vec<Vec<Constraint>>,
}

#[derive(Clone, Debug)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// Segments that are missing or written as `x`, from the left: 0 for a whole version.
    open: Open,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// The first segment of a constraint that is missing or `x`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

impl Constraints {
    /// Reads constraints; the error is worded as the library words it.
    pub(crate) fn parse(text: &str) -> Result<Constraints, String> {
        if text.len() > LONGEST_CONSTRAINT {
            return Err(format!(
                "constraint string is too long (max {LONGEST_CONSTRAINT} bytes)"
            ));
        }
        let text = with_ranges(text);
        let groups: Vec<&str> = text.split("||").collect();
        if groups.len() > MOST_GROUPS {
            return Err(format!("too many constraint groups (max {MOST_GROUPS})"));
        }
        let groups = groups.into_iter().map(group);
        Ok(Constraints {
            groups: groups.collect::<Result<_, _>>()?,
        })
    }

    /// True if one of the ranges allows a version. A prerelease is allowed only by a range that
    /// names one.
    pub(crate) fn allow(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let names_prerelease = group.iter().any(|one| one.version.is_prerelease());
            (!version.is_prerelease() || names_prerelease)
                && group.iter().all(|constraint| constraint.allows(version))
        })
    }
}

fn is_segment(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*' | '|')
}

/// Rewrites `1.2 - 2.3` as two comparisons.
fn with_ranges(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let range = Written::read_segments(rest, is_segment).and_then(|from| {
            let lower = &rest[..rest.len() - from.rest.len()];
            let dash = from.rest.trim_start();
            let after = dash.strip_prefix('-')?;
            let upper = after.trim_start();
            if dash.len() == from.rest.len() || upper.len() == after.len() {
                return None;
            }
            let to = Written::read_segments(upper, is_segment)?;
            let upper = &upper[..upper.len() - to.rest.len()];
            Some((format!(">= {lower}, <= {upper} "), to.rest.trim_start()))
        });
        match range {
            Some((rewritten, after)) => {
                out.push_str(&rewritten);
                rest = after;
            }
            None => {
                let length = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    out
}

/// Comparisons with blanks or commas between them.
fn group(text: &str) -> Result<Vec<Constraint>, String> {
    let improper = || format!("improper constraint: {text:?}");
    let mut constraints = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (operator, after) = operator(rest);
        let version = after.trim_start();
        let written = Written::read_segments(version, is_segment).ok_or_else(improper)?;
        constraints.push(Constraint::of(operator, &written)?);
        let after = written.rest;
        let blanks = after.trim_start();
        if blanks.is_empty() {
            return Ok(constraints);
        }
        rest = match blanks.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if blanks.len() < after.len() => blanks,
            None => return Err(improper()),
        };
    }
}

fn operator(text: &str) -> (Operator, &str) {
    const OPERATORS: [(&str, Operator); 11] = [
        (">=", Operator::GreaterOrEqual),
        ("=>", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("=<", Operator::LessOrEqual),
        ("!=", Operator::NotEqual),
        ("~>", Operator::Tilde),
        ("=", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    let found = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
    found.unwrap_or((Operator::Equal, text))
}

impl Constraint {
    fn of(operator: Operator, written: &Written<'_>) -> Result<Constraint, String> {
        let is_open = |index: usize| {
            let segment = written.segments.get(index);
            segment.is_none_or(|segment| matches!(*segment, "x" | "X" | "*"))
        };
        let open = match (is_open(0), is_open(1), is_open(2)) {
            (true, ..) => Open::Major,
            (_, true, _) => Open::Minor,
            (_, _, true) => Open::Patch,
            _ => Open::Nothing,
        };
        let known = match open {
            Open::Major => 0,
            Open::Minor => 1,
            Open::Patch => 2,
            Open::Nothing => 3,
        };
        let closed = Written {
            segments: written.segments[..known.min(written.segments.len())].to_vec(),
            prerelease: written.prerelease,
            metadata: "",
            rest: "",
        };
        let version = closed.version("");
        Ok(Constraint {
            operator,
            version: version.map_err(|_| "constraint parser error")?,
            open,
        })
    }

    fn allows(&self, version: &Version) -> bool {
        let own = &self.version;
        let order = version.order(own);
        let is_open = self.open != Open::Nothing;
        match self.operator {
            Operator::Equal if is_open => self.allows_tilde(version),
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => self.allows_other(version),
            Operator::Greater => match (self.open, version.major.cmp(&own.major)) {
                (Open::Nothing, _) => order.is_gt(),
                (_, Ordering::Greater) => true,
                (_, Ordering::Less) | (Open::Minor, _) => false,
                (Open::Patch, _) => version.minor > own.minor,
                (Open::Major, _) => order.is_gt(),
            },
            Operator::Less => order.is_lt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::LessOrEqual if !is_open => order.is_le(),
            Operator::LessOrEqual => {
                version.major <= own.major
                    && (version.major < own.major
                        || version.minor <= own.minor
                        || self.open == Open::Minor)
            }
            Operator::Tilde => self.allows_tilde(version),
            Operator::Caret => self.allows_caret(version),
        }
    }

    fn allows_other(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.open {
            Open::Nothing => version.order(own).is_ne(),
            _ if own.major != version.major => true,
            Open::Minor => false,
            _ if own.minor != version.minor => true,
            Open::Patch if version.is_prerelease() || own.is_prerelease() => {
                order_prereleases(&version.prerelease, &own.prerelease).is_ne()
            }
            Open::Patch => false,
            Open::Major => own.patch != version.patch || version.order(own).is_ne(),
        }
    }

    fn allows_tilde(&self, version: &Version) -> bool {
        let own = &self.version;
        let is_zero = (own.major, own.minor, own.patch) == (0, 0, 0);
        let is_any = is_zero && !matches!(self.open, Open::Minor | Open::Patch);
        version.order(own).is_ge()
            && (is_any
                || version.major == own.major
                    && (version.minor == own.minor || self.open == Open::Minor))
    }

    fn allows_caret(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.order(own).is_lt() {
            return false;
        }
        if own.major > 0 || self.open == Open::Minor {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.open == Open::Patch {
            return version.minor == own.minor;
        }
        version.minor == 0 && version.patch == own.patch
    }
}

/// True if a text is a version.
pub(crate) fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// True if constraints allow a version; false if either cannot be read.
pub(crate) fn matches(constraints: &str, version: &str) -> bool {
    let constraints = Constraints::parse(constraints);
    constraints
        .ok()
        .zip(Version::parse(version).ok())
        .is_some_and(|(constraints, version)| constraints.allow(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(constraint: &str, version: &str) -> bool {
        let constraints = Constraints::parse(constraint).unwrap();
        constraints.allow(&Version::parse(version).unwrap())
    }

    #[test]
    fn constraints_allow_what_the_library_allows() {
        for (constraint, yes, no) in [
            (">1.0", "1.5.0", "1.0.5"),
            (">=1.19-0", "1.30.0-gke.1", "1.18.9"),
            (">= 1.2, < 3", "2.9", "3.0.0"),
            ("^1.2.3", "1.9.0", "2.0.0"),
            ("^0.2", "0.2.9", "0.3.0"),
            ("~1.2.3", "1.2.9", "1.3.0"),
            ("1.x", "1.7.0", "2.0.0"),
            ("*", "9.9.9", "1.0.0-rc.1"),
            ("1.2 - 2.3", "2.3.9", "2.4.0"),
            ("<1 || >=2", "2.1.0", "1.5.0"),
            ("!=1.2.x", "1.3.0", "1.2.7"),
            ("=<2", "2.9.0", "3.0.0"),
        ] {
            assert!(allows(constraint, yes), "{constraint} {yes}");
            assert!(!allows(constraint, no), "{constraint} {no}");
        }
        for bad in ["", "a", ">>1", "1.2.3.4", ">=1 &&"] {
            assert!(Constraints::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_are_lenient() {
        assert_eq!(Version::parse("v1.34").unwrap().to_string(), "1.34.0");
        assert_eq!(
            Version::parse("01.2.3-a.b+c").unwrap().to_string(),
            "1.2.3-a.b+c"
        );
        for bad in ["", "x", "1.2.3.4", "1.2.3-", "1.0.0-01", "1.2 "] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
        let order = |one: &str, other: &str| {
            Version::parse(one)
                .unwrap()
                .order(&Version::parse(other).unwrap())
        };
        assert_eq!(order("1.0.0-alpha.9", "1.0.0-alpha.10"), Ordering::Less);
        assert_eq!(order("1.0.0-alpha", "1.0.0"), Ordering::Less);
        assert_eq!(order("1.0.0+a", "1.0.0+b"), Ordering::Equal);
    }
}
