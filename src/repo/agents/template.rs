//! Templates of ApplicationSets: `{{key}}` (fasttemplate), or Go templates with the functions of
//! Argo CD.
//!
//! Here: one text and its parameters. A text that cannot be resolved, because it is broken or reads
//! a parameter that only a cluster knows, stays as written, so that nothing is guessed; callers look
//! for `{{` in the result.

use serde_json::{Map, Value};

use crate::template::{
    self, Budget, Dialect, Error, MissingKey, Problem, Run, Templates, Text, Unknown,
};

/// Bytes by which parameters may lengthen a text. Names and paths are much shorter. A text that
/// grows more, such as one that repeats a parameter ten thousand times, stays as written.
const GROWTH: usize = 64 << 10;

/// The most expressions that one text may evaluate.
const STEPS: u64 = 100_000;

/// The parameters of one Application.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// The values; nested for Go templates, by dotted keys otherwise.
    pub values: Map<String, Value>,
    /// True if there are more parameters, which only a cluster or server knows.
    pub open: bool,
    /// True if texts are Go templates.
    pub go: bool,
}

impl Parameters {
    /// A text with its parameters filled in.
    pub(super) fn fill(&self, text: &str) -> String {
        if !text.contains("{{") {
            return text.to_string();
        }
        let filled = match self.go {
            true => self.execute(text, MissingKey::Invalid).ok().flatten(),
            false => self.fill_tags(text),
        };
        filled.unwrap_or_else(|| text.to_string())
    }

    /// The field that a Go template reads and that is missing. With `missingkey=error`, a default
    /// does not help: Argo CD stops before it.
    pub(super) fn missing(&self, text: &str) -> Option<String> {
        let error = self.execute(text, MissingKey::Error).err()?;
        match &error.problem {
            Problem::Execution(message) if message.contains("no entry for key") => {
                Some(error.expression.trim_start_matches('.').to_string())
            }
            _ => None,
        }
    }

    /// Why a Go template fails with these parameters, if it does. Parts that are not known here, or
    /// that take too long, do not count.
    pub(super) fn failure(&self, text: &str) -> Option<String> {
        let error = self.execute(text, MissingKey::Invalid).err()?;
        match &error.problem {
            Problem::Syntax(message) | Problem::Execution(message) => Some(message.clone()),
            _ => None,
        }
    }

    /// The output of a Go template; `None` if it reads a parameter that only a cluster knows, or
    /// prints something else in every run (`uuidv4`).
    fn execute(&self, text: &str, missing_key: MissingKey) -> Result<Option<String>, Error> {
        let mut templates = Templates::new(Dialect::ArgoCd, missing_key);
        templates.parse_text("template", Text::from(text))?;
        let unknown = Unknown::default();
        let values = to_map(&self.values);
        let root = match self.open {
            true => values.watched(&unknown),
            false => values,
        };
        let budget = Budget::new(STEPS, (text.len() + GROWTH) as u64);
        let printed = Run::new(&templates, budget).execute("template", &template::Value::map(root));
        if unknown.was_read() {
            return Ok(None);
        }
        let printed = printed?;
        let is_fixed = !printed.inputs().is_volatile();
        Ok(is_fixed.then(|| printed.as_str().to_string()))
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

fn to_map(values: &Map<String, Value>) -> template::Map {
    let map = template::Map::new();
    for (key, value) in values {
        map.set(key.as_str(), to_value(value));
    }
    map
}

/// A value as a template sees it: all numbers are floats, as JSON gives them.
fn to_value(value: &Value) -> template::Value {
    match value {
        Value::Null => template::Value::nil(),
        Value::Bool(flag) => template::Value::bool(*flag),
        Value::Number(number) => template::Value::float(number.as_f64().unwrap_or_default()),
        Value::String(text) => template::Value::string(text.as_str()),
        Value::Array(items) => template::Value::list(items.iter().map(to_value).collect()),
        Value::Object(entries) => template::Value::map(to_map(entries)),
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
            ("{{ printf \"%s-%v\" .path.basename .count }}", "api-3"),
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
            (
                "{{ range $i, $s := .path.segments }}{{ $i }}{{ $s }}{{ end }}",
                "0apps1api",
            ),
            (
                "{{ $x := .env | replace \"_\" \"-\" }}{{ slugify $x }}",
                "prod-eu",
            ),
            (
                "{{ sha256sum .env | len }}{{ toYaml .path.segments }}",
                "64- apps\n- api",
            ),
            ("{{.none}}", "<no value>"),
        ] {
            assert_eq!(parameters.fill(text), expected, "{text}");
        }
        // what is not understood is left alone as a whole
        for text in [
            "{{ env \"HOME\" }}",
            "{{ .env",
            "{{ .env.x }}",
            "{{ fail \"no\" }}",
        ] {
            assert_eq!(parameters.fill(text), text, "{text}");
        }
    }

    #[test]
    fn unknown_parameters_are_not_missing() {
        let parameters = parameters(true, true, json!({"app": "api", "map": {"a": 1}}));
        assert_eq!(
            parameters.fill("{{ .app }}{{ .map.none }}"),
            "api<no value>"
        );
        for text in [
            "{{ .app }}-{{ .name }}",
            "{{ default \"x\" .name }}",
            "{{ if hasKey . \"name\" }}a{{ end }}",
            "{{ index . \"name\" }}",
            "{{ get $ \"name\" }}",
            "{{ range $k, $v := . }}{{ $k }}{{ end }}",
            "{{ toYaml . }}",
            "{{ len . }}",
            "{{ with .name }}a{{ end }}",
            "{{ .app }}-{{ uuidv4 }}",
        ] {
            assert_eq!(parameters.fill(text), text, "{text}");
        }
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let parameters = parameters(true, false, json!({"app": "api", "path": {}}));
        assert_eq!(
            parameters
                .missing("{{ .app }}{{ .path.basename | default \"x\" }}")
                .as_deref(),
            Some("path.basename")
        );
        assert_eq!(
            parameters.missing("{{ if false }}{{ .none }}{{ end }}"),
            None
        );
        assert_eq!(parameters.missing("{{ .app.x }}"), None);
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
