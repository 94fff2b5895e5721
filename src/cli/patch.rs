//! Edited files as a patch.

use similar::TextDiff;

use crate::edit::write::EditedFile;
use crate::report::printable;

/// The edits as a patch that `git apply` and `patch` take, without lines around them, which may be
/// those of a Secret.
pub(super) fn text(files: &[EditedFile]) -> String {
    let mut patch = String::new();
    for file in files {
        let diff = TextDiff::from_lines(&file.before, &file.after);
        let (old, new) = (format!("a/{}", file.path), format!("b/{}", file.path));
        let mut diff = diff.unified_diff();
        let shown = diff.context_radius(0).header(&old, &new).to_string();
        patch.extend(shown.lines().map(|line| format!("{}\n", printable(line))));
    }
    patch
}
