//! Reading the configuration: every mistake at once, each with its line and what to do.
//!
//! Not here: the types and their defaults (the module above), where the file lies (`cli`).

use std::collections::BTreeMap;

use globset::Glob;

use super::{
    Allowance, Config, ConfiguredPair, Dependency, External, Freeze, LayoutPattern, Level,
    RuleSettings, Suppression, default_environments,
};
use jiff::tz::TimeZone;

use crate::calendar::{self, Schedule, Window};
use crate::config::Environment;
use crate::finding::Severity;
use crate::kustomize::remote::{self, Chart};
use crate::names::nearest;
use crate::source::join;
use crate::yaml::read::Documents;
use crate::yaml::{Entry, Node, Origin};

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where.
    pub origin: Origin,
}

/// What the configuration must know of a rule.
#[derive(Clone, Copy, Debug)]
pub struct KnownRule<'a> {
    /// Its id.
    pub id: &'a str,
    /// Names of its options besides `level`.
    pub options: &'a [(&'a str, &'a str)],
}

const KEYS: &[&str] = &[
    "version",
    "environments",
    "layout",
    "pairs",
    "rules",
    "drift",
    "external",
    "images",
    "bots",
    "freeze",
    "breakGlass",
    "dependencies",
    "records",
    "remotes",
    "charts",
    "policies",
    "data",
    "suppress",
];
/// Keys that are spoken for, by rules that this version does not have.
const LATER: &[&str] = &["evidence"];
/// Ids that findings have without being a rule's.
const OTHER_RULES: &[&str] = &["policy-error", "unused-suppression", "expired-suppression"];

/// Whether findings may have an id that is no rule's: policies, and what is said about policies and
/// suppressions.
pub fn is_other_rule(id: &str) -> bool {
    id.starts_with("policy/") || OTHER_RULES.contains(&id)
}

impl Config {
    /// Reads a configuration file. Every mistake is in the error, in the order of the file.
    pub fn load(
        documents: &Documents,
        rules: &[KnownRule<'_>],
    ) -> Result<Config, Vec<ConfigProblem>> {
        let mut reader = Reader {
            problems: Vec::new(),
            rules,
        };
        for duplicate in &documents.duplicate_keys {
            reader.refuse(
                duplicate.second,
                format!("the key {:?} stands twice", duplicate.key),
                "remove one of the two",
            );
        }
        let filled: Vec<&Node> = documents
            .documents
            .iter()
            .filter(|node| !node.is_null())
            .collect();
        let config = match filled[..] {
            [] => Config::default(),
            [document] => reader.config(document),
            [_, second, ..] => {
                reader.refuse(
                    second.origin,
                    "the configuration is one document, and this is a second",
                    "remove the line ---",
                );
                Config::default()
            }
        };
        reader
            .problems
            .sort_by_key(|problem| (problem.origin.start, problem.origin.end));
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            Err(reader.problems)
        }
    }
}

struct Reader<'a> {
    problems: Vec<ConfigProblem>,
    rules: &'a [KnownRule<'a>],
}

impl Reader<'_> {
    fn refuse(&mut self, origin: Origin, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(ConfigProblem {
            message: message.into(),
            help: Some(help.into()),
            origin,
        });
    }

    fn mistyped(&mut self, node: &Node, what: &str, expected: &str) {
        let found = if node.as_map().is_some() {
            "a map"
        } else if node.as_list().is_some() {
            "a list"
        } else if node.is_null() {
            "nothing"
        } else {
            "a plain value"
        };
        self.problems.push(ConfigProblem {
            message: format!("{what} must be {expected}, but this is {found}"),
            help: None,
            origin: node.origin,
        });
    }

    /// The entries of a map whose keys are known; unknown ones are refused.
    fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Vec<&'n Entry> {
        let Some(map) = node.as_map() else {
            self.mistyped(node, what, "a map");
            return Vec::new();
        };
        let (good, bad): (Vec<&Entry>, Vec<&Entry>) = map
            .entries
            .iter()
            .partition(|entry| known.contains(&&*entry.key));
        for entry in bad {
            let help = match nearest(&entry.key, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the keys here are {}", known.join(", ")),
            };
            self.refuse(
                entry.key_origin,
                format!("{what} has no key `{}`", entry.key),
                help,
            );
        }
        good
    }

    fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match node.as_list() {
            Some(list) => &list.items,
            None => {
                self.mistyped(node, what, "a list");
                &[]
            }
        }
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.text() {
            Some(text) if !text.trim().is_empty() => Some(text.to_string()),
            Some(_) => {
                self.refuse(
                    node.origin,
                    format!("{what} is empty"),
                    "fill it in, or remove the key",
                );
                None
            }
            None => {
                self.mistyped(node, what, "a text");
                None
            }
        }
    }

    fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        self.list(node, what)
            .iter()
            .filter_map(|item| self.text(item, what))
            .collect()
    }

    fn boolean(&mut self, node: &Node, what: &str) -> bool {
        node.as_bool().unwrap_or_else(|| {
            self.mistyped(node, what, "true or false");
            false
        })
    }

    fn glob(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        if let Err(error) = Glob::new(&text) {
            self.refuse(
                node.origin,
                format!("`{text}` is no valid glob: {}", error.kind()),
                "`*` is one segment, `**` any number",
            );
        }
        Some(text)
    }

    fn date(&mut self, node: &Node, what: &str) -> Option<jiff::civil::Date> {
        let text = self.text(node, what)?;
        match text.parse() {
            Ok(date) => Some(date),
            Err(_) => {
                self.refuse(
                    node.origin,
                    format!("{what} must be a day, but `{text}` is none"),
                    "write it as 2027-01-31",
                );
                None
            }
        }
    }

    /// A path inside the repository.
    fn inside(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        let path = join("", &text);
        if path.is_none() {
            self.refuse(
                node.origin,
                format!("{what} must lie inside the repository, but `{text}` leads out of it"),
                "write it relative to the root",
            );
        }
        path
    }

    fn chart(&mut self, node: &Node) -> Option<Chart> {
        let mut chart = Chart {
            name: String::new(),
            release: None,
            path: None,
            version: None,
            output: String::new(),
        };
        for entry in self.fields(
            node,
            "an entry of charts",
            &["name", "release", "path", "version", "output"],
        ) {
            let value = &entry.value;
            match &*entry.key {
                "name" => chart.name = self.text(value, "name").unwrap_or_default(),
                "release" => chart.release = self.text(value, "release"),
                "path" => chart.path = self.glob(value, "path"),
                "version" => chart.version = self.text(value, "version"),
                _ => chart.output = self.inside(value, "output").unwrap_or_default(),
            }
        }
        for key in ["name", "output"] {
            self.required(node, "an entry of charts", key, false);
        }
        (!chart.name.is_empty() && !chart.output.is_empty()).then_some(chart)
    }

    fn required(&mut self, node: &Node, what: &str, key: &str, present: bool) {
        if !present && node.get(key).is_none() && node.as_map().is_some() {
            let place = Origin {
                end: node.origin.start,
                ..node.origin
            };
            self.refuse(
                place,
                format!("{what} needs `{key}`"),
                format!("add `{key}:`"),
            );
        }
    }

    fn environment_names(
        &mut self,
        node: &Node,
        what: &str,
        environments: &[Environment],
    ) -> Vec<String> {
        let mut names = Vec::new();
        for item in self.list(node, what) {
            let Some(name) = self.text(item, what) else {
                continue;
            };
            if !environments
                .iter()
                .any(|environment| environment.name == name)
            {
                let known: Vec<&str> = environments
                    .iter()
                    .map(|environment| environment.name.as_str())
                    .collect();
                let help = match nearest(&name, &known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the environments are {}", known.join(", ")),
                };
                self.refuse(
                    item.origin,
                    format!("there is no environment `{name}`"),
                    help,
                );
            }
            names.push(name);
        }
        names
    }

    fn config(&mut self, document: &Node) -> Config {
        let mut config = Config {
            document: Some(document.clone()),
            ..Config::default()
        };
        let known: Vec<&str> = KEYS.iter().chain(LATER).copied().collect();
        let fields = self.fields(document, "the configuration", &known);
        // names of environments are needed by what stands above them as well
        for entry in fields.iter().filter(|entry| &*entry.key == "environments") {
            config.environments = self.environments(&entry.value);
        }
        for entry in fields {
            let value = &entry.value;
            match &*entry.key {
                "version" => {
                    if value.as_int() != Some(1) {
                        self.refuse(
                            value.origin,
                            "the version of the configuration must be 1",
                            "write version: 1",
                        );
                    }
                }
                "environments" => {}
                "layout" => {
                    config.layout = self
                        .list(value, "layout")
                        .iter()
                        .filter_map(|item| self.layout(item))
                        .collect();
                }
                "pairs" => {
                    config.pairs = self
                        .list(value, "pairs")
                        .iter()
                        .filter_map(|item| self.pair(item))
                        .collect()
                }
                "rules" => config.rules = self.rules(value),
                "drift" => {
                    for entry in self.fields(value, "drift", &["kinds", "allow"]) {
                        match &*entry.key {
                            "kinds" => config.drift_kinds = self.texts(&entry.value, "drift.kinds"),
                            _ => {
                                config.drift_allow = self
                                    .list(&entry.value, "drift.allow")
                                    .iter()
                                    .filter_map(|item| self.allowance(item))
                                    .collect();
                            }
                        }
                    }
                }
                "external" => {
                    let environments = config.environments.clone();
                    let entries = self.list(value, "external").iter();
                    config.external = entries
                        .filter_map(|item| self.external(item, &environments))
                        .collect();
                }
                "images" => {
                    for entry in self.fields(value, "images", &["mirrors"]) {
                        config.mirrors = self
                            .list(&entry.value, "images.mirrors")
                            .iter()
                            .filter_map(|item| self.mirror(item))
                            .collect();
                    }
                }
                "freeze" => {
                    let items = self.list(value, "freeze");
                    config.freeze = items
                        .iter()
                        .filter_map(|item| self.freeze(item, &config.environments))
                        .collect();
                }
                "breakGlass" => {
                    for entry in self.fields(value, "breakGlass", &["trailer"]) {
                        config.break_glass = self.text(&entry.value, "trailer");
                    }
                    self.required(value, "breakGlass", "trailer", false);
                }
                "dependencies" => {
                    config.dependencies = self
                        .list(value, "dependencies")
                        .iter()
                        .filter_map(|item| self.dependency(item))
                        .collect();
                }
                "records" => config.records = self.texts(value, "records"),
                "bots" => config.bots = self.texts(value, "bots"),
                "remotes" => {
                    if value.as_map().is_none() {
                        self.mistyped(value, "remotes", "a map of URLs to folders");
                    }
                    for entry in value.entries() {
                        if remote::parse(&entry.key).is_none() && !remote::is_http(&entry.key) {
                            let message = format!(
                                "`{}` is no URL that kustomize takes for a remote base or file",
                                entry.key
                            );
                            self.refuse(
                                entry.key_origin,
                                message,
                                "write it as https://github.com/acme/bases//web?ref=v3",
                            );
                        }
                        if let Some(place) = self.inside(&entry.value, "a copy under remotes") {
                            config.remotes.urls.insert(entry.key.to_string(), place);
                        }
                    }
                }
                "charts" => {
                    config.remotes.charts = self
                        .list(value, "charts")
                        .iter()
                        .filter_map(|item| self.chart(item))
                        .collect()
                }
                "policies" => config.policies = self.texts(value, "policies"),
                "data" => config.data = self.texts(value, "data"),
                "suppress" => {
                    config.suppress = self
                        .list(value, "suppress")
                        .iter()
                        .filter_map(|item| self.suppression(item))
                        .collect();
                }
                later => {
                    let message = format!(
                        "`{later}` is not supported by this version yet, so nothing would come of it"
                    );
                    self.refuse(entry.key_origin, message, "remove it");
                }
            }
        }
        config
    }

    fn environments(&mut self, node: &Node) -> Vec<Environment> {
        let built_in = default_environments();
        let mut result: Vec<Environment> = Vec::new();
        for item in self.list(node, "environments") {
            let mut environment = Environment {
                name: String::new(),
                aliases: Vec::new(),
                protected: false,
                kubernetes: None,
            };
            let mut protected = None;
            if item.as_scalar().is_some() {
                environment.name = self.text(item, "an environment").unwrap_or_default();
            } else {
                for entry in self.fields(
                    item,
                    "an environment",
                    &["name", "aliases", "protected", "kubernetes"],
                ) {
                    let value = &entry.value;
                    match &*entry.key {
                        "name" => environment.name = self.text(value, "name").unwrap_or_default(),
                        "aliases" => {
                            environment.aliases = self
                                .texts(value, "aliases")
                                .iter()
                                .map(|alias| alias.to_lowercase())
                                .collect()
                        }
                        "protected" => protected = Some(self.boolean(value, "protected")),
                        _ => environment.kubernetes = self.kubernetes(value),
                    }
                }
                self.required(item, "an environment", "name", false);
            }
            if environment.name.is_empty() {
                continue;
            }
            if result.iter().any(|other| other.name == environment.name) {
                self.refuse(
                    item.origin,
                    format!("the environment `{}` is there twice", environment.name),
                    "remove one of them",
                );
            }
            let lower = environment.name.to_lowercase();
            let same = built_in
                .iter()
                .find(|known| known.name == lower || known.aliases.contains(&lower));
            environment.protected = protected.unwrap_or(same.is_some_and(|known| known.protected));
            environment.aliases.extend(
                same.iter()
                    .flat_map(|known| known.aliases.iter().chain([&known.name]))
                    .cloned(),
            );
            result.push(environment);
        }
        // an alias belongs to the environment that claims it by name or first
        let names: Vec<String> = result
            .iter()
            .map(|environment| environment.name.to_lowercase())
            .collect();
        let mut taken: Vec<String> = Vec::new();
        for environment in &mut result {
            environment
                .aliases
                .retain(|alias| !names.contains(alias) && !taken.contains(alias));
            let mut seen: Vec<String> = Vec::new();
            environment.aliases.retain(|alias| {
                !seen.contains(alias) && {
                    seen.push(alias.clone());
                    true
                }
            });
            taken.extend(seen);
        }
        if result.is_empty() {
            self.refuse(
                node.origin,
                "there is no environment in the list",
                "list them in the order of promotion, or remove the key",
            );
            return built_in;
        }
        result
    }

    fn kubernetes(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "kubernetes")?;
        let good = text.strip_prefix("1.").is_some_and(|minor| {
            !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !good {
            self.refuse(
                node.origin,
                format!("`{text}` is no Kubernetes version"),
                "write it as \"1.33\"",
            );
        }
        Some(text)
    }

    fn layout(&mut self, node: &Node) -> Option<LayoutPattern> {
        let (mut path, mut ignore) = (None, false);
        for entry in self.fields(node, "an entry of layout", &["path", "ignore"]) {
            match &*entry.key {
                "path" => {
                    path = self
                        .text(&entry.value, "path")
                        .map(|text| (text, &entry.value))
                }
                _ => ignore = self.boolean(&entry.value, "ignore"),
            }
        }
        self.required(node, "an entry of layout", "path", false);
        let (path, value) = path?;
        if path.contains('{') {
            for place in path
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
            {
                if !["app", "environment", "variant"].contains(&place) {
                    self.refuse(
                        value.origin,
                        format!("a layout has no `{{{place}}}`"),
                        "use {app}, {environment} and {variant}",
                    );
                }
            }
            if !path.contains("{environment}") && !ignore {
                self.refuse(
                    value.origin,
                    "the pattern does not say where the environment is",
                    "put {environment} in its place",
                );
            }
        } else if !ignore {
            self.refuse(
                value.origin,
                "the pattern does not say where the environment is",
                "put {environment} in its place, or add ignore: true",
            );
        } else {
            self.glob(value, "path");
        }
        Some(LayoutPattern {
            path,
            ignore,
            origin: node.origin,
        })
    }

    fn pair(&mut self, node: &Node) -> Option<ConfiguredPair> {
        let (mut from, mut to) = (None, None);
        for entry in self.fields(node, "a pair", &["from", "to"]) {
            let text = self
                .text(&entry.value, &entry.key)
                .map(|text| text.trim_end_matches('/').to_string());
            if &*entry.key == "from" {
                from = text
            } else {
                to = text
            }
        }
        self.required(node, "a pair", "from", false);
        self.required(node, "a pair", "to", false);
        Some(ConfiguredPair {
            from: from?,
            to: to?,
            origin: node.origin,
        })
    }

    fn level(&mut self, node: &Node) -> Option<Level> {
        let text = node.text().unwrap_or_default();
        let level = match text {
            "off" | "false" => Level::Off,
            "info" => Level::At(Severity::Info),
            "warning" => Level::At(Severity::Warning),
            "error" => Level::At(Severity::Error),
            _ => {
                let help = nearest(text, &["off", "info", "warning", "error"]).map_or_else(
                    || "the levels are off, info, warning and error".to_string(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                self.refuse(node.origin, format!("`{text}` is no level"), help);
                return None;
            }
        };
        Some(level)
    }

    fn rules(&mut self, node: &Node) -> BTreeMap<String, RuleSettings> {
        let mut result = BTreeMap::new();
        if node.as_map().is_none() {
            self.mistyped(node, "rules", "a map of rules to levels");
        }
        for entry in node.entries() {
            let id = &*entry.key;
            let rule = self.rules.iter().find(|rule| rule.id == id).copied();
            if rule.is_none() && !is_other_rule(id) {
                let known: Vec<&str> = self
                    .rules
                    .iter()
                    .map(|rule| rule.id)
                    .chain(OTHER_RULES.iter().copied())
                    .collect();
                let help = match nearest(id, &known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "`gitops-lint rules` lists them".to_string(),
                };
                self.refuse(entry.key_origin, format!("there is no rule `{id}`"), help);
                continue;
            }
            let mut settings = RuleSettings {
                origin: Some(entry.key_origin),
                ..RuleSettings::default()
            };
            if entry.value.as_map().is_some() {
                let options: Vec<&str> = rule
                    .iter()
                    .flat_map(|rule| rule.options)
                    .map(|(name, _)| *name)
                    .collect();
                let known: Vec<&str> = std::iter::once("level").chain(options).collect();
                for option in self.fields(&entry.value, &format!("the rule {id}"), &known) {
                    if &*option.key == "level" {
                        settings.level = self.level(&option.value);
                    } else {
                        settings.options = Some(entry.value.clone());
                    }
                }
            } else {
                settings.level = self.level(&entry.value);
            }
            result.insert(id.to_string(), settings);
        }
        result
    }

    fn allowance(&mut self, node: &Node) -> Option<Allowance> {
        let mut result = Allowance {
            kind: None,
            name: None,
            path: None,
            app: None,
            reason: String::new(),
            until: None,
            origin: node.origin,
        };
        for entry in self.fields(
            node,
            "an allowed difference",
            &["kind", "name", "path", "app", "reason", "until"],
        ) {
            let value = &entry.value;
            match &*entry.key {
                "kind" => result.kind = self.text(value, "kind"),
                "name" => result.name = self.text(value, "name"),
                "path" => {
                    result.path = self.text(value, "path");
                    if result
                        .path
                        .as_ref()
                        .is_some_and(|path| !path.starts_with('/'))
                    {
                        self.refuse(
                            value.origin,
                            "a path begins with /",
                            "write it as /spec/template/spec/nodeSelector",
                        );
                    }
                }
                "app" => result.app = self.text(value, "app"),
                "reason" => result.reason = self.text(value, "reason").unwrap_or_default(),
                _ => result.until = self.date(value, "until"),
            }
        }
        self.required(node, "an allowed difference", "reason", false);
        if node.as_map().is_some()
            && [&result.kind, &result.name, &result.path, &result.app]
                .iter()
                .all(|part| part.is_none())
        {
            self.refuse(
                node.origin,
                "this would allow every difference",
                "name a kind, name, path or app",
            );
        }
        Some(result)
    }

    fn external(&mut self, node: &Node, environments: &[Environment]) -> Option<External> {
        let (mut kind, mut name, mut namespace, mut names) = (None, None, None, Vec::new());
        for entry in self.fields(
            node,
            "an external object",
            &["kind", "name", "namespace", "environments"],
        ) {
            let value = &entry.value;
            match &*entry.key {
                "kind" => kind = self.text(value, "kind"),
                "name" => name = self.text(value, "name"),
                "namespace" => namespace = self.text(value, "namespace"),
                _ => names = self.environment_names(value, "environments", environments),
            }
        }
        self.required(node, "an external object", "kind", false);
        self.required(node, "an external object", "name", false);
        Some(External {
            kind: kind?,
            name: name?,
            namespace,
            environments: names,
            origin: node.origin,
        })
    }

    fn dependency(&mut self, node: &Node) -> Option<Dependency> {
        let (mut app, mut needs) = (None, Vec::new());
        for entry in self.fields(node, "a dependency", &["app", "needs"]) {
            if &*entry.key == "app" {
                app = self.text(&entry.value, "app")
            } else {
                needs = self.texts(&entry.value, "needs")
            }
        }
        self.required(node, "a dependency", "app", false);
        self.required(node, "a dependency", "needs", false);
        Some(Dependency {
            app: app?,
            needs,
            origin: node.origin,
        })
    }

    fn freeze(&mut self, node: &Node, environments: &[Environment]) -> Option<Freeze> {
        const FIELDS: &[&str] = &[
            "name",
            "kind",
            "from",
            "to",
            "schedule",
            "rrule",
            "duration",
            "timeZone",
            "environments",
            "apps",
            "except",
        ];
        let mut freeze = Freeze {
            name: String::new(),
            allow: false,
            window: Window::Once {
                from: 0,
                to: 0,
                zone: TimeZone::UTC,
            },
            environments: Vec::new(),
            apps: Vec::new(),
            except_authors: Vec::new(),
            except_paths: Vec::new(),
            origin: node.origin,
        };
        let mut zone = TimeZone::UTC;
        // a text with what reads it: the zone must be known before the times are
        for entry in self.fields(node, "a freeze", FIELDS) {
            let value = &entry.value;
            match &*entry.key {
                "name" => freeze.name = self.text(value, "name").unwrap_or_default(),
                "kind" => match self.text(value, "kind").as_deref() {
                    Some("allow") => freeze.allow = true,
                    Some("deny") | None => {}
                    Some(other) => self.refuse(
                        value.origin,
                        format!("`{other}` is no kind of freeze"),
                        "write deny or allow",
                    ),
                },
                "timeZone" => zone = self.read(value, "timeZone", calendar::zone)?,
                "environments" => {
                    freeze.environments =
                        self.environment_names(value, "environments", environments)
                }
                "apps" => freeze.apps = self.texts(value, "apps"),
                "except" => {
                    for entry in self.fields(value, "except", &["authors", "paths"]) {
                        if &*entry.key == "authors" {
                            freeze.except_authors = self.texts(&entry.value, "authors");
                        } else {
                            let paths = self.list(&entry.value, "paths");
                            freeze.except_paths = paths
                                .iter()
                                .filter_map(|path| self.glob(path, "a path"))
                                .collect();
                        }
                    }
                }
                _ => {}
            }
        }
        self.required(node, "a freeze", "name", false);
        freeze.window = self.window(node, &zone)?;
        Some(freeze)
    }

    /// When a freeze is: `from` and `to`, or `schedule` or `rrule` with `duration`; an `rrule` may
    /// count from `from`.
    fn window(&mut self, node: &Node, zone: &TimeZone) -> Option<Window> {
        node.as_map()?;
        let (from, to) = (node.get("from"), node.get("to"));
        let (cron, rule, length) = (
            node.get("schedule"),
            node.get("rrule"),
            node.get("duration"),
        );
        let place = Origin {
            end: node.origin.start,
            ..node.origin
        };
        let (schedule, length) = match (from, to, cron, rule, length) {
            (Some(from), Some(to), None, None, None) => {
                let first = self.read(from, "from", |text| calendar::moment(text, zone))?;
                let last = self.read(to, "to", |text| calendar::moment(text, zone))?;
                if first >= last {
                    self.refuse(
                        to.origin,
                        "this freeze ends before it begins",
                        "exchange from and to",
                    );
                }
                return Some(Window::Once {
                    from: first,
                    to: last,
                    zone: zone.clone(),
                });
            }
            (None, None, Some(cron), None, Some(length)) => {
                (self.read(cron, "schedule", Schedule::cron), length)
            }
            (start, None, None, Some(rule), Some(length)) => {
                let start = match start {
                    Some(start) => Some(self.text(start, "from")?),
                    None => None,
                };
                (
                    self.read(rule, "rrule", |text| {
                        Schedule::rrule(text, start.as_deref(), zone)
                    }),
                    length,
                )
            }
            _ => {
                self.refuse(
                    place,
                    "a freeze is either from … to, or a schedule or rrule with a duration",
                    "write one of the two",
                );
                return None;
            }
        };
        let length = self.read(length, "duration", calendar::duration);
        Some(Window::Recurring {
            schedule: schedule?,
            duration: length?,
            zone: zone.clone(),
        })
    }

    /// A text that something else reads.
    fn read<T>(
        &mut self,
        node: &Node,
        what: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(node, what)?;
        match reader(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                let (message, help) = message.split_once("; ").unwrap_or((&message, "correct it"));
                self.refuse(node.origin, message, help);
                None
            }
        }
    }

    fn mirror(&mut self, node: &Node) -> Option<(String, String)> {
        let (mut from, mut to) = (None, None);
        for entry in self.fields(node, "a mirror", &["from", "to"]) {
            let text = self.text(&entry.value, &entry.key);
            if &*entry.key == "from" {
                from = text
            } else {
                to = text
            }
        }
        self.required(node, "a mirror", "from", false);
        self.required(node, "a mirror", "to", false);
        Some((from?, to?))
    }

    fn suppression(&mut self, node: &Node) -> Option<Suppression> {
        let mut rule = None;
        let mut result = Suppression {
            rule: String::new(),
            path: None,
            kind: None,
            name: None,
            reason: String::new(),
            until: None,
            origin: node.origin,
        };
        for entry in self.fields(
            node,
            "a suppression",
            &["rule", "path", "kind", "name", "reason", "until"],
        ) {
            let value = &entry.value;
            match &*entry.key {
                "rule" => rule = self.text(value, "rule").map(|text| (text, value.origin)),
                "path" => result.path = self.glob(value, "path"),
                "kind" => result.kind = self.text(value, "kind"),
                "name" => result.name = self.text(value, "name"),
                "reason" => result.reason = self.text(value, "reason").unwrap_or_default(),
                _ => result.until = self.date(value, "until"),
            }
        }
        self.required(node, "a suppression", "rule", false);
        self.required(node, "a suppression", "reason", false);
        if node.as_map().is_some()
            && [&result.path, &result.kind, &result.name]
                .iter()
                .all(|part| part.is_none())
        {
            self.refuse(
                node.origin,
                "this would accept the rule's findings everywhere",
                "name a path, kind or name, or switch the rule off",
            );
        }
        let (id, origin) = rule?;
        if !self.rules.iter().any(|rule| rule.id == id) && !is_other_rule(&id) {
            let known: Vec<&str> = self.rules.iter().map(|rule| rule.id).collect();
            let help = nearest(&id, &known)
                .map_or("`gitops-lint rules` lists them".to_string(), |meant| {
                    format!("did you mean `{meant}`?")
                });
            self.refuse(origin, format!("there is no rule `{id}`"), help);
        }
        Some(Suppression { rule: id, ..result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};
    use proptest::prelude::*;

    const RULES: &[KnownRule<'static>] = &[
        KnownRule {
            id: "mutable-tag",
            options: &[("floating", "")],
        },
        KnownRule {
            id: "overlay-drift",
            options: &[],
        },
        KnownRule {
            id: "plaintext-secret",
            options: &[],
        },
    ];

    fn load(text: &str) -> Result<Config, Vec<String>> {
        let documents = read::read(text, FileId(0)).unwrap();
        let line = |origin: Origin| text[..origin.start as usize].matches('\n').count() + 1;
        let shown = |problem: ConfigProblem| {
            format!(
                "{}: {}; {}",
                line(problem.origin),
                problem.message,
                problem.help.unwrap_or_default()
            )
        };
        Config::load(&documents, RULES)
            .map_err(|problems| problems.into_iter().map(shown).collect())
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let config = load(
            r#"
version: 1
environments:
  - {name: dev, aliases: [Play]}
  - {name: staging, kubernetes: "1.33"}
  - {name: production, aliases: [live], protected: true}
layout:
  - path: "deploy/{environment}/{variant}/{app}"
  - {path: "sandbox/**", ignore: true}
pairs:
  - {from: apps/api/overlays/staging-eu/, to: apps/api/overlays/production}
rules:
  overlay-drift: off
  mutable-tag: {level: error, floating: [edge]}
  policy/main/deny: warning
drift:
  kinds: [HelmRelease]
  allow:
    - {kind: Deployment, name: api, path: /spec/x, reason: "dedicated nodes", until: 2027-01-31}
external:
  - {kind: Secret, name: registry-credentials, environments: [production]}
images:
  mirrors: [{from: ghcr.io/acme, to: registry.internal/acme}]
bots: ["*[bot]"]
remotes: {"https://github.com/acme/bases//web?ref=v3": vendor/bases/web}
charts:
  - {name: redis, release: cache, path: "apps/*/overlays/production", version: "18.1.0", output: vendor/redis/}
policies: [builtin/digest-required]
data: [policies/data.yaml]
suppress:
  - {rule: plaintext-secret, path: "apps/demo/**", reason: "public test key", until: 2027-06-30}
"#,
        )
        .unwrap();
        assert_eq!(
            config.environments[0].aliases,
            ["play", "development", "develop", "sandbox", "sbx"]
        );
        assert!(
            config.environments[2].protected
                && config.environments[2].aliases.contains(&"prd".to_string())
        );
        assert_eq!(config.rules["overlay-drift"].level, Some(Level::Off));
        assert!(config.rules["mutable-tag"].options.is_some());
        assert_eq!(config.pairs[0].from, "apps/api/overlays/staging-eu");
        assert_eq!(
            config.drift_allow[0].until,
            Some(jiff::civil::date(2027, 1, 31))
        );
        assert_eq!(
            config.mirrors.len()
                + config.remotes.urls.len()
                + config.suppress.len()
                + config.external.len(),
            4
        );
        assert_eq!(
            (
                &*config.remotes.charts[0].name,
                &*config.remotes.charts[0].output
            ),
            ("redis", "vendor/redis")
        );
    }

    #[test]
    fn copies_lie_inside_the_repository() {
        let problems = load(
            "remotes:
  ../base: vendor
  https://github.com/acme/bases: ../vendor
charts:
- {name: redis}
- {name: a, output: /tmp/x, path: '['}
- {chart: a}
",
        )
        .unwrap_err();
        assert_eq!(
            problems,
            [
                "2: `../base` is no URL that kustomize takes for a remote base or file; write it as https://github.com/acme/bases//web?ref=v3",
                "3: a copy under remotes must lie inside the repository, but `../vendor` leads out of it; write it relative to the root",
                "5: an entry of charts needs `output`; add `output:`",
                "6: output must lie inside the repository, but `/tmp/x` leads out of it; write it relative to the root",
                "6: `[` is no valid glob: unclosed character class; missing ']'; `*` is one segment, `**` any number",
                "7: an entry of charts needs `name`; add `name:`",
                "7: an entry of charts needs `output`; add `output:`",
                "7: an entry of charts has no key `chart`; the keys here are name, release, path, version, output",
            ]
        );
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let problems = load(
            "version: 2\nrule: {}\nrules:\n  mutable-tags: error\n  mutable-tag: {level: eror, floting: []}\nexternal:\n- {kind: Secret, environments: [prodution]}\nsuppress:\n- {rule: plaintext-secret, path: x}\n- {rule: nothing, path: \"[\", reason: y, until: soon}\nfreeze:\n- {name: x, schedule: \"0 16 * * 8\", duration: 1h}\n- {name: y, from: 2026-12-20, to: 2026-12-19, timeZone: Europe/Atlantis}\nevidence: []\nbots: me\n",
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        1: the version of the configuration must be 1; write version: 1
        2: the configuration has no key `rule`; did you mean `rules`?
        4: there is no rule `mutable-tags`; did you mean `mutable-tag`?
        5: `eror` is no level; did you mean `error`?
        5: the rule mutable-tag has no key `floting`; did you mean `floating`?
        7: an external object needs `name`; add `name:`
        7: there is no environment `prodution`; did you mean `production`?
        9: a suppression needs `reason`; add `reason:`
        10: there is no rule `nothing`; `gitops-lint rules` lists them
        10: `[` is no valid glob: unclosed character class; missing ']'; `*` is one segment, `**` any number
        10: until must be a day, but `soon` is none; write it as 2027-01-31
        12: `8` is no day of the week: they go from 0 to 7; correct it
        13: `Europe/Atlantis` is no time zone; write a name such as Europe/Berlin or UTC
        14: `evidence` is not supported by this version yet, so nothing would come of it; remove it
        15: bots must be a list, but this is a plain value;
        "#);
    }

    #[test]
    fn every_mistake_in_a_freeze_is_told_with_its_line() {
        let problems = load(
            r#"
freeze:
- {name: both, from: 2026-12-20, to: 2026-12-24, schedule: "0 16 * * 5", duration: 1h}
- {name: backwards, from: 2026-12-20, to: 2026-12-19}
- {name: zone, from: 2026-12-20, to: 2026-12-24, timeZone: CEST}
- {name: hour, schedule: "0 25 * * *", duration: 1h}
- {name: length, schedule: "0 2 * * *", duration: 1 day}
- {name: count, rrule: "FREQ=DAILY;COUNT=3", duration: 1h}
- {name: rule, rrule: "FREQ=WEEKLY", duration: 1h}
- {name: kind, kind: forbid, from: 2026-12-20, to: 2026-12-24}
- {name: where, from: 2026-12-20, to: 2026-12-24, environments: [prodution]}
- {from: 2026-12-20, to: 2026-12-24}
breakGlass: {}
dependencies: [{app: api}]
"#,
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        3: a freeze is either from … to, or a schedule or rrule with a duration; write one of the two
        4: this freeze ends before it begins; exchange from and to
        5: `CEST` is no time zone; write a name such as Europe/Berlin or UTC
        6: `25` is no hour: they go from 0 to 23; correct it
        7: `1 day` is no duration; write it as 64h, 90m or 2d
        8: COUNT counts from a day; say which with `from`
        9: FREQ=WEEKLY needs the days that it recurs on: BYDAY, BYMONTHDAY, BYMONTH; or the first one as `from`
        10: `forbid` is no kind of freeze; write deny or allow
        11: there is no environment `prodution`; did you mean `production`?
        12: a freeze needs `name`; add `name:`
        13: breakGlass needs `trailer`; add `trailer:`
        14: a dependency needs `needs`; add `needs:`
        "#);
    }

    #[test]
    fn a_freeze_by_date_cron_and_rule_is_read() {
        let config = load(
            r#"
freeze:
- {name: a, from: 2026-12-20T00:00, to: 2027-01-04T08:00, timeZone: Europe/Berlin}
- {name: b, schedule: "0 16 * * 5", duration: 64h, kind: allow}
- {name: c, rrule: "FREQ=MONTHLY;BYDAY=-1FR", duration: 24h}
- {name: d, rrule: "FREQ=WEEKLY;INTERVAL=2", from: 2026-11-02T09:00, duration: 8h, timeZone: Europe/Berlin}
"#,
        );
        assert_eq!(config.unwrap().freeze.len(), 4);
    }

    #[test]
    fn nothing_is_a_good_configuration() {
        assert!(load("").is_ok() && load("# only a comment\n").is_ok());
        assert!(load("a: 1\n---\nb: 1\n").is_err());
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(text in "(version|rules|drift|suppress|external|layout|environments|pairs|images)?: ?[\\[{]?[a-z:,\\- 0-9\n\"*]{0,40}[\\]}]?") {
            if let Ok(documents) = read::read(&text, FileId(0)) {
                let _ = Config::load(&documents, RULES);
            }
        }
    }
}
