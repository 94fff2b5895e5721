//! `environments`: the promotion order.

use super::Config;
use super::keys::Key;
use super::read::Reader;
use crate::names::UnknownName;
use crate::yaml::Node;

/// One environment of the promotion order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name: `production`.
    pub name: String,
    /// Other words for it in paths: `prod`, `prd`, `live`. Lower case.
    pub aliases: Vec<String>,
    /// True if only a reviewed promotion may change it.
    pub protected: bool,
    /// The Kubernetes version it runs, such as `1.33`.
    pub kubernetes: Option<String>,
    /// Whether its place in the promotion order is known. It is not for an environment that only
    /// the shape of the repo shows.
    pub ordered: bool,
}

/// What environments for development are called besides `dev`, in paths as well.
const DEVELOPMENT: [&str; 4] = ["development", "develop", "sandbox", "sbx"];

impl Environment {
    /// True if a word is its name or one of its aliases, in any case.
    pub fn is_called(&self, word: &str) -> bool {
        let is_word = |own: &String| {
            own.eq_ignore_ascii_case(word)
                || !word.is_ascii() && own.to_lowercase() == word.to_lowercase()
        };
        is_word(&self.name) || self.aliases.iter().any(is_word)
    }

    /// True if it is for development, before anything is proved. A folder `local` is not taken for
    /// an environment, but a configured environment of that name is for development.
    pub fn is_for_development(&self) -> bool {
        let mut words = ["dev", "local"].into_iter().chain(DEVELOPMENT);
        words.any(|word| self.is_called(word))
    }
}

/// The promotion order when none is configured: dev → test → staging → production, production
/// protected.
pub(crate) fn default_environments() -> Vec<Environment> {
    let environment = |name: &str, aliases: &[&str], protected| Environment {
        name: name.to_string(),
        aliases: aliases.iter().map(|alias| alias.to_string()).collect(),
        protected,
        kubernetes: None,
        ordered: true,
    };
    vec![
        environment("dev", &DEVELOPMENT, false),
        environment("test", &["qa", "uat", "testing", "tst"], false),
        environment(
            "staging",
            &[
                "stage",
                "stg",
                "staging",
                "preprod",
                "preproduction",
                "nonprod",
                "nonproduction",
                "acceptance",
                "acc",
            ],
            false,
        ),
        environment("production", &["prod", "prd", "live"], true),
    ]
}

pub(super) static KEY: Key = Key {
    name: "environments",
    value: "list of names, or of {name, aliases, protected, kubernetes}",
    summary: "the promotion order, and the environments that are protected",
    read: |reader, node, config| {
        let environments = environments(reader, node);
        if environments.is_empty() {
            reader.refuse(
                node.origin,
                "`environments` lists no environment",
                "list them in promotion order, or remove the key",
            );
        } else {
            config.environments = environments;
        }
    },
};

/// Names of environments; they must exist.
pub(super) fn names(reader: &mut Reader, node: &Node, config: &Config) -> Vec<String> {
    let environments = config.environments.iter();
    let known: Vec<&str> = environments.map(|known| known.name.as_str()).collect();
    reader.each(node, "environments", |reader, item| {
        let name = reader.text(item, "environments")?;
        if !known.contains(&name.as_str()) {
            reader.unknown(item.origin, &UnknownName::new("environment", &name, &known));
        }
        Some(name)
    })
}

fn environments(reader: &mut Reader, node: &Node) -> Vec<Environment> {
    let mut result: Vec<Environment> = Vec::new();
    for item in reader.list(node, "`environments`") {
        let Some(environment) = environment(reader, item) else {
            continue;
        };
        if result.iter().any(|other| other.name == environment.name) {
            reader.refuse(
                item.origin,
                format!("the environment `{}` is listed twice", environment.name),
                "remove one of them",
            );
        }
        result.push(environment);
    }
    share_out_aliases(&mut result);
    result
}

/// One environment. Missing fields come from the built-in environment of that name.
fn environment(reader: &mut Reader, item: &Node) -> Option<Environment> {
    let (name, mut aliases, mut protected, mut kubernetes) = if item.as_scalar().is_some() {
        (reader.text(item, "an environment")?, Vec::new(), None, None)
    } else {
        let keys = ["name", "aliases", "protected", "kubernetes"];
        let fields = reader.fields(item, "an environment", &keys)?;
        let aliases = reader.optional(&fields, "aliases", Reader::texts);
        let protected = reader.optional(&fields, "protected", Reader::boolean);
        let kubernetes = reader.optional(&fields, "kubernetes", version);
        (
            reader.required(&fields, "name", Reader::text)?,
            aliases.unwrap_or_default(),
            protected,
            kubernetes,
        )
    };
    let lower = name.to_lowercase();
    let built_in = default_environments();
    let same = built_in
        .into_iter()
        .find(|known| known.name == lower || known.aliases.contains(&lower));
    aliases
        .iter_mut()
        .for_each(|alias| *alias = alias.to_lowercase());
    if let Some(same) = same {
        aliases.extend(same.aliases);
        aliases.push(same.name);
        protected = protected.or(Some(same.protected));
        kubernetes = kubernetes.or(same.kubernetes);
    }
    Some(Environment {
        name,
        aliases,
        protected: protected.unwrap_or_default(),
        kubernetes,
        ordered: true,
    })
}

/// Leaves each alias to the environment that has it as its name, or else claims it first.
fn share_out_aliases(environments: &mut [Environment]) {
    let mut taken: Vec<String> = environments
        .iter()
        .map(|environment| environment.name.to_lowercase())
        .collect();
    for environment in environments {
        environment.aliases.retain(|alias| {
            let free = !taken.contains(alias);
            if free {
                taken.push(alias.clone());
            }
            free
        });
    }
}

/// A version of Kubernetes, without its patch.
fn version(reader: &mut Reader, node: &Node, what: &str) -> Option<String> {
    let text = reader.text(node, what)?;
    let minor = text.strip_prefix("1.").unwrap_or_default();
    if minor.is_empty() || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        reader.refuse(
            node.origin,
            format!("`{text}` is not a Kubernetes version"),
            "write it as \"1.33\"",
        );
    }
    Some(text)
}
