//! The types, limits and formats of single values.

use super::shape::{Format, Limits, Type, Unique};
use crate::kubernetes::quantity;
use crate::names::slip;
use crate::yaml::scalar::base64;
use crate::yaml::{By, Data, Kind, Node, Scalar, Style};

/// The kind of a limit that a value exceeds: it is none of the allowed ones, nor resembles one.
pub(super) const OTHER_CHOICE: &str = "other-choice";
/// The number of allowed values that a message lists.
const LISTED: usize = 8;

/// True if a value has a type.
pub(super) fn fits(kind: Type, scalar: &Scalar) -> bool {
    let whole = || {
        let value = scalar.text.parse::<f64>();
        value.is_ok_and(|value| value.fract() == 0.0)
    };
    match kind {
        Type::Text => matches!(scalar.kind, Kind::String | Kind::Timestamp | Kind::Binary),
        Type::Integer => scalar.kind == Kind::Int || (scalar.kind == Kind::Float && whole()),
        Type::Number => matches!(scalar.kind, Kind::Int | Kind::Float),
        Type::Boolean => scalar.kind == Kind::Bool,
        Type::Quantity => {
            matches!(scalar.kind, Kind::String | Kind::Int | Kind::Float)
                && quantity::parse(&scalar.text).is_some()
        }
        Type::NumberOrText => matches!(scalar.kind, Kind::String | Kind::Int | Kind::Timestamp),
        Type::Any => true,
        Type::List | Type::Map | Type::Named(_) => false,
    }
}

/// True if Flux puts a word such as `yes` in place of a variable. It reads the object again after
/// that by the rules of YAML 1.1, where the word is a boolean.
pub(super) fn loses_quotes(kind: Type, node: &Node) -> bool {
    if kind != Type::Text || node.origin.by != By::Flux {
        return false;
    }
    node.as_scalar().is_some_and(|scalar| {
        let lower = scalar.text.to_ascii_lowercase();
        scalar.style == Style::Plain && matches!(&*lower, "yes" | "no" | "on" | "off" | "y" | "n")
    })
}

/// A type in words.
pub(super) fn wanted(kind: Type) -> &'static str {
    match kind {
        Type::Text => "text",
        Type::Integer => "an integer",
        Type::Number => "a number",
        Type::Boolean => "a boolean",
        Type::Quantity => "a quantity such as `500m` or `1Gi`",
        Type::NumberOrText => "an integer or text",
        Type::Any => "any value",
        Type::List => "a list",
        Type::Map | Type::Named(_) => "a map",
    }
}

/// The type of a value in words.
pub(super) fn present(node: &Node) -> &'static str {
    match &node.data {
        Data::Map(_) => "a map",
        Data::List(_) => "a list",
        Data::Scalar(scalar) => match scalar.kind {
            Kind::Int | Kind::Float => "a number",
            Kind::Bool => "a boolean",
            _ => "text",
        },
    }
}

/// The kind of a limit that a value exceeds, and the problem as the end of a sentence.
pub(super) fn refused(limits: &Limits, node: &Node) -> Option<(&'static str, String)> {
    match &node.data {
        Data::Scalar(scalar) if super::is_open(&scalar.text) => None,
        Data::Scalar(scalar) => choice(limits, scalar)
            .or_else(|| number(limits, scalar))
            .or_else(|| text(limits, scalar)),
        Data::List(list) => count(limits.items, list.items.len(), "item"),
        Data::Map(map) => count(limits.fields, map.entries.len(), "field"),
    }
}

fn choice(limits: &Limits, scalar: &Scalar) -> Option<(&'static str, String)> {
    let text = &*scalar.text;
    let choices = || limits.choices.iter().map(|choice| &**choice);
    // an empty text stands for a field that is not set
    if limits.choices.is_empty() || text.is_empty() || choices().any(|choice| choice == text) {
        return None;
    }
    let resembles = choices().any(|choice| choice.eq_ignore_ascii_case(text))
        || slip(text, choices()).is_some();
    let named = choices().filter(|choice| !choice.is_empty()).take(LISTED);
    let listed: Vec<String> = named.map(|choice| format!("`{choice}`")).collect();
    let more = if limits.choices.len() > LISTED {
        ", …"
    } else {
        ""
    };
    let reason = format!(
        "has to be one of {}{more}, but it is `{}`",
        listed.join(", "),
        shortened(text)
    );
    Some((if resembles { "choice" } else { OTHER_CHOICE }, reason))
}

fn number(limits: &Limits, scalar: &Scalar) -> Option<(&'static str, String)> {
    let value = scalar
        .text
        .parse::<f64>()
        .ok()
        .filter(|_| matches!(scalar.kind, Kind::Int | Kind::Float))?;
    let reason = if let Some(least) = limits
        .minimum
        .filter(|least| value < *least || (limits.above_minimum && value <= *least))
    {
        format!(
            "has to be {} {least}",
            if limits.above_minimum {
                "more than"
            } else {
                "at least"
            }
        )
    } else if let Some(most) = limits
        .maximum
        .filter(|most| value > *most || (limits.below_maximum && value >= *most))
    {
        format!(
            "has to be {} {most}",
            if limits.below_maximum {
                "less than"
            } else {
                "at most"
            }
        )
    } else if let Some(multiple) = limits
        .multiple_of
        .filter(|multiple| value % multiple != 0.0)
    {
        format!("has to be a multiple of {multiple}")
    } else if limits.format == Some(Format::Int32)
        && !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value)
    {
        "has to fit into 32 bits".to_string()
    } else {
        return None;
    };
    Some((
        "range",
        format!("{reason}, but it is `{}`", shortened(&scalar.text)),
    ))
}

fn text(limits: &Limits, scalar: &Scalar) -> Option<(&'static str, String)> {
    if !matches!(scalar.kind, Kind::String | Kind::Timestamp) {
        return None;
    }
    let text = &*scalar.text;
    if limits.length != (None, None)
        && let Some(found) = count(limits.length, text.chars().count(), "character")
    {
        return Some(found);
    }
    if let Some(pattern) = limits
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.matches(text))
    {
        return Some((
            "pattern",
            format!("does not match the pattern `{}`", shortened(&pattern.text)),
        ));
    }
    let problem = match limits.format? {
        Format::Byte => (!is_base64(text)).then_some("is not valid base64")?,
        Format::Ipv4 => text
            .parse::<std::net::Ipv4Addr>()
            .is_err()
            .then_some("is not an IPv4 address")?,
        Format::Ipv6 => text
            .parse::<std::net::Ipv6Addr>()
            .is_err()
            .then_some("is not an IPv6 address")?,
        Format::DateTime | Format::Int32 => return None,
    };
    Some(("format", problem.to_string()))
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// True if the API server can decode a text. A placeholder such as `<path:vault/data#key>` is
/// replaced before the object is applied.
fn is_base64(text: &str) -> bool {
    if text.contains(['<', '$', '{', '%', '@']) {
        return true;
    }
    base64(text).is_some()
}

fn count(
    limits: (Option<u64>, Option<u64>),
    length: usize,
    noun: &str,
) -> Option<(&'static str, String)> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let several = |number: u64| if number == 1 { "" } else { "s" };
    if let Some(least) = limits.0.filter(|least| length < *least) {
        return Some((
            "size",
            format!("needs at least {least} {noun}{}", several(least)),
        ));
    }
    let most = limits.1.filter(|most| length > *most)?;
    Some((
        "size",
        format!(
            "has {length} {noun}s, but at most {most} {} allowed",
            if most == 1 { "is" } else { "are" }
        ),
    ))
}

/// The values by which an item of a list is told from others; `None` if they are not all known.
pub(super) fn key<'a>(unique: &Unique, item: &'a Node) -> Option<Vec<&'a str>> {
    let known = |node: &'a Node| node.text().filter(|text| !super::is_open(text));
    match unique {
        Unique::Whole => Some(vec![known(item)?]),
        // a field that is not set may have a default, which makes it differ
        Unique::Fields(fields) => fields.iter().map(|field| known(item.get(field)?)).collect(),
    }
}
