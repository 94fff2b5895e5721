//! Suppressions: comments `# gitops-lint: ignore[rule-id] reason`, optionally `until 2027-01-31`,
//! on or above any line that a finding names, and the entries of `suppress` in the configuration.
//!
//! Here: finding the comments in the files that were read, matching them, and the findings about
//! suppressions that match nothing, have expired or lack a reason. `comment` reads one comment.
//! Not here: the baseline.

mod comment;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::config::{self, Config, Level, is_over};
use crate::finding::{Cause, Finding, Located, Severity};
use crate::repo::Repo;
use crate::rules::governance::{expired_suppression, loosened_check, unused_suppression};
use crate::rules::{self, Context, Metadata};
use crate::source::EntryKind;
use crate::yaml::{FileId, Origin};
use comment::{Comment, may_have_comments, of_file};

/// All suppressions of a run.
pub struct Suppressions<'a> {
    comments: Vec<Comment>,
    /// The comments that cover a line, by the rule that they name.
    by_line: BTreeMap<(FileId, usize), BTreeMap<String, Covering>>,
    /// The last line and the line of the key of each block that a comment covers, by its first line.
    blocks: BTreeMap<(FileId, usize), (usize, usize)>,
    configured: &'a [config::Suppression],
    /// The numbers of the entries whose path names a folder: no file of a finding has that path.
    folders: BTreeSet<usize>,
    used_comments: BTreeSet<(usize, usize)>,
    /// The used comments that hide an error. Findings that exist only because staging went ahead of
    /// production do not count as errors.
    accepting: BTreeSet<(usize, usize)>,
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
    /// True once an error was covered.
    accepting: bool,
    /// True if one of the comments counts.
    counts: bool,
}

impl<'a> Suppressions<'a> {
    /// Collects the comments of every file of a revision that was read, and the configured entries.
    pub fn collect(repo: &Repo, config: &'a Config, today: Date) -> Suppressions<'a> {
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
            accepting: BTreeSet::new(),
            used_configured: BTreeSet::new(),
            today,
        }
    }

    /// True if a suppression covers a finding. Every one that does counts as used.
    pub fn covers(&mut self, located: &Located) -> bool {
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
            if finding.severity == Severity::Error && !finding.ahead && !covering.accepting {
                covering.accepting = true;
                let valid = covering.comments.iter().filter(|(number, _)| {
                    self.comments.get(*number).is_some_and(|comment| {
                        comment.flaw.is_none() && !is_over(comment.until, self.today)
                    })
                });
                self.accepting.extend(valid);
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

    /// The findings about the suppressions themselves. A comment is only reported as unused if
    /// every overlay that reads its file was checked; `judged` returns true for such a file. For an
    /// entry of the configuration, the whole repo must have been checked: `judged(None)`.
    pub fn findings(
        &self,
        config: &Config,
        judged: &dyn Fn(Option<FileId>) -> bool,
    ) -> Vec<Finding> {
        let off = |rule: &str| config.level(rule) == Some(Level::Off);
        let comments = self.comments.iter().enumerate();
        let of_comments = comments.flat_map(|(number, comment)| {
            let judged = judged(Some(comment.origin.file));
            let unused = |(index, rule): &(usize, &String)| {
                judged && !off(rule) && !self.used_comments.contains(&(number, *index))
            };
            let rules = comment.rules.iter().enumerate().filter(unused);
            self.invalid(comment).map_or_else(
                || rules.map(|(_, rule)| comment.unused(rule)).collect(),
                |draft| vec![draft],
            )
        });
        let whole = judged(None);
        let configured = self.configured.iter().enumerate();
        let of_entries = configured.filter_map(|(number, entry)| {
            let used = self.used_configured.contains(&number);
            expired_entry(entry, self.today).or_else(|| {
                (whole && !off(&entry.rule) && !used).then(|| self.unused_entry(number, entry))
            })
        });
        of_comments
            .chain(of_entries)
            .filter_map(|about| severity(about.rule, config).map(|level| about.finding(level)))
            .collect()
    }

    fn unused_entry(&self, number: usize, entry: &config::Suppression) -> About {
        let path = entry
            .path
            .as_ref()
            .filter(|_| self.folders.contains(&number));
        About {
            rule: &unused_suppression::METADATA,
            origin: entry.origin,
            cause: Cause::new("unused-entry").with(&entry.rule),
            message: format!("the suppression of `{}` matches no finding", entry.rule),
            help: match path.map(|glob| glob.as_str().trim_end_matches('/')) {
                Some(path) => {
                    format!("`{path}` is a folder: write `{path}/**`, or remove the entry").into()
                }
                None => "remove the entry".into(),
            },
        }
    }

    /// Why a comment does not count: it is malformed, or its date has passed.
    fn invalid(&self, comment: &Comment) -> Option<About> {
        if let Some(flaw) = comment.flaw {
            return Some(About {
                rule: &unused_suppression::METADATA,
                origin: comment.origin,
                cause: Cause::new("ignored-comment").with(flaw),
                message: format!("suppression ignored: {flaw}"),
                help: "write `# gitops-lint: ignore[rule-id] reason`, optionally with `until YYYY-MM-DD`".into(),
            });
        }
        let until = comment
            .until
            .filter(|_| is_over(comment.until, self.today))?;
        let rules = quoted(&comment.rules);
        Some(About {
            rule: &expired_suppression::METADATA,
            origin: comment.origin,
            cause: Cause::new("expired-comment").with(comment.rules.join(",")),
            message: format!("this suppression of {rules} expired on {until}"),
            help: "fix the finding and remove the comment, or set a later date".into(),
        })
    }

    /// The comments that a change adds to hide an error. `before` returns true if the base already
    /// has the line, in this file or another one. `severity` is the severity of `loosened-check` at
    /// the base, so that the change cannot switch this report off.
    pub fn brought(
        &self,
        severity: Severity,
        repo: &Repo,
        before: &dyn Fn(&str, &str) -> bool,
    ) -> Vec<Finding> {
        let accepting = self.accepting.iter().filter_map(|(number, index)| {
            let comment = self.comments.get(*number)?;
            let rule = comment.rules.get(*index)?;
            let file = repo.files.get(comment.origin.file);
            let span = comment.origin.start as usize..comment.origin.end as usize;
            let text = file.text.get(span)?;
            let about = About {
                rule: &loosened_check::METADATA,
                origin: comment.origin,
                cause: Cause::new("accepting-comment").with(rule),
                message: format!("this change adds a comment that suppresses the error `{rule}`"),
                help: "fix the finding, or let a reviewer approve the comment".into(),
            };
            (!before(&file.path, text)).then(|| about.finding(severity))
        });
        accepting.collect()
    }
}

impl Comment {
    fn unused(&self, rule: &String) -> About {
        About {
            rule: &unused_suppression::METADATA,
            origin: self.origin,
            cause: Cause::new("unused-comment").with(rule),
            message: format!("this suppression of `{rule}` matches no finding"),
            help: "remove the comment".into(),
        }
    }
}

fn expired_entry(entry: &config::Suppression, today: Date) -> Option<About> {
    let until = entry.until.filter(|_| is_over(entry.until, today))?;
    Some(About {
        rule: &expired_suppression::METADATA,
        origin: entry.origin,
        cause: Cause::new("expired-entry").with(&entry.rule),
        message: format!("the suppression of `{}` expired on {until}", entry.rule),
        help: "fix the findings and remove the entry, or set a later date".into(),
    })
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

/// True if suppressions apply to a rule; policies are not registered rules, and can be suppressed.
fn is_suppressible(rule: &str) -> bool {
    rules::find(rule).is_none_or(|rule| rule.metadata().behavior.suppressible)
}

/// The severity of the report about comments that a change adds; `None` when it is off. The base's
/// configuration decides, as [`Context::level`] says.
pub(super) fn severity_of_brought(context: &Context) -> Option<Severity> {
    let rule = &loosened_check::METADATA;
    rule.severity_at(context.level(rule.id))
}

/// The severity of a rule's findings; `None` when it is off.
fn severity(rule: &Metadata, config: &Config) -> Option<Severity> {
    rule.severity_at(config.level(rule.id))
}

/// A problem of a suppression, before it becomes a finding.
struct About {
    rule: &'static Metadata,
    origin: Origin,
    cause: Cause,
    message: String,
    help: Cow<'static, str>,
}

impl About {
    fn finding(self, severity: Severity) -> Finding {
        Finding {
            help: Some(self.help.into_owned()),
            ..Finding::new(
                self.rule.id,
                severity,
                self.origin,
                self.cause,
                self.message,
            )
        }
    }
}

fn quoted(rules: &[String]) -> String {
    rules
        .iter()
        .map(|rule| format!("`{rule}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
