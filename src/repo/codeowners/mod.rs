//! CODEOWNERS: finds the file and says who owns a path, as GitHub, GitLab and Forgejo read it.
//!
//! `parse` reads the lines, `pattern` matches paths, `mistake` lists what a forge ignores. The
//! rules decide which paths need an owner. Source: the code owners documentation of GitHub, GitLab
//! and Gitea.

mod mistake;
mod parse;
mod pattern;

use crate::source::{EntryKind, Files, Source, SourceError};
use crate::yaml::{FileId, Origin};
pub use mistake::{Mistake, MistakeKind};
use parse::{GITHUB_LIMIT, Parser, has_headings};
use pattern::Pattern;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The lines that may match a path in any folder. Each is compared with every file of production.
const FLOATING_LIMIT: usize = 5000;

/// The lines that are searched for one that almost matches a path.
const NEAR_MISSES: usize = 200;

/// The way in which a forge reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The last line that matches counts; a line with a mistake is skipped.
    GitHub,
    /// The last line that matches counts in each section; patterns without a leading slash match at
    /// any depth.
    GitLab,
    /// Regular expressions of whole paths; every line that matches counts.
    Forgejo,
}

impl Dialect {
    /// The forge.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::GitHub => "GitHub",
            Dialect::GitLab => "GitLab",
            Dialect::Forgejo => "Forgejo",
        }
    }

    /// Paths where the forge looks for the file; it reads the first that exists.
    fn paths(self) -> &'static [&'static str] {
        match self {
            Dialect::GitHub => &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"],
            Dialect::GitLab => &["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"],
            Dialect::Forgejo => &[
                "CODEOWNERS",
                "docs/CODEOWNERS",
                ".gitea/CODEOWNERS",
                ".forgejo/CODEOWNERS",
            ],
        }
    }
}

/// A CODEOWNERS file.
#[derive(Clone, Debug)]
pub struct CodeOwners {
    /// The file.
    pub file: FileId,
    /// Who reads it.
    pub dialect: Dialect,
    sections: Vec<Section>,
    lines: Vec<OwnerLine>,
    /// The numbers of the lines by the folder or file that they are about; the empty path has those
    /// that may match anywhere.
    by_prefix: HashMap<String, Vec<usize>>,
    mistakes: Vec<Mistake>,
}

/// The lines below a section heading of GitLab. Lines above the first heading form a section of
/// their own.
#[derive(Clone, Debug, Default)]
struct Section {
    /// Its name in lower case; empty above the first heading.
    name: String,
    optional: bool,
    /// The approvals that a change of its files needs.
    approvals: u32,
    owners: Arc<[String]>,
}

/// A line that names paths.
#[derive(Clone, Debug)]
pub struct OwnerLine {
    /// The pattern as written.
    pub pattern: String,
    /// The owners of what it matches; a line without owners has those of its section.
    pub owners: Arc<[String]>,
    /// Where the pattern stands.
    pub origin: Origin,
    section: usize,
    /// GitLab's `!/docs/`: what it matches has no owner in its section.
    exclusion: bool,
    /// Forgejo's `!docs/.*`: the line matches everything else.
    negated: bool,
    matcher: Option<Pattern>,
}

impl OwnerLine {
    /// True if the line excludes paths from its section, whatever follows it.
    pub fn excludes(&self) -> bool {
        self.exclusion
    }
    /// True if the line applies to a path.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher
            .as_ref()
            .is_some_and(|matcher| matcher.matches(path) != self.negated)
    }
}

/// Who owns a path.
#[derive(Clone, Copy, Debug)]
pub enum Ownership<'o> {
    /// The line that gives it an owner.
    Owned(&'o OwnerLine),
    /// The line that leaves it without one.
    Unowned(&'o OwnerLine),
    /// Only a line of an optional section (`^[Docs]`) owns it.
    Optional(&'o OwnerLine),
    /// No line matches.
    Unmatched,
}

/// An approval that a change of a path needs.
#[derive(Clone, Copy, Debug)]
pub struct Approval<'o> {
    /// The name of the section in lower case; empty without one.
    pub section: &'o str,
    /// The number of owners who have to approve.
    pub count: u32,
    /// The line that names them.
    pub line: &'o OwnerLine,
}

impl CodeOwners {
    /// The file that the forge reads; `None` if there is none.
    pub fn find(source: &dyn Source, files: &Files) -> Option<CodeOwners> {
        let guessed = dialect_of(source);
        let others = [Dialect::GitHub, Dialect::GitLab, Dialect::Forgejo]
            .into_iter()
            .filter(|other| *other != guessed);
        let mut candidates = std::iter::once(guessed)
            .chain(others)
            .flat_map(|dialect| dialect.paths().iter().map(move |path| (dialect, *path)));
        let there = |path: &str| source.kind(path) == Some(EntryKind::File);
        let (mut dialect, mut path) = candidates.find(|(_, path)| there(path))?;
        let mut text = text_of(source, path);
        // only GitLab has section headings
        let has_sections = text.as_ref().is_ok_and(|text| has_headings(text));
        if dialect == Dialect::GitHub && path != ".github/CODEOWNERS" && has_sections {
            dialect = Dialect::GitLab;
            // GitLab may read another file than GitHub
            let first = dialect.paths().iter().copied().find(|own| there(own));
            if let Some(own) = first.filter(|own| *own != path) {
                path = own;
                text = text_of(source, path);
            }
        }
        let text = match &text {
            Ok(text) => &**text,
            Err(error) => {
                let place = (path, dialect);
                return Some(CodeOwners::unreadable(source, files, place, error));
            }
        };
        let mut owners = CodeOwners::read(
            files.add(path, source.revision_of(path).as_deref(), Arc::from(text)),
            text,
            dialect,
        );
        for ignored in dialect
            .paths()
            .iter()
            .copied()
            .filter(|other| *other != path && there(other))
        {
            // only its first line is shown
            let text = text_of(source, ignored).unwrap_or_default();
            let revision = source.revision_of(ignored);
            let file = files.add(ignored, revision.as_deref(), Arc::from(text));
            owners.mistakes.push(Mistake {
                kind: MistakeKind::IgnoredFile,
                pattern: ignored.to_string(),
                owner: None,
                origin: Origin::start_of(file),
                message: format!(
                    "{} ignores this file because {path} takes precedence",
                    dialect.name()
                ),
                help: format!("move its lines to {path} and delete this file"),
            });
        }
        Some(owners)
    }

    /// A file that is there and cannot be read: no line of it counts.
    fn unreadable(
        source: &dyn Source,
        files: &Files,
        (path, dialect): (&str, Dialect),
        error: &SourceError,
    ) -> CodeOwners {
        let revision = source.revision_of(path);
        let file = files.add(path, revision.as_deref(), Arc::from(""));
        let mut owners = CodeOwners::read(file, "", dialect);
        owners.mistakes.push(Mistake {
            kind: MistakeKind::Unreadable,
            pattern: String::new(),
            owner: None,
            origin: Origin::start_of(file),
            message: format!("this file cannot be read: {error}"),
            help: "write it in UTF-8, and make it readable".to_string(),
        });
        owners
    }

    /// Reads a file. A line whose pattern cannot be understood matches nothing.
    pub fn read(file: FileId, text: &str, dialect: Dialect) -> CodeOwners {
        let mut parser = Parser {
            owners: CodeOwners {
                file,
                dialect,
                sections: vec![Section::default()],
                lines: Vec::new(),
                by_prefix: HashMap::new(),
                mistakes: Vec::new(),
            },
            section: 0,
            named: HashMap::new(),
        };
        if dialect == Dialect::GitHub && text.len() >= GITHUB_LIMIT {
            parser.owners.mistakes.push(Mistake {
                kind: MistakeKind::FileTooLarge,
                pattern: String::new(),
                owner: None,
                origin: Origin::start_of(file),
                message: "GitHub ignores this file because it is 3 MB or larger".to_string(),
                help: "use fewer, broader patterns".to_string(),
            });
            return parser.owners;
        }
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            parser.line(start, line.trim_end_matches(['\n', '\r']));
            start += line.len();
        }
        parser.report_repeated_patterns();
        parser.owners.index();
        parser.owners
    }

    /// Fills the table of lines by prefix. Too many lines that may match anywhere count as a file
    /// that nobody can use, so that files have no owner rather than an unknown one.
    fn index(&mut self) {
        for (number, line) in self.lines.iter().enumerate() {
            let prefix = line.matcher.as_ref().map_or(String::new(), Pattern::prefix);
            let prefix = if line.negated { String::new() } else { prefix };
            self.by_prefix.entry(prefix).or_default().push(number);
        }
        let floating = self.by_prefix.get("").map_or(0, Vec::len);
        if floating <= FLOATING_LIMIT {
            return;
        }
        self.lines.clear();
        self.by_prefix.clear();
        self.mistakes.push(Mistake {
            kind: MistakeKind::TooManyPatterns,
            pattern: String::new(),
            owner: None,
            origin: Origin::start_of(self.file),
            message: format!(
                "{floating} patterns may match in any folder, more than the {FLOATING_LIMIT} that \
                 are compared with each file; the file is ignored"
            ),
            help: "start patterns with the folder that they are about, such as /apps/shop/"
                .to_string(),
        });
    }

    /// The lines that match a path, in the order of the file.
    fn matching(&self, path: &str) -> Vec<(usize, &OwnerLine)> {
        let ends = path.match_indices('/').map(|(at, _)| at);
        let prefixes = ends
            .filter_map(|at| path.get(..at))
            .chain(["", path])
            .filter_map(|prefix| self.by_prefix.get(prefix));
        let mut numbers: Vec<usize> = prefixes.flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let lines = numbers.into_iter();
        lines
            .filter_map(|number| Some((number, self.lines.get(number)?)))
            .filter(|(_, line)| line.matches(path))
            .collect()
    }

    /// The mistakes of the file in the order of its lines, then other files that are not read.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// True if no line of it counts.
    pub fn is_ignored(&self) -> bool {
        self.lines.is_empty()
            && self
                .mistakes
                .iter()
                .any(|mistake| mistake.kind.voids_file())
    }

    /// Who owns a path.
    pub fn ownership(&self, path: &str) -> Ownership<'_> {
        let mut found = Ownership::Unmatched;
        for (number, line) in self.decisive(path) {
            let section = self.sections.get(number);
            let optional = section.is_some_and(|section| section.optional);
            match (line.exclusion || line.owners.is_empty(), optional) {
                (false, false) => return Ownership::Owned(line),
                (false, true) => found = Ownership::Optional(line),
                (true, _) if matches!(found, Ownership::Unmatched) => {
                    found = Ownership::Unowned(line)
                }
                (true, _) => {}
            }
        }
        found
    }

    /// The approvals that a change of a path needs, one of each section of GitLab that owns it. The
    /// other forges have one section without a name.
    pub fn approvals(&self, path: &str) -> Vec<Approval<'_>> {
        let owned = self.decisive(path);
        let owned = owned
            .into_iter()
            .filter(|(_, line)| !line.exclusion && !line.owners.is_empty());
        let sections = owned.filter_map(|(number, line)| Some((self.sections.get(number)?, line)));
        sections
            .filter(|(section, _)| !section.optional)
            .map(|(section, line)| Approval {
                section: &section.name,
                count: section.approvals.max(1),
                line,
            })
            .collect()
    }

    /// The line of each section that decides about a path, with the number of the section.
    fn decisive(&self, path: &str) -> Vec<(usize, &OwnerLine)> {
        let mut sections: BTreeMap<usize, Vec<&OwnerLine>> = BTreeMap::new();
        for (_, line) in self.matching(path) {
            sections.entry(line.section).or_default().push(line);
        }
        let all = self.dialect == Dialect::Forgejo;
        let lines = sections.into_iter().filter_map(|(number, lines)| {
            // a later line of the section cannot undo an exclusion
            let excluded = lines.iter().find(|line| line.exclusion);
            let counts = |line: &&&OwnerLine| !line.exclusion && (!all || !line.owners.is_empty());
            let line = excluded.or_else(|| lines.iter().rev().find(counts))?;
            Some((number, *line))
        });
        lines.collect()
    }

    /// The lines above one, in its section, that name owners and match a path.
    pub fn above(&self, line: &OwnerLine, path: &str) -> Vec<&OwnerLine> {
        let matching = self.matching(path).into_iter().map(|(_, other)| other);
        matching
            .take_while(|other| other.origin.start < line.origin.start)
            .filter(|other| {
                other.section == line.section && !other.exclusion && !other.owners.is_empty()
            })
            .collect()
    }

    /// A pattern that almost matches a path, with the pattern that does: `overlays/production/` is
    /// anchored at the root on GitHub (`**/overlays/production/`), and `/base/*` does not match
    /// deeper files (`/base/`).
    pub fn near_miss(&self, path: &str) -> Option<(&OwnerLine, String)> {
        let lines = self
            .lines
            .iter()
            .filter(|line| !line.owners.is_empty() && !line.exclusion);
        lines.rev().take(NEAR_MISSES).find_map(|line| {
            let pattern = line.pattern.as_str();
            let deeper = pattern
                .strip_suffix('*')
                .filter(|rest| rest.ends_with('/') && rest.len() > 1)
                .map(str::to_string);
            let afloat = (self.dialect == Dialect::GitHub && !pattern.starts_with(['/', '*']))
                .then(|| format!("**/{pattern}"));
            let better = [deeper, afloat].into_iter().flatten();
            let mut better = better.filter(|better| {
                Pattern::read(better, self.dialect).is_some_and(|pattern| pattern.matches(path))
            });
            Some((line, better.next()?))
        })
    }
}

fn text_of(source: &dyn Source, path: &str) -> Result<String, SourceError> {
    let bytes = source.read(path)?;
    let text = std::str::from_utf8(&bytes);
    text.map(str::to_string)
        .map_err(|error| SourceError::NotUtf8(error.valid_up_to()))
}

/// Guesses the forge from its other files, such as `.gitlab-ci.yml`.
fn dialect_of(source: &dyn Source) -> Dialect {
    let exists = |path: &str| source.kind(path).is_some();
    if exists(".github") {
        Dialect::GitHub
    } else if exists(".gitlab-ci.yml") || exists(".gitlab") {
        Dialect::GitLab
    } else if exists(".forgejo") || exists(".gitea") {
        Dialect::Forgejo
    } else {
        Dialect::GitHub
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    fn owned(text: &str, path: &str, dialect: Dialect) -> &'static str {
        match CodeOwners::read(FileId(0), text, dialect).ownership(path) {
            Ownership::Owned(_) => "owned",
            Ownership::Unowned(_) => "unowned",
            Ownership::Optional(_) => "optional",
            Ownership::Unmatched => "unmatched",
        }
    }

    fn messages(text: &str, dialect: Dialect) -> Vec<String> {
        CodeOwners::read(FileId(0), text, dialect)
            .mistakes()
            .iter()
            .map(|mistake| mistake.message.clone())
            .collect()
    }

    #[test]
    fn the_last_line_that_matches_counts() {
        let text = "* @a\n/apps/ @b # note\n/apps/x/\n";
        for (path, expected) in [
            ("README.md", "owned"),
            ("apps/y/z.yaml", "owned"),
            ("apps/x/z.yaml", "unowned"),
        ] {
            assert_eq!(owned(text, path, Dialect::GitHub), expected, "{path}");
        }
        assert_eq!(owned("/apps/ @b", "docs/a", Dialect::GitHub), "unmatched");
    }

    #[test]
    fn each_forge_matches_patterns_in_its_own_way() {
        // pattern, path, GitHub, GitLab
        for (pattern, path, github, gitlab) in [
            ("docs/*", "docs/a.md", true, true),
            ("docs/*", "docs/a/b.md", false, false),
            ("docs/*", "x/docs/a.md", false, true),
            ("/*", "a.md", true, true),
            ("/*", "a/b.md", false, false),
            ("*", "a/b.md", true, true),
            ("apps/", "x/apps/a", true, true),
            ("apps", "x/apps/a", true, false),
            ("/apps", "apps/a", true, false),
            ("/apps/", "x/apps/a", false, false),
            ("/apps/", "apps/a/b/c", true, true),
            ("*.yaml", "a/b/c.yaml", true, true),
            (
                "overlays/production/",
                "apps/x/overlays/production/k.yaml",
                false,
                true,
            ),
            (
                "**/production/",
                "apps/x/overlays/production/k.yaml",
                true,
                true,
            ),
            ("/apps/*/base/", "apps/x/base/k.yaml", true, true),
            ("/apps/*/base/", "apps/x/y/base/k.yaml", false, false),
            (
                "/apps/**/production",
                "apps/a/b/production/k.yaml",
                true,
                false,
            ),
            ("/apps/**/production/", "apps/production/k.yaml", true, true),
            ("/apps/**", "apps/a/b", true, false),
            ("/a?c", "abc", true, true),
            ("/.github/", ".github/x", true, true),
            ("a\\ b", "a b", true, true),
            ("{a,b}.yaml", "a.yaml", false, false),
        ] {
            for (dialect, expected) in [(Dialect::GitHub, github), (Dialect::GitLab, gitlab)] {
                let found = owned(&format!("{pattern} @a"), path, dialect) == "owned";
                assert_eq!(found, expected, "{pattern} {path} {dialect:?}");
            }
        }
        assert_eq!(owned("/[ab].yaml @a", "b.yaml", Dialect::GitLab), "owned");
        assert_eq!(
            owned("/[!ab].yaml @a", "b.yaml", Dialect::GitLab),
            "unmatched"
        );
        assert_eq!(
            owned(
                "apps/.*/production/.* @a",
                "apps/x/production/k",
                Dialect::Forgejo
            ),
            "owned"
        );
        assert_eq!(
            owned("production @a", "apps/production/k", Dialect::Forgejo),
            "unmatched"
        );
    }

    #[test]
    fn each_section_has_its_own_owners() {
        let text = "[Docs] @docs\n*.md\n[Apps]\n/apps/ @a\n^[Security][2] @s\n/secrets/\n[apps]\n/apps/x/\n!/apps/y/\n/apps/y/ @late\n";
        for (path, expected) in [
            ("apps/x.md", "owned"),
            ("x.md", "owned"),
            ("x.yaml", "unmatched"),
            ("secrets/a", "optional"),
            ("apps/x/a", "unowned"),
            ("apps/y/a", "unowned"),
            ("apps/y/a.md", "owned"),
        ] {
            assert_eq!(owned(text, path, Dialect::GitLab), expected, "{path}");
        }
    }

    #[test]
    fn what_a_forge_skips_owns_nothing() {
        let text = "* @a\n/apps/ acme/platform\n!/x @a\n\\#y @a\n/[ab] @a\n/bots/ @renovate[bot]\n/mail/ a@example.com\n";
        assert_eq!(messages(text, Dialect::GitHub).len(), 5);
        let owners = CodeOwners::read(FileId(0), text, Dialect::GitHub);
        assert!(
            matches!(owners.ownership("apps/a"), Ownership::Owned(line) if line.pattern == "*")
        );
        assert_eq!(owned("/a/ acme @b", "a/x", Dialect::GitLab), "owned");
        assert_eq!(
            messages(
                "/a/ @@maintainers @group/sub/deep\n/b/ @@admin\n",
                Dialect::GitLab
            )
            .len(),
            1
        );
        assert_eq!(
            messages("/a/ @x\n/a/ @y\n", Dialect::GitHub),
            ["this line has no effect: the same pattern appears below with other owners"]
        );
        let huge = "# filler\n".repeat(GITHUB_LIMIT / 9 + 1) + "* @a\n";
        assert!(CodeOwners::read(FileId(0), &huge, Dialect::GitHub).is_ignored());
    }

    #[test]
    fn the_first_location_of_the_forge_counts() {
        let files = Files::default();
        let find = |tree: &[(&str, &str)]| {
            CodeOwners::find(&Memory::new(tree.iter().copied()), &files).unwrap()
        };
        let both = find(&[(".github/CODEOWNERS", "* @a\n"), ("CODEOWNERS", "* @b\n")]);
        assert_eq!((both.dialect, both.mistakes().len()), (Dialect::GitHub, 1));
        let headings = find(&[("CODEOWNERS", "[All]\n* @a\n")]);
        assert_eq!(
            (headings.dialect, headings.mistakes().len()),
            (Dialect::GitLab, 0)
        );
        assert_eq!(
            find(&[(".gitlab/CODEOWNERS", "* @a\n"), (".gitlab-ci.yml", "")]).dialect,
            Dialect::GitLab
        );
        assert_eq!(
            find(&[(".forgejo/CODEOWNERS", ".* @a\n")]).dialect,
            Dialect::Forgejo
        );
    }

    #[test]
    fn a_mistake_names_its_kind_pattern_and_owner() {
        let text = "!/docs/ @a\n/apps/ acme/platform\n";
        let owners = CodeOwners::read(FileId(0), text, Dialect::GitHub);
        let found: Vec<_> = owners
            .mistakes()
            .iter()
            .map(|mistake| {
                (
                    mistake.kind,
                    mistake.pattern.as_str(),
                    mistake.owner.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (MistakeKind::Exclusion, "!/docs/", None),
                (MistakeKind::InvalidOwner, "/apps/", Some("acme/platform")),
            ]
        );
        assert_eq!(
            owners.mistakes()[0].message,
            "`!/docs/` is an exclusion, which is not supported; GitHub skips this line"
        );
    }

    #[test]
    fn a_pattern_that_almost_matches_is_found() {
        let owners = CodeOwners::read(
            FileId(0),
            "overlays/production/ @a\n/base/* @a\n",
            Dialect::GitHub,
        );
        assert_eq!(
            owners
                .near_miss("apps/x/overlays/production/k")
                .map(|(_, better)| better)
                .as_deref(),
            Some("**/overlays/production/")
        );
        assert_eq!(
            owners
                .near_miss("base/a/b")
                .map(|(_, better)| better)
                .as_deref(),
            Some("/base/")
        );
        assert!(owners.near_miss("elsewhere").is_none());
    }

    #[test]
    fn fuzz_codeowners() {
        let words = &[
            "*",
            "**",
            "/",
            "apps",
            "/apps/",
            "*.yaml",
            " @a",
            " @acme/b",
            " a@example.com",
            "\n",
            "#",
            "\\",
            "!",
            "[",
            "]",
            "[Section]",
            "^[Optional][2] @c\n",
            "[x",
            "?",
            " ",
            "\t",
            "(a|b)",
            ".*",
            "{1,9}",
            "apps/api/x.yaml",
        ];
        let examples = [
            "* @a\n/apps/ @b # note\n!/apps/x\n",
            "[Apps][2] @c\napps/**/x @d\n^[More]\n*.yaml\n",
            ".*/apps/.*\\.yaml @a\n",
        ];
        crate::fuzz::run("codeowners", &examples, words, |text| {
            for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Forgejo] {
                let owners = CodeOwners::read(FileId(0), text, dialect);
                for path in ["apps/api/x.yaml", "README.md", "a b/[x]"] {
                    owners.ownership(path);
                    owners.near_miss(path);
                }
                for mistake in owners.mistakes() {
                    assert!(mistake.origin.end as usize <= text.len());
                }
            }
        });
    }
}
