//! The direction of imports: what each module may know of the others. A new arrow is a decision,
//! made in [`ALLOWED`].

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every module, from the bytes up, with the modules that it may import.
const ALLOWED: [(&str, &[&str]); 18] = [
    // `source` knows `yaml` only for the id of a file in a span, and `yaml` the same way back
    ("source", &["yaml"]),
    ("yaml", &["source"]),
    ("calendar", &["wording"]),
    ("names", &["wording"]),
    ("wording", &[]),
    ("kustomize", &["names", "source", "yaml"]),
    ("kubernetes", &["kustomize", "source", "yaml"]),
    ("finding", &["kustomize", "source", "yaml"]),
    // the configuration maps the URLs of kustomizations to copies
    (
        "config",
        &[
            "calendar",
            "finding",
            "kustomize",
            "names",
            "source",
            "yaml",
        ],
    ),
    (
        "repo",
        &[
            "config",
            "kubernetes",
            "kustomize",
            "names",
            "source",
            "yaml",
        ],
    ),
    (
        "compare",
        &[
            "config",
            "kubernetes",
            "kustomize",
            "repo",
            "source",
            "yaml",
        ],
    ),
    (
        "history",
        &[
            "config",
            "kubernetes",
            "kustomize",
            "repo",
            "source",
            "yaml",
        ],
    ),
    (
        "rules",
        &[
            "calendar",
            "compare",
            "config",
            "finding",
            "history",
            "kubernetes",
            "kustomize",
            "names",
            "repo",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "policy",
        &[
            "compare",
            "config",
            "finding",
            "kubernetes",
            "kustomize",
            "names",
            "repo",
            "rules",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "check",
        &[
            "config",
            "finding",
            "history",
            "kustomize",
            "policy",
            "repo",
            "rules",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "report",
        &[
            "check",
            "compare",
            "finding",
            "kustomize",
            "rules",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "cli",
        &[
            "check",
            "compare",
            "config",
            "finding",
            "history",
            "kubernetes",
            "kustomize",
            "names",
            "policy",
            "repo",
            "report",
            "rules",
            "source",
            "wording",
            "yaml",
        ],
    ),
    ("main", &[]),
];

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The modules that a file imports with `crate::`, ignoring its tests and comments.
fn imports(text: &str) -> Vec<&str> {
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let names = lines.flat_map(|line| {
        line.split("crate::").skip(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_lowercase() && c != '_')
                .next()
                .unwrap_or_default()
        })
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn imports_point_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut wrong = Vec::new();
    for path in files
        .iter()
        .filter(|path| !path.ends_with("lib.rs") && !path.ends_with("tests.rs"))
    {
        let relative = path.strip_prefix(&source).unwrap();
        let module = relative
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs");
        let Some(may) = allowed.get(module) else {
            wrong.push(format!("{module} is not in the list of modules"));
            continue;
        };
        let text = std::fs::read_to_string(path).unwrap();
        for import in imports(&text) {
            if import != module && !may.contains(&import) {
                wrong.push(format!("{} imports {import}", relative.display()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_reports_draw_and_only_the_command_line_prints() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut wrong = Vec::new();
    // `scratch` creates repositories for tests and is not part of the program
    for path in files
        .iter()
        .filter(|path| !path.ends_with("source/scratch.rs"))
    {
        let relative = path
            .strip_prefix(&source)
            .unwrap()
            .to_str()
            .unwrap()
            .to_string();
        let text = std::fs::read_to_string(path).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        for (word, home) in [
            ("miette::", "report/"),
            ("std::process", "cli/"),
            ("println!", "cli/"),
            ("std::env::", "cli/"),
            ("clap::", "cli/"),
        ] {
            if code.contains(word) && !relative.starts_with(home) && relative != "main.rs" {
                wrong.push(format!("{relative} uses {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
