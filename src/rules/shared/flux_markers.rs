//! Comments that make a value follow an ImagePolicy of Flux:
//! `# {"$imagepolicy": "flux-system:api:tag"}`.

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
pub(in crate::rules) struct Marker {
    /// The bytes from `{` to `}`.
    pub(in crate::rules) origin: Origin,
    pub(in crate::rules) namespace: String,
    pub(in crate::rules) policy: String,
    /// `name`, `tag`, `digest`, or empty for the whole reference.
    pub(in crate::rules) field: String,
}

impl Marker {
    pub(in crate::rules) fn cause(&self, kind: &'static str) -> Cause {
        Cause::new(kind)
            .with(&*self.namespace)
            .with(&*self.policy)
            .with(&*self.field)
    }
}

/// A file with markers, and the overlays that render it.
pub(in crate::rules) struct MarkedFile<'a> {
    pub(in crate::rules) file: Arc<SourceFile>,
    pub(in crate::rules) markers: Vec<Marker>,
    /// Protected overlays come first.
    pub(in crate::rules) overlays: Vec<&'a Overlay>,
}

/// The files with markers that overlays render, by path.
pub(in crate::rules) fn marked_files<'a>(context: &Context<'a>) -> Vec<MarkedFile<'a>> {
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

/// The `newTag` with a marker in an entry of `images` whose digest is here and has no marker.
pub(in crate::rules) fn tag_beside(repo: &Repo, digest: Origin) -> Option<Origin> {
    let file = repo.files.get(digest.file);
    if !file.text.contains(KEY) {
        return None;
    }
    let kustomization = repo.kustomization(digest.file)?;
    let is_marked = |value: Origin| comments::behind(&file, value).and_then(read).is_some();
    let entry = kustomization.images.iter().find(|entry| {
        let own = entry.digest.as_ref();
        own.is_some_and(|own| own.origin().start == digest.start)
    })?;
    let tag = entry.new_tag.as_ref()?.origin();
    (is_marked(tag) && !is_marked(digest)).then_some(tag)
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
    fn a_tag_beside_a_digest_is_found_in_its_own_entry_only() {
        let tag = |images: &str| {
            let text =
                format!("images:\n{images}").replace("MARK", "# {\"$imagepolicy\": \"f:a:tag\"}");
            let source = Memory::new([("a/kustomization.yaml", &*text)]);
            let repo = Repo::load(Arc::new(source), None, &Config::default());
            let file = repo.kustomization_origin("a").unwrap().file;
            let kustomization = repo.kustomization(file).unwrap();
            let digests = kustomization.images.iter();
            let mut digests = digests.filter_map(|entry| entry.digest.as_ref());
            digests
                .find_map(|digest| tag_beside(&repo, digest.origin()))
                .map(|origin| text[origin.start as usize..origin.end as usize].to_string())
        };
        for (images, expected) in [
            (
                "- name: a\n  newTag: '1' MARK\n  digest: sha256:1\n",
                Some("'1'"),
            ),
            (
                "- digest: sha256:1\n  name: a\n  newTag: '1' MARK\n",
                Some("'1'"),
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
            assert_eq!(tag(images).as_deref(), expected, "{images}");
        }
    }
}
