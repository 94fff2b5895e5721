//! Objects that an overlay needs and that nobody provides.

use std::collections::{BTreeMap, BTreeSet};

use super::need::{Need, is_known_name, lasting_name, where_it_is};
use crate::finding::{Cause, Severity};
use crate::kubernetes::references::{Provider, Reference, Target, Use};
use crate::kustomize::Resource;
use crate::names::did_you_mean;
use crate::repo::Overlay;
use crate::rules::engine::context::controls::Control;
use crate::rules::{Context, Draft, Facts, Sink};
use crate::wording;

/// The number of other references to the same object that a finding lists.
const LISTED: usize = 5;

/// Reports every object of this kind that the overlay needs and nobody provides: one finding for
/// each name, at its first use.
pub(in crate::rules) fn report_missing(
    context: &Context,
    overlay: &Overlay,
    sink: &mut Sink,
    target: Target,
) {
    let mut needs: BTreeMap<(&str, Option<&str>), Vec<&Reference>> = BTreeMap::new();
    for reference in context
        .facts(overlay)
        .references
        .iter()
        .filter(|reference| reference.target == target)
    {
        needs
            .entry((reference.name, reference.namespace))
            .or_default()
            .push(reference);
    }
    for ((name, namespace), references) in needs {
        let need = Need {
            context,
            overlay,
            target,
            name,
            namespace,
            asking: None,
        };
        if let Some(draft) = judge(need, &references) {
            sink.report(context, Some(overlay), draft);
        }
    }
}

/// The finding about an object; `None` if it is provided, or if another finding stands for it.
fn judge<'a>(need: Need<'_, 'a>, references: &[&Reference<'a>]) -> Option<Draft> {
    let used_by_pod = |reference: &&&Reference| matches!(reference.purpose, Use::Pod | Use::Values);
    let mut uses = references.iter();
    let first = uses.find(used_by_pod).or(references.first())?;
    let need = Need {
        asking: Some((&first.resource.original, first.purpose)),
        ..need
    };
    if !is_known_name(need.name) || need.is_provided() {
        return None;
    }
    let mut missing = Missing {
        need,
        first,
        references,
        elsewhere: need.provided_elsewhere(),
        near: need.nearest(),
        hashed: need.generated(),
        named: None,
    };
    let known = missing.elsewhere.is_some() || missing.near.is_some();
    if !known {
        missing.named = need.named_for_a_program();
    }
    let alike = if known { Vec::new() } else { needing(need) };
    // with a base, only an object that was already missing there can be created elsewhere
    let made_elsewhere = match need.context.base {
        None => are_many(&alike),
        Some(_) => lacked_before(need, need.name, &alike),
    };
    let is_another = |first: &&Overlay| first.key() != need.overlay.key();
    // one finding stands for all overlays
    if made_elsewhere && are_many(&alike) && alike.first().is_some_and(is_another) {
        return None;
    }
    let severity = severity(need, first.purpose, known)?;
    let is_evident = made_elsewhere && apps(&alike) > 1;
    let most = if is_evident || missing.named.is_some() || missing.comes_from_elsewhere() {
        Severity::Info
    } else if made_elsewhere || missing.is_unsure() {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut draft = missing.draft(severity.min(most));
    if made_elsewhere {
        draft.message.push_str(&format!(
            "; {} need it and none provides it, so it may be made elsewhere",
            wording::count(alike.len(), "overlay")
        ));
    }
    Some(draft)
}

/// True if the agent's object that applies another overlay exists in this environment too, but does
/// not apply a folder of this repo: the Application `secrets` reads another repo in production.
fn comes_from_elsewhere(context: &Context, overlay: &Overlay, other: &Overlay) -> bool {
    let Some(agent) = &other.agent else {
        return false;
    };
    let is_it = |control: &&Control| {
        let (kind, name) = (control.text(&["kind"]), control.name());
        control.environment == overlay.environment
            && kind.is_some_and(|kind| agent.name.starts_with(kind))
            && agent.name.rsplit('/').next() == Some(name)
    };
    let applies_here = context.repo.overlays.iter().any(|one| {
        one.environment == overlay.environment
            && one.agent.as_ref().is_some_and(|own| own.name == agent.name)
    });
    !applies_here && context.controls().iter().any(|control| is_it(&control))
}

/// The number of overlays that need an object and are checked for it.
const ASKED: usize = 20;

/// The overlays that need an object of this name and lack it, protected ones first, if hardly one has
/// it: one that runs all apps on a laptop may have what the clusters get from Terraform.
fn needing<'a>(need: Need<'_, 'a>) -> Vec<&'a Overlay> {
    let context = need.context;
    let mut found = context.needing(need.target, need.name);
    found.sort_by_key(|other| !context.repo.protected(other));
    let has = |other: &&'a Overlay| {
        let references = &context.facts(other).references;
        let mut own = references
            .iter()
            .filter(|one| (one.target, one.name) == (need.target, need.name));
        own.any(|one| need.of(other).within(one.namespace).is_provided())
    };
    let asked = found.len().min(ASKED);
    let having = found.iter().take(ASKED).filter(|other| has(other)).count();
    if having * HARDLY > asked {
        return Vec::new();
    }
    found.retain(|other| having == 0 || !has(other));
    found
}

/// If at most one of so many overlays has an object, it is evidently not theirs.
const HARDLY: usize = 5;

/// If this many overlays need an object and none of them provides it, it is created elsewhere.
const MANY: usize = 3;

/// True if so many overlays need an object that it is evidently created outside of the repo. False
/// if they are only the environments of one app: one line in their base may cause all of them.
fn are_many(needing: &[&Overlay]) -> bool {
    let environments: BTreeSet<_> = needing.iter().map(|other| other.environment).collect();
    needing.len() >= MANY && (apps(needing) > 1 || needing.len() > environments.len())
}

/// The number of apps of some overlays.
fn apps(overlays: &[&Overlay]) -> usize {
    let apps: BTreeSet<&str> = overlays.iter().map(|other| other.app.as_str()).collect();
    apps.len()
}

/// True if an overlay needed an object of this name at the base revision and lacked it there.
fn lacked_before(need: Need<'_, '_>, name: &str, needing: &[&Overlay]) -> bool {
    let Need {
        context, target, ..
    } = need;
    let mut before = needing
        .iter()
        .take(ASKED)
        .filter_map(|other| context.at_base(other));
    before.any(|before| {
        let facts = Facts::new(&before.rendered, context.repo);
        let mut references = facts.references.iter();
        references.any(|other| other.target == target && other.name == name)
            && facts.providers_of(target, name).next().is_none()
    })
}

/// True if the Secrets whose names begin like this one's are made outside of the repo: several apps need
/// some of them, none is provided, and with a base that was so before.
fn are_of_one_maker(need: Need<'_, '_>) -> bool {
    let Need {
        context, target, ..
    } = need;
    let Some(beginning) = beginning(need.name) else {
        return false;
    };
    let names = context.needed(target, beginning);
    let is_provided = |name: &&str| context.providers_of(target, name).next().is_some();
    if names.iter().any(is_provided) {
        return false;
    }
    let (mut lacked, mut apps) = (0, BTreeSet::new());
    for name in names.into_iter().filter(|name| *name != need.name) {
        let needing = context.needing(target, name);
        if context.base.is_none() || lacked_before(need, name, &needing) {
            lacked += 1;
            apps.extend(needing.iter().map(|other| other.app.as_str()));
        }
        if lacked >= MANY && apps.len() > 1 {
            return true;
        }
    }
    false
}

/// The first words of a name, without the last one: `signon-token-` of `signon-token-web-api`, `db-` of
/// `db-web`.
fn beginning(name: &str) -> Option<&str> {
    let mut ends = name.match_indices('-').map(|(at, _)| at + 1);
    let first = ends.next()?;
    name.get(..ends.next().unwrap_or(first))
}

/// An object that nobody provides.
struct Missing<'m, 'a> {
    need: Need<'m, 'a>,
    /// The reference that is reported.
    first: &'m Reference<'a>,
    /// All references to the object.
    references: &'m [&'m Reference<'a>],
    /// The overlay and object that provide it in another environment.
    elsewhere: Option<(&'m Overlay, &'m Provider<'m>)>,
    /// An object of this overlay that provides a similar name.
    near: Option<&'m Provider<'m>>,
    /// The object that a generator of this overlay made under that name, before its content hash
    /// was added.
    hashed: Option<&'m Provider<'m>>,
    /// An object that gives the name to a program, which may create the object.
    named: Option<&'m Resource>,
}

impl Missing<'_, '_> {
    /// True if the object may be provided in a way that the repo does not show.
    fn is_unsure(&self) -> bool {
        let Need {
            context, overlay, ..
        } = self.need;
        let elsewhere = self.elsewhere.map(|(other, _)| other);
        // an environment that is only recognised by its folders may be set up differently
        let mut overlays = [Some(overlay), elsewhere].into_iter().flatten();
        overlays.any(|overlay| context.repo.is_unordered(overlay))
    }

    /// True if the agent that provides the object in another environment reads another repo here.
    fn comes_from_elsewhere(&self) -> bool {
        let Need {
            context, overlay, ..
        } = self.need;
        let elsewhere = self.elsewhere.map(|(other, _)| other);
        elsewhere.is_some_and(|other| comes_from_elsewhere(context, overlay, other))
    }

    fn draft(&self, severity: Severity) -> Draft {
        let Need {
            context, overlay, ..
        } = self.need;
        let first = self.first;
        // the level depends on other overlays, so it is not a part of the identity
        let cause = Cause::new("missing")
            .with(lasting_name(context, overlay, first.name))
            .standing();
        let message = self.message();
        let draft = Draft::new(severity, first.node.origin, cause, message)
            .on(first.resource, &first.pointer);
        let draft = self.advise(draft);
        let draft = match self.named {
            Some(naming) => draft.related(naming.node.origin, "this object names it"),
            None => draft,
        };
        let draft = self.name_adding_providers(draft);
        self.name_other_references(draft)
    }

    fn message(&self) -> String {
        let Need {
            context, overlay, ..
        } = self.need;
        let (kind, name) = (self.first.target.as_str(), self.first.name);
        let description = &self.first.description;
        if let Some(hashed) = self.hashed {
            return format!(
                "{kind} `{name}` is missing: {description} needs it, but kustomize names it `{}` and does not write that name into {}",
                hashed.name,
                self.first.resource.kind()
            );
        }
        let Some((other, provider)) = &self.elsewhere else {
            let message = format!("{kind} `{name}` is missing: {description} needs it");
            return match self.named {
                Some(naming) => format!(
                    "{message}; {} `{}` names it and may create it",
                    naming.kind(),
                    naming.name()
                ),
                None => message,
            };
        };
        let place = context
            .repo
            .environment(overlay)
            .map_or(String::new(), |environment| {
                format!(" in {}", environment.name)
            });
        format!(
            "{kind} `{name}` is missing{place}: {description} needs it; {} has it as {} `{}`",
            where_it_is(context, overlay, other),
            provider.resource.kind(),
            provider.resource.name()
        )
    }

    /// Adds the help, and the place that supports it.
    fn advise(&self, draft: Draft) -> Draft {
        let Need {
            context, overlay, ..
        } = self.need;
        let kind = self.first.target.as_str();
        if let Some(hashed) = self.hashed {
            return draft
                .related(hashed.resource.node.origin, "it is generated here")
                .help(format!(
                    "set `options: {{disableNameSuffixHash: true}}` for the generator, or add a `nameReference` for {} under `configurations`",
                    self.first.resource.kind()
                ));
        }
        match (&self.elsewhere, self.near) {
            (Some((other, provider)), _) => {
                let label = format!("{} provides it here", where_it_is(context, overlay, other));
                draft.related(provider.resource.node.origin, label).help(format!(
                    "add the {} to this overlay, or declare the {kind} under `external` if it is created outside the repo",
                    provider.resource.kind()
                ))
            }
            (None, Some(near)) => draft
                .related(
                    near.resource.node.origin,
                    format!("`{}` is provided here", near.name),
                )
                .help(did_you_mean(near.name)),
            (None, None) => draft.help(format!(
                "add it, or declare it under `external` if the {kind} is created outside the repo"
            )),
        }
    }

    /// Adds the objects that add keys to the missing object but do not create it, such as an
    /// ExternalSecret with `creationPolicy: Merge`.
    fn name_adding_providers(&self, draft: Draft) -> Draft {
        let Need {
            context, overlay, ..
        } = self.need;
        let kind = self.first.target.as_str();
        let facts = context.facts(overlay);
        facts
            .providers_of(self.first.target, self.first.name)
            .filter(|provider| !provider.creates)
            .fold(draft, |draft, provider| {
                let label = format!(
                    "this {} adds to the {kind} but does not create it",
                    provider.resource.kind()
                );
                draft.related(provider.resource.node.origin, label)
            })
    }

    fn name_other_references(&self, draft: Draft) -> Draft {
        let mut others: Vec<&Reference> = self
            .references
            .iter()
            .copied()
            .filter(|other| other.node.origin != self.first.node.origin)
            .collect();
        others.dedup_by_key(|other| other.node.origin);
        others.into_iter().take(LISTED).fold(draft, |draft, other| {
            let label = format!("{} needs it too", other.description);
            draft.related(other.node.origin, label)
        })
    }
}

/// The severity of a missing object: an error if another environment has it, weaker if the app or
/// the repo keeps no objects of this kind; `None` if it is not reported.
fn severity(need: Need<'_, '_>, purpose: Use, elsewhere: bool) -> Option<Severity> {
    let Need {
        context,
        overlay,
        target,
        ..
    } = need;
    if elsewhere {
        return Some(if overlay.rendered.complete {
            Severity::Error
        } else {
            Severity::Warning
        });
    }
    if !overlay.rendered.complete || context.repo.is_a_part(overlay) {
        return None;
    }
    let held = context
        .repo
        .overlays
        .iter()
        .filter(|other| other.app == overlay.app);
    let practice = held.into_iter().any(|other| {
        context
            .facts(other)
            .providers
            .iter()
            .any(|provider| provider.target == target && is_kept_in_repo(provider))
    });
    let is_made_by_one = || target == Target::Secret && are_of_one_maker(need);
    let is_lacking = || target == Target::Secret && lacks_it_as_well(need);
    match (purpose, target) {
        (Use::Pod | Use::Values, Target::Secret) if practice && is_made_by_one() => {
            Some(Severity::Info)
        }
        (Use::Pod | Use::Values, Target::Secret) if practice && is_lacking() => {
            Some(Severity::Warning)
        }
        (Use::Pod | Use::Values, _) if practice => Some(Severity::Error),
        (Use::Pod | Use::Values, _) if is_newly_needed(need) => Some(Severity::Warning),
        // what an app keeps outside of the repo is declared nowhere
        (Use::Pod | Use::Values, _) => Some(Severity::Info),
        (Use::Pull | Use::Certificate, _) if is_made_by_one() || is_lacking() => None,
        // people often create registry credentials and certificates in the cluster by hand
        (Use::Pull | Use::Certificate, _) if practice => Some(Severity::Info),
        (Use::Pull | Use::Certificate, _) => None,
    }
}

/// True if the change is the first to need an object, of a kind that the repo keeps.
fn is_newly_needed(need: Need<'_, '_>) -> bool {
    need.context.base.is_some()
        && need.context.providers().any(need.target)
        && !lacked_before(need, need.name, &[need.overlay])
}

/// True if the environment before needs and lacks the same object, and did before the change: as it
/// runs, something outside of the repo makes it. Secrets are often made so, ConfigMaps hardly ever.
fn lacks_it_as_well(need: Need<'_, '_>) -> bool {
    let Some(earlier) = need.context.repo.earlier(need.overlay) else {
        return false;
    };
    let stands = need.context.base.is_none() || need.context.is_unchanged(earlier);
    let same =
        |reference: &&Reference| reference.target == need.target && reference.name == need.name;
    let facts = need.context.facts(earlier);
    stands && facts.references.iter().any(|one| same(&one)) && !need.of(earlier).is_provided()
}

/// True if an object shows that a repo keeps objects of its kind: a Certificate does not, because
/// cert-manager makes its Secret.
fn is_kept_in_repo(provider: &Provider) -> bool {
    provider.resource.kind() != "Certificate"
}
