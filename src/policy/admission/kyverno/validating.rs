//! Kyverno's ValidatingPolicies: CEL, without bindings.

use serde_json::Value as Json;

use super::{About, Verdict, made_pod};
use crate::finding::Severity;
use crate::policy::admission::document::Document;
use crate::policy::admission::expressions::{self, Expressions};
use crate::policy::admission::request::{Gap, Request};
use crate::policy::admission::selector::texts;
use crate::policy::admission::validating::concerns;
use crate::yaml::Origin;

/// A policy.
pub(super) struct ValidatingPolicy {
    name: String,
    constraints: Json,
    expressions: Expressions,
    severity: Severity,
    is_for_pods: bool,
    origin: Origin,
}

impl ValidatingPolicy {
    /// Reads a policy; none if it is not asked on admission.
    pub(super) fn read(document: &Document) -> Result<Option<ValidatingPolicy>, Gap> {
        let spec = document.json.get("spec").cloned().unwrap_or_default();
        let off = spec.pointer("/evaluation/admission/enabled");
        if off.and_then(Json::as_bool) == Some(false) {
            return Ok(None);
        }
        let gap = |reason: String| {
            let message = format!("{} is not evaluated: {reason}", document.describe());
            Gap::unsupported(document.origin, message)
        };
        if spec.pointer("/evaluation/mode").and_then(Json::as_str) == Some("JSON") {
            return Err(gap("it judges JSON, not objects".to_string()));
        }
        let expressions = Expressions::parse(&spec).map_err(gap)?;
        let actions = texts(&spec, "validationActions");
        let severity = actions.iter().map(|action| match *action {
            "Deny" => Severity::Error,
            "Warn" => Severity::Warning,
            _ => Severity::Info,
        });
        let severity = severity.max();
        let controllers = spec.pointer("/autogen/podControllers/controllers");
        let makes_none = controllers
            .and_then(Json::as_array)
            .is_some_and(|controllers| controllers.is_empty());
        let constraints = spec.get("matchConstraints").cloned().unwrap_or_default();
        let rules = constraints.get("resourceRules").and_then(Json::as_array);
        let is_for_pods = !makes_none
            && rules.is_some_and(|rules| {
                rules
                    .iter()
                    .all(|rule| texts(rule, "resources") == ["pods"])
            });
        Ok(Some(ValidatingPolicy {
            name: document.name().to_string(),
            constraints,
            expressions,
            severity: severity.unwrap_or(Severity::Error),
            is_for_pods,
            origin: document.origin,
        }))
    }

    /// The place of the policy.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn about(&self) -> About {
        About {
            id: format!("policy/kyverno/{}", self.name),
            name: format!("ValidatingPolicy `{}`", self.name),
            severity: self.severity,
            origin: self.origin,
        }
    }

    pub(super) fn judge(&self, request: Request<'_>) -> Verdict {
        if concerns(&self.constraints, request, true) {
            return self.verdict(request);
        }
        let Some((pod, _)) = made_pod(request).filter(|_| self.is_for_pods) else {
            return Verdict::Admitted;
        };
        let of_pod = Request {
            object: &pod,
            old: None,
            ..request
        };
        if concerns(&self.constraints, of_pod, true) {
            self.verdict(of_pod)
        } else {
            Verdict::Admitted
        }
    }

    fn verdict(&self, request: Request<'_>) -> Verdict {
        match self.expressions.judge(request, &[]) {
            expressions::Verdict::Admitted => Verdict::Admitted,
            expressions::Verdict::Refused(messages) => Verdict::Refused(messages.join("; "), None),
            expressions::Verdict::TooMuch(reason) => Verdict::TooMuch(reason),
            expressions::Verdict::Unknown(reason) => Verdict::Unknown(reason),
        }
    }
}
