//! `why`: the life of a rendered value: the line that wrote it, what replaced or removed it, and
//! what it is in each environment.
//!
//! Here: finding what a person means by a resource and a path, and printing. Not here: provenance
//! (`kustomize` keeps it in the tree). Values of Secrets are never printed.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::error::Error;
use super::options::{RepoOptions, TextOrJson};
use super::workspace::Workspace;
use crate::compare::secrets;
use crate::finding::{Location, Severity};
use crate::kubernetes::workload;
use crate::kustomize::Resource;
use crate::names::{UnknownName, nearest};
use crate::repo::{Overlay, Repo};
use crate::report::{self, Message, json::resource as identity, printable};
use crate::yaml::{Data, Node, Origin, Removed, escape_pointer, unescape_pointer, write};

/// Things that are listed when a name could mean several.
const LISTED: usize = 20;

/// What kubectl calls kinds by for short.
const SHORT: [(&str, &str); 12] = [
    ("cm", "ConfigMap"),
    ("cj", "CronJob"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ing", "Ingress"),
    ("ns", "Namespace"),
    ("pdb", "PodDisruptionBudget"),
    ("pvc", "PersistentVolumeClaim"),
    ("sa", "ServiceAccount"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
];

/// Arguments of `why`.
#[derive(Args)]
pub struct Arguments {
    /// Object to explain: Deployment/api, or its name alone
    resource: String,
    /// Value in the object: spec.replicas, containers[api].image, /spec/replicas; the last part of
    /// a path is enough
    value: Option<String>,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Only this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Only the overlay in this folder; may be given several times
    #[arg(long = "overlay", value_name = "PATH")]
    overlays: Vec<String>,
    /// Only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextOrJson,
    #[command(flatten)]
    repo: RepoOptions,
}

/// Runs the command. A name that fits nothing, or several things, is an error.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    Ok(super::ended_once(why(arguments)?))
}

fn why(arguments: &Arguments) -> Result<String, Error> {
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let repo = &workspace.repo;
    let sought = resources(
        &overlays(repo, arguments)?,
        &arguments.resource,
        arguments.value.as_deref(),
    )?;
    let lives = match &arguments.value {
        Some(value) => values(
            &sought,
            value,
            arguments.resource.rsplit('/').next().unwrap_or_default(),
        )?,
        None => sought.iter().flat_map(|found| changed(*found)).collect(),
    };
    let color = arguments
        .repo
        .color
        .colored(std::io::stdout().is_terminal());
    Ok(match arguments.format {
        TextOrJson::Json => json_of(repo, &sought, &lives),
        TextOrJson::Text => text_of(repo, &sought, &lives, arguments.value.is_some(), color),
    })
}

/// The overlays that the options leave.
fn overlays<'r>(repo: &'r Repo, arguments: &Arguments) -> Result<Vec<&'r Overlay>, Error> {
    let mut wanted = Vec::new();
    for name in &arguments.environments {
        wanted.push(repo.environment_named(name)?);
    }
    let mut folders: Vec<&str> = Vec::new();
    for path in &arguments.overlays {
        folders.push(&repo.overlay_named(path)?.path);
    }
    for app in &arguments.apps {
        repo.require_app(app)?;
    }
    let kept = |overlay: &&Overlay| {
        (folders.is_empty() || folders.contains(&overlay.path.as_str()))
            && (wanted.is_empty()
                || overlay
                    .environment
                    .is_some_and(|environment| wanted.contains(&environment)))
            && (arguments.apps.is_empty() || arguments.apps.contains(&overlay.app))
    };
    let mut overlays: Vec<&Overlay> = repo.overlays.iter().filter(kept).collect();
    overlays.sort_by_key(|overlay| {
        (
            overlay.app.as_str(),
            overlay.environment,
            overlay.variant.as_deref(),
            overlay.path.as_str(),
        )
    });
    if overlays.is_empty() {
        Err(Error::Usage(
            "no overlay matches --app, --environment and --overlay together",
        ))
    } else {
        Ok(overlays)
    }
}

/// An object in an overlay.
#[derive(Clone, Copy)]
struct Found<'r> {
    overlay: &'r Overlay,
    resource: &'r Resource,
    /// What deleted it, when a patch did.
    deleted: Option<Origin>,
}

/// The objects of an overlay, and those that patches deleted from it.
fn objects(overlay: &Overlay) -> impl Iterator<Item = Found<'_>> {
    let there = overlay
        .rendered
        .resources
        .iter()
        .map(move |resource| Found {
            overlay,
            resource,
            deleted: None,
        });
    let there_still = |gone: &Resource| {
        overlay
            .rendered
            .resources
            .iter()
            .any(|resource| resource.id() == gone.id())
    };
    let deleted = overlay
        .rendered
        .deleted
        .iter()
        .filter(move |gone| !there_still(&gone.resource));
    there.chain(deleted.map(move |gone| Found {
        overlay,
        resource: &gone.resource,
        deleted: Some(gone.origin),
    }))
}

/// The object that a name means, in each overlay. A name as written before prefixes and hashes
/// counts as the name; where nothing has the name whole, a part of it is enough, or the name of a
/// container. Of several objects, the one that has the value is meant.
fn resources<'r>(
    overlays: &[&'r Overlay],
    name: &str,
    value: Option<&str>,
) -> Result<Vec<Found<'r>>, Error> {
    let (kind, name) = name
        .rsplit_once('/')
        .map_or((None, name), |(kind, name)| (Some(kind), name));
    let of_kind = |resource: &Resource| {
        kind.is_none_or(|kind| {
            let whole = SHORT
                .iter()
                .find(|(short, _)| short.eq_ignore_ascii_case(kind))
                .map_or(kind, |(_, whole)| whole);
            let singular = whole.strip_suffix('s').unwrap_or(whole);
            [whole, singular]
                .iter()
                .any(|kind| resource.kind().eq_ignore_ascii_case(kind))
        })
    };
    let all = || overlays.iter().flat_map(|overlay| objects(overlay));
    let such = |test: &dyn Fn(&Resource) -> bool| -> Vec<Found<'r>> {
        all()
            .filter(|found| of_kind(found.resource) && test(found.resource))
            .collect()
    };
    let named = |test: &dyn Fn(&str) -> bool| {
        such(&|resource| test(resource.name()) || test(&resource.original.name))
    };
    let mut found = named(&|known| known == name);
    if found.is_empty() {
        found = such(&|resource| {
            workload::of(resource)
                .iter()
                .flat_map(|workload| &workload.containers)
                .any(|container| container.name == name)
        });
    }
    if found.is_empty() {
        found = named(&|known| known.contains(name));
    }
    let identities = |found: &[Found]| -> BTreeSet<String> {
        found
            .iter()
            .map(|found| shown_identity(found.overlay, found.resource, false))
            .collect()
    };
    if let Some(value) = value.filter(|_| identities(&found).len() > 1) {
        let with: Vec<Found> = found
            .iter()
            .copied()
            .filter(|one| !meant(&[*one], &words(value)).0.is_empty())
            .collect();
        if identities(&with).len() == 1 {
            found = with;
        }
    }
    match identities(&found).len() {
        1 => Ok(found),
        0 => {
            let known: Vec<String> = all()
                .map(|found| format!("{}/{}", found.resource.kind(), found.resource.original.name))
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let sought = kind.map_or_else(|| name.to_string(), |kind| format!("{kind}/{name}"));
            // a name alone is compared with names alone
            let names: Vec<&str> = known
                .iter()
                .map(|known| known.rsplit('/').next().unwrap_or(known))
                .collect();
            let known = if kind.is_some() { &known } else { &names };
            Err(UnknownName::new("object", &sought, known).into())
        }
        _ => {
            // the same object in several apps is told apart by --app
            let list: BTreeSet<String> = found
                .iter()
                .map(|found| shown_identity(found.overlay, found.resource, true))
                .collect();
            Err(Error::Ambiguous {
                name: printable(name).into_owned(),
                advice: "write KIND/NAME, or choose with --app",
                list: listed(list),
            })
        }
    }
}

/// `Deployment/api`
fn object(resource: &Resource) -> String {
    format!("{}/{}", resource.kind(), resource.name())
}

/// What tells one object from another in different environments: app, kind and the name as first
/// written.
fn shown_identity(overlay: &Overlay, resource: &Resource, full: bool) -> String {
    let id = format!("{}/{}", resource.kind(), resource.original.name);
    let namespace = resource
        .original
        .namespace
        .as_deref()
        .filter(|_| full)
        .map_or(String::new(), |name| format!(" in namespace {name}"));
    format!("{id}{namespace} (app {})", overlay.app)
}

fn listed(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| format!("  {}", printable(&name)))
        .collect();
    let more = names.len().saturating_sub(LISTED);
    let mut text = names
        .into_iter()
        .take(LISTED)
        .collect::<Vec<_>>()
        .join("\n");
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

/// A step of the way into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    /// Index, and what people call the item by.
    Item(usize, Option<String>),
}

/// A value in an object of an overlay, or the place where a patch took one away.
#[derive(Clone)]
struct Life<'r> {
    overlay: &'r Overlay,
    resource: &'r Resource,
    steps: Vec<Step>,
    node: &'r Node,
    removed: Option<Origin>,
}

/// Every value of an object: scalars, maps, lists, and what was removed.
fn walk<'r>(found: Found<'r>, see: &mut dyn FnMut(Life<'r>)) {
    fn below<'r>(
        found: Found<'r>,
        node: &'r Node,
        steps: &mut Vec<Step>,
        see: &mut dyn FnMut(Life<'r>),
    ) {
        let Found {
            overlay,
            resource,
            deleted,
        } = found;
        let tell = |steps: &[Step],
                    node: &'r Node,
                    removed: Option<Origin>,
                    see: &mut dyn FnMut(Life<'r>)| {
            see(Life {
                overlay,
                resource,
                steps: steps.to_vec(),
                node,
                removed: removed.or(deleted),
            });
        };
        tell(steps, node, None, see);
        let gone = |removed: &'r [Removed],
                    steps: &mut Vec<Step>,
                    index: usize,
                    see: &mut dyn FnMut(Life<'r>)| {
            for removed in removed
                .iter()
                .filter(|removed| node.get(&removed.key).is_none())
            {
                let item = removed.key.is_empty();
                steps.push(if item {
                    Step::Item(index, name_of(&removed.node))
                } else {
                    Step::Key(removed.key.to_string())
                });
                tell(steps, &removed.node, Some(removed.origin), see);
                steps.pop();
            }
        };
        match &node.data {
            Data::Map(map) => {
                for entry in &map.entries {
                    steps.push(Step::Key(entry.key.to_string()));
                    below(found, &entry.value, steps, see);
                    steps.pop();
                }
                gone(&map.removed, steps, 0, see);
            }
            Data::List(list) => {
                for (index, item) in list.items.iter().enumerate() {
                    steps.push(Step::Item(index, name_of(item)));
                    below(found, item, steps, see);
                    steps.pop();
                }
                gone(&list.removed, steps, list.items.len(), see);
            }
            Data::Scalar(_) => {}
        }
    }
    below(found, &found.resource.node, &mut Vec::new(), see);
}

/// What people call an item of a list by.
fn name_of(item: &Node) -> Option<String> {
    ["name", "mountPath", "containerPort", "port", "key"]
        .iter()
        .find_map(|key| item.get(key)?.text())
        .map(str::to_string)
}

/// `spec.containers[api].image`
fn dotted(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if key.contains(['.', '/', '[']) => text.push_str(&format!("[{key}]")),
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Item(index, name) => text.push_str(&format!(
                "[{}]",
                name.clone().unwrap_or_else(|| index.to_string())
            )),
        }
    }
    if text.is_empty() {
        "the object".to_string()
    } else {
        text
    }
}

fn pointer(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => format!("/{}", escape_pointer(key)),
            Step::Item(index, _) => format!("/{index}"),
        })
        .collect()
}

/// The words of a path as typed: `/spec/replicas`, `spec.replicas`, `containers[api].image`,
/// `annotations[a.example/b]`.
fn words(path: &str) -> Vec<String> {
    if let Some(pointer) = path.strip_prefix('/') {
        return pointer
            .split('/')
            .map(unescape_pointer)
            .map(|word| word.to_string())
            .collect();
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '.' if !inside => words.push(std::mem::take(&mut word)),
            '[' if !inside => {
                words.push(std::mem::take(&mut word));
                inside = true;
            }
            ']' if inside => {
                words.push(std::mem::take(&mut word));
                inside = false;
            }
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Whether the words name the end of a way. Items of lists may be left out; a key with dots may be
/// typed without brackets.
fn ends(steps: &[Step], words: &[String]) -> bool {
    let Some((last, rest)) = words.split_last() else {
        return true;
    };
    let Some((step, above)) = steps.split_last() else {
        return false;
    };
    match step {
        Step::Key(key) if key == last => ends(above, rest),
        Step::Key(key) if key.contains('.') => {
            let dots = key.matches('.').count() + 1;
            let cut = words.len().saturating_sub(dots);
            words.get(cut..).is_some_and(|tail| tail.join(".") == *key)
                && ends(above, words.get(..cut).unwrap_or_default())
        }
        Step::Key(_) => false,
        Step::Item(index, name) => {
            (name.as_deref() == Some(last) || *last == index.to_string()) && ends(above, rest)
                || ends(above, words)
        }
    }
}

/// The way without what differs between environments: items that have a name go by it.
fn general(steps: &[Step]) -> Vec<Step> {
    let step = |step: &Step| match step {
        Step::Item(_, Some(name)) => Step::Item(0, Some(name.clone())),
        other => other.clone(),
    };
    steps.iter().map(step).collect()
}

/// The values that a path means, in the order of the overlays. Of several containers, the one of
/// the given name is meant.
fn values<'r>(sought: &[Found<'r>], path: &str, container: &str) -> Result<Vec<Life<'r>>, Error> {
    let words = words(path);
    let (mut lives, known) = meant(sought, &words);
    let ways = |lives: &[Life]| -> BTreeSet<Vec<Step>> {
        lives.iter().map(|life| general(&life.steps)).collect()
    };
    if ways(&lives).len() > 1 && lives.iter().all(|life| life.container().is_some()) {
        let own = |life: &&Life| life.container() == Some(container);
        if ways(&lives.iter().filter(own).cloned().collect::<Vec<_>>()).len() == 1 {
            lives.retain(|life| life.container() == Some(container));
        }
    }
    let ways = ways(&lives);
    match ways.len() {
        1 => Ok(lives),
        0 => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            // the word that nothing is called, the last of them first
            let odd = words
                .iter()
                .rev()
                .find(|word| !known.contains(&word.as_str()) && word.parse::<usize>().is_err());
            let nearest = odd.and_then(|word| nearest(word, &known));
            let resource = sought.first().map(|found| found.resource);
            Err(Error::NoValue {
                object: resource.map(object).unwrap_or_default(),
                path: path.to_string(),
                nearest: nearest.map(str::to_string),
            })
        }
        _ => Err(Error::Ambiguous {
            name: printable(path).into_owned(),
            advice: "write more of its path",
            list: listed(ways.iter().map(|way| dotted(way))),
        }),
    }
}

/// The values that the words of a path may mean, and what everything else is called.
fn meant<'r>(sought: &[Found<'r>], words: &[String]) -> (Vec<Life<'r>>, BTreeSet<String>) {
    let mut lives: Vec<Life> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for found in sought {
        walk(*found, &mut |life| {
            // an item is meant by its name, not by every list above a word
            let named = match life.steps.last() {
                Some(Step::Item(index, name)) => words
                    .last()
                    .is_some_and(|word| Some(word) == name.as_ref() || *word == index.to_string()),
                _ => true,
            };
            if named && ends(&life.steps, words) && !words.is_empty() {
                lives.push(life);
            } else {
                known.extend(life.steps.last().and_then(Step::name).map(str::to_string));
            }
        });
    }
    // what is written whole is meant, even when it is the end of something longer
    if lives.iter().any(|life| life.steps.len() == words.len()) {
        lives.retain(|life| life.steps.len() == words.len());
    }
    (lives, known)
}

/// The values of an object that something else than its manifest wrote, or that were taken away.
fn changed(found: Found<'_>) -> Vec<Life<'_>> {
    let mut lives: Vec<Life> = Vec::new();
    let first = found.resource.node.origin;
    walk(found, &mut |life| {
        // of an object that is gone, that it is gone is enough
        if found.deleted.is_some() && !life.steps.is_empty() {
            return;
        }
        let leaf = life.node.entries().is_empty() && life.node.items().is_empty();
        let touched = life.node.replaced.is_some()
            || life.node.origin.by != first.by
            || life.node.origin.file != first.file;
        if life.removed.is_some() || (leaf && touched) {
            lives.push(life);
        }
    });
    lives
}

/// A state that a value was in.
struct State {
    value: Option<Node>,
    by: &'static str,
    origin: Origin,
}

impl Life<'_> {
    /// The name of the container that the value is of.
    fn container(&self) -> Option<&str> {
        self.steps.windows(2).find_map(|pair| match pair {
            [Step::Key(list), Step::Item(_, Some(name))]
                if list.to_ascii_lowercase().ends_with("containers") =>
            {
                Some(name.as_str())
            }
            _ => None,
        })
    }
    /// The states, oldest first; the last is the present one. Values of Secrets are masked.
    fn states(&self) -> Vec<State> {
        let mut states: Vec<State> =
            std::iter::successors(Some(self.node), |node| node.replaced.as_deref())
                .map(|node| State {
                    value: Some(self.masked(node)),
                    by: node.origin.by.as_str(),
                    origin: node.origin,
                })
                .collect();
        states.reverse();
        states.dedup_by(|later, earlier| {
            later.origin == earlier.origin
                && later.value.as_ref().map(shown) == earlier.value.as_ref().map(shown)
        });
        states.extend(self.removed.map(|origin| State {
            value: None,
            by: origin.by.as_str(),
            origin,
        }));
        states
    }

    fn masked(&self, node: &Node) -> Node {
        secrets::masked_at(
            self.resource,
            &self.steps.iter().map(Step::word).collect::<Vec<_>>(),
            node,
        )
    }
}

impl Step {
    /// What people call it by.
    fn name(&self) -> Option<&str> {
        match self {
            Step::Key(key) => Some(key),
            Step::Item(_, name) => name.as_deref(),
        }
    }
    /// The key, or the item's name.
    fn word(&self) -> secrets::Word<'_> {
        match self {
            Step::Key(key) => secrets::Word::Key(key),
            Step::Item(_, name) => secrets::Word::Item(name.as_deref()),
        }
    }
}

/// A value on one line.
fn shown(node: &Node) -> String {
    const LONGEST: usize = 160;
    let cut = |text: &str| match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_string(),
    };
    match &node.data {
        Data::Scalar(scalar) => {
            let text = write::write(node);
            let mut lines = text.trim_end().lines();
            match (lines.next(), lines.next()) {
                (Some(line), None) => cut(line),
                // folded by the writer
                _ if !scalar.text.trim_end().contains('\n') => cut(scalar.text.trim_end()),
                _ => format!("{} …", cut(scalar.text.lines().next().unwrap_or_default())),
            }
        }
        Data::Map(map) => whole(node)
            .unwrap_or_else(|| format!("{{{}}}", crate::wording::count(map.entries.len(), "key"))),
        Data::List(list) => whole(node)
            .unwrap_or_else(|| format!("[{}]", crate::wording::count(list.items.len(), "item"))),
    }
}

/// A small map or list, all of it.
fn whole(node: &Node) -> Option<String> {
    const WIDEST: usize = 60;
    Some(write::to_json(node).to_string()).filter(|text| text.chars().count() <= WIDEST)
}

/// The same for a place with little room: the middle is left out.
fn shortened(node: &Node) -> String {
    const HEAD: usize = 30;
    const TAIL: usize = 14;
    let text = shown(node);
    let count = text.chars().count();
    if count <= HEAD + TAIL + 1 {
        return text;
    }
    let (head, tail): (String, String) = (
        text.chars().take(HEAD).collect(),
        text.chars().skip(count - TAIL).collect(),
    );
    format!("{head}…{tail}")
}

fn text_of(repo: &Repo, sought: &[Found], lives: &[Life], one_value: bool, color: bool) -> String {
    let mut text = String::new();
    // environments that share the manifest share the line
    let mut written: Vec<(String, Vec<String>)> = Vec::new();
    for Found {
        overlay, resource, ..
    } in sought
    {
        let what = format!(
            "{}/{}, defined at {}",
            resource.kind(),
            resource.original.name,
            place(repo, resource.node.origin)
        );
        match written.iter_mut().find(|(known, _)| *known == what) {
            Some((_, environments)) => environments.push(environment(repo, overlay)),
            None => written.push((what, vec![environment(repo, overlay)])),
        }
    }
    let several = written.len() > 1;
    for (what, environments) in &written {
        let named = if several {
            format!(" ({})", environments.join(", "))
        } else {
            String::new()
        };
        text.push_str(&format!("{}\n", printable(&format!("{what}{named}"))));
    }
    text.push('\n');
    if one_value {
        text.push_str(&side_by_side(repo, sought, lives));
        text.push('\n');
        text.push_str(&frames(repo, lives, color));
    } else {
        text.push_str(&overview(repo, sought, lives));
    }
    text
}

/// `apps/api/base/deployment.yaml:12:7`
fn place(repo: &Repo, origin: Origin) -> String {
    let location = Location::resolve(&repo.files, origin);
    format!("{}:{}:{}", location.file, location.line, location.column)
}

/// The values that something else than the object's manifest wrote, each with what it is in every
/// environment, where that was written and what it was before.
fn overview(repo: &Repo, sought: &[Found], lives: &[Life]) -> String {
    if lives.is_empty() {
        return "no patch or other kustomization field changes it\n".to_string();
    }
    let mut ways: Vec<Vec<Step>> = Vec::new();
    for life in lives {
        let way = general(&life.steps);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let told = |state: &State| {
        let what = state.value.as_ref().map_or("removed".to_string(), shown);
        format!("{what}  ({} {})", state.by, place(repo, state.origin))
    };
    let mut text = String::new();
    for way in &ways {
        text.push_str(&format!("{}\n", printable(&dotted(way))));
        // environments that share a life share its lines
        let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for life in lives.iter().filter(|life| general(&life.steps) == *way) {
            let states: Vec<String> = life.states().iter().rev().map(told).collect();
            match rows.iter_mut().find(|(_, known)| *known == states) {
                Some((environments, _)) => environments.push(environment(repo, life.overlay)),
                None => rows.push((vec![environment(repo, life.overlay)], states)),
            }
        }
        for (environments, states) in rows {
            let everywhere = environments.len() == sought.len();
            let mut indent = 2;
            if !everywhere || sought.len() == 1 {
                text.push_str(&format!("  {}\n", printable(&environments.join(", "))));
                indent = 4;
            }
            for (index, state) in states.iter().enumerate() {
                let was = if index == 0 { "" } else { "was " };
                text.push_str(&format!("{:indent$}{was}{}\n", "", printable(state)));
            }
        }
    }
    text
}

/// What a value is in each environment.
fn side_by_side(repo: &Repo, sought: &[Found], lives: &[Life]) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    for Found {
        overlay, resource, ..
    } in sought
    {
        let mut there = lives
            .iter()
            .filter(|life| std::ptr::eq(life.resource, *resource))
            .peekable();
        if there.peek().is_none() {
            rows.push((environment(repo, overlay), "(missing)".to_string()));
        }
        for life in there {
            let last = life.states().pop().and_then(|state| state.value);
            rows.push((
                environment(repo, overlay),
                last.map_or("(removed)".to_string(), |value| shown(&value)),
            ));
        }
    }
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    rows.iter()
        .map(|(name, value)| format!("  {:<width$}  {}\n", printable(name), printable(value)))
        .collect()
}

/// A code frame a life; environments that share a life share it.
fn frames(repo: &Repo, lives: &[Life], color: bool) -> String {
    let mut text = String::new();
    let mut told: Vec<(Vec<(String, Origin)>, Vec<&Life>)> = Vec::new();
    for life in lives {
        let key: Vec<(String, Origin)> = life
            .states()
            .iter()
            .map(|state| {
                (
                    state.value.as_ref().map_or(String::new(), shown),
                    state.origin,
                )
            })
            .collect();
        match told.iter_mut().find(|(known, _)| *known == key) {
            Some((_, lives)) => lives.push(life),
            None => told.push((key, vec![life])),
        }
    }
    for (_, lives) in &told {
        let Some(life) = lives.first() else { continue };
        let states = life.states();
        let Some(last) = states.last() else { continue };
        let environments = lives
            .iter()
            .map(|life| environment(repo, life.overlay))
            .collect::<Vec<_>>()
            .join(", ");
        let value = |state: &State| {
            state
                .value
                .as_ref()
                .map_or("removed".to_string(), shortened)
        };
        let way = dotted(&life.steps);
        let message = match &last.value {
            Some(present) => format!("{way} is {}", shown(present)),
            None => format!("{way} is missing: removed by {}", last.by),
        };
        let label = |(index, state): (usize, &State)| {
            (
                format!("{}. {} ({})", index + 1, value(state), state.by),
                state.origin,
            )
        };
        let related: Vec<(String, Origin)> = states.iter().enumerate().map(label).collect();
        let message = Message {
            title: &environments,
            message: &message,
            help: None,
            origin: last.origin,
            severity: Severity::Info,
            related: &related,
        };
        text.push_str(&report::frame(
            &message,
            &repo.files,
            &report::Options {
                color,
                ..report::Options::default()
            },
        ));
        text.push('\n');
    }
    text
}

fn environment(repo: &Repo, overlay: &Overlay) -> String {
    let name = repo
        .environment(overlay)
        .map_or(overlay.path.clone(), |environment| environment.name.clone());
    match &overlay.variant {
        Some(variant) => format!("{name}/{variant}"),
        None => name,
    }
}

fn json_of(repo: &Repo, sought: &[Found], lives: &[Life]) -> String {
    let places: Vec<Value> = sought
        .iter()
        .map(|Found { overlay, resource, deleted }| {
            let values: Vec<Value> = lives
                .iter()
                .filter(|life| std::ptr::eq(life.resource, *resource))
                .map(|life| {
                    let states: Vec<Value> = life
                        .states()
                        .iter()
                        .map(|state| {
                            json!({
                                "value": state.value.as_ref().map(write::to_json), "removed": state.value.is_none(),
                                "origin": {"by": state.by, "location": Location::resolve(&repo.files, state.origin).to_json()},
                            })
                        })
                        .collect();
                    json!({"path": pointer(&life.steps), "present": life.removed.is_none(), "states": states})
                })
                .collect();
            json!({
                "app": overlay.app, "environment": repo.environment(overlay).map(|environment| environment.name.clone()),
                "variant": overlay.variant, "overlay": overlay.path, "resource": identity(&resource.id()),
                "deleted": deleted.map(|origin| Location::resolve(&repo.files, origin).to_json()),
                "location": Location::resolve(&repo.files, resource.node.origin).to_json(), "values": values,
            })
        })
        .collect();
    format!("{:#}\n", json!({"version": 1, "overlays": places}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_is_enough() {
        let key = |text: &str| Step::Key(text.to_string());
        let image = [
            key("spec"),
            key("containers"),
            Step::Item(0, Some("api".into())),
            key("image"),
        ];
        for path in [
            "image",
            "containers.image",
            "containers[api].image",
            "/spec/containers/0/image",
            "api.image",
            "spec.containers[0].image",
        ] {
            assert!(ends(&image, &words(path)), "{path}");
        }
        for path in ["containers[web].image", "spec.image", "name"] {
            assert!(!ends(&image, &words(path)), "{path}");
        }
        let annotation = [
            key("metadata"),
            key("annotations"),
            key("acme.example/owner"),
        ];
        for path in [
            "annotations[acme.example/owner]",
            "annotations.acme.example/owner",
            "acme.example/owner",
        ] {
            assert!(ends(&annotation, &words(path)), "{path}");
        }
        assert_eq!(
            dotted(&annotation),
            "metadata.annotations[acme.example/owner]"
        );
        assert_eq!(dotted(&image), "spec.containers[api].image");
    }
}
