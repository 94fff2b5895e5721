//! The keys that can decrypt an object that SOPS encrypted.

use super::{Access, Kind, Strength};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The lists of keys in the metadata of SOPS, and the field that names a key.
const LISTS: [(&str, &str); 6] = [
    ("age", "recipient"),
    ("pgp", "fp"),
    ("kms", "arn"),
    ("gcp_kms", "resource_id"),
    ("azure_kv", "name"),
    ("hc_vault", "key_name"),
];

/// The keys of an object.
pub(super) fn rights(resource: &Resource) -> Vec<Access<'_>> {
    let Some(metadata) = resource.node.get("sops") else {
        return Vec::new();
    };
    // keys may stand in groups
    let groups = metadata.get("key_groups").map_or(&[][..], Node::items);
    let groups = groups.iter().enumerate();
    let groups = groups.map(|(index, group)| (format!("/sops/key_groups/{index}"), group));
    let mut found = Vec::new();
    for (pointer, group) in std::iter::once(("/sops".to_string(), metadata)).chain(groups) {
        for (list, field) in LISTS {
            let keys = group.get(list).map_or(&[][..], Node::items);
            for (index, key) in keys.iter().enumerate() {
                let Some((key, name)) = key.get(field).and_then(|key| Some((key, key.text()?)))
                else {
                    continue;
                };
                found.push(Access {
                    resource,
                    kind: Kind::Decryption,
                    holder: "",
                    what: format!("{list} `{name}`"),
                    strength: Strength::Strong,
                    origin: key.origin,
                    pointer: format!("{pointer}/{list}/{index}/{field}"),
                });
            }
        }
    }
    found
}
