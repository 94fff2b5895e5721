//! Go's package `fmt`: `print`, `println` and `printf`, with the origins of what they print.

mod flags;
mod number;
mod quote;
mod verb;

use super::budget::Budget;
use super::error::Problem;
use super::text::{Text, TextBuilder};
#[cfg(test)]
use super::value::Map;
use super::value::{Data, Value};
use flags::Flags;
pub(super) use number::{duration, shortest_exponent};
pub(super) use quote::{is_printable, quoted};
use verb::Printer;

/// The widest field and the longest precision, as in Go.
const WIDEST: usize = 1_000_000;

/// A value as `%v` prints it.
pub(super) fn display(value: &Value, budget: &mut Budget) -> Result<Text, Problem> {
    if let Some(text) = value.as_text() {
        return Ok(text);
    }
    let mut printer = Printer::new(budget);
    printer.argument(value, 'v')?;
    Ok(printer.out.finish())
}

/// Prints a value into a text as `%v` does.
pub(super) fn display_into(
    out: &mut TextBuilder,
    value: &Value,
    budget: &mut Budget,
) -> Result<(), Problem> {
    match &value.data {
        Data::String(text) => out.push_value(text, &value.inputs),
        _ => out.push(&display(value, budget)?),
    }
    Ok(())
}

/// Prints a value as an action does, which reaches through pointers.
pub(super) fn action_into(
    out: &mut TextBuilder,
    value: &Value,
    budget: &mut Budget,
) -> Result<(), Problem> {
    if !matches!(value.data, Data::Object(_)) {
        return display_into(out, value, budget);
    }
    let mut printer = Printer::new(budget);
    printer.is_action = true;
    printer.argument(value, 'v')?;
    out.push(&printer.out.finish());
    Ok(())
}

/// `print`: a space between operands if neither is a string.
pub(super) fn sprint(values: &[Value], budget: &mut Budget) -> Result<Text, Problem> {
    let mut printer = Printer::new(budget);
    let mut after_string = true;
    for (index, value) in values.iter().enumerate() {
        let is_string = matches!(value.data, Data::String(_));
        if index > 0 && !is_string && !after_string {
            printer.out.push_str(" ");
        }
        printer.argument(value, 'v')?;
        after_string = is_string;
    }
    Ok(printer.out.finish())
}

/// `println`: a space between all operands, and a newline.
pub(super) fn sprintln(values: &[Value], budget: &mut Budget) -> Result<Text, Problem> {
    let mut printer = Printer::new(budget);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.out.push_str(" ");
        }
        printer.argument(value, 'v')?;
    }
    printer.out.push_str("\n");
    Ok(printer.out.finish())
}

/// `printf`.
pub(super) fn sprintf(
    format: &Text,
    values: &[Value],
    budget: &mut Budget,
) -> Result<Text, Problem> {
    let mut formatter = Formatter {
        format,
        bytes: format.as_str().as_bytes(),
        at: 0,
        values,
        next: 0,
        reordered: false,
        good: true,
        printer: Printer::new(budget),
    };
    formatter.run()?;
    Ok(formatter.printer.out.finish())
}

struct Formatter<'a> {
    format: &'a Text,
    bytes: &'a [u8],
    at: usize,
    values: &'a [Value],
    /// The number of the next argument.
    next: usize,
    /// True if an explicit number such as `%[2]d` was used.
    reordered: bool,
    /// True if the explicit number of the present verb is right.
    good: bool,
    printer: Printer<'a>,
}

impl Formatter<'_> {
    fn run(&mut self) -> Result<(), Problem> {
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            let literal = rest.iter().position(|byte| *byte == b'%');
            let literal = literal.unwrap_or(rest.len());
            let end = self.at + literal;
            self.printer.out.push_part(self.format, self.at..end);
            self.at = end;
            if self.at < self.bytes.len() {
                self.at += 1;
                self.directive()?;
            }
        }
        if !self.reordered && self.next < self.values.len() {
            self.extra()?;
        }
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.byte() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// Everything behind a `%`.
    fn directive(&mut self) -> Result<(), Problem> {
        self.good = true;
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.byte() == Some(b'*') {
            self.at += 1;
            match self.int_argument() {
                Some(width) => {
                    flags.width = Some(width.unsigned_abs() as usize);
                    if width < 0 {
                        flags.minus = true;
                        flags.zero = false;
                    }
                }
                None => self.printer.out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.number();
            if after_index && flags.width.is_some() {
                self.good = false;
            }
        }
        if self.byte() == Some(b'.') && self.at + 1 < self.bytes.len() {
            self.at += 1;
            if after_index {
                self.good = false;
            }
            after_index = self.precision(&mut flags);
        }
        if !after_index {
            self.index();
        }
        self.verb(flags)
    }

    /// Reads the part behind the dot. Returns true if it ended in an explicit number.
    fn precision(&mut self, flags: &mut Flags) -> bool {
        let after_index = self.index();
        if self.byte() != Some(b'*') {
            flags.precision = Some(self.number().unwrap_or(0));
            return after_index;
        }
        self.at += 1;
        flags.precision = self
            .int_argument()
            .and_then(|given| usize::try_from(given).ok());
        if flags.precision.is_none() {
            self.printer.out.push_str("%!(BADPREC)");
        }
        false
    }

    fn verb(&mut self, mut flags: Flags) -> Result<(), Problem> {
        let rest = self.format.as_str().get(self.at..).unwrap_or_default();
        let Some(verb) = rest.chars().next() else {
            self.printer.out.push_str("%!(NOVERB)");
            return Ok(());
        };
        self.at += verb.len_utf8();
        if verb == '%' {
            self.printer.out.push_str("%");
            return Ok(());
        }
        if !self.good {
            self.printer.out.push_str(&format!("%!{verb}(BADINDEX)"));
            return Ok(());
        }
        let Some(value) = self.values.get(self.next) else {
            self.printer.out.push_str(&format!("%!{verb}(MISSING)"));
            return Ok(());
        };
        self.next += 1;
        // `%w` is bad outside of errors, and prints its value like `%v`
        if matches!(verb, 'v' | 'w') {
            flags.go_syntax = std::mem::take(&mut flags.sharp);
            flags.field_names = std::mem::take(&mut flags.plus);
        }
        self.printer.flags = flags;
        self.printer.argument(value, verb)
    }

    /// Digits, as a number.
    fn number(&mut self) -> Option<usize> {
        let start = self.at;
        let mut value = 0usize;
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            if value > WIDEST {
                return None;
            }
            value = value * 10 + usize::from(byte - b'0');
            self.at += 1;
        }
        (self.at > start).then_some(value)
    }

    /// An explicit number of an argument, `[2]`. True if there is a good one.
    fn index(&mut self) -> bool {
        if self.byte() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.bytes[self.at..];
        let Some(close) = rest
            .iter()
            .position(|byte| *byte == b']')
            .filter(|_| rest.len() >= 3)
        else {
            self.good = false;
            self.at += 1;
            return false;
        };
        let digits = &rest[1..close];
        let number = std::str::from_utf8(digits).ok().filter(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        let number = number.and_then(|digits| digits.parse::<usize>().ok());
        self.at += close + 1;
        let index = number
            .filter(|number| *number <= WIDEST)
            .and_then(|number| number.checked_sub(1));
        match index {
            Some(index) if index < self.values.len() => {
                self.next = index;
                true
            }
            _ => {
                self.good = false;
                number.is_some()
            }
        }
    }

    /// The argument of a `*`.
    fn int_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        match value.data {
            Data::Int(_, number) if number.unsigned_abs() <= WIDEST as u64 => Some(number),
            _ => None,
        }
    }

    /// Arguments that no verb used.
    fn extra(&mut self) -> Result<(), Problem> {
        self.printer.flags = Flags::default();
        self.printer.out.push_str("%!(EXTRA ");
        for (index, value) in self.values[self.next..].iter().enumerate() {
            if index > 0 {
                self.printer.out.push_str(", ");
            }
            if !value.is_nil() {
                self.printer.out.push_str(value.type_name());
                self.printer.out.push_str("=");
            }
            self.printer.argument(value, 'v')?;
        }
        self.printer.out.push_str(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
