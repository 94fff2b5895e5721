//! Which fields the transformers change: the built-in table, `configurations` files and `crds`,
//! merged as kustomize merges them. Not here: the transformers.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use super::field_spec::{FieldSpec, Gvk};
use crate::kustomize::decode::Decoder;
use crate::kustomize::kustomization::FieldSpecEntry;
use crate::kustomize::order;
use crate::yaml::Node;

const BUILT_IN: &str = include_str!("field_specs.txt");
static BUILTIN: LazyLock<Arc<Configuration>> =
    LazyLock::new(|| Arc::new(Configuration::parse(BUILT_IN)));

/// The lists of field specifications, one for each transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// `namePrefix`
    NamePrefix,
    /// `nameSuffix`
    NameSuffix,
    /// `namespace`
    Namespace,
    /// `commonLabels`: labels and selectors.
    CommonLabels,
    /// `labels`: the fields that `labels` entries change besides the metadata.
    Labels,
    /// `templateLabels`: `includeTemplates`.
    TemplateLabels,
    /// `volumeClaimTemplateLabels`: `includeVolumeClaimTemplates`.
    VolumeClaimTemplateLabels,
    /// `commonAnnotations`
    CommonAnnotations,
    /// `varReference`
    VarReference,
    /// `images`
    Images,
    /// `replicas`
    Replicas,
}

const LISTS: [(&str, Fields); 11] = [
    ("namePrefix", Fields::NamePrefix),
    ("nameSuffix", Fields::NameSuffix),
    ("namespace", Fields::Namespace),
    ("commonLabels", Fields::CommonLabels),
    ("labels", Fields::Labels),
    ("templateLabels", Fields::TemplateLabels),
    (
        "volumeClaimTemplateLabels",
        Fields::VolumeClaimTemplateLabels,
    ),
    ("commonAnnotations", Fields::CommonAnnotations),
    ("varReference", Fields::VarReference),
    ("images", Fields::Images),
    ("replicas", Fields::Replicas),
];

/// The fields that hold the name of an object of some kind.
#[derive(Clone, Debug)]
pub(crate) struct NameReference {
    /// The kind that is referred to.
    pub target: Gvk,
    /// The fields that hold its name.
    pub referrers: Vec<FieldSpec>,
}

impl NameReference {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> NameReference {
        let mut result = NameReference {
            target: Gvk::default(),
            referrers: Vec::new(),
        };
        for (name, entry) in decoder.fields(
            node,
            "a name reference",
            &["group", "version", "kind", "fieldSpecs"],
        ) {
            if name == "fieldSpecs" {
                let items = decoder.list(&entry.value, name).iter();
                result.referrers = items
                    .map(|item| FieldSpec::of(&FieldSpecEntry::decode(item, decoder)))
                    .collect();
                continue;
            }
            let text = decoder
                .text(&entry.value, name)
                .map(|text| text.value)
                .unwrap_or_default();
            match name {
                "group" => result.target.group = text,
                "version" => result.target.version = text,
                _ => result.target.kind = text,
            }
        }
        result
    }
}

/// Every list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    lists: [Vec<FieldSpec>; LISTS.len()],
    references: Vec<NameReference>,
    by_kind: OnceLock<HashMap<Arc<str>, Vec<(usize, usize)>>>,
    with_builtin: bool,
}

impl Configuration {
    /// The built-in table.
    pub(crate) fn builtin() -> Arc<Configuration> {
        BUILTIN.clone()
    }

    /// A list.
    pub(crate) fn fields(&self, list: Fields) -> &[FieldSpec] {
        self.lists.get(list as usize).map_or(&[], |specs| specs)
    }

    /// The references that objects of a kind may hold, in kustomize's order: the kind that they
    /// refer to, and the field.
    pub(crate) fn references_of(&self, kind: &str) -> impl Iterator<Item = (&Gvk, &FieldSpec)> {
        let index = self.by_kind.get_or_init(|| {
            let mut index: HashMap<Arc<str>, Vec<(usize, usize)>> = HashMap::new();
            for (reference, entry) in self.references.iter().enumerate() {
                for (referrer, spec) in entry.referrers.iter().enumerate() {
                    index
                        .entry(spec.gvk.kind.clone())
                        .or_default()
                        .push((reference, referrer));
                }
            }
            index
        });
        let of = |kind: &str| index.get(kind).map_or(&[][..], |positions| positions);
        let mut positions: Vec<(usize, usize)> = of(kind).to_vec();
        if !kind.is_empty() {
            positions.extend_from_slice(of(""));
        }
        positions.sort_unstable();
        positions.into_iter().filter_map(|(reference, referrer)| {
            let entry = self.references.get(reference)?;
            Some((&entry.target, entry.referrers.get(referrer)?))
        })
    }

    /// Merges another table into a shared one. The error names the contradiction.
    pub(crate) fn merge(
        into: &mut Arc<Configuration>,
        other: &Arc<Configuration>,
    ) -> Result<(), String> {
        if Arc::ptr_eq(into, other) || (into.with_builtin && Arc::ptr_eq(other, &BUILTIN)) {
            return Ok(());
        }
        if into.is_empty() && Arc::ptr_eq(other, &BUILTIN) {
            *into = other.clone();
            return Ok(());
        }
        Arc::make_mut(into).absorb(other)
    }

    /// The built-in table with files of `configurations` and `crds` merged into it. The order is
    /// that of kustomize, because a merge skips general entries if a particular one exists.
    pub(crate) fn with_files(
        configurations: &[Configuration],
        crds: &[Configuration],
    ) -> Result<Arc<Configuration>, String> {
        let mut result = (*Configuration::builtin()).clone();
        for tables in [configurations, crds] {
            let mut merged = Configuration::default();
            tables.iter().try_for_each(|table| merged.absorb(table))?;
            result.absorb(&merged)?;
        }
        Ok(Arc::new(result))
    }

    fn is_empty(&self) -> bool {
        self.references.is_empty() && self.lists.iter().all(Vec::is_empty)
    }

    fn absorb(&mut self, other: &Configuration) -> Result<(), String> {
        self.with_builtin |= other.with_builtin;
        self.by_kind = OnceLock::new();
        for (list, incoming) in self.lists.iter_mut().zip(&other.lists) {
            merge_specs(list, incoming)?;
        }
        for reference in &other.references {
            self.add_reference(&reference.target, &reference.referrers)?;
        }
        self.sort();
        Ok(())
    }

    fn add_reference(&mut self, target: &Gvk, referrers: &[FieldSpec]) -> Result<(), String> {
        match self
            .references
            .iter_mut()
            .find(|reference| reference.target == *target)
        {
            Some(present) => merge_specs(&mut present.referrers, referrers),
            None => {
                self.references.push(NameReference {
                    target: target.clone(),
                    referrers: referrers.to_vec(),
                });
                Ok(())
            }
        }
    }

    fn sort(&mut self) {
        let rank = |gvk: &Gvk| order::type_rank(&gvk.group, &gvk.version, &gvk.kind);
        for list in &mut self.lists {
            list.sort_by_cached_key(|spec| rank(&spec.gvk));
        }
        self.references
            .sort_by_cached_key(|reference| rank(&reference.target));
    }

    /// Reads the built-in text. Its header explains the lines.
    fn parse(text: &str) -> Configuration {
        let mut result = Configuration {
            with_builtin: true,
            ..Configuration::default()
        };
        let gvk = |word: &str| {
            let mut parts = word
                .split(':')
                .map(|part| Arc::from(if part == "*" { "" } else { part }));
            let mut next = || parts.next().unwrap_or_default();
            let (kind, group, version) = (next(), next(), next());
            Gvk {
                group,
                version,
                kind,
            }
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (Some(list), Some(create), Some(path)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let specs: Vec<FieldSpec> = words
                .map(|word| FieldSpec::new(gvk(word), path, create == "create"))
                .collect();
            let merged = match list.strip_prefix("nameReference=") {
                Some(target) => result.add_reference(&gvk(target), &specs),
                None => match result.list_mut(list) {
                    Some(list) => merge_specs(list, &specs),
                    None => Ok(()),
                },
            };
            debug_assert!(
                merged.is_ok(),
                "internal: the built-in table contradicts itself"
            );
        }
        result.sort();
        result
    }

    fn list_mut(&mut self, name: &str) -> Option<&mut Vec<FieldSpec>> {
        let (_, list) = LISTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        self.lists.get_mut(*list as usize)
    }

    /// Reads a file of `configurations`. Unknown and mistyped fields are reported to the decoder.
    pub(crate) fn from_file(document: &Node, decoder: &mut Decoder<'_>) -> Configuration {
        const REFERENCES: &str = "nameReference";
        let known: Vec<&'static str> = LISTS
            .iter()
            .map(|(name, _)| *name)
            .chain([REFERENCES])
            .collect();
        let mut result = Configuration::default();
        for (name, entry) in decoder.fields(document, "a transformer configuration", &known) {
            let items = decoder.list(&entry.value, name);
            if name == REFERENCES {
                result.references.extend(
                    items
                        .iter()
                        .map(|item| NameReference::decode(item, decoder)),
                );
            } else if let Some(list) = result.list_mut(name) {
                list.extend(
                    items
                        .iter()
                        .map(|item| FieldSpec::of(&FieldSpecEntry::decode(item, decoder))),
                );
            }
        }
        result
    }

    /// Reads OpenAPI definitions of custom resources, with the extensions by which they name
    /// references, labels and annotations.
    pub(crate) fn from_crds(document: &Node) -> Configuration {
        let mut result = Configuration::default();
        for definition in document.entries() {
            let Some(properties) = properties(&definition.value) else {
                continue;
            };
            if ["kind", "apiVersion", "metadata"]
                .iter()
                .all(|name| properties.get(name).is_some())
            {
                let kind = definition.key.rsplit('.').next().unwrap_or_default();
                let gvk = Gvk {
                    kind: kind.into(),
                    ..Gvk::default()
                };
                result.follow(
                    document,
                    &definition.value,
                    &gvk,
                    &mut Vec::new(),
                    &mut vec![&definition.key],
                );
            }
        }
        result
    }

    /// Reads the properties of a definition. `within` holds the definitions on the way here,
    /// because definitions may refer to themselves.
    fn follow<'n>(
        &mut self,
        document: &'n Node,
        definition: &'n Node,
        gvk: &Gvk,
        path: &mut Vec<&'n str>,
        within: &mut Vec<&'n str>,
    ) {
        let Some(properties) = properties(definition) else {
            return;
        };
        for property in properties.entries() {
            path.push(&property.key);
            let value = &property.value;
            let spec = |extra: Option<&str>| {
                let steps: Vec<&str> = path.iter().copied().chain(extra).collect();
                FieldSpec::new(gvk.clone(), &steps.join("/"), false)
            };
            let text = |name: &str| value.get(name).and_then(Node::text);
            let marks = [
                ("x-kubernetes-annotation", Fields::CommonAnnotations),
                ("x-kubernetes-label-selector", Fields::CommonLabels),
                ("x-kubernetes-identity", Fields::NamePrefix),
            ];
            for (mark, list) in marks {
                if let Some(list) = self
                    .lists
                    .get_mut(list as usize)
                    .filter(|_| value.get(mark).is_some())
                {
                    list.push(spec(None));
                }
            }
            if let (Some(version), Some(kind)) = (
                text("x-kubernetes-object-ref-api-version"),
                text("x-kubernetes-object-ref-kind"),
            ) {
                let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
                let target = Gvk {
                    kind: kind.into(),
                    version: version.into(),
                    ..Gvk::default()
                };
                self.references.push(NameReference {
                    target,
                    referrers: vec![spec(Some(key))],
                });
            }
            if let Some(next) = text("$ref")
                .and_then(|reference| document.entry(reference))
                .filter(|next| !within.contains(&&*next.key))
            {
                within.push(&next.key);
                self.follow(document, &next.value, gvk, path, within);
                within.pop();
            }
            path.pop();
        }
    }
}

fn properties(definition: &Node) -> Option<&Node> {
    let entry = definition
        .entries()
        .iter()
        .find(|entry| entry.key.eq_ignore_ascii_case("schema"))?;
    entry.value.get("properties")
}

/// Adds specifications that are missing. Two for the same field that differ in `create` are a
/// conflict.
pub(crate) fn merge_specs(list: &mut Vec<FieldSpec>, incoming: &[FieldSpec]) -> Result<(), String> {
    for spec in incoming {
        let selected = |present: &FieldSpec| {
            spec.gvk
                .selects(&present.gvk.group, &present.gvk.version, &present.gvk.kind)
        };
        match list
            .iter()
            .find(|present| present.path == spec.path && selected(present))
        {
            Some(present) if present.create != spec.create => {
                return Err(format!(
                    "the field {} is configured twice, with and without create",
                    spec.path
                ));
            }
            Some(_) => {}
            None => list.push(spec.clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::decode::Rules;
    use crate::yaml::{FileId, read};

    fn parse(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    #[test]
    fn the_builtin_table_is_complete() {
        let builtin = Configuration::builtin();
        for (name, list) in LISTS {
            assert!(
                !builtin.fields(list).is_empty() || name == "labels",
                "{name}"
            );
        }
        let references: Vec<&str> = builtin
            .references_of("HorizontalPodAutoscaler")
            .map(|(target, _)| &*target.kind)
            .collect();
        assert_eq!(
            references,
            [
                "Deployment",
                "StatefulSet",
                "ReplicaSet",
                "ReplicationController"
            ]
        );
        assert!(builtin.references_of("Deployment").count() > 10);
        assert_eq!(builtin.references_of("Unknown").count(), 0);
    }

    #[test]
    fn files_add_fields() {
        let file = parse(
            "{namePrefix: [{path: spec/alias, kind: Widget}], nameReference: [{kind: Widget, fieldSpecs: [{path: spec/w, kind: Pod}]}]}",
        );
        let read = |document: &Node| {
            let mut problems = Vec::new();
            let read = Configuration::from_file(
                document,
                &mut Decoder::new(&mut problems, Rules::Configuration),
            );
            (
                read,
                problems
                    .into_iter()
                    .map(|problem| problem.message)
                    .collect::<Vec<_>>(),
            )
        };
        let mut result = (*Configuration::builtin()).clone();
        let (file, problems) = read(&file);
        assert_eq!(problems, [""; 0]);
        result.absorb(&file).unwrap();
        assert_eq!(result.fields(Fields::NamePrefix).len(), 2);
        assert!(
            result
                .references_of("Pod")
                .any(|(target, spec)| &*target.kind == "Widget" && &*spec.path == "spec/w")
        );
        let conflict = parse("{namePrefix: [{path: metadata/name, create: true}]}");
        assert!(result.absorb(&read(&conflict).0).is_err());
        // unknown fields are refused; numbers and booleans are text
        for (text, message) in [
            (
                "{varReference: [{path: spec/a, apiVersion: v1}]}",
                "a field specification has no field \"apiVersion\"",
            ),
            (
                "{nameReference: [{kind: Widget, path: spec/a}]}",
                "a name reference has no field \"path\"",
            ),
            (
                "{varReferences: []}",
                "a transformer configuration has no field \"varReferences\"",
            ),
            (
                "{images: {path: spec/a}}",
                "images must be a list, but this is a map",
            ),
            (
                "{images: [{path: spec/a, create: maybe}]}",
                "create must be a boolean, but this is a string",
            ),
        ] {
            assert_eq!(read(&parse(text)).1, [message]);
        }
        assert_eq!(
            read(&parse("{IMAGES: [{path: 1, kind: true, create: yes}]}")).1,
            [""; 0]
        );
    }

    #[test]
    fn crds_name_references() {
        let text = r#"{"a.v1.Bee": {"Schema": {"properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {"$ref": "a.v1.BeeSpec"}}}},
            "a.v1.BeeSpec": {"Schema": {"properties": {
              "keyRef": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret"},
              "self": {"$ref": "a.v1.BeeSpec"}, "notes": {"x-kubernetes-annotation": ""}}}}}"#;
        let read = Configuration::from_crds(&parse(text));
        assert_eq!(
            &*read.fields(Fields::CommonAnnotations)[0].path,
            "spec/notes"
        );
        let mut merged = Configuration::default();
        merged.absorb(&read).unwrap();
        assert!(
            merged.references_of("Bee").any(
                |(target, spec)| &*target.kind == "Secret" && &*spec.path == "spec/keyRef/name"
            )
        );
    }
}
