//! The documentation: every link leads somewhere, every page is in the book, and what a `console`
//! block shows is what the program prints.
//!
//! `<!-- repo: shop -->` in a page starts a fresh copy of the demo repo, with one commit. The
//! blocks behind it run there, one after the other. `UPDATE_README=1 cargo test --test
//! documentation` writes the outputs; read the diff before you keep it.

#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::Repo;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, relative to the root.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .map(PathBuf::from)
        .to_vec();
    for folder in ["docs", "docs/rules"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(Path::new(folder).join(name));
            }
        }
    }
    pages.sort();
    pages
}

fn read(page: &Path) -> String {
    std::fs::read_to_string(root().join(page)).unwrap()
}

/// The lines outside of code blocks.
fn prose(text: &str) -> String {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        code ^= is_fence;
        !code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of the links in a page.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let targets = text.split("](").skip(1);
    targets
        .map(|rest| rest.split(')').next().unwrap().to_string())
        .collect()
}

/// The anchor that GitHub and mdBook give a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        for link in links(&read(&page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            // the book ends at its folder
            let leaves_book = page.starts_with("docs")
                && link.starts_with("../")
                && page.parent() == Some(Path::new("docs"));
            let known = root().join(&target).exists() && !leaves_book;
            let has_anchor = || {
                let text = prose(&read(&target));
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                headings.any(|heading| anchor(heading) == fragment)
            };
            if !known || (!fragment.is_empty() && !has_anchor()) {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_in_the_book() {
    let listed: BTreeSet<String> = links(&read(Path::new("docs/SUMMARY.md")))
        .into_iter()
        .collect();
    let pages = pages().into_iter().filter_map(|page| {
        let page = page.strip_prefix("docs").ok()?.to_str()?.to_string();
        (page != "SUMMARY.md").then_some(page)
    });
    assert_eq!(pages.collect::<BTreeSet<_>>(), listed);
}

/// The demo repo with one commit, and a folder with the program under its name.
struct Shop {
    repo: Repo,
    programs: Repo,
    /// The status of the last command.
    status: i32,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = std::fs::copy(entry.path(), target).unwrap(),
        }
    }
}

impl Shop {
    fn new() -> Shop {
        let (repo, programs) = (Repo::new(), Repo::new());
        copy(&root().join("testdata/repos/shop"), repo.root());
        repo.git(&["init", "-q"]).commit_on(1, "The shop");
        #[cfg(unix)]
        std::os::unix::fs::symlink(
            env!("CARGO_BIN_EXE_gitops-lint"),
            programs.path("gitops-lint"),
        )
        .unwrap();
        Shop {
            repo,
            programs,
            status: 0,
        }
    }

    /// Runs a line as a shell does.
    fn run(&mut self, line: &str) -> String {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.programs.root().display());
        let mut command = Command::new("bash");
        program::isolate(&mut command)
            .current_dir(self.repo.root())
            .args(["-c", &format!("(exit {}); {line}", self.status)])
            .env("PATH", path)
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.com")
            .env("GIT_AUTHOR_DATE", "2026-01-02T12:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T12:00:00Z");
        let output = command.output().unwrap();
        self.status = output.status.code().unwrap();
        let mut shown = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!errors.contains("panicked"), "{errors}");
        shown.push_str(&errors);
        shown
    }
}

/// A page with the outputs of its commands as they are now.
fn renewed(text: &str) -> String {
    let mut shop: Option<Shop> = None;
    let mut lines = text.lines();
    let mut page = String::new();
    while let Some(line) = lines.next() {
        page.push_str(&format!("{line}\n"));
        if line == "<!-- repo: shop -->" {
            shop = Some(Shop::new());
        }
        let Some(shop) = shop.as_mut().filter(|_| line == "```console") else {
            continue;
        };
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                page.push_str(&format!("{line}\n{}", shop.run(command)));
            }
        }
        page.push_str("```\n");
    }
    page
}

/// A page without what changes with every new rule: how many there are, and how many findings of
/// little weight they add to the demo.
fn alike(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.contains("`--min-severity info` shows"));
    let lines = lines.map(|line| match line.split_once("; checked ") {
        Some((found, _)) => found.split(',').next().unwrap_or_default(),
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(unix)]
#[test]
fn pages_show_what_is_printed() {
    for page in pages() {
        let text = read(&page);
        if !text.contains("<!-- repo: shop -->") {
            continue;
        }
        let expected = renewed(&text);
        if std::env::var_os("UPDATE_README").is_some() {
            std::fs::write(root().join(&page), &expected).unwrap();
        } else {
            assert!(
                alike(&text) == alike(&expected),
                "{} is out of date; run UPDATE_README=1 cargo test --test documentation\n{expected}",
                page.display()
            );
        }
    }
}
