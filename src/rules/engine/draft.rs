//! A finding as a rule writes it, before configuration and the facts of its overlay are added by
//! the sink.

use crate::finding::{Cause, Related, Severity};
use crate::kubernetes::image_use::ImageUse;
use crate::kustomize::Resource;
use crate::yaml::Origin;

/// A finding in the making. `origin` is the place to edit.
pub struct Draft {
    /// The rule's own severity for this case; configuration may override it.
    pub severity: Severity,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The container with which the message begins. If one line causes the same problem in several
    /// containers, they are reported as one finding.
    pub subject: Option<String>,
    /// The facts that identify the finding.
    pub cause: Cause,
    /// The advice.
    pub help: Option<String>,
    /// The place to edit.
    pub origin: Origin,
    /// Other places.
    pub related: Vec<Related>,
    /// The object as `Resource::id`.
    pub resource: Option<crate::kustomize::ResourceId>,
    /// RFC 6901 pointer into it.
    pub path: Option<String>,
    /// True if the configuration may lower its severity but not raise it, because it reports
    /// something that is not a mistake.
    pub notice: bool,
}

impl Draft {
    /// A draft about a cause, at a place.
    pub fn new(
        severity: Severity,
        origin: Origin,
        cause: Cause,
        message: impl Into<String>,
    ) -> Draft {
        Draft {
            severity,
            message: message.into(),
            subject: None,
            cause,
            help: None,
            origin,
            related: Vec::new(),
            resource: None,
            path: None,
            notice: false,
        }
    }
    /// Keeps the configuration from raising its severity.
    pub fn notice(mut self) -> Draft {
        self.notice = true;
        self
    }
    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Draft {
        self.help = Some(help.into());
        self
    }
    /// Adds another place.
    pub fn related(mut self, origin: Origin, message: impl Into<String>) -> Draft {
        self.related.push(Related {
            message: message.into(),
            origin,
        });
        self
    }
    /// Names the container, with which the message then begins: ``container `api` of Deployment
    /// `api` ``.
    pub fn of(mut self, used: &ImageUse) -> Draft {
        self.subject = Some(format!(
            "{} of {} `{}`",
            used.place,
            used.resource.kind(),
            used.resource.name()
        ));
        self.on(used.resource, used.pointer.clone())
    }
    /// Names the object and the value in it.
    pub fn on(mut self, resource: &Resource, path: impl Into<String>) -> Draft {
        self.resource = Some(resource.id());
        self.path = Some(path.into());
        self
    }
}
