//! Rules and the rules that they refer to. OPA refuses a rule that reaches itself, and regorus
//! overflows its stack on a function that does.

use std::collections::BTreeMap;

use super::syntax::{Span, SyntaxError};

/// The most rules of which each refers to the next.
const LONGEST: usize = 400;

/// A rule: the file and place of its first definition, and the rules that it refers to.
struct Node {
    file: usize,
    at: Span,
    to: Vec<Vec<String>>,
}

/// The references between all rules.
#[derive(Default)]
pub(in crate::policy) struct Graph {
    nodes: BTreeMap<Vec<String>, Node>,
    file: usize,
}

impl Graph {
    /// Sets the file of the rules that are added from now on.
    pub(in crate::policy) fn enter(&mut self, file: usize) {
        self.file = file;
    }

    /// Adds one definition of a rule.
    pub(super) fn add(
        &mut self,
        path: Vec<String>,
        at: Span,
        to: impl Iterator<Item = Vec<String>>,
    ) {
        let file = self.file;
        let node = self.nodes.entry(path).or_insert_with(|| Node {
            file,
            at,
            to: Vec::new(),
        });
        node.to.extend(to);
        node.to.sort();
        node.to.dedup();
    }

    /// The rules that reach themselves, and those at the end of a chain that is too long for the
    /// stack, each with its file.
    pub(in crate::policy) fn problems(&self) -> Vec<(usize, SyntaxError)> {
        // the length of the longest chain from a rule; none while it is being walked
        let mut lengths: BTreeMap<&[String], Option<usize>> = BTreeMap::new();
        let mut found = Vec::new();
        for start in self.nodes.keys() {
            if lengths.contains_key(start.as_slice()) {
                continue;
            }
            lengths.insert(start, None);
            // a stack of its own, as a chain of rules may be long
            let mut stack = vec![(start.as_slice(), 0)];
            while let Some((path, next)) = stack.pop() {
                let to = self.nodes.get(path).map_or(&[][..], |node| &node.to);
                let Some(to) = to.get(next) else {
                    let below = to
                        .iter()
                        .filter_map(|to| lengths.get(to.as_slice()).copied());
                    let length = 1 + below.flatten().max().unwrap_or(0);
                    if length == LONGEST {
                        found.extend(
                            self.problem(path, "is the start of a chain of too many rules"),
                        );
                    }
                    lengths.insert(path, Some(length));
                    continue;
                };
                stack.push((path, next + 1));
                match lengths.get(to.as_slice()) {
                    Some(Some(_)) => {}
                    Some(None) => {
                        found.extend(self.problem(to, "refers to itself, which Rego forbids"));
                    }
                    None => {
                        lengths.insert(to, None);
                        stack.push((to, 0));
                    }
                }
            }
        }
        found
    }

    fn problem(&self, path: &[String], what: &str) -> Option<(usize, SyntaxError)> {
        let node = self.nodes.get(path)?;
        let name = path.last()?;
        let message = format!("`{name}` {what}");
        Some((
            node.file,
            SyntaxError {
                at: node.at,
                message,
            },
        ))
    }
}
