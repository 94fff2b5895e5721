//! Files that never reach Flux: those in `.sourceignore`, and those that source-controller always
//! leaves out.

use globset::{GlobSet, GlobSetBuilder};

use crate::glob::{Stars, compile};
use crate::source::Source;

/// The name of the files, in any folder.
const NAME: &str = ".sourceignore";
/// Patterns that exclude files unless `.sourceignore` includes them again.
const DEFAULTS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n.github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\ncodeship-services.yml\ncodeship-steps.yml\n.goreleaser.yml\n.sops.yaml\n.flux.yaml";

/// How many patterns count. Real files have a few dozen.
const MOST: usize = 2000;

/// Patterns in order. The last match wins.
#[derive(Clone, Debug)]
pub(super) struct Ignored {
    patterns: GlobSet,
    /// Whether each of them leaves out what it matches.
    out: Vec<bool>,
}

/// Patterns while they are read.
struct Patterns {
    globs: GlobSetBuilder,
    out: Vec<bool>,
}

impl Ignored {
    /// Reads the files of a tree; `more` are patterns of the source object, which count most.
    pub fn read(source: &dyn Source, more: &[&str]) -> Ignored {
        let mut ignored = Patterns {
            globs: GlobSetBuilder::new(),
            out: Vec::new(),
        };
        ignored.add("", DEFAULTS);
        for path in source
            .files()
            .iter()
            .filter(|path| path.rsplit('/').next() == Some(NAME))
        {
            let text = source
                .read(path)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
                .unwrap_or_default();
            ignored.add(
                path.strip_suffix(NAME)
                    .unwrap_or_default()
                    .trim_end_matches('/'),
                &text,
            );
        }
        more.iter().for_each(|text| ignored.add("", text));
        Ignored {
            patterns: ignored.globs.build().unwrap_or_default(),
            out: ignored.out,
        }
    }

    /// Whether a file is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        let matching = self.patterns.matches(path);
        let last = matching.last().and_then(|last| self.out.get(*last));
        last.copied().unwrap_or_default()
    }
}

impl Patterns {
    /// Patterns as in `.gitignore`, read in a folder.
    fn add(&mut self, folder: &str, text: &str) {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{}/", globset::escape(folder))
        };
        for line in text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (pattern, out) = line
                .strip_prefix('!')
                .map_or((line, true), |rest| (rest, false));
            let (pattern, only_folders) = pattern
                .strip_suffix('/')
                .map_or((pattern, false), |rest| (rest, true));
            let anchored = pattern.contains('/');
            let pattern = pattern.trim_start_matches('/');
            let place = if anchored { "" } else { "**/" };
            // a folder that matches takes everything below it along
            let ends: &[&str] = if only_folders { &["/**"] } else { &["", "/**"] };
            for end in ends {
                // a pattern that cannot be used excludes nothing
                let pattern = format!("{prefix}{place}{pattern}{end}");
                let glob = compile(&pattern, Stars::WithinFolder);
                if let Some(glob) = glob.ok().filter(|_| self.out.len() < MOST) {
                    self.globs.add(glob.glob().clone());
                    self.out.push(out);
                }
            }
        }
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
        let ignored = Ignored::read(&source, &["!**/keep.tmp.yaml"]);
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
        let defaults = Ignored::read(&Memory::new([("a.yaml", "")]), &[]);
        assert!(
            defaults.leaves_out("clusters/.sops.yaml")
                && defaults.leaves_out(".github/a.yaml")
                && !defaults.leaves_out("a.yaml")
        );
    }
}
