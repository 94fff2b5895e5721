//! Every rendered scalar has a real origin. If a manifest or a patch wrote it, the text at its
//! origin is the value. Otherwise the origin is the field that explains it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

mod archive;

use archive::Archive;
use gitops_lint::config::Config;
use gitops_lint::kustomize::{RenderOptions, Renderer};
use gitops_lint::repo::Repo;
use gitops_lint::source::Files;
use gitops_lint::source::memory::Memory;
use gitops_lint::source::worktree::Worktree;
use gitops_lint::yaml::{By, Data, Node, Style, read, write};

/// The number of values that were looked at, and the mistakes that were found.
#[derive(Default)]
struct Walked {
    values: usize,
    wrong: Vec<String>,
}

/// Walks everything that a repo renders.
fn walk(root: &Path) -> Walked {
    let config = Config::default();
    let repo = Repo::load(
        Arc::new(Worktree::open(root).unwrap()),
        Some(root.to_path_buf()),
        &config,
    );
    let mut walked = Walked::default();
    for overlay in &repo.overlays {
        for resource in &overlay.rendered.resources {
            let what = format!("{}: {}/{}", overlay.path, resource.kind(), resource.name());
            judge(&resource.node, &what, &repo.files, &mut walked);
        }
    }
    walked
}

fn judge(node: &Node, what: &str, files: &Files, walked: &mut Walked) {
    match &node.data {
        Data::Map(map) if !map.entries.is_empty() => {
            for entry in &map.entries {
                judge(
                    &entry.value,
                    &format!("{what}/{}", entry.key),
                    files,
                    walked,
                );
            }
        }
        Data::List(list) if !list.items.is_empty() => {
            for (index, item) in list.items.iter().enumerate() {
                judge(item, &format!("{what}/{index}"), files, walked);
            }
        }
        _ => {
            walked.values += 1;
            if let Some(wrong) = mistake(node, files) {
                let file = files.get(node.origin.file);
                let line = file.position(node.origin.start).line;
                walked.wrong.push(format!(
                    "{what}: {wrong} ({} {}:{line})",
                    node.origin.by.as_str(),
                    file.path
                ));
            }
            if let Some(replaced) = &node.replaced {
                judge(replaced, &format!("{what} (replaced)"), files, walked);
            }
        }
    }
}

/// The mistake in the origin of a scalar, if there is one.
fn mistake(node: &Node, files: &Files) -> Option<String> {
    let file = files.get(node.origin.file);
    let Some(span) = file
        .text
        .get(node.origin.start as usize..node.origin.end as usize)
    else {
        return Some("the span is not in the file".to_string());
    };
    let told = || {
        format!(
            "the value {:?} stands at {:?}",
            write::write(node).trim_end(),
            span.chars().take(80).collect::<String>()
        )
    };
    match node.origin.by {
        By::Manifest | By::Patch => {
            // a map that a patch emptied keeps the origin of the full map
            let same = node.as_scalar().is_none() || same_value(node, span);
            (!same).then(told)
        }
        _ if span.trim().is_empty() => {
            let is_nothing = node.is_null() || node.text() == Some("");
            (!is_nothing).then(told)
        }
        // a Go template of an ApplicationSet produces this value, so the text differs
        _ if span.contains("{{") => None,
        // these fields write their text as the whole value; the ones below, as a part of it
        By::Namespace | By::Labels | By::Annotations | By::Replicas => {
            (node.as_scalar().is_some() && !same_value(node, span)).then(told)
        }
        By::Prefix | By::Suffix | By::Hash | By::Images | By::Reference | By::Var => {
            (!is_part(node, span)).then(told)
        }
        // the origin of a generated or replaced value is the whole entry
        _ => None,
    }
}

/// True if the text, read as YAML, is the value. A block scalar is compared without indentation.
fn same_value(node: &Node, span: &str) -> bool {
    let scalar = node.as_scalar();
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    if scalar.is_some_and(|scalar| {
        matches!(scalar.style, Style::Literal | Style::Folded) && words(&scalar.text) == words(span)
    }) {
        return true;
    }
    // kustomize turns a number or boolean in a label or annotation into a text
    if scalar.is_some_and(|scalar| &*scalar.text == span) {
        return true;
    }
    let text = format!("x: {span}\n");
    let files = Files::default();
    let id = files.add("x", None, Arc::from(text.as_str()));
    let parsed = read::read(&text, id)
        .ok()
        .and_then(|documents| documents.documents.into_iter().next());
    parsed
        .as_ref()
        .and_then(|parsed| parsed.get("x"))
        .is_some_and(|value| value.same_value(node))
}

/// True if the text of a scalar field is part of the value. A field that is a map or list explains
/// the value as a whole, so its text is not compared.
fn is_part(node: &Node, span: &str) -> bool {
    let files = Files::default();
    let text = format!("x: {span}\n");
    let id = files.add("x", None, Arc::from(text.as_str()));
    let parsed = read::read(&text, id)
        .ok()
        .and_then(|documents| documents.documents.into_iter().next());
    let written = parsed
        .as_ref()
        .and_then(|parsed| parsed.get("x"))
        .and_then(Node::text)
        .unwrap_or(span);
    // Flux replaces `$$` by `$`
    node.text()
        .is_none_or(|value| value.contains(written) || value.contains(&written.replace("$$", "$")))
}

#[track_caller]
fn expect_exact(root: &Path) -> usize {
    let walked = walk(root);
    let shown: Vec<&String> = walked.wrong.iter().take(20).collect();
    assert!(
        walked.wrong.is_empty(),
        "{} of {} values in {}:\n{shown:#?}",
        walked.wrong.len(),
        walked.values,
        root.display()
    );
    walked.values
}

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(path)
}

#[test]
fn every_value_of_the_demo_repo_has_a_place() {
    assert!(expect_exact(&testdata("repos/shop")) > 1000);
}

#[test]
fn every_value_of_every_kind_of_transformer_has_a_place() {
    assert!(expect_exact(&testdata("repos/transformers")) > 30);
}

#[test]
fn every_value_of_the_rendering_cases_has_a_place() {
    let mut walked = Walked::default();
    for path in archive::all("rendering") {
        let case = Archive::read(&path);
        let files = Arc::new(Files::default());
        let renderer = Renderer::new(
            Arc::new(Memory::new(case.tree())),
            files.clone(),
            RenderOptions::default(),
        );
        for resource in &renderer.render(case.folder()).resources {
            judge(
                &resource.node,
                &format!("{}: {}", path.display(), resource.id()),
                &files,
                &mut walked,
            );
        }
    }
    assert!(walked.wrong.is_empty(), "{:#?}", walked.wrong);
    assert!(walked.values > 500);
}

#[test]
fn every_value_of_the_rules_fixtures_has_a_place() {
    let mut values = 0;
    for rule in std::fs::read_dir(testdata("rules"))
        .unwrap()
        .map(|rule| rule.unwrap().path())
        .filter(|rule| rule.is_dir())
    {
        for case in std::fs::read_dir(rule)
            .unwrap()
            .map(|case| case.unwrap().path())
            .filter(|case| case.is_dir())
        {
            values += expect_exact(&case);
        }
    }
    assert!(values > 1000);
}

/// Real repositories beside the checkout, if there are any.
#[test]
fn every_value_of_real_repos_has_a_place() {
    let Ok(trees) = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real"))
    else {
        return;
    };
    for tree in trees
        .map(|tree| tree.unwrap().path())
        .filter(|tree| tree.is_dir())
    {
        expect_exact(&tree);
    }
}
