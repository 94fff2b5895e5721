//! Functions of lists.

use super::reflection::deep_equal;
use super::{Call, Function, fixed, variadic};
use crate::template::error::Problem;
use crate::template::inputs::Inputs;
use crate::template::numbers::to_int;
use crate::template::value::{Items, Type, Value};

const ANY: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];
const COUNT: &[Type] = &[Type::Int];

pub(super) static FUNCTIONS: &[Function] = &[
    variadic("list", ANY, |call| Ok(Value::list(call.arguments.to_vec()))),
    variadic("tuple", ANY, |call| {
        Ok(Value::list(call.arguments.to_vec()))
    }),
    fixed("append", TWO, push),
    fixed("push", TWO, push),
    fixed("mustAppend", TWO, push),
    fixed("mustPush", TWO, push),
    fixed("prepend", TWO, prepend),
    fixed("mustPrepend", TWO, prepend),
    fixed("first", ANY, |call| {
        Ok(items(call, 0, "find first on")?
            .first()
            .cloned()
            .unwrap_or_else(Value::nil))
    }),
    fixed("mustFirst", ANY, |call| {
        Ok(items(call, 0, "find first on")?
            .first()
            .cloned()
            .unwrap_or_else(Value::nil))
    }),
    fixed("last", ANY, |call| {
        Ok(items(call, 0, "find last on")?
            .last()
            .cloned()
            .unwrap_or_else(Value::nil))
    }),
    fixed("mustLast", ANY, |call| {
        Ok(items(call, 0, "find last on")?
            .last()
            .cloned()
            .unwrap_or_else(Value::nil))
    }),
    fixed("rest", ANY, rest),
    fixed("mustRest", ANY, rest),
    fixed("initial", ANY, initial),
    fixed("mustInitial", ANY, initial),
    fixed("reverse", ANY, reverse),
    fixed("mustReverse", ANY, reverse),
    fixed("uniq", ANY, unique),
    fixed("mustUniq", ANY, unique),
    fixed("compact", ANY, compact),
    fixed("mustCompact", ANY, compact),
    variadic("without", TWO, without),
    variadic("mustWithout", TWO, without),
    fixed("has", TWO, has),
    fixed("mustHas", TWO, has),
    variadic("slice", TWO, slice),
    variadic("mustSlice", TWO, slice),
    variadic("concat", ANY, concat),
    fixed("chunk", &[Type::Int, Type::Any], chunk),
    fixed("mustChunk", &[Type::Int, Type::Any], chunk),
    fixed("until", COUNT, |call| {
        let count = call.int(0);
        range(call, 0, count, if count < 0 { -1 } else { 1 })
    }),
    fixed("untilStep", &[Type::Int, Type::Int, Type::Int], |call| {
        let (start, stop, step) = (call.int(0), call.int(1), call.int(2));
        range(call, start, stop, step)
    }),
    variadic("seq", COUNT, sequence),
];

/// The items of a list argument; an error of Go's wording for everything else.
fn items(call: &mut Call<'_>, index: usize, what: &str) -> Result<Vec<Value>, Problem> {
    let value = call.value(index);
    match value.items() {
        Some(items) => {
            call.budget.steps(items.len())?;
            Ok(items.into_owned())
        }
        None if value.is_nil() => {
            Err("runtime error: invalid memory address or nil pointer dereference".into())
        }
        None => Err(format!("Cannot {what} type {}", value.kind_name()).into()),
    }
}

/// A list made of the items of an argument.
fn made(call: &Call<'_>, index: usize, items: Vec<Value>) -> Result<Value, Problem> {
    let inputs = call.value(index).inputs.clone();
    Ok(Value::list(items).with_inputs(inputs))
}

fn push(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut all = items(call, 0, "push on")?;
    all.push(call.value(1).clone());
    made(call, 0, all)
}

fn prepend(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut all = vec![call.value(1).clone()];
    all.extend(items(call, 0, "prepend on")?);
    made(call, 0, all)
}

fn rest(call: &mut Call<'_>) -> Result<Value, Problem> {
    let all = items(call, 0, "find rest on")?;
    match all.split_first() {
        Some((_, rest)) => made(call, 0, rest.to_vec()),
        None => Ok(Value::nil_list()),
    }
}

fn initial(call: &mut Call<'_>) -> Result<Value, Problem> {
    let all = items(call, 0, "find initial on")?;
    match all.split_last() {
        Some((_, initial)) => made(call, 0, initial.to_vec()),
        None => Ok(Value::nil_list()),
    }
}

fn reverse(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut all = items(call, 0, "find reverse on")?;
    all.reverse();
    made(call, 0, all)
}

fn contains(call: &mut Call<'_>, all: &[Value], item: &Value) -> Result<bool, Problem> {
    call.budget.steps(all.len())?;
    Ok(all.iter().any(|known| deep_equal(known, item)))
}

fn unique(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(call, 0, "find uniq on")? {
        if !contains(call, &kept, &item)? {
            kept.push(item);
        }
    }
    made(call, 0, kept)
}

fn compact(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut all = items(call, 0, "compact on")?;
    all.retain(Value::is_true);
    made(call, 0, all)
}

fn without(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut kept = Vec::new();
    let omitted = call.from(1);
    for item in items(call, 0, "find without on")? {
        if !contains(call, omitted, &item)? {
            kept.push(item);
        }
    }
    made(call, 0, kept)
}

fn has(call: &mut Call<'_>) -> Result<Value, Problem> {
    if call.value(1).is_nil() {
        return call.computed(Value::bool(false));
    }
    let all = items(call, 1, "find has on")?;
    let found = contains(call, &all, call.value(0))?;
    call.computed(Value::bool(found))
}

fn slice(call: &mut Call<'_>) -> Result<Value, Problem> {
    let list = call.value(0);
    let all = match list.items() {
        Some(items) => items,
        None if list.is_nil() => {
            return Err("runtime error: invalid memory address or nil pointer dereference".into());
        }
        None => {
            let kind = list.kind_name();
            return Err(format!("list should be type of slice or array but {kind}").into());
        }
    };
    if all.is_empty() {
        return Ok(Value::nil());
    }
    let bound = |index: usize| call.from(1).get(index).map(to_int);
    let start = bound(0).unwrap_or(0);
    let end = bound(1).unwrap_or(all.len() as i64);
    let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = bounds.and_then(|(start, end)| all.get(start..end));
    let part = part.ok_or("reflect.Value.Slice: slice index out of bounds")?;
    let of = match &list.data {
        crate::template::value::Data::List(list) => list.of,
        _ => Items::Any,
    };
    Ok(Value::list_of(of, part.to_vec()).with_inputs(list.inputs.clone()))
}

fn concat(call: &mut Call<'_>) -> Result<Value, Problem> {
    let mut all = Vec::new();
    let mut inputs = Inputs::NONE;
    for (index, list) in call.arguments.iter().enumerate() {
        match list.items() {
            Some(_) => all.extend(items(call, index, "concat")?),
            None if list.is_nil() => {
                return Err(
                    "runtime error: invalid memory address or nil pointer dereference".into(),
                );
            }
            None => {
                let kind = list.kind_name();
                return Err(format!("Cannot concat type {kind} as list").into());
            }
        }
        inputs.extend(&list.inputs);
    }
    match all.is_empty() {
        true => Ok(Value::nil_list()),
        false => Ok(Value::list(all).with_inputs(inputs)),
    }
}

fn chunk(call: &mut Call<'_>) -> Result<Value, Problem> {
    let all = items(call, 1, "chunk")?;
    match usize::try_from(call.int(0)) {
        Ok(size) if size > 0 => {
            let chunks = all.chunks(size).map(|chunk| Value::list(chunk.to_vec()));
            let inputs = call.value(1).inputs.clone();
            Ok(Value::list_of(Items::Lists, chunks.collect()).with_inputs(inputs))
        }
        // Go makes no chunks of a negative size if there would be none at all
        Err(_) if all.len() > 1 && call.int(0).unsigned_abs() >= all.len() as u64 - 1 => {
            Ok(Value::list_of(Items::Lists, Vec::new()))
        }
        _ => Err("runtime error: makeslice: len out of range".into()),
    }
}

/// The numbers from `start` up or down to `stop`, which is left out.
fn numbers(call: &mut Call<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Problem> {
    let goes = match stop < start {
        true => step < 0,
        false => step > 0,
    };
    let mut numbers = Vec::new();
    let mut at = start;
    while goes && (if step < 0 { at > stop } else { at < stop }) {
        call.budget.step()?;
        numbers.push(at);
        let Some(next) = at.checked_add(step) else {
            break;
        };
        at = next;
    }
    Ok(numbers)
}

fn range(call: &mut Call<'_>, start: i64, stop: i64, step: i64) -> Result<Value, Problem> {
    let numbers = numbers(call, start, stop, step)?;
    let inputs = call.inputs();
    let each = numbers.into_iter();
    let each = each.map(|number| Value::int(number).with_inputs(inputs.clone()));
    Ok(Value::list_of(Items::Ints, each.collect()).with_inputs(inputs.clone()))
}

/// `seq`, after the command of that name: numbers with blanks between them.
fn sequence(call: &mut Call<'_>) -> Result<Value, Problem> {
    let given: Vec<i64> = (0..call.arguments.len())
        .map(|index| call.int(index))
        .collect();
    let (start, stop, step) = match given[..] {
        [end] => {
            let increment = if end < 1 { -1 } else { 1 };
            (1, end.saturating_add(increment), increment)
        }
        [start, end] => {
            let step = if end < start { -1 } else { 1 };
            (start, end.saturating_add(step), step)
        }
        [start, step, end] => {
            let increment = if end < start { -1 } else { 1 };
            if end < start && step > 0 {
                return call.computed_text("");
            }
            (start, end.saturating_add(increment), step)
        }
        _ => return call.computed_text(""),
    };
    let numbers = numbers(call, start, stop, step)?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    call.computed_text(texts.join(" "))
}
