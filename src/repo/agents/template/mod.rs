//! Templates of ApplicationSets: `{{key}}` (fasttemplate), or Go templates with the functions of
//! Sprig that name things.
//!
//! Here: one text and its parameters. A text that uses anything else stays as written, so that
//! nothing is guessed; callers look for `{{` in the result.

mod block;
mod functions;
mod pipeline;

use block::{Evaluation, Token, tokens};
use pipeline::{Word, words};
use serde_json::{Map, Value};

/// Parentheses and conditions within each other.
const NESTED: usize = 16;

/// Bytes by which parameters may lengthen a text. Names and paths are much shorter. A text that
/// grows more, such as one that repeats a parameter ten thousand times, stays as written.
const GROWTH: usize = 64 << 10;

/// The parameters of one Application.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// The values; nested for Go templates, by dotted keys otherwise.
    pub values: Map<String, Value>,
    /// Whether there are more parameters, which only a cluster or server knows.
    pub open: bool,
    /// Whether texts are Go templates.
    pub go: bool,
}

impl Parameters {
    /// A text with its parameters filled in.
    pub fn fill(&self, text: &str) -> String {
        if !text.contains("{{") {
            return text.to_string();
        }
        let filled = if self.go {
            // Go prints a missing value as <no value>; with unknown parameters it need not be
            // missing
            let limit = text.len() + GROWTH;
            tokens(text).and_then(|tokens| {
                Evaluation {
                    parameters: self,
                    tokens: &tokens,
                    at: 0,
                    limit,
                }
                .all()
            })
        } else {
            self.fill_tags(text)
        };
        filled.unwrap_or_else(|| text.to_string())
    }

    /// The fields that a Go template certainly reads and that are missing. With
    /// `missingkey=error`, a default does not help: Argo CD stops before it.
    pub fn missing(&self, text: &str) -> Vec<String> {
        let tokens = tokens(text).unwrap_or_default();
        let mut depth = 0_usize;
        let mut found = Vec::new();
        for token in &tokens {
            match token {
                Token::If(_) => depth += 1,
                Token::End => depth = depth.saturating_sub(1),
                Token::Pipeline(pipeline) if depth == 0 => {
                    let words = words(pipeline).unwrap_or_default();
                    found.extend(words.iter().filter_map(|word| match word {
                        Word::Field(path) if self.lacks(path) => {
                            Some(path.trim_start_matches('.').to_string())
                        }
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a field is missing from the maps on its way.
    fn lacks(&self, path: &str) -> bool {
        let mut keys = path.split('.').filter(|key| !key.is_empty());
        let Some(first) = keys.next() else {
            return false;
        };
        let mut at = self.values.get(first);
        for key in keys {
            at = match at {
                Some(Value::Object(map)) => map.get(key),
                // a field of a text or a list fails for another reason
                Some(_) => return false,
                None => return true,
            };
        }
        at.is_none()
    }

    /// `None` if the text becomes too long.
    fn fill_tags(&self, text: &str) -> Option<String> {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, tail)) = rest.split_once("{{") {
            let Some((tag, after)) = tail.split_once("}}") else {
                break;
            };
            out.push_str(before);
            match self.values.get(tag.trim()).and_then(printed) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&format!("{{{{{tag}}}}}")),
            }
            if out.len() > text.len() + GROWTH {
                return None;
            }
            rest = after;
        }
        Some(out + rest)
    }
}

/// A value as text; `None` for maps, lists and null.
pub(super) fn printed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Whether Go templates take a value for true: not null, `false`, 0, or empty.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

/// A text as a name in Kubernetes: lower case, `-` for every other character, and none at the ends.
pub(super) fn normalized(name: &str) -> String {
    let allowed = |character: char| {
        character.is_ascii_lowercase()
            || character.is_ascii_digit()
            || matches!(character, '-' | '.')
    };
    let name: String = name
        .to_lowercase()
        .chars()
        .map(|character| if allowed(character) { character } else { '-' })
        .take(253)
        .collect();
    name.trim_matches(['-', '.']).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parameters(go: bool, open: bool, values: Value) -> Parameters {
        Parameters {
            values: values.as_object().cloned().unwrap(),
            open,
            go,
        }
    }

    #[test]
    fn tags_are_replaced_by_name() {
        let parameters = parameters(
            false,
            false,
            json!({"env": "staging", "path.basename": "api", "path[1]": "web"}),
        );
        assert_eq!(
            parameters.fill("{{path.basename}}-{{ env }}/{{path[1]}}"),
            "api-staging/web"
        );
        assert_eq!(
            parameters.fill("{{cluster}}-{{env}} {{"),
            "{{cluster}}-staging {{"
        );
    }

    #[test]
    fn texts_do_not_grow_without_bound() {
        let values = json!({"a": "x".repeat(1 << 10)});
        for (go, tag) in [(false, "{{a}}"), (true, "{{ .a }}")] {
            let parameters = parameters(go, false, values.clone());
            assert_eq!(parameters.fill(&tag.repeat(8)).len(), 8 << 10);
            let long = tag.repeat(1 << 10);
            assert_eq!(parameters.fill(&long), long);
        }
    }

    #[test]
    fn go_templates() {
        let parameters = parameters(
            true,
            false,
            json!({"env": "Prod_EU", "count": 3, "path": {"path": "apps/api", "basename": "api", "segments": ["apps", "api"]}, "on": true}),
        );
        for (text, expected) in [
            ("{{.path.basename}}-{{ .env | lower }}", "api-prod_eu"),
            ("{{index .path.segments 1}}/{{ .count }}", "api/3"),
            ("{{ .env | normalize | trunc 4 }}", "prod"),
            ("{{ printf \"%s-%d\" .path.basename .count }}", "api-3"),
            (
                "{{ .none | default \"x\" }}{{ default \"y\" .env }}",
                "xProd_EU",
            ),
            (
                "{{if eq .env \"Prod_EU\"}}p{{else if .on}}o{{else}}s{{end}}",
                "p",
            ),
            ("{{ if and .on (not .none) -}}  yes {{- end }}", "yes"),
            (
                "{{ (splitList \"/\" .path.path) | last }}{{ trimPrefix \"apps/\" .path.path }}",
                "apiapi",
            ),
            ("{{ replace \"_\" \"-\" .env }}", "Prod-EU"),
            ("{{.none}}", "<no value>"),
        ] {
            assert_eq!(parameters.fill(text), expected, "{text}");
        }
        // what is not understood is left alone as a whole
        for text in [
            "{{ range .path.segments }}{{ . }}{{ end }}",
            "{{ $x := 1 }}",
            "{{ sha256sum .env }}",
            "{{ .env",
            "{{ .env | }}{{ .path }}",
        ] {
            assert_eq!(parameters.fill(text), text, "{text}");
        }
    }

    #[test]
    fn unknown_parameters_are_not_missing() {
        let parameters = parameters(true, true, json!({"app": "api"}));
        assert_eq!(parameters.fill("{{ .app }}"), "api");
        assert_eq!(
            parameters.fill("{{ .app }}-{{ .name }}"),
            "{{ .app }}-{{ .name }}"
        );
        assert_eq!(
            parameters.fill("{{ default \"x\" .name }}"),
            "{{ default \"x\" .name }}"
        );
    }

    #[test]
    fn names_are_normalized() {
        assert_eq!(normalized("_My App.v1-"), "my-app.v1");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "(\\{\\{|\\}\\}|[|().\"`-]| |if|else|end|index|printf|trunc|[.]path|[.]env|%s|-?[0-9]|é){0,40}") {
            for (go, open) in [(true, true), (true, false), (false, false)] {
                let _ = parameters(go, open, json!({"env": "x", "path": {"segments": ["a", "é"]}})).fill(&text);
            }
        }
    }
}
