//! The comments of a file, with their text and position.
//!
//! The YAML reader finds them exactly: `# text` inside a quoted or block scalar is not a comment.
//! Other files (CODEOWNERS, `.env`, a template that is not YAML yet) have no such reader. There a
//! comment begins at a `#` that starts a line or follows a blank, and ends with the line.

use super::read::read;
use super::{By, Origin};
use crate::source::SourceFile;

/// A comment of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    /// From `#` to the end of the line, without trailing blanks.
    pub text: &'a str,
    /// The bytes of the text.
    pub origin: Origin,
}

/// The comments of a file, in order.
pub(crate) fn of(file: &SourceFile) -> impl Iterator<Item = Comment<'_>> {
    // Most files were parsed, and `read_file` has filled this.
    let origins = file.comments.get_or_init(|| {
        is_yaml(&file.path)
            .then(|| read(&file.text, file.id).ok())
            .flatten()
            .map_or_else(|| by_line(file), |documents| documents.comments)
            .into()
    });
    origins.iter().filter_map(|origin| {
        let written = file.text.get(origin.start as usize..origin.end as usize)?;
        let text = written.trim_end();
        let end = origin.start + text.len() as u32;
        let origin = Origin { end, ..*origin };
        Some(Comment { text, origin })
    })
}

/// The comment that ends the line on which a value ends: `newTag: 1.4.0 # pinned`.
pub(crate) fn behind(file: &SourceFile, value: Origin) -> Option<Comment<'_>> {
    let next = of(file).find(|comment| comment.origin.start >= value.end)?;
    let between = value.end as usize..next.origin.start as usize;
    let same_line = file
        .text
        .get(between)
        .is_some_and(|text| !text.contains('\n'));
    same_line.then_some(next)
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with("Kustomization")
}

fn by_line(file: &SourceFile) -> Vec<Origin> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        let begins = |at: &usize| {
            line[..*at]
                .chars()
                .next_back()
                .is_none_or(char::is_whitespace)
        };
        if let Some((at, _)) = line.match_indices('#').find(|(at, _)| begins(at)) {
            found.push(Origin {
                file: file.id,
                start: start + at as u32,
                end: start + line.trim_end().len() as u32,
                by: By::Manifest,
            });
        }
        start += line.len() as u32;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::read::read_file;
    use super::*;
    use crate::source::Files;

    fn texts(path: &str, text: &str, parsed: bool) -> Vec<String> {
        let files = Files::default();
        let file = files.get(files.add(path, None, text.into()));
        if parsed {
            read_file(&file).unwrap();
        }
        of(&file).map(|comment| comment.text.to_string()).collect()
    }

    #[test]
    fn text_inside_a_scalar_is_not_a_comment() {
        let text = "# one\na: |\n  # two\nb: \"x # three\" # four \nc: d#five\ne: 'x\n  # six'\n";
        for parsed in [true, false] {
            assert_eq!(texts("a.yaml", text, parsed), ["# one", "# four"]);
        }
    }

    #[test]
    fn a_file_that_is_not_yaml_is_read_by_line() {
        let owners = "# one\n/apps @team # two\r\nname#three @team\n\t# four";
        assert_eq!(
            texts("CODEOWNERS", owners, false),
            ["# one", "# two", "# four"]
        );
        let template = "{{ if x }}\na: 1 # one\n";
        assert_eq!(texts("a.yaml", template, false), ["# one"]);
    }

    #[test]
    fn the_comment_behind_a_value_is_on_its_line() {
        let text = "a: 1 # one\nb: 2\n# two\nc: {d: 3} # three\n";
        let files = Files::default();
        let file = files.get(files.add("a.yaml", None, text.into()));
        let root = read_file(&file).unwrap().documents.remove(0);
        let said = |path: &str| {
            let value = root.pointer(path).unwrap().origin;
            behind(&file, value).map(|comment| comment.text)
        };
        assert_eq!(said("/a"), Some("# one"));
        assert_eq!(said("/b"), None);
        assert_eq!(said("/c/d"), Some("# three"));
    }
}
