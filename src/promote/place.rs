//! Where production writes a version, and the edits that put another one there.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Refusal, Running, replace};
use crate::edit::{Edit, Span};
use crate::history::Version;
use crate::kustomize::Kustomization;
use crate::kustomize::kustomization::ImageEntry;
use crate::repo::{Pair, Repo};
use crate::source::SourceFile;
use crate::wording;
use crate::yaml::{By, FileId, Node, Origin, read};

/// One version of production that is replaced.
pub(super) struct Place<'r> {
    pub(super) repo: &'r Repo,
    pub(super) pair: Pair,
    /// The overlays that get the same version.
    pub(super) together: &'r BTreeSet<usize>,
    pub(super) used: &'r Running,
    pub(super) earlier: &'r Running,
}

/// Edits by path, and the place of the first.
pub(super) struct Edits {
    pub(super) edits: Vec<(String, Edit)>,
    pub(super) origin: Origin,
}

/// The version that production gets. A digest alone stays alone.
pub(super) fn after(used: &Running, earlier: &Running) -> Version {
    let (own, new) = (&used.version, &earlier.version);
    let only_digest = own.tag.is_none() && own.digest.is_some() && new.digest.is_some();
    Version {
        tag: new.tag.clone().filter(|_| !only_digest),
        digest: new.digest.clone(),
    }
}

impl Place<'_> {
    /// The edits that give production the version of the earlier environment.
    pub(super) fn edits(&self) -> Result<Edits, Refusal> {
        let decided = if self.used.version.digest.is_some() {
            self.used.digest
        } else {
            self.used.tag
        };
        if let Some(entry) = self.entry_at(decided) {
            if self.others(decided.file).is_empty() {
                return self.in_entry(&entry);
            }
        } else if self.others(decided.file).is_empty() && self.others(self.used.tag.file).is_empty()
        {
            match self.in_values() {
                Err(Refusal::Unknown { .. }) if self.used.container => {}
                result => return result,
            }
        }
        if self.used.container {
            return self.of_its_own(decided);
        }
        Err(self.shared(decided.file))
    }

    fn after(&self) -> Version {
        after(self.used, self.earlier)
    }

    /// Paths of other overlays that read a file.
    fn others(&self, file: FileId) -> Vec<&str> {
        let overlays = self.repo.overlays.iter().enumerate();
        let to = self.repo.overlays.get(self.pair.to);
        let others = overlays.filter(|(index, overlay)| {
            !self.together.contains(index)
                && overlay.rendered.files.contains(&file)
                && !to.is_some_and(|to| super::go_together(overlay, to))
        });
        others.map(|(_, overlay)| overlay.path.as_str()).collect()
    }

    fn path(&self, file: FileId) -> String {
        self.repo.files.get(file).path.to_string()
    }

    fn shared(&self, file: FileId) -> Refusal {
        let to = self.repo.overlays.get(self.pair.to);
        Refusal::Shared {
            name: self.used.name.clone(),
            file: self.path(file),
            others: wording::listed(&self.others(file), 3),
            path: to.map(|overlay| overlay.path.clone()).unwrap_or_default(),
        }
    }

    fn unknown(&self, file: FileId) -> Refusal {
        Refusal::Unknown {
            name: self.used.name.clone(),
            file: self.path(file),
            version: self.used.version.to_string(),
        }
    }

    /// The entry of `images` that a place lies in.
    fn entry_at(&self, at: Origin) -> Option<ImageEntry> {
        let kustomization = self
            .repo
            .kustomization(at.file)
            .filter(|_| at.by == By::Images)?;
        let holds =
            |entry: &&ImageEntry| entry.origin.start <= at.start && at.end <= entry.origin.end;
        kustomization.images.iter().find(holds).cloned()
    }

    /// The edits of an entry of `images`.
    fn in_entry(&self, entry: &ImageEntry) -> Result<Edits, Refusal> {
        let file = entry.origin.file;
        if entry.tag_suffix.is_some() {
            return Err(self.unknown(file));
        }
        let (map, path) = (Span::from(entry.origin), self.path(file));
        let after = self.after();
        let mut edits = Vec::new();
        let names = [("newName", &entry.new_name), ("name", &entry.name)];
        let mut last = names
            .iter()
            .find(|(_, text)| text.is_some())
            .map(|(key, _)| *key);
        for (key, known, new) in [
            ("newTag", &entry.new_tag, &after.tag),
            ("digest", &entry.digest, &after.digest),
        ] {
            match (known, new) {
                (Some(known), Some(new)) => edits.push(Edit::Set {
                    value: known.origin().into(),
                    text: new.clone(),
                }),
                (Some(_), None) => edits.push(Edit::Remove {
                    map,
                    key: key.to_string(),
                }),
                (None, Some(new)) => edits.push(Edit::Insert {
                    map,
                    after: last.ok_or_else(|| self.unknown(file))?.to_string(),
                    key: key.to_string(),
                    text: new.clone(),
                }),
                (None, None) => {}
            }
            if known.is_some() && new.is_some() {
                last = Some(key);
            }
        }
        Ok(Edits {
            edits: edits.into_iter().map(|edit| (path.clone(), edit)).collect(),
            origin: entry
                .digest
                .as_ref()
                .or(entry.new_tag.as_ref())
                .map_or(entry.origin, |text| text.origin()),
        })
    }

    /// The edits of the scalars that hold the tag and the digest, or both.
    fn in_values(&self) -> Result<Edits, Refusal> {
        let (used, after) = (self.used, self.after());
        let mut edits = Vec::new();
        let mut places = vec![used.tag];
        if used.version.digest.is_some() && used.digest != used.tag {
            places.push(used.digest);
        }
        for at in &places {
            let file = self.repo.files.get(at.file);
            let old = text_at(&file, *at).ok_or_else(|| self.unknown(at.file))?;
            // a tag without a digest of its own gets the tag alone; the digest gets a key
            let alone = Version {
                digest: None,
                ..after.clone()
            };
            let separate = self
                .digest_key()
                .filter(|_| used.version.tag.as_deref() == Some(&*old));
            let wanted = if separate.is_some() { &alone } else { &after };
            let new = replace::version(&old, &used.version, wanted)
                .ok_or_else(|| self.unknown(at.file))?;
            if let (Some(key), Some(digest)) = (separate, &after.digest) {
                edits.push((
                    file.path.to_string(),
                    self.digest_beside(&file, *at, key, digest)?,
                ));
            }
            edits.push((file.path.to_string(), set(&file, *at, &old, new)));
        }
        Ok(Edits {
            edits,
            origin: used.tag,
        })
    }

    /// The key under which the earlier environment writes a digest that production does not have.
    fn digest_key(&self) -> Option<String> {
        let (tag, digest) = (self.earlier.tag, self.earlier.digest);
        if self.used.version.digest.is_some()
            || self.earlier.version.digest.is_none()
            || tag == digest
        {
            return None;
        }
        let file = self.repo.files.get(digest.file);
        let documents = read::read(&file.text, digest.file).ok()?;
        let mut maps = documents.documents.iter();
        maps.find_map(|document| key_of(document, digest))
    }

    fn digest_beside(
        &self,
        file: &SourceFile,
        tag: Origin,
        key: String,
        digest: &str,
    ) -> Result<Edit, Refusal> {
        let documents = read::read(&file.text, tag.file).ok();
        let documents = documents.map(|read| read.documents).unwrap_or_default();
        let mut maps = documents.iter();
        let found =
            maps.find_map(|document| Some((map_of(document, tag)?, key_of(document, tag)?)));
        let (map, after) = found.ok_or_else(|| self.unknown(tag.file))?;
        Ok(Edit::Insert {
            map: map.into(),
            after,
            key,
            text: digest.to_string(),
        })
    }

    /// An entry of `images` in production's own kustomization, for a version that it shares with
    /// other overlays so far.
    fn of_its_own(&self, decided: Origin) -> Result<Edits, Refusal> {
        let repo = self.repo;
        let refused = || self.shared(decided.file);
        let to = repo.overlays.get(self.pair.to).ok_or_else(refused)?;
        let file = repo
            .kustomization_origin(&to.path)
            .ok_or_else(refused)?
            .file;
        if !self.others(file).is_empty() {
            return Err(self.shared(file));
        }
        let kustomization = repo.kustomization(file).ok_or_else(refused)?;
        let is_of = |entry: &&ImageEntry| {
            let name = entry.new_name.as_ref().or(entry.name.as_ref());
            name.is_some_and(|name| **name == *self.used.name)
        };
        if let Some(entry) = kustomization.images.iter().find(is_of) {
            return self.in_entry(entry);
        }
        let edit = self.new_entry(&kustomization).ok_or_else(refused)?;
        Ok(Edits {
            edits: vec![(self.path(file), edit)],
            origin: kustomization.origin,
        })
    }

    fn new_entry(&self, kustomization: &Arc<Kustomization>) -> Option<Edit> {
        let after = self.after();
        let mut entries = vec![("name".to_string(), self.used.name.clone())];
        entries.extend(after.tag.map(|tag| ("newTag".to_string(), tag)));
        entries.extend(after.digest.map(|digest| ("digest".to_string(), digest)));
        let file = self.repo.files.get(kustomization.file);
        let documents = read::read(&file.text, kustomization.file).ok()?.documents;
        let root = documents.first()?;
        Some(match root.get("images") {
            Some(list) if list.as_list().is_some() => Edit::Append {
                list: list.origin.into(),
                entries,
            },
            Some(_) => return None,
            None => Edit::AddList {
                map: root.origin.into(),
                key: "images".to_string(),
                entries,
            },
        })
    }
}

/// The text of the scalar at a place, without its quotes.
fn text_at(file: &SourceFile, at: Origin) -> Option<String> {
    let raw = file.text.get(at.start as usize..at.end as usize)?;
    if raw.contains('\n') {
        return None;
    }
    let inner = raw
        .strip_prefix(['"', '\''])
        .and_then(|text| text.strip_suffix(['"', '\'']));
    Some(inner.unwrap_or(raw).to_string())
}

/// The edit of a value; a file that is not YAML is edited as text.
fn set(file: &SourceFile, at: Origin, old: &str, new: String) -> Edit {
    let is_yaml = [".yaml", ".yml", ".json"]
        .iter()
        .any(|end| file.path.ends_with(end));
    let raw = file
        .text
        .get(at.start as usize..at.end as usize)
        .unwrap_or_default();
    if is_yaml {
        Edit::Set {
            value: at.into(),
            text: new,
        }
    } else {
        Edit::Replace {
            bytes: at.into(),
            text: raw.replacen(old, &new, 1),
        }
    }
}

/// The map whose value lies at a place.
fn map_of(node: &Node, at: Origin) -> Option<Origin> {
    let is_at = |value: &Node| (value.origin.start, value.origin.end) == (at.start, at.end);
    if node.entries().iter().any(|entry| is_at(&entry.value)) {
        return Some(node.origin);
    }
    let values = node.entries().iter().map(|entry| &entry.value);
    values
        .chain(node.items())
        .find_map(|child| map_of(child, at))
}

/// The key whose value lies at a place.
fn key_of(node: &Node, at: Origin) -> Option<String> {
    let is_at = |value: &Node| (value.origin.start, value.origin.end) == (at.start, at.end);
    if let Some(entry) = node.entries().iter().find(|entry| is_at(&entry.value)) {
        return Some(entry.key.to_string());
    }
    let values = node.entries().iter().map(|entry| &entry.value);
    values
        .chain(node.items())
        .find_map(|child| key_of(child, at))
}
