//! The table of `status` as text, Markdown and JSON.

use serde_json::{Value, json};

use super::{Line, Relation};
use crate::cli::options::TextJsonOrMarkdown;
use crate::cli::table::{day, environment, environment_name, table, time, version};
use crate::repo::Repo;
use crate::report::{escape_markdown, printable};
use crate::source::git::{hex, short};

const HEADER: [&str; 8] = [
    "APP",
    "ENVIRONMENT",
    "IMAGE",
    "VERSION",
    "SINCE",
    "COMMIT",
    "AUTHOR",
    "VS PREVIOUS",
];

/// What is printed.
pub(super) struct Report<'r> {
    pub(super) repo: &'r Repo,
    pub(super) lines: &'r [Line<'r>],
    pub(super) revision: Option<&'r str>,
    /// The width of the terminal, if the table goes to one.
    pub(super) columns: Option<usize>,
}

impl Report<'_> {
    pub(super) fn text(&self, format: TextJsonOrMarkdown) -> String {
        match format {
            TextJsonOrMarkdown::Text => self.plain(),
            TextJsonOrMarkdown::Json => self.json(),
            TextJsonOrMarkdown::Markdown => self.markdown(),
        }
    }

    fn plain(&self) -> String {
        let row = |line: &Line| cells(self.repo, line).map(|cell| printable(&cell).into_owned());
        let header = HEADER.map(str::to_string);
        let rows: Vec<[String; 8]> = std::iter::once(header)
            .chain(self.lines.iter().map(row))
            .collect();
        table(&rows, self.columns)
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "| {} |\n|{}\n",
            HEADER.map(str::to_lowercase).join(" | "),
            "---|".repeat(HEADER.len())
        );
        for line in self.lines {
            let cells = cells(self.repo, line).map(|cell| escape_markdown(&cell));
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }

    fn json(&self) -> String {
        let app = |lines: &[Line]| {
            let environments: Vec<Value> = lines
                .chunk_by(|one, other| std::ptr::eq(one.overlay, other.overlay))
                .filter_map(|lines| self.overlay(lines))
                .collect();
            json!({"app": lines.first().map(|line| &line.overlay.app), "environments": environments})
        };
        let apps: Vec<Value> = self
            .lines
            .chunk_by(|one, other| one.overlay.app == other.overlay.app)
            .map(app)
            .collect();
        format!(
            "{:#}\n",
            json!({"version": 1, "revision": self.revision, "apps": apps})
        )
    }

    fn overlay(&self, lines: &[Line]) -> Option<Value> {
        let overlay = lines.first()?.overlay;
        let images: Vec<Value> = lines.iter().map(image).collect();
        Some(json!({
            "environment": environment_name(self.repo, overlay), "variant": overlay.variant,
            "overlay": overlay.path, "images": images,
        }))
    }
}

fn image(line: &Line) -> Value {
    let since = line.since.as_ref();
    json!({
        "name": line.name, "tag": line.version.tag, "digest": line.version.digest,
        "since": since.map(|commit| time(commit)),
        "commit": since.map(|commit| hex(&commit.id)),
        "author": since.map(|commit| commit.author.name.clone()),
        "relation": line.relation.as_ref().map_or("unknown", Relation::as_str),
        "behind_by": match &line.relation {
            Some(Relation::Behind(steps)) => Some(*steps),
            _ => None,
        },
    })
}

fn cells(repo: &Repo, line: &Line) -> [String; 8] {
    let (since, commit, author) = match (&line.since, line.committed) {
        (Some(commit), _) => (day(commit), short(&commit.id), commit.author.name.clone()),
        (None, false) => (
            "now".to_string(),
            "(not committed)".to_string(),
            String::new(),
        ),
        (None, true) => (String::new(), String::new(), String::new()),
    };
    let relation = match &line.relation {
        Some(Relation::Behind(steps)) => format!("{steps} behind"),
        Some(other) => other.as_str().to_string(),
        None => String::new(),
    };
    [
        line.overlay.app.clone(),
        environment(repo, line.overlay),
        line.name.clone(),
        version(&line.version),
        since,
        commit,
        author,
        relation,
    ]
}
