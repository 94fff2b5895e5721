//! The tables of `status` as text, Markdown and JSON.

use serde_json::{Value, json};

use super::{Line, Relation, matrix};
use crate::cli::options::TextJsonOrMarkdown;
use crate::cli::paint::MARK;
use crate::cli::table::{day, environment, environment_name, table, time, version};
use crate::repo::Repo;
use crate::report::{
    Matrix, MatrixCell, MatrixRow, OpenPromotion, count, escape_markdown, printable,
};
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

/// The data that is printed.
pub(super) struct Report<'r> {
    pub(super) repo: &'r Repo,
    pub(super) lines: &'r [Line<'r>],
    pub(super) revision: Option<&'r str>,
    /// List every image.
    pub(super) images: bool,
    /// The width of the terminal, if the table goes to one.
    pub(super) columns: Option<usize>,
}

impl Report<'_> {
    pub(super) fn text(&self, format: TextJsonOrMarkdown) -> String {
        match format {
            TextJsonOrMarkdown::Text if self.images => self.every_image(),
            TextJsonOrMarkdown::Text => self.by_app(),
            TextJsonOrMarkdown::Json => self.json(),
            TextJsonOrMarkdown::Markdown => self.markdown(),
        }
    }

    /// One row for each app, one column for each environment, and the promotions that are open.
    fn by_app(&self) -> String {
        let matrix = matrix::of(self.repo, self.lines);
        let mut text = String::new();
        for environments in self.columns_of(&matrix) {
            let name = |index: &usize| {
                matrix
                    .environments
                    .get(*index)
                    .map(|one| one.to_uppercase())
            };
            let header = environments.iter().filter_map(name);
            let header = std::iter::once("APP".to_string()).chain(header).collect();
            let row = |row: &MatrixRow| {
                let cells = environments.iter().map(|index| row.cells.get(*index));
                let cells = cells.map(|cells| shown(&row.app, cells.map_or(&[], Vec::as_slice)));
                let app = printable(&row.app).into_owned();
                std::iter::once(app).chain(cells).collect()
            };
            let rows: Vec<Vec<String>> = std::iter::once(header)
                .chain(matrix.rows.iter().map(row))
                .collect();
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&table(&rows, self.columns));
        }
        text.push_str(&open(&matrix, self.columns));
        text
    }

    /// The environments that have room beside each other.
    fn columns_of(&self, matrix: &Matrix) -> Vec<Vec<usize>> {
        /// The width of a column that can still be read, with the blanks before it.
        const READABLE: usize = 14;
        let all: Vec<usize> = (0..matrix.environments.len()).collect();
        let most = self
            .columns
            .map_or(all.len(), |columns| (columns / READABLE).saturating_sub(1));
        all.chunks(most.max(1)).map(<[usize]>::to_vec).collect()
    }

    fn every_image(&self) -> String {
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

/// A cell: the version of the image that is named after the app, else of the first one, and the number
/// of the others. A mark says that the environment before runs another version.
fn shown(app: &str, cells: &[MatrixCell]) -> String {
    let is_own = |cell: &&MatrixCell| matrix::last(&cell.name) == app;
    let differs = |cell: &&MatrixCell| cell.differs;
    let own = cells.iter().find(is_own);
    let Some(first) = own.or(cells.iter().find(differs)).or(cells.first()) else {
        return String::new();
    };
    let is_same = |cell: &&MatrixCell| cell.name == first.name;
    let mut versions: Vec<&str> = Vec::new();
    for cell in cells.iter().filter(is_same) {
        if !versions.contains(&cell.version.as_str()) {
            versions.push(&cell.version);
        }
    }
    let mut names: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = match names.len() {
        0 | 1 => String::new(),
        number => format!(" +{}", number - 1),
    };
    let mark = if cells.iter().any(|cell| cell.differs) {
        MARK
    } else {
        ""
    };
    printable(&format!("{}{more}{mark}", versions.join(", "))).into_owned()
}

/// Promotions that are listed.
const OPEN: usize = 30;

/// The promotions that are open, one on a line, then what runs ahead of the environment before.
fn open(matrix: &Matrix, columns: Option<usize>) -> String {
    let (ahead, open): (Vec<&OpenPromotion>, Vec<&OpenPromotion>) =
        matrix.open.iter().partition(|one| one.is_ahead);
    let mut text = match open.len() {
        0 => "\nno promotion is open\n".to_string(),
        number => format!(
            "\n{}; `*` marks a version that differs from the environment before\n",
            count(number, "open promotion")
        ),
    };
    text.push_str(&promotions(&open, columns));
    if !ahead.is_empty() {
        text.push_str("\nahead of the environment before\n");
        text.push_str(&promotions(&ahead, columns));
    }
    if let Some(first) = open.first() {
        let to = first.to.split('/').next().unwrap_or(&first.to);
        let next = format!(
            "`gitops-lint promote {} --to {to} --dry-run` shows the edits",
            first.app
        );
        text.push_str(&format!("\n{}\n", printable(&next)));
    }
    text
}

fn promotions(found: &[&OpenPromotion], columns: Option<usize>) -> String {
    let row = |one: &&OpenPromotion| {
        let arrow = if one.is_ahead { "<-" } else { "->" };
        let relation = match (one.is_ahead, one.behind) {
            (true, _) => format!("ahead of {}", one.from),
            (_, Some(steps)) => format!("{steps} behind {}", one.from),
            (_, None) => format!("differs from {}", one.from),
        };
        let image = match matrix::last(&one.name) {
            last if last == one.app => String::new(),
            last => last.to_string(),
        };
        let row = [
            format!("  {}", one.app),
            one.to.clone(),
            format!("{} {arrow} {}", one.current, one.next),
            relation,
            image,
        ];
        row.map(|cell| printable(&cell).into_owned())
    };
    let rows: Vec<[String; 5]> = found.iter().take(OPEN).map(row).collect();
    let mut text = table(&rows, columns);
    if found.len() > OPEN {
        text.push_str(&format!("  and {} more\n", found.len() - OPEN));
    }
    text
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
