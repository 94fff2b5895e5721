//! Drafts become findings: the configured level, the facts of the overlay and the fingerprint are
//! filled in here, so that no rule repeats it. Not here: sorting, merging, suppression (`finding`).

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::config::Level;
use crate::finding::Finding;
use crate::kustomize::ResourceId;
use crate::repo::Overlay;
use crate::rules::{Context, Draft};
use crate::yaml::Origin;

/// Collects the findings of one rule; applies level and options of the configuration.
pub struct Sink {
    /// What was found.
    pub findings: Vec<Finding>,
    rule: String,
    /// What was said of containers.
    said: Vec<Said>,
}

/// A sentence about containers, to which more may come.
struct Said {
    /// Index of the finding.
    finding: usize,
    overlay: Option<String>,
    origin: Origin,
    /// The sentence without the containers.
    sentence: String,
    subject: String,
    others: usize,
}

impl Sink {
    /// A sink for the findings of a rule or policy.
    pub fn new(rule: impl Into<String>) -> Sink {
        Sink {
            findings: Vec::new(),
            rule: rule.into(),
            said: Vec::new(),
        }
    }

    /// Records a finding for an overlay (`None`: for the repo).
    pub fn report(&mut self, context: &Context, overlay: Option<&Overlay>, mut draft: Draft) {
        let severity = match context.level(&self.rule) {
            Some(Level::Off) => return,
            Some(Level::At(severity)) if draft.notice => severity.min(draft.severity),
            Some(Level::At(severity)) => severity,
            None => draft.severity,
        };
        if let Some(subject) = draft.subject.take() {
            let path = overlay.map(|overlay| overlay.path.clone());
            let same = |said: &&mut Said| {
                (&said.overlay, said.origin, &said.sentence)
                    == (&path, draft.origin, &draft.message)
            };
            if let Some(said) = self.said.iter_mut().find(same) {
                said.others += 1;
                if let Some(finding) = self.findings.get_mut(said.finding) {
                    finding.message = format!(
                        "{} (and {} more){}",
                        said.subject, said.others, said.sentence
                    );
                }
                return;
            }
            let whole = format!("{subject}{}", draft.message);
            let sentence = std::mem::replace(&mut draft.message, whole);
            self.said.push(Said {
                finding: self.findings.len(),
                overlay: path,
                origin: draft.origin,
                sentence,
                subject,
                others: 0,
            });
        }
        let file = context.repo.files.get(draft.origin.file);
        let fingerprint = fingerprint(
            &self.rule,
            &file.path,
            draft.resource.as_ref(),
            draft.path.as_deref(),
            &draft.message,
        );
        self.findings.push(Finding {
            rule: self.rule.clone(),
            severity,
            message: draft.message,
            help: draft.help,
            origin: draft.origin,
            related: draft.related,
            app: overlay.map(|overlay| overlay.app.clone()),
            environment: overlay
                .and_then(|overlay| context.repo.environment(overlay))
                .map(|environment| environment.name.clone()),
            variant: overlay.and_then(|overlay| overlay.variant.clone()),
            overlay: overlay.map(|overlay| overlay.path.clone()),
            also_in: Vec::new(),
            resource: draft.resource,
            path: draft.path,
            ahead: false,
            fingerprint,
        });
    }
}

/// A name for a finding that survives lines moving: a hash of everything that identifies it but
/// positions.
pub fn fingerprint(
    rule: &str,
    file: &str,
    resource: Option<&ResourceId>,
    pointer: Option<&str>,
    message: &str,
) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    };
    add(rule);
    add(file);
    if let Some(resource) = resource {
        add(&resource.api_version);
        add(&resource.kind);
        add(resource.namespace.as_deref().unwrap_or_default());
        add(&resource.name);
    }
    add(pointer.unwrap_or_default());
    add(&without_lines(message));
    hash.finalize()
        .iter()
        .take(16)
        .fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A message with the numbers after `line ` taken out: they change with every edit above.
pub fn without_lines(message: &str) -> String {
    let mut parts = message.split("line ");
    let mut result = parts.next().unwrap_or_default().to_string();
    for part in parts {
        result.push_str("line ");
        result.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_survive_lines_but_not_names() {
        let print = |message: &str| fingerprint("render-error", "a.yaml", None, None, message);
        assert_eq!(
            print("the key of line 3 again"),
            print("the key of line 14 again")
        );
        assert_ne!(print("container 3"), print("container 14"));
        assert_eq!(print("x").len(), 32);
        assert_ne!(
            fingerprint("a", "bc", None, None, ""),
            fingerprint("ab", "c", None, None, "")
        );
    }
}
