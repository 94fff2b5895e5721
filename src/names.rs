//! Names as people type them: patterns, and misspelt names with the one that was probably meant.
//!
//! Not here: what the known names are. `repo` finds apps, environments and overlays, `rules` finds
//! rules.

use std::fmt;

/// The most names that an error lists if none of them is similar; more would hide the message.
const LISTED: usize = 12;

/// The known names that are looked at for one unknown name.
const CANDIDATES: usize = 2000;

/// Those of them that are compared letter by letter.
const COMPARED: usize = 32;

/// The longest name that is compared, in bytes.
const LONGEST: usize = 256;

/// The letters that two names have in common, as a share of all their letters. `similar` never
/// finds two names more alike than that.
fn common_letters(name: &str, other: &str) -> f32 {
    let mut counts = [0i32; 256];
    let lower = |byte: u8| usize::from(byte.to_ascii_lowercase());
    for byte in name.bytes() {
        counts[lower(byte)] += 1;
    }
    let mut common = 0;
    for byte in other.bytes() {
        let count = &mut counts[lower(byte)];
        common += i32::from(*count > 0);
        *count -= 1;
    }
    2.0 * common as f32 / (name.len() + other.len()).max(1) as f32
}

/// The known name that is most similar to an unknown one, if any is similar enough.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    let candidates = known.iter().take(CANDIDATES).copied();
    let mut candidates: Vec<(f32, &str)> = candidates
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (common_letters(name, candidate), candidate))
        .filter(|(common, _)| *common >= 0.6)
        .collect();
    if candidates.len() > COMPARED {
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        candidates.truncate(COMPARED);
    }
    candidates
        .iter()
        .map(|(_, candidate)| {
            (
                similar::TextDiff::from_chars(lower.as_str(), candidate.to_lowercase().as_str())
                    .ratio(),
                *candidate,
            )
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(ratio, _)| *ratio >= 0.6)
        .map(|(_, candidate)| candidate)
}

/// The known name that was probably meant when another one was written by a slip of the pen: one or
/// two letters were added, left out, replaced or swapped. Stricter than [`nearest`], for names that
/// may be right although nothing here has them.
pub(crate) fn slip<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = if name.len() < 5 { 1 } else { 2 };
    let others = known.into_iter().filter(|other| *other != name);
    let measured = others.map(|other| (edits(name, other), other));
    let near = measured.filter(|(edits, _)| *edits <= allowed);
    near.min().map(|(_, other)| other)
}

/// The number of letters to insert, remove, replace or swap with the next one to get from one word
/// to another; large if the words are long or differ much in length.
pub(crate) fn edits(one: &str, other: &str) -> usize {
    const LONGEST: usize = 253;
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > 2 || one.len() > LONGEST {
        return usize::MAX;
    }
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut cost = row[j] + usize::from(a != b);
            cost = cost.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                cost = cost.min(above[j - 1] + 1);
            }
            next.push(cost);
        }
        above = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

/// The question after an unknown name: ``did you mean `storefront`?``
pub(crate) fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// A pattern for names, in which `*` stands for any text and everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePattern(String);

impl NamePattern {
    /// A pattern as it is written.
    pub fn new(text: impl Into<String>) -> NamePattern {
        NamePattern(text.into())
    }

    /// True if a name fits it.
    pub fn matches(&self, name: &str) -> bool {
        matches(&self.0, name)
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// True if a text fits a pattern in which `*` stands for anything.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(index) => rest = &rest[index + part.len()..],
            None => return false,
        }
    }
    true
}

/// A name that does not exist.
///
/// Reads as ``unknown app `storefrnt`; did you mean `storefront`?``
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownName {
    /// The kind of thing that it should name: `app`, `environment`.
    kind: &'static str,
    /// The name as typed.
    name: String,
    /// Where it was typed, such as `an entry of `charts``, if the kind alone does not say it.
    place: Option<String>,
    hint: Hint,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hint {
    Nearest(String),
    All(Vec<String>),
    /// A sentence for names that are too many to list.
    Elsewhere(&'static str),
    Nothing,
}

impl Hint {
    /// The nearest name, or else all names if there are at most `limit`.
    fn new(name: &str, known: &[&str], limit: usize) -> Hint {
        if let Some(meant) = nearest(name, known) {
            return Hint::Nearest(meant.to_string());
        }
        // the order may mean something: environments are in promotion order
        let mut all: Vec<String> = Vec::new();
        for name in known {
            if !all.iter().any(|other| other == name) {
                all.push((*name).to_string());
            }
        }
        if (1..=limit).contains(&all.len()) {
            Hint::All(all)
        } else {
            Hint::Nothing
        }
    }
}

impl UnknownName {
    /// A `name` of a `kind` that is not among the `known` ones.
    pub fn new(kind: &'static str, name: &str, known: &[&str]) -> UnknownName {
        UnknownName {
            kind,
            name: name.to_string(),
            place: None,
            hint: Hint::new(name, known, LISTED),
        }
    }

    /// A key that a map does not accept. `place` describes the map, such as `a suppression`. All
    /// known keys are listed, even if there are many.
    pub(crate) fn key(name: &str, place: &str, known: &[&str]) -> UnknownName {
        UnknownName {
            kind: "key",
            name: name.to_string(),
            place: Some(place.to_string()),
            hint: Hint::new(name, known, usize::MAX),
        }
    }

    /// Adds where to find the names, for when there are too many to list:
    /// `` `gitops-lint rules` lists them ``.
    pub(crate) fn or_else_see(mut self, elsewhere: &'static str) -> UnknownName {
        if self.hint == Hint::Nothing {
            self.hint = Hint::Elsewhere(elsewhere);
        }
        self
    }

    /// The sentence without the hint, for places that show the hint separately as help.
    pub(crate) fn message(&self) -> String {
        let (kind, name) = (self.kind, &self.name);
        match &self.place {
            Some(place) => format!("unknown {kind} `{name}` in {place}"),
            None => format!("unknown {kind} `{name}`"),
        }
    }

    /// The hint alone: ``did you mean `storefront`?``
    pub(crate) fn help(&self) -> Option<String> {
        match &self.hint {
            Hint::Nearest(name) => Some(did_you_mean(name)),
            Hint::All(names) => Some(format!("expected {}", alternatives(names))),
            Hint::Elsewhere(sentence) => Some((*sentence).to_string()),
            Hint::Nothing => None,
        }
    }
}

/// `` `a`, `b` or `c` ``
fn alternatives(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message())?;
        match self.help() {
            Some(help) => write!(out, "; {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [
            ("*", "a"),
            ("a*", "abc"),
            ("*c", "abc"),
            ("a*c*e", "abcde"),
            ("abc", "abc"),
            ("a**", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "ab"),
            ("a*c", "ab"),
            ("b*", "ab"),
            ("", "a"),
            ("ab*ba", "aba"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn slips_of_the_pen() {
        assert_eq!(edits("database", "databse"), 1);
        assert_eq!(edits("a", "a"), 0);
        assert_eq!(edits("abc", "acb"), 1);
        assert_eq!(
            slip("api-secret", ["api-secrets", "web"]),
            Some("api-secrets")
        );
        assert_eq!(slip("db", ["pg"]), None);
    }

    #[test]
    fn an_unknown_name_says_what_may_be_meant() {
        let said = |name, known: &[&str]| UnknownName::new("app", name, known).to_string();
        assert_eq!(
            said("storefrnt", &["cart", "storefront"]),
            "unknown app `storefrnt`; did you mean `storefront`?"
        );
        assert_eq!(
            said("x", &["zone", "cart", "zone"]),
            "unknown app `x`; expected `zone` or `cart`"
        );
        assert_eq!(said("x", &["cart"]), "unknown app `x`; expected `cart`");
        assert_eq!(said("x", &[]), "unknown app `x`");
        let many = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
        ];
        assert_eq!(said("x", &many), "unknown app `x`");
        assert_eq!(
            UnknownName::new("rule", "x", &many)
                .or_else_see("`gitops-lint rules` lists them")
                .to_string(),
            "unknown rule `x`; `gitops-lint rules` lists them"
        );
    }
}
