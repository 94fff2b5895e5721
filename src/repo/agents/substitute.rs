//! Variables that Flux fills in after a build (`spec.postBuild`): from the Kustomization itself,
//! and from the ConfigMaps and Secrets that it names.
//!
//! Here: the values of variables, and filling them in. Values of Secrets are never filled in; a
//! text that refers to them stays as written. Not here: the language (`envsubst`), finding the
//! ConfigMaps (`repo::load`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::envsubst::{self, Evaluated, Value};
use crate::kustomize::{Problem, Rendered, Resource};
use crate::source::Files;
use crate::yaml::{By, Data, Entry, Kind, Node, Origin, read, write};

/// Objects with this label or annotation set to `disabled` are left alone.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Bytes by which variables may lengthen all objects of a Kustomization together. A cluster stores
/// no object of more than 1.5 MiB.
const GROWTH: usize = 8 << 20;

/// `spec.postBuild` of a Flux Kustomization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PostBuild {
    /// `substitute`
    pub inline: Known,
    /// `substituteFrom`
    pub from: Vec<Reference>,
    /// `substituteStrategy: Always`: substitute even if there are no variables.
    pub always: bool,
    /// True if variables without a value become empty.
    pub lenient: bool,
}

/// The value of each variable, and where it is written.
pub(super) type Known = BTreeMap<String, (Arc<str>, Origin)>;

/// An entry of `substituteFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The Kustomization's namespace, if it is written.
    pub namespace: Option<String>,
}

impl Reference {
    /// True if kind, name and namespace of an object fit. A namespace that is not set fits every other.
    pub fn means(&self, object: &Node) -> bool {
        let text = |path: &[&str]| object.at(path).and_then(Node::text);
        let own = text(&["metadata", "namespace"]).filter(|own| !own.is_empty());
        let other = self.namespace.as_deref();
        text(&["kind"]) == Some(&self.kind)
            && text(&["metadata", "name"]) == Some(&self.name)
            && (own.is_none() || other.is_none() || own == other)
    }
}

/// The variables of one Flux Kustomization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables {
    /// The values that the repo tells.
    pub known: Known,
    /// Variables whose values only the cluster knows.
    pub unknown: BTreeSet<String>,
    /// True if the cluster may know more variables. If so, a variable without a value stays as
    /// written.
    pub open: bool,
    /// True if variables without a value become empty, as before Flux 2.9. Since then Flux refuses
    /// them.
    pub lenient: bool,
}

impl PostBuild {
    /// True if Flux substitutes nothing.
    pub fn is_empty(&self) -> bool {
        self.inline.is_empty() && self.from.is_empty() && !self.always
    }

    /// The variables. `find` looks up objects in the repo. A later object overrides an earlier one,
    /// and the Kustomization's own values override both.
    pub fn variables<'n>(&self, find: &dyn Fn(&Reference) -> Option<&'n Node>) -> Variables {
        let mut variables = Variables {
            lenient: self.lenient,
            ..Variables::default()
        };
        for reference in &self.from {
            let Some(object) = find(reference) else {
                variables.open = true;
                continue;
            };
            let secret = reference.kind == "Secret";
            let maps = ["data", "stringData"];
            for entry in maps
                .iter()
                .filter_map(|map| object.get(map))
                .flat_map(Node::entries)
            {
                let name = entry.key.to_string();
                // what another Kustomization fills in is not known here
                let value = entry
                    .value
                    .text()
                    .filter(|text| !secret && !text.contains("${"));
                variables.known.remove(&name);
                variables.unknown.remove(&name);
                match value {
                    Some(text) => drop(variables.known.insert(
                        name,
                        (Arc::from(text.replace('\n', "")), entry.value.origin),
                    )),
                    None => drop(variables.unknown.insert(name)),
                }
            }
        }
        for (name, value) in &self.inline {
            variables.unknown.remove(name);
            variables.known.insert(name.clone(), value.clone());
        }
        variables
    }
}

/// The state while variables are filled in.
struct Filling<'f> {
    files: &'f Files,
    problems: Vec<Problem>,
    unknown: BTreeSet<Arc<str>>,
    /// The places of each variable that nothing sets.
    missing: BTreeMap<String, Vec<Origin>>,
    /// The number of bytes by which the objects may still grow.
    left: usize,
}

impl<'f> Filling<'f> {
    fn new(files: &'f Files) -> Filling<'f> {
        Filling {
            files,
            problems: Vec::new(),
            unknown: BTreeSet::new(),
            missing: BTreeMap::new(),
            left: GROWTH,
        }
    }
}

impl Variables {
    /// True if there are no variables. Then Flux leaves every object as it is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty() && !self.open
    }

    /// Fills in the variables in every object. Reports texts that Flux cannot read and variables
    /// that nothing sets: Flux then applies nothing.
    pub fn apply(&self, rendered: &mut Rendered, files: &Files) {
        let mut filling = Filling::new(files);
        for name in self.known.keys().filter(|name| !is_name(name)) {
            if let Some((_, origin)) = self.known.get(name) {
                let message = format!(
                    "{name:?} is not a valid variable name; Flux applies nothing from this Kustomization"
                );
                filling
                    .problems
                    .push(Problem::error(*origin, message).with_help(
                        "use letters, digits and underscores, and do not start with a digit",
                    ));
            }
        }
        for resource in rendered
            .resources
            .iter_mut()
            .filter(|resource| !switched_off(resource))
        {
            self.node(&mut resource.node, "v: ", &mut filling);
        }
        let missing = std::mem::take(&mut filling.missing);
        let missing = missing
            .iter()
            .filter_map(|(name, places)| not_set(name, places));
        filling.problems.extend(missing);
        rendered.complete &= filling.problems.is_empty();
        rendered.problems.append(&mut filling.problems);
        rendered.unknown.append(&mut filling.unknown);
    }

    fn lookup(&self, name: &str) -> Value<'_> {
        match self.known.get(name) {
            Some((value, origin)) => Value::Known(value, *origin),
            None if self.open || self.unknown.contains(name) => Value::Unknown,
            None if self.lenient => Value::Unset,
            None => Value::Missing,
        }
    }

    /// Fills in the variables in a tree, whose depth the reader limits. `before` is the text before
    /// a value in a file.
    fn node(&self, node: &mut Node, before: &str, filling: &mut Filling<'_>) {
        if !mentions(node) {
            return;
        }
        if node.as_scalar().is_some() {
            if let Err(problem) = self.scalar(node, before, filling) {
                filling.problems.push(problem);
            }
        } else if let Some(map) = node.map_mut() {
            for entry in &mut map.entries {
                if entry.key.contains('$') {
                    let written = entry.key.clone();
                    match self.key(&written, entry.key_origin, filling) {
                        Ok(key) => entry.key = key,
                        Err(problem) => filling.problems.push(problem),
                    }
                }
                self.node(&mut entry.value, "v: ", filling);
            }
        } else if let Some(list) = node.list_mut() {
            list.items
                .iter_mut()
                .for_each(|item| self.node(item, "- ", filling));
        }
    }

    /// A key is read again as well: `"x${SUFFIX}"` may lose a comment, or become a map.
    fn key(
        &self,
        written: &str,
        origin: Origin,
        filling: &mut Filling<'_>,
    ) -> Result<Arc<str>, Problem> {
        let text = self.evaluate(written, origin, filling)?.text;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        if text.chars().all(is_plain) {
            return Ok(text.into());
        }
        let whole = Entry {
            key: written.into(),
            key_origin: origin,
            value: Node::string("v", origin),
        };
        let printed = write::write(&Node::map(vec![whole], origin));
        let nothing = &mut Filling::new(filling.files);
        let again = self.evaluate(&printed, origin, nothing)?.text;
        let read = self::again(&again, origin).map_err(|_| broken(origin))?;
        let document = read.documents.first().ok_or_else(|| broken(origin))?;
        match document.entries() {
            [only] => Ok(only.key.clone()),
            _ => Err(broken(origin)),
        }
    }

    /// Fills in the variables of a text that stands at `origin`, or of what is printed for it.
    fn evaluate(
        &self,
        text: &str,
        origin: Origin,
        filling: &mut Filling<'_>,
    ) -> Result<Evaluated, Problem> {
        let limit = text.len() + filling.left;
        let place = |at: &Range<usize>| expression(text, at, origin, filling.files);
        let evaluated = envsubst::evaluate(text, limit, &|name| self.lookup(name))
            .map_err(|failure| unreadable(place(&failure.at), failure.reason))?;
        let missing: Vec<(String, Origin)> = evaluated
            .missing
            .iter()
            .map(|(name, at)| (name.clone(), place(at)))
            .collect();
        for (name, place) in missing {
            filling.missing.entry(name).or_default().push(place);
        }
        filling.unknown.extend(evaluated.unknown.iter().cloned());
        let longer = evaluated.text.len().saturating_sub(text.len());
        filling.left -= longer.min(filling.left);
        Ok(evaluated)
    }

    /// Flux prints an object, puts the variables into the text and reads it again: `${REPLICAS}`
    /// may become a number, and `${LIST}` a list.
    fn scalar(
        &self,
        node: &mut Node,
        before: &str,
        filling: &mut Filling<'_>,
    ) -> Result<(), Problem> {
        let printed = match before {
            "- " => write::write(&Node::list(vec![node.clone()], node.origin)),
            _ => {
                let entry = Entry {
                    key: "v".into(),
                    key_origin: node.origin,
                    value: node.clone(),
                };
                write::write(&Node::map(vec![entry], node.origin))
            }
        };
        let evaluated = self.evaluate(&printed, node.origin, filling)?;
        if evaluated.text == printed {
            return Ok(());
        }
        let broken = || broken(node.origin);
        let read = again(&evaluated.text, node.origin).map_err(|_| broken())?;
        let document = read.documents.first().ok_or_else(broken)?;
        let value = document
            .get("v")
            .or_else(|| document.items().first())
            .ok_or_else(broken)?;
        let mut value = value.clone();
        if !is_finite(&value) {
            return Err(broken());
        }
        let origin = evaluated.origin.unwrap_or(node.origin).with(By::Flux);
        super::set_origin(&mut value, origin);
        node.replace(value.data, origin);
        Ok(())
    }
}

fn broken(origin: Origin) -> Problem {
    Problem::error(
        origin,
        "this is not valid YAML once its variables are filled in; Flux applies nothing of this Kustomization",
    )
}

/// Reads a text as Flux does: through JSON, as YAML 1.1, so that `yes` is a boolean.
fn again(text: &str, origin: Origin) -> Result<read::Documents, read::ReadError> {
    read::read_as(text, origin.file, read::Dialect::Json)
}

/// True if a tree holds only numbers that JSON can hold. The reader limits the depth.
fn is_finite(node: &Node) -> bool {
    if let Some(scalar) = node.as_scalar() {
        let has_digits = || scalar.text.bytes().any(|byte| byte.is_ascii_digit());
        return scalar.kind != Kind::Float || has_digits();
    }
    let values = node.entries().iter().map(|entry| &entry.value);
    values.chain(node.items()).all(is_finite)
}

/// The place of an expression in the file that a value is written in. In a block of several lines,
/// that is not where the value begins.
fn expression(text: &str, at: &Range<usize>, origin: Origin, files: &Files) -> Origin {
    let found = || {
        let rest = text.get(at.start..)?;
        let end = rest.find(['}', '\n']).map_or(rest.len(), |end| end + 1);
        let wanted = rest.get(..end)?.trim_end();
        let before = text.get(..at.start)?.matches(wanted).count();
        let file = files.get(origin.file);
        let (start, end) = (origin.start as usize, origin.end as usize);
        let written = file.text.get(start..end)?;
        let (offset, _) = written.match_indices(wanted).nth(before)?;
        Some(Origin {
            start: u32::try_from(start + offset).ok()?,
            end: u32::try_from(start + offset + wanted.len()).ok()?,
            ..origin
        })
    };
    found().unwrap_or(origin)
}

/// A variable that nothing sets, at the first of its places.
fn not_set(name: &str, places: &[Origin]) -> Option<Problem> {
    const SHOWN: usize = 3;
    let message = format!(
        "variable `{name}` is set nowhere and has no default; Flux applies nothing from this Kustomization"
    );
    let help = format!(
        "set it under `postBuild`, write `${{{name}:-DEFAULT}}`, or write `$${{{name}}}` if it is not meant for Flux"
    );
    let (first, others) = places.split_first()?;
    let problem = Problem::error(*first, message).with_help(help);
    let others = others.iter().take(SHOWN);
    Some(others.fold(problem, |problem, place| {
        problem.with_related("it is also used here", *place)
    }))
}

fn unreadable(origin: Origin, reason: &str) -> Problem {
    let message = format!(
        "Flux cannot substitute variables here: {reason}; it applies nothing from this Kustomization"
    );
    let help = format!(
        "write `$$` for a literal dollar sign, or annotate the object with `{SWITCH}: disabled`"
    );
    Problem::error(origin, message).with_help(help)
}

fn is_name(name: &str) -> bool {
    let letter = |character: char| character.is_ascii_alphabetic() || character == '_';
    name.starts_with(letter)
        && name
            .chars()
            .all(|character| letter(character) || character.is_ascii_digit())
}

/// True if a tree contains a variable. Trees without one stay shared and are not copied.
fn mentions(node: &Node) -> bool {
    let marked = |text: &str| text.contains("${") || text.contains("$$");
    match &node.data {
        Data::Scalar(scalar) => scalar.kind == Kind::String && marked(&scalar.text),
        Data::Map(map) => map
            .entries
            .iter()
            .any(|entry| marked(&entry.key) || mentions(&entry.value)),
        Data::List(list) => list.items.iter().any(mentions),
    }
}

fn switched_off(resource: &Resource) -> bool {
    ["labels", "annotations"].iter().any(|map| {
        resource
            .node
            .at(&["metadata", map, SWITCH])
            .and_then(Node::text)
            .is_some_and(|text| text == "disabled")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;

    fn parsed(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    fn filled(text: &str, variables: &Variables) -> (serde_json::Value, usize) {
        let mut rendered = Rendered {
            resources: vec![Resource::new(parsed(text))],
            complete: true,
            ..Rendered::default()
        };
        let files = Files::default();
        files.add("a.yaml", None, Arc::from(text));
        variables.apply(&mut rendered, &files);
        assert_eq!(rendered.complete, rendered.problems.is_empty());
        (
            write::to_json(&rendered.resources[0].node),
            rendered.problems.len(),
        )
    }

    fn variables() -> Variables {
        let place = Origin::start_of(FileId(0));
        let known = [
            ("N", "3"),
            ("HOST", "shop.example"),
            ("FLAG", "true"),
            ("LIST", "[{key: a, effect: NoSchedule}]"),
            ("COLON", "x: y"),
            ("HASH", " # c"),
            ("DAY", "2027-01-31"),
        ];
        let known = known
            .iter()
            .map(|(name, value)| (name.to_string(), (Arc::from(*value), place)))
            .collect();
        Variables {
            known,
            ..Variables::default()
        }
    }

    #[test]
    fn a_value_gets_the_type_that_the_text_reads_as() {
        let text = "a: ${N}\nb: \"${N}\"\nc: x${N}\nd: ${LIST}\ne: |\n  one ${N}\n  $$two\nf: ${FLAG}\ng: 'yes ${N}: '\nh: [\"${N}\", \"${HOST}:80\"]\n${HOST}: 1\n";
        let expected = serde_json::json!({
            "a": 3, "b": 3, "c": "x3", "d": [{"effect": "NoSchedule", "key": "a"}], "e": "one 3\n$two\n", "f": true, "g": "yes 3: ",
            "h": [3, "shop.example:80"], "shop.example": 1,
        });
        assert_eq!(filled(text, &variables()), (expected, 0));
    }

    #[test]
    fn values_and_keys_are_read_again_as_yaml_1_1() {
        let text = "a: ${X:-yes}\nb: '${X:-no}'\nc: [\"${X:-off}\", \"${X:-n}\"]\nd: '${X:-yes} '\ne: ${DAY}\n\"k${HASH}\": v\n";
        let filled_in = filled(text, &variables());
        let expected = serde_json::json!({"a": true, "b": false, "c": [false, false], "d": "yes ", "e": "2027-01-31"});
        // the comment hides the colon
        assert_eq!(filled_in.1, 1);
        assert!(
            expected
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, value)| filled_in.0[key] == *value)
        );
        for refused in ["a: ${X:-.inf}", "a: ${X:-.nan}", "\"k${COLON}\": v"] {
            assert_eq!(filled(refused, &variables()).1, 1, "{refused}");
        }
        let spaced = filled("\"k${X:- b }\": v", &variables());
        assert_eq!(spaced, (serde_json::json!({"k b": "v"}), 0));
    }

    #[test]
    fn what_flux_would_refuse_is_told() {
        assert_eq!(filled("a: ${N", &variables()).1, 1);
        assert_eq!(filled("a: ${COLON}", &variables()).1, 1);
        let mut odd = variables();
        odd.known.insert("a-b".to_string(), odd.known["N"].clone());
        assert_eq!(filled("a: 1", &odd).1, 1);
        let off =
            "metadata: {labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\na: ${N\n";
        assert_eq!(filled(off, &variables()).1, 0);
    }

    #[test]
    fn objects_do_not_grow_without_bound() {
        let mut long = variables();
        long.known.insert(
            "X".to_string(),
            ("x".repeat(1 << 20).into(), long.known["N"].1),
        );
        let texts =
            |count: usize| format!("a: ${{N}}\nb: [{}]\n", vec!["\"${X}\""; count].join(", "));
        assert_eq!(filled(&texts(7), &long).1, 0);
        assert_eq!(filled(&texts(10), &long).1, 2);
        assert_eq!(filled(&format!("a: {}", "${X}".repeat(10)), &long).1, 1);
    }

    #[test]
    fn later_objects_win_and_secrets_stay_unknown() {
        let map = parsed("data: {A: '1', B: '1', C: '1', OTHER: '${X}'}");
        let secret = parsed("stringData: {B: hunter2}\ndata: {D: aHVudGVyMg==}");
        let place = map.origin;
        let reference = |kind: &str| Reference {
            kind: kind.into(),
            name: String::new(),
            namespace: None,
        };
        let mut build = PostBuild {
            from: vec![reference("ConfigMap"), reference("Secret")],
            ..PostBuild::default()
        };
        build.inline.insert("C".into(), ("2".into(), place));
        let found = build.variables(&|reference| {
            Some(if reference.kind == "Secret" {
                &secret
            } else {
                &map
            })
        });
        let known: Vec<(&str, &str)> = found
            .known
            .iter()
            .map(|(name, (value, _))| (&**name, &**value))
            .collect();
        assert_eq!(known, [("A", "1"), ("C", "2")]);
        assert_eq!(
            found.unknown,
            ["B", "D", "OTHER"].map(str::to_string).into()
        );
        assert!(!found.open && build.variables(&|_| None).open);
        assert_eq!(
            filled("a: ${A}${B}${D:-x}${E:-}", &found).0,
            serde_json::json!({"a": "1${B}${D:-x}"})
        );
    }
}
