//! The data that templates see: `.Values`, `.Release`, `.Chart`, `.Capabilities`, `.Files`, `.Subcharts`.

use std::sync::Arc;

use super::files;
use crate::helm::Release;
use crate::helm::chart::metadata::Field;
use crate::helm::instance::Instance;
use crate::source::Files;
use crate::template::{Inputs, Map, Text, Value};
use crate::yaml::Node;

/// The type of `.Values` in Go.
const VALUES: &str = "common.Values";

/// A template file of a release, and the data that it runs with.
pub(in crate::helm) struct Unit {
    /// Its name for templates: `web/charts/redis/templates/service.yaml`.
    pub(in crate::helm) name: Arc<str>,
    /// The folder of the templates of its chart: `web/charts/redis/templates`.
    base: Arc<str>,
    /// The text.
    pub(in crate::helm) text: Arc<str>,
    /// The file.
    pub(in crate::helm) file: crate::yaml::FileId,
    /// The value of `.`.
    pub(super) data: Map,
}

impl Unit {
    /// Sets `.Template`, which differs between the files of a chart.
    pub(super) fn begin(&self) -> Value {
        let template = Map::named(VALUES);
        template.set("Name", Value::string(self.name.clone()));
        template.set("BasePath", Value::string(self.base.clone()));
        self.data.set("Template", Value::map(template));
        Value::map(self.data.clone())
    }
}

/// The template files of a release in the order in which Helm parses and runs them: the deepest
/// and last paths first.
pub(super) fn units(
    root: &Instance,
    values: &Node,
    (release, capabilities): (&Release, Value),
    table: &Arc<Files>,
) -> Vec<Unit> {
    let shared = Shared {
        release: release_value(release),
        capabilities,
        table,
    };
    let values = match Value::from_node(values).as_map() {
        Some(map) => map.as_named(VALUES),
        None => Map::named(VALUES),
    };
    let mut units = Vec::new();
    shared.collect(root, &root.name, values, true, &mut units);
    let depth = |unit: &Unit| unit.name.matches('/').count();
    units.sort_by(|one, other| {
        let order = depth(other).cmp(&depth(one));
        order.then_with(|| other.name.cmp(&one.name))
    });
    units
}

struct Shared<'s> {
    release: Value,
    capabilities: Value,
    table: &'s Arc<Files>,
}

impl Shared<'_> {
    /// Collects the templates of a chart and its subcharts, and returns what templates of the
    /// parent see of it.
    fn collect(
        &self,
        instance: &Instance,
        path: &str,
        values: Map,
        is_root: bool,
        units: &mut Vec<Unit>,
    ) -> Map {
        let (data, subcharts) = (Map::new(), Map::new());
        data.set("Chart", chart_value(instance, is_root));
        data.set("Files", files::value(&instance.chart.files, self.table));
        data.set("Release", self.release.clone());
        data.set("Capabilities", self.capabilities.clone());
        data.set("Subcharts", Value::map(subcharts.clone()));
        for below in &instance.subcharts {
            let own = values.get(&below.name);
            let own = own.as_ref().and_then(Value::as_map);
            let own = own.map_or_else(|| Map::named(VALUES), |own| own.as_named(VALUES));
            let path = format!("{path}/charts/{}", below.name);
            let seen = self.collect(below, &path, own, false, units);
            subcharts.set(below.name.clone(), Value::map(seen));
        }
        data.set("Values", Value::map(values));
        let base: Arc<str> = format!("{path}/templates").into();
        let is_library = instance.chart.metadata.is_library();
        for template in &instance.chart.templates {
            let name = template.name.rsplit('/').next().unwrap_or_default();
            if is_library && !name.starts_with('_') {
                continue;
            }
            let file = template.id(self.table);
            units.push(Unit {
                name: format!("{path}/{}", template.name).into(),
                base: base.clone(),
                text: self.table.get(file).text.clone(),
                file,
                data: data.clone(),
            });
        }
        data
    }
}

fn release_value(release: &Release) -> Value {
    let map = Map::new();
    map.set("Name", Value::string(release.name.as_str()));
    map.set("Namespace", Value::string(release.namespace.as_str()));
    map.set("IsUpgrade", Value::bool(release.is_upgrade));
    map.set("IsInstall", Value::bool(!release.is_upgrade));
    map.set("Revision", Value::int(1));
    map.set("Service", Value::string("Helm"));
    Value::map(map)
}

fn text(field: &Field) -> Value {
    let value = Value::string(Text::from(field.text.clone()));
    if field.text.is_empty() {
        return value;
    }
    value.with_inputs(Inputs::one(field.origin))
}

/// The value of `.Chart`: the fields of `Chart.yaml` with a capital letter.
fn chart_value(instance: &Instance, is_root: bool) -> Value {
    let metadata = &instance.chart.metadata;
    let map = Map::new();
    for (key, name) in [
        ("apiVersion", "APIVersion"),
        ("name", "Name"),
        ("version", "Version"),
        ("appVersion", "AppVersion"),
        ("kubeVersion", "KubeVersion"),
        ("type", "Type"),
        ("description", "Description"),
        ("home", "Home"),
        ("icon", "Icon"),
        ("condition", "Condition"),
        ("tags", "Tags"),
    ] {
        map.set(
            name,
            metadata.field(key).map_or_else(|| Value::string(""), text),
        );
    }
    map.set("Name", Value::string(instance.name.clone()));
    for (key, name) in [("sources", "Sources"), ("keywords", "Keywords")] {
        let mut lists = metadata.lists.iter();
        let list = lists.find_map(|(other, list)| (*other == key).then_some(list));
        map.set(
            name,
            Value::list(list.into_iter().flatten().map(text).collect()),
        );
    }
    let maintainers = metadata.maintainers.iter().map(|maintainer| {
        let map = Map::new();
        for (key, field) in maintainer {
            let name = match *key {
                "name" => "Name",
                "email" => "Email",
                _ => "URL",
            };
            map.set(name, text(field));
        }
        Value::map(map)
    });
    map.set("Maintainers", Value::list(maintainers.collect()));
    map.set("Deprecated", Value::bool(metadata.deprecated));
    let annotations = Map::strings();
    for (key, field) in metadata.annotations.iter().flatten() {
        annotations.set(key.clone(), text(field));
    }
    map.set("Annotations", Value::map(annotations));
    map.set("Dependencies", dependencies(instance));
    map.set("IsRoot", Value::bool(is_root));
    Value::map(map)
}

fn dependencies(instance: &Instance) -> Value {
    let each = instance.dependencies.iter().map(|dependency| {
        let map = Map::new();
        map.set("Name", Value::string(dependency.key()));
        map.set("Version", text(&dependency.version));
        map.set("Repository", text(&dependency.repository));
        map.set("Condition", text(&dependency.condition));
        map.set(
            "Tags",
            Value::list(dependency.tags.iter().map(text).collect()),
        );
        map.set("Enabled", Value::bool(true));
        let imports = dependency.imports.iter().map(|import| {
            let map = Map::new();
            map.set("child", Value::string(import.child.as_str()));
            map.set("parent", Value::string(import.parent.as_str()));
            Value::map(map)
        });
        map.set("ImportValues", Value::list(imports.collect()));
        map.set("Alias", text(&dependency.alias));
        Value::map(map)
    });
    Value::list(each.collect())
}
