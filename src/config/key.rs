//! The type of a key at the top of the configuration. Not here: the keys (`keys`).

use super::Config;
use super::read::Reader;
use super::shape::Shape;
use crate::yaml::Node;

/// A key at the top of the configuration.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The type of its value, for people.
    pub value: &'static str,
    /// Its purpose, in one line.
    pub summary: &'static str,
    /// The form of its value.
    pub shape: Shape,
    pub(super) read: fn(&mut Reader<'_>, &Node, &mut Config),
}
