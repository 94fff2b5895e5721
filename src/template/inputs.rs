//! The places whose values went into a value.

use std::sync::Arc;

use crate::yaml::Origin;

/// The most places that one value remembers. A checksum of a large file would otherwise name each
/// of its lines.
const MOST: usize = 32;

/// The places whose values went into a value, in the order in which they were used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inputs {
    places: Places,
    volatile: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Places {
    #[default]
    None,
    One(Origin),
    Many(Arc<[Origin]>),
}

impl Inputs {
    /// No place: the value was made by the template.
    pub(crate) const NONE: Inputs = Inputs {
        places: Places::None,
        volatile: false,
    };

    /// The inputs of a value that differs in every run: a random text, a certificate or the time of
    /// day.
    pub(crate) const VOLATILE: Inputs = Inputs {
        places: Places::None,
        volatile: true,
    };

    /// One place, usually the value of a key in a values file.
    pub(crate) fn one(origin: Origin) -> Inputs {
        Inputs {
            places: Places::One(origin),
            volatile: false,
        }
    }

    /// The places, without repetition.
    pub(crate) fn origins(&self) -> &[Origin] {
        match &self.places {
            Places::None => &[],
            Places::One(origin) => std::slice::from_ref(origin),
            Places::Many(origins) => origins,
        }
    }

    /// True if a function that gives another result in every run is part of the value. Such values
    /// are fixed here and must not be compared.
    pub(crate) fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// True if nothing is known about where the value came from.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.places, Places::None) && !self.volatile
    }

    /// Adds the places of another value.
    pub(crate) fn extend(&mut self, other: &Inputs) {
        self.volatile |= other.volatile;
        match (&self.places, &other.places) {
            (_, Places::None) => {}
            (Places::None, _) => self.places = other.places.clone(),
            _ => {
                let known = self.origins();
                let new = other.origins().iter().filter(|new| !known.contains(new));
                let new: Vec<Origin> = new.copied().take(MOST - known.len().min(MOST)).collect();
                if !new.is_empty() {
                    let all: Vec<Origin> = known.iter().copied().chain(new).collect();
                    self.places = Places::Many(all.into());
                }
            }
        }
    }

    /// The places of both values.
    pub(crate) fn and(mut self, other: &Inputs) -> Inputs {
        self.extend(other);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{By, FileId};

    fn place(start: u32) -> Origin {
        Origin {
            file: FileId(0),
            start,
            end: start,
            by: By::Manifest,
        }
    }

    #[test]
    fn places_are_kept_once_in_order_and_bounded() {
        let mut inputs = Inputs::one(place(2));
        inputs.extend(&Inputs::one(place(1)));
        inputs.extend(&Inputs::one(place(2)));
        assert_eq!(inputs.origins(), [place(2), place(1)]);
        for start in 0..1000 {
            inputs.extend(&Inputs::one(place(start)));
        }
        assert_eq!(inputs.origins().len(), MOST);
        assert!(!inputs.is_volatile() && inputs.and(&Inputs::VOLATILE).is_volatile());
    }
}
