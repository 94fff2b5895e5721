//! One `validate` rule of a policy.

use jmespath::Runtime;
use serde_json::{Map, Value as Json, json};

use super::conditions::hold;
use super::matching::{asks_for_user, concerns};
use super::pattern::{self, Misfit};
use super::variables::{Context, Unresolved};
use super::{About, Verdict, made_pod, pod_of};
use crate::finding::Severity;
use crate::kubernetes::image::Image;
use crate::policy::admission::document::Document;
use crate::policy::admission::expressions::{self, Expressions};
use crate::policy::admission::request::{Gap, Object, Request};
use crate::policy::admission::selector::texts;
use crate::yaml::Origin;

/// A rule.
pub(super) struct Rule {
    policy: String,
    kind: String,
    name: String,
    /// Of a Policy, the namespace that it judges.
    namespace: Option<String>,
    rule: Json,
    check: Check,
    /// The values of `context`, in order: name, entry and the ConfigMap that it names.
    context: Vec<(String, Json, Option<Json>)>,
    action: String,
    overrides: Vec<Json>,
    /// True if workloads stand for the pods that they make.
    is_for_pods: bool,
    makers: Option<Vec<String>>,
    origin: Origin,
}

enum Check {
    Cel(Box<Expressions>),
    /// `pattern`, `anyPattern`, `deny` or `foreach`.
    Query(Json),
}

/// The rules of a policy.
pub(super) fn of_policy(document: &Document, objects: &[Object], gaps: &mut Vec<Gap>) -> Vec<Rule> {
    let rules = document
        .json
        .pointer("/spec/rules")
        .and_then(Json::as_array);
    let mut found = Vec::new();
    for rule in rules
        .into_iter()
        .flatten()
        .filter(|rule| rule.get("validate").is_some())
    {
        if document.json.pointer("/spec/admission") == Some(&Json::Bool(false)) {
            continue;
        }
        match Rule::read(document, rule, objects) {
            Ok(rule) => found.push(rule),
            Err(reason) => {
                let name = rule.get("name").and_then(Json::as_str).unwrap_or_default();
                let message = format!(
                    "rule `{name}` of {} is not evaluated: {reason}",
                    document.describe()
                );
                gaps.push(Gap::unsupported(document.origin, message));
            }
        }
    }
    found
}

impl Rule {
    fn read(document: &Document, rule: &Json, objects: &[Object]) -> Result<Rule, String> {
        let text =
            |value: &Json, key: &str| value.get(key).and_then(Json::as_str).map(str::to_string);
        let validate = rule.get("validate").unwrap_or(&Json::Null);
        let spec = document.json.get("spec").unwrap_or(&Json::Null);
        if rule.get("match").is_some_and(asks_for_user) {
            return Err("it asks who makes the request".to_string());
        }
        let action = ["failureAction", "validationFailureAction"]
            .iter()
            .find_map(|key| text(validate, key).or_else(|| text(spec, key)));
        let overrides = ["failureActionOverrides", "validationFailureActionOverrides"]
            .iter()
            .find_map(|key| validate.get(key).or_else(|| spec.get(key))?.as_array());
        let is_namespaced = document.kind() == "Policy";
        Ok(Rule {
            policy: document.name().to_string(),
            kind: document.kind().to_string(),
            name: text(rule, "name").unwrap_or_default(),
            namespace: is_namespaced.then(|| {
                document
                    .text("/metadata/namespace")
                    .unwrap_or("default")
                    .to_string()
            }),
            check: Check::read(rule, validate)?,
            context: context_of(rule, objects)?,
            action: action.unwrap_or_else(|| "Audit".to_string()),
            overrides: overrides.cloned().unwrap_or_default(),
            is_for_pods: is_for_pods(rule),
            makers: makers(document),
            rule: rule.clone(),
            origin: document.origin,
        })
    }

    /// The place of its policy.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn id(&self) -> String {
        format!("policy/kyverno/{}/{}", self.policy, self.name)
    }

    pub(super) fn about(&self, request: Request<'_>) -> About {
        About {
            id: self.id(),
            name: format!("rule `{}` of {} `{}`", self.name, self.kind, self.policy),
            severity: self.severity(request),
            origin: self.origin,
        }
    }

    /// `Enforce` is an error, `Audit` an info, by namespace if the policy says so.
    fn severity(&self, request: Request<'_>) -> Severity {
        let applies = |entry: &&Json| {
            let namespaces = texts(entry, "namespaces");
            request.namespace.is_some_and(|name| {
                let mut patterns = namespaces.iter();
                patterns.any(|pattern| super::compare::glob(pattern, name))
            })
        };
        let by_namespace = self.overrides.iter().find(applies);
        let by_namespace = by_namespace.and_then(|entry| entry.get("action")?.as_str());
        if by_namespace
            .unwrap_or(&self.action)
            .eq_ignore_ascii_case("enforce")
        {
            Severity::Error
        } else {
            Severity::Info
        }
    }

    pub(super) fn judge(&self, request: Request<'_>, runtime: &Runtime) -> Verdict {
        if self.namespace.is_some() && self.namespace.as_deref() != request.namespace {
            return Verdict::Admitted;
        }
        if concerns(&self.rule, request) {
            return self.verdict(request, runtime);
        }
        let is_maker = |kind: &str| {
            let makers = self.makers.as_ref();
            makers.is_none_or(|makers| makers.iter().any(|maker| maker == kind))
        };
        let made = made_pod(request).filter(|_| self.is_for_pods && is_maker(request.kind()));
        let Some((pod, pointer)) = made else {
            return Verdict::Admitted;
        };
        let old = request.old.and_then(|old| pod_of(old, pointer));
        let of_pod = Request {
            object: &pod,
            old: old.as_ref(),
            ..request
        };
        if !concerns(&self.rule, of_pod) {
            return Verdict::Admitted;
        }
        match self.verdict(of_pod, runtime) {
            Verdict::Refused(message, path) => {
                Verdict::Refused(message, path.map(|path| format!("{pointer}{path}")))
            }
            other => other,
        }
    }

    fn verdict(&self, request: Request<'_>, runtime: &Runtime) -> Verdict {
        let judged = match &self.check {
            Check::Cel(expressions) => {
                return match expressions.judge(request, &[]) {
                    expressions::Verdict::Admitted => Verdict::Admitted,
                    expressions::Verdict::Refused(messages) => {
                        Verdict::Refused(messages.join("; "), None)
                    }
                    expressions::Verdict::TooMuch(reason) => Verdict::TooMuch(reason),
                    expressions::Verdict::Unknown(reason) => Verdict::Unknown(reason),
                };
            }
            Check::Query(validate) => self.queried(validate, request, runtime),
        };
        judged.unwrap_or_else(|unresolved| Verdict::Unknown(unresolved.to_string()))
    }

    fn queried(
        &self,
        validate: &Json,
        request: Request<'_>,
        runtime: &Runtime,
    ) -> Result<Verdict, Unresolved> {
        let mut context = Context::new(runtime);
        context.add("request", &request.to_json());
        context.add("images", &images(request.subject()));
        for (name, value) in request
            .values
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
        {
            context.add(name, value);
        }
        self.add_context(&mut context, request)?;
        if let Some(conditions) = self.rule.get("preconditions")
            && !hold(conditions, &context, true)?
        {
            return Ok(Verdict::Admitted);
        }
        let subject = request.subject();
        if let Some(entries) = validate.get("foreach").and_then(Json::as_array) {
            for entry in entries {
                let verdict = of_each(entry, validate, &context, subject)?;
                if verdict != Verdict::Admitted {
                    return Ok(verdict);
                }
            }
            return Ok(Verdict::Admitted);
        }
        checked(validate, validate, &context, subject)
    }

    fn add_context(
        &self,
        context: &mut Context<'_>,
        request: Request<'_>,
    ) -> Result<(), Unresolved> {
        for (name, entry, config) in &self.context {
            if states(request.values, name) {
                continue;
            }
            match config {
                Some(config) => context.add(name, config),
                None => add_variables(std::slice::from_ref(entry), context)?,
            }
        }
        Ok(())
    }
}

/// True if values that a test states have a variable.
fn states(values: Option<&Json>, name: &str) -> bool {
    let values = values.and_then(Json::as_object);
    let mut keys = values.into_iter().flatten().map(|(key, _)| key);
    keys.any(|key| key.split('.').next() == Some(name))
}

impl Check {
    fn read(rule: &Json, validate: &Json) -> Result<Check, String> {
        if let Some(cel) = validate.get("cel") {
            let mut spec = Map::new();
            for (own, key) in [("validations", "expressions"), ("variables", "variables")] {
                spec.insert(own.to_string(), cel.get(key).cloned().unwrap_or_default());
            }
            let conditions = rule.get("celPreconditions").cloned().unwrap_or_default();
            spec.insert("matchConditions".to_string(), conditions);
            if cel.get("paramKind").is_some() {
                return Err("it takes parameters".to_string());
            }
            return Ok(Check::Cel(Expressions::parse(&Json::Object(spec))?.into()));
        }
        for key in ["podSecurity", "manifests", "assert"] {
            if validate.get(key).is_some() {
                return Err(format!("`{key}` is not supported"));
            }
        }
        let whole = rule.to_string();
        for (text, what) in [
            ("{{@", "`{{ @ }}`"),
            ("{{ @", "`{{ @ }}`"),
            ("$(", "references such as `$(./../key)`"),
            ("request.userInfo", "who makes the request"),
            ("serviceAccountName", "who makes the request"),
        ] {
            // a service account of a pod is a field of its object
            let is_field = text == "serviceAccountName"
                && !whole.contains("{{serviceAccountName")
                && !whole.contains("{{ serviceAccountName");
            if whole.contains(text) && !is_field {
                return Err(format!("it uses {what}"));
            }
        }
        Ok(Check::Query(validate.clone()))
    }
}

/// The entries of `context`, with the ConfigMaps that they name.
fn context_of(
    rule: &Json,
    objects: &[Object],
) -> Result<Vec<(String, Json, Option<Json>)>, String> {
    let entries = rule.get("context").and_then(Json::as_array);
    let mut found = Vec::new();
    for entry in entries.into_iter().flatten() {
        let name = entry.get("name").and_then(Json::as_str).unwrap_or_default();
        if let Some(reference) = entry.get("configMap") {
            let text = |key: &str| reference.get(key).and_then(Json::as_str);
            let config = objects.iter().find(|object| {
                object.json["kind"] == "ConfigMap"
                    && object.json["metadata"]["name"].as_str() == text("name")
                    && object.namespace.as_deref() == text("namespace")
            });
            found.push((
                name.to_string(),
                entry.clone(),
                config.map(|one| one.json.clone()),
            ));
        } else {
            found.push((name.to_string(), entry.clone(), None));
        }
    }
    Ok(found)
}

/// The kinds that stand for their pods, if the policy names them.
fn makers(document: &Document) -> Option<Vec<String>> {
    let stated =
        document.text("/metadata/annotations/pod-policies.kyverno.io~1autogen-controllers");
    stated.map(|stated| {
        stated
            .split(',')
            .map(|kind| kind.trim().to_string())
            .collect()
    })
}

/// True if a rule is only about pods, without names, labels or annotations of them.
fn is_for_pods(rule: &Json) -> bool {
    let filters = |block: &Json| -> Vec<Json> {
        let lists = ["any", "all"]
            .iter()
            .filter_map(|key| block.get(key)?.as_array());
        let listed: Vec<Json> = lists.flatten().cloned().collect();
        if listed.is_empty() {
            vec![block.clone()]
        } else {
            listed
        }
    };
    let is_plain = |filter: &Json| {
        let resources = filter.get("resources").unwrap_or(&Json::Null);
        let selects = ["name", "names", "selector", "annotations"];
        let kinds = texts(resources, "kinds");
        let of_pods = kinds
            .iter()
            .all(|kind| matches!(*kind, "Pod" | "v1/Pod" | "*/Pod"));
        of_pods && selects.iter().all(|key| resources.get(key).is_none())
    };
    let has_kinds = |filter: &Json| {
        filter
            .pointer("/resources/kinds")
            .is_some_and(Json::is_array)
    };
    let matching = filters(rule.get("match").unwrap_or(&Json::Null));
    let excluding = rule.get("exclude").map(filters).unwrap_or_default();
    matching.iter().any(has_kinds)
        && matching.iter().all(is_plain)
        && excluding.iter().all(is_plain)
}

/// Checks `pattern`, `anyPattern` or `deny` of a rule or of an entry of `foreach`.
fn checked(
    check: &Json,
    validate: &Json,
    context: &Context<'_>,
    value: &Json,
) -> Result<Verdict, Unresolved> {
    let message = validate
        .get("message")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let message = || {
        let resolved = context.message(message.trim());
        if resolved.is_empty() {
            "the object is not valid".to_string()
        } else {
            resolved
        }
    };
    if let Some(deny) = check.get("deny") {
        let conditions = deny.get("conditions").unwrap_or(&Json::Null);
        let refused = conditions.is_null() || hold(conditions, context, false)?;
        return Ok(if refused {
            Verdict::Refused(message(), None)
        } else {
            Verdict::Admitted
        });
    }
    if let Some(pattern) = check.get("pattern") {
        let pattern = context.resolved(pattern)?;
        return Ok(match pattern::fits(value, &pattern) {
            Err(Misfit::Wrong(path)) => Verdict::Refused(message(), Some(path)),
            _ => Verdict::Admitted,
        });
    }
    let patterns = check.get("anyPattern").and_then(Json::as_array);
    let Some(patterns) = patterns else {
        let reason = "the rule has no check that is supported here".to_string();
        return Err(Unresolved::Other(reason));
    };
    let mut first = None;
    for pattern in patterns {
        let pattern = context.resolved(pattern)?;
        match pattern::fits(value, &pattern) {
            Err(Misfit::Wrong(path)) => first = first.or(Some(path)),
            _ => return Ok(Verdict::Admitted),
        }
    }
    Ok(Verdict::Refused(message(), first))
}

/// The deepest nesting of `foreach`.
const DEEPEST: usize = 4;
/// The most elements of a list.
const MOST: usize = 1_000;

fn of_each(
    entry: &Json,
    validate: &Json,
    context: &Context<'_>,
    whole: &Json,
) -> Result<Verdict, Unresolved> {
    of_each_at(entry, validate, context, whole, 0)
}

fn of_each_at(
    entry: &Json,
    validate: &Json,
    context: &Context<'_>,
    whole: &Json,
    depth: usize,
) -> Result<Verdict, Unresolved> {
    if depth > DEEPEST {
        return Err(Unresolved::Other(
            "`foreach` is nested too deeply".to_string(),
        ));
    }
    let list = entry.get("list").and_then(Json::as_str).unwrap_or_default();
    let elements = match context.query(list) {
        Ok(Json::Array(items)) => items,
        Ok(Json::Object(map)) => {
            let entries = map.into_iter();
            entries
                .map(|(key, value)| json!({"key": key, "value": value}))
                .collect()
        }
        Ok(other) => vec![other],
        Err(Unresolved::Missing(_)) => Vec::new(),
        Err(other) => return Err(other),
    };
    if elements.len() > MOST {
        let reason = format!("`foreach` has more than {MOST} elements");
        return Err(Unresolved::Other(reason));
    }
    for (index, element) in elements.iter().enumerate() {
        if element.is_null() {
            continue;
        }
        let mut scope = context.clone();
        scope.add("element", element);
        scope.add(&format!("element{depth}"), element);
        scope.add("elementIndex", &json!(index));
        scope.add(&format!("elementIndex{depth}"), &json!(index));
        if let Some(entries) = entry.get("context").and_then(Json::as_array) {
            add_variables(entries, &mut scope)?;
        }
        if let Some(conditions) = entry.get("preconditions")
            && !hold(conditions, &scope, true)?
        {
            continue;
        }
        if let Some(inner) = entry.get("foreach").and_then(Json::as_array) {
            for inner in inner {
                let verdict = of_each_at(inner, validate, &scope, whole, depth + 1)?;
                if verdict != Verdict::Admitted {
                    return Ok(verdict);
                }
            }
            continue;
        }
        let is_scoped = entry.get("elementScope").and_then(Json::as_bool);
        let is_scoped = is_scoped.unwrap_or(element.is_object());
        let value = if is_scoped { element } else { whole };
        match checked(entry, validate, &scope, value)? {
            Verdict::Admitted => {}
            Verdict::Refused(message, path) => {
                let base = list.strip_prefix("request.object").filter(|_| is_scoped);
                let is_plain = |base: &&str| !base.contains(['[', '(', '|', ' ', '"']);
                let base = base.filter(is_plain).map(|base| base.replace('.', "/"));
                let path = base.map(|base| format!("{base}/{index}{}", path.unwrap_or_default()));
                return Ok(Verdict::Refused(message, path));
            }
            unknown => return Ok(unknown),
        }
    }
    Ok(Verdict::Admitted)
}

/// Adds the variables of a `context`.
fn add_variables(entries: &[Json], scope: &mut Context<'_>) -> Result<(), Unresolved> {
    for entry in entries {
        let name = entry.get("name").and_then(Json::as_str).unwrap_or_default();
        let Some(variable) = entry.get("variable") else {
            let reason = format!("`{name}` is only known in the cluster");
            return Err(Unresolved::Other(reason));
        };
        let default = variable.get("default");
        if let Some(value) = variable.get("value") {
            let value = scope.resolved(value)?;
            scope.add(name, &value);
        }
        if let Some(query) = variable.get("jmesPath").and_then(Json::as_str) {
            let query = match scope.resolved(&Json::from(query))? {
                Json::String(query) => query,
                other => other.to_string(),
            };
            let value = scope
                .query(&query)
                .or_else(|error| match (default, &error) {
                    (Some(default), Unresolved::Missing(_)) => scope.resolved(default),
                    _ => Err(error),
                })?;
            scope.add(name, &value);
        }
    }
    Ok(())
}

/// `images`: those of the containers by name.
fn images(object: &Json) -> Json {
    let spec = [
        "/spec",
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
    ];
    let spec = spec.iter().find_map(|pointer| {
        let found = object.pointer(pointer)?;
        found.get("containers").map(|_| found)
    });
    let mut images = Map::new();
    for key in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = spec.and_then(|spec| spec.get(key)?.as_array());
        let Some(containers) = containers else {
            continue;
        };
        let mut named = Map::new();
        for container in containers {
            let text = |key: &str| container.get(key).and_then(Json::as_str);
            if let (Some(name), Some(image)) = (text("name"), text("image")) {
                named.insert(name.to_string(), image_parts(image));
            }
        }
        images.insert(key.to_string(), Json::Object(named));
    }
    Json::Object(images)
}

fn image_parts(text: &str) -> Json {
    let image = Image::split(text);
    let first = image.name.split('/').next().unwrap_or_default();
    let has_registry =
        image.name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let (registry, path) = match image.name.split_once('/') {
        Some((registry, path)) if has_registry => (registry, path),
        _ => ("docker.io", image.name),
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let tag = image.tag.or(image.digest.is_none().then_some("latest"));
    json!({
        "registry": registry,
        "path": path,
        "name": name,
        "tag": tag.unwrap_or_default(),
        "digest": image.digest.unwrap_or_default(),
        "reference": text,
        "referenceWithTag": format!("{registry}/{path}:{}", tag.unwrap_or_default()),
    })
}
