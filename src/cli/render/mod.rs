//! `render`: prints the output of `kustomize build` or `helm template`, and the origin of every
//! line.

mod app;
mod chart;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::error::Error;
use super::options::Color;
use super::output::complain;
use super::paint::{self, Look};
use super::root;
use super::workspace::configuration;
use crate::finding::Location;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{
    LoadRestrictor, Problem, RenderOptions, Rendered, Renderer, Reorder, Resource,
};
use crate::report::json::location;
use crate::report::printable;
use crate::source::worktree::Worktree;
use crate::source::{Files, Source};
use crate::yaml::{By, Data, Node, Origin, Style, escape_pointer, read, write};

/// Arguments of `render`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with the kustomization, a chart, or the name of an app
    overlay: PathBuf,
    /// Environment of the app, such as production or production/eu
    #[arg(value_name = "ENVIRONMENT", conflicts_with = "environment_option")]
    environment: Option<String>,
    /// Environment of the app
    #[arg(
        id = "environment_option",
        long = "environment",
        value_name = "ENVIRONMENT"
    )]
    environment_option: Option<String>,
    /// Any path inside the repository of the app
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Files that a kustomization may read: those below its own folder (`root`), or any in the
    /// repository (`repo`)
    #[arg(long, value_enum, default_value = "root")]
    load_restrictor: Restrictor,
    /// Order of the documents, unless the kustomization sets sortOptions
    #[arg(long, value_enum, default_value = "legacy")]
    reorder: Order,
    /// Add the label app.kubernetes.io/managed-by to every object
    #[arg(long)]
    add_managed_by_label: bool,
    /// Configuration file, for local copies of remote bases and charts [default: .gitops-lint.yaml
    /// at the root]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "yaml")]
    format: Format,
    /// Show where each line or value comes from
    #[arg(long)]
    provenance: bool,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
    #[command(flatten)]
    chart: chart::ChartArguments,
}

/// The result of a rendering.
struct Output {
    files: Arc<Files>,
    rendered: Arc<Rendered>,
    /// The output of a chart as its templates print it, with comments.
    text: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Restrictor {
    Root,
    /// Any file in the repository
    Repo,
    /// Same as `repo`: nothing outside the repository is ever read
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    None,
    Legacy,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Renders the folder. If kustomize would refuse to build it, that is an error.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let output = render(arguments)?;
    let (files, rendered) = (&*output.files, &*output.rendered);
    let (refused, notes): (Vec<&Problem>, Vec<&Problem>) = rendered
        .problems
        .iter()
        .partition(|problem| problem.kind.refused());
    for note in notes {
        complain(&format!("warning: {}", describe(note, files)));
    }
    if !refused.is_empty() {
        let described = refused.iter().map(|problem| describe(problem, files));
        return Err(Error::NotRendered(described.collect()));
    }
    Ok(match (arguments.format, arguments.provenance) {
        (Format::Yaml, false) => {
            let text = output.text.unwrap_or_else(|| yaml(&rendered.resources));
            paint::for_output(text, Look::Yaml, arguments.color)
        }
        (Format::Yaml, true) => annotated(&rendered.resources, files),
        (Format::Json, false) => pretty(&Value::Array(
            rendered
                .resources
                .iter()
                .map(|resource| write::to_json(&resource.node))
                .collect(),
        )),
        (Format::Json, true) => pretty(&provenance(&rendered.resources, files)),
    })
}

fn render(arguments: &Arguments) -> Result<Output, Error> {
    if let Some(app) = app::named(arguments) {
        return app::render(arguments, app);
    }
    let folder = root::real(&arguments.overlay)?;
    let is_kustomization = FILE_NAMES.iter().any(|name| folder.join(name).exists());
    if !is_kustomization && chart::is_chart(&folder) {
        return chart::render(&folder, &arguments.chart);
    }
    if !folder.is_dir() {
        return Err(Error::NotAFolder(arguments.overlay.clone()));
    }
    if !is_kustomization {
        return Err(Error::NoKustomization(arguments.overlay.clone()));
    }
    let options = RenderOptions {
        load_restrictor: match arguments.load_restrictor {
            Restrictor::Root => LoadRestrictor::Root,
            Restrictor::Repo | Restrictor::None => LoadRestrictor::Repo,
        },
        reorder: match arguments.reorder {
            Order::None => Reorder::None,
            Order::Legacy => Reorder::Legacy,
        },
        managed_by_label: arguments.add_managed_by_label,
        ..RenderOptions::default()
    };
    let marked = root::find(&folder)?;
    // if neither Git nor a configuration marks the root, it is the nearest folder that contains the
    // overlay, everything that it refers to, and the configuration that was named
    let known = marked.is_marked();
    let named = arguments
        .config
        .as_ref()
        .and_then(|path| path.canonicalize().ok()?.parent().map(Path::to_path_buf));
    let mut root = named
        .filter(|above| !known && folder.starts_with(above))
        .unwrap_or(marked.root);
    loop {
        let opened = match known {
            true => Worktree::open(&root),
            false => Worktree::open_anywhere(&root),
        };
        let tree =
            opened.map_err(|error| Error::reading_source(root.display().to_string(), &error))?;
        let files = Arc::new(Files::default());
        let source: Arc<dyn Source> = Arc::new(tree);
        let config = configuration(
            &root,
            &source,
            &files,
            arguments.config.as_deref(),
            Color::Auto,
        )?;
        let options = RenderOptions {
            root: Some(root.clone()),
            remotes: config.remotes,
            charts: Some(crate::helm::charts_of),
            ..options.clone()
        };
        let renderer = Renderer::new(source, files.clone(), options);
        let below = folder.strip_prefix(&root).unwrap_or(Path::new(""));
        let path: Vec<&str> = below.iter().filter_map(|part| part.to_str()).collect();
        let path = path.join("/");
        match root
            .parent()
            .filter(|parent| !known && parent.components().count() > 2 && renderer.leads_out(&path))
        {
            Some(parent) => root = parent.to_path_buf(),
            None => {
                return Ok(Output {
                    files,
                    rendered: renderer.render(&path),
                    text: None,
                });
            }
        }
    }
}

fn describe(problem: &Problem, files: &Files) -> String {
    let mut lines = vec![
        problem.message.clone(),
        format!("  --> {}", Location::resolve(files, problem.origin)),
    ];
    lines.extend(
        problem
            .related
            .iter()
            .map(|(label, origin)| format!("  {}: {label}", Location::resolve(files, *origin))),
    );
    lines.extend(problem.help.iter().map(|help| format!("  help: {help}")));
    let lines = lines.iter().map(|line| printable(line));
    lines.collect::<Vec<_>>().join("\n")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn yaml(resources: &[Resource]) -> String {
    resources
        .iter()
        .map(|resource| write::write(&resource.node))
        .collect::<Vec<_>>()
        .join("---\n")
}

/// The documents with a gutter that names file, line and reason of every line.
fn annotated(resources: &[Resource], files: &Files) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (index, resource) in resources.iter().enumerate() {
        if index > 0 {
            lines.push((String::new(), "---".to_string()));
        }
        let text = write::write(&resource.node);
        let mut origins: Vec<Option<Origin>> = vec![None; text.lines().count()];
        // read the printed text, so that its lines can be matched with the tree
        let scratch = Files::default();
        let id = scratch.add("", None, Arc::from(text.as_str()));
        let printed = read::read(&text, id)
            .ok()
            .and_then(|documents| documents.documents.into_iter().next());
        if let Some(printed) = printed {
            assign(&printed, &resource.node, &scratch, &mut origins);
        }
        for (line, origin) in text.lines().zip(origins) {
            let label = origin.map_or_else(String::new, |origin| {
                let location = Location::resolve(files, origin);
                format!("{}:{} {}", location.file, location.line, origin.by.as_str())
            });
            lines.push((label, line.to_string()));
        }
    }
    let width = lines
        .iter()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or_default();
    lines
        .iter()
        .map(|(label, line)| format!("{label:<width$} | {line}").trim_end().to_string() + "\n")
        .collect()
}

/// Notes the origin of every line of the printed tree.
fn assign(printed: &Node, node: &Node, scratch: &Files, origins: &mut [Option<Origin>]) {
    let line = |offset: u32| {
        scratch
            .get(printed.origin.file)
            .position(offset)
            .line
            .saturating_sub(1)
    };
    let mut note = |from: usize, to: usize, origin: Origin| {
        for place in origins
            .iter_mut()
            .take(to + 1)
            .skip(from)
            .filter(|place| place.is_none())
        {
            *place = Some(origin);
        }
    };
    match (&printed.data, &node.data) {
        (Data::Map(map), Data::Map(_)) if !map.entries.is_empty() => {
            for shown in &map.entries {
                let Some(entry) = node.entry(&shown.key) else {
                    continue;
                };
                let whole = entry.value.entries().is_empty() && entry.value.items().is_empty();
                let first = line(shown.key_origin.start);
                let last = if whole {
                    line(
                        shown
                            .value
                            .origin
                            .end
                            .saturating_sub(1)
                            .max(shown.key_origin.start),
                    )
                } else {
                    first
                };
                note(
                    first,
                    last,
                    if whole {
                        entry.value.origin
                    } else {
                        entry.key_origin
                    },
                );
            }
            for shown in &map.entries {
                if let Some(value) = node.get(&shown.key) {
                    assign(&shown.value, value, scratch, origins);
                }
            }
        }
        (Data::List(list), Data::List(_)) if !list.items.is_empty() => {
            for (shown, item) in list.items.iter().zip(node.items()) {
                assign(shown, item, scratch, origins);
            }
        }
        _ => note(
            line(printed.origin.start),
            line(
                printed
                    .origin
                    .end
                    .saturating_sub(1)
                    .max(printed.origin.start),
            ),
            node.origin,
        ),
    }
}

/// Every scalar with its origin and the values that it replaced.
fn provenance(resources: &[Resource], files: &Files) -> Value {
    let resources: Vec<Value> = resources
        .iter()
        .map(|resource| {
            let mut values = Vec::new();
            flatten(&resource.node, &mut String::new(), files, &mut values);
            let id = resource.id();
            let identity = json!({"apiVersion": id.api_version, "kind": id.kind, "namespace": id.namespace, "name": id.name});
            json!({"resource": identity, "values": values})
        })
        .collect();
    json!({"version": 1, "resources": resources})
}

fn flatten(node: &Node, path: &mut String, files: &Files, values: &mut Vec<Value>) {
    let length = path.len();
    match &node.data {
        Data::Map(map) if !map.entries.is_empty() => {
            for entry in &map.entries {
                path.push('/');
                path.push_str(&escape_pointer(&entry.key));
                flatten(&entry.value, path, files, values);
                path.truncate(length);
            }
        }
        Data::List(list) if !list.items.is_empty() => {
            for (index, item) in list.items.iter().enumerate() {
                path.push_str(&format!("/{index}"));
                flatten(item, path, files, values);
                path.truncate(length);
            }
        }
        _ => {
            let replaced: Vec<Value> = std::iter::successors(node.replaced.as_deref(), |node| {
                node.replaced.as_deref()
            })
            .map(|node| json!({"value": write::to_json(node), "origin": origin(node, files)}))
            .collect();
            values.push(json!({
                "path": path, "value": write::to_json(node), "origin": origin(node, files), "replaced": replaced,
            }));
        }
    }
}

fn origin(node: &Node, files: &Files) -> Value {
    json!({"by": node.origin.by.as_str(), "location": location(&Location::resolve(files, with_header(node, files)))})
}

/// The origin of a block scalar including its header (`|-`), which decides how its text is read.
fn with_header(node: &Node, files: &Files) -> Origin {
    let block = node
        .as_scalar()
        .is_some_and(|scalar| matches!(scalar.style, Style::Literal | Style::Folded));
    let header = || {
        let file = files.get(node.origin.file);
        let before = file.text.get(..node.origin.start as usize)?.trim_end();
        let line = before.get(before.rfind('\n').map_or(0, |at| at + 1)..)?;
        let line = line.split(" #").next().unwrap_or(line).trim_end();
        let mark = line.trim_end_matches(|character: char| {
            character.is_ascii_digit() || matches!(character, '+' | '-')
        });
        let at = mark.ends_with(['|', '>']).then_some(mark.len() - 1)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1) + at;
        u32::try_from(start).ok()
    };
    let written = matches!(node.origin.by, By::Manifest | By::Patch);
    match (block && written).then(header).flatten() {
        Some(start) => Origin {
            start,
            ..node.origin
        },
        None => node.origin,
    }
}
