//! Executes a parsed template, as Go's `text/template` does.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::budget::Budget;
use super::error::{Error, Problem};
use super::format;
use super::functions::{Action, Call, Dialect, Function};
use super::parse::{self, Block, Branch, Command, Node, Number, Operand, Parsed, Pipeline, Term};
use super::tables;
use super::text::{Text, TextBuilder};
use super::value::{Data, MapKind, Object, Signature, Type, Value};
use crate::yaml::Origin;

/// The deepest nesting of templates that call each other.
const DEEPEST: usize = 3000;
/// The number of times that one name may include itself, as in Helm.
const RECURSION: usize = 1000;
/// The number of blocks and pipelines that may be open within each other before a thread with a
/// large stack takes over, and how many that one takes before the next.
const FIRST_LEVELS: usize = 60;
const MORE_LEVELS: usize = 4000;
/// The stack of such a thread. Only what is used takes memory.
const STACK: usize = 128 << 20;

/// The value of a missing key of a map, after Go's option `missingkey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingKey {
    /// Nothing, printed as `<no value>` (`default`, `invalid`).
    Invalid,
    /// Null (`zero`), as in Helm.
    Zero,
    /// An error.
    Error,
}

/// A text that was parsed, under the name of its file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) text: Text,
    pub(super) parsed: Parsed,
}

/// A named part of a source: its body, or one of its definitions.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) source: Arc<Source>,
    pub(super) definition: Option<usize>,
}

impl Template {
    pub(super) fn block(&self) -> &Block {
        let definition = self
            .definition
            .and_then(|index| self.source.parsed.definitions.get(index));
        definition.map_or(&self.source.parsed.body, |(_, block)| block)
    }
}

/// Templates by name.
pub(super) type Named = HashMap<Arc<str>, Template>;

/// Adds everything that a source defines. An empty definition does not replace another one.
pub(super) fn define(named: &mut Named, source: &Arc<Source>) {
    let body = std::iter::once((&source.name, None));
    let definitions = source.parsed.definitions.iter().enumerate();
    let definitions = definitions.map(|(index, (name, _))| (name, Some(index)));
    for (name, definition) in body.chain(definitions) {
        let template = Template {
            source: source.clone(),
            definition,
        };
        let is_empty = parse::is_empty(source.text.as_str(), template.block());
        if !is_empty || !named.contains_key(name) {
            named.insert(name.clone(), template);
        }
    }
}

/// The state that all templates of a run share.
#[derive(Debug)]
pub(super) struct Shared<'t> {
    pub(super) base: &'t Named,
    pub(super) dialect: Dialect,
    pub(super) missing_key: MissingKey,
    pub(super) budget: Budget,
    /// The definitions of the `tpl` texts that are being executed, the innermost last.
    pub(super) scopes: Vec<Named>,
    /// The number of times that each name is being included.
    pub(super) included: HashMap<Arc<str>, usize>,
    /// The number of templates that are being executed within each other.
    pub(super) depth: usize,
    pub(super) stack: Stack,
}

/// The part of the stack that is in use.
#[derive(Debug)]
pub(super) struct Stack {
    /// The number of blocks and pipelines that are open within each other on this thread.
    open: usize,
    most: usize,
}

impl Default for Stack {
    fn default() -> Stack {
        Stack {
            open: 0,
            most: FIRST_LEVELS,
        }
    }
}

impl Shared<'_> {
    fn find(&self, name: &str) -> Option<Template> {
        let mut scopes = self.scopes.iter().rev();
        scopes
            .find_map(|scope| scope.get(name))
            .or_else(|| self.base.get(name))
            .cloned()
    }
}

type Evaluated<T> = Result<T, Box<Error>>;

/// Executes a template with data, and gives what it prints.
pub(super) fn execute(
    shared: &mut Shared<'_>,
    template: &Template,
    data: &Value,
) -> Evaluated<Text> {
    let mut out = TextBuilder::new();
    invoke(shared, template, data, &mut out)?;
    Ok(out.finish())
}

/// Executes a template one level deeper, on a thread of its own where the stack could end.
fn invoke(
    shared: &mut Shared<'_>,
    template: &Template,
    data: &Value,
    out: &mut TextBuilder,
) -> Evaluated<()> {
    let mut evaluator = Evaluator {
        template,
        out,
        variables: vec![("$".into(), data.clone())],
        at: 0..0,
        shared,
    };
    if evaluator.shared.depth >= DEEPEST {
        return evaluator.fail(Problem::TooMuch {
            what: "levels of templates that call each other",
            most: DEEPEST as u64,
        });
    }
    evaluator.shared.depth += 1;
    let needs_stack = evaluator.shared.stack.open > evaluator.shared.stack.most;
    let result = match needs_stack {
        false => evaluator.block(template.block(), data),
        true => on_new_stack(&mut evaluator, data),
    };
    shared.depth -= 1;
    result.map(drop)
}

/// Executes a template on a thread of its own.
fn on_new_stack(evaluator: &mut Evaluator<'_, '_>, data: &Value) -> Evaluated<Flow> {
    let template = evaluator.template;
    let stack = Stack {
        open: 0,
        most: MORE_LEVELS,
    };
    let old = std::mem::replace(&mut evaluator.shared.stack, stack);
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let run = || evaluator.block(template.block(), data);
        let thread = thread.spawn_scoped(scope, run);
        thread.ok().and_then(|thread| thread.join().ok())
    });
    evaluator.shared.stack = old;
    match outcome {
        Some(result) => result,
        None => evaluator.fail("there is no thread left for nested templates"),
    }
}

/// The end of a sequence of nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Evaluator<'e, 's> {
    template: &'e Template,
    shared: &'e mut Shared<'s>,
    out: &'e mut TextBuilder,
    variables: Vec<(Arc<str>, Value)>,
    /// The expression that is being evaluated, for errors.
    at: Range<usize>,
}

impl Evaluator<'_, '_> {
    fn written(&self, span: &Range<usize>) -> &str {
        let text = self.template.source.text.as_str();
        text.get(span.clone()).unwrap_or_default()
    }

    /// The place of a part of the template. In a text made from values it is that of the value.
    fn origin(&self, span: &Range<usize>) -> Option<Origin> {
        let text = &self.template.source.text;
        let (bytes, piece) = text.pieces_in(span.clone()).next()?;
        match piece.printed_by {
            Some(origin) if piece.literal => Some(Origin {
                start: origin.start + span.start.saturating_sub(bytes.start) as u32,
                end: (origin.start + (span.end - bytes.start) as u32).min(origin.end),
                ..origin
            }),
            printed_by => piece.inputs.origins().first().copied().or(printed_by),
        }
    }

    fn error(&self, problem: Problem) -> Box<Error> {
        Box::new(Error {
            problem,
            template: self.template.source.name.clone(),
            origin: self.origin(&self.at),
            expression: self.written(&self.at).to_string(),
            calls: Vec::new(),
        })
    }

    fn fail<T>(&self, problem: impl Into<Problem>) -> Evaluated<T> {
        Err(self.error(problem.into()))
    }

    fn step(&mut self) -> Evaluated<()> {
        let spent = self.shared.budget.step();
        spent.map_err(|problem| self.error(problem))
    }

    fn block(&mut self, nodes: &Block, dot: &Value) -> Evaluated<Flow> {
        self.shared.stack.open += 1;
        for node in nodes {
            match self.node(node, dot)? {
                Flow::Next => {}
                flow => {
                    self.shared.stack.open -= 1;
                    return Ok(flow);
                }
            }
        }
        self.shared.stack.open -= 1;
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Evaluated<Flow> {
        self.step()?;
        match node {
            Node::Text(span) => {
                let spent = self.shared.budget.bytes(span.len());
                spent.map_err(|problem| self.error(problem))?;
                self.out.push_part(&self.template.source.text, span.clone());
            }
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.print(pipeline, &value)?;
                }
            }
            Node::If(branch) | Node::With(branch) => {
                return self.choose(branch, dot, matches!(node, Node::With(_)));
            }
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template {
                span,
                name,
                pipeline,
            } => self.call_template(span, name, pipeline.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, pipeline: &Pipeline, value: &Value) -> Evaluated<()> {
        let start = self.out.len();
        match &value.data {
            Data::Missing | Data::Nil => self.out.push_str("<no value>"),
            _ => {
                let printed = format::action_into(self.out, value, &mut self.shared.budget);
                printed.map_err(|problem| self.error(problem))?;
            }
        }
        let spent = self.shared.budget.bytes(self.out.len() - start);
        spent.map_err(|problem| self.error(problem))?;
        if let Some(origin) = self.origin(&pipeline.span) {
            self.out.printed_since(start, origin);
        }
        Ok(())
    }

    fn choose(&mut self, branch: &Branch, dot: &Value, is_with: bool) -> Evaluated<Flow> {
        let outside = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = match (value.is_true(), &branch.otherwise) {
            (true, _) if is_with => self.block(&branch.body, &value),
            (true, _) => self.block(&branch.body, dot),
            (false, Some(otherwise)) => self.block(otherwise, dot),
            (false, None) => Ok(Flow::Next),
        };
        self.variables.truncate(outside);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Evaluated<Flow> {
        let outside = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        self.at = branch.pipeline.span.clone();
        let flow = match self.rounds(&value, branch)? {
            Some(rounds) => self.iterate(branch, rounds),
            None => match &branch.otherwise {
                Some(otherwise) => self.block(otherwise, dot),
                None => Ok(Flow::Next),
            },
        };
        self.variables.truncate(outside);
        flow
    }

    /// The keys and values of a loop; `None` if there are none.
    fn rounds(&mut self, value: &Value, branch: &Branch) -> Evaluated<Option<Vec<(Value, Value)>>> {
        let rounds: Vec<(Value, Value)> = match &value.underlying().data {
            Data::Missing | Data::Nil => Vec::new(),
            Data::Int(kind, count) => {
                if branch.pipeline.variables.len() > 1 {
                    return self.fail(format!(
                        "can't use {count} to iterate over more than one variable"
                    ));
                }
                let spent = self.shared.budget.steps((*count).max(0) as usize);
                spent.map_err(|problem| self.error(problem))?;
                let number = |number| Value::from(Data::Int(*kind, number));
                let each = (0..*count).map(|index| {
                    (
                        Value::missing(),
                        number(index).with_inputs(value.inputs.clone()),
                    )
                });
                each.collect()
            }
            Data::List(_) | Data::Bytes(_) => {
                let items = value.items().unwrap_or_default();
                let each = items.iter().enumerate();
                each.map(|(index, item)| (Value::int(index as i64), item.clone()))
                    .collect()
            }
            Data::Map(map) => {
                let each = map.entries().into_iter();
                each.map(|(key, entry)| (Value::string(key).with_inputs(entry.key), entry.value))
                    .collect()
            }
            _ => {
                let shown = format::display(value, &mut self.shared.budget);
                let shown = shown.map_err(|problem| self.error(problem))?;
                return self.fail(format!("range can't iterate over {}", shown.as_str()));
            }
        };
        Ok((!rounds.is_empty()).then_some(rounds))
    }

    fn iterate(&mut self, branch: &Branch, rounds: Vec<(Value, Value)>) -> Evaluated<Flow> {
        let inside = self.variables.len();
        let names = &branch.pipeline.variables;
        for (key, value) in rounds {
            self.step()?;
            match (names.as_slice(), branch.pipeline.assigns) {
                ([], _) => {}
                ([only], true) => self.assign(only, value.clone())?,
                ([first, second, ..], true) => {
                    self.assign(first, key)?;
                    self.assign(second, value.clone())?;
                }
                ([_], false) => self.set_top(1, value.clone()),
                ([_, _, ..], false) => {
                    self.set_top(1, value.clone());
                    self.set_top(2, key);
                }
            }
            let flow = self.block(&branch.body, &value)?;
            self.variables.truncate(inside);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn set_top(&mut self, from_top: usize, value: Value) {
        let index = self.variables.len().checked_sub(from_top);
        if let Some((_, variable)) = index.and_then(|index| self.variables.get_mut(index)) {
            *variable = value;
        }
    }

    fn assign(&mut self, name: &Arc<str>, value: Value) -> Evaluated<()> {
        let mut known = self.variables.iter_mut().rev();
        match known.find(|(known, _)| known == name) {
            Some((_, variable)) => {
                *variable = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn call_template(
        &mut self,
        span: &Range<usize>,
        name: &Arc<str>,
        pipeline: Option<&Pipeline>,
        dot: &Value,
    ) -> Evaluated<()> {
        self.at = span.clone();
        let Some(template) = self.shared.find(name) else {
            return self.fail(format!("template {name:?} not defined"));
        };
        let data = match pipeline {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::missing(),
        };
        let origin = self.origin(span);
        let called = invoke(self.shared, &template, &data, self.out);
        called.map_err(|error| called_from(error, origin))
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Evaluated<Value> {
        self.shared.stack.open += 1;
        let mut value: Option<Value> = None;
        for command in &pipeline.commands {
            self.step()?;
            let mut result = self.command(command, dot, value)?;
            if matches!(result.data, Data::Nil) {
                result.data = Data::Missing;
            }
            value = Some(result);
        }
        self.shared.stack.open -= 1;
        let value = value.unwrap_or_else(Value::missing);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    /// Evaluates a command. `last` is the result of the command before it.
    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Evaluated<Value> {
        let first = &command.first;
        self.at = first.span.clone();
        let arguments = Arguments {
            operands: &command.arguments,
            last,
            dot,
        };
        match &first.term {
            Term::Field(path) => self.chain(dot.clone(), path, arguments),
            Term::Chain(inner, path) => {
                let receiver = self.chain_start(inner, dot)?;
                self.at = first.span.clone();
                self.chain(receiver, path, arguments)
            }
            Term::Function(function) => self.function(function, &command.span, arguments),
            Term::Variable(name, path) if !path.is_empty() => {
                let receiver = self.variable(name)?;
                self.chain(receiver, path, arguments)
            }
            _ if !arguments.is_empty() => {
                let written = self.written(&first.span).to_string();
                self.fail(format!("can't give argument to non-function {written}"))
            }
            Term::Variable(name, _) => self.variable(name),
            Term::Pipeline(pipeline) => self.pipeline(pipeline, dot),
            Term::Dot => Ok(dot.clone()),
            Term::Nil => self.fail("nil is not a command"),
            Term::Bool(value) => Ok(Value::bool(*value)),
            Term::Number(number) => self.number(number),
            Term::String(text) => Ok(Value::string(text.clone())),
        }
    }

    fn variable(&mut self, name: &Arc<str>) -> Evaluated<Value> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        match found {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    /// A number where nothing asks for a type.
    fn number(&mut self, number: &Number) -> Evaluated<Value> {
        if let Some((real, imaginary)) = number.complex {
            return Ok(Data::Complex(real, imaginary).into());
        }
        match (number.float, number.int) {
            (Some(value), _) if number.is_float => Ok(Value::float(value)),
            (_, Some(value)) => Ok(Value::int(value)),
            _ => {
                let written = self.written(&self.at).to_string();
                self.fail(format!("{written} overflows int"))
            }
        }
    }

    fn chain_start(&mut self, operand: &Operand, dot: &Value) -> Evaluated<Value> {
        match &operand.term {
            Term::Pipeline(pipeline) => self.pipeline(pipeline, dot),
            Term::Function(function) => {
                self.function(function, &operand.span, Arguments::none(dot))
            }
            _ => self.operand(operand, dot),
        }
    }

    /// `.a.b.c`; the last field gets the arguments, since it may be a method.
    fn chain(
        &mut self,
        receiver: Value,
        path: &[Arc<str>],
        arguments: Arguments<'_>,
    ) -> Evaluated<Value> {
        let Some((last, path)) = path.split_last() else {
            return Ok(receiver);
        };
        let mut value = receiver;
        let mut is_inside = false;
        for name in path {
            value = self.field(&value, name, Arguments::none(arguments.dot), is_inside)?;
            is_inside = true;
        }
        self.field(&value, last, arguments, is_inside)
    }

    /// A field, key or method. `is_inside` tells that the receiver came out of a map.
    fn field(
        &mut self,
        receiver: &Value,
        name: &Arc<str>,
        arguments: Arguments<'_>,
        is_inside: bool,
    ) -> Evaluated<Value> {
        match &receiver.data {
            Data::Missing if self.shared.missing_key == MissingKey::Error => {
                return self.fail(format!("nil data; no entry for key {name:?}"));
            }
            Data::Missing => return Ok(Value::missing()),
            Data::Nil => {
                return self.fail(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Data::Object(object) => {
                if let Some(value) = self.method(object, name, &arguments)? {
                    return Ok(value);
                }
            }
            Data::Map(map) => {
                if let Some(signature) = tables::signature(map, name) {
                    let span = self.at.clone();
                    let values = self.arguments(name, &signature, &arguments)?;
                    self.at = span;
                    let budget = &mut self.shared.budget;
                    return match tables::call(receiver, map, (name, &values), budget) {
                        Ok(value) => Ok(value),
                        Err(message) => self.fail(format!("error calling {name}: {message}")),
                    };
                }
            }
            _ => {}
        }
        let is_struct = matches!(&receiver.data, Data::Object(object) if object.is_struct);
        if let Some(map) = receiver.as_map() {
            let found = map.get(name);
            if !arguments.is_empty() && (found.is_some() || !is_struct) {
                return self.fail(match is_struct {
                    true => format!("{name} has arguments but cannot be invoked as function"),
                    false => format!("{name} is not a method but has arguments"),
                });
            }
            match (found, self.shared.missing_key) {
                (Some(value), _) => return Ok(value),
                (None, _) if is_struct => {}
                (None, MissingKey::Invalid) => return Ok(Value::missing()),
                (None, MissingKey::Zero) => return Ok(map.zero()),
                (None, MissingKey::Error) => {
                    return self.fail(format!("map has no entry for key {name:?}"));
                }
            }
        }
        let type_name = match is_inside {
            true => "interface {}",
            false => receiver.type_name(),
        };
        self.fail(format!("can't evaluate field {name} in type {type_name}"))
    }

    /// The result of a method; `None` if the object has none of this name.
    fn method(
        &mut self,
        object: &Object,
        name: &str,
        arguments: &Arguments<'_>,
    ) -> Evaluated<Option<Value>> {
        let Some(methods) = &object.methods else {
            return Ok(None);
        };
        let Some(signature) = methods.signature(name) else {
            return Ok(None);
        };
        let span = self.at.clone();
        let values = self.arguments(name, &signature, arguments)?;
        self.at = span;
        match methods.call(name, &values) {
            Ok(value) => Ok(Some(value)),
            Err(message) => self.fail(format!("error calling {name}: {message}")),
        }
    }

    fn function(
        &mut self,
        function: &Function,
        span: &Range<usize>,
        arguments: Arguments<'_>,
    ) -> Evaluated<Value> {
        let name = function.name;
        if let Action::Choose(wanted) = function.action {
            self.check_count(name, &function.signature, &arguments)?;
            return self.first_of(wanted, arguments);
        }
        let values = self.arguments(name, &function.signature, &arguments)?;
        self.at = span.clone();
        let computed = match function.action {
            Action::Compute(compute) => compute(&mut Call {
                arguments: &values,
                budget: &mut self.shared.budget,
            }),
            Action::Include => return self.include(span, &values),
            Action::Tpl => return self.tpl(span, &values),
            Action::CallValue | Action::Choose(_) => Err(match values.first() {
                Some(value) if !value.is_nil() => {
                    format!("non-function of type {}", value.type_name()).into()
                }
                _ => "call of nil".into(),
            }),
        };
        computed.map_err(|problem| {
            self.error(match problem {
                Problem::Execution(message) => {
                    Problem::Execution(format!("error calling {name}: {message}"))
                }
                problem => problem,
            })
        })
    }

    /// `and`, `or`: arguments are evaluated until one decides.
    fn first_of(&mut self, wanted: bool, arguments: Arguments<'_>) -> Evaluated<Value> {
        let mut value = Value::missing();
        for operand in arguments.operands {
            value = self.argument(operand, Type::Reflect, arguments.dot)?;
            if value.is_true() == wanted {
                return Ok(value);
            }
        }
        Ok(arguments.last.unwrap_or(value))
    }

    fn check_count(
        &self,
        name: &str,
        signature: &Signature,
        arguments: &Arguments<'_>,
    ) -> Evaluated<()> {
        let count = arguments.len();
        let parameters = signature.parameters.len();
        if signature.is_variadic {
            if count < parameters - 1 {
                let given = arguments.operands.len();
                return self.fail(format!(
                    "wrong number of args for {name}: want at least {} got {given}",
                    parameters - 1
                ));
            }
        } else if count != parameters {
            return self.fail(format!(
                "wrong number of args for {name}: want {parameters} got {count}"
            ));
        }
        Ok(())
    }

    /// Evaluates arguments and checks their types.
    fn arguments(
        &mut self,
        name: &str,
        signature: &Signature,
        arguments: &Arguments<'_>,
    ) -> Evaluated<Vec<Value>> {
        self.check_count(name, signature, arguments)?;
        let parameter = |index: usize| {
            let last = signature.parameters.last();
            let parameter = signature.parameters.get(index).or(last);
            parameter.copied().unwrap_or(Type::Any)
        };
        let mut values = Vec::with_capacity(arguments.len());
        for (index, operand) in arguments.operands.iter().enumerate() {
            values.push(self.argument(operand, parameter(index), arguments.dot)?);
        }
        if let Some(last) = &arguments.last {
            values.push(self.checked(last.clone(), parameter(values.len()))?);
        }
        Ok(values)
    }

    /// An operand without arguments.
    fn operand(&mut self, operand: &Operand, dot: &Value) -> Evaluated<Value> {
        self.at = operand.span.clone();
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Field(path) => self.chain(dot.clone(), path, Arguments::none(dot)),
            Term::Variable(name, path) => {
                let receiver = self.variable(name)?;
                self.chain(receiver, path, Arguments::none(dot))
            }
            Term::Chain(inner, path) => {
                let receiver = self.chain_start(inner, dot)?;
                self.at = operand.span.clone();
                self.chain(receiver, path, Arguments::none(dot))
            }
            Term::Pipeline(pipeline) => self.pipeline(pipeline, dot),
            Term::Function(function) => {
                self.function(function, &operand.span, Arguments::none(dot))
            }
            Term::Nil => Ok(Value::nil()),
            Term::Bool(value) => Ok(Value::bool(*value)),
            Term::Number(number) => self.number(number),
            Term::String(text) => Ok(Value::string(text.clone())),
        }
    }

    /// An argument of a type.
    fn argument(&mut self, operand: &Operand, wanted: Type, dot: &Value) -> Evaluated<Value> {
        self.at = operand.span.clone();
        let is_open = matches!(wanted, Type::Any | Type::Reflect);
        match &operand.term {
            Term::Nil if is_open || may_be_nil(wanted) => Ok(Value::nil()),
            Term::Nil => self.fail(format!("cannot assign nil to {}", wanted.name())),
            Term::Bool(_) | Term::Number(_) | Term::String(_) if !is_open => {
                self.constant(&operand.term, wanted)
            }
            _ => {
                let value = self.operand(operand, dot)?;
                self.at = operand.span.clone();
                self.checked(value, wanted)
            }
        }
    }

    /// A constant where a type is asked for.
    fn constant(&mut self, term: &Term, wanted: Type) -> Evaluated<Value> {
        let (value, expected) = match (wanted, term) {
            (Type::Bool, Term::Bool(value)) => (Some(Value::bool(*value)), ""),
            (Type::Bool, _) => (None, "bool"),
            (Type::String, Term::String(text)) => (Some(Value::string(text.clone())), ""),
            (Type::String, _) => (None, "string"),
            (Type::Int, Term::Number(number)) => (number.int.map(Value::int), "integer"),
            (Type::Int, _) => (None, "integer"),
            (Type::Float, Term::Number(number)) => (number.float.map(Value::float), "float"),
            (Type::Float, _) => (None, "float"),
            (Type::Uint32, Term::Number(number)) => {
                let value = number.unsigned.and_then(|value| i64::try_from(value).ok());
                (value.map(Value::int64), "unsigned integer")
            }
            (Type::Uint32, _) => (None, "unsigned integer"),
            _ => {
                let written = self.written(&self.at).to_string();
                let name = wanted.name();
                return self.fail(format!("can't handle {written} for arg of type {name}"));
            }
        };
        match value {
            Some(value) => Ok(value),
            None => {
                let written = self.written(&self.at).to_string();
                self.fail(format!("expected {expected}; found {written}"))
            }
        }
    }

    /// A value where a type is asked for.
    fn checked(&mut self, value: Value, wanted: Type) -> Evaluated<Value> {
        let name = wanted.name();
        match (&value.data, wanted) {
            (_, Type::Reflect) => Ok(value),
            (Data::Missing, Type::Any) => Ok(Value {
                data: Data::Nil,
                ..value
            }),
            (_, Type::Any) => Ok(value),
            (Data::Missing, _) if may_be_nil(wanted) => Ok(Value::nil()),
            (Data::Missing, _) => self.fail(format!("invalid value; expected {name}")),
            (Data::Map(map), Type::Map) => match map.kind {
                MapKind::Any => Ok(value),
                MapKind::Named(_) => Ok(Value {
                    data: Data::Map(map.as_kind(MapKind::Any)),
                    inputs: value.inputs.clone(),
                }),
                MapKind::Strings | MapKind::Bytes => self.wrong_type(&value, wanted),
            },
            (Data::String(_), Type::String)
            | (Data::Bool(_), Type::Bool)
            | (Data::Float(_), Type::Float)
            | (Data::Time(_), Type::Time) => Ok(value),
            (Data::Int(..) | Data::List(_) | Data::Object(_), _) if value.type_name() == name => {
                Ok(value)
            }
            _ => self.wrong_type(&value, wanted),
        }
    }

    fn wrong_type<T>(&self, value: &Value, wanted: Type) -> Evaluated<T> {
        self.fail(format!(
            "wrong type for value; expected {}; got {}",
            wanted.name(),
            value.argument_type_name()
        ))
    }

    fn include(&mut self, span: &Range<usize>, values: &[Value]) -> Evaluated<Value> {
        let [name, data, ..] = values else {
            return self.fail("wrong number of args for include");
        };
        let name: Arc<str> = name.as_str().unwrap_or_default().into();
        let count = self.shared.included.entry(name.clone()).or_default();
        if *count > RECURSION {
            return self.fail(format!(
                "error calling include: rendering template has a nested reference name: {name}: \
                 unable to execute template"
            ));
        }
        *count += 1;
        let result = self.include_named(span, &name, data);
        if let Some(count) = self.shared.included.get_mut(&name) {
            *count -= 1;
        }
        result
    }

    fn include_named(&mut self, span: &Range<usize>, name: &str, data: &Value) -> Evaluated<Value> {
        let Some(template) = self.shared.find(name) else {
            return self.fail(format!(
                "error calling include: template: no template {name:?} associated with template \
                 \"gotpl\""
            ));
        };
        let origin = self.origin(span);
        let text = execute(self.shared, &template, &as_data(data));
        Ok(Value::string(
            text.map_err(|error| called_from(error, origin))?,
        ))
    }

    /// Executes a text that a value holds. What it defines is known within it only.
    fn tpl(&mut self, span: &Range<usize>, values: &[Value]) -> Evaluated<Value> {
        let [text, data, ..] = values else {
            return self.fail("wrong number of args for tpl");
        };
        let text = text.as_text().unwrap_or_default();
        if !text.as_str().contains("{{") {
            return Ok(Value::string(text.without_no_value()));
        }
        let spent = self.shared.budget.steps(text.as_str().len() / 16);
        spent.map_err(|problem| self.error(problem))?;
        let parsed = match parse::parse(text.as_str(), self.shared.dialect) {
            Ok(parsed) => parsed,
            Err(error) => {
                return self.fail(format!(
                    "error calling tpl: cannot parse template {:?}: {}",
                    text.as_str(),
                    error.message
                ));
            }
        };
        let source = Arc::new(Source {
            name: "gotpl".into(),
            text,
            parsed,
        });
        let mut scope = Named::new();
        define(&mut scope, &source);
        let template = Template {
            source,
            definition: None,
        };
        let origin = self.origin(span);
        self.shared.scopes.push(scope);
        let result = execute(self.shared, &template, &as_data(data));
        self.shared.scopes.pop();
        let text = result.map_err(|error| called_from(error, origin))?;
        Ok(Value::string(text.without_no_value()))
    }
}

/// Null as the data of a template is nothing.
fn as_data(value: &Value) -> Value {
    match value.data {
        Data::Nil => Value::missing(),
        _ => value.clone(),
    }
}

/// Adds the call that led to an error.
fn called_from(mut error: Box<Error>, origin: Option<Origin>) -> Box<Error> {
    error.calls.extend(origin);
    error
}

fn may_be_nil(wanted: Type) -> bool {
    matches!(
        wanted,
        Type::Any | Type::Reflect | Type::Map | Type::List | Type::Version
    )
}

/// The arguments of a command: those that are written, and the result of the command before it.
struct Arguments<'a> {
    operands: &'a [Operand],
    last: Option<Value>,
    dot: &'a Value,
}

impl<'a> Arguments<'a> {
    fn none(dot: &'a Value) -> Arguments<'a> {
        Arguments {
            operands: &[],
            last: None,
            dot,
        }
    }

    fn len(&self) -> usize {
        self.operands.len() + usize::from(self.last.is_some())
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
