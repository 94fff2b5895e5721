//! The lines of a file as a report may show them: without the values of Secrets. Keys stay visible.
//!
//! The tree of the file tells where the values stand; a file that is no YAML is searched as text. In
//! doubt, a value is hidden.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::words::words;
use super::{HIDDEN, text, tree, without_passwords};
use crate::source::{Files, SourceFile};
use crate::yaml::{FileId, Origin};

/// The most lines of a place that are searched for hidden words.
const PLACE: usize = 50;

/// The hidden values of the files of a report. Each file is searched once.
#[derive(Default)]
pub(crate) struct HiddenLines {
    files: RefCell<BTreeMap<FileId, Rc<Lines>>>,
    /// The hidden words of each line.
    hidden: RefCell<WordsOfLines>,
    /// The words of each line that are shown.
    shown: RefCell<WordsOfLines>,
}

type WordsOfLines = BTreeMap<(FileId, usize), Rc<BTreeSet<String>>>;

impl HiddenLines {
    /// The hidden values of a file.
    pub(crate) fn of(&self, file: &SourceFile) -> Rc<Lines> {
        self.files
            .borrow_mut()
            .entry(file.id)
            .or_insert_with(|| Rc::new(Lines::of(file)))
            .clone()
    }

    /// The words that are hidden in the lines of a place.
    pub(crate) fn hidden_at(&self, file: &SourceFile, place: Origin) -> Vec<Rc<BTreeSet<String>>> {
        self.words_at(&self.hidden, (file, place), &Lines::hidden_words)
    }

    /// The words that a report shows in the lines of a place.
    pub(crate) fn shown_at(&self, file: &SourceFile, place: Origin) -> Vec<Rc<BTreeSet<String>>> {
        self.words_at(&self.shown, (file, place), &Lines::shown_words)
    }

    /// Some words in the lines of a place. Each line is searched once: it may be a whole file, with
    /// thousands of places.
    fn words_at(
        &self,
        known: &RefCell<WordsOfLines>,
        (file, place): (&SourceFile, Origin),
        find: &dyn Fn(&Lines, usize, &str) -> BTreeSet<String>,
    ) -> Vec<Rc<BTreeSet<String>>> {
        let [first, last] = [place.start, place.end].map(|at| file.position(at).line);
        let lines = self.of(file);
        let words = |number: usize| {
            let found = || Rc::new(find(&lines, number, file.line(number)));
            let mut known = known.borrow_mut();
            known.entry((file.id, number)).or_insert_with(found).clone()
        };
        (first..=last.min(first + PLACE)).map(words).collect()
    }
}

/// The hidden values of one file.
pub(crate) struct Lines {
    /// In each line (1-based), the bytes to hide. The list is sorted, and nothing in it overlaps.
    spans: BTreeMap<usize, Vec<(usize, usize)>>,
    /// The places that a file without a tree seems to hide.
    text: Option<text::Secrets>,
}

impl Lines {
    /// The hidden values of a file.
    pub(crate) fn of(file: &SourceFile) -> Lines {
        let tree = tree::spans(file);
        let text = tree.is_none().then(|| text::Secrets::of(file));
        // an alias has the place of its anchor, however often it stands
        let spans: BTreeSet<(u32, u32)> = tree.into_iter().flatten().chain(file.hidden()).collect();
        Lines {
            spans: by_line(file, &spans),
            text,
        }
    }

    /// A line (1-based) without the values that are hidden.
    pub(crate) fn shown<'a>(&self, number: usize, line: &'a str) -> Cow<'a, str> {
        let spans = self.spans.get(&number);
        let mut shown = spans.map_or(Cow::Borrowed(line), |spans| Cow::Owned(cut(line, spans)));
        if let Some(text) = &self.text
            && let Cow::Owned(hidden) = text.shown(number, &shown)
        {
            shown = Cow::Owned(hidden);
        }
        match without_passwords(&shown) {
            Cow::Owned(text) => Cow::Owned(text),
            Cow::Borrowed(_) => shown,
        }
    }

    /// The words of a line that are shown.
    fn shown_words(&self, number: usize, line: &str) -> BTreeSet<String> {
        let shown = self.shown(number, line);
        words(&shown).map(str::to_string).collect()
    }

    /// The words of a line that are hidden in it.
    fn hidden_words(&self, number: usize, line: &str) -> BTreeSet<String> {
        let shown = self.shown(number, line);
        if shown == line {
            return BTreeSet::new();
        }
        let known: BTreeSet<&str> = words(&shown).collect();
        let hidden = words(line).filter(|word| !known.contains(word));
        hidden.map(str::to_string).collect()
    }
}

/// A text of several lines, such as a patch or a configuration file, without the secrets in it.
pub(crate) fn text_shown(text: &str) -> Cow<'_, str> {
    let plain = without_passwords(text);
    let several = plain.contains('\n') || plain.starts_with(['{', '[']);
    if !several || !(plain.contains("ecret") || plain.contains("ata")) {
        return plain;
    }
    let files = Files::default();
    let file = files.get(files.add("", None, Arc::from(&*plain)));
    let lines = Lines::of(&file);
    let mut shown = String::new();
    for (index, line) in plain.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\n', '\r']);
        shown.push_str(&lines.shown(index + 1, content));
        shown.push_str(&line[content.len()..]);
    }
    if shown == text {
        return Cow::Borrowed(text);
    }
    Cow::Owned(shown)
}

/// The bytes of a file, as bytes of its lines.
fn by_line(
    file: &SourceFile,
    spans: &BTreeSet<(u32, u32)>,
) -> BTreeMap<usize, Vec<(usize, usize)>> {
    let mut lines: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for &(start, end) in spans {
        let first = file.position(start).line;
        for number in first.. {
            let Some(line_start) = file.start_of_line(number).filter(|at| *at < end as usize)
            else {
                break;
            };
            let line = file.line(number);
            let indent = line.len() - line.trim_start().len();
            let from = (start as usize)
                .saturating_sub(line_start)
                .max(if number == first { 0 } else { indent });
            let to = (end as usize - line_start).min(line.len());
            if from < to {
                lines.entry(number).or_default().push((from, to));
            }
        }
    }
    for spans in lines.values_mut() {
        spans.sort_unstable();
        spans.dedup_by(|next, before| {
            let within = next.0 < before.1;
            if within {
                before.1 = before.1.max(next.1);
            }
            within
        });
    }
    lines
}

/// A line without some of its bytes.
fn cut(line: &str, spans: &[(usize, usize)]) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for &(start, end) in spans {
        text.push_str(line.get(shown..start).unwrap_or_default());
        text.push_str(HIDDEN);
        shown = end;
    }
    text.push_str(line.get(shown..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> String {
        let files = Files::default();
        let id = files.add(path, None, Arc::from(text));
        let file = files.get(id);
        let secrets = Lines::of(&file);
        (1..=text.lines().count())
            .map(|number| {
                secrets
                    .shown(number, file.line(number))
                    .trim_end()
                    .to_string()
                    + "\n"
            })
            .collect()
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: smtp\nstringData:\n  user: hunter\n  pem: |\n    BEGIN\n    hunter2\ndata: {a: aHVudGVy}\n---\nkind: ConfigMap\ndata:\n  a: shown\n";
        let shown = lines("a.yaml", text);
        assert!(
            !shown.contains("hunter") && !shown.contains("aHVu") && !shown.contains("BEGIN"),
            "{shown}"
        );
        assert!(
            shown.contains("name: smtp")
                && shown.contains("a: shown")
                && shown.contains("user: (hidden)"),
            "{shown}"
        );
        let generator = lines(
            "kustomization.yaml",
            "secretGenerator:\n- name: smtp\n  literals:\n  - PASSWORD=hunter2\n",
        );
        assert!(generator.contains("- PASSWORD=(hidden)") && generator.contains("name: smtp"));
        assert_eq!(
            lines("prod/.env", "PASSWORD=hunter2\n# x\n"),
            "PASSWORD=(hidden)\n# (hidden)\n"
        );
    }

    #[test]
    fn the_configuration_names_secrets_without_their_values() {
        let text = "external:\n- {kind: Secret, name: x, environments: [prodd]}\n- kind: Secret\n  name: y\n";
        assert_eq!(lines(".gitops-lint.yaml", text), text);
    }

    #[test]
    fn values_of_variables_go_by_their_names() {
        for text in [
            "env:\n- name: DB_PASSWORD\n  value: hunter\n",
            "env:\n- value: hunter\n  name: DB_PASSWORD\n",
            "env: [{name: DB_PASSWORD, value: hunter}]\n",
            "{\"name\": \"API_TOKEN\", \"value\": \"hunter\"}\n",
            "{\n  \"name\": \"API_TOKEN\",\n  \"value\": \"hun}ter\"\n}\n",
        ] {
            let shown = lines("a.yaml", text);
            assert!(
                !shown.contains("hun") && shown.contains("(hidden)"),
                "{shown}"
            );
        }
        let other = "env:\n- name: MODE\n  value: open\n- name: DB_PASSWORD\n  valueFrom: {secretKeyRef: {name: db, key: password}}\n";
        assert_eq!(lines("a.yaml", other), other);
    }

    #[test]
    fn secrets_inside_of_other_documents_are_found() {
        let list = lines(
            "a.yaml",
            "kind: List\nitems:\n- data:\n    a: hunter\n  kind: Secret\n- kind: ConfigMap\n  data: {a: shown}\n",
        );
        assert!(
            !list.contains("hunter") && list.contains("a: shown"),
            "{list}"
        );
        let patch = "resources: [../../base]\npatches:\n  - patch: |\n      kind: Secret\n      stringData:\n        a: hunter\n    target: {kind: Secret}\nimages:\n  - newTag: v1\n";
        let patch = lines("kustomization.yaml", patch);
        assert!(
            !patch.contains("hunter")
                && patch.contains("newTag: v1")
                && patch.contains("../../base"),
            "{patch}"
        );
        for text in [
            "{\"kind\":\"Secret\",\"data\":{\"a\":\"hunter\"}}\n",
            "{\n  \"data\": {\n    \"a\": \"hunter\"\n  },\n  \"kind\": \"Secret\"\n}\n",
            "{kind: Secret, stringData: {a: hunter}}\n",
            "secretGenerator: [{name: x, literals: [A=hunter]}]\n",
            "secretGenerator:\n- literals: [A=hunter]\n  name: x\n",
            "secretGenerator:\n- name: x\n  literals:\n  - 'A=hunter'\n",
        ] {
            let shown = lines("a.json", text);
            assert!(!shown.contains("hunter"), "{shown}");
        }
        let other = "kind: SecretStore\nspec: {a: shown}\n";
        assert_eq!(lines("a.yaml", other), other);
    }

    #[test]
    fn fuzz_secrets() {
        let words = &[
            "kind: Secret\n",
            "\"kind\": \"Secret\"",
            "stringData:\n",
            "data:\n",
            "  password: hunter\n",
            "{",
            "}",
            "- ",
            "name: DB_PASSWORD\n",
            "value: hunter\n",
            "secretGenerator:\n",
            "- literals: [a=b]\n",
            "patch: |-\n",
            "  ",
            "op: add\n",
            "path: /data/a\n",
            "--token",
            "=",
            "https://a:b@c/",
            "|\n",
            "# c\n",
            "---\n",
            "metadata: {}\n",
        ];
        let examples = [
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: |\n    hunter\n",
            "secretGenerator:\n- name: a\n  literals: [a=hunter, 'b=hunter']\npatches:\n- patch: |-\n    kind: Secret\n    stringData: {a: hunter}\n",
        ];
        crate::fuzz::run("secrets", &examples, words, |text| {
            lines("a.yaml", text);
            text_shown(text);
        });
    }
}
