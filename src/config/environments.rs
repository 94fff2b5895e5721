//! `environments`: the promotion order.

use super::Config;
use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use crate::kustomize::Capabilities;
use crate::names::UnknownName;
use crate::yaml::{Node, Origin};

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
    /// API versions and kinds that its clusters have besides those of Kubernetes, for charts that
    /// ask: `monitoring.coreos.com/v1`.
    pub api_versions: Vec<String>,
    /// The branch or tag that holds it, if it is not in folders of the tree under check.
    pub reference: Option<String>,
    /// True if its place in the promotion order is known. It is not for an environment that only
    /// the shape of the repo shows.
    pub ordered: bool,
}

/// Names of environments for development besides `dev`, in paths as well.
const DEVELOPMENT: [&str; 4] = ["development", "develop", "sandbox", "sbx"];

impl Environment {
    /// The known facts of its clusters, for charts that ask.
    pub fn cluster(&self) -> Capabilities {
        Capabilities {
            kubernetes: self.kubernetes.clone(),
            api_versions: self.api_versions.clone(),
        }
    }

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
        api_versions: Vec::new(),
        reference: None,
        ordered: true,
    };
    vec![
        environment("dev", &DEVELOPMENT, false),
        environment(
            "test",
            &["qa", "uat", "testing", "tst", "integration", "int"],
            false,
        ),
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

static FIELDS: [Field; 6] = [
    Field::new("name", Shape::Text, "name of the environment").required(),
    Field::new(
        "aliases",
        Shape::List(&Shape::Text),
        "other words for it in paths",
    )
    .or("the built-in aliases of that name"),
    Field::new(
        "protected",
        Shape::Boolean,
        "only a reviewed promotion may change it",
    )
    .or("`true` for production"),
    Field::new(
        "kubernetes",
        Shape::Text,
        "Kubernetes version of its clusters, from `\"1.25\"` to `\"1.37\"`",
    )
    .or("the newest known version"),
    Field::new(
        "apiVersions",
        Shape::List(&Shape::Text),
        "API versions that its clusters have besides those of Kubernetes, for charts that ask",
    )
    .or("none"),
    Field::new(
        "ref",
        Shape::Text,
        "branch or tag that holds it: `environment/production`",
    )
    .or("folders of the tree under check"),
];

pub(super) static KEY: Key = Key {
    name: "environments",
    value: "list of names, or of {name, aliases, protected, kubernetes, apiVersions, ref}",
    summary: "the promotion order, and the environments that are protected",
    shape: Shape::List(&Shape::Either(&Shape::Text, &Shape::Record(&FIELDS))),
    read: |reader, node, config| {
        let (environments, origins) = environments(reader, node);
        if environments.is_empty() {
            reader.refuse(
                node.origin,
                "`environments` lists no environment",
                "list them in promotion order, or remove the key",
            );
        } else {
            config.environments = environments;
            config.environment_origins = origins;
        }
    },
};

/// Names of environments; they must exist.
pub(super) fn names(reader: &mut Reader, node: &Node, config: &Config) -> Vec<String> {
    let environments = config.environments.iter();
    let known: Vec<&str> = environments.map(|known| known.name.as_str()).collect();
    reader.not_empty(node, "environments");
    reader.each(node, "environments", |reader, item| {
        let name = reader.text(item, "environments")?;
        if !known.contains(&name.as_str()) {
            reader.unknown(item.origin, &UnknownName::new("environment", &name, &known));
        }
        Some(name)
    })
}

/// An environment with the places of what the file says about it.
struct Listed {
    environment: Environment,
    origin: Origin,
    /// The aliases that the file gives it, in lower case.
    own: Vec<(String, Origin)>,
}

fn environments(reader: &mut Reader, node: &Node) -> (Vec<Environment>, Vec<Origin>) {
    let items = reader.list(node, "`environments`").iter();
    let listed: Vec<Listed> = items.filter_map(|item| environment(reader, item)).collect();
    for (at, one) in listed.iter().enumerate() {
        refuse_taken(reader, one, at, &listed);
    }
    let (mut result, origins): (Vec<Environment>, Vec<Origin>) = listed
        .into_iter()
        .map(|one| (one.environment, one.origin))
        .unzip();
    share_out_aliases(&mut result);
    (result, origins)
}

/// Refuses a name or alias with which a folder would belong to two environments, or would no longer
/// belong to the protected environment whose name everyone reads in it.
fn refuse_taken(reader: &mut Reader, one: &Listed, at: usize, listed: &[Listed]) {
    let name = one.environment.name.to_lowercase();
    let is = |other: &&Listed| other.environment.name.to_lowercase() == name;
    if listed.iter().take(at).any(|other| is(&other)) {
        let message = format!("the environment `{}` is listed twice", one.environment.name);
        reader.refuse(one.origin, message, "remove one of them");
    }
    let others = || {
        let all = listed.iter().enumerate();
        all.filter(|(index, _)| *index != at)
    };
    for (alias, origin) in &one.own {
        let taken = others().find_map(|(index, other)| {
            let theirs = &other.environment;
            if theirs.name.to_lowercase() == *alias {
                Some((theirs, "the name"))
            } else if index < at && other.own.iter().any(|(own, _)| own == alias) {
                Some((theirs, "also an alias"))
            } else if theirs.protected
                && !one.environment.protected
                && theirs.aliases.contains(alias)
            {
                Some((theirs, "a word for the protected environment"))
            } else {
                None
            }
        });
        if let Some((other, what)) = taken {
            let whose = if what.ends_with("environment") {
                ""
            } else {
                "of "
            };
            reader.refuse(
                *origin,
                format!(
                    "the alias `{alias}` of `{}` is {what} {whose}`{}`",
                    one.environment.name, other.name
                ),
                format!(
                    "remove it, so that folders named `{alias}` belong to `{}`",
                    other.name
                ),
            );
        }
    }
}

/// One environment. Missing fields come from the built-in environment of that name.
fn environment(reader: &mut Reader, item: &Node) -> Option<Listed> {
    let mut reference = None;
    let mut api_versions = Vec::new();
    let (name, own, mut protected, mut kubernetes) = if item.as_scalar().is_some() {
        (reader.text(item, "an environment")?, Vec::new(), None, None)
    } else {
        let fields = reader.record(item, "an environment", &FIELDS)?;
        let own = fields.get("aliases").map(|node| aliases(reader, node));
        let protected = reader.optional(&fields, "protected", Reader::boolean);
        let kubernetes = reader.optional(&fields, "kubernetes", version);
        reference = reader.optional(&fields, "ref", self::reference);
        let versions = reader.optional(&fields, "apiVersions", Reader::texts);
        api_versions = versions.unwrap_or_default();
        (
            reader.required(&fields, "name", Reader::text)?,
            own.unwrap_or_default(),
            protected,
            kubernetes,
        )
    };
    let lower = name.to_lowercase();
    let built_in = default_environments();
    let same = built_in
        .into_iter()
        .find(|known| known.name == lower || known.aliases.contains(&lower));
    let mut aliases: Vec<String> = own.iter().map(|(alias, _)| alias.clone()).collect();
    if let Some(same) = same {
        aliases.extend(same.aliases);
        aliases.push(same.name);
        protected = protected.or(Some(same.protected));
        kubernetes = kubernetes.or(same.kubernetes);
    }
    Some(Listed {
        environment: Environment {
            name,
            aliases,
            protected: protected.unwrap_or_default(),
            kubernetes,
            api_versions,
            reference,
            ordered: true,
        },
        origin: item.origin,
        own,
    })
}

/// Aliases in lower case, with their places.
fn aliases(reader: &mut Reader, node: &Node) -> Vec<(String, Origin)> {
    reader.each(node, "aliases", |reader, item| {
        Some((reader.text(item, "aliases")?.to_lowercase(), item.origin))
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

/// The name of a branch or tag.
fn reference(reader: &mut Reader, node: &Node, what: &str) -> Option<String> {
    let text = reader.text(node, what)?;
    let name = text.strip_prefix("refs/heads/").unwrap_or(&text);
    let is_bad = |character: char| character.is_control() || " :~^?*[\\".contains(character);
    if name.is_empty() || name.contains(is_bad) || name.contains("..") || name.starts_with('-') {
        let message = format!("`{text}` is not the name of a branch or tag");
        reader.refuse(node.origin, message, "write it as `environment/production`");
        return None;
    }
    Some(name.to_string())
}

/// The minor versions of Kubernetes whose schemas are built in.
pub(crate) const MINORS: std::ops::RangeInclusive<u8> = 25..=37;

/// A version of Kubernetes, without its patch.
fn version(reader: &mut Reader, node: &Node, what: &str) -> Option<String> {
    let text = reader.text(node, what)?;
    let minor = text.strip_prefix("1.").unwrap_or_default();
    let (oldest, newest) = (MINORS.start(), MINORS.end());
    let minor = minor
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| minor.parse::<u8>().ok());
    match minor.flatten() {
        Some(minor) if MINORS.contains(&minor) => {}
        Some(_) => reader.refuse(
            node.origin,
            format!("Kubernetes `{text}` is not known here; 1.{oldest} to 1.{newest} are"),
            format!("write a known version, such as \"1.{newest}\", or update gitops-lint"),
        ),
        None => reader.refuse(
            node.origin,
            format!("`{text}` is not a Kubernetes version"),
            "write it as \"1.33\"",
        ),
    }
    Some(text)
}
