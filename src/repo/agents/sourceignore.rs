//! Files that never reach Flux: those in `.sourceignore`, and those that source-controller always
//! leaves out.
//!
//! The patterns look like those of `.gitignore`, and differ in details (`github.com/fluxcd/pkg/sourceignore`):
//! `!` brings back a file in a folder that is left out, `**` only counts as a whole segment, and `[!a]` is
//! `!` or `a`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::glob::go;
use crate::source::{Source, join, lock};

/// The name of the files, in any folder.
const NAME: &str = ".sourceignore";
/// Patterns that exclude files unless `.sourceignore` includes them again.
const DEFAULTS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n.github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\ncodeship-services.yml\ncodeship-steps.yml\n**/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml";
/// Flux reads no further in a file with a longer line.
const LONGEST_LINE: usize = 64 << 10;
/// The most patterns that count for a file. Each is compared with it.
const MOST: usize = 10_000;

/// The patterns of a tree.
#[derive(Clone)]
pub(super) struct Ignored {
    source: Arc<dyn Source>,
    /// Those that always count, before every file.
    defaults: Arc<[Pattern]>,
    /// Those of the source object, which count most.
    more: Arc<[Pattern]>,
    /// Those of the folders that were asked for.
    folders: Arc<Mutex<HashMap<String, Arc<[Pattern]>>>>,
}

/// One pattern.
#[derive(Clone, Debug)]
struct Pattern {
    /// The folder that it is about; empty for the whole tree.
    folder: Vec<String>,
    segments: Vec<String>,
    includes: bool,
    folders_only: bool,
}

impl Ignored {
    /// The patterns of a tree, whose files are read when a path below them is asked for; `more` are
    /// patterns of the source object, which count most.
    pub(super) fn of(source: &Arc<dyn Source>, more: &[&str]) -> Ignored {
        Ignored {
            source: source.clone(),
            defaults: patterns("", [DEFAULTS]).collect(),
            more: patterns("", more.iter().copied()).collect(),
            folders: Arc::default(),
        }
    }

    /// True if a file is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let above = path
            .match_indices('/')
            .filter_map(|(at, _)| path.get(..at))
            .take_while(|folder| folder_name(folder) != ".git");
        // a folder's file comes before those of the folders in it
        let own = std::iter::once("").chain(above);
        let lists: Vec<Arc<[Pattern]>> = std::iter::once(self.defaults.clone())
            .chain(own.map(|folder| self.of_folder(folder)))
            .chain([self.more.clone()])
            .collect();
        let patterns: Vec<&Pattern> = lists.iter().flat_map(|list| &**list).take(MOST).collect();
        let mut patterns = patterns.into_iter().rev();
        let decides = patterns.find(|pattern| pattern.matches(&parts));
        decides.is_some_and(|pattern| !pattern.includes)
    }

    /// The patterns in the file of a folder.
    fn of_folder(&self, folder: &str) -> Arc<[Pattern]> {
        if let Some(known) = lock(&self.folders).get(folder) {
            return known.clone();
        }
        let found = || {
            let path = join(folder, NAME)?;
            self.source.kind(&path)?;
            let bytes = self.source.read(&path).ok()?;
            let text = String::from_utf8_lossy(&bytes);
            Some(patterns(folder, [&*text]).collect())
        };
        let found = found().unwrap_or_default();
        let mut folders = lock(&self.folders);
        folders.entry(folder.to_string()).or_insert(found).clone()
    }
}

impl std::fmt::Debug for Ignored {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ignored { defaults, more, .. } = self;
        formatter
            .debug_struct("Ignored")
            .field("defaults", defaults)
            .field("more", more)
            .finish_non_exhaustive()
    }
}

/// True for the path of a file with patterns.
pub(in crate::repo) fn is_ignore_file(path: &str) -> bool {
    folder_name(path) == NAME
}

/// The last part of a path.
fn folder_name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// The patterns of some texts about a folder, no more than [`MOST`].
fn patterns<'t>(
    folder: &'t str,
    texts: impl IntoIterator<Item = &'t str>,
) -> impl Iterator<Item = Pattern> {
    let lines = texts
        .into_iter()
        .flat_map(|text| text.lines().take_while(|line| line.len() < LONGEST_LINE));
    let lines = lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.take(MOST).map(move |line| Pattern::new(line, folder))
}

impl Pattern {
    fn new(line: &str, folder: &str) -> Pattern {
        let parts = |text: &str| text.split('/').map(str::to_string).collect();
        let (includes, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let line = match line.ends_with("\\ ") {
            true => line,
            false => line.trim_end_matches(' '),
        };
        let bare = line.strip_suffix('/');
        Pattern {
            folder: match folder {
                "" => Vec::new(),
                folder => parts(folder),
            },
            segments: parts(bare.unwrap_or(line)),
            includes,
            folders_only: bare.is_some(),
        }
    }

    fn matches(&self, path: &[&str]) -> bool {
        let own = path.iter().zip(&self.folder);
        if path.len() <= self.folder.len() || own.into_iter().any(|(one, other)| one != other) {
            return false;
        }
        let path = path.get(self.folder.len()..).unwrap_or_default();
        match self.segments.as_slice() {
            [name] => self.matches_name(name, path),
            segments => self.matches_path(segments, path),
        }
    }

    /// A pattern without a slash matches a file, or any folder above it.
    fn matches_name(&self, name: &str, path: &[&str]) -> bool {
        let first = path.iter().position(|part| go::matches(name, part));
        first.is_some_and(|at| !self.folders_only || at + 1 < path.len())
    }

    /// A pattern with a slash matches from the folder that it is about.
    fn matches_path(&self, segments: &[String], path: &[&str]) -> bool {
        let (mut rest, mut matched, mut anywhere) = (path, false, false);
        for (at, segment) in segments.iter().enumerate() {
            match segment.as_str() {
                "" => anywhere = false,
                "**" if at + 1 == segments.len() => break,
                "**" => anywhere = true,
                segment if segment.contains("**") => return false,
                segment => {
                    if rest.is_empty() {
                        return false;
                    }
                    let is_match = |part: &&str| go::matches(segment, part);
                    let found = match std::mem::take(&mut anywhere) {
                        true => rest.iter().position(is_match),
                        false => rest.first().filter(|part| is_match(part)).map(|_| 0),
                    };
                    match found {
                        Some(found) => {
                            matched = true;
                            rest = rest.get(found + 1..).unwrap_or_default();
                        }
                        None if rest.len() < path.len() || !matched => {
                            (matched, rest) = (false, &[]);
                            if at + 1 < segments.len() {
                                continue;
                            }
                            return false;
                        }
                        None => return false,
                    }
                }
            }
        }
        matched && !(self.folders_only && rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    #[test]
    fn patterns_match_as_in_gitignore() {
        let source = Memory::new([
            (
                ".sourceignore",
                "# all\n/*\n!/clusters\n!/apps/\n*.tmp.yaml\n",
            ),
            ("apps/.sourceignore", "draft/\n/only-here.yaml\n"),
        ]);
        let source: Arc<dyn Source> = Arc::new(source);
        let ignored = Ignored::of(&source, &["!**/keep.tmp.yaml"]);
        for (path, out) in [
            ("docs/a.yaml", true),
            ("clusters/production/a.yaml", false),
            ("clusters/a.tmp.yaml", true),
            ("clusters/keep.tmp.yaml", false),
            ("clusters/.sops.yaml", false),
            ("apps/draft/a.yaml", true),
            ("apps/web/draft/a.yaml", true),
            ("apps/draft.yaml", false),
            ("apps/only-here.yaml", true),
            ("apps/web/only-here.yaml", false),
        ] {
            assert_eq!(ignored.leaves_out(path), out, "{path}");
        }
        let source: Arc<dyn Source> = Arc::new(Memory::new([("a.yaml", "")]));
        let defaults = Ignored::of(&source, &[]);
        assert!(
            defaults.leaves_out("clusters/.sops.yaml")
                && defaults.leaves_out(".github/a.yaml")
                && !defaults.leaves_out("a.yaml")
        );
    }

    #[test]
    fn patterns_differ_from_gitignore_as_those_of_flux_do() {
        for (patterns, path, out) in [
            // a folder that is left out can be entered again
            ("docs/\n!docs/keep.yaml", "docs/keep.yaml", false),
            ("/**", "a.yaml", false),
            ("**/", "a.yaml", false),
            ("**/", "apps/a.yaml", true),
            ("apps/**", "apps/web/a.yaml", true),
            ("apps/**/a.yaml", "apps/web/base/a.yaml", true),
            ("apps/**/a.yaml", "apps/a.yaml", true),
            ("/**/***", "a.yaml", false),
            ("**.yaml", "a.yaml", true),
            ("apps/**.yaml", "apps/a.yaml", false),
            ("[!a].yaml", "b.yaml", false),
            ("[^a].yaml", "b.yaml", true),
            ("{a,b}.yaml", "a.yaml", false),
            ("a.yaml\t", "a.yaml", false),
            ("a.yaml ", "a.yaml", true),
            (" # a comment", "x # a comment", false),
            ("a.yaml\r\n", "a.yaml", true),
        ] {
            let source: Arc<dyn Source> = Arc::new(Memory::default());
            let ignored = Ignored::of(&source, &[patterns]);
            assert_eq!(ignored.leaves_out(path), out, "{patterns:?} {path}");
        }
    }
}
