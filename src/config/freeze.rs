//! `freeze` and `breakGlass`: when nothing may change, and the commit trailer that overrides it.

use jiff::tz::TimeZone;

use super::key::Key;
use super::read::{Fields, Reader};
use super::shape::{Field, Shape};
use super::{Config, environments};
use crate::calendar::{self, Schedule, Window};
use crate::glob::Glob;
use crate::names::NamePattern;
use crate::yaml::{Node, Origin};

/// An entry of `freeze`.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Its name in messages.
    pub name: String,
    /// True if changes are allowed only within the window; false if they are forbidden within it.
    pub allow: bool,
    /// When it applies.
    pub window: Window,
    /// Environments to which it applies; empty for the protected ones.
    pub environments: Vec<String>,
    /// Apps to which it applies; empty for all.
    pub apps: Vec<NamePattern>,
    /// Exempt authors, by name or address.
    pub except_authors: Vec<NamePattern>,
    /// Exempt files.
    pub except_paths: Vec<Glob>,
    /// The entry in the file.
    pub origin: Origin,
}

pub(super) static FREEZE: Key = Key {
    name: "freeze",
    value: "list of {name, kind, from, to, schedule, rrule, duration, timeZone, environments, apps, except}",
    summary: "windows of time without changes, or (`kind: allow`) the only windows for changes",
    shape: Shape::List(&Shape::Record(&FIELDS)),
    read: |reader, node, config| {
        let entry = |reader: &mut Reader, node: &Node| freeze(reader, node, config);
        let entries = reader.each(node, "`freeze`", entry);
        config.freeze = entries;
    },
};

pub(super) static BREAK_GLASS: Key = Key {
    name: "breakGlass",
    value: "{trailer}",
    summary: "the commit trailer that lets a change pass a freeze",
    shape: Shape::Record(&BREAK_GLASS_FIELDS),
    read: |reader, node, config| {
        if let Some(fields) = reader.record(node, "`breakGlass`", &BREAK_GLASS_FIELDS) {
            config.break_glass = reader.required(&fields, "trailer", trailer);
        }
    },
};

static BREAK_GLASS_FIELDS: [Field; 1] = [Field::new(
    "trailer",
    Shape::Text,
    "name of the trailer, in letters, digits and hyphens",
)
.required()];

static EXCEPT_FIELDS: [Field; 2] = [
    Field::new(
        "authors",
        Shape::List(&Shape::Pattern),
        "names or addresses of exempt authors",
    ),
    Field::new("paths", Shape::List(&Shape::Text), "globs of exempt files"),
];

static FIELDS: [Field; 11] = [
    Field::new("name", Shape::Text, "name of the window in messages").required(),
    Field::new(
        "kind",
        Shape::Words(&["deny", "allow"]),
        "`deny`: no change within it; `allow`: changes only within such windows",
    )
    .or("`deny`"),
    Field::new(
        "from",
        Shape::Text,
        "start of a single window, or of a recurrence: local date and time, or a date",
    ),
    Field::new(
        "to",
        Shape::Text,
        "end of a single window; a date includes that day",
    ),
    Field::new(
        "schedule",
        Shape::Text,
        "cron expression: times at which a recurring window begins",
    ),
    Field::new(
        "rrule",
        Shape::Text,
        "iCalendar recurrence rule: times at which a recurring window begins; counts from `from` if that is set",
    ),
    Field::new("duration", Shape::Duration, "length of a recurring window"),
    Field::new("timeZone", Shape::Text, "IANA time zone of the window").or("`UTC`"),
    Field::new(
        "environments",
        Shape::List(&Shape::Text),
        "environments that it applies to",
    )
    .or("the protected environments"),
    Field::new(
        "apps",
        Shape::List(&Shape::Pattern),
        "apps that it applies to",
    )
    .or("all"),
    Field::new(
        "except",
        Shape::Record(&EXCEPT_FIELDS),
        "authors and globs of files that are exempt",
    )
    .or("none"),
];

fn freeze(reader: &mut Reader, node: &Node, config: &Config) -> Option<Freeze> {
    let fields = reader.record(node, "a freeze", &FIELDS)?;
    let name = reader.required(&fields, "name", Reader::text);
    let allow = reader.optional(&fields, "kind", is_allowing);
    let names = fields.get("environments");
    let environments = names.map(|node| environments::names(reader, node, config));
    if let Some(node) = fields.get("apps") {
        reader.not_empty(node, "apps");
    }
    let apps = reader.optional(&fields, "apps", Reader::patterns);
    let except = fields.get("except").map(|node| exceptions(reader, node));
    let (except_authors, except_paths) = except.unwrap_or_default();
    let zone = match fields.get("timeZone") {
        Some(node) => reader.parsed(node, "timeZone", calendar::zone)?,
        None => TimeZone::UTC,
    };
    Some(Freeze {
        window: window(reader, &fields, &zone)?,
        name: name.unwrap_or_default(),
        allow: allow.unwrap_or_default(),
        environments: environments.unwrap_or_default(),
        apps: apps.unwrap_or_default(),
        except_authors,
        except_paths,
        origin: node.origin,
    })
}

/// The name of a trailer as Git accepts it.
fn trailer(reader: &mut Reader, node: &Node, what: &str) -> Option<String> {
    let text = reader.text(node, what)?;
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if !text.chars().all(is_part) {
        let name: Vec<&str> = text.split(|character| !is_part(character)).collect();
        let name: Vec<&str> = name.into_iter().filter(|part| !part.is_empty()).collect();
        let name = match name[..] {
            [] => "Emergency-Change".to_string(),
            _ => name.join("-"),
        };
        reader.refuse(
            node.origin,
            format!("`{text}` cannot be the name of a commit trailer"),
            format!("use letters, digits and hyphens only, such as `{name}`"),
        );
    }
    Some(text)
}

fn is_allowing(reader: &mut Reader, node: &Node, what: &str) -> Option<bool> {
    match reader.text(node, what)?.as_str() {
        "allow" => Some(true),
        "deny" => Some(false),
        other => {
            let message = format!("unknown kind of freeze `{other}`");
            reader.refuse(node.origin, message, "write `deny` or `allow`");
            None
        }
    }
}

/// The authors and the paths that a freeze exempts.
fn exceptions(reader: &mut Reader, node: &Node) -> (Vec<NamePattern>, Vec<Glob>) {
    let Some(fields) = reader.record(node, "`except`", &EXCEPT_FIELDS) else {
        return Default::default();
    };
    let authors = reader.optional(&fields, "authors", Reader::patterns);
    let paths = reader.optional(&fields, "paths", Reader::globs);
    (authors.unwrap_or_default(), paths.unwrap_or_default())
}

/// When a freeze is: `from` and `to`, or `schedule` or `rrule` with `duration`; an `rrule` may
/// count from `from`.
fn window(reader: &mut Reader, fields: &Fields, zone: &TimeZone) -> Option<Window> {
    let [from, to, cron, rule, length] =
        ["from", "to", "schedule", "rrule", "duration"].map(|key| fields.get(key));
    let (schedule, length) = match (from, to, cron, rule, length) {
        (Some(from), Some(to), None, None, None) => return once(reader, from, to, zone),
        (None, None, Some(cron), None, Some(length)) => {
            (reader.parsed(cron, "schedule", Schedule::cron), length)
        }
        (start, None, None, Some(rule), Some(length)) => {
            let start = match start {
                Some(start) => Some(reader.text(start, "from")?),
                None => None,
            };
            let rrule = |text: &str| Schedule::rrule(text, start.as_deref(), zone);
            (reader.parsed(rule, "rrule", rrule), length)
        }
        _ => {
            reader.refuse(
                fields.start(),
                "a freeze needs either `from` and `to`, or `schedule` or `rrule` with `duration`",
                "write one of the two",
            );
            return None;
        }
    };
    let length = reader.parsed(length, "duration", calendar::duration);
    Some(Window::Recurring {
        schedule: schedule?,
        duration: length?,
        zone: zone.clone(),
    })
}

fn once(reader: &mut Reader, from: &Node, to: &Node, zone: &TimeZone) -> Option<Window> {
    let moment = |text: &str| calendar::moment(text, zone);
    let first = reader.parsed(from, "from", moment)?;
    let last = reader.parsed(to, "to", |text| calendar::end(text, zone))?;
    if first >= last {
        reader.refuse(
            to.origin,
            "this freeze ends before it begins",
            "exchange `from` and `to`",
        );
    }
    Some(Window::Once {
        from: first,
        to: last,
        zone: zone.clone(),
    })
}
