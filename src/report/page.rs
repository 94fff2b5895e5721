//! Facts that a page shows besides the findings: which version runs where, and two environments side
//! by side. `cli` reads them from the repo.

/// The parts of a page besides the findings.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The versions that the change moves.
    pub moves: Vec<VersionMove>,
    /// Which version runs where.
    pub matrix: Matrix,
    /// The environments side by side.
    pub comparisons: Vec<Comparison>,
    /// The rendered changes of each overlay, in Markdown.
    pub changes: Vec<String>,
}

/// A version that a change moves in a protected environment.
#[derive(Clone, Debug, Default)]
pub struct VersionMove {
    /// The app.
    pub app: String,
    /// The environment and variant.
    pub environment: String,
    /// The image, chart or base.
    pub name: String,
    /// The version at the base.
    pub before: String,
    /// The version of the change.
    pub after: String,
    /// The proof of the new version, or the part of it that is missing.
    pub proof: String,
    /// True if the earlier environment ran it at the base.
    pub is_proved: bool,
}

/// Which version each app runs in each environment.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// The environments that have an app, in their order.
    pub environments: Vec<String>,
    /// One row for each app.
    pub rows: Vec<MatrixRow>,
    /// The promotions that have not been made yet.
    pub open: Vec<OpenPromotion>,
}

/// An app.
#[derive(Clone, Debug, Default)]
pub struct MatrixRow {
    /// Its name.
    pub app: String,
    /// The versions that it runs, one list for each environment.
    pub cells: Vec<Vec<MatrixCell>>,
}

/// A version in an environment.
#[derive(Clone, Debug, Default)]
pub struct MatrixCell {
    /// The image, or another thing that has a version.
    pub name: String,
    /// The variants, such as regions, if not all of them run it.
    pub variant: Option<String>,
    /// Its tag, or a part of its digest.
    pub version: String,
    /// The day since which it runs, and the commit: `2026-11-24, a1b2c3d4e5`.
    pub since: Option<String>,
    /// True if the environment before runs another version.
    pub differs: bool,
}

/// A version that an environment does not have yet.
#[derive(Clone, Debug, Default)]
pub struct OpenPromotion {
    /// The app.
    pub app: String,
    /// The image.
    pub name: String,
    /// The environment that runs the new version.
    pub from: String,
    /// The environment, and its variant, that does not.
    pub to: String,
    /// The version that it runs.
    pub current: String,
    /// The new version.
    pub next: String,
    /// By how many versions it is behind, if the history says so.
    pub behind: Option<usize>,
    /// True if it ran the version of the environment before, and left it.
    pub is_ahead: bool,
}

/// Two overlays of one app, side by side.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The app.
    pub app: String,
    /// The environment and variant of the left side.
    pub from: String,
    /// The environment and variant of the right side.
    pub to: String,
    /// The folders of both.
    pub paths: (String, String),
    /// False if one of them could not be rendered completely.
    pub complete: bool,
    /// The objects that are equal on both sides.
    pub equal: usize,
    /// The objects that differ.
    pub objects: Vec<ComparedObject>,
    /// Objects that differ and are left out, so that the page stays small.
    pub left_out: usize,
}

/// An object that differs.
#[derive(Clone, Debug, Default)]
pub struct ComparedObject {
    /// `changed Deployment/api`
    pub title: String,
    /// True if it only differs in values that environments differ in: replicas, hosts, namespaces.
    pub is_expected: bool,
    /// Its lines.
    pub lines: Vec<SideLine>,
}

/// A line of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SideLine {
    /// Equal lines that are left out.
    Gap(usize),
    /// The line on both sides, with its numbers.
    Equal((usize, usize), String),
    /// The lines that stand at one place; one of them may be missing.
    Different(Option<(usize, String)>, Option<(usize, String)>),
}
