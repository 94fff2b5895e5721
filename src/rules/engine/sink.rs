//! Turns drafts into findings: the configured level and the facts of the overlay are filled in
//! here, so that no rule repeats it. Not here: sorting, merging, suppression (`check`).

use std::sync::Arc;

use crate::config::Level;
use crate::finding::{Cause, Finding, OverlayRef, Severity};
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft};
use crate::wording::short_digests;
use crate::yaml::Origin;

/// Collects the findings of one rule; applies level and options of the configuration.
pub struct Sink {
    /// The findings so far.
    pub findings: Vec<Finding>,
    rule: String,
    counted: Vec<Counted>,
}

/// A finding about one container, which counts the others with the same cause. When one `images`
/// entry sets the image of three containers, the message says: `container api of web (and 2 more)
/// uses …`.
struct Counted {
    /// Index of the finding.
    finding: usize,
    subject: String,
    /// The message without the container.
    sentence: String,
    others: usize,
}

impl Sink {
    /// A sink for the findings of a rule or policy.
    pub fn new(rule: impl Into<String>) -> Sink {
        Sink {
            findings: Vec::new(),
            rule: rule.into(),
            counted: Vec::new(),
        }
    }

    /// Records a finding for an overlay (`None`: for the repo).
    pub fn report(&mut self, context: &Context, overlay: Option<&Overlay>, draft: Draft) {
        let Some(severity) = self.severity(context, &draft) else {
            return;
        };
        let overlay = overlay.map(|overlay| self.reference(context, overlay));
        let cause = draft.cause;
        let mut message = short_digests(&draft.message).into_owned();
        if let Some(subject) = draft.subject {
            if self.count(overlay.as_ref(), draft.origin, &cause) {
                return;
            }
            let whole = format!("{subject}{message}");
            self.counted.push(Counted {
                finding: self.findings.len(),
                subject,
                sentence: std::mem::replace(&mut message, whole),
                others: 0,
            });
        }
        self.findings.push(Finding {
            help: draft.help,
            related: draft.related,
            overlay,
            resource: draft.resource,
            path: draft.path,
            ..Finding::new(&self.rule, severity, draft.origin, cause, message)
        });
    }

    /// The severity of a draft after applying the configuration; `None` if the rule is off.
    fn severity(&self, context: &Context, draft: &Draft) -> Option<Severity> {
        match context.level(&self.rule) {
            Some(Level::Off) => None,
            Some(Level::At(severity)) if draft.notice => Some(severity.min(draft.severity)),
            Some(Level::At(severity)) => Some(severity),
            None => Some(draft.severity),
        }
    }

    /// A reference to an overlay, shared with the previous finding if it is about the same overlay.
    fn reference(&self, context: &Context, overlay: &Overlay) -> Arc<OverlayRef> {
        let reference = overlay_ref(context.repo, overlay);
        let before = self.findings.last().and_then(|last| last.overlay.as_ref());
        match before.filter(|before| ***before == reference) {
            Some(before) => before.clone(),
            None => Arc::new(reference),
        }
    }

    /// If a finding about another container has the same cause, counts this container in it and
    /// returns true.
    fn count(&mut self, overlay: Option<&Arc<OverlayRef>>, origin: Origin, cause: &Cause) -> bool {
        let same = |finding: &Finding| {
            finding.overlay.as_ref() == overlay
                && finding.origin == origin
                && finding.cause == *cause
        };
        for counted in &mut self.counted {
            if let Some(finding) = self.findings.get_mut(counted.finding)
                && same(finding)
            {
                counted.others += 1;
                finding.message = format!(
                    "{} (and {} more){}",
                    counted.subject, counted.others, counted.sentence
                );
                return true;
            }
        }
        false
    }
}

/// An overlay as findings and reports refer to it.
pub fn overlay_ref(repo: &Repo, overlay: &Overlay) -> OverlayRef {
    OverlayRef {
        path: overlay.path.clone(),
        app: overlay.app.clone(),
        environment: repo
            .environment(overlay)
            .map(|environment| environment.name.clone()),
        variant: overlay.variant.clone(),
    }
}
