//! Gatekeeper: ConstraintTemplates with their Constraints.
//!
//! A template has a policy in Rego with libraries, all in packages of their own. A constraint says
//! with which parameters it applies to which objects, and what happens to those that violate it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::document::{Document, Role};
use super::expressions::{Expressions, Verdict};
use super::request::{Gap, Refusal, Request};
use super::selector::{fits, selects, texts};
use crate::finding::Severity;
use crate::kubernetes::schema::defaults::add_defaults;
use crate::policy::opa::{
    Document as Visible, Failure, Program, Settings, Source, Value, Version, from_json, to_json,
};
use crate::policy::place::pointer;
use crate::policy::pool::Pool;
use crate::yaml::Origin;

/// The engine that evaluates Rego.
const REGO: &str = "Rego";
/// The engine that evaluates CEL.
const CEL: &str = "K8sNativeValidation";
/// The admission webhook as an enforcement point.
const WEBHOOK: &str = "validation.gatekeeper.sh";

/// The templates and constraints of a cluster.
#[derive(Default)]
pub(super) struct Gatekeeper {
    templates: BTreeMap<String, Template>,
    constraints: Vec<Constraint>,
    /// Patterns of namespaces that the Config leaves alone.
    excluded: Vec<String>,
}

/// A template that was compiled.
enum Template {
    Rego(Box<Rego>),
    Cel(Box<Expressions>),
}

struct Rego {
    pool: Pool,
    query: String,
    uses_inventory: bool,
}

struct Constraint {
    kind: String,
    name: String,
    matching: Json,
    parameters: Json,
    severity: Severity,
    origin: Origin,
}

/// A violation, as a template returns it.
pub(super) struct Violation {
    pub(super) message: String,
    details: Json,
}

impl Gatekeeper {
    /// Compiles templates, and pairs them with constraints.
    pub(super) fn new(documents: &[&Document], now: i128, gaps: &mut Vec<Gap>) -> Gatekeeper {
        let mut gatekeeper = Gatekeeper::default();
        let mut schemas = BTreeMap::new();
        let of_role = |role| documents.iter().filter(move |one| one.role == role);
        for document in of_role(Role::Template) {
            let kind = document
                .text("/spec/crd/spec/names/kind")
                .unwrap_or_default();
            let schema = document
                .json
                .pointer("/spec/crd/spec/validation/openAPIV3Schema");
            schemas.insert(kind.to_string(), schema.cloned().unwrap_or_default());
            match Template::compile(document, now) {
                Ok(template) => drop(gatekeeper.templates.insert(kind.to_string(), template)),
                Err(gap) => gaps.push(gap),
            }
        }
        for document in of_role(Role::Constraint) {
            let Some(schema) = schemas.get(document.kind()) else {
                let message = format!(
                    "{} is not evaluated: its ConstraintTemplate is not in this cluster's overlays",
                    document.describe()
                );
                gaps.push(Gap::unsupported(document.origin, message));
                continue;
            };
            let constraint = Constraint::read(document, schema);
            gatekeeper.constraints.extend(constraint);
        }
        for document in of_role(Role::GatekeeperConfig) {
            gatekeeper.excluded.extend(excluded_by(&document.json));
        }
        gatekeeper
    }

    /// The number of constraints.
    pub(super) fn len(&self) -> usize {
        self.constraints.len()
    }

    /// Where a constraint is written, by its number.
    pub(super) fn origin(&self, number: usize) -> Option<Origin> {
        self.constraints
            .get(number)
            .map(|constraint| constraint.origin)
    }

    /// True if a template reads other objects of the cluster.
    pub(super) fn uses_inventory(&self) -> bool {
        self.templates
            .values()
            .any(|template| matches!(template, Template::Rego(rego) if rego.uses_inventory))
    }

    /// Judges an object by one constraint, by its number.
    ///
    /// # Errors
    /// The template fails for this object.
    pub(super) fn judge(
        &self,
        number: usize,
        request: Request<'_>,
        inventory: &Value,
    ) -> Result<Vec<Refusal>, Failure> {
        let Some(constraint) = self.constraints.get(number) else {
            return Ok(Vec::new());
        };
        let is_left_alone = self.is_left_alone(request);
        let template = self.templates.get(&constraint.kind);
        let Some(template) = template.filter(|_| !is_left_alone && constraint.applies(request))
        else {
            return Ok(Vec::new());
        };
        let violations = template.violations(request, &constraint.parameters, inventory)?;
        let severity = if constraint.is_certain(request) {
            constraint.severity
        } else {
            constraint.severity.min(Severity::Warning)
        };
        let refusal = |violation: Violation| Refusal {
            id: format!("policy/gatekeeper/{}", constraint.kind),
            severity,
            path: path_in(&violation.details),
            message: violation.message,
            policy: constraint.origin,
            name: format!("{} `{}`", constraint.kind, constraint.name),
        };
        Ok(violations.into_iter().map(refusal).collect())
    }

    /// True if the webhook does not get requests of the namespace.
    fn is_left_alone(&self, request: Request<'_>) -> bool {
        let namespace = if request.is_namespace() {
            Some(request.name())
        } else {
            request.namespace
        };
        let is_excluded = |name: &str| self.excluded.iter().any(|pattern| fits(pattern, name));
        let label = "/metadata/labels/admission.gatekeeper.sh~1ignore";
        namespace.is_some_and(is_excluded)
            || request
                .namespace_object
                .is_some_and(|namespace| namespace.pointer(label).is_some())
    }
}

/// The namespaces that a Config excludes from the webhook.
fn excluded_by(config: &Json) -> Vec<String> {
    let entries = config.pointer("/spec/match").and_then(Json::as_array);
    let of_webhook = |entry: &&Json| {
        let processes = texts(entry, "processes");
        processes
            .iter()
            .any(|process| matches!(*process, "*" | "webhook"))
    };
    let names = entries.into_iter().flatten().filter(of_webhook);
    names
        .flat_map(|entry| texts(entry, "excludedNamespaces"))
        .map(str::to_string)
        .collect()
}

/// The value that the details of a violation name by `path` or `field`.
fn path_in(details: &Json) -> Option<String> {
    let stated = ["path", "field"].iter().find_map(|key| details.get(key));
    stated.and_then(pointer)
}

impl Template {
    fn compile(document: &Document, now: i128) -> Result<Template, Gap> {
        let told = |reason: &str| format!("{} cannot be loaded: {reason}", document.describe());
        let mistake = |reason: &str| Gap::mistake(document.origin, told(reason));
        let targets = document
            .json
            .pointer("/spec/targets")
            .and_then(Json::as_array);
        let Some(target) = targets.and_then(|targets| targets.first()) else {
            return Err(mistake("it has no target"));
        };
        let Some(code) = Code::of(target) else {
            return Template::of_cel(document, target);
        };
        let source = |(number, text): (usize, &&str)| Source {
            path: format!("template-{number}"),
            text: (**text).into(),
        };
        let sources: Vec<Source> = code.texts.iter().enumerate().map(source).collect();
        let settings = Settings {
            now,
            version: Some(code.version),
            inventory: true,
            ..Settings::default()
        };
        let (program, problems) = Program::load(&sources, &from_json(&json!({})), &settings);
        if let Some(problem) = problems.first() {
            return Err(mistake(&problem.message));
        }
        let violation = program
            .definitions()
            .iter()
            .find(|one| one.file == 0 && one.name == "violation" && !one.is_function);
        let Some(violation) = violation else {
            return Err(mistake("it has no rule `violation`"));
        };
        let rego = Rego {
            query: violation.query.clone(),
            pool: Pool::new(program.interpreter()),
            uses_inventory: code.texts.iter().any(|text| text.contains("inventory")),
        };
        Ok(Template::Rego(rego.into()))
    }

    /// The template of a target whose only engine is CEL.
    fn of_cel(document: &Document, target: &Json) -> Result<Template, Gap> {
        let engines = target.get("code").and_then(Json::as_array);
        let mut engines = engines.into_iter().flatten();
        let cel = engines.find(|code| code.get("engine").and_then(Json::as_str) == Some(CEL));
        let source = cel.and_then(|cel| cel.get("source"));
        let reason = match source
            .map(with_parameters)
            .map(|source| Expressions::parse(&source))
        {
            Some(Ok(expressions)) => return Ok(Template::Cel(expressions.into())),
            Some(Err(reason)) => reason,
            None => "it has neither Rego nor CEL".to_string(),
        };
        let message = format!("{} is not evaluated: {reason}", document.describe());
        Err(Gap::unsupported(document.origin, message))
    }

    pub(super) fn violations(
        &self,
        request: Request<'_>,
        parameters: &Json,
        inventory: &Value,
    ) -> Result<Vec<Violation>, Failure> {
        let (pool, query) = match self {
            Template::Rego(rego) => (&rego.pool, &rego.query),
            Template::Cel(expressions) => return by_cel(expressions, request, parameters),
        };
        let input = json!({"review": request.to_json(), "parameters": parameters});
        let value = pool.lend(|interpreter| {
            interpreter.set(Visible::Input, from_json(&input));
            interpreter.set(Visible::Inventory, inventory.clone());
            let value = interpreter.value(query);
            if value.is_err() {
                interpreter.replace_by(pool.fresh());
            }
            value
        })?;
        let Some(Json::Array(items)) = to_json(&value) else {
            return Ok(Vec::new());
        };
        let violation = |item: Json| Violation {
            message: item
                .get("msg")
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_string(),
            details: item.get("details").cloned().unwrap_or_default(),
        };
        Ok(items.into_iter().map(violation).collect())
    }
}

/// The source of a template in CEL with the variables that Gatekeeper adds.
fn with_parameters(source: &Json) -> Json {
    let mut source = source.clone();
    let own = json!([
        {"name": "anyObject", "expression": "object != null ? object : oldObject"},
        {"name": "params", "expression": "gatekeeper_parameters"},
    ]);
    let stated = source.get("variables").and_then(Json::as_array).cloned();
    let own = own.as_array().cloned().unwrap_or_default();
    let all: Vec<Json> = own.into_iter().chain(stated.unwrap_or_default()).collect();
    if let Some(map) = source.as_object_mut() {
        map.insert("variables".to_string(), all.into());
    }
    source
}

fn by_cel(
    expressions: &Expressions,
    request: Request<'_>,
    parameters: &Json,
) -> Result<Vec<Violation>, Failure> {
    let violation = |message: String| Violation {
        message,
        details: Json::Null,
    };
    match expressions.judge(request, &[("gatekeeper_parameters", parameters)]) {
        Verdict::Admitted => Ok(Vec::new()),
        Verdict::Refused(messages) => Ok(messages.into_iter().map(violation).collect()),
        Verdict::TooMuch(reason) => Err(Failure::Limit(reason)),
        Verdict::Unknown(reason) => Err(Failure::Undecided(reason)),
    }
}

/// The Rego of a target: the policy first, then its libraries.
struct Code<'d> {
    texts: Vec<&'d str>,
    version: Version,
}

impl<'d> Code<'d> {
    fn of(target: &'d Json) -> Option<Code<'d>> {
        let engines = target.get("code").and_then(Json::as_array);
        let mut engines = engines.into_iter().flatten();
        let rego = engines.find(|code| code.get("engine").and_then(Json::as_str) == Some(REGO));
        let source = rego.map_or(target, |rego| rego.get("source").unwrap_or(&Json::Null));
        let main = source.get("rego")?.as_str()?;
        let version = source.get("version").and_then(Json::as_str);
        let libraries = texts(source, "libs");
        Some(Code {
            texts: std::iter::once(main).chain(libraries).collect(),
            version: if version == Some("v1") {
                Version::V1
            } else {
                Version::V0
            },
        })
    }
}

impl Constraint {
    /// Reads a constraint; none if it does not concern the webhook.
    fn read(document: &Document, schema: &Json) -> Option<Constraint> {
        let spec = document.json.get("spec").cloned().unwrap_or_default();
        let mut parameters = spec.get("parameters").cloned().unwrap_or_else(|| json!({}));
        add_defaults(schema, &mut parameters);
        Some(Constraint {
            kind: document.kind().to_string(),
            name: document.name().to_string(),
            severity: severity(&spec)?,
            matching: spec.get("match").cloned().unwrap_or_default(),
            parameters,
            origin: document.origin,
        })
    }

    /// False if the constraint excludes namespaces and that of the object is not known.
    fn is_certain(&self, request: Request<'_>) -> bool {
        let is_known = request.namespace.is_some() || request.is_cluster_scoped;
        is_known || texts(&self.matching, "excludedNamespaces").is_empty()
    }

    /// True if the constraint is about an object. If it asks for something that is not known, such
    /// as the labels of a Namespace that is made elsewhere, it is not.
    fn applies(&self, request: Request<'_>) -> bool {
        let matching = &self.matching;
        let subject = request.subject();
        let namespace = if request.is_namespace() {
            Some(request.name())
        } else {
            request.namespace
        };
        let source = matching.get("source").and_then(Json::as_str);
        let name = matching.get("name").and_then(Json::as_str);
        source != Some("Generated")
            && of_kind(matching, request)
            && in_scope(matching, request)
            && in_namespace(matching, namespace, request)
            && matching
                .get("labelSelector")
                .is_none_or(|selector| selects(selector, request.labels()))
            && in_selected_namespace(matching, request)
            && name.is_none_or(|name| name.is_empty() || fits(name, request.name()))
            && !subject.is_null()
    }
}

fn of_kind(matching: &Json, request: Request<'_>) -> bool {
    let Some(kinds) = matching.get("kinds").and_then(Json::as_array) else {
        return true;
    };
    let (group, _) = request.group_version();
    let has = |entry: &Json, key: &str, wanted: &str| {
        let names = texts(entry, key);
        names.is_empty() || names.iter().any(|name| *name == "*" || *name == wanted)
    };
    let fits = |entry: &Json| has(entry, "kinds", request.kind()) && has(entry, "apiGroups", group);
    kinds.is_empty() || kinds.iter().any(fits)
}

fn in_scope(matching: &Json, request: Request<'_>) -> bool {
    match matching.get("scope").and_then(Json::as_str) {
        Some("Cluster") => request.is_cluster_scoped,
        Some("Namespaced") => !request.is_cluster_scoped,
        _ => true,
    }
}

fn in_namespace(matching: &Json, namespace: Option<&str>, request: Request<'_>) -> bool {
    let wanted = texts(matching, "namespaces");
    let excluded = texts(matching, "excludedNamespaces");
    let among = |patterns: &[&str], name: &str| patterns.iter().any(|one| fits(one, name));
    match namespace {
        Some(name) => (wanted.is_empty() || among(&wanted, name)) && !among(&excluded, name),
        None => wanted.is_empty() || request.is_cluster_scoped,
    }
}

fn in_selected_namespace(matching: &Json, request: Request<'_>) -> bool {
    let Some(selector) = matching.get("namespaceSelector") else {
        return true;
    };
    request.is_cluster_scoped && !request.is_namespace()
        || request.is_in_selected_namespace(selector)
}

/// The severity of a constraint's violations in the webhook. None if the webhook does not enforce it.
fn severity(spec: &Json) -> Option<Severity> {
    let of_action = |action: &str| match action {
        "deny" => Some(Severity::Error),
        "warn" => Some(Severity::Warning),
        "dryrun" => Some(Severity::Info),
        _ => None,
    };
    let action = spec.get("enforcementAction").and_then(Json::as_str);
    if action != Some("scoped") {
        return of_action(action.unwrap_or("deny"));
    }
    let scoped = spec
        .get("scopedEnforcementActions")
        .and_then(Json::as_array);
    let is_of_webhook = |entry: &&Json| {
        let points = entry.get("enforcementPoints").and_then(Json::as_array);
        points.into_iter().flatten().any(|point| {
            let name = point.get("name").and_then(Json::as_str);
            matches!(name, Some("*" | WEBHOOK))
        })
    };
    let entries = scoped.into_iter().flatten().filter(is_of_webhook);
    entries
        .filter_map(|entry| of_action(entry.get("action")?.as_str()?))
        .max()
}

/// `data.inventory` of objects.
pub(super) fn inventory<'o>(objects: impl Iterator<Item = (Option<&'o str>, &'o Json)>) -> Value {
    let mut inventory = json!({"cluster": {}, "namespace": {}});
    for (namespace, object) in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
        let (Some(version), Some(kind), Some(name)) =
            (text("/apiVersion"), text("/kind"), text("/metadata/name"))
        else {
            continue;
        };
        let mut path = match namespace {
            Some(namespace) => vec!["namespace", namespace],
            None => vec!["cluster"],
        };
        path.extend([version, kind, name]);
        insert(&mut inventory, &path, object);
    }
    from_json(&inventory)
}

fn insert(into: &mut Json, path: &[&str], object: &Json) {
    let mut place = into;
    for key in path {
        if !place.is_object() {
            *place = Json::Object(Map::new());
        }
        place = &mut place[*key];
    }
    *place = object.clone();
}
