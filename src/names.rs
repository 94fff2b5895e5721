//! Misspelt names: which known name somebody meant, and the one sentence that says so.
//!
//! Not here: what the known names are. `repo` finds apps, environments and overlays, `rules` finds
//! rules.

use std::fmt;

use crate::wording::list;

/// Known names that are listed when none of them is near; more would hide the message.
const LISTED: usize = 8;

/// The known name that is most like an unknown one, if any is like it at all.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .iter()
        .map(|candidate| {
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

/// ``did you mean `error`?`` where a known name is like the unknown one, else `otherwise`.
pub fn did_you_mean(name: &str, known: &[&str], otherwise: impl FnOnce() -> String) -> String {
    nearest(name, known).map_or_else(otherwise, |meant| format!("did you mean `{meant}`?"))
}

/// A name that nothing has.
///
/// Reads as ``unknown app `storefrnt`; did you mean `storefront`?``
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownName {
    /// What it should name: `app`, `environment`.
    kind: &'static str,
    /// The name as typed.
    name: String,
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

impl UnknownName {
    /// A `name` of a `kind` that is not among the `known` ones.
    pub fn new(kind: &'static str, name: &str, known: &[&str]) -> UnknownName {
        let mut all: Vec<&str> = known.to_vec();
        all.sort_unstable();
        all.dedup();
        let hint = match nearest(name, &all) {
            Some(meant) => Hint::Nearest(meant.to_string()),
            // the order of the known names may mean something: environments are in promotion order
            None if (1..=LISTED).contains(&all.len()) => {
                let mut listed: Vec<String> = Vec::new();
                for name in known {
                    if !listed.iter().any(|other| other == name) {
                        listed.push((*name).to_string());
                    }
                }
                Hint::All(listed)
            }
            None => Hint::Nothing,
        };
        UnknownName {
            kind,
            name: name.to_string(),
            hint,
        }
    }

    /// Adds where to find the names, for when there are too many to list:
    /// `` `gitops-lint rules` lists them ``.
    pub fn or_else_see(mut self, elsewhere: &'static str) -> UnknownName {
        if self.hint == Hint::Nothing {
            self.hint = Hint::Elsewhere(elsewhere);
        }
        self
    }

    /// The sentence without the hint, for places that show the hint apart as help.
    pub fn message(&self) -> String {
        format!("unknown {} `{}`", self.kind, self.name)
    }

    /// The hint alone: ``did you mean `storefront`?``
    pub fn help(&self) -> Option<String> {
        match &self.hint {
            Hint::Nearest(name) => Some(format!("did you mean `{name}`?")),
            Hint::All(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let there = if names.len() == 1 { "is" } else { "are" };
                Some(format!("there {there} {}", list(&names)))
            }
            Hint::Elsewhere(sentence) => Some((*sentence).to_string()),
            Hint::Nothing => None,
        }
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
    fn an_unknown_name_says_what_may_be_meant() {
        let said = |name, known: &[&str]| UnknownName::new("app", name, known).to_string();
        assert_eq!(
            said("storefrnt", &["cart", "storefront"]),
            "unknown app `storefrnt`; did you mean `storefront`?"
        );
        assert_eq!(
            said("x", &["zone", "cart", "zone"]),
            "unknown app `x`; there are `zone` and `cart`"
        );
        assert_eq!(said("x", &["cart"]), "unknown app `x`; there is `cart`");
        assert_eq!(said("x", &[]), "unknown app `x`");
        let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        assert_eq!(said("x", &many), "unknown app `x`");
        assert_eq!(
            UnknownName::new("rule", "x", &many)
                .or_else_see("`gitops-lint rules` lists them")
                .to_string(),
            "unknown rule `x`; `gitops-lint rules` lists them"
        );
    }
}
