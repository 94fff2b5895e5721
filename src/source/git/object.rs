//! Reading objects: trees, which are kept, and the contents of files.

use std::collections::HashMap;
use std::sync::Arc;

use gix::objs::Kind;
use gix::objs::tree::EntryKind as Mode;
use sha2::{Digest, Sha256};

use super::{
    EMPTY_TREE, GitError, Id, Repository, Tree, UNSHALLOW, hex, id_of, lock, object, short,
};
use crate::source::{MAX_FILE_SIZE, SourceError, Withheld, pointed_at};

/// Bytes of trees that are kept. A long history of a wide folder has more.
const TREE_CACHE: usize = 64 << 20;

/// The advice about objects that were lost or damaged.
const REPAIR: &str =
    "git fsck lists what is damaged; clone it again, or fetch all of it: git fetch --refetch";

/// The trees that were read.
#[derive(Default)]
pub(super) struct Trees {
    known: HashMap<Id, Arc<Tree>>,
    bytes: usize,
}

impl Repository {
    /// Why an object is not here.
    pub(super) fn withheld(&self, id: &Id, kind: Kind, error: &dyn std::fmt::Display) -> Withheld {
        let because = |reason: String, remedy: &str| Withheld {
            reason,
            remedy: remedy.to_string(),
        };
        match !self.has(id) {
            true if kind == Kind::Commit && self.is_shallow() => {
                because("the clone is shallow".to_string(), UNSHALLOW)
            }
            true if self.is_partial() => because(
                "the clone is partial and lacks it".to_string(),
                "clone without --filter, or fetch what is missing: git fetch --refetch --no-filter",
            ),
            true => because(
                format!("the repository has lost the object {}", short(id)),
                REPAIR,
            ),
            false => because(
                format!(
                    "the object {} of the repository is damaged ({error})",
                    short(id)
                ),
                REPAIR,
            ),
        }
    }

    /// An object that a revision needs is not here.
    pub(super) fn missing(
        &self,
        id: &Id,
        kind: Kind,
        named: String,
        error: &dyn std::fmt::Display,
    ) -> GitError {
        let what = if named == hex(id) {
            format!("the {kind} {named}")
        } else {
            format!("the {kind} {} of {named}", short(id))
        };
        GitError::Missing {
            what,
            withheld: self.withheld(id, kind, error),
        }
    }

    /// The entry at a path of a tree. Links are not followed and submodules not entered.
    pub(in crate::source) fn in_tree(
        &self,
        tree: &Id,
        path: &str,
    ) -> Result<Option<(Mode, Id)>, GitError> {
        let (mut mode, mut id) = (Mode::Tree, *tree);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let tree = if mode == Mode::Tree {
                self.entries(path, &id)?
            } else {
                return Ok(None);
            };
            let Some(entry) = tree.find(part) else {
                return Ok(None);
            };
            (mode, id) = (entry.mode, entry.id);
        }
        Ok(Some((mode, id)))
    }

    /// The entries of a tree. `folder` names it in a message.
    pub(in crate::source) fn entries(&self, folder: &str, id: &Id) -> Result<Arc<Tree>, GitError> {
        self.folder(id).map_err(|withheld| {
            let what = if folder.is_empty() {
                "the top folder".to_string()
            } else {
                format!("the folder {folder}")
            };
            GitError::Missing {
                what: format!("{what} (tree {})", short(id)),
                withheld,
            }
        })
    }

    /// The entries of a tree, or why they are not here.
    pub(super) fn folder(&self, id: &Id) -> Result<Arc<Tree>, Withheld> {
        if let Some(tree) = lock(&self.trees).known.get(id) {
            return Ok(tree.clone());
        }
        if *id == EMPTY_TREE {
            return Ok(Arc::default());
        }
        let bytes = self.with(|repo| {
            // a copy of the right size; the buffer goes on to the next object
            let tree = repo
                .find_tree(object(id))
                .map_err(|error| self.withheld(id, Kind::Tree, &error))?;
            Ok(tree.data.clone())
        })?;
        let tree = Arc::new(
            Tree::read(bytes).ok_or_else(|| self.withheld(id, Kind::Tree, &"it is not a tree"))?,
        );
        let mut trees = lock(&self.trees);
        if trees.bytes > TREE_CACHE {
            *trees = Trees::default();
        }
        trees.bytes += tree.size();
        trees.known.insert(*id, tree.clone());
        Ok(tree)
    }

    /// True if the repository has an object.
    pub(in crate::source) fn has(&self, id: &Id) -> bool {
        self.with(|repo| repo.has_object(object(id)))
    }

    /// The content of a file that is no larger than `largest`.
    pub(crate) fn small_blob(&self, id: &Id, largest: u64) -> Option<Vec<u8>> {
        self.with(|repo| {
            let header = repo
                .find_header(object(id))
                .ok()
                .filter(|header| header.size() <= largest)?;
            (header.kind() == Kind::Blob).then(|| {
                repo.find_blob(object(id))
                    .ok()
                    .map(|blob| blob.data.clone())
            })?
        })
    }

    pub(in crate::source) fn blob(&self, id: &Id) -> Result<Arc<[u8]>, SourceError> {
        self.with(|repo| {
            let missing = |error: &dyn std::fmt::Display| {
                SourceError::Withheld(self.withheld(id, Kind::Blob, error))
            };
            let header = repo
                .find_header(object(id))
                .map_err(|error| missing(&error))?;
            if header.size() > MAX_FILE_SIZE {
                return Err(SourceError::TooLarge);
            }
            let blob = repo
                .find_blob(object(id))
                .map_err(|error| missing(&error))?;
            let large = pointed_at(&blob.data).and_then(|digest| fetched(repo, digest));
            Ok(large.map_or_else(|| blob.data.as_slice().into(), Arc::from))
        })
    }
}

/// The content for a Git LFS pointer, if it was fetched.
fn fetched(repo: &gix::Repository, digest: &str) -> Option<Vec<u8>> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (one, two) = (digest.get(..2)?, digest.get(2..4).filter(|_| is_digest)?);
    let file = repo
        .common_dir()
        .join("lfs/objects")
        .join(one)
        .join(two)
        .join(digest);
    let small = std::fs::metadata(&file).ok()?.len() <= MAX_FILE_SIZE;
    let content = std::fs::read(file).ok().filter(|_| small)?;
    (sha256(&content) == digest).then_some(content)
}

/// The SHA-256 of a content in hexadecimal digits.
pub(in crate::source) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The id that Git gives an object.
fn object_id(kind: Kind, content: &[u8]) -> Id {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, content)
        .map(id_of)
        .unwrap_or_default()
}

/// The id that Git gives a file of this content.
pub fn blob_id(content: &[u8]) -> Id {
    object_id(Kind::Blob, content)
}
