//! Edited files as a patch.

use similar::TextDiff;

use crate::edit::write::EditedFile;
use crate::report::printable;

/// The edits as a patch that `git apply` and `patch` take, without lines around them, which may be
/// those of a Secret. Characters that act on a terminal are escaped, apart from tabs and the ends of
/// lines, which a patch has to keep.
pub(super) fn text(files: &[EditedFile]) -> String {
    let mut patch = String::new();
    for file in files {
        let diff = TextDiff::from_lines(&file.before, &file.after);
        let (old, new) = (format!("a/{}", file.path), format!("b/{}", file.path));
        let mut diff = diff.unified_diff();
        let shown = diff.context_radius(0).header(&old, &new).to_string();
        patch.extend(shown.split_inclusive('\n').map(line));
    }
    patch
}

fn line(line: &str) -> String {
    let content = line.trim_end_matches(['\r', '\n']);
    let parts: Vec<_> = content.split('\t').map(printable).collect();
    format!("{}{}", parts.join("\t"), &line[content.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_keeps_tabs_and_line_ends_and_steers_no_terminal() {
        let file = EditedFile {
            path: "a.yaml".to_string(),
            before: "a: 1\t# x\r\nb: 2\r\n".to_string(),
            after: "a: 2\t# \u{1b}[2J\u{202e}x\r\nb: 2\r\n".to_string(),
        };
        let patch = text(&[file]);
        assert!(patch.contains("-a: 1\t# x\r\n"), "{patch}");
        assert!(
            patch.contains("+a: 2\t# \\u{1b}[2J\\u{202e}x\r\n"),
            "{patch}"
        );
    }
}
