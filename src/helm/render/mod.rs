//! A release: from a chart and values to documents, and from these to objects.

mod data;
mod files;
mod lacking;
mod objects;
mod origins;
mod secret;
pub(crate) mod split;

use std::sync::Arc;

use super::capabilities::{self, KubeVersion};
use super::chart::Chart;
use super::coalesce::coalesce;
use super::dependencies;
use super::instance::Instance;
use super::schema;
use super::{Charts, Release};
use crate::kustomize::{Problem, ProblemKind, Unrendered};
use crate::source::Files;
use crate::template::{self, Budget, Run, Text, semver};
use crate::yaml::read::{Dialect, read_as};
use crate::yaml::{FileId, Node, Origin};
pub(super) use data::Unit;
use origins::Written;
use secret::SecretValues;
use split::{Document, Role};

pub(super) use objects::rendered;

/// The end of the names of templates whose output is for people.
const NOTES: &str = "NOTES.txt";

/// A document with the tree that was read from it.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// The document as it is printed.
    pub(crate) document: Document,
    /// Its trees, with the places of their values: several for a file of `crds/`, else one at most.
    pub(crate) trees: Vec<Node>,
}

/// The objects that a release made before something stopped it, and everything that did.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// The documents in the order in which Helm prints them; none if something is refused.
    pub(crate) documents: Vec<Read>,
    /// The mistakes that Helm refuses, and the parts that are missing here.
    pub(crate) problems: Vec<Problem>,
    /// The subcharts that are missing here, with their values.
    pub(crate) lacking: Vec<Unrendered>,
}

impl Made {
    pub(super) fn refused(problem: Problem) -> Made {
        Made {
            problems: vec![problem],
            ..Made::default()
        }
    }
}

/// Renders a release.
pub(super) fn render(charts: &Charts, chart: &Arc<Chart>, release: &Release) -> Made {
    if chart.metadata.is_library() {
        let at = chart
            .metadata
            .field("type")
            .map_or(chart.origin(), |field| field.origin);
        let message = "a chart of type `library` cannot be installed";
        return Made::refused(
            Problem::error(at, message).with_help("name a chart that uses it as a dependency"),
        );
    }
    let (more, missing) = match lacking::find(charts, chart, release) {
        Ok(found) => found,
        Err(problem) => return Made::refused(*problem),
    };
    let lacking = lacking::of(charts, chart, &more, missing, release);
    let mut made = Made {
        documents: Vec::new(),
        problems: lacking.problems,
        lacking: lacking.releases,
    };
    match complete(charts, chart, &more, release) {
        Ok(documents) => made.documents = documents,
        // without a dependency, templates that it defines are missing as well
        Err(_) if !made.problems.is_empty() => {}
        Err(problems) if release.is_partial => {
            let problems = problems.into_iter();
            let unknown = problems.map(|problem| of_unknown_values(problem, chart));
            made.problems.extend(unknown);
        }
        Err(problems) => made.problems = problems,
    }
    made
}

/// The problem of a chart that rejects the known values: it may accept all of them.
fn of_unknown_values(problem: Problem, chart: &Chart) -> Problem {
    let name = chart.metadata.name();
    let message = format!(
        "the chart `{name}` is not rendered, because some of its values are not known here: {}",
        problem.message
    );
    let help = "keep the values in this repository, or commit the output of `helm template`";
    Problem {
        message,
        ..problem.with_kind(ProblemKind::NeedsPlugin)
    }
    .with_help(help)
}

/// Everything from the values to the documents.
fn complete(
    charts: &Charts,
    chart: &Arc<Chart>,
    more: &[Arc<Chart>],
    release: &Release,
) -> Result<Vec<Read>, Vec<Problem>> {
    let one = |problem: Box<Problem>| vec![*problem];
    let kubernetes = kubernetes(release).map_err(one)?;
    let root = dependencies::resolve(chart, more, release).map_err(one)?;
    let mut values = release.values.clone();
    coalesce(&root, &mut values, false).map_err(one)?;
    let secrets = SecretValues::of(&values);
    let documents = documents(
        charts,
        (chart, &root),
        &values,
        &secrets,
        release,
        &kubernetes,
    );
    documents.map_err(|problems| {
        let problems = problems.into_iter();
        problems.map(|problem| secrets.conceal(problem)).collect()
    })
}

/// The documents that the templates make of some values.
fn documents(
    charts: &Charts,
    (chart, root): (&Arc<Chart>, &Instance),
    values: &Node,
    secrets: &SecretValues,
    release: &Release,
    kubernetes: &KubeVersion,
) -> Result<Vec<Read>, Vec<Problem>> {
    let one = |problem: Box<Problem>| vec![*problem];
    if !release.skips_schema {
        let broken = schema::check(root, values, release.is_partial, &charts.files);
        if !broken.is_empty() {
            return Err(broken);
        }
    }
    check_kubernetes(chart, kubernetes).map_err(one)?;
    let capabilities = capabilities::value(kubernetes, &release.api_versions);
    let units = data::units(root, values, (release, capabilities), &charts.files);
    let printed = execute(charts, chart, &units).map_err(one)?;
    let written = Written::new((values, secrets), default_files(root), &charts.files);
    let mut found = Vec::new();
    for (name, text) in printed {
        read_documents(&name, &text, &written, &mut found).map_err(one)?;
    }
    found.sort_by(|one, other| {
        order(one)
            .cmp(&order(other))
            .then_with(|| split::by_kind(&kind(one), &kind(other)))
    });
    let mut documents = Vec::new();
    if release.includes_crds {
        definitions(root, &root.name, &charts.files, &mut documents).map_err(one)?;
    }
    documents.extend(found);
    documents.retain(|read| match read.document.role {
        Role::Test => !release.skips_tests && !release.skips_hooks,
        Role::Hook => !release.skips_hooks,
        Role::Definition | Role::Object => true,
    });
    Ok(documents)
}

/// Objects come before hooks.
fn order(read: &Read) -> u8 {
    u8::from(matches!(read.document.role, Role::Hook | Role::Test))
}

fn kind(read: &Read) -> String {
    let kind = read.trees.first().and_then(|tree| tree.get("kind"));
    kind.map(|kind| kind.raw().to_string()).unwrap_or_default()
}

/// The version of the cluster.
fn kubernetes(release: &Release) -> Result<KubeVersion, Box<Problem>> {
    let Some(text) = &release.kubernetes else {
        return Ok(KubeVersion::default());
    };
    KubeVersion::parse(text).ok_or_else(|| {
        let message = format!("`{text}` is not a version of Kubernetes");
        Box::new(Problem::error(release.values.origin, message).with_help("write 1.34"))
    })
}

fn check_kubernetes(chart: &Chart, kubernetes: &KubeVersion) -> Result<(), Box<Problem>> {
    let Some(range) = chart
        .metadata
        .field("kubeVersion")
        .filter(|range| !range.text.is_empty())
    else {
        return Ok(());
    };
    let version = kubernetes.comparable();
    if semver::matches(&range.text, version) {
        return Ok(());
    }
    let message = format!(
        "the chart asks for Kubernetes {}, and it is rendered for {version}",
        range.text
    );
    Err(Box::new(Problem::error(range.origin, message).with_help(
        "set the version of the cluster, or use a chart that supports it",
    )))
}

/// The files with the defaults of charts.
fn default_files(root: &Instance) -> Vec<FileId> {
    let mut found = Vec::new();
    root.each(&mut |instance| {
        found.push(instance.chart.values.origin.file);
        found.push(instance.chart.origin().file);
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Runs the templates in Helm's order, and returns what each prints, in the order of their paths.
fn execute(
    charts: &Charts,
    chart: &Chart,
    units: &[Unit],
) -> Result<Vec<(Arc<str>, Text)>, Box<Problem>> {
    let templates = charts.templates(chart, units)?;
    let mut run = Run::new(&templates, Budget::default());
    let mut printed = Vec::new();
    for unit in units {
        let base = unit.name.rsplit('/').next().unwrap_or_default();
        if base.starts_with('_') {
            continue;
        }
        let text = run
            .execute(&unit.name, &unit.begin())
            .map_err(|error| Box::new(failed(&error, chart)))?;
        if !unit.name.ends_with(NOTES) && !text.as_str().trim().is_empty() {
            printed.push((unit.name.clone(), text.without_no_value()));
        }
    }
    printed.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(printed)
}

/// Explains why a template cannot be parsed or run.
pub(super) fn failed(error: &template::Error, chart: &Chart) -> Problem {
    let origin = error.origin.unwrap_or(chart.origin());
    let name = chart.metadata.name();
    let (message, help) = match &error.problem {
        template::Problem::Refused(message) => (
            format!("the chart `{name}` refuses these values: {message}"),
            "correct the values of the release",
        ),
        template::Problem::Syntax(message) => (
            format!("the template of the chart `{name}` cannot be parsed: {message}"),
            "correct the template",
        ),
        template::Problem::TooMuch { .. } => (
            format!("the chart `{name}` is not rendered: {error}"),
            "look for a template that calls itself or repeats a large text",
        ),
        template::Problem::Execution(message) => {
            let at = match error.expression.as_str() {
                "" => String::new(),
                expression => format!("`{expression}`: "),
            };
            (
                format!("the chart `{name}` cannot be rendered: {at}{message}"),
                "correct the template, or the value that it reads",
            )
        }
    };
    let problem = Problem::error(origin, message).with_help(help);
    let calls = error.calls.iter().take(3);
    calls.fold(problem, |problem, call| {
        problem.with_related("called here", *call)
    })
}

/// Reads the documents that a template printed.
fn read_documents(
    name: &Arc<str>,
    text: &Text,
    written: &Written<'_>,
    found: &mut Vec<Read>,
) -> Result<(), Box<Problem>> {
    for range in split::documents(text.as_str()) {
        let part = text.as_str().get(range.clone()).unwrap_or_default();
        let scratch = FileId(u32::MAX);
        let place = |origin: Origin| {
            let at = range.start + origin.start as usize;
            let end = (range.start + origin.end as usize).max(at + 1);
            written.origin(text, at..end.min(range.end.max(at + 1)))
        };
        if let Some(at) = template::first_stray(part) {
            let origin = Origin {
                start: at as u32,
                ..Origin::start_of(scratch)
            };
            let message = "the output of the template is not UTF-8";
            let help = "look for a function that cuts a character, such as `trunc`";
            let problem = Problem::error(place(origin), message).with_help(help);
            return Err(Box::new(problem));
        }
        let read = read_as(part, scratch, Dialect::Json).map_err(|error| {
            let message = format!("the output of the template is not YAML: {}", error.message);
            let help = "check the indentation that the template writes";
            Box::new(Problem::error(place(error.origin), message).with_help(help))
        })?;
        let tree = read.documents.into_iter().next();
        if let Some(tree) = &tree {
            objects::check(tree, &place)?;
        }
        let Some(role) = tree.as_ref().map_or(Some(Role::Object), split::role) else {
            continue;
        };
        let tree = tree.map(|mut tree| {
            written.place(&mut tree, text, range.start);
            tree
        });
        found.push(Read {
            document: Document {
                source: name.clone(),
                text: text.slice(range),
                role,
            },
            trees: tree.into_iter().collect(),
        });
    }
    Ok(())
}

/// The files in `crds/`, those of the parent first.
fn definitions(
    instance: &Instance,
    path: &str,
    files: &Files,
    found: &mut Vec<Read>,
) -> Result<(), Box<Problem>> {
    for file in instance.chart.crds() {
        let id = file.id(files);
        let text = files.get(id).text.clone();
        let read = read_as(&text, id, Dialect::Json)
            .map_err(|error| Box::new(Problem::error(error.origin, error.message)))?;
        let end = text.len() as u32;
        let origin = Origin {
            end,
            ..Origin::start_of(id)
        };
        found.push(Read {
            document: Document {
                source: format!("{path}/{}", file.name).into(),
                text: Text::written(text, origin),
                role: Role::Definition,
            },
            trees: read.documents,
        });
    }
    for below in &instance.subcharts {
        definitions(
            below,
            &format!("{path}/charts/{}", below.name),
            files,
            found,
        )?;
    }
    Ok(())
}
