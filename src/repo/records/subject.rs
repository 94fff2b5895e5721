//! The app, environment and variant of a version in a record. They come from the keys and headings
//! above the version and from the fields beside it.

use super::Statement;
use super::version::Version;
use super::words::Words;

/// The app, environment and variant of a version, as far as they are known.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Subject {
    pub(super) app: Option<String>,
    pub(super) environment: Option<usize>,
    pub(super) variant: Option<String>,
    pub(super) image: Option<String>,
}

impl Subject {
    /// Takes up the environment, the app or the variant that a key or heading names.
    pub(super) fn read(&mut self, text: &str, words: &Words) {
        if self.environment.is_none()
            && let Some((environment, variant)) = words.environment(text)
        {
            self.environment = Some(environment);
            self.variant = variant.or(self.variant.take());
        } else if self.app.is_none()
            && let Some(app) = words.app(text)
        {
            self.app = Some(app);
        } else if words.variants.contains(text) {
            self.variant = Some(text.to_string());
        }
    }

    /// The claim that a version makes; `None` if the app, the environment or the version is
    /// missing.
    pub(super) fn claim(&self, version: Version) -> Option<Statement> {
        if version.tag.is_none() && version.digest.is_none() {
            return None;
        }
        Some(Statement {
            app: self.app.clone()?,
            environment: self.environment?,
            variant: self.variant.clone(),
            image: version.image.or_else(|| self.image.clone()),
            tag: version.tag,
            digest: version.digest,
        })
    }
}
