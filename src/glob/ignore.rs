//! Patterns as in `.gitignore`: of Git itself, and of tools that read their own file the same way.

use globset::{GlobSet, GlobSetBuilder};

use super::{Stars, compile};

/// The most patterns that count. Real files have a few dozen.
const MOST: usize = 2000;

/// Patterns in order. The last match wins.
#[derive(Clone, Debug)]
pub(crate) struct Ignore {
    globs: GlobSet,
    /// True if each of them leaves out what it matches.
    out: Vec<bool>,
}

/// Patterns while they are read.
pub(crate) struct Patterns {
    globs: GlobSetBuilder,
    out: Vec<bool>,
}

impl Ignore {
    /// True if there is no pattern.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// True if a file is left out.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        let matching = self.globs.matches(path);
        let last = matching.last().and_then(|last| self.out.get(*last));
        last.copied().unwrap_or_default()
    }
}

impl Default for Patterns {
    fn default() -> Patterns {
        Patterns {
            globs: GlobSetBuilder::new(),
            out: Vec::new(),
        }
    }
}

impl Patterns {
    /// All patterns, ready to match.
    pub(crate) fn build(self) -> Ignore {
        match self.globs.build() {
            Ok(globs) => Ignore {
                globs,
                out: self.out,
            },
            // patterns that cannot be used exclude nothing
            Err(_) => Ignore {
                globs: GlobSet::empty(),
                out: Vec::new(),
            },
        }
    }

    /// Adds the patterns of a file that lies in a folder.
    pub(crate) fn add(&mut self, folder: &str, text: &str) {
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
            // braces mean themselves in these files
            let pattern = pattern.trim_start_matches('/');
            let pattern = pattern.replace('{', "\\{").replace('}', "\\}");
            let place = if anchored { "" } else { "**/" };
            // a folder that matches takes everything below it along
            let ends: &[&str] = if only_folders { &["/**"] } else { &["", "/**"] };
            for end in ends {
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

    #[test]
    fn patterns_match_as_in_gitignore() {
        let mut patterns = Patterns::default();
        assert!(Patterns::default().build().is_empty());
        patterns.add("", "# all\ntmp/\n*.log\n!keep.log\n/build\n{a}.yaml\n");
        patterns.add("apps/web", "/draft.yaml\nvendor\n");
        let ignore = patterns.build();
        for (path, out) in [
            ("tmp/a.yaml", true),
            ("apps/tmp/a.yaml", true),
            ("tmp", false),
            ("apps/a.log", true),
            ("apps/keep.log", false),
            ("build/a", true),
            ("apps/build/a", false),
            ("{a}.yaml", true),
            ("a.yaml", false),
            ("apps/web/draft.yaml", true),
            ("apps/web/x/draft.yaml", false),
            ("apps/web/x/vendor/a", true),
            ("vendor/a", false),
        ] {
            assert_eq!(ignore.leaves_out(path), out, "{path}");
        }
    }
}
