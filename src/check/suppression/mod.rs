//! Suppressions: comments `# gitops-lint: ignore[rule-id] reason`, optionally `until 2027-01-31`,
//! on or above any line that a finding names, and the entries of `suppress` in the configuration.
//!
//! Here: finding the comments in the files that were read, and matching them. `comment` reads one
//! comment. Not here: the baseline, and what is wrong with a suppression (rules of `governance`).

mod comment;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::config::{self, Config, is_over};
use crate::finding::{Finding, Located, Severity};
use crate::repo::Repo;
use crate::rules::{self, Suppressed, SuppressedRule, SuppressingComment, SuppressingEntry};
use crate::source::EntryKind;
use crate::yaml::FileId;
use comment::{Comment, may_have_comments, of_file};

/// All suppressions of a run.
pub(super) struct Suppressions<'a> {
    comments: Vec<Comment>,
    /// The comments that cover a line, by the rule that they name.
    by_line: BTreeMap<(FileId, usize), BTreeMap<String, Covering>>,
    /// The last line and the line of the key of each block that a comment covers, by its first line.
    blocks: BTreeMap<(FileId, usize), (usize, usize)>,
    configured: &'a [config::Suppression],
    /// The numbers of the entries whose path names a folder: no file of a finding has that path.
    folders: BTreeSet<usize>,
    used_comments: BTreeSet<(usize, usize)>,
    /// The used comments that hide an error, each with whether one of its errors is about a protected
    /// environment and new. Findings that exist only because staging went ahead of production do not count as
    /// errors.
    accepting: BTreeMap<(usize, usize), bool>,
    repo: &'a Repo,
    used_configured: BTreeSet<usize>,
    today: Date,
}

/// The comments that name one rule for one line.
#[derive(Default)]
struct Covering {
    /// Numbers of comments, each with the position of the rule in its brackets.
    comments: Vec<(usize, usize)>,
    /// True once a finding was covered, so that the comments are known to be used.
    used: bool,
    /// Set once an error was covered: whether one of them is about a protected environment.
    accepting: Option<bool>,
    /// True if one of the comments counts.
    counts: bool,
}

impl<'a> Suppressions<'a> {
    /// Collects the comments of every file of a revision that was read, and the configured entries.
    pub(super) fn collect(repo: &'a Repo, config: &'a Config, today: Date) -> Suppressions<'a> {
        let mut comments = Vec::new();
        let mut by_line: BTreeMap<(FileId, usize), BTreeMap<String, Covering>> = BTreeMap::new();
        let mut blocks: BTreeMap<(FileId, usize), (usize, usize)> = BTreeMap::new();
        for (id, file) in repo.files.all() {
            if may_have_comments(&file.text) && file.revision == repo.source.revision_of(&file.path)
            {
                let found = of_file(&file);
                for (header, lines) in found.blocks {
                    blocks.insert((id, *lines.start()), (*lines.end(), header));
                }
                for (lines, comment) in found.comments {
                    let counts = comment.flaw.is_none() && !is_over(comment.until, today);
                    for line in lines {
                        let covering = by_line.entry((id, line)).or_default();
                        for (index, rule) in comment.rules.iter().enumerate() {
                            // a rule that one comment names twice counts once
                            let covering = covering.entry(rule.clone()).or_default();
                            let again = covering.comments.last().map(|(number, _)| *number)
                                == Some(comments.len());
                            if !again {
                                covering.comments.push((comments.len(), index));
                                covering.counts |= counts;
                            }
                        }
                    }
                    comments.push(comment);
                }
            }
        }
        let is_folder = |entry: &config::Suppression| {
            let path = entry.path.as_ref().map(|glob| glob.as_str());
            path.and_then(|path| repo.source.kind(path.trim_end_matches('/')))
                == Some(EntryKind::Directory)
        };
        let folders = config.suppress.iter().enumerate();
        let folders = folders.filter(|(_, entry)| is_folder(entry));
        Suppressions {
            comments,
            by_line,
            blocks,
            configured: &config.suppress,
            folders: folders.map(|(number, _)| number).collect(),
            used_comments: BTreeSet::new(),
            accepting: BTreeMap::new(),
            repo,
            used_configured: BTreeSet::new(),
            today,
        }
    }

    /// True if a suppression covers a finding that the base has as well. Every one that does counts
    /// as used.
    pub(super) fn covers_known(&mut self, located: &Located) -> bool {
        self.is_covered(located, true)
    }

    /// True if a suppression covers a finding that the change causes.
    pub(super) fn covers(&mut self, located: &Located) -> bool {
        self.is_covered(located, false)
    }

    fn is_covered(&mut self, located: &Located, is_known: bool) -> bool {
        let finding = &located.finding;
        if !is_suppressible(&finding.rule) {
            return false;
        }
        let places = std::iter::once((finding.origin.file, &located.location)).chain(
            finding
                .related
                .iter()
                .map(|related| related.origin.file)
                .zip(&located.related),
        );
        let mut covered = false;
        let lines = places.flat_map(|(file, location)| {
            let block = self.blocks.range(..=(file, location.line)).next_back();
            let key =
                block.filter(|((other, _), (end, _))| *other == file && location.line <= *end);
            let key = key.map(|(_, (_, key))| (file, *key));
            [Some((file, location.line)), key]
        });
        for place in lines.flatten() {
            let line = self.by_line.get_mut(&place);
            let Some(covering) = line.and_then(|rules| rules.get_mut(&finding.rule)) else {
                continue;
            };
            covered |= covering.counts;
            if !covering.used {
                covering.used = true;
                self.used_comments.extend(&covering.comments);
            }
            let is_error = finding.severity == Severity::Error && !finding.ahead;
            let protected = !is_known && concerns_protected(finding, self.repo);
            if is_error && covering.accepting.is_none_or(|known| protected && !known) {
                covering.accepting = Some(protected);
                let valid = covering.comments.iter().filter(|(number, _)| {
                    self.comments.get(*number).is_some_and(|comment| {
                        comment.flaw.is_none() && !is_over(comment.until, self.today)
                    })
                });
                for rule in valid {
                    *self.accepting.entry(*rule).or_default() |= protected;
                }
            }
        }
        for (number, configured) in self.configured.iter().enumerate() {
            if is_about(configured, located) {
                self.used_configured.insert(number);
                covered |= !is_over(configured.until, self.today);
            }
        }
        covered
    }

    /// The result of the suppressions, for the rules about them. `judged` returns true for a file if
    /// every overlay that reads it was checked, and for `None` if the whole repo was. `before`
    /// returns true if the base already has a line, in this file or another one.
    pub(super) fn result<'s>(
        &'s self,
        repo: &Repo,
        judged: &dyn Fn(Option<FileId>) -> bool,
        before: &dyn Fn(&str, &str) -> bool,
    ) -> Suppressed<'s> {
        let comments = self.comments.iter().enumerate();
        let comments = comments.map(|(number, comment)| {
            let rules: Vec<SuppressedRule> = self.rules_of(number, comment);
            let hides_error = rules.iter().any(|rule| rule.hides_error);
            SuppressingComment {
                origin: comment.origin,
                until: comment.until,
                flaw: comment.flaw,
                judged: judged(Some(comment.origin.file)),
                is_new: hides_error && comment.is_new(repo, before),
                rules,
            }
        });
        let whole = judged(None);
        let entries = self.configured.iter().enumerate();
        let entries = entries.map(|(number, entry)| SuppressingEntry {
            entry,
            is_used: self.used_configured.contains(&number),
            judged: whole,
            names_folder: self.folders.contains(&number),
        });
        Suppressed {
            comments: comments.collect(),
            entries: entries.collect(),
            today: self.today,
        }
    }

    fn rules_of<'s>(&self, number: usize, comment: &'s Comment) -> Vec<SuppressedRule<'s>> {
        let rules = comment.rules.iter().enumerate();
        let result = rules.map(|(index, id)| SuppressedRule {
            id,
            is_used: self.used_comments.contains(&(number, index)),
            hides_error: self.accepting.contains_key(&(number, index)),
            in_protected: self.accepting.get(&(number, index)) == Some(&true),
        });
        result.collect()
    }
}

impl Comment {
    /// True if the base has no such comment. `before` returns true if it has a line.
    fn is_new(&self, repo: &Repo, before: &dyn Fn(&str, &str) -> bool) -> bool {
        let file = repo.files.get(self.origin.file);
        let span = self.origin.start as usize..self.origin.end as usize;
        let text = file.text.get(span);
        text.is_some_and(|text| !before(&file.path, text))
    }
}

/// True if an entry of `suppress` is about a finding.
fn is_about(entry: &config::Suppression, located: &Located) -> bool {
    let finding = &located.finding;
    let mut places = std::iter::once(&located.location).chain(&located.related);
    let resource = finding.resource.as_ref();
    let path = entry.path.as_ref().is_none_or(|glob| {
        places.any(|place| glob.is_match(&place.file))
            || finding
                .overlay_path()
                .is_some_and(|overlay| glob.is_match(overlay))
    });
    let kind = entry.kind.as_ref().is_none_or(|pattern| {
        // an entry for all kinds also covers findings that are about no object
        pattern.as_str() == "*" || resource.is_some_and(|resource| pattern.matches(&resource.kind))
    });
    let name = entry
        .name
        .as_ref()
        .is_none_or(|pattern| resource.is_some_and(|resource| pattern.matches(&resource.name)));
    entry.rule == finding.rule && path && kind && name
}

/// True if a finding is about a protected environment, or about the whole repo.
pub(super) fn concerns_protected(finding: &Finding, repo: &Repo) -> bool {
    match finding.environment() {
        Some(environment) => repo.protects(environment),
        None => finding.overlay.is_none(),
    }
}

/// True if suppressions apply to a rule; policies are not registered rules, and can be suppressed.
fn is_suppressible(rule: &str) -> bool {
    rules::find(rule).is_none_or(|rule| rule.metadata().behavior.suppressible)
}
