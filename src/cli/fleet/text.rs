//! The fleet as an indented tree.

use std::collections::BTreeSet;

use super::{Report, folder, objects};
use crate::finding::Location;
use crate::repo::fleet::{Applied, Change, Reads};
use crate::report::{count, printable};
use crate::wording::{list, wrapped};

/// Writes the tree of each cluster, what is not followed, and what changed.
pub(super) fn write(report: &Report<'_>) -> String {
    let mut out = String::new();
    for (cluster, roots) in report.clusters() {
        out += &format!("{}\n", printable(&cluster));
        let mut tree = Tree {
            report,
            out: &mut out,
            shown: BTreeSet::new(),
        };
        for root in roots {
            tree.line(root, 1);
        }
    }
    if report.fleet.applied.is_empty() {
        out += "no Argo CD or Flux object applies a folder of this repository\n";
    }
    if !report.fleet.unfollowed.is_empty() {
        out += "\nnot followed\n";
        for one in &report.fleet.unfollowed {
            let place = Location::resolve(&report.repo.files, one.origin);
            let line = format!("{}:{}: {}", place.file, place.line, one.reason);
            let line = format!("  {}", printable(&line));
            out += &format!(
                "{}\n",
                wrapped(&line, report.columns.unwrap_or(usize::MAX), 4)
            );
        }
    }
    if let Some(changes) = &report.changes {
        out += "\nchanges\n";
        if changes.is_empty() {
            out += "  none\n";
        }
        for change in changes {
            out += &format!("  {}\n", printable(&sentence(change)));
        }
    }
    out
}

struct Tree<'t, 'r> {
    report: &'t Report<'r>,
    out: &'t mut String,
    /// The nodes whose children are written already.
    shown: BTreeSet<usize>,
}

impl Tree<'_, '_> {
    /// The depth is that of agents, which following limits.
    fn line(&mut self, index: usize, depth: usize) {
        let Some(one) = self.report.fleet.applied.get(index) else {
            return;
        };
        let again = !one.children.is_empty() && !self.shown.insert(index);
        let mut line = describe(one);
        if again {
            line += " (shown above)";
        }
        let line = format!("{}{}", "  ".repeat(depth), printable(&line));
        let columns = self.report.columns.unwrap_or(usize::MAX);
        *self.out += &format!("{}\n", wrapped(&line, columns, 2 * depth + 4));
        if !again {
            for child in &one.children {
                self.line(*child, depth + 1);
            }
        }
    }
}

/// `Kustomization flux-system/apps → apps/production at main, 8 objects, waits for infra`
fn describe(one: &Applied<'_>) -> String {
    let pointer = one.pointer;
    let mut line = format!("{} → {}", pointer.agent.name, folder(&pointer.folder));
    if let Some(revision) = one.revision {
        line += &format!(" at {revision}");
    }
    line += &match objects(one) {
        Some(number) => format!(", {}", count(number, "object")),
        None => ", not rendered".to_string(),
    };
    if one
        .overlay
        .is_some_and(|overlay| !overlay.rendered.complete)
    {
        line += " (incomplete)";
    }
    if !one.waits_for.is_empty() {
        line += &format!(", waits for {}", list(&one.waits_for));
    }
    if one.suspended {
        line += ", suspended";
    }
    line
}

fn sentence(change: &Change) -> String {
    let (name, environment, variant) = &change.agent;
    let place = match (environment, variant) {
        (Some(environment), Some(variant)) => format!(" in {environment}/{variant}"),
        (Some(environment), None) => format!(" in {environment}"),
        _ => String::new(),
    };
    let reads = |(path, revision): &Reads| match revision {
        Some(revision) => format!("{} at {revision}", folder(path)),
        None => folder(path).to_string(),
    };
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => {
            format!(
                "{name}{place} applies {} instead of {}",
                reads(to),
                reads(from)
            )
        }
        (None, Some(to)) => format!("{name}{place} is new and applies {}", reads(to)),
        (Some(from), None) => format!("{name}{place} is gone; it applied {}", reads(from)),
        (None, None) => format!("{name}{place} is unchanged"),
    }
}
