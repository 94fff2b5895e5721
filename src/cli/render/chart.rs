//! `render CHART`: prints what `helm template` prints.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::super::error::Error;
use super::super::root;
use super::Output;
use crate::helm::render::Made;
use crate::helm::render::split::{Document, Role};
use crate::helm::values::set::{self, Mode};
use crate::helm::values::{merge, read};
use crate::helm::{Charts, KubeVersion, Release};
use crate::kustomize::Problem;
use crate::source::worktree::Worktree;
use crate::source::{EntryKind, Files, Source};
use crate::yaml::{By, Node, Origin};

/// Arguments of `render` that only charts take.
#[derive(Args)]
#[command(next_help_heading = "Options for charts")]
pub(super) struct ChartArguments {
    /// Values file; later ones win
    #[arg(short = 'f', long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Value such as `image.tag=1.2.3`; numbers and booleans keep their type
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Value that stays a text
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// Value that is the content of a file
    #[arg(long, value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// Value in JSON
    #[arg(long, value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// Name of the release
    #[arg(long, value_name = "NAME", default_value = "release-name")]
    release: String,
    /// Namespace of the release
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// Kubernetes version that the chart sees
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API version that the cluster has besides the usual ones
    #[arg(short, long, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Print the files in crds/ as well
    #[arg(long)]
    include_crds: bool,
    /// Leave out hooks
    #[arg(long)]
    no_hooks: bool,
    /// Leave out tests
    #[arg(long)]
    skip_tests: bool,
    /// Accept values that break the chart's schema
    #[arg(long)]
    skip_schema_validation: bool,
    /// Render as an upgrade instead of an installation
    #[arg(long)]
    is_upgrade: bool,
}

/// True if a path is a chart and not a kustomization.
pub(super) fn is_chart(path: &Path) -> bool {
    let packed = path.is_file() && path.extension().is_some_and(|end| end == "tgz");
    packed || path.join("Chart.yaml").is_file()
}

/// Renders the chart at a path.
pub(super) fn render(path: &Path, arguments: &ChartArguments) -> Result<Output, Error> {
    let found = root::find(path)?;
    let tree = Worktree::open(&found.root)
        .map_err(|error| Error::reading_source(found.root.display().to_string(), &error))?;
    let (files, source): (Arc<Files>, Arc<dyn Source>) = (Arc::default(), Arc::new(tree));
    if source.kind(&found.path) == Some(EntryKind::File) && !found.path.ends_with(".tgz") {
        return Err(Error::NotAFolder(path.to_path_buf()));
    }
    let charts = Charts::new(source, files.clone());
    let (release, problems) = release(arguments, &found.root, &files)?;
    if !problems.is_empty() {
        let rendered = crate::kustomize::Rendered {
            problems,
            ..Default::default()
        };
        return Ok(Output {
            files,
            rendered: Arc::new(rendered),
            text: Some(String::new()),
        });
    }
    let made = charts.documents(&found.path, &release);
    let text = printed(&made);
    // Helm prints documents that no cluster would accept
    let refused = made.problems.clone();
    let mut rendered = charts.objects(&found.path, &release, made);
    rendered.problems = refused;
    Ok(Output {
        files,
        rendered: Arc::new(rendered),
        text: Some(text),
    })
}

/// The documents as Helm prints them.
fn printed(made: &Made) -> String {
    let mut text = String::new();
    let mut is_trimmed = false;
    for Document {
        source,
        text: document,
        role,
    } in made.documents.iter().map(|read| &read.document)
    {
        // Helm removes blank lines at the end of the objects, but not at the end of hooks
        if matches!(role, Role::Hook | Role::Test) && !is_trimmed {
            text.truncate(text.trim_end().len());
            text.push('\n');
            is_trimmed = true;
        }
        text.push_str(&format!("---\n# Source: {source}\n{}\n", document.as_str()));
    }
    if !is_trimmed {
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The release that the arguments describe, and the problems of its values files.
fn release(
    arguments: &ChartArguments,
    root: &Path,
    files: &Files,
) -> Result<(Release, Vec<Problem>), Error> {
    let command = files.add("--set", None, Arc::from(""));
    let mut release = Release::new(
        &arguments.release,
        &arguments.namespace,
        Origin::start_of(command),
    );
    if let Some(version) = &arguments.kube_version {
        KubeVersion::parse(version).ok_or_else(|| Error::NotAVersion.of("--kube-version"))?;
    }
    release.kubernetes = arguments.kube_version.clone();
    release.api_versions = arguments.api_versions.clone();
    release.is_upgrade = arguments.is_upgrade;
    release.includes_crds = arguments.include_crds;
    release.skips_hooks = arguments.no_hooks;
    release.skips_tests = arguments.skip_tests;
    release.skips_schema = arguments.skip_schema_validation;
    release.builds_dependencies = false;
    let mut problems = Vec::new();
    for path in &arguments.values {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::reading(format!("`{}`", path.display()), &error))?;
        let real = path.canonicalize().ok();
        let below = real.and_then(|real| root::relative(root, &real));
        let name = below.unwrap_or_else(|| path.display().to_string());
        let text: Arc<str> = Arc::from(text.trim_start_matches('\u{feff}'));
        match read::of_text(&text, files.add(&name, None, text.clone())) {
            Ok(values) => merge::merge_maps(&mut release.values, &values),
            Err(problem) => problems.push(*problem),
        }
    }
    let read =
        |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    for (option, values, mode) in [
        ("--set-json", &arguments.set_json, Mode::Json),
        ("--set", &arguments.set, Mode::Typed),
        ("--set-string", &arguments.set_string, Mode::Text),
        ("--set-file", &arguments.set_file, Mode::File(&read)),
    ] {
        for value in values {
            let name = format!("{option} {value}");
            let file = files.add(&name, None, Arc::from(value.as_str()));
            let place = |bytes: std::ops::Range<usize>| Origin {
                file,
                start: bytes.start as u32,
                end: bytes.end as u32,
                by: By::Values,
            };
            assign(&mut release.values, value, &mode, &place)
                .map_err(|reason| Error::Unusable { what: name, reason })?;
        }
    }
    Ok((release, problems))
}

/// Sets a value. JSON may be a whole map as well.
fn assign(
    values: &mut Node,
    argument: &str,
    mode: &Mode<'_>,
    place: &dyn Fn(std::ops::Range<usize>) -> Origin,
) -> Result<(), String> {
    let at = place(0..argument.len());
    if matches!(mode, Mode::Json) && argument.trim_start().starts_with('{') {
        serde_json::from_str::<serde_json::Value>(argument).map_err(|error| error.to_string())?;
        let text: Arc<str> = Arc::from(argument);
        let read = read::of_text(&text, at.file).map_err(|problem| problem.message)?;
        merge::merge_maps(values, &read);
        return Ok(());
    }
    set::set(values, argument, mode, place)
}
