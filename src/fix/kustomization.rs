//! Deprecated fields of kustomizations, and entries of `images` that no container uses.

use std::collections::BTreeSet;

use super::{Answer, Reader};
use crate::edit::{Edit, Span};
use crate::names::nearest;
use crate::promote::running;
use crate::repo::Repo;
use crate::source::SourceFile;
use crate::yaml::{Entry, Node, Origin, Style};

fn root(documents: &[Node]) -> Option<&Node> {
    documents.first().filter(|_| documents.len() == 1)
}

/// A deprecated field under its present name. The result renders to the same objects.
pub(super) fn renamed(file: &SourceFile, field: &str, reader: &mut Reader) -> Option<Answer> {
    let documents = reader.documents(file)?;
    let root = root(&documents)?;
    let entry = root.entry(field)?;
    let new = match field {
        "bases" => "resources",
        "patchesJson6902" | "patchesStrategicMerge" => "patches",
        "imageTags" => "images",
        "commonLabels" => "labels",
        _ => return None,
    };
    // to merge two lists would change the order of what they do
    if root.get(new).is_some() {
        return None;
    }
    let key = |text: String| Edit::Replace {
        bytes: entry.key_origin.into(),
        text,
    };
    let edits = match field {
        "patchesStrategicMerge" => {
            let mut edits = vec![key(new.to_string())];
            edits.extend(patches(file, entry)?);
            edits
        }
        "commonLabels" => vec![labels(file, entry)?],
        _ => vec![key(new.to_string())],
    };
    Some(Answer {
        title: format!("replace `{field}` with `{new}`"),
        edits: edits
            .into_iter()
            .map(|edit| (file.path.to_string(), edit))
            .collect(),
        neutral: true,
    })
}

/// `- patch.yaml` becomes `- path: patch.yaml`.
fn patches(file: &SourceFile, entry: &Entry) -> Option<Vec<Edit>> {
    let is_block =
        |node: &Node| file.text.as_bytes().get(node.origin.start as usize) != Some(&b'[');
    let items = entry.value.items();
    let is_path = |item: &Node| {
        let scalar = item.as_scalar();
        scalar.is_some_and(|scalar| {
            !matches!(scalar.style, Style::Literal | Style::Folded) && !scalar.text.contains('\n')
        })
    };
    if items.is_empty() || !is_block(&entry.value) || !items.iter().all(is_path) {
        return None;
    }
    let edit = |item: &Node| Edit::Replace {
        bytes: Span {
            start: item.origin.start,
            end: item.origin.start,
        },
        text: "path: ".to_string(),
    };
    Some(items.iter().map(edit).collect())
}

/// `commonLabels` also changes selectors, so its replacement says `includeSelectors`.
fn labels(file: &SourceFile, entry: &Entry) -> Option<Edit> {
    let first = entry.value.entries().first()?;
    let text = &*file.text;
    let (start, end) = (
        entry.key_origin.start as usize,
        entry.value.origin.end as usize,
    );
    let line_start = text.get(..first.key_origin.start as usize)?.rfind('\n')? + 1;
    let indent = first.key_origin.start as usize - line_start;
    // a map in flow style, or a key that is not at the start of its line
    if line_start <= start
        || indent == 0
        || text
            .get(line_start..first.key_origin.start as usize)?
            .trim()
            != ""
    {
        return None;
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    // comments between the key and the first label stay with the labels
    let head = text.get(entry.key_origin.end as usize..)?;
    let body_start = entry.key_origin.end as usize + head.find('\n')? + 1;
    let body = text.get(body_start..end)?;
    let moved: Vec<String> = body
        .split('\n')
        .map(|line| match line.trim() {
            "" => line.to_string(),
            _ => format!("{}{}", " ".repeat(4usize.saturating_sub(indent)), line),
        })
        .collect();
    Some(Edit::Replace {
        bytes: Span {
            start: start as u32,
            end: end as u32,
        },
        text: format!(
            "labels:{line_end}- includeSelectors: true{line_end}  pairs:{line_end}{}",
            moved.join("\n")
        ),
    })
}

/// The right name of an image whose entry is misspelt by a letter or two; else the removal of the
/// entry, if only one app reads the list.
pub(super) fn unused_image(
    file: &SourceFile,
    origin: Origin,
    repo: &Repo,
    reader: &mut Reader,
) -> Option<Answer> {
    let documents = reader.documents(file)?;
    let root = root(&documents)?;
    let list = root.get("images")?;
    let holds = |node: &Node| node.origin.start <= origin.start && origin.end <= node.origin.end;
    let item = list.items().iter().find(|item| holds(item))?;
    let name = item.get("name")?;
    let readers: Vec<_> = repo
        .overlays
        .iter()
        .filter(|overlay| overlay.rendered.files.contains(&origin.file))
        .collect();
    let apps: BTreeSet<&str> = readers.iter().map(|overlay| overlay.app.as_str()).collect();
    if apps.len() != 1 {
        return None;
    }
    let images: BTreeSet<String> = readers
        .iter()
        .flat_map(|overlay| running(overlay, repo))
        .map(|used| used.name)
        .collect();
    let known: Vec<&str> = images.iter().map(String::as_str).collect();
    let written = name.text()?;
    let listed = |name: &str| {
        list.items()
            .iter()
            .any(|item| item.get("name").and_then(Node::text) == Some(name))
    };
    if let Some(meant) = nearest(written, &known).filter(|meant| is_misspelt(written, meant)) {
        if listed(meant) {
            return None;
        }
        let edit = Edit::Set {
            value: name.origin.into(),
            text: meant.to_string(),
        };
        return Some(Answer::new(
            format!("correct the name to `{meant}`"),
            &file.path,
            edit,
        ));
    }
    let edit = if list.items().len() > 1 {
        Edit::RemoveItem {
            list: list.origin.into(),
            item: item.origin.into(),
        }
    } else {
        Edit::Remove {
            map: root.origin.into(),
            key: "images".to_string(),
        }
    };
    Some(Answer::new("remove the entry", &file.path, edit))
}

/// True if one name becomes the other by a typing mistake: one or two letters are added, missing or
/// changed within one place.
fn is_misspelt(one: &str, other: &str) -> bool {
    const MOST: usize = 2;
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let alike = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[alike..], &other[alike..]);
    let ends = one.iter().rev().zip(other.iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    (one.len() - end).max(other.len() - end) <= MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_typing_mistakes_are_certain() {
        for (one, other) in [
            ("ghcr.io/acme/appi", "ghcr.io/acme/api"),
            ("ghcr.io/acme/pai", "ghcr.io/acme/api"),
        ] {
            assert!(is_misspelt(one, other), "{one}");
        }
        for (one, other) in [
            ("ghcr.io/acme/old-api", "ghcr.io/acme/api"),
            ("docker.io/acme/api", "ghcr.io/acme/api"),
        ] {
            assert!(!is_misspelt(one, other), "{one}");
        }
    }
}
