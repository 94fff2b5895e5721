//! The parsed form of a template. All offsets are bytes of its text.

use std::ops::Range;
use std::sync::Arc;

use crate::template::functions::Function;

/// A sequence of text and actions.
pub(in crate::template) type Block = Vec<Node>;

/// One step of a template.
#[derive(Debug)]
pub(in crate::template) enum Node {
    /// Literal text.
    Text(Range<usize>),
    /// `{{ pipeline }}`
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// `{{ template "name" pipeline }}`, also in place of a `block`.
    Template {
        span: Range<usize>,
        name: Arc<str>,
        pipeline: Option<Pipeline>,
    },
    Break,
    Continue,
}

/// A control structure.
#[derive(Debug)]
pub(in crate::template) struct Branch {
    pub(in crate::template) pipeline: Pipeline,
    pub(in crate::template) body: Block,
    pub(in crate::template) otherwise: Option<Block>,
}

/// Commands, each of which takes the result of the one before it as its last argument.
#[derive(Debug)]
pub(in crate::template) struct Pipeline {
    pub(in crate::template) span: Range<usize>,
    /// The variables that it declares or assigns: `$i, $x :=`.
    pub(in crate::template) variables: Vec<Arc<str>>,
    /// True if the variables exist already (`=`).
    pub(in crate::template) assigns: bool,
    pub(in crate::template) commands: Vec<Command>,
}

/// An operand, and its arguments.
#[derive(Debug)]
pub(in crate::template) struct Command {
    pub(in crate::template) span: Range<usize>,
    pub(in crate::template) first: Operand,
    pub(in crate::template) arguments: Vec<Operand>,
}

/// A term with its fields.
#[derive(Debug)]
pub(in crate::template) struct Operand {
    pub(in crate::template) span: Range<usize>,
    pub(in crate::template) term: Term,
}

/// The simplest expressions.
#[derive(Debug)]
pub(in crate::template) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    /// `.a.b`
    Field(Vec<Arc<str>>),
    /// `$x.a.b`
    Variable(Arc<str>, Vec<Arc<str>>),
    Function(&'static Function),
    /// `( pipeline )`
    Pipeline(Box<Pipeline>),
    /// `( pipeline ).a.b`
    Chain(Box<Operand>, Vec<Arc<str>>),
}

/// A number, which may be several types at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::template) struct Number {
    pub(in crate::template) int: Option<i64>,
    pub(in crate::template) unsigned: Option<u64>,
    pub(in crate::template) float: Option<f64>,
    /// True if it is a float where nothing asks for a type: `1.0`, `1e3`.
    pub(in crate::template) is_float: bool,
    /// The real and the imaginary part of a number such as `2i`, which is complex where nothing
    /// asks for a type.
    pub(in crate::template) complex: Option<(f64, f64)>,
}
