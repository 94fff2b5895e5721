//! The edits that resolve findings with one right answer: the entry that has no effect is removed,
//! the value that must be a string is quoted, the digest that staging runs is written.
//!
//! A rule only says what is wrong, so this module knows rules by their ids. A finding whose answer
//! is a matter of opinion has no fix. `kustomization` edits deprecated fields and lists of images,
//! `comment` removes suppressions. Not here: applying the edits (`cli`).
#![warn(unreachable_pub)]

mod comment;
mod kustomization;

use crate::edit::{Edit, replacements, rewriting};
use crate::finding::{Fix, Located, Replacement};
use crate::repo::{Pair, Repo};
use crate::source::SourceFile;
use crate::yaml::{FileId, Kind, Node, Origin, read};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most findings that get a fix in one run. The next run fixes the others.
const MOST: usize = 1000;

/// The most text that is read for fixes in one run, in bytes. Each fix of a value reads its whole file
/// again, so that thousands of findings in a large file would take the square of its size.
const READ: usize = 8 << 20;

/// To look for a place in a file costs less than to read it by this factor.
const LOOKING: usize = 32;

/// The edit that resolves a finding.
struct Answer {
    title: String,
    edits: Vec<(String, Edit)>,
    /// True if it changes how something is written, and not what is rendered.
    neutral: bool,
}

impl Answer {
    fn new(title: impl Into<String>, path: &str, edit: Edit) -> Answer {
        Answer {
            title: title.into(),
            edits: vec![(path.to_string(), edit)],
            neutral: false,
        }
    }
}

/// Adds the fixes of findings that have one.
pub fn attach(findings: &mut [Located], repo: &Repo) {
    let mut found = 0;
    let mut pins = Pins::default();
    let mut reader = Reader {
        left: READ,
        last: None,
    };
    for located in findings {
        let is_present =
            repo.source.revision_of(&located.location.file) == located.location.revision;
        if found >= MOST || !is_present {
            continue;
        }
        let file = repo.files.get(located.finding.origin.file);
        let answer = answer(located, &file, repo, (&mut pins, &mut reader));
        located.fix = answer.and_then(|answer| resolved(answer, repo, &mut reader));
        found += usize::from(located.fix.is_some());
    }
}

/// Reads files for fixes, within the limit. Findings come in the order of files, so the last one is
/// kept.
struct Reader {
    /// The bytes that may still be read.
    left: usize,
    last: Option<(FileId, Rc<Vec<Node>>)>,
}

impl Reader {
    /// Takes a number of bytes from the limit. `None` if it is used up.
    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }

    /// The documents of a file.
    fn documents(&mut self, file: &SourceFile) -> Option<Rc<Vec<Node>>> {
        if let Some((id, documents)) = &self.last
            && *id == file.id
        {
            let documents = documents.clone();
            self.spend(file.text.len() / LOOKING)?;
            return Some(documents);
        }
        self.spend(file.text.len())?;
        let read = read::read(&file.text, file.id).ok()?;
        // no edit can be made in such a file
        let documents = match read.duplicate_keys.is_empty() {
            true => Rc::new(read.documents),
            false => Rc::default(),
        };
        self.last = Some((file.id, documents.clone()));
        Some(documents)
    }
}

fn answer(
    located: &Located,
    file: &SourceFile,
    repo: &Repo,
    (pins, reader): (&mut Pins, &mut Reader),
) -> Option<Answer> {
    let finding = &located.finding;
    let (origin, fact) = (finding.origin, finding.cause.facts.first());
    // an edit tells the text that it writes
    let is_secret = finding
        .resource
        .as_ref()
        .is_some_and(|id| id.kind == "Secret");
    match (finding.rule.as_str(), &*finding.cause.kind) {
        ("invalid-sync-wave", "not-a-string") => quoted(file, origin, reader),
        ("schema-violation", "schema") => {
            let wants_text = finding
                .cause
                .facts
                .last()
                .is_some_and(|wanted| wanted == "text");
            let is_open = wants_text && !is_secret;
            is_open.then(|| quoted(file, origin, reader)).flatten()
        }
        ("deprecated-field", _) => kustomization::renamed(file, fact?, reader),
        ("unused-image-override", _) => kustomization::unused_image(file, origin, repo, reader),
        ("unused-suppression", "unused-comment") | ("expired-suppression", "expired-comment") => {
            reader.spend(file.text.len() / LOOKING)?;
            comment::removed(file, origin)
        }
        ("unused-suppression", "unused-entry")
        | ("expired-suppression", "expired-entry")
        | ("stale-allowance", _) => removed_item(file, origin, reader),
        ("mutable-tag" | "lost-digest", _) => pinned(located, repo, pins),
        _ => None,
    }
}

/// A number, boolean or date in quotes.
fn quoted(file: &SourceFile, origin: Origin, reader: &mut Reader) -> Option<Answer> {
    let documents = reader.documents(file)?;
    let node = documents.iter().find_map(|one| scalar_at(one, origin))?;
    let scalar = node.as_scalar()?;
    let is_other = matches!(
        scalar.kind,
        Kind::Int | Kind::Float | Kind::Bool | Kind::Timestamp
    );
    let edit = Edit::Set {
        value: origin.into(),
        text: scalar.text.to_string(),
    };
    is_other.then(|| Answer::new("put the value in quotes", &file.path, edit))
}

/// The scalar that is written at a place.
fn scalar_at(node: &Node, at: Origin) -> Option<&Node> {
    let is_there = (node.origin.start, node.origin.end) == (at.start, at.end);
    if is_there && node.as_scalar().is_some() {
        return Some(node);
    }
    let values = node.entries().iter().map(|entry| &entry.value);
    values
        .chain(node.items())
        .find_map(|child| scalar_at(child, at))
}

/// An entry of a list in the configuration that has no effect any more.
fn removed_item(file: &SourceFile, origin: Origin, reader: &mut Reader) -> Option<Answer> {
    let documents = reader.documents(file)?;
    let (list, item) = documents.iter().find_map(|one| item_around(one, origin))?;
    let edit = Edit::RemoveItem {
        list: list.into(),
        item: item.into(),
    };
    Some(Answer::new("remove the entry", &file.path, edit))
}

/// The innermost list with an item that holds a place, and the item.
fn item_around(node: &Node, at: Origin) -> Option<(Origin, Origin)> {
    let holds = |node: &Node| node.origin.start <= at.start && at.end <= node.origin.end;
    let values = node.entries().iter().map(|entry| &entry.value);
    let inner = values
        .chain(node.items())
        .filter(|child| holds(child))
        .find_map(|child| item_around(child, at));
    inner.or_else(|| {
        let item = node.items().iter().find(|item| holds(item))?;
        Some((node.origin, item.origin))
    })
}

/// The pins that were looked for: the index of the overlay and the name of the image, with the edits.
/// Many findings may be about one image.
#[derive(Default)]
struct Pins(BTreeMap<(usize, String), Option<Vec<(String, Edit)>>>);

/// The most images for which a pin is looked for. Each search goes through a whole overlay.
const PINS: usize = 300;

/// The digest that the environment before runs under the same tag.
fn pinned(located: &Located, repo: &Repo, pins: &mut Pins) -> Option<Answer> {
    if pins.0.len() >= PINS {
        return None;
    }
    let finding = &located.finding;
    let overlay = finding.overlay.as_deref()?;
    let pair = repo.pairs.iter().find(|pair| {
        let to = repo.overlays.get(pair.to);
        to.is_some_and(|to| {
            let environment = repo.environment(to).map(|known| known.name.as_str());
            to.path == overlay.path
                && to.variant == overlay.variant
                && environment == overlay.environment.as_deref()
        })
    })?;
    let name = image_at(located, *pair, repo)?;
    let find = || crate::promote::pin(repo, *pair, &name);
    let edits = pins.0.entry((pair.to, name.clone())).or_insert_with(find);
    let edits = edits.clone()?;
    Some(Answer {
        title: "pin the digest that the environment before runs".to_string(),
        edits,
        neutral: false,
    })
}

/// The image that a finding is about, by the value that its pointer leads to.
fn image_at(located: &Located, pair: Pair, repo: &Repo) -> Option<String> {
    let overlay = repo.overlays.get(pair.to)?;
    let (id, pointer) = (
        located.finding.resource.as_ref()?,
        located.finding.path.as_deref()?,
    );
    let mut resources = overlay.rendered.resources.iter();
    let resource = resources.find(|resource| resource.id() == *id)?;
    let text = resource.node.pointer(pointer)?.text()?;
    let name = text.split('@').next()?;
    let last = name.rfind('/').map_or(0, |at| at + 1);
    let colon = name.get(last..)?.find(':').map(|at| last + at);
    Some(name.get(..colon.unwrap_or(name.len()))?.to_string())
}

/// The bytes that an answer replaces. `None` if the edits cannot be made.
fn resolved(answer: Answer, repo: &Repo, reader: &mut Reader) -> Option<Fix> {
    let mut paths: Vec<&str> = answer.edits.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut all = Vec::new();
    for path in paths {
        let revision = repo.source.revision_of(path);
        let file = repo.files.get(repo.files.find(path, &revision)?);
        let edits = answer.edits.iter().filter(|(other, _)| other == path);
        let edits: Vec<Edit> = edits.map(|(_, edit)| edit.clone()).collect();
        let is_plain = |edit: &Edit| matches!(edit, Edit::Replace { .. });
        let found = if answer.neutral {
            reader.spend(file.text.len())?;
            rewriting(&file.text, &edits)
        } else if edits.iter().all(is_plain) {
            replacements(&file.text, &[], &edits)
        } else {
            reader.spend(file.text.len())?;
            let documents = reader.documents(&file)?;
            if documents.is_empty() {
                return None;
            }
            replacements(&file.text, &documents, &edits)
        };
        for (bytes, text) in found.ok()? {
            all.push(Replacement::new(&file, bytes, text));
        }
    }
    Some(Fix {
        title: answer.title,
        replacements: all,
        neutral: answer.neutral,
    })
}
