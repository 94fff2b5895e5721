//! `init`: writes a commented configuration for what was found: environments, pairs, objects from
//! elsewhere and rules with many findings. It only contains defaults and comments, so that it changes
//! nothing.

mod draft;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::Error;
use super::options::RepoOptions;
use super::reports;
use super::root;
use super::workspace::Workspace;
use crate::check::Outcome;
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
    if !arguments.stdout && file.symlink_metadata().is_ok() {
        return Err(Error::AlreadyExists(file));
    }
    let workspace = Workspace::load(path, &RepoOptions::default())?;
    // without an overlay there is nothing to check, and nothing to draft from it
    let outcome = super::check::whole(path).ok();
    let text = configuration(&workspace.repo, outcome.as_ref());
    if arguments.stdout {
        return Ok(text);
    }
    reports::save(&file, text.as_bytes()).map_err(|error| Error::writing(&file, error))?;
    Ok(format!("wrote {}\n", file.display()))
}

/// The configuration as text.
fn configuration(repo: &Repo, outcome: Option<&Outcome>) -> String {
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
        "# The configuration of gitops-lint. All of it is optional: it shows what was discovered, so that you\n# can correct it.\nversion: 1\n\n",
    );
    text.push_str("# The promotion order, and the environments that only a reviewed promotion may touch.\nenvironments:\n");
    let mut environments: Vec<_> = repo.environments.iter().enumerate().collect();
    // whoever orders them moves them: behind production they would count as later than it
    environments.sort_by_key(|(_, environment)| environment.protected);
    for (index, environment) in environments {
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
        if !environment.ordered {
            text.push_str(UNORDERED);
        }
        let _ = writeln!(text, "  - {{{fields}}}{}", comment(found));
    }
    let mut rest = REST.to_string();
    let drafts = [
        (PAIRS, draft::pairs(repo)),
        (LEVELS, outcome.map(draft::levels).unwrap_or_default()),
        (EXTERNAL, outcome.map(draft::external).unwrap_or_default()),
    ];
    for (example, lines) in drafts {
        if !lines.is_empty() {
            rest = rest.replacen(example, &lines, 1);
        }
    }
    text.push_str(&rest);
    text
}

/// Above an environment whose place is not known.
const UNORDERED: &str =
    "  # The place of the next one in the promotion order is not known: move its line there.\n";

/// The apps of an environment, as a comment.
fn comment(apps: &[&str]) -> String {
    // a line end in the name of a folder must not end the comment
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

/// The examples that are replaced by what was found.
const PAIRS: &str =
    "#   - {from: apps/api/overlays/staging-eu, to: apps/api/overlays/production}\n";
const LEVELS: &str =
    "#   overlay-drift: warning\n#   mutable-tag: {level: error, floating: [edge, nightly]}\n";
const EXTERNAL: &str =
    "#   - {kind: Secret, name: registry-credentials, environments: [production]}\n";

const REST: &str = r#"
# Where paths contain the app and the environment, if discovery is wrong. The first match wins.
# layout:
#   - path: "deploy/{environment}/{variant}/{app}"
#   - {path: "sandbox/**", ignore: true}

# Levels of rules (off, info, warning, error) and their options; `gitops-lint rules` lists them.
# rules:
#   overlay-drift: warning
#   mutable-tag: {level: error, floating: [edge, nightly]}

# Differences between environments that are intended.
# drift:
#   allow:
#     - {kind: Deployment, name: api, path: /spec/template/spec/nodeSelector, reason: "dedicated nodes", until: 2027-01-31}

# Objects that exist in the cluster but not in the repository.
# external:
#   - {kind: Secret, name: registry-credentials, environments: [production]}

# Copies of remote bases and files, and the output of `helm template` for charts, so that overlays
# that need them can be rendered. A URL without `ref` stands for every revision.
# remotes:
#   "https://github.com/acme/bases//web?ref=v3": vendor/bases/web
# charts:
#   - {name: redis, path: "apps/*/overlays/production", version: "18.1.0", output: vendor/redis/production.yaml}

# Overlays to compare with each other, if the built-in pairing is wrong.
# pairs:
#   - {from: apps/api/overlays/staging-eu, to: apps/api/overlays/production}

# Registries that hold the same images. A digest that is proved in one counts in the other.
# images:
#   mirrors: [{from: ghcr.io/acme, to: registry.internal/acme}]

# Which apps must be promoted before, or together with, the app that needs them.
# dependencies:
#   - {app: checkout, needs: [payments]}

# When nothing may change, by date, cron or recurrence rule. `kind: allow` makes a window the only
# time for changes.
# freeze:
#   - {name: year end, from: 2026-12-20T00:00, to: 2027-01-04T08:00, timeZone: Europe/Berlin, environments: [production]}
#   - {name: weekends, schedule: "0 16 * * 5", duration: 64h, timeZone: Europe/Berlin, except: {authors: ["oncall@acme.example"]}}
#   - {name: release day, rrule: "FREQ=MONTHLY;BYDAY=-1FR", duration: 24h, timeZone: Europe/Berlin, apps: [checkout]}

# A commit with this trailer passes a freeze. It is always reported.
# breakGlass: {trailer: Emergency-Change}

# Logins, names or addresses of bots. The list replaces the built-in one.
# bots: ["*[bot]", "ci-bot@acme.example"]

# Rego policies of your own.
# policies: [policies/]

# Accepted findings in files that cannot hold a comment.
# suppress:
#   - {rule: plaintext-secret, path: "apps/demo/**", reason: "public test key", until: 2027-06-30}
"#;
