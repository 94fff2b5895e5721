//! URLs that lead into the repository itself.

use super::Repo;

impl Repo {
    /// True if a URL leads into this repository: a remote of the clone has the same owner and name.
    pub fn leads_here(&self, url: &str) -> bool {
        let remotes = self.source.remotes();
        let mut names = remotes.iter().filter_map(|remote| owner_and_name(remote));
        names.any(|name| mentions(url, &name))
    }
}

/// `acme/config` of `https://git.example.com/acme/config.git`.
fn owner_and_name(remote: &str) -> Option<String> {
    let path = remote.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    (!name.is_empty() && !owner.is_empty()).then(|| format!("{owner}/{name}"))
}

/// True if a name stands in a URL as whole segments.
fn mentions(url: &str, name: &str) -> bool {
    let mut found = url.match_indices(name);
    found.any(|(at, _)| {
        let before = url.get(..at).is_some_and(|text| text.ends_with(['/', ':']));
        let after = url.get(at + name.len()..).unwrap_or_default();
        before && (after.is_empty() || after.starts_with(['/', '.', '?']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments() {
        let name = owner_and_name("git@git.example.com:acme/config.git").unwrap();
        assert_eq!(name, "acme/config");
        for (url, is_own) in [
            ("https://git.example.com/acme/config//base?ref=main", true),
            ("https://raw.example.com/acme/config/main/a.yaml", true),
            ("https://git.example.com/acme/config-base//x", false),
            ("https://git.example.com/notacme/config//x", false),
        ] {
            assert_eq!(mentions(url, &name), is_own, "{url}");
        }
    }
}
