//! Changes of settings: those that come without an image, by names that are the same in every
//! environment. Not here: which of them a reviewer should see (the rules).

use crate::compare::ValueChange;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::Context;

/// True if a change alters a protected overlay that was there before, and its predecessor too, but
/// none of its images. Changes that come together with an image are judged as part of the promotion.
pub(in crate::rules) fn changes_settings_only(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
) -> bool {
    let there_before = context.at_base(from).is_some() && context.at_base(to).is_some();
    context.repo.protected(to)
        && !context.is_of_base(from)
        && there_before
        && !context.changes(to).is_empty()
        && context.moved_images(to).is_empty()
}

/// A value of an object, by names that are the same in every environment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rules) struct Setting {
    kind: String,
    name: String,
    /// Empty for the object as a whole.
    path: String,
}

impl Setting {
    /// A value of an object, or the object as a whole.
    pub(in crate::rules) fn of(resource: &Resource, value: Option<&ValueChange>) -> Setting {
        let original = &resource.original;
        Setting {
            kind: original.kind.clone(),
            name: original.name.clone(),
            path: value.map(ValueChange::named_path).unwrap_or_default(),
        }
    }

    /// True for the image of a container.
    pub(in crate::rules) fn is_image(&self) -> bool {
        self.path.ends_with("/image")
    }

    /// Its name in messages, for the object's name as rendered: `` `/spec/type` of Service `api` ``.
    pub(in crate::rules) fn shown(&self, object: &str) -> String {
        let object = format!("{} `{object}`", self.kind);
        match self.path.as_str() {
            "" => object,
            path => format!("`{path}` of {object}"),
        }
    }
}
