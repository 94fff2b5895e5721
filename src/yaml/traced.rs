//! Where the parts of one text came from, for texts that a template printed: the values of a release
//! inside an Application that a chart makes.

use std::ops::Range;
use std::sync::Arc;

use super::Origin;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The byte of the text at which it ends. It begins where the part before it ends.
    pub end: usize,
    /// Where it came from.
    pub origin: Origin,
    /// True if the bytes are those of the origin, one by one, so that a piece of the part is the same
    /// piece of the origin.
    pub exact: bool,
}

impl Part {
    /// Where a span of the text came from, as far as it lies in this part, which begins at `start`.
    pub(crate) fn origin_of(&self, start: usize, span: Range<usize>) -> Origin {
        if !self.exact {
            return self.origin;
        }
        let offset = |at: usize| {
            let at = at.clamp(start, self.end) - start;
            let at = u32::try_from(at).unwrap_or_default();
            (self.origin.start + at).min(self.origin.end)
        };
        Origin {
            start: offset(span.start),
            end: offset(span.end),
            ..self.origin
        }
    }
}

/// The parts of a text of several lines. They hold for that text alone, not for one that replaces it
/// in a copy of its scalar. Where a text came from makes no difference to it, so all are equal.
#[derive(Clone, Debug, Default)]
pub struct Traced(Option<Arc<(Arc<str>, Vec<Part>)>>);

impl Traced {
    /// The parts of a text, in order. They cover it.
    pub fn new(text: &Arc<str>, parts: Vec<Part>) -> Traced {
        Traced(Some(Arc::new((text.clone(), parts))))
    }

    /// The parts, if they are those of this text.
    pub fn of(&self, text: &Arc<str>) -> Option<&[Part]> {
        let (own, parts) = &**self.0.as_ref()?;
        Arc::ptr_eq(own, text).then_some(parts)
    }
}

impl PartialEq for Traced {
    fn eq(&self, _: &Traced) -> bool {
        true
    }
}

impl Eq for Traced {}
