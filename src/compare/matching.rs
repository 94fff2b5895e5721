//! Matches the objects of two overlays.

use std::collections::HashMap;

use super::Words;
use crate::kustomize::Resource;

/// For each later object, the index of its earlier partner. Objects match by their exact identity,
/// or else without the namespace, or else without the words for their environments. Both the
/// original and the rendered names are tried.
pub(super) fn pairs(
    earlier: &[Resource],
    later: &[Resource],
    words: &(Words, Words),
) -> Vec<Option<usize>> {
    let mut partners: Vec<Option<usize>> = vec![None; later.len()];
    let mut taken = vec![false; earlier.len()];
    for pass in PASSES {
        if partners.iter().all(Option::is_some) || taken.iter().all(|taken| *taken) {
            break;
        }
        let mut open: HashMap<Key, Vec<usize>> = HashMap::new();
        for (index, resource) in earlier
            .iter()
            .enumerate()
            .rev()
            .filter(|(index, _)| !taken[*index])
        {
            open.entry(key(*pass, resource, &words.0))
                .or_default()
                .push(index);
        }
        for (partner, resource) in partners
            .iter_mut()
            .zip(later)
            .filter(|(partner, _)| partner.is_none())
        {
            if let Some(index) = open
                .get_mut(&key(*pass, resource, &words.1))
                .and_then(Vec::pop)
            {
                *partner = Some(index);
                taken[index] = true;
            }
        }
    }
    partners
}

#[derive(Clone, Copy)]
enum Pass {
    Written,
    WithoutNamespace,
    WithoutWords,
    WithoutWordsAndNamespace,
    Rendered,
}

const PASSES: &[Pass] = &[
    Pass::Written,
    Pass::WithoutNamespace,
    Pass::WithoutWords,
    Pass::WithoutWordsAndNamespace,
    Pass::Rendered,
];

type Key = (String, String, String, String);

fn key(pass: Pass, resource: &Resource, words: &Words) -> Key {
    let id = &resource.original;
    let namespace = id.namespace.as_deref().unwrap_or_default();
    let (name, namespace) = match pass {
        Pass::Written => (id.name.clone(), namespace.to_string()),
        Pass::WithoutNamespace => (id.name.clone(), String::new()),
        Pass::WithoutWords => (words.strip(&id.name), words.strip(namespace)),
        Pass::WithoutWordsAndNamespace => (words.strip(&id.name), String::new()),
        Pass::Rendered => (words.strip(resource.name()), String::new()),
    };
    (id.group().to_string(), id.kind.clone(), name, namespace)
}
