//! Comments that make a value follow an ImagePolicy: `# {"$imagepolicy": "flux-system:api:tag"}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::finding::Cause;
use crate::repo::{Overlay, Repo};
use crate::rules::Context;
use crate::source::SourceFile;
use crate::yaml::comments::{self, Comment};
use crate::yaml::{FileId, Origin};

const KEY: &str = "\"$imagepolicy\"";

/// A comment that makes a value follow an ImagePolicy.
pub(super) struct Marker {
    /// The bytes from `{` to `}`.
    pub(super) origin: Origin,
    pub(super) namespace: String,
    pub(super) policy: String,
    /// `name`, `tag`, `digest`, or empty for the whole reference.
    pub(super) field: String,
}

impl Marker {
    pub(super) fn cause(&self, kind: &'static str) -> Cause {
        Cause::new(kind)
            .with(&*self.namespace)
            .with(&*self.policy)
            .with(&*self.field)
    }
}

/// A file with markers, and the overlays that render it.
pub(super) struct MarkedFile<'a> {
    pub(super) file: Arc<SourceFile>,
    pub(super) markers: Vec<Marker>,
    /// Protected overlays come first.
    pub(super) overlays: Vec<&'a Overlay>,
}

/// The files with markers that overlays render, by path.
pub(super) fn marked_files<'a>(context: &Context<'a>) -> Vec<MarkedFile<'a>> {
    let repo: &'a Repo = context.repo;
    let mut overlays: BTreeMap<FileId, Vec<&Overlay>> = BTreeMap::new();
    for overlay in context.judged() {
        for file in overlay.rendered.files.iter() {
            if overlay.environment.is_some() {
                overlays.entry(*file).or_default().push(overlay);
            }
        }
    }
    let mut marked: Vec<MarkedFile> = Vec::new();
    for (file, mut overlays) in overlays {
        let file = repo.files.get(file);
        let markers = markers(&file);
        if !markers.is_empty() {
            overlays.sort_by_key(|overlay| !repo.protected(overlay));
            marked.push(MarkedFile {
                file,
                markers,
                overlays,
            });
        }
    }
    marked.sort_by(|one, other| one.file.path.cmp(&other.file.path));
    marked
}

fn markers(file: &SourceFile) -> Vec<Marker> {
    // most files have no marker, and need not be asked for their comments
    if !file.text.contains(KEY) {
        return Vec::new();
    }
    comments::of(file).filter_map(read).collect()
}

/// The marker in a comment.
fn read(comment: Comment<'_>) -> Option<Marker> {
    let text = comment.text;
    let at = text.find(KEY)?;
    let open = text.get(..at)?.rfind('{')?;
    let rest = text.get(at + KEY.len()..)?.trim_start();
    let rest = rest.strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let (value, after) = rest.split_once('"')?;
    let end = text.len() - after.len() + after.find('}').map_or(0, |close| close + 1);
    let mut parts = value.split(':').map(str::to_string);
    Some(Marker {
        origin: Origin {
            start: comment.origin.start + u32::try_from(open).ok()?,
            end: comment.origin.start + u32::try_from(end).ok()?,
            ..comment.origin
        },
        namespace: parts.next()?,
        policy: parts.next()?,
        field: parts.next().unwrap_or_default(),
    })
}

/// The digest without a marker in the entry of `images` whose `newTag` has this marker.
pub(super) fn digest_beside(repo: &Repo, file: &SourceFile, marker: &Marker) -> Option<Origin> {
    let kustomization = repo.kustomization(file.id)?;
    let marker_behind = |value: Origin| comments::behind(file, value).and_then(read);
    let entry = kustomization.images.iter().find(|entry| {
        let tag = entry.new_tag.as_ref();
        let behind = tag.and_then(|tag| marker_behind(tag.origin()));
        behind.is_some_and(|behind| behind.origin == marker.origin)
    })?;
    let digest = entry.digest.as_ref()?.origin();
    marker_behind(digest).is_none().then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::source::Files;
    use crate::source::memory::Memory;

    fn file(path: &str, text: &str) -> Arc<SourceFile> {
        let files = Files::default();
        files.get(files.add(path, None, text.into()))
    }

    #[test]
    fn markers_are_read_as_flux_reads_them() {
        let text = "a: b:1 # {\"$imagepolicy\": \"flux-system:api\"}\nnewTag: 1 # {\"$imagepolicy\": \"ns:web:tag\"}\n\"$imagepolicy\": no\n";
        let found = markers(&file("a.yaml", text));
        let shown: Vec<_> = found
            .iter()
            .map(|marker| (&*marker.namespace, &*marker.policy, &*marker.field))
            .collect();
        assert_eq!(shown, [("flux-system", "api", ""), ("ns", "web", "tag")]);
        let origin = found[0].origin;
        assert_eq!(
            &text[origin.start as usize..origin.end as usize],
            "{\"$imagepolicy\": \"flux-system:api\"}"
        );
    }

    #[test]
    fn text_inside_a_scalar_is_not_a_marker() {
        let marker = "# {\"$imagepolicy\": \"flux-system:api:tag\"}";
        let block = format!("data:\n  values.yaml: |\n    tag: 1 {marker}\n");
        assert!(markers(&file("a.yaml", &block)).is_empty());
        let quoted = format!("data: {{a: 'tag: 1 {marker}'}}\n");
        assert!(markers(&file("a.yaml", &quoted)).is_empty());
    }

    #[test]
    fn a_digest_beside_a_tag_is_found_in_its_own_entry_only() {
        let digest = |images: &str| {
            let text =
                format!("images:\n{images}").replace("MARK", "# {\"$imagepolicy\": \"f:a:tag\"}");
            let source = Memory::new([("a/kustomization.yaml", &*text)]);
            let repo = Repo::load(Arc::new(source), None, &Config::default());
            let file = repo.files.get(repo.kustomization_origin("a").unwrap().file);
            let marker = markers(&file).remove(0);
            digest_beside(&repo, &file, &marker)
                .map(|origin| text[origin.start as usize..origin.end as usize].to_string())
        };
        for (images, expected) in [
            (
                "- name: a\n  newTag: '1' MARK\n  digest: sha256:1\n",
                Some("sha256:1"),
            ),
            (
                "- digest: sha256:1\n  name: a\n  newTag: '1' MARK\n",
                Some("sha256:1"),
            ),
            (
                "- name: a\n  newTag: '1' MARK\n- name: b\n  digest: sha256:1\n",
                None,
            ),
            (
                "- name: a\n  newTag: '1' MARK\n  digest: sha256:1 MARK\n",
                None,
            ),
            ("- name: a\n  newTag: '1' MARK\nreplicas: []\n", None),
        ] {
            assert_eq!(digest(images).as_deref(), expected, "{images}");
        }
    }
}
