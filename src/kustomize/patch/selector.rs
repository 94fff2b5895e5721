//! The objects that an entry of `patches` or `replacements` selects: by anchored regular
//! expressions for group, version, kind, name and namespace, and by Kubernetes' selector syntax for
//! labels and annotations.
//!
//! Not here: which names and namespaces of an object count (present, original, every previous one).
//! That differs between patches and replacements, so both ask for the parts they need.

use regex::Regex;

use crate::kustomize::decode::Text;
use crate::kustomize::{Problem, kustomization};
use crate::yaml::Node;

/// A `target`, `source` or `select`: it selects an object if every part that is given matches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    labels: LabelSelector,
    annotations: LabelSelector,
}

/// An anchored regular expression; without one everything matches.
#[derive(Clone, Debug, Default)]
enum Pattern {
    #[default]
    Any,
    /// Text without special characters. It is compared, which keeps selecting among thousands of
    /// objects cheap.
    Literal(String),
    /// Text in which only dots are special, as in `apps.example.com`: each matches any
    /// character.
    Dotted(String),
    Regex(String, Box<Regex>),
}

impl Pattern {
    fn new(text: &str) -> Result<Pattern, regex::Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':');
        if text.is_empty() {
            Ok(Pattern::Any)
        } else if text.chars().all(plain) {
            Ok(Pattern::Literal(text.to_string()))
        } else if text.chars().all(|c| plain(c) || c == '.') {
            Ok(Pattern::Dotted(text.to_string()))
        } else {
            Ok(Pattern::Regex(
                text.to_string(),
                Box::new(Regex::new(&format!("^(?:{text})$"))?),
            ))
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Literal(literal) => literal == text,
            Pattern::Dotted(dotted) => {
                let mut written = dotted.chars();
                text.chars().all(|c| {
                    written
                        .next()
                        .is_some_and(|wanted| wanted == c || (wanted == '.' && c != '\n'))
                }) && written.next().is_none()
            }
            Pattern::Regex(_, regex) => regex.is_match(text),
        }
    }

    fn text(&self) -> &str {
        match self {
            Pattern::Any => "",
            Pattern::Literal(text) | Pattern::Dotted(text) | Pattern::Regex(text, _) => text,
        }
    }
}

impl Selector {
    /// Compiles a selector. The error names the part that is not a valid expression.
    pub(crate) fn compile(written: &kustomization::Selector) -> Result<Selector, Problem> {
        Ok(Selector {
            group: pattern(&written.group, "group")?,
            version: pattern(&written.version, "version")?,
            kind: pattern(&written.kind, "kind")?,
            name: pattern(&written.name, "name")?,
            namespace: pattern(&written.namespace, "namespace")?,
            labels: label_selector(&written.label_selector, "labelSelector")?,
            annotations: label_selector(&written.annotation_selector, "annotationSelector")?,
        })
    }

    /// True if group, version and kind match.
    pub(crate) fn matches_gvk(&self, group: &str, version: &str, kind: &str) -> bool {
        self.kind.matches(kind) && self.group.matches(group) && self.version.matches(version)
    }

    /// True if a name matches.
    pub(crate) fn matches_name(&self, name: &str) -> bool {
        self.name.matches(name)
    }

    /// True if a namespace matches; kustomize passes `default` for an object without one.
    pub(crate) fn matches_namespace(&self, namespace: &str) -> bool {
        self.namespace.matches(namespace)
    }

    /// True if an object's labels and annotations match.
    pub(crate) fn matches_metadata(&self, object: &Node) -> bool {
        self.labels.matches(object.at(&["metadata", "labels"]))
            && self
                .annotations
                .matches(object.at(&["metadata", "annotations"]))
    }

    /// The kind, if it is plain text, so that callers can compare it first.
    pub(crate) fn literal_kind(&self) -> Option<&str> {
        match &self.kind {
            Pattern::Literal(kind) => Some(kind),
            _ => None,
        }
    }
}

impl std::fmt::Display for Selector {
    /// For messages: the parts that are given, as `kind Deployment, name api`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("group", self.group.text()),
            ("version", self.version.text()),
            ("kind", self.kind.text()),
            ("name", self.name.text()),
            ("namespace", self.namespace.text()),
            ("labels", &self.labels.text),
            ("annotations", &self.annotations.text),
        ];
        let given: Vec<String> = parts
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(part, text)| format!("{part} `{text}`"))
            .collect();
        if given.is_empty() {
            f.write_str("everything")
        } else {
            f.write_str(&given.join(", "))
        }
    }
}

fn pattern(written: &Option<Text>, field: &str) -> Result<Pattern, Problem> {
    let Some(text) = written else {
        return Ok(Pattern::Any);
    };
    Pattern::new(text).map_err(|error| {
        let cause = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_string(),
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string(),
        };
        Problem::error(text.origin(), format!("`{}` is not a valid regular expression for `{field}`: {cause}", text.value))
            .with_help("selectors are regular expressions for the whole value: escape literal characters with \\")
    })
}

fn label_selector(written: &Option<Text>, field: &str) -> Result<LabelSelector, Problem> {
    let Some(text) = written else {
        return Ok(LabelSelector::default());
    };
    LabelSelector::parse(text).map_err(|cause| {
        Problem::error(
            text.origin(),
            format!("`{}` is not a valid `{field}`: {cause}", text.value),
        )
        .with_help("it looks like app=web,tier in (front, back),!legacy")
    })
}

/// A selector over labels: `app=web, tier in (a, b), !legacy`.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelSelector {
    text: String,
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Parses Kubernetes' selector syntax. The error explains the mistake.
    pub(crate) fn parse(text: &str) -> Result<LabelSelector, String> {
        let mut tokens = Tokens {
            items: tokens(text),
            next: 0,
        };
        let mut requirements = Vec::new();
        while tokens.peek().is_some() {
            requirements.push(requirement(&mut tokens)?);
            match tokens.take() {
                None => break,
                Some(Token::Comma)
                    if matches!(tokens.peek(), Some(Token::Word(_) | Token::Not)) => {}
                Some(Token::Comma) => return Err("a requirement is missing after `,`".into()),
                Some(other) => return Err(format!("expected `,` or the end, found `{other}`")),
            }
        }
        Ok(LabelSelector {
            text: text.to_string(),
            requirements,
        })
    }

    /// True if the labels (a map of strings, or nothing) meet every requirement.
    pub(crate) fn matches(&self, labels: Option<&Node>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels
                .and_then(|labels| labels.get(&requirement.key))
                .and_then(Node::as_scalar)
                .map(|scalar| &*scalar.text);
            match &requirement.test {
                Test::Exists => value.is_some(),
                Test::Missing => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
                Test::Greater(bound) => value
                    .and_then(|value| value.parse::<i64>().ok())
                    .is_some_and(|value| value > *bound),
                Test::Less(bound) => value
                    .and_then(|value| value.parse::<i64>().ok())
                    .is_some_and(|value| value < *bound),
            }
        })
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Comma,
    Open,
    Close,
    Not,
    Equals,
    NotEquals,
    Greater,
    Less,
    /// A sequence of operator characters that is not an operator.
    Bad(String),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Token::Word(text) | Token::Bad(text) => text,
            Token::Comma => ",",
            Token::Open => "(",
            Token::Close => ")",
            Token::Not => "!",
            Token::Equals => "=",
            Token::NotEquals => "!=",
            Token::Greater => ">",
            Token::Less => "<",
        })
    }
}

fn special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | '>' | '<' | ',')
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn tokens(text: &str) -> Vec<Token> {
    let mut result = Vec::new();
    let mut rest = text.trim_start_matches(blank);
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            ',' => (Token::Comma, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            _ if !special(first) => {
                let end = rest.find(|c| special(c) || blank(c)).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_string()), end)
            }
            _ => {
                let end = rest
                    .find(|c| !matches!(c, '=' | '!' | '>' | '<'))
                    .unwrap_or(rest.len());
                match &rest[..end] {
                    "=" | "==" => (Token::Equals, end),
                    "!=" => (Token::NotEquals, end),
                    "!" => (Token::Not, end),
                    ">" => (Token::Greater, end),
                    "<" => (Token::Less, end),
                    other => (Token::Bad(other.to_string()), end),
                }
            }
        };
        result.push(token);
        rest = rest[length..].trim_start_matches(blank);
    }
    result
}

struct Tokens {
    items: Vec<Token>,
    next: usize,
}

impl Tokens {
    fn peek(&self) -> Option<&Token> {
        self.items.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.items.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn unexpected<T>(found: Option<Token>, expected: &str) -> Result<T, String> {
        match found {
            Some(token) => Err(format!("expected {expected}, found `{token}`")),
            None => Err(format!("expected {expected} at the end")),
        }
    }
}

fn requirement(tokens: &mut Tokens) -> Result<Requirement, String> {
    let missing = tokens.peek() == Some(&Token::Not);
    if missing {
        tokens.take();
    }
    let key = match tokens.take() {
        Some(Token::Word(key)) => key,
        other => return Tokens::unexpected(other, "a key"),
    };
    check_key(&key)?;
    if missing {
        return Ok(Requirement {
            key,
            test: Test::Missing,
        });
    }
    let test = match tokens.peek() {
        None | Some(Token::Comma) => Test::Exists,
        Some(_) => match tokens.take() {
            Some(Token::Equals) => Test::In(vec![exact_value(tokens)?]),
            Some(Token::NotEquals) => Test::NotIn(vec![exact_value(tokens)?]),
            Some(Token::Greater) => Test::Greater(number(exact_value(tokens)?)?),
            Some(Token::Less) => Test::Less(number(exact_value(tokens)?)?),
            Some(Token::Word(word)) if word == "in" => Test::In(values(tokens)?),
            Some(Token::Word(word)) if word == "notin" => Test::NotIn(values(tokens)?),
            other => {
                return Tokens::unexpected(
                    other,
                    "an operator (`=`, `!=`, `in`, `notin`, `>`, `<`)",
                );
            }
        },
    };
    Ok(Requirement { key, test })
}

/// The part after `=`: a word, or nothing for the empty value.
fn exact_value(tokens: &mut Tokens) -> Result<String, String> {
    match tokens.peek() {
        None | Some(Token::Comma) => Ok(String::new()),
        Some(_) => match tokens.take() {
            Some(Token::Word(value)) => check_value(value),
            other => Tokens::unexpected(other, "a value"),
        },
    }
}

/// `(a, b)`; nothing between commas is the empty value.
fn values(tokens: &mut Tokens) -> Result<Vec<String>, String> {
    match tokens.take() {
        Some(Token::Open) => {}
        other => return Tokens::unexpected(other, "`(`"),
    }
    let mut values = Vec::new();
    let mut pending = None;
    loop {
        match tokens.take() {
            Some(Token::Word(value)) if pending.is_none() => pending = Some(check_value(value)?),
            Some(Token::Comma) => values.push(pending.take().unwrap_or_default()),
            Some(Token::Close) => {
                values.push(pending.take().unwrap_or_default());
                return Ok(values);
            }
            other => return Tokens::unexpected(other, "`,` or `)`"),
        }
    }
}

fn number(value: String) -> Result<i64, String> {
    value
        .parse()
        .map_err(|_| format!("`{value}` is not an integer, which `>` and `<` need"))
}

/// A qualified name: `[domain/]name`.
fn check_key(key: &str) -> Result<(), String> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let domain_is_good = domain.is_none_or(|domain| {
        domain.len() <= 253
            && domain.split('.').all(|part| {
                let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                !part.is_empty()
                    && part.chars().all(inside)
                    && !part.starts_with('-')
                    && !part.ends_with('-')
            })
    });
    if domain_is_good && !name.is_empty() && is_name(name) {
        Ok(())
    } else {
        Err(format!("`{key}` is not a valid label key"))
    }
}

fn check_value(value: String) -> Result<String, String> {
    if is_name(&value) {
        Ok(value)
    } else {
        Err(format!("`{value}` is not a valid label value"))
    }
}

/// At most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; or empty.
fn is_name(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && ends(text.chars().next())
        && ends(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::decode::{Decoder, Rules};
    use crate::yaml::{FileId, read};

    fn node(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    fn matches(selector: &str, labels: &str) -> bool {
        LabelSelector::parse(selector)
            .unwrap()
            .matches(Some(&node(labels)))
    }

    fn compile(text: &str) -> Result<Selector, Problem> {
        let mut problems = Vec::new();
        let written = kustomization::Selector::decode(
            &node(text),
            &mut Decoder::new(&mut problems, Rules::Kustomization),
        );
        assert!(problems.is_empty(), "{problems:?}");
        Selector::compile(&written)
    }

    #[test]
    fn patterns_are_anchored() {
        let selector = compile("kind: Deploy.*|StatefulSet\nNAME: api\ngroup: apps\n").unwrap();
        assert!(selector.matches_gvk("apps", "v1", "Deployment"));
        assert!(selector.matches_gvk("apps", "v2", "StatefulSet"));
        assert!(!selector.matches_gvk("apps", "v1", "MyStatefulSet"));
        assert!(!selector.matches_gvk("", "v1", "Deployment"));
        assert!(selector.matches_name("api") && !selector.matches_name("api-2"));
        assert!(selector.matches_namespace("anything"));
        let dotted = compile("group: apps.example.com\n").unwrap();
        assert!(
            dotted.matches_gvk("apps.example.com", "v1", "Any")
                && dotted.matches_gvk("apps-example.com", "v1", "Any")
        );
        assert!(
            !dotted.matches_gvk("apps.example.com.eu", "v1", "Any")
                && !dotted.matches_gvk("apps.example.co", "v1", "Any")
        );
        assert_eq!(
            selector.to_string(),
            "group `apps`, kind `Deploy.*|StatefulSet`, name `api`"
        );
    }

    #[test]
    fn bad_patterns_are_refused_with_their_place() {
        let problem = compile("name: a(b\n").unwrap_err();
        assert_eq!((problem.origin.start, problem.origin.end), (6, 9));
        assert!(
            problem.message.contains("not a valid regular expression"),
            "{problem:?}"
        );
        assert!(compile("labelSelector: a in\n").is_err());
    }

    #[test]
    fn label_selectors_follow_kubernetes() {
        assert!(matches("", "{a: b}"));
        assert!(matches(
            "app=web,tier in (front, back), !legacy",
            "{app: web, tier: back}"
        ));
        assert!(!matches("app=web,!legacy", "{app: web, legacy: ''}"));
        assert!(matches("app==web", "{app: web}"));
        assert!(matches("app!=web", "{}"));
        assert!(matches("app notin (web)", "{app: api}"));
        assert!(matches("app", "{app: web}") && !matches("app", "{}"));
        assert!(matches("replicas>2,replicas<4", "{replicas: '3'}"));
        assert!(matches("app=", "{app: ''}"));
        assert!(matches("app in (,web)", "{app: ''}"));
        assert!(matches("example.com/app=web", "{example.com/app: web}"));
    }

    #[test]
    fn bad_label_selectors_are_refused() {
        for bad in [
            "app=web,",
            ",",
            "app in web",
            "app in (web",
            "a b",
            "app=!",
            "a===b",
            "app=-x",
            "x>y",
            "/a",
            "!",
        ] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }
}
