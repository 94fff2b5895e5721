//! `init`: writes a commented configuration from the layout that was discovered. Everything in it
//! is what the tool does without it, or a comment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::Error;
use super::options::RepoOptions;
use super::root;
use super::workspace::Workspace;
use crate::config::CONFIG_FILE;
use crate::repo::Repo;
use crate::report::printable;
use crate::source::git::is_bare;

/// Apps of an environment that are named in the comment.
const NAMED: usize = 8;

/// Arguments of `init`.
#[derive(Args)]
pub(super) struct Arguments {
    /// A folder of the repository [default: the current folder]
    path: Option<PathBuf>,
    /// Print the configuration instead of writing it
    #[arg(long)]
    stdout: bool,
}

/// Writes the configuration, or returns it for standard output.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let path = arguments.path.as_deref().unwrap_or(Path::new("."));
    let root = root::find(path)?.root;
    if !arguments.stdout && is_bare(&root) {
        return Err(Error::BareRepository(root));
    }
    let file = root.join(CONFIG_FILE);
    if !arguments.stdout && file.exists() {
        return Err(Error::AlreadyExists(file));
    }
    let workspace = Workspace::load(path, &RepoOptions::default())?;
    let text = configuration(&workspace.repo);
    if arguments.stdout {
        return Ok(text);
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Error::writing(&file, error))?;
    Ok(format!("wrote {}\n", file.display()))
}

/// The configuration as text.
fn configuration(repo: &Repo) -> String {
    let mut apps: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for overlay in &repo.overlays {
        if let Some(environment) = overlay.environment {
            let known = apps.entry(environment).or_default();
            if !known.contains(&overlay.app.as_str()) {
                known.push(&overlay.app);
            }
        }
    }
    let mut text = String::from(
        "# The configuration of gitops-lint. Nothing in it is needed: what stands here is what was discovered, for you to correct.\nversion: 1\n\n",
    );
    text.push_str("# The promotion order, and the environments that only a reviewed promotion may touch.\nenvironments:\n");
    for (index, environment) in repo.environments.iter().enumerate() {
        let found = apps.get(&index).map_or(&[][..], |apps| apps);
        let mut fields = format!("name: {}", environment.name);
        let aliases: Vec<&str> = environment
            .aliases
            .iter()
            .map(String::as_str)
            .filter(|alias| *alias != environment.name)
            .collect();
        if !aliases.is_empty() {
            let _ = write!(fields, ", aliases: [{}]", aliases.join(", "));
        }
        if environment.protected {
            fields.push_str(", protected: true");
        }
        let _ = writeln!(text, "  - {{{fields}}}{}", comment(found));
    }
    text.push_str(REST);
    text
}

/// The apps of an environment, as a comment.
fn comment(apps: &[&str]) -> String {
    // a comment ends with its line: nothing that a folder is called may end it earlier
    let named: Vec<String> = apps
        .iter()
        .take(NAMED)
        .map(|app| printable(app).into_owned())
        .collect();
    match (apps.len(), named.join(", ")) {
        (0, _) => String::new(),
        (number, names) if number > NAMED => format!("   # {names} and {} more", number - NAMED),
        (_, names) => format!("   # {names}"),
    }
}

const REST: &str = r#"
# Where apps and environments are, if the paths above are wrong; the first match wins.
# layout:
#   - path: "deploy/{environment}/{variant}/{app}"
#   - {path: "sandbox/**", ignore: true}

# Levels of rules (off, info, warning, error) and their options; `gitops-lint rules` lists them.
# rules:
#   overlay-drift: warning
#   mutable-tag: {level: error, floating: [edge, nightly]}

# Differences between environments that are meant.
# drift:
#   allow:
#     - {kind: Deployment, name: api, path: /spec/template/spec/nodeSelector, reason: "dedicated nodes", until: 2027-01-31}

# What exists in the cluster without being in the repository.
# external:
#   - {kind: Secret, name: registry-credentials, environments: [production]}

# Copies of what lies elsewhere, so that overlays which need it are rendered whole: remote bases and files (one that is named
# without ref stands for every revision), and the output of `helm template` for charts.
# remotes:
#   "https://github.com/acme/bases//web?ref=v3": vendor/bases/web
# charts:
#   - {name: redis, path: "apps/*/overlays/production", version: "18.1.0", output: vendor/redis/production.yaml}

# Overlays that belong together, where the pairing that `gitops-lint status` shows is wrong.
# pairs:
#   - {from: apps/api/overlays/staging-eu, to: apps/api/overlays/production}

# Registries that carry the same images, so that a digest counts as proved under either name.
# images:
#   mirrors: [{from: ghcr.io/acme, to: registry.internal/acme}]

# Which app must be promoted before or together with which.
# dependencies:
#   - {app: checkout, needs: [payments]}

# When nothing may change, by date, by cron or by a recurrence rule; kind: allow turns a window into the only time for changes.
# freeze:
#   - {name: year end, from: 2026-12-20T00:00, to: 2027-01-04T08:00, timeZone: Europe/Berlin, environments: [production]}
#   - {name: weekends, schedule: "0 16 * * 5", duration: 64h, timeZone: Europe/Berlin, except: {authors: ["oncall@acme.example"]}}
#   - {name: release day, rrule: "FREQ=MONTHLY;BYDAY=-1FR", duration: 24h, timeZone: Europe/Berlin, apps: [checkout]}

# A commit with this trailer passes a freeze, and is reported.
# breakGlass: {trailer: Emergency-Change}

# Who is a bot, by login, name or address; it replaces the built-in list.
# bots: ["*[bot]", "ci-bot@acme.example"]

# Rego policies of your own.
# policies: [policies/]

# Findings that are accepted, where a comment in the file cannot say so.
# suppress:
#   - {rule: plaintext-secret, path: "apps/demo/**", reason: "public test key", until: 2027-06-30}
"#;
