//! Records of what runs where, kept beside the manifests: `versions.json`, `VERSIONS.md` and what
//! `records` of the configuration names.
//!
//! Read forgivingly, since every team writes its own. In JSON and YAML the keys, or the fields
//! `app` and `environment` of the items of lists, say of which app and environment a version is
//! told, in any nesting and order; a version is a text or a map with `tag` (or `version`, `newTag`)
//! and `digest`. In Markdown it is a table with a column for the app and one for the version, or
//! one for each environment; a heading may name the app or the environment. What names no app and
//! environment of the repo is not a claim. Not here: comparing claims with what is rendered
//! (`rules`).

use std::collections::{BTreeSet, HashMap};

use super::Overlay;
use crate::config::Environment;
use crate::kubernetes::image::Image;
use crate::kustomize::Renderer;
use crate::yaml::{By, FileId, Node, Origin};

/// Names of records that are found at the root without configuration.
pub const NAMES: &[&str] = &[
    "versions.json",
    "versions.yaml",
    "versions.yml",
    "VERSIONS.md",
];

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The file.
    pub file: FileId,
    /// What it says, in the order of the file.
    pub claims: Vec<Claim>,
}

/// What a record says of an app in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The app.
    pub app: String,
    /// Index of the environment.
    pub environment: usize,
    /// The variant, where the record tells variants apart.
    pub variant: Option<String>,
    /// The image, where the record names it.
    pub image: Option<String>,
    /// The tag, with its place.
    pub tag: Option<(String, Origin)>,
    /// The digest or the start of one, with its place.
    pub digest: Option<(String, Origin)>,
}

/// The words by which a record is read.
struct Words<'a> {
    /// Apps by their names and by the last part of them, in lower case.
    apps: HashMap<String, &'a str>,
    variants: BTreeSet<&'a str>,
    environments: &'a [Environment],
}

impl Words<'_> {
    /// The app that a text names: by its name, or by the last part of it.
    fn app(&self, text: &str) -> Option<String> {
        self.apps
            .get(&plain(text).to_ascii_lowercase())
            .map(|app| app.to_string())
    }

    /// The environment that a text names, with the variant behind a `/`.
    fn environment(&self, text: &str) -> Option<(usize, Option<String>)> {
        let text = plain(text);
        let (name, variant) = text
            .split_once('/')
            .map_or((text, None), |(name, variant)| {
                (name, Some(variant.to_string()))
            });
        let lower = name.to_lowercase();
        let is = |environment: &Environment| {
            environment.name.to_lowercase() == lower || environment.aliases.contains(&lower)
        };
        Some((self.environments.iter().position(is)?, variant))
    }
}

/// A text without the marks of Markdown around it.
fn plain(text: &str) -> &str {
    let text = text.trim().trim_matches(['*', '`', '_']).trim();
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]("))
    {
        Some((label, _)) => label.trim_matches(['*', '`']),
        None => text,
    }
}

/// Apps by their names, else by the last part of them; the first in the order of names counts.
fn by_name<'a>(apps: &BTreeSet<&'a str>) -> HashMap<String, &'a str> {
    let last = apps
        .iter()
        .map(|app| (app.rsplit('/').next().unwrap_or(app), *app));
    let mut found = HashMap::new();
    for (name, app) in apps.iter().map(|app| (*app, *app)).chain(last) {
        found.entry(name.to_ascii_lowercase()).or_insert(app);
    }
    found
}

/// Reads the records of a tree.
pub fn read(
    renderer: &Renderer,
    paths: &[String],
    overlays: &[Overlay],
    environments: &[Environment],
) -> Vec<Record> {
    let apps = overlays
        .iter()
        .filter(|overlay| overlay.environment.is_some())
        .map(|overlay| overlay.app.as_str())
        .collect();
    let words = Words {
        apps: by_name(&apps),
        variants: overlays
            .iter()
            .filter_map(|overlay| overlay.variant.as_deref())
            .collect(),
        environments,
    };
    let paths = NAMES
        .iter()
        .copied()
        .chain(paths.iter().map(String::as_str));
    let mut found: Vec<Record> = Vec::new();
    for path in paths {
        let Some(record) = read_one(renderer, path, &words) else {
            continue;
        };
        if found.iter().all(|other| other.file != record.file) {
            found.push(record);
        }
    }
    found
}

fn read_one(renderer: &Renderer, path: &str, words: &Words) -> Option<Record> {
    let source = renderer.source();
    let mut claims = Vec::new();
    let markdown = path
        .rsplit('.')
        .next()
        .is_some_and(|end| end.eq_ignore_ascii_case("md"));
    let file = if markdown {
        let bytes = source.read(path).ok()?;
        let file = renderer.files().add(
            path,
            source.revision_of(path).as_deref(),
            std::str::from_utf8(&bytes).ok()?.into(),
        );
        read_markdown(&renderer.files().get(file).text, file, words, &mut claims);
        file
    } else {
        let documents = source.kind(path).and_then(|_| renderer.parsed(path).ok())?;
        for node in &documents.documents {
            read_node(node, &Said::default(), words, &mut claims);
        }
        renderer.file_id(path)?
    };
    Some(Record { file, claims })
}

/// What the way to a value said already.
#[derive(Clone, Default)]
struct Said {
    app: Option<String>,
    environment: Option<usize>,
    variant: Option<String>,
    image: Option<String>,
}

impl Said {
    fn hear(&mut self, text: &str, words: &Words) {
        if self.environment.is_none()
            && let Some((environment, variant)) = words.environment(text)
        {
            self.environment = Some(environment);
            self.variant = variant.or(self.variant.take());
        } else if self.app.is_none()
            && let Some(app) = words.app(text)
        {
            self.app = Some(app);
        } else if words.variants.contains(text) {
            self.variant = Some(text.to_string());
        }
    }

    fn claim(&self, version: Version, claims: &mut Vec<Claim>) {
        let (Some(app), Some(environment)) = (&self.app, self.environment) else {
            return;
        };
        if version.tag.is_some() || version.digest.is_some() {
            let image = version.image.or_else(|| self.image.clone());
            let (app, variant) = (app.clone(), self.variant.clone());
            claims.push(Claim {
                app,
                environment,
                variant,
                image,
                tag: version.tag,
                digest: version.digest,
            });
        }
    }
}

#[derive(Default)]
struct Version {
    image: Option<String>,
    tag: Option<(String, Origin)>,
    digest: Option<(String, Origin)>,
}

impl Version {
    /// Reads `1.2.3`, `1.2.3@sha256:…`, `@abc…`, `registry/api:1.2.3`, a digest; nothing of what is
    /// no version.
    fn read(text: &str, origin: Origin) -> Version {
        let text = plain(text).split_whitespace().next().unwrap_or_default();
        let is_hex =
            |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_digest = |text: &str| is_hex(text.rsplit(':').next().unwrap_or_default());
        let tag = |tag: &str| (!tag.is_empty() && tag != "-").then(|| (tag.to_string(), origin));
        if let Some(digest) = text
            .strip_prefix('@')
            .or_else(|| text.starts_with("sha256:").then_some(text))
        {
            return Version {
                digest: is_digest(digest).then(|| (digest.to_string(), origin)),
                ..Version::default()
            };
        }
        if text.contains('/') {
            let image = Image::split(text);
            return Version {
                image: Some(image.name.to_string()),
                tag: image.tag.and_then(tag),
                digest: image.digest.map(|digest| (digest.to_string(), origin)),
            };
        }
        let (name, digest) = text
            .split_once('@')
            .map_or((text, None), |(name, digest)| (name, Some(digest)));
        if !name.bytes().any(|byte| byte.is_ascii_digit()) || name.contains(':') {
            return Version::default();
        }
        let digest = digest
            .filter(|digest| is_digest(digest))
            .map(|digest| (digest.to_string(), origin));
        Version {
            image: None,
            tag: tag(name),
            digest,
        }
    }
}

const APP_KEYS: &[&str] = &["app", "application", "service", "component"];
const ENVIRONMENT_KEYS: &[&str] = &["environment", "env", "stage"];
const VARIANT_KEYS: &[&str] = &["variant", "region", "cluster"];
const IMAGE_KEYS: &[&str] = &["image", "name", "repository"];
const TAG_KEYS: &[&str] = &["tag", "version", "newTag", "imageTag"];
const DIGEST_KEYS: &[&str] = &["digest", "sha256", "imageDigest"];

fn read_node(node: &Node, said: &Said, words: &Words, claims: &mut Vec<Claim>) {
    for item in node.items() {
        read_node(item, said, words, claims);
    }
    if let Some(text) = node
        .as_scalar()
        .filter(|_| !node.is_null())
        .map(|scalar| scalar.text.to_string())
    {
        said.claim(Version::read(&text, node.origin), claims);
        return;
    }
    let field = |keys: &[&str]| {
        node.entries()
            .iter()
            .find(|entry| keys.contains(&&*entry.key))
            .map(|entry| &entry.value)
    };
    let text = |keys: &[&str]| {
        field(keys)
            .filter(|node| !node.is_null())
            .and_then(Node::as_scalar)
            .map(|scalar| scalar.text.to_string())
    };
    let mut said = said.clone();
    said.app = text(APP_KEYS).and_then(|app| words.app(&app)).or(said.app);
    if let Some((environment, variant)) =
        text(ENVIRONMENT_KEYS).and_then(|environment| words.environment(&environment))
    {
        (said.environment, said.variant) = (Some(environment), variant.or(said.variant));
    }
    said.variant = text(VARIANT_KEYS).or(said.variant);
    let leaf =
        |keys: &[&str]| field(keys).filter(|node| node.as_scalar().is_some() && !node.is_null());
    let (tag, digest) = (leaf(TAG_KEYS), leaf(DIGEST_KEYS));
    if said.app.is_some() && said.environment.is_some() && (tag.is_some() || digest.is_some()) {
        let told = |node: &Node| {
            node.as_scalar()
                .map(|scalar| (scalar.text.to_string(), node.origin))
        };
        said.image = text(IMAGE_KEYS).or(said.image);
        said.claim(
            Version {
                image: None,
                tag: tag.and_then(told),
                digest: digest.and_then(told),
            },
            claims,
        );
        return;
    }
    if let (Some(_), Some(_), Some(image)) = (&said.app, said.environment, leaf(&["image"])) {
        said.claim(
            Version::read(
                &image
                    .as_scalar()
                    .map(|scalar| scalar.text.to_string())
                    .unwrap_or_default(),
                image.origin,
            ),
            claims,
        );
    }
    for entry in node.entries() {
        let fields = [
            APP_KEYS,
            ENVIRONMENT_KEYS,
            VARIANT_KEYS,
            IMAGE_KEYS,
            TAG_KEYS,
            DIGEST_KEYS,
        ];
        let told = entry.value.as_scalar().is_some()
            && fields.iter().any(|keys| keys.contains(&&*entry.key));
        if !told {
            let mut below = said.clone();
            below.hear(&entry.key, words);
            // `updated: 2026-01-01` beside versions tells no version
            if entry.value.as_scalar().is_none()
                || (&below.app, below.environment, &below.variant)
                    != (&said.app, said.environment, &said.variant)
            {
                read_node(&entry.value, &below, words, claims);
            }
        }
    }
}

/// What a column of a table tells.
enum Column {
    App,
    Environment,
    Variant,
    Image,
    Version,
    Digest,
    /// The versions of an environment.
    Of(usize, Option<String>),
    Other,
}

fn read_markdown(text: &str, file: FileId, words: &Words, claims: &mut Vec<Claim>) {
    let mut headings: Vec<(usize, Said)> = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (at, trimmed) = (start, line.trim());
        start += line.len();
        let said = headings
            .last()
            .map(|(_, said)| said.clone())
            .unwrap_or_default();
        if let Some(title) = trimmed.strip_prefix('#') {
            let depth = title.len() - title.trim_start_matches('#').len();
            headings.retain(|(other, _)| *other < depth);
            let mut said = headings
                .last()
                .map(|(_, said)| said.clone())
                .unwrap_or_default();
            said.hear(plain(title.trim_start_matches('#')), words);
            headings.push((depth, said));
            columns.clear();
            continue;
        }
        if !trimmed.contains('|') {
            columns.clear();
            read_item(line, at, file, said, words, claims);
            continue;
        }
        let cells = cells(line, at);
        if columns.is_empty() {
            columns = cells.iter().map(|(cell, _)| column(cell, words)).collect();
            continue;
        }
        if cells
            .iter()
            .all(|(cell, _)| cell.chars().all(|letter| matches!(letter, '-' | ':' | ' ')))
        {
            continue;
        }
        read_row(&cells, &columns, file, said, words, claims);
    }
}

/// `- api: 1.2.3` below the heading of an environment, `- production: 1.2.3` below that of an app.
fn read_item(
    line: &str,
    at: usize,
    file: FileId,
    mut said: Said,
    words: &Words,
    claims: &mut Vec<Claim>,
) {
    let Some((name, version)) = line
        .trim_start()
        .strip_prefix(['-', '*'])
        .and_then(|item| item.split_once(": "))
    else {
        return;
    };
    said.hear(plain(name), words);
    // it is the end of the line
    said.claim(
        Version::read(
            version,
            place(version, at + line.len() - version.len(), file),
        ),
        claims,
    );
}

fn read_row(
    cells: &[(&str, usize)],
    columns: &[Column],
    file: FileId,
    mut said: Said,
    words: &Words,
    claims: &mut Vec<Claim>,
) {
    for ((cell, _), column) in cells.iter().zip(columns) {
        match column {
            Column::App => said.app = words.app(cell).or(said.app.take()),
            Column::Environment => {
                if let Some((environment, variant)) = words.environment(cell) {
                    (said.environment, said.variant) = (Some(environment), variant);
                }
            }
            Column::Variant => {
                said.variant = Some(plain(cell).to_string()).filter(|cell| !cell.is_empty())
            }
            Column::Image => {
                said.image = Some(plain(cell).to_string()).filter(|cell| !cell.is_empty())
            }
            _ => {}
        }
    }
    let mut version = Version::default();
    for ((cell, at), column) in cells.iter().zip(columns) {
        let read = |cell: &str| Version::read(cell, place(cell, *at, file));
        match column {
            Column::Version => {
                let read = read(cell);
                version = Version {
                    image: read.image.or(version.image),
                    tag: read.tag.or(version.tag),
                    digest: read.digest.or(version.digest),
                };
            }
            Column::Digest => {
                version.digest = read(&format!("@{}", plain(cell)))
                    .digest
                    .map(|(digest, _)| (digest, place(cell, *at, file)))
            }
            Column::Of(environment, variant) => {
                let said = Said {
                    environment: Some(*environment),
                    variant: variant.clone(),
                    ..said.clone()
                };
                said.claim(read(cell), claims);
            }
            _ => {}
        }
    }
    said.claim(version, claims);
}

/// The cells of a row, each with its offset.
fn cells(line: &str, at: usize) -> Vec<(&str, usize)> {
    let inner = line.trim_end().trim_end_matches('|');
    let begin = inner.len() - inner.trim_start().trim_start_matches('|').len();
    let mut found = Vec::new();
    let mut start = begin;
    for cell in inner.get(begin..).unwrap_or_default().split('|') {
        let lead = cell.len() - cell.trim_start().len();
        found.push((cell.trim(), at + start + lead));
        start += cell.len() + 1;
    }
    found
}

fn column(title: &str, words: &Words) -> Column {
    if let Some((environment, variant)) = words.environment(title) {
        return Column::Of(environment, variant);
    }
    match plain(title).to_lowercase().as_str() {
        "app" | "application" | "service" | "component" | "name" => Column::App,
        "environment" | "env" | "stage" => Column::Environment,
        "variant" | "region" | "cluster" => Column::Variant,
        "image" | "repository" => Column::Image,
        "version" | "tag" | "running" | "deployed" => Column::Version,
        "digest" => Column::Digest,
        _ => Column::Other,
    }
}

fn place(text: &str, at: usize, file: FileId) -> Origin {
    Origin {
        file,
        start: at as u32,
        end: (at + text.trim_end().len()) as u32,
        by: By::Manifest,
    }
}
