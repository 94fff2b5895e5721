//! Apps that the configuration names but that do not exist in the repo.

use crate::finding::{Cause, Severity};
use crate::names::{NamePattern, UnknownName};
use crate::rules::{Context, Draft, Sink};
use crate::yaml::Origin;

/// An app that an entry of the configuration names.
pub(in crate::rules) struct Named<'c> {
    /// The name of the entry in messages: ``the freeze `year end` ``.
    pub entry: String,
    /// The entry.
    pub origin: Origin,
    /// The app.
    pub app: &'c NamePattern,
}

/// Reports the named apps that do not exist.
pub(in crate::rules) fn report_unknown<'c>(
    context: &Context,
    named: impl IntoIterator<Item = Named<'c>>,
    sink: &mut Sink,
) {
    let overlays = context.repo.overlays.iter();
    let apps: Vec<&str> = overlays.map(|overlay| overlay.app.as_str()).collect();
    for Named { entry, origin, app } in named {
        if apps.iter().any(|known| app.matches(known)) {
            continue;
        }
        let cause = Cause::new("unknown-app").with(app);
        let message = format!("{entry} names the app `{app}`, which does not exist");
        let unknown = UnknownName::new("app", app.as_str(), &apps)
            .or_else_see("`gitops-lint status` lists the apps");
        let mut draft = Draft::new(Severity::Error, origin, cause, message);
        if let Some(help) = unknown.help() {
            draft = draft.help(help);
        }
        sink.report(context, None, draft);
    }
}
