//! Functions of texts.

use std::sync::Arc;

use super::arguments::{Arguments, Outcome, Stop, array_of};
use super::encoding::templated;
use super::{Function, LARGEST, Value};
use crate::policy::opa::values::to_json;
use crate::template::{Budget, Dialect, MissingKey, Run, Templates};
use crate::yaml::FileId;

pub(super) const FUNCTIONS: &[Function] = &[
    ("concat", 2, |all| {
        let (by, texts) = (all.text(0)?, all.texts(1)?);
        let size: usize = texts.iter().map(|text| text.len() + by.len()).sum();
        all.sized(size)?;
        Ok(texts.join(by).into())
    }),
    ("replace", 3, replace),
    ("strings.count", 2, |all| {
        let (text, part) = (all.text(0)?, all.text(1)?);
        let count = if part.is_empty() {
            text.chars().count() + 1
        } else {
            text.matches(&**part).count()
        };
        Ok(count.into())
    }),
    ("strings.split_n", 3, split_n),
    ("strings.render_template", 2, render),
    ("trim_space", 1, |all| Ok(all.text(0)?.trim().into())),
    ("lower", 1, |all| {
        Ok(each_letter(all.text(0)?, char::to_lowercase).into())
    }),
    ("upper", 1, |all| {
        Ok(each_letter(all.text(0)?, char::to_uppercase).into())
    }),
    ("substring", 3, substring),
    ("indexof", 2, |all| {
        Ok(places(all)?
            .first()
            .map_or(Value::from(-1i64), Value::clone))
    }),
    ("indexof_n", 2, |all| Ok(places(all)?.into())),
];

/// Go changes each letter to one letter: `ß` has no capital.
fn each_letter<L: ExactSizeIterator<Item = char>>(text: &str, change: fn(char) -> L) -> String {
    let letters = text.chars().map(|letter| match letter {
        // a capital that only Turkish has
        'İ' if change(letter).len() > 1 => 'i',
        _ => {
            let mut changed = change(letter);
            match changed.len() {
                1 => changed.next().unwrap_or(letter),
                _ => letter,
            }
        }
    });
    letters.collect()
}

/// Letters from a place on; a negative length takes all.
fn substring(all: &Arguments<'_>) -> Outcome {
    let (text, start, length) = (all.text(0)?, all.int(1)?, all.int(2)?);
    let start = usize::try_from(start).map_err(|_| Stop::Undefined)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let letters = text.chars().skip(start).take(length);
    Ok(letters.collect::<String>().into())
}

/// The places of a text in another one, in letters, those that overlap too.
fn places(all: &Arguments<'_>) -> Result<Vec<Value>, Stop> {
    let (text, part) = (all.text(0)?, all.text(1)?);
    if part.is_empty() {
        return Err(Stop::Undefined);
    }
    let letters = text.char_indices().enumerate();
    let found = letters.filter(|(_, (at, _))| text[*at..].starts_with(&**part));
    Ok(found.map(|(count, _)| Value::from(count)).collect())
}

/// A negative number takes the last parts.
fn split_n(all: &Arguments<'_>) -> Outcome {
    let (text, by, count) = (all.text(0)?, all.text(1)?, all.int(2)?);
    let parts: Vec<&str> = if by.is_empty() {
        let mut parts: Vec<&str> = text.split("").collect();
        // Rust has an empty part on each side
        parts.pop();
        parts.drain(..1.min(parts.len()));
        parts
    } else {
        text.split(&**by).collect()
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(if count >= 0 {
        array_of(parts.into_iter().take(wanted))
    } else {
        let start = parts.len().saturating_sub(wanted);
        array_of(parts.into_iter().skip(start))
    })
}

fn replace(all: &Arguments<'_>) -> Outcome {
    let (text, old, new) = (all.text(0)?, all.text(1)?, all.text(2)?);
    let count = text.matches(&**old).count();
    all.sized(count.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(text.replace(&**old, new).into())
}

/// Go's templates, without the functions of Helm.
fn render(all: &Arguments<'_>) -> Outcome {
    let json = to_json(all.value(1)).ok_or(Stop::Undefined)?;
    let mut templates = Templates::new(Dialect::ArgoCd, MissingKey::Invalid);
    let text: Arc<str> = all.text(0)?.clone();
    templates
        .parse("template", text, FileId(0))
        .map_err(|_| Stop::Undefined)?;
    let mut run = Run::new(&templates, Budget::new(LARGEST as u64, LARGEST as u64));
    let text = run
        .execute("template", &templated(&json))
        .map_err(|_| Stop::Undefined)?;
    Ok(text.as_str().replace("<no value>", "<undefined>").into())
}
