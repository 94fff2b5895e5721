//! The rights of pods: their ServiceAccount, their host, their capabilities.

use super::{Access, Kind, Strength};
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The rights of the pods of an object.
pub(super) fn rights(resource: &Resource) -> Vec<Access<'_>> {
    let mut found = Vec::new();
    for workload in workload::of(resource) {
        found.extend(account(&workload));
        host(&workload, &mut found);
        capabilities(&workload, &mut found);
    }
    found
}

fn account<'r>(workload: &Workload<'r>) -> Option<Access<'r>> {
    let fields = ["serviceAccountName", "serviceAccount"].into_iter();
    let (field, name) = fields
        .filter_map(|field| Some((field, workload.pod.get(field)?)))
        .next()?;
    Some(Access {
        resource: workload.resource,
        kind: Kind::Account,
        holder: "",
        what: format!("ServiceAccount `{}`", name.text()?),
        strength: Strength::Strong,
        origin: name.origin,
        pointer: format!("{}/{field}", workload.pointer),
    })
}

fn host<'r>(workload: &Workload<'r>, found: &mut Vec<Access<'r>>) {
    let mut add = |what: String, node: &Node, pointer: String| {
        found.push(Access {
            resource: workload.resource,
            kind: Kind::Host,
            holder: "",
            what,
            strength: Strength::Total,
            origin: node.origin,
            pointer,
        });
    };
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        let value = workload.pod.get(field);
        if let Some(value) = value.filter(|value| value.as_bool() == Some(true)) {
            let pointer = format!("{}/{field}", workload.pointer);
            add(format!("`{field}`"), value, pointer);
        }
    }
    for (path, holder) in contexts(workload) {
        for (field, weak, what) in HOST_SETTINGS {
            let value = holder.at(&field.split('.').collect::<Vec<_>>());
            let is_weak = |value: &&Node| value.text().is_some_and(|text| text == *weak);
            if let Some(value) = value.filter(is_weak) {
                let pointer = format!("{path}/{}", field.replace('.', "/"));
                add(what.to_string(), value, pointer);
            }
        }
    }
    let sysctls = workload.pod.at(&["securityContext", "sysctls"]);
    for (index, sysctl) in sysctls.map_or(&[][..], Node::items).iter().enumerate() {
        let name = sysctl
            .get("name")
            .and_then(|name| Some((name, name.text()?)));
        if let Some((name, text)) = name.filter(|(_, text)| !SAFE_SYSCTLS.contains(text)) {
            let pointer = format!("{}/securityContext/sysctls/{index}/name", workload.pointer);
            add(format!("sysctl `{text}`"), name, pointer);
        }
    }
    let volumes = workload.pod.get("volumes").map_or(&[][..], Node::items);
    for (index, volume) in volumes.iter().enumerate() {
        let path = volume.at(&["hostPath", "path"]);
        if let Some((path, text)) = path.and_then(|path| Some((path, path.text()?))) {
            let pointer = format!("{}/volumes/{index}/hostPath/path", workload.pointer);
            add(format!("hostPath `{text}`"), path, pointer);
        }
    }
}

/// The sysctls that Kubernetes counts as safe: they reach no other pod.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// Settings of a security context that open the host: the field, the value that does so, and its
/// name in messages.
const HOST_SETTINGS: &[(&str, &str, &str)] = &[
    ("windowsOptions.hostProcess", "true", "`hostProcess`"),
    ("procMount", "Unmasked", "`procMount: Unmasked`"),
    ("appArmorProfile.type", "Unconfined", "no AppArmor profile"),
];

/// The security contexts of a pod and of its containers, with the pointers to them.
fn contexts<'r>(workload: &Workload<'r>) -> Vec<(String, &'r Node)> {
    let own = workload.pod.get("securityContext");
    let own = own.map(|node| (format!("{}/securityContext", workload.pointer), node));
    let containers = workload.containers.iter().filter_map(|container| {
        let node = container.node.get("securityContext")?;
        Some((format!("{}/securityContext", container.pointer), node))
    });
    own.into_iter().chain(containers).collect()
}

fn capabilities<'r>(workload: &Workload<'r>, found: &mut Vec<Access<'r>>) {
    for container in &workload.containers {
        let added = container
            .node
            .at(&["securityContext", "capabilities", "add"]);
        for (index, item) in added.map_or(&[][..], Node::items).iter().enumerate() {
            let Some(name) = item.text() else { continue };
            found.push(Access {
                resource: workload.resource,
                kind: Kind::Capability,
                holder: container.name,
                what: name.to_string(),
                strength: Strength::Strong,
                origin: item.origin,
                pointer: format!(
                    "{}/securityContext/capabilities/add/{index}",
                    container.pointer
                ),
            });
        }
    }
}
