//! Reads values from the configuration. Every mistake is noted with its line and reading continues,
//! so that all mistakes are reported at once.

use super::options::KnownRule;
use super::shape::Field;
use crate::calendar::CalendarError;
use crate::glob::Glob;
use crate::names::{NamePattern, UnknownName};
use crate::source::join;
use crate::yaml::{Entry, Node, Origin};

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The advice.
    pub help: Option<String>,
    /// Where.
    pub origin: Origin,
}

/// The most entries of a list. Each entry is compared with each finding or path.
const LONGEST_LIST: usize = 2000;

/// Reads nodes as values, and collects the mistakes in them.
pub(super) struct Reader<'a> {
    pub(super) problems: Vec<ConfigProblem>,
    /// The rules that the configuration may name.
    pub(super) rules: &'a [KnownRule<'a>],
}

/// A map of the configuration whose keys are all known.
pub(super) struct Fields<'n> {
    node: &'n Node,
    /// Its name in messages: `a suppression`.
    what: &'n str,
    entries: Vec<&'n Entry>,
}

impl<'n> Fields<'n> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|entry| &*entry.key == key);
        entry.map(|entry| &entry.value)
    }

    /// The known entries, in the order of the file.
    pub(super) fn entries(&self) -> &[&'n Entry] {
        &self.entries
    }

    /// The start of the map, for mistakes that concern all of it.
    pub(super) fn start(&self) -> Origin {
        Origin {
            end: self.node.origin.start,
            ..self.node.origin
        }
    }
}

impl Reader<'_> {
    /// Notes a mistake.
    pub(super) fn refuse(
        &mut self,
        origin: Origin,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(ConfigProblem {
            message: message.into(),
            help: Some(help.into()),
            origin,
        });
    }

    /// Notes a name that does not exist.
    pub(super) fn unknown(&mut self, origin: Origin, unknown: &UnknownName) {
        self.problems.push(ConfigProblem {
            message: unknown.message(),
            help: unknown.help(),
            origin,
        });
    }

    /// Notes that a value is of another type than expected.
    pub(super) fn mistyped(&mut self, node: &Node, what: &str, expected: &str) {
        /// A longer value says less than its type.
        const SHOWN: usize = 40;
        let found = if node.as_map().is_some() {
            "a map".to_string()
        } else if node.as_list().is_some() {
            "a list".to_string()
        } else if node.is_null() {
            "empty".to_string()
        } else {
            match node.text() {
                Some(text) if text.chars().count() <= SHOWN => format!("the text `{text}`"),
                _ => "a single value".to_string(),
            }
        };
        self.problems.push(ConfigProblem {
            message: format!("{what} must be {expected}, but it is {found}"),
            help: None,
            origin: node.origin,
        });
    }

    /// The entries of a map with known keys.
    pub(super) fn record<'n>(
        &mut self,
        node: &'n Node,
        what: &'n str,
        fields: &[Field],
    ) -> Option<Fields<'n>> {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        self.fields(node, what, &names)
    }

    /// The entries of a map. Unknown keys are mistakes.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &'n str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Some(map) = node.as_map() else {
            self.mistyped(node, what, "a map");
            return None;
        };
        let (entries, unknown): (Vec<&Entry>, Vec<&Entry>) = map
            .entries
            .iter()
            .partition(|entry| known.contains(&&*entry.key));
        for entry in unknown {
            let unknown = UnknownName::key(&entry.key, what, known);
            self.unknown(entry.key_origin, &unknown);
        }
        Some(Fields {
            node,
            what,
            entries,
        })
    }

    /// The value of an optional key.
    pub(super) fn optional<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        read(self, fields.get(key)?, key)
    }

    /// The value of a required key.
    pub(super) fn required<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        match fields.get(key) {
            Some(node) => read(self, node, key),
            None => {
                self.refuse(
                    fields.start(),
                    format!("{} needs `{key}`", fields.what),
                    format!("add `{key}:`"),
                );
                None
            }
        }
    }

    /// The items of a list.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match node.as_list() {
            Some(list) if list.items.len() > LONGEST_LIST => {
                self.refuse(
                    node.origin,
                    format!(
                        "{what} has {} entries, more than {LONGEST_LIST}",
                        list.items.len()
                    ),
                    "use fewer and broader entries",
                );
                &[]
            }
            Some(list) => &list.items,
            None => {
                self.mistyped(node, what, "a list");
                &[]
            }
        }
    }

    /// Every item of a list that can be read.
    pub(super) fn each<T>(
        &mut self,
        node: &Node,
        what: &str,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        let items = self.list(node, what).iter();
        items.filter_map(|item| read(self, item)).collect()
    }

    /// A text that is not blank.
    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.text() {
            Some(text) if !text.trim().is_empty() => Some(text.to_string()),
            Some(_) => {
                self.refuse(
                    node.origin,
                    format!("{what} is empty"),
                    "fill it in, or remove the key",
                );
                None
            }
            None => {
                self.mistyped(node, what, "text");
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, node: &Node, what: &str) -> Option<Vec<String>> {
        Some(self.each(node, what, |reader, item| reader.text(item, what)))
    }

    /// Refuses an empty list.
    pub(super) fn not_empty(&mut self, node: &Node, what: &str) {
        if node.as_list().is_some_and(|list| list.items.is_empty()) {
            self.refuse(
                node.origin,
                format!("{what} is an empty list"),
                "fill it in, or remove the key, which then stands for all",
            );
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        let value = node.as_bool();
        if value.is_none() {
            self.mistyped(node, what, "`true` or `false` without quotes");
        }
        value
    }

    /// A pattern for names.
    pub(super) fn pattern(&mut self, node: &Node, what: &str) -> Option<NamePattern> {
        self.text(node, what).map(NamePattern::new)
    }

    /// A list of patterns for names.
    pub(super) fn patterns(&mut self, node: &Node, what: &str) -> Option<Vec<NamePattern>> {
        Some(self.each(node, what, |reader, item| reader.pattern(item, what)))
    }

    /// A pattern for kinds of Kubernetes objects.
    pub(super) fn kind(&mut self, node: &Node, what: &str) -> Option<NamePattern> {
        let text = self.text(node, what)?;
        let first = text.chars().next();
        if !first.is_some_and(|first| first.is_uppercase() || first == '*') {
            let capital = first.into_iter().flat_map(char::to_uppercase);
            let rest = text.chars().skip(1);
            self.refuse(
                node.origin,
                format!("`{text}` is not a kind, because kinds begin with a capital letter"),
                format!(
                    "write it as manifests do, such as `{}`",
                    capital.chain(rest).collect::<String>()
                ),
            );
        }
        Some(NamePattern::new(text))
    }

    /// A glob of paths, which are relative to the root.
    pub(super) fn glob(&mut self, node: &Node, what: &str) -> Option<Glob> {
        let text = self.text(node, what)?;
        let shown: String = text.chars().take(80).collect();
        let relative = text.trim_start_matches("./").trim_start_matches('/');
        if relative.len() < text.len() || text.split('/').any(|part| part == "..") {
            let help = match relative {
                "" => "write it relative to the root of the repository".to_string(),
                relative => format!("write it relative to the root: `{relative}`"),
            };
            self.refuse(node.origin, format!("`{shown}` matches no path"), help);
        }
        match Glob::new(text) {
            Ok(glob) => Some(glob),
            Err(error) => {
                self.refuse(
                    node.origin,
                    format!("invalid glob `{shown}`: {error}"),
                    "`*` matches within one folder, `**` across folders",
                );
                None
            }
        }
    }

    /// A list of globs.
    pub(super) fn globs(&mut self, node: &Node, what: &str) -> Option<Vec<Glob>> {
        Some(self.each(node, what, |reader, item| reader.glob(item, what)))
    }

    /// A day.
    pub(super) fn date(&mut self, node: &Node, what: &str) -> Option<jiff::civil::Date> {
        let text = self.text(node, what)?;
        let date = text.parse().ok();
        if date.is_none() {
            self.refuse(
                node.origin,
                format!("{what} must be a date, but `{text}` is not one"),
                "write it as 2027-01-31",
            );
        }
        date
    }

    /// A path inside the repository.
    pub(super) fn inside(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        let path = join("", &text);
        if path.is_none() {
            self.refuse(
                node.origin,
                format!("{what} must lie inside the repository, but `{text}` does not"),
                "write the path relative to the root of the repository",
            );
        }
        path
    }

    /// A list of paths inside the repository.
    pub(super) fn paths(&mut self, node: &Node, what: &str) -> Vec<String> {
        self.each(node, what, |reader, item| reader.inside(item, "a path"))
    }

    /// A text that the calendar parses.
    pub(super) fn parsed<T>(
        &mut self,
        node: &Node,
        what: &str,
        parse: impl Fn(&str) -> Result<T, CalendarError>,
    ) -> Option<T> {
        let text = self.text(node, what)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(node.origin, error.message, error.help);
                None
            }
        }
    }
}
