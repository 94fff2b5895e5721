//! Rendering of small kustomizations. Each `testdata/rendering/<case>.txt` holds a tree of files,
//! the output of `kustomize build` 5.8.2, and the problems that are reported. The test renders the
//! folder `top`, or the root if there is no `top`.
//!
//! `UPDATE_RENDERING=1 cargo test --test rendering` rewrites the sections `output` and `problems`.
//! Compare every changed output with kustomize before you keep it.

#![allow(clippy::unwrap_used)]

mod archive;

use std::sync::Arc;

use archive::Archive;
use gitops_lint::finding::Location;
use gitops_lint::kustomize::{Problem, ProblemKind, RenderOptions, Renderer};
use gitops_lint::source::Files;
use gitops_lint::source::memory::Memory;
use gitops_lint::yaml::{Origin, write};

fn place(origin: Origin, files: &Files) -> String {
    let location = Location::resolve(files, origin);
    format!("{}:{}:{}", location.file, location.line, location.column)
}

fn describe(problem: &Problem, files: &Files) -> String {
    let mut text = format!("{}: {}\n", place(problem.origin, files), problem.message);
    for (label, origin) in &problem.related {
        text.push_str(&format!("  {}: {label}\n", place(*origin, files)));
    }
    if let Some(help) = &problem.help {
        text.push_str(&format!("  help: {help}\n"));
    }
    text
}

/// The text of the case with the current output and problems.
fn run(case: &Archive) -> String {
    let files = Arc::new(Files::default());
    let renderer = Renderer::new(
        Arc::new(Memory::new(case.tree())),
        files.clone(),
        RenderOptions::default(),
    );
    let rendered = renderer.render(case.folder());
    let problems = rendered
        .problems
        .iter()
        .filter(|problem| problem.kind != ProblemKind::DeprecatedField);
    let problems: String = problems.map(|problem| describe(problem, &files)).collect();
    let mut text = case.comment.clone();
    for (path, content) in case.tree() {
        text.push_str(&format!("-- {path} --\n{content}"));
    }
    if rendered.complete {
        let documents: Vec<String> = rendered
            .resources
            .iter()
            .map(|resource| write::write(&resource.node))
            .collect();
        text.push_str(&format!("-- output --\n{}", documents.join("---\n")));
    }
    if !problems.is_empty() {
        text.push_str(&format!("-- problems --\n{problems}"));
    }
    text
}

#[test]
fn renders_as_kustomize_does() {
    let mut wrong = Vec::new();
    for path in archive::all("rendering") {
        let expected = std::fs::read_to_string(&path).unwrap();
        let found = run(&Archive::read(&path));
        if found == expected {
            continue;
        }
        if std::env::var_os("UPDATE_RENDERING").is_some() {
            std::fs::write(&path, found).unwrap();
            continue;
        }
        let difference = similar::TextDiff::from_lines(&expected, &found);
        wrong.push(format!(
            "{}\n{}",
            path.display(),
            difference.unified_diff().context_radius(3)
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
