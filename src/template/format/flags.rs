//! The flags of a verb.

/// The flags, width and precision of a verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    /// `%#v`
    pub(super) go_syntax: bool,
    /// `%+v`
    pub(super) field_names: bool,
}
