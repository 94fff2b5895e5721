//! Finds out which findings a change causes: those of the head that do not exist at the base. Each
//! finding of the base can match only one finding of the head.
//!
//! Two findings are the same if rule, cause, severity, overlay, object, value and the text at their
//! place are equal. Moved lines, moved files and the wording of the message do not matter. Not
//! here: running the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::finding::{Identity, Located, Severity};
use crate::repo::Repo;
use crate::rules;
use crate::source::{EntryKind, Source, SourceFile};

/// The findings of a base revision.
pub(super) struct Known {
    findings: Vec<Compared>,
    source: Arc<dyn Source>,
    overlays: BTreeSet<String>,
    /// The apps of each environment. A chart may be one folder for many of them.
    apps: BTreeSet<(String, String)>,
}

/// A finding with the first line of the text that it points at. Thousands of findings may point at one
/// long line, so the text is not copied.
struct Compared {
    located: Located,
    file: Arc<SourceFile>,
    /// The bytes of the line.
    line: Range<usize>,
}

/// The parts that two findings must share to be the same. The last two are the overlay or
/// environment, and the file; either may be empty.
type Key<'f> = (Identity<'f>, Option<Severity>, &'f str, &'f str, &'f str);

impl Compared {
    fn new(located: Located, repo: &Repo) -> Compared {
        let file = repo.files.get(located.finding.origin.file);
        let (start, end) = (located.location.byte_start, located.location.byte_end);
        let next = file.start_of_line(located.location.line + 1);
        let line = start..next.map_or(end, |next| next.min(end));
        Compared {
            located,
            file,
            line,
        }
    }

    fn text(&self) -> &str {
        let text = self.file.text.get(self.line.clone());
        text.unwrap_or_default().trim()
    }

    fn overlay(&self) -> &str {
        self.located.finding.overlay_path().unwrap_or_default()
    }

    fn environment(&self) -> &str {
        self.located.finding.environment().unwrap_or_default()
    }

    fn file(&self) -> &str {
        &self.located.location.file
    }

    fn is_on_object(&self) -> bool {
        self.located.finding.resource.is_some()
    }

    fn key<'f>(&'f self, owner: &'f str, file: &'f str) -> Key<'f> {
        let finding = &self.located.finding;
        let standing = finding.cause.standing;
        (
            finding.identity(),
            (!standing).then_some(finding.severity),
            if standing { "" } else { self.text() },
            owner,
            file,
        )
    }

    fn in_overlay_and_file(&self) -> Key<'_> {
        self.key(self.overlay(), self.file())
    }

    fn in_overlay(&self) -> Key<'_> {
        self.key(self.overlay(), "")
    }

    fn in_environment(&self) -> Key<'_> {
        self.key(self.environment(), "")
    }

    /// A line of a file as an environment uses it, for objects of any name.
    fn of_line(&self) -> Key<'_> {
        let (identity, severity, text, owner, file) = self.key(self.environment(), self.file());
        (identity.without_name(), severity, text, owner, file)
    }

    fn app(&self) -> (String, String) {
        let overlay = self.located.finding.overlay.as_deref();
        let app = overlay.map(|overlay| overlay.app.clone());
        (app.unwrap_or_default(), self.environment().to_string())
    }
}

/// The findings of the head, and which findings of both revisions have found their counterpart.
struct Matching<'k> {
    base: &'k [Compared],
    head: &'k [Compared],
    base_matched: Vec<bool>,
    head_matched: Vec<bool>,
}

impl<'k> Matching<'k> {
    fn new(base: &'k [Compared], head: &'k [Compared]) -> Matching<'k> {
        Matching {
            base,
            head,
            base_matched: vec![false; base.len()],
            head_matched: vec![false; head.len()],
        }
    }

    /// Matches findings of both revisions by a key: those that are not matched yet and that the
    /// filters accept.
    fn pass(
        &mut self,
        of_base: impl Fn(&Compared) -> bool,
        of_head: impl Fn(&Compared) -> bool,
        key: fn(&Compared) -> Key<'_>,
    ) {
        let mut waiting: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (index, one) in self.base.iter().enumerate() {
            if !self.base_matched[index] && of_base(one) {
                waiting.entry(key(one)).or_default().push(index);
            }
        }
        for (index, one) in self.head.iter().enumerate() {
            if !self.head_matched[index]
                && of_head(one)
                && let Some(known) = waiting.get_mut(&key(one)).and_then(Vec::pop)
            {
                (self.head_matched[index], self.base_matched[known]) = (true, true);
            }
        }
    }
}

/// True if findings of a rule describe the checkout and not the revision.
fn is_fact_of_checkout(rule: &str) -> bool {
    rules::find(rule).is_some_and(|rule| rule.metadata().behavior.fact_of_checkout)
}

impl Known {
    /// True if the base has a line in a file. Because the file may have been renamed, any other
    /// file of the base that was read counts as well.
    pub(super) fn has_line(&self, path: &str, line: &str, repo: &Repo) -> bool {
        let there = self
            .source
            .read(path)
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(line));
        there
            || repo
                .files
                .all()
                .iter()
                .any(|(_, file)| file.revision.is_some() && file.text.contains(line))
    }

    /// The findings of a base.
    pub(super) fn new(findings: Vec<Located>, base: &Repo) -> Known {
        // a file that is missing from this clone says nothing about the base
        let of_base = findings
            .into_iter()
            .filter(|located| !is_fact_of_checkout(&located.finding.rule));
        Known {
            findings: of_base
                .map(|located| Compared::new(located, base))
                .collect(),
            source: base.source.clone(),
            overlays: base
                .overlays
                .iter()
                .map(|overlay| overlay.path.clone())
                .collect(),
            apps: base
                .overlays
                .iter()
                .filter_map(|overlay| {
                    let environment = base.environment(overlay)?;
                    Some((overlay.app.clone(), environment.name.clone()))
                })
                .collect(),
        }
    }

    /// Takes the findings of the head apart: those that the change causes, and those that already
    /// exist at the base.
    pub(super) fn split(
        &self,
        findings: Vec<Located>,
        head: &Repo,
    ) -> (Vec<Located>, Vec<Located>) {
        let own: Vec<Compared> = findings
            .into_iter()
            .map(|located| Compared::new(located, head))
            .collect();
        let known = self.known_of(&own, head);
        let (old, new): (Vec<_>, Vec<_>) = own
            .into_iter()
            .zip(known)
            .partition(|(_, is_known)| *is_known);
        let located = |side: Vec<(Compared, bool)>| {
            let side = side.into_iter();
            side.map(|(one, _)| one.located).collect()
        };
        (located(new), located(old))
    }

    /// For each finding of the head, true if it already exists at the base.
    fn known_of(&self, own: &[Compared], head: &Repo) -> Vec<bool> {
        let overlays: BTreeSet<&str> = head
            .overlays
            .iter()
            .map(|overlay| overlay.path.as_str())
            .collect();
        let has_file = |source: &dyn Source, file: &str| source.kind(file) == Some(EntryKind::File);
        // a removed overlay or file and an added one may be the same one, moved
        let went = |one: &Compared| {
            !overlays.contains(one.overlay()) || !has_file(&*head.source, one.file())
        };
        let came = |one: &Compared| {
            !self.overlays.contains(one.overlay()) || !has_file(&*self.source, one.file())
        };
        let mut matching = Matching::new(&self.findings, own);
        matching.pass(|_| true, |_| true, Compared::in_overlay_and_file);
        matching.pass(
            |one| one.is_on_object() || went(one),
            |one| one.is_on_object() || came(one),
            Compared::in_overlay,
        );
        matching.pass(went, came, Compared::in_environment);
        // an unchanged line that now affects one more app or variant is not a new finding
        let lines: BTreeSet<Key> = self
            .findings
            .iter()
            .filter(|one| one.located.finding.overlay.is_some())
            .map(Compared::of_line)
            .collect();
        let affects_one_more = |one: &Compared| {
            let is_new = !self.overlays.contains(one.overlay())
                || !one.environment().is_empty() && !self.apps.contains(&one.app());
            is_new && lines.contains(&one.of_line())
        };
        own.iter()
            .zip(matching.head_matched)
            .map(|(one, matched)| matched || affects_one_more(one))
            .collect()
    }
}
