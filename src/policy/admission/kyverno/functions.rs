//! The functions that Kyverno adds to JMESPath.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::{Map, Value as Json};

use super::compare::{Ordering, compared, glob};

/// A function gets its arguments, and has no value if they do not fit.
type Function = fn(&[Json]) -> Option<Json>;

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("to_upper", |all| Some(text(all, 0)?.to_uppercase().into())),
    ("to_lower", |all| Some(text(all, 0)?.to_lowercase().into())),
    ("trim", |all| {
        let cut = text(all, 1)?;
        Some(
            text(all, 0)?
                .trim_matches(|letter| cut.contains(letter))
                .into(),
        )
    }),
    ("trim_prefix", |all| {
        let (whole, start) = (text(all, 0)?, text(all, 1)?);
        Some(whole.strip_prefix(start).unwrap_or(whole).into())
    }),
    ("split", |all| {
        let parts = text(all, 0)?.split(text(all, 1)?);
        Some(parts.map(Json::from).collect())
    }),
    ("equal_fold", |all| {
        Some((text(all, 0)?.to_lowercase() == text(all, 1)?.to_lowercase()).into())
    }),
    ("replace", |all| {
        let (whole, old, new) = (text(all, 0)?, text(all, 1)?, text(all, 2)?);
        let count = all.get(3)?.as_f64()?;
        Some(if count < 0.0 {
            whole.replace(old, new).into()
        } else {
            whole.replacen(old, new, count as usize).into()
        })
    }),
    ("replace_all", |all| {
        Some(text(all, 0)?.replace(text(all, 1)?, text(all, 2)?).into())
    }),
    ("regex_match", |all| {
        Some(pattern(all, 0)?.is_match(&printed(all.get(1)?)?).into())
    }),
    ("regex_replace_all", |all| {
        let new = printed(all.get(2)?)?;
        Some(
            pattern(all, 0)?
                .replace_all(&printed(all.get(1)?)?, new.as_str())
                .into(),
        )
    }),
    ("regex_replace_all_literal", |all| {
        let new = printed(all.get(2)?)?;
        let literal = regex::NoExpand(&new);
        Some(
            pattern(all, 0)?
                .replace_all(&printed(all.get(1)?)?, literal)
                .into(),
        )
    }),
    ("pattern_match", |all| {
        Some(glob(text(all, 0)?, &printed(all.get(1)?)?).into())
    }),
    ("label_match", |all| {
        let (wanted, labels) = (all.first()?.as_object()?, all.get(1)?.as_object()?);
        let mut wanted = wanted.iter();
        Some(
            wanted
                .all(|(key, value)| labels.get(key) == Some(value))
                .into(),
        )
    }),
    ("add", |all| number(number_of(all, 0)? + number_of(all, 1)?)),
    ("subtract", |all| {
        number(number_of(all, 0)? - number_of(all, 1)?)
    }),
    ("multiply", |all| {
        number(number_of(all, 0)? * number_of(all, 1)?)
    }),
    ("divide", |all| {
        number(number_of(all, 0)? / number_of(all, 1)?)
    }),
    ("modulo", |all| {
        number(number_of(all, 0)? % number_of(all, 1)?)
    }),
    ("round", |all| {
        let factor = 10f64.powi(number_of(all, 1)? as i32);
        number((number_of(all, 0)? * factor).round() / factor)
    }),
    ("base64_decode", |all| {
        let bytes = STANDARD.decode(text(all, 0)?).ok()?;
        Some(String::from_utf8(bytes).ok()?.into())
    }),
    ("base64_encode", |all| {
        Some(STANDARD.encode(text(all, 0)?).into())
    }),
    ("truncate", |all| {
        let length = number_of(all, 1)?.max(0.0) as usize;
        Some(
            text(all, 0)?
                .chars()
                .take(length)
                .collect::<String>()
                .into(),
        )
    }),
    ("semver_compare", |all| {
        let (version, range) = (text(all, 0)?, text(all, 1)?.trim());
        let digits = range.find(|letter: char| letter.is_ascii_digit())?;
        let order = compared(&version.into(), &range.get(digits..)?.into())?;
        Some(
            match range.get(..digits)?.trim() {
                "" | "=" | "==" => order == Ordering::Equal,
                "!=" | "!" => order != Ordering::Equal,
                ">" => order == Ordering::Greater,
                ">=" => order != Ordering::Less,
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                _ => return None,
            }
            .into(),
        )
    }),
    ("parse_json", |all| serde_json::from_str(text(all, 0)?).ok()),
    ("parse_yaml", |all| serde_yaml::from_str(text(all, 0)?).ok()),
    ("to_boolean", |all| {
        match text(all, 0)?.to_lowercase().as_str() {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        }
    }),
    ("items", |all| {
        let (key, value) = (text(all, 1)?, text(all, 2)?);
        let entry = |(name, held): (String, Json)| {
            let entries = [(key.to_string(), name.into()), (value.to_string(), held)];
            Json::Object(entries.into_iter().collect())
        };
        match all.first()? {
            Json::Object(map) => Some(map.clone().into_iter().map(entry).collect()),
            _ => None,
        }
    }),
    ("object_from_lists", |all| {
        let (keys, values) = (all.first()?.as_array()?, all.get(1)?.as_array()?);
        let mut map = Map::new();
        for (at, key) in keys.iter().enumerate() {
            let value = values.get(at).cloned().unwrap_or_default();
            map.insert(key.as_str()?.to_string(), value);
        }
        Some(Json::Object(map))
    }),
    ("path_canonicalize", |all| {
        let mut parts: Vec<&str> = Vec::new();
        let path = text(all, 0)?;
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                other => parts.push(other),
            }
        }
        let root = if path.starts_with('/') { "/" } else { "" };
        Some(format!("{root}{}", parts.join("/")).into())
    }),
];

fn text(all: &[Json], at: usize) -> Option<&str> {
    all.get(at)?.as_str()
}

fn printed(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn number_of(all: &[Json], at: usize) -> Option<f64> {
    match all.get(at)? {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => crate::kubernetes::quantity::parse(text),
        _ => None,
    }
}

/// A number, whole if it can be.
fn number(value: f64) -> Option<Json> {
    let is_whole = value.fract() == 0.0 && value.abs() < 9e15;
    if is_whole {
        return Some((value as i64).into());
    }
    value.is_finite().then(|| value.into())
}

fn pattern(all: &[Json], at: usize) -> Option<Regex> {
    Regex::new(text(all, at)?).ok()
}
