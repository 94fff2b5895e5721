//! The configuration of Renovate: found where Renovate looks for it, read with spans.
//!
//! JSON, JSON with comments and JSON5 are read as YAML. Comments are replaced by blanks first, so
//! that all other bytes keep their places. Not here: the permissions of Renovate (`rules`). Source:
//! the configuration reference of Renovate.

use std::sync::Arc;

use crate::source::{EntryKind, Files, Source};
use crate::yaml::{FileId, Node, read};

/// Paths of the configuration, in Renovate's order. Renovate reads the first that exists.
/// `package.json` comes last, with its key `renovate`.
const PLACES: &[&str] = &[
    "renovate.json",
    "renovate.jsonc",
    "renovate.json5",
    ".github/renovate.json",
    ".github/renovate.jsonc",
    ".github/renovate.json5",
    ".gitlab/renovate.json",
    ".gitlab/renovate.jsonc",
    ".gitlab/renovate.json5",
    ".renovaterc",
    ".renovaterc.json",
    ".renovaterc.jsonc",
    ".renovaterc.json5",
];

/// A configuration.
#[derive(Clone, Debug)]
pub struct Renovate {
    /// The file.
    pub file: FileId,
    /// The map of settings.
    pub settings: Node,
}

/// The configuration of a tree; `None` if there is none, or if it cannot be read.
pub fn find(source: &dyn Source, files: &Files) -> Option<Renovate> {
    let load = |path: &str| {
        let bytes = source.read(path).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let file = files.add(path, source.revision_of(path).as_deref(), Arc::from(text));
        let document = read::read(&without_comments(text), file)
            .ok()?
            .documents
            .into_iter()
            .next()?;
        document.as_map().is_some().then_some(Renovate {
            file,
            settings: document,
        })
    };
    if let Some(path) = PLACES.iter().find(|path| is_file(source, path)) {
        return load(path);
    }
    let package = is_file(source, "package.json")
        .then(|| load("package.json"))
        .flatten()?;
    Some(Renovate {
        settings: package
            .settings
            .get("renovate")
            .filter(|node| node.as_map().is_some())?
            .clone(),
        ..package
    })
}

fn is_file(source: &dyn Source, path: &str) -> bool {
    source.kind(path) == Some(EntryKind::File)
}

/// The text with comments and tabs outside of strings replaced by blanks, byte for byte.
fn without_comments(text: &str) -> String {
    let mut out: Vec<u8> = text.as_bytes().to_vec();
    let (mut at, mut quote) = (0, None);
    let blank = |out: &mut Vec<u8>, from: usize, to: usize| {
        for byte in out
            .iter_mut()
            .take(to)
            .skip(from)
            .filter(|byte| !matches!(byte, b'\n' | b'\r'))
        {
            *byte = b' ';
        }
    };
    while let Some(byte) = out.get(at).copied() {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'\t') => blank(&mut out, at, at + 1),
            (None, b'/') if rest.starts_with(b"//") => {
                let end = rest
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(out.len(), |length| at + length);
                blank(&mut out, at, end);
                at = end;
                continue;
            }
            (None, b'/') if rest.starts_with(b"/*") => {
                let end = rest
                    .windows(2)
                    .skip(2)
                    .position(|pair| pair == b"*/")
                    .map_or(out.len(), |length| at + length + 4);
                blank(&mut out, at, end);
                at = end;
                continue;
            }
            (None, _) => {}
        }
        at += 1;
    }
    // cannot fail: ASCII was replaced by ASCII, and comments were removed as a whole
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    #[test]
    fn json_with_comments_keeps_its_places() {
        let text = "{\n\t// é\n  extends: ['config:recommended'], /* a\n b */ \"url\": \"http://x//y\",\n}\n";
        let blanked = without_comments(text);
        assert_eq!(blanked.len(), text.len());
        assert!(
            !blanked.contains('é') && blanked.contains("http://x//y") && !blanked.contains("*/")
        );
        let files = Files::default();
        let found = find(&Memory::new([(".github/renovate.json5", text)]), &files).unwrap();
        let url = found.settings.get("url").unwrap();
        assert_eq!(
            (
                url.text(),
                text.get(url.origin.start as usize..url.origin.end as usize)
            ),
            (Some("http://x//y"), Some("\"http://x//y\""))
        );
    }

    #[test]
    fn the_first_place_counts_and_a_package_only_with_the_key() {
        let files = Files::default();
        assert!(
            find(
                &Memory::new([("package.json", "{\"name\": \"x\"}")]),
                &files
            )
            .is_none()
        );
        assert!(
            find(
                &Memory::new([("package.json", "{\"renovate\": {\"automerge\": true}}")]),
                &files
            )
            .is_some()
        );
        let both = Memory::new([
            ("renovate.json", "{\"automerge\": false}"),
            (".renovaterc", "{\"automerge\": true}"),
        ]);
        assert_eq!(
            find(&both, &files)
                .unwrap()
                .settings
                .get("automerge")
                .and_then(Node::as_bool),
            Some(false)
        );
        assert!(find(&Memory::new([("renovate.json", "{")]), &files).is_none());
    }
}
