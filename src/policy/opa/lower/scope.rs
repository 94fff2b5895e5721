//! The variables of a rule. Each declaration gets a name of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::opa::builtins::Types;
use crate::policy::opa::syntax::{Expr, ExprKind, Span};

/// The variables that are declared at a place, innermost scope last.
#[derive(Default)]
pub(super) struct Scopes {
    levels: Vec<BTreeMap<String, String>>,
    /// Names that a new variable cannot have.
    taken: BTreeSet<String>,
    /// The types of variables, by their new names.
    types: BTreeMap<String, Types>,
    /// The variables that something refers to, by their new names.
    used: BTreeSet<String>,
    fresh: usize,
}

impl Scopes {
    /// No variables; `globals` are the names of rules and imports.
    pub(super) fn new(mut globals: BTreeSet<String>) -> Scopes {
        globals.extend(["input", "data", "if", "in", "contains", "every"].map(str::to_string));
        Scopes {
            levels: vec![BTreeMap::new()],
            taken: globals,
            ..Scopes::default()
        }
    }

    pub(super) fn open(&mut self) {
        self.levels.push(BTreeMap::new());
    }

    pub(super) fn close(&mut self) {
        self.levels.pop();
    }

    /// Declares a variable in the innermost scope.
    pub(super) fn declare(&mut self, name: &str) {
        if name == "_" {
            return;
        }
        let mut unique = name.to_string();
        let mut number = 1;
        while !self.taken.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}__{number}");
        }
        if let Some(level) = self.levels.last_mut() {
            level.insert(name.to_string(), unique);
        }
    }

    /// Remembers a use of a variable, by its new name.
    pub(super) fn set_used(&mut self, unique: &str) {
        self.used.insert(unique.to_string());
    }

    /// Forgets the uses of a variable: its declaration is none.
    pub(super) fn forget_uses(&mut self, name: &str) {
        if let Some(unique) = self.get(name).map(str::to_string) {
            self.used.remove(&unique);
        }
    }

    pub(super) fn is_used(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|unique| self.used.contains(unique))
    }

    /// True if the innermost scope declares a name.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.levels
            .last()
            .is_some_and(|level| level.contains_key(name))
    }

    /// The names that the innermost scope declares.
    pub(super) fn names(&self) -> Vec<String> {
        let level = self.levels.last();
        level.map_or_else(Vec::new, |level| level.keys().cloned().collect())
    }

    /// The new name of a declared variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let level = self.levels.iter().rev().find_map(|level| level.get(name));
        level.map(String::as_str)
    }

    /// A variable that no policy has.
    pub(super) fn fresh(&mut self, at: Span) -> Expr {
        self.fresh += 1;
        Expr::new(at, ExprKind::Var(format!("__{}", self.fresh)))
    }

    pub(super) fn set_types(&mut self, name: &str, types: Types) {
        self.types.insert(name.to_string(), types);
    }

    pub(super) fn types(&self, name: &str) -> Types {
        self.types.get(name).copied().unwrap_or(Types::ANY)
    }
}
