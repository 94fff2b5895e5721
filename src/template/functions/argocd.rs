//! The functions that Argo CD adds to sprig for ApplicationSets.

use super::{Function, fixed, variadic};
use crate::template::value::{Type, Value};

/// The longest name that Kubernetes takes.
const LONGEST_NAME: usize = 253;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("normalize", &[Type::String], |call| {
        let name = normalized(call.str(0));
        match name == call.str(0) {
            true => call.pieced(call.text(0)),
            false => call.computed_text(name),
        }
    }),
    variadic("slugify", &[Type::Any], |call| {
        let (size, smart, name) = slug_arguments(call.arguments)?;
        let slug = slugified(name, size, smart);
        call.computed_text(slug)
    }),
];

/// A name that Kubernetes takes.
fn normalized(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let lower = name.to_lowercase();
    let mapped = lower.chars().map(|c| if allowed(c) { c } else { '-' });
    let name: String = mapped.take(LONGEST_NAME).collect();
    name.trim_matches(['-', '.']).to_string()
}

/// `slugify NAME`, `slugify SIZE NAME` or `slugify SIZE SMART NAME`.
fn slug_arguments(arguments: &[Value]) -> Result<(usize, bool, &str), String> {
    let name = |value: &Value| value.as_str().is_some();
    let (size, smart, name) = match arguments {
        [only] if name(only) => (50, false, only),
        [size, last] if name(last) => (count(size)?, false, last),
        [size, smart, last] if name(last) => {
            let smart = smart
                .as_bool()
                .ok_or("the second argument must be a bool")?;
            (count(size)?, smart, last)
        }
        _ => return Err("the name must be a string".into()),
    };
    Ok((size, smart, name.as_str().unwrap_or_default()))
}

fn count(value: &Value) -> Result<usize, String> {
    let size = crate::template::numbers::to_int(value);
    usize::try_from(size).map_err(|_| "the size must not be negative".to_string())
}

/// Lower case letters and digits, with single dashes between them.
fn slugified(name: &str, size: usize, smart: bool) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_matches(['-', '_']);
    if slug.len() <= size {
        return slug.to_string();
    }
    let cut = &slug[..size];
    let kept = match cut.rfind('-') {
        Some(end) if smart && !slug[size..].starts_with('-') => &cut[..end],
        _ => cut,
    };
    kept.trim_matches(['-', '_']).to_string()
}
