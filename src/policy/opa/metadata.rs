//! `# METADATA` comments: YAML about the package, the document or the rule below them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::syntax::{Comment, Expr, ExprKind, Module, Span, SyntaxError};

/// The annotations of a module.
#[derive(Debug, Default)]
pub(in crate::policy) struct Annotations {
    /// Those of the package: the last one of the scopes `package` and `subpackages`.
    package: Option<Json>,
    /// Those of a rule by its number: scopes `rule` and `document`.
    rules: BTreeMap<usize, Vec<Json>>,
    /// For each rule its path below `data`.
    paths: Vec<Vec<String>>,
    package_path: Vec<String>,
}

impl Annotations {
    /// Reads the comments of a module.
    pub(in crate::policy) fn of(module: &Module, text: &str) -> Result<Annotations, SyntaxError> {
        let mut annotations = Annotations {
            paths: module
                .rules
                .iter()
                .map(|rule| whole_path(module, rule))
                .collect(),
            package_path: module.package.clone(),
            ..Annotations::default()
        };
        for block in blocks(&module.comments, text) {
            annotations.add(module, block)?;
        }
        Ok(annotations)
    }

    fn add(&mut self, module: &Module, block: Block) -> Result<(), SyntaxError> {
        let parsed: Result<Json, _> = serde_yaml::from_str(&block.yaml);
        let Ok(Json::Object(map)) = parsed else {
            return Err(SyntaxError {
                at: block.at,
                message: "the METADATA comment is not a YAML map".to_string(),
            });
        };
        let below = block.at.end;
        let rule = module.rules.iter().position(|rule| rule.at.start >= below);
        let before_package = module.package_at.start >= below;
        let scope = map.get("scope").and_then(Json::as_str).map(str::to_string);
        let scope = scope.unwrap_or_else(|| {
            let default = if before_package { "package" } else { "rule" };
            default.to_string()
        });
        let mut map = map;
        map.insert("scope".to_string(), scope.clone().into());
        match (scope.as_str(), rule) {
            ("package" | "subpackages", _) => self.package = Some(Json::Object(map)),
            ("document", Some(rule)) => {
                // all definitions of the rule
                let path = self.paths.get(rule).cloned();
                for (number, other) in self.paths.iter().enumerate() {
                    if Some(other) == path.as_ref() {
                        let held = self.rules.entry(number).or_default();
                        held.insert(0, Json::Object(map.clone()));
                    }
                }
            }
            (_, Some(rule)) => self.rules.entry(rule).or_default().push(Json::Object(map)),
            (_, None) => {}
        }
        Ok(())
    }

    /// The annotations of a rule, the nearest first, and at last those of its package.
    pub(in crate::policy) fn about(&self, rule: usize) -> impl Iterator<Item = &Json> {
        let own = self.rules.get(&rule).into_iter().flatten().rev();
        own.chain(&self.package)
    }

    /// `rego.metadata.rule()` in a rule.
    pub(super) fn rule(&self, at: Span, rule: usize) -> Expr {
        let own = self.rules.get(&rule).and_then(|all| all.last());
        literal(at, own.unwrap_or(&Json::Object(Map::new())))
    }

    /// `rego.metadata.chain()` in a rule.
    pub(super) fn chain(&self, at: Span, rule: usize) -> Expr {
        let entry = |path: &[String], annotations: Option<&Json>| {
            let mut whole = vec![Json::from("data")];
            whole.extend(path.iter().map(|name| Json::from(name.as_str())));
            let mut entry = Map::new();
            if let Some(annotations) = annotations {
                entry.insert("annotations".to_string(), annotations.clone());
            }
            entry.insert("path".to_string(), Json::Array(whole));
            Json::Object(entry)
        };
        let path = self.paths.get(rule).map(Vec::as_slice).unwrap_or_default();
        let own = self.rules.get(&rule).into_iter().flatten().rev();
        let mut chain: Vec<Json> = own.map(|one| entry(path, Some(one))).collect();
        if chain.is_empty() {
            chain.push(entry(path, None));
        }
        if let Some(package) = &self.package {
            chain.push(entry(&self.package_path, Some(package)));
        }
        literal(at, &Json::Array(chain))
    }
}

fn whole_path(module: &Module, rule: &super::syntax::Rule) -> Vec<String> {
    let mut path = module.package.clone();
    path.extend(rule.path().into_iter().map(str::to_string));
    path
}

/// A METADATA comment.
struct Block {
    at: Span,
    yaml: String,
}

/// The METADATA comments: from a line `# METADATA` on, as long as the lines are comments.
fn blocks(comments: &[Comment], text: &str) -> Vec<Block> {
    let mut result: Vec<Block> = Vec::new();
    let mut open: Option<u32> = None;
    for comment in comments {
        let before = text.get(..comment.at.start as usize).unwrap_or_default();
        let is_alone = before
            .rsplit('\n')
            .next()
            .is_some_and(|line| line.trim().is_empty());
        if !is_alone {
            open = None;
            continue;
        }
        if comment.text.trim() == "METADATA" {
            result.push(Block {
                at: comment.at,
                yaml: String::new(),
            });
            open = Some(comment.at.line);
            continue;
        }
        let follows = open.is_some_and(|line| comment.at.line == line + 1);
        match result.last_mut() {
            Some(block) if follows => {
                block
                    .yaml
                    .push_str(comment.text.strip_prefix(' ').unwrap_or(&comment.text));
                block.yaml.push('\n');
                block.at.end = comment.at.end;
                open = Some(comment.at.line);
            }
            _ => open = None,
        }
    }
    result
}

/// A constant expression.
fn literal(at: Span, value: &Json) -> Expr {
    let kind = match value {
        Json::Null => ExprKind::Null,
        Json::Bool(value) => ExprKind::Bool(*value),
        Json::Number(number) => ExprKind::Number(number.to_string()),
        Json::String(text) => ExprKind::String(text.clone()),
        Json::Array(items) => ExprKind::Array(items.iter().map(|item| literal(at, item)).collect()),
        Json::Object(map) => {
            let key = |key: &String| Expr::new(at, ExprKind::String(key.clone()));
            let entries = map
                .iter()
                .map(|(name, value)| (key(name), literal(at, value)));
            ExprKind::Object(entries.collect())
        }
    };
    Expr::new(at, kind)
}
