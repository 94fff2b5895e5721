//! The functions that templates can call, one file a family.
//!
//! Here: the table. Not here: `include`, `tpl`, `and` and `or`, which evaluate templates or
//! arguments themselves (`evaluate`).

mod argocd;
mod builtin;
mod call;
mod cases;
mod dates;
mod decimal;
mod defaults;
mod dicts;
mod encoding;
mod formats;
mod helm;
mod lists;
mod math;
mod paths;
mod random;
mod reflection;
mod regex;
mod regex_syntax;
mod semver;
mod strings;
mod urls;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::error::Problem;
use super::value::{Signature, Type, Value};
pub(crate) use builtin::query_escape;
pub(super) use call::Call;
pub(crate) use regex::compile as compile_regex;
pub(crate) use urls::parse as parse_url;

/// Whose functions templates may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Helm's: sprig, `include`, `tpl`, `toYaml` and the like.
    Helm,
    /// Those of Argo CD's ApplicationSets: sprig, `normalize`, `slugify`, `toYaml` and the like.
    ArgoCd,
}

/// The body of a function.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// Computes a value from arguments.
    Compute(fn(&mut Call<'_>) -> Result<Value, Problem>),
    /// `and`, `or`: returns the first argument of this truth, or the last one.
    Choose(bool),
    /// `call`, which calls a function that is a value. No value is one.
    CallValue,
    /// Executes a named template.
    Include,
    /// Parses and executes a text.
    Tpl,
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) signature: Signature,
    pub(super) action: Action,
}

/// A function of exactly these parameters.
const fn fixed(
    name: &'static str,
    parameters: &'static [Type],
    run: fn(&mut Call<'_>) -> Result<Value, Problem>,
) -> Function {
    computed(name, parameters, false, run)
}

/// A function whose last parameter takes any number of arguments.
const fn variadic(
    name: &'static str,
    parameters: &'static [Type],
    run: fn(&mut Call<'_>) -> Result<Value, Problem>,
) -> Function {
    computed(name, parameters, true, run)
}

const fn computed(
    name: &'static str,
    parameters: &'static [Type],
    is_variadic: bool,
    run: fn(&mut Call<'_>) -> Result<Value, Problem>,
) -> Function {
    Function {
        name,
        signature: Signature {
            parameters,
            is_variadic,
        },
        action: Action::Compute(run),
    }
}

type Table = HashMap<&'static str, &'static Function>;

/// The function of a name.
pub(super) fn find(name: &str, dialect: Dialect) -> Option<&'static Function> {
    static HELM: OnceLock<Table> = OnceLock::new();
    static ARGO_CD: OnceLock<Table> = OnceLock::new();
    let table = match dialect {
        Dialect::Helm => HELM.get_or_init(|| table(&[helm::FUNCTIONS, formats::HELM])),
        Dialect::ArgoCd => ARGO_CD.get_or_init(|| table(&[argocd::FUNCTIONS, formats::ARGO_CD])),
    };
    table.get(name).copied()
}

/// The functions of all families; those of the dialect replace others of their name.
fn table(dialect: &[&'static [Function]]) -> Table {
    let families: [&'static [Function]; 16] = [
        builtin::FUNCTIONS,
        strings::FUNCTIONS,
        cases::FUNCTIONS,
        lists::FUNCTIONS,
        dicts::FUNCTIONS,
        defaults::FUNCTIONS,
        reflection::FUNCTIONS,
        math::FUNCTIONS,
        encoding::FUNCTIONS,
        paths::FUNCTIONS,
        urls::FUNCTIONS,
        random::FUNCTIONS,
        regex::FUNCTIONS,
        semver::FUNCTIONS,
        dates::FUNCTIONS,
        formats::SPRIG,
    ];
    let all = families.iter().chain(dialect);
    let each = all.flat_map(|family| family.iter());
    each.map(|function| (function.name, function)).collect()
}
