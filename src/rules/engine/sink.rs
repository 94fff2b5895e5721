//! Turns drafts into findings: the configured level and the facts of the overlay are filled in
//! here, so that no rule repeats it. Not here: sorting, merging, suppression (`check`).

use std::sync::Arc;

use crate::config::Level;
use crate::finding::{Cause, Finding, OverlayRef, Severity};
use crate::kustomize::ResourceId;
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft};
use crate::yaml::Origin;

/// Collects the findings of one rule; applies level and options of the configuration.
pub struct Sink {
    /// What was found.
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
        let cause = if draft.cause == Cause::default() {
            unstated(&draft, overlay.as_deref())
        } else {
            draft.cause
        };
        let mut message = draft.message;
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
            rule: self.rule.clone(),
            severity,
            cause,
            message,
            help: draft.help,
            origin: draft.origin,
            related: draft.related,
            overlay,
            also_in: Vec::new(),
            resource: draft.resource,
            path: draft.path,
            ahead: false,
            fingerprint: String::new(),
        });
    }

    /// The severity of a draft after configuration; `None` when the rule is off.
    fn severity(&self, context: &Context, draft: &Draft) -> Option<Severity> {
        match context.level(&self.rule) {
            Some(Level::Off) => None,
            Some(Level::At(severity)) if draft.notice => Some(severity.min(draft.severity)),
            Some(Level::At(severity)) => Some(severity),
            None => Some(draft.severity),
        }
    }

    /// A reference to an overlay, shared with the finding before when that is about the same one.
    fn reference(&self, context: &Context, overlay: &Overlay) -> Arc<OverlayRef> {
        let reference = overlay_ref(context.repo, overlay);
        let before = self.findings.last().and_then(|last| last.overlay.as_ref());
        match before.filter(|before| ***before == reference) {
            Some(before) => before.clone(),
            None => Arc::new(reference),
        }
    }

    /// Whether a finding about another container has the same cause; it then counts one more.
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

/// The cause of a draft that states none: its message without the names that belong to the overlay
/// and without line numbers, so that findings with different messages are not joined.
fn unstated(draft: &Draft, overlay: Option<&OverlayRef>) -> Cause {
    let mut message = without_lines(&draft.message);
    let resource = draft.resource.as_ref();
    if let Some(id) = resource.filter(|id| id.lasting_name() != id.name) {
        message = message.replace(&*id.name, id.lasting_name());
    }
    let names = [
        overlay.map(|overlay| overlay.path.as_str()),
        resource.map(ResourceId::lasting_name),
        resource.and_then(|resource| resource.namespace.as_deref()),
        overlay.and_then(|overlay| overlay.variant.as_deref()),
        overlay.map(|overlay| overlay.app.as_str()),
        overlay.and_then(|overlay| overlay.environment.as_deref()),
    ];
    for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
        message = replace_word(&message, name);
    }
    Cause::new("").with(message)
}

/// Replaces a name by a blank wherever it stands as a word of its own.
fn replace_word(text: &str, name: &str) -> String {
    let is_word = |character: Option<char>| {
        character.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_' || c == '/')
    };
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find(name) {
        let (before, after) = (&rest[..index], &rest[index + name.len()..]);
        let previous = before.chars().next_back();
        let joined = is_word(previous.or_else(|| result.chars().next_back()))
            || is_word(after.chars().next());
        result.push_str(before);
        result.push_str(if joined { name } else { "\u{0}" });
        rest = after;
    }
    result.push_str(rest);
    result
}

/// A message with the numbers after `line ` taken out: they change with every edit above.
fn without_lines(message: &str) -> String {
    let mut parts = message.split("line ");
    let mut result = parts.next().unwrap_or_default().to_string();
    for part in parts {
        result.push_str("line ");
        result.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    result
}
