//! One value under one verb.

use super::flags::Flags;
use super::number;
use super::quote;
use crate::template::budget::Budget;
use crate::template::error::Problem;
use crate::template::inputs::Inputs;
use crate::template::text::{Text, TextBuilder};
use crate::template::value::{Data, IntKind, Object, Value};

/// The deepest nesting of values; a map can hold itself.
const DEEPEST: usize = 200;

/// Prints values one after the other.
pub(super) struct Printer<'b> {
    pub(super) out: TextBuilder,
    pub(super) flags: Flags,
    /// True if an action prints the value, not a function.
    pub(super) is_action: bool,
    budget: &'b mut Budget,
    /// True if a bad verb is being reported, where values print plainly.
    erroring: bool,
}

impl<'b> Printer<'b> {
    pub(super) fn new(budget: &'b mut Budget) -> Printer<'b> {
        Printer {
            out: TextBuilder::new(),
            flags: Flags::default(),
            is_action: false,
            budget,
            erroring: false,
        }
    }

    /// An argument of `printf`.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Result<(), Problem> {
        match (&value.data, verb) {
            (Data::Missing | Data::Nil, 'v' | 'T') => self.pad("<nil>", &value.inputs),
            (Data::Missing | Data::Nil, _) => {
                self.out.push_str(&format!("%!{verb}(<nil>)"));
                Ok(())
            }
            (_, 'T') => self.plain_string(&Text::from(value.type_name()), &value.inputs),
            (Data::Map(_) | Data::List(_) | Data::Bytes(_), 'p') => self.address(),
            (Data::Bytes(bytes), 'd') if self.flags.go_syntax => {
                self.bytes(&bytes.clone(), value, 'v')
            }
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Result<(), Problem> {
        self.budget.step()?;
        if depth > DEEPEST {
            return Err(Problem::TooMuch {
                what: "levels of nested values",
                most: DEEPEST as u64,
            });
        }
        if verb == 'w' && !self.erroring {
            return self.bad(value, verb);
        }
        let inputs = &value.inputs;
        match &value.data {
            Data::Missing | Data::Nil => {
                let text = if self.flags.go_syntax {
                    "interface {}(nil)"
                } else {
                    "<nil>"
                };
                self.out.push_from(text, inputs);
                Ok(())
            }
            Data::Bool(flag) if matches!(verb, 't' | 'v') => self.pad(&flag.to_string(), inputs),
            Data::Bool(_) => self.bad(value, verb),
            Data::Int(kind, number) => self.int(value, *kind, *number, verb),
            Data::Duration(nanoseconds) => match verb {
                'v' | 's' | 'x' | 'X' | 'q' if !self.erroring && !self.flags.go_syntax => {
                    let text = number::duration(*nanoseconds);
                    self.string(value, &text.into(), verb)
                }
                _ => self.int(value, IntKind::Int64, *nanoseconds, verb),
            },
            Data::Float(number) => self.float(value, *number, verb),
            Data::Complex(real, imaginary) => self.complex(value, (*real, *imaginary), verb),
            Data::String(text) => self.string(value, text, verb),
            Data::Bytes(bytes) => self.bytes(&bytes.clone(), value, verb),
            Data::Time(time) => self.string(value, &time.to_string().into(), verb),
            Data::List(list) => self.list(value, list.type_name(), &list.items, verb, depth),
            Data::Map(map) => self.map(value, map.type_name(), verb, depth),
            Data::Object(object) => self.object(value, object, verb, depth),
        }
    }

    fn object(
        &mut self,
        value: &Value,
        object: &Object,
        verb: char,
        depth: usize,
    ) -> Result<(), Problem> {
        // the methods are those of the pointer, which only an action finds for a plain value
        let is_pointer = object.type_name.starts_with('*');
        let methods = object.methods.as_ref();
        let methods = methods.filter(|_| is_pointer || self.is_action && depth == 0);
        match methods.and_then(|methods| methods.to_text()) {
            Some(text) if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.erroring => {
                self.string(value, &text.into(), verb)
            }
            _ if object.is_struct && is_pointer && depth > 0 => match verb {
                'v' | 'p' | 'b' | 'o' | 'd' | 'x' | 'X' => self.address(),
                _ => self.bad(value, verb),
            },
            _ if object.is_struct => {
                if is_pointer && depth == 0 && !self.is_action {
                    self.out.push_str("&");
                }
                let (open, between) = match self.flags.go_syntax {
                    true => (
                        format!("{}{{", object.type_name.trim_start_matches('*')),
                        ", ",
                    ),
                    false => ("{".to_string(), " "),
                };
                self.out.push_str(&open);
                for (index, field) in object.fields.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(between);
                    }
                    if self.flags.field_names || self.flags.go_syntax {
                        self.out.push_str(&format!("{}:", field.name));
                    }
                    self.value(&field.value, verb, depth + 1)?;
                }
                self.out.push_str("}");
                Ok(())
            }
            _ => self.value(&object.content, verb, depth),
        }
    }

    /// The address of a pointer, which differs in every run.
    fn address(&mut self) -> Result<(), Problem> {
        self.pad("0xc000000000", &Inputs::VOLATILE)
    }

    fn list(
        &mut self,
        value: &Value,
        type_name: &str,
        items: &[Value],
        verb: char,
        depth: usize,
    ) -> Result<(), Problem> {
        let is_nil = matches!(&value.data, Data::List(list) if list.is_nil);
        let (open, between, close) = match self.flags.go_syntax {
            true if is_nil => {
                self.out.push_str(&format!("{type_name}(nil)"));
                return Ok(());
            }
            true => (format!("{type_name}{{"), ", ", "}"),
            false => ("[".to_string(), " ", "]"),
        };
        self.out.push_from(&open, &value.inputs);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push_str(between);
            }
            self.value(item, verb, depth + 1)?;
        }
        self.out.push_str(close);
        Ok(())
    }

    fn map(
        &mut self,
        value: &Value,
        type_name: &str,
        verb: char,
        depth: usize,
    ) -> Result<(), Problem> {
        let entries = value.as_map().map(|map| map.entries()).unwrap_or_default();
        let (open, between, close) = match self.flags.go_syntax {
            true => (format!("{type_name}{{"), ", ", "}"),
            false => ("map[".to_string(), " ", "]"),
        };
        self.out.push_from(&open, &value.inputs);
        for (index, (key, entry)) in entries.iter().enumerate() {
            if index > 0 {
                self.out.push_str(between);
            }
            let key = Value::string(key.clone()).with_inputs(entry.key.clone());
            self.value(&key, verb, depth + 1)?;
            self.out.push_str(":");
            self.value(&entry.value, verb, depth + 1)?;
        }
        self.out.push_str(close);
        Ok(())
    }

    fn int(
        &mut self,
        value: &Value,
        kind: IntKind,
        number: i64,
        verb: char,
    ) -> Result<(), Problem> {
        let is_negative = number < 0 && !kind.is_unsigned();
        let magnitude = match is_negative {
            true => number.unsigned_abs(),
            false => number as u64,
        };
        let text = match verb {
            'c' | 'q' => {
                let c = u32::try_from(number as u64).ok().and_then(char::from_u32);
                let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
                match verb {
                    'c' => c.to_string(),
                    _ => quote::quoted_character(c, self.flags.plus),
                }
            }
            'U' => return self.unicode(number as u64, &value.inputs),
            'v' if self.flags.go_syntax && kind.is_unsigned() => {
                let flags = Flags {
                    sharp: true,
                    ..self.flags
                };
                number::integer(magnitude, is_negative, 'x', &flags)
            }
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => {
                number::integer(magnitude, is_negative, verb, &self.flags)
            }
            _ => return self.bad(value, verb),
        };
        match verb {
            'c' | 'q' => self.pad(&text, &value.inputs),
            _ => self.pad_spaces(&text, &value.inputs),
        }
    }

    fn unicode(&mut self, code: u64, inputs: &Inputs) -> Result<(), Problem> {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code:0digits$X}");
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && quote::is_printable(*c)) {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad_spaces(&text, inputs)
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) -> Result<(), Problem> {
        let Some(signed) = number::float(number, verb, &self.flags) else {
            return self.bad(value, verb);
        };
        let flags = self.flags;
        let inputs = &value.inputs;
        let unsigned = signed.get(1..).unwrap_or_default();
        if unsigned.starts_with(['I', 'N']) {
            let is_bare = unsigned.starts_with('N') && !flags.space && !flags.plus;
            return self.pad_spaces(if !is_bare { &signed } else { unsigned }, inputs);
        }
        if !flags.plus && signed.starts_with('+') {
            return self.pad(unsigned, inputs);
        }
        match flags.width {
            Some(width) if flags.zero && !flags.minus && width > signed.len() => {
                self.budget.bytes(width)?;
                let zeros = "0".repeat(width - signed.len());
                let text = format!("{}{zeros}{unsigned}", &signed[..1]);
                self.out.push_from(&text, inputs);
                Ok(())
            }
            _ => self.pad(&signed, inputs),
        }
    }

    /// `(1+2i)`; width and flags count for each part.
    fn complex(&mut self, value: &Value, parts: (f64, f64), verb: char) -> Result<(), Problem> {
        if number::float(parts.0, verb, &self.flags).is_none() {
            return self.bad(value, verb);
        }
        self.out.push_from("(", &value.inputs);
        self.float(value, parts.0, verb)?;
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(value, parts.1, verb)?;
        self.flags.plus = plus;
        self.out.push_from("i)", &value.inputs);
        Ok(())
    }

    fn string(&mut self, value: &Value, text: &Text, verb: char) -> Result<(), Problem> {
        let inputs = value.inputs();
        match verb {
            's' => self.plain_string(text, &value.inputs),
            'v' if !self.flags.go_syntax => self.plain_string(text, &value.inputs),
            'v' | 'q' => {
                let kept = self.truncated(text.as_str());
                let quoted = match self.flags.sharp && quote::can_backquote(kept) {
                    true => format!("`{kept}`"),
                    false => quote::quoted(kept, self.flags.plus),
                };
                self.pad(&quoted, &inputs)
            }
            'x' | 'X' => self.hex(&text.bytes(), verb == 'X', &inputs),
            _ => self.bad(value, verb),
        }
    }

    /// A string as it is; the precision cuts it.
    fn plain_string(&mut self, text: &Text, inputs: &Inputs) -> Result<(), Problem> {
        let length = self.truncated(text.as_str()).len();
        match length == text.as_str().len() {
            true => self.pad_text(text, inputs),
            false => self.pad_text(&text.slice(0..length), inputs),
        }
    }

    fn truncated<'t>(&self, text: &'t str) -> &'t str {
        let Some(most) = self.flags.precision else {
            return text;
        };
        match text.char_indices().nth(most) {
            Some((end, _)) => &text[..end],
            None => text,
        }
    }

    fn hex(&mut self, bytes: &[u8], upper: bool, inputs: &Inputs) -> Result<(), Problem> {
        let bytes = &bytes[..bytes.len().min(self.flags.precision.unwrap_or(usize::MAX))];
        self.budget.bytes(bytes.len() * 3)?;
        let prefix = match (self.flags.sharp && !bytes.is_empty(), upper) {
            (true, true) => "0X",
            (true, false) => "0x",
            (false, _) => "",
        };
        let mut text = prefix.to_string();
        for (index, byte) in bytes.iter().enumerate() {
            if self.flags.space && index > 0 {
                text.push(' ');
                text.push_str(prefix);
            }
            text.push_str(&match upper {
                true => format!("{byte:02X}"),
                false => format!("{byte:02x}"),
            });
        }
        self.pad(&text, inputs)
    }

    fn bytes(&mut self, bytes: &[u8], value: &Value, verb: char) -> Result<(), Problem> {
        let text = || Text::of_bytes(bytes, &value.inputs);
        match verb {
            's' => self.plain_string(&text(), &value.inputs),
            'q' => self.string(value, &text(), 'q'),
            'x' | 'X' => self.hex(bytes, verb == 'X', &value.inputs),
            _ => {
                let items = value.items().unwrap_or_default();
                let name = if self.flags.go_syntax {
                    "[]byte"
                } else {
                    "[]uint8"
                };
                self.list(value, name, &items, verb, 0)
            }
        }
    }

    /// `%!d(string=x)`: the verb does not suit the value.
    fn bad(&mut self, value: &Value, verb: char) -> Result<(), Problem> {
        self.out.push_str(&format!("%!{verb}("));
        self.erroring = true;
        self.out.push_str(value.type_name());
        self.out.push_str("=");
        self.value(value, 'v', 0)?;
        self.erroring = false;
        self.out.push_str(")");
        Ok(())
    }

    fn pad(&mut self, text: &str, inputs: &Inputs) -> Result<(), Problem> {
        self.pad_text(&Text::from(text), inputs)
    }

    /// Pads with blanks even if zeros are asked for.
    fn pad_spaces(&mut self, text: &str, inputs: &Inputs) -> Result<(), Problem> {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text, inputs)?;
        self.flags.zero = zero;
        Ok(())
    }

    fn pad_text(&mut self, text: &Text, inputs: &Inputs) -> Result<(), Problem> {
        self.budget.bytes(text.as_str().len())?;
        let width = self.flags.width.unwrap_or(0);
        let missing = match width {
            0 => 0,
            _ => width.saturating_sub(text.as_str().chars().count()),
        };
        self.budget.bytes(missing)?;
        let padding = match self.flags.zero && !self.flags.minus {
            true => "0".repeat(missing),
            false => " ".repeat(missing),
        };
        if self.flags.minus {
            self.out.push_value(text, inputs);
            self.out.push_str(&padding);
        } else {
            self.out.push_str(&padding);
            self.out.push_value(text, inputs);
        }
        Ok(())
    }
}
