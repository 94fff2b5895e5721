//! The variables that Argo CD gives to a build: `$ARGOCD_APP_NAME` and others.

use crate::yaml::Node;

/// Variables of the commit, which only the cluster knows.
const UNKNOWN: [&str; 3] = [
    "ARGOCD_APP_REVISION",
    "ARGOCD_APP_REVISION_SHORT",
    "ARGOCD_APP_REVISION_SHORT_8",
];

/// The variables in a text that only the cluster knows, as they are written.
pub(super) fn unknown_in(text: &str) -> impl Iterator<Item = String> {
    let written = UNKNOWN
        .iter()
        .flat_map(|name| [format!("${{{name}}}"), format!("${name}")]);
    written.filter(move |part| text.contains(part.as_str()))
}

/// The variables that Argo CD gives to a build (`$ARGOCD_APP_NAME`, …).
pub(super) struct Environment<'n> {
    pub(super) node: &'n Node,
    pub(super) source: &'n Node,
}

impl Environment<'_> {
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let text = |node: &Node, path: &[&str]| {
            node.at(path)
                .and_then(Node::text)
                .unwrap_or_default()
                .to_string()
        };
        Some(match name {
            "$" => "$".to_string(),
            "ARGOCD_APP_NAME" => text(self.node, &["metadata", "name"]),
            "ARGOCD_APP_NAMESPACE" => text(self.node, &["spec", "destination", "namespace"]),
            "ARGOCD_APP_PROJECT_NAME" => text(self.node, &["spec", "project"]),
            "ARGOCD_APP_SOURCE_REPO_URL" => text(self.source, &["repoURL"]),
            "ARGOCD_APP_SOURCE_PATH" => text(self.source, &["path"]),
            "ARGOCD_APP_SOURCE_TARGET_REVISION" => text(self.source, &["targetRevision"]),
            unknown if UNKNOWN.contains(&unknown) => return None,
            _ => String::new(),
        })
    }

    /// Fills in `$NAME` and `${NAME}`, as Go's `os.Expand` does. Unknown variables stay as written.
    pub(super) fn expand(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let (name, length) = if let Some(inner) = tail.strip_prefix('{') {
                let Some(end) = inner.find('}') else {
                    rest = &rest[at..];
                    break;
                };
                (&inner[..end], end + 2)
            } else if tail.starts_with('$') {
                ("$", 1)
            } else {
                let end = tail
                    .find(|character| !word(character))
                    .unwrap_or(tail.len());
                (&tail[..end], end)
            };
            match self.value(name).filter(|_| length > 0) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&rest[at..=at + length]),
            }
            rest = &rest[at + 1 + length..];
        }
        out + rest
    }
}
