//! The values of an Application that an ApplicationSet creates with parameters that only a cluster or
//! server knows. Their expressions stay in the values (`host: {{ .host }}`), which is not YAML. While
//! the values are read and a chart is rendered with them, a text of the same length replaces each
//! expression, so that the spans of values do not move.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::helm::values::read;
use crate::kustomize::{ChartRenderer, Problem, Release, Rendered};
use crate::source::Files;
use crate::yaml::{Data, Node, Traced};

/// The first character that stands in for an expression: four bytes in UTF-8, for private use, so that
/// charts hold none. The second expression has the next one.
const FIRST: u32 = 0x0010_0000;
/// The most expressions of one release: the engine of templates uses the characters behind them.
const LIMIT: usize = 0xFF00;
/// Fills a stand-in up to the length of its expression.
const FILLER: char = '_';

/// Expressions and what stands in for them.
#[derive(Default)]
struct StandIns {
    expressions: Vec<Arc<str>>,
    places: BTreeMap<Arc<str>, usize>,
}

impl StandIns {
    /// A text with stand-ins for its expressions; `None` if it has none.
    fn hide(&mut self, text: &str) -> Option<String> {
        let (mut hidden, mut rest) = (String::new(), text);
        let mut found = false;
        while let Some((before, from)) = rest.find("{{").map(|start| rest.split_at(start)) {
            let Some(length) = from.find("}}").map(|end| end + "}}".len()) else {
                break;
            };
            let (expression, after) = from.split_at(length);
            hidden.push_str(before);
            match self.stand_in(expression) {
                Some(stand_in) => hidden.push_str(&stand_in),
                None => hidden.push_str(expression),
            }
            (found, rest) = (true, after);
        }
        found.then(|| hidden + rest)
    }

    /// `None` for an expression that is too short to be one, and for one too many.
    fn stand_in(&mut self, expression: &str) -> Option<String> {
        let known = self.places.get(expression).copied();
        let at = known.unwrap_or(self.expressions.len());
        let sign = u32::try_from(at).ok().filter(|_| at < LIMIT);
        let sign = sign.and_then(|at| char::from_u32(FIRST + at))?;
        let fill = expression.len().checked_sub(sign.len_utf8())?;
        if known.is_none() {
            let expression: Arc<str> = Arc::from(expression);
            self.expressions.push(expression.clone());
            self.places.insert(expression, at);
        }
        let filler = std::iter::repeat_n(FILLER, fill);
        Some(std::iter::once(sign).chain(filler).collect())
    }

    /// A text with the expressions in their places again; `None` if it has no stand-in. A chart may have
    /// cut a stand-in off.
    fn reveal(&self, text: &str) -> Option<String> {
        let (mut revealed, mut rest) = (String::new(), text);
        let mut found = false;
        while let Some((at, expression)) = self.next(rest) {
            found = true;
            let (before, from) = rest.split_at(at);
            revealed.push_str(before);
            revealed.push_str(expression);
            let mut from = from.chars();
            let sign = from.next().map_or(0, char::len_utf8);
            for _ in sign..expression.len() {
                let next = from.as_str().strip_prefix(FILLER);
                from = next.unwrap_or(from.as_str()).chars();
            }
            rest = from.as_str();
        }
        found.then(|| revealed + rest)
    }

    /// The first stand-in of a text: where it begins, and its expression.
    fn next(&self, text: &str) -> Option<(usize, &str)> {
        text.char_indices().find_map(|(at, sign)| {
            let index = u32::from(sign).checked_sub(FIRST)?;
            let expression = self.expressions.get(usize::try_from(index).ok()?)?;
            Some((at, &**expression))
        })
    }
}

/// Changes the texts and keys of a tree. The reader limits its depth.
fn change(node: &mut Node, by: &mut dyn FnMut(&str) -> Option<String>) {
    if let Data::Scalar(scalar) = &mut node.data {
        if let Some(changed) = by(&scalar.text) {
            scalar.text = Arc::from(changed);
        }
    } else if let Some(map) = node.map_mut() {
        for entry in &mut map.entries {
            if let Some(changed) = by(&entry.key) {
                entry.key = Arc::from(changed);
            }
            change(&mut entry.value, by);
        }
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(|item| change(item, by));
    }
}

/// The values in a text that an object holds, their expressions as written.
pub(super) fn values(host: &Node, files: &Files) -> Result<Node, Box<Problem>> {
    let mut stand_ins = StandIns::default();
    let mut host = host.clone();
    if let Data::Scalar(scalar) = &mut host.data
        && let Some(hidden) = stand_ins.hide(&scalar.text)
    {
        let parts = scalar.traced.of(&scalar.text).map(<[_]>::to_vec);
        scalar.text = Arc::from(hidden);
        // the text is as long as it was, so its parts are where they were
        scalar.traced =
            parts.map_or_else(Traced::default, |parts| Traced::new(&scalar.text, parts));
    }
    let mut values = read::of_embedded(&host, files)?;
    change(&mut values, &mut |text| stand_ins.reveal(text));
    Ok(values)
}

/// The objects of a release with values whose expressions are as written.
pub(super) fn rendered(charts: &dyn ChartRenderer, path: &str, release: &Release) -> Rendered {
    let mut stand_ins = StandIns::default();
    let mut release = release.clone();
    // a schema knows nothing of stand-ins
    release.skips_schema = true;
    let mut hide = |text: &str| stand_ins.hide(text);
    for text in [&mut release.name, &mut release.namespace] {
        if let Some(hidden) = hide(text) {
            *text = hidden;
        }
    }
    change(&mut release.values, &mut hide);
    let mut rendered = charts.render(path, &release);
    let mut reveal = |text: &str| stand_ins.reveal(text);
    for resource in &mut rendered.resources {
        change(&mut resource.node, &mut reveal);
        let original = &mut resource.original;
        let namespace = original.namespace.as_mut();
        for text in namespace.into_iter().chain([&mut original.name]) {
            if let Some(revealed) = reveal(text) {
                *text = revealed;
            }
        }
    }
    for problem in &mut rendered.problems {
        if let Some(revealed) = reveal(&problem.message) {
            problem.message = revealed;
        }
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_comes_back_where_a_chart_printed_what_stands_in_for_it() {
        let mut stand_ins = StandIns::default();
        let hidden = |text: &str, stand_ins: &mut StandIns| stand_ins.hide(text).unwrap();
        let text = "https://{{ .host }}/{{.a}}?x={{ .host }}";
        let host = hidden(text, &mut stand_ins);
        assert_eq!(host.len(), text.len());
        assert!(!host.contains("{{"));
        assert_eq!(stand_ins.reveal(&host).as_deref(), Some(text));
        // a name that a chart made longer, and one that it cut off
        let name = hidden("{{ .cluster }}", &mut stand_ins);
        assert_eq!(
            stand_ins.reveal(&format!("web-{name}__x")).as_deref(),
            Some("web-{{ .cluster }}__x")
        );
        let cut: String = name.chars().take(3).collect();
        assert_eq!(stand_ins.reveal(&cut).as_deref(), Some("{{ .cluster }}"));
    }

    #[test]
    fn texts_without_an_expression_stay() {
        let mut stand_ins = StandIns::default();
        for text in ["", "plain", "}} {{", "{{ never ends", "{{}"] {
            assert_eq!(stand_ins.hide(text), None, "{text}");
        }
        assert_eq!(stand_ins.reveal("\u{100000}____"), None);
    }
}
