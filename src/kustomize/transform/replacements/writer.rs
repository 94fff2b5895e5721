//! Writing a value to a field of a target.

use std::cell::Cell;

use crate::kustomize::kustomization::{FieldOptions, ReplacementTarget};
use crate::kustomize::transform::MAX_TEXT;
use crate::kustomize::transform::path::{self, Create, Found, PathError, Shape};
use crate::kustomize::{Problem, Resource};
use crate::yaml::{Data, Kind, Node, Origin, Scalar, scalar};

/// Why a value could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Path(#[from] PathError),
    #[error("there is no such field")]
    Missing,
    #[error("the field is a map or a list, which a delimiter cannot split")]
    NotScalar,
    #[error("the result would be too large")]
    TooLarge,
    #[error("the field holds {kind}, but {value} is not")]
    Mistyped { kind: &'static str, value: String },
}

impl Failure {
    pub(super) fn problem(
        &self,
        path: &str,
        origin: Origin,
        resource: &Resource,
        target: &ReplacementTarget,
    ) -> Problem {
        let id = resource.id();
        let creates = target
            .options
            .as_ref()
            .is_some_and(|options| options.create);
        let problem = match self {
            Failure::Missing => Problem::absent(
                origin,
                format!("the replacement's target {id} has no field {path:?}"),
            ),
            other => Problem::error(
                origin,
                format!("the replacement cannot be written to {path:?} of {id}: {other}"),
            ),
        };
        let problem = problem.with_related("the target is this resource", resource.node.origin);
        match self {
            Failure::Missing | Failure::Path(PathError::NoItem(..)) if creates => {
                problem.with_help("correct the path; options.create adds keys and items named by [key=value], but no item for *")
            }
            Failure::Missing => problem.with_help("correct the path, narrow select, or set options.create to add the field"),
            Failure::Path(_) => problem.with_help("correct the path, or narrow select to the resources that have the field"),
            Failure::TooLarge => problem.with_help("do not copy a field into itself"),
            Failure::NotScalar => problem.with_help("name a field that holds a single value, or remove the delimiter"),
            Failure::Mistyped { .. } => {
                problem.with_help("put the present value of the field in quotes, or replace it by a value of its type")
            }
        }
    }
}

/// Writes one value at one path.
pub(super) struct Writer<'a> {
    pub(super) value: &'a Node,
    pub(super) options: Option<&'a FieldOptions>,
    pub(super) origin: Origin,
    /// The bytes of text that were made.
    pub(super) written: Cell<u64>,
}

impl Writer<'_> {
    fn create(&self) -> Option<Create> {
        let wanted = self.options.is_some_and(|options| options.create);
        wanted.then(|| Create {
            leaf: Shape::of(self.value),
            origin: self.origin,
        })
    }

    pub(super) fn write(&self, root: &mut Node, fields: &[String]) -> Result<(), Failure> {
        if path::edit(root, fields, self.origin, |document, inner| {
            self.visit(document, inner, true).is_ok()
        }) {
            return Ok(());
        }
        self.visit(root, fields, false)
    }

    /// `loose`: the value need not have the type of the field, as in the texts of strings.
    fn visit(&self, root: &mut Node, fields: &[String], loose: bool) -> Result<(), Failure> {
        let mut failure = None;
        let mut action = |node: &mut Node, found: Found| {
            if failure.is_none() {
                failure = self
                    .set(node, found == Found::Created, loose || found == Found::Copy)
                    .err();
            }
        };
        let count = path::visit(root, fields, self.create(), &mut action)?;
        match failure {
            Some(failure) => Err(failure),
            None if count == 0 => Err(Failure::Missing),
            None => Ok(()),
        }
    }

    /// Writes to a field. One that is a single value keeps its type, and takes the text only.
    fn set(&self, field: &mut Node, fresh: bool, loose: bool) -> Result<(), Failure> {
        let mut value = self.value.clone();
        let options = self.options.filter(|options| options.delimiter.is_some());
        if let Some((options, delimiter)) =
            options.and_then(|options| Some((options, options.delimiter.as_deref()?)))
        {
            let Some(present) = field.as_scalar() else {
                return Err(Failure::NotScalar);
            };
            let piece = value.text().unwrap_or_default();
            let mut pieces: Vec<&str> = present.text.split(delimiter).collect();
            match usize::try_from(options.index) {
                Err(_) => pieces.insert(0, piece),
                Ok(index) => match pieces.get_mut(index) {
                    Some(slot) => *slot = piece,
                    None => pieces.push(piece),
                },
            }
            let text = pieces.join(delimiter);
            self.written.set(self.written.get() + text.len() as u64);
            if text.len() > MAX_TEXT {
                return Err(Failure::TooLarge);
            }
            value = Node::scalar(
                Scalar {
                    text: text.into(),
                    ..present.clone()
                },
                self.origin,
            );
        }
        let Some(present) = field.as_scalar() else {
            put(field, value.data, value.origin, fresh);
            return Ok(());
        };
        let text = value
            .as_scalar()
            .map_or_else(|| "".into(), |scalar| scalar.text.clone());
        let scalar = if fresh {
            Scalar::plain(text)
        } else {
            let fitting = fitting(present.kind, &text).or(loose.then_some(present.kind));
            let kind = fitting.ok_or_else(|| Failure::Mistyped {
                kind: name(present.kind),
                value: match value.is_from_secret() {
                    true => "the value of the Secret".to_string(),
                    false => format!("{text:?}"),
                },
            })?;
            Scalar {
                text,
                kind,
                ..present.clone()
            }
        };
        put(field, Data::Scalar(scalar), value.origin, fresh);
        Ok(())
    }
}

fn put(field: &mut Node, data: Data, origin: Origin, fresh: bool) {
    if fresh {
        *field = Node {
            data,
            origin,
            replaced: None,
        };
    } else {
        field.replace(data, origin);
    }
}

/// The type of a text in a field of a type; `None` when kustomize cannot print the result.
fn fitting(field: Kind, text: &str) -> Option<Kind> {
    let own = scalar::resolve(text);
    match (field, own) {
        (Kind::String | Kind::Binary, _) => Some(field),
        (Kind::Float, Kind::Int) => Some(Kind::Float),
        _ => (field == own).then_some(field),
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "a boolean",
        Kind::Int => "a whole number",
        Kind::Float => "a number",
        Kind::String => "text",
        Kind::Timestamp => "a time",
        Kind::Binary => "binary data",
    }
}
