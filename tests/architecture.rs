//! The promises of CONTRIBUTING.md about the source: which modules import which, and what only
//! certain modules do. Each exception is an entry of a list below, with its reason. A list that
//! names an exception which is gone fails as well, so the lists only shrink.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every module, from the bytes up, with the modules that it may import.
const ALLOWED: [(&str, &[&str]); 29] = [
    // `source` knows `yaml` only for the id of a file in a span, and `yaml` the same way back; it knows
    // `names` for branches that are misspelt
    ("source", &["glob", "names", "yaml"]),
    ("yaml", &["source"]),
    ("calendar", &["wording"]),
    ("names", &[]),
    ("wording", &[]),
    ("glob", &[]),
    ("template", &["yaml"]),
    ("cel", &[]),
    // `helm` knows `kustomize` only for what a rendering is: objects and problems
    (
        "helm",
        &["glob", "kustomize", "secrets", "source", "template", "yaml"],
    ),
    ("kustomize", &["glob", "names", "source", "yaml"]),
    // the schedules of CronJobs are those of freeze windows
    (
        "kubernetes",
        &[
            "calendar",
            "cel",
            "kustomize",
            "names",
            "secrets",
            "source",
            "yaml",
        ],
    ),
    ("edit", &["yaml"]),
    ("evidence", &["glob", "source", "yaml"]),
    ("finding", &["kustomize", "source", "yaml"]),
    // the configuration maps the URLs of kustomizations to copies, and says which fields hold images
    (
        "config",
        &[
            "calendar",
            // a limit is a severity of scanners
            "evidence",
            "finding",
            "glob",
            "kubernetes",
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
            "evidence",
            "glob",
            "helm",
            "kubernetes",
            "kustomize",
            "names",
            "source",
            "template",
            "wording",
            "yaml",
        ],
    ),
    ("secrets", &["source", "yaml"]),
    (
        "compare",
        &[
            "config",
            "kubernetes",
            "kustomize",
            "repo",
            "secrets",
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
        "fix",
        &[
            "edit", "finding", "names", "promote", "repo", "source", "yaml",
        ],
    ),
    (
        "promote",
        &[
            "edit",
            "history",
            "kubernetes",
            "kustomize",
            "repo",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "rules",
        &[
            "calendar",
            "compare",
            "config",
            "evidence",
            "finding",
            "glob",
            "history",
            "kubernetes",
            "kustomize",
            "names",
            "repo",
            "secrets",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "policy",
        &[
            // the language of ValidatingAdmissionPolicies
            "cel",
            "compare",
            "config",
            "evidence",
            "finding",
            "kubernetes",
            "kustomize",
            "names",
            "repo",
            "rules",
            "source",
            // Go's formatting, regular expressions and templates, which Rego has too
            "template",
            "wording",
            "yaml",
        ],
    ),
    (
        "check",
        &[
            "compare",
            "config",
            "finding",
            "history",
            "kustomize",
            "policy",
            "repo",
            "rules",
            // takes secrets out of messages
            "secrets",
            "source",
            "yaml",
        ],
    ),
    (
        "report",
        &[
            "check",
            "finding",
            "kustomize",
            "rules",
            "secrets",
            "source",
            "wording",
            "yaml",
        ],
    ),
    (
        "explain",
        &["compare", "kustomize", "repo", "wording", "yaml"],
    ),
    (
        "server",
        &[
            "check", "config", "explain", "finding", "fix", "history", "policy", "repo", "report",
            "source", "wording", "yaml",
        ],
    ),
    (
        "cli",
        &[
            "check",
            "compare",
            "config",
            "edit",
            "explain",
            "finding",
            "fix",
            "helm",
            "history",
            "kubernetes",
            "kustomize",
            "names",
            "policy",
            "promote",
            "repo",
            "report",
            "rules",
            "server",
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

/// The code of a file without its tests and comments.
fn code_of(text: &str) -> String {
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The code of every file of the program, by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    files
        .iter()
        .filter(|path| !path.ends_with("tests.rs") && !path.ends_with("src/fuzz.rs"))
        .map(|path| {
            let relative = path.strip_prefix(&source).unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(path).unwrap();
            (relative.to_string(), code_of(&text))
        })
        .collect()
}

/// The modules that a file imports with `crate::`, ignoring its tests and comments.
fn imports(code: &str) -> Vec<&str> {
    let names = code.lines().flat_map(|line| {
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
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let mut wrong = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> = ALLOWED
        .into_iter()
        .flat_map(|(module, may)| may.iter().map(move |import| (module, *import)))
        .collect();
    let sources = sources();
    for (path, code) in sources.iter().filter(|(path, _)| *path != "lib.rs") {
        let module = path.split('/').next().unwrap().trim_end_matches(".rs");
        let Some(may) = allowed.get(module) else {
            wrong.push(format!("{module} is not in the list of modules"));
            continue;
        };
        for import in imports(code) {
            if import != module && !may.contains(&import) {
                wrong.push(format!("{path} imports {import}"));
            }
            unused.remove(&(module, import));
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong.extend(
        unused
            .into_iter()
            .map(|(module, import)| format!("{module} imports no {import}; shorten ALLOWED")),
    );
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
        .filter(|path| !path.ends_with("source/scratch.rs") && !path.ends_with("src/fuzz.rs"))
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

/// The rules that may ask a source or parse a file, and why.
const ASK_THE_SOURCE: [(&str, &str); 1] = [(
    "rules/engine/context/unlisted.rs",
    "the entries of a list that the renderer decoded have no key, and the key is reported",
)];

#[test]
fn rules_read_no_files() {
    let asking = sources().into_iter().filter(|(path, code)| {
        // rustfmt may write `repo` and `.source` on two lines
        let joined: String = code.split_whitespace().collect();
        let words = [
            "repo.source",
            ".source.resolve(",
            ".source.files(",
            ".source.kind(",
            ".source.read(",
            "read::read(",
            "read::read_",
        ];
        path.starts_with("rules/") && words.iter().any(|word| joined.contains(word))
    });
    assert_excepted(asking.map(|(path, _)| path), &ASK_THE_SOURCE);
}

/// Logic that only one rule needs belongs to the folder of that rule.
#[test]
fn shared_logic_serves_several_rules() {
    let modules: BTreeMap<Vec<String>, String> = sources()
        .into_iter()
        .map(|(path, code)| (module_of(&path), code))
        .collect();
    let is_shared = |module: &[String]| module.starts_with(&["rules".into(), "shared".into()]);
    let mut users: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    for module in modules.keys().filter(|module| is_shared(module)) {
        users
            .entry(module.get(2).cloned().unwrap_or_default())
            .or_default();
    }
    for (module, code) in modules.iter().filter(|(module, _)| !is_shared(module)) {
        for target in paths(code)
            .iter()
            .map(|path| resolve(module, path, &modules))
        {
            if let Some(name) = target.get(2).filter(|_| is_shared(&target)) {
                let rule = module.iter().take(3).cloned().collect();
                users.entry(name.clone()).or_default().insert(rule);
            }
        }
    }
    users.remove("");
    let lonely = users.into_iter().filter(|(_, rules)| rules.len() < 2);
    let lonely: Vec<String> = lonely.map(|(name, _)| name).collect();
    assert!(lonely.is_empty(), "move to the rule: {lonely:?}");
}

/// An option that its rule does not list could not be set, and nobody would notice.
#[test]
fn every_option_is_listed_by_its_rule() {
    for (path, code) in sources() {
        let declared = code.lines().filter_map(|line| {
            let rest = line.trim_start().strip_prefix("static ")?;
            let (name, kind) = rest.split_once(": ")?;
            let kind = kind.split_once("Option = ")?.0;
            path.starts_with("rules/").then_some((name, kind))
        });
        for (name, kind) in declared {
            let listed = format!("RuleOption::{kind}(&{name})");
            assert!(code.contains(&listed), "{path} does not list {name}");
        }
    }
}

/// The files outside of `source`, `finding` and `report` that may count lines, and why.
const COUNT_LINES: [(&str, &str); 5] = [
    (
        "check/suppression/comment.rs",
        "a suppression comment covers the next line that is not a comment",
    ),
    (
        "cli/render/mod.rs",
        "lays origins beside the lines that it prints",
    ),
    (
        "kustomize/transform/embedded.rs",
        "keeps the blank lines between groups of comments",
    ),
    (
        "policy/load.rs",
        "a data file with an error never becomes a file with spans",
    ),
    (
        "policy/opa/syntax/lex.rs",
        "Rego has a syntax of its own, whose tokens know their lines",
    ),
];

#[test]
fn only_locations_and_reports_count_lines() {
    let counting = sources().into_iter().filter(|(path, code)| {
        let home = ["source/", "finding.rs", "report/", "secrets/"]
            .iter()
            .any(|home| path.starts_with(home));
        !home
            && [
                "line_starts(",
                "file.position(",
                "matches('\\n').count()",
                "lines().count()",
                "lines().enumerate()",
            ]
            .iter()
            .any(|word| code.contains(word))
    });
    assert_excepted(counting.map(|(path, _)| path), &COUNT_LINES);
}

/// Fails for a name that is not among the exceptions, and for an exception that no name needs.
fn assert_excepted(names: impl Iterator<Item = String>, exceptions: &[(&str, &str)]) {
    let found: BTreeSet<String> = names.collect();
    let allowed: BTreeSet<String> = exceptions
        .iter()
        .map(|(name, _)| name.to_string())
        .collect();
    let new: Vec<&String> = found.difference(&allowed).collect();
    let gone: Vec<&String> = allowed.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not allowed: {new:?}\nremove from the list: {gone:?}"
    );
}

/// Modules of one folder that import each other in a circle, and why. The first word is the folder.
const CIRCLES: [(&str, &str); 0] = [];

#[test]
fn modules_of_a_folder_import_in_one_direction() {
    let modules: BTreeMap<Vec<String>, String> = sources()
        .into_iter()
        .filter(|(path, _)| path != "lib.rs" && path != "main.rs")
        .map(|(path, code)| (module_of(&path), code))
        .collect();
    // the imports between the children of each folder: folder, importing child, imported child
    let mut arrows: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, code) in &modules {
        for import in paths(code) {
            let target = resolve(module, &import, &modules);
            let common = module
                .iter()
                .zip(&target)
                .take_while(|(one, other)| one == other)
                .count();
            if common > 0 && module.len() > common && target.len() > common {
                arrows
                    .entry(module[..common].to_vec())
                    .or_default()
                    .entry(module[common].clone())
                    .or_default()
                    .insert(target[common].clone());
            }
        }
    }
    let circles = arrows.iter().flat_map(|(folder, arrows)| {
        circles(arrows).into_iter().map(|circle| {
            let names: Vec<String> = circle.into_iter().collect();
            format!("{}: {}", folder.join("/"), names.join(" "))
        })
    });
    assert_excepted(circles, &CIRCLES);
}

/// `repo/load/mod.rs` is the module `repo::load`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_string).collect()
}

/// The paths in the code that begin with `crate`, `self` or `super`. `super::{a, b::c}` gives
/// `super::a` and `super::b::c`.
fn paths(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            // the `super::` after another `super::` belongs to the path before it
            if !code[..at].ends_with(|c: char| is_word(c) || c == ':') {
                expand(&code[at..], "", &mut found);
            }
        }
    }
    found
}

/// Reads one path, and the lists in braces that it ends in. Returns the rest of the code.
fn expand<'c>(code: &'c str, before: &str, found: &mut Vec<String>) -> &'c str {
    let end = code
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(code.len());
    let (path, mut rest) = code.split_at(end);
    let path = format!("{before}{path}");
    if !path.ends_with("::") || !rest.starts_with('{') {
        found.push(path);
        return rest;
    }
    rest = &rest[1..];
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return after;
        }
        let after = expand(rest, &path, found);
        let Some(next) = after.find([',', '}']) else {
            return "";
        };
        rest = after[next..].trim_start_matches(',');
    }
}

/// The module that a path in `module` leads to: the longest beginning that is a module.
fn resolve(module: &[String], path: &str, modules: &BTreeMap<Vec<String>, String>) -> Vec<String> {
    let mut at = module.to_vec();
    for segment in path.split("::") {
        match segment {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            name => {
                at.push(name.to_string());
                if !modules.contains_key(&at) {
                    at.pop();
                    break;
                }
            }
        }
    }
    at
}

/// The groups of nodes that reach each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            for next in arrows.get(node).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|node| (node, reach(node))).collect();
    reached
        .iter()
        .filter(|(node, to)| to.contains(**node))
        .map(|(node, to)| {
            to.iter()
                .filter(|other| reached.get(other).is_some_and(|back| back.contains(*node)))
                .cloned()
                .collect()
        })
        .collect()
}

#[test]
fn paths_are_read_and_circles_are_found() {
    let code = "use super::{a, b::{self, c}};\nuse crate::d::E;\nsuper::super::f();\n";
    let mut found = paths(code);
    found.sort();
    assert_eq!(
        found,
        [
            "crate::d::E",
            "super::a",
            "super::b::c",
            "super::b::self",
            "super::super::f",
        ]
    );
    let arrows = [("a", "b"), ("b", "a"), ("b", "c")];
    let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in arrows {
        map.entry(from.to_string())
            .or_default()
            .insert(to.to_string());
    }
    let circle = BTreeSet::from(["a".to_string(), "b".to_string()]);
    assert_eq!(circles(&map), BTreeSet::from([circle]));
}
