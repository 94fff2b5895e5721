//! The names and types of OPA's built-in functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use crate::policy::opa::syntax::ExprKind;

/// One function a line: `startswith(string, string) boolean`. The types of the items of a collection
/// follow those of the collection: `sum(array|set of number) number`.
const TEXT: &str = include_str!("signatures.txt");

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Types(u8);

const NAMES: [&str; 7] = [
    "null", "boolean", "number", "string", "array", "object", "set",
];

impl Types {
    pub(in crate::policy) const NONE: Types = Types(0);
    pub(in crate::policy) const NULL: Types = Types(1);
    pub(in crate::policy) const BOOLEAN: Types = Types(2);
    pub(in crate::policy) const NUMBER: Types = Types(4);
    pub(in crate::policy) const STRING: Types = Types(8);
    pub(in crate::policy) const ARRAY: Types = Types(16);
    pub(in crate::policy) const OBJECT: Types = Types(32);
    pub(in crate::policy) const SET: Types = Types(64);
    pub(in crate::policy) const COLLECTION: Types = Types(112);
    pub(in crate::policy) const ANY: Types = Types(127);

    /// The types of a literal; any for other expressions.
    pub(in crate::policy) fn of_literal(literal: &ExprKind) -> Types {
        match literal {
            ExprKind::Null => Types::NULL,
            ExprKind::Bool(_) | ExprKind::In(..) => Types::BOOLEAN,
            ExprKind::Number(_) => Types::NUMBER,
            ExprKind::String(_) | ExprKind::Template(_) => Types::STRING,
            ExprKind::Array(_) | ExprKind::ArrayComprehension(..) => Types::ARRAY,
            ExprKind::Set(_) | ExprKind::SetComprehension(..) => Types::SET,
            ExprKind::Object(_) | ExprKind::ObjectComprehension(..) => Types::OBJECT,
            _ => Types::ANY,
        }
    }

    pub(in crate::policy) fn or(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub(in crate::policy) fn overlaps(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    fn parse(text: &str) -> Types {
        let types = text.split('|').map(|name| {
            let known = NAMES.iter().position(|known| *known == name);
            known.map_or(Types::ANY, |at| Types(1 << at))
        });
        types.fold(Types(0), Types::or)
    }
}

impl fmt::Display for Types {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().enumerate();
        let held: Vec<String> = names
            .filter(|(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, name)| match *name {
                "null" => "null".to_string(),
                "array" | "object" => format!("an {name}"),
                _ => format!("a {name}"),
            })
            .collect();
        formatter.write_str(&held.join(" or "))
    }
}

/// A built-in function.
#[derive(Debug)]
pub(in crate::policy) struct Signature {
    pub(in crate::policy) name: &'static str,
    pub(in crate::policy) arguments: Vec<Types>,
    /// For each argument the types of its items, or of the values of an object.
    pub(in crate::policy) items: Vec<Types>,
    pub(in crate::policy) result: Types,
    variadic: bool,
}

impl Signature {
    /// The number of arguments, if it is fixed.
    pub(in crate::policy) fn arity(&self) -> Option<usize> {
        (!self.variadic).then_some(self.arguments.len())
    }

    fn parse(line: &'static str) -> Option<Signature> {
        let (name, rest) = line.split_once('(')?;
        let (arguments, result) = rest.split_once(") ")?;
        let variadic = arguments == "...";
        let arguments = arguments
            .split(", ")
            .filter(|one| !one.is_empty() && !variadic);
        let (arguments, items) = arguments
            .map(|one| one.split_once(" of ").unwrap_or((one, "any")))
            .map(|(whole, items)| (Types::parse(whole), Types::parse(items)))
            .unzip();
        Some(Signature {
            name,
            arguments,
            items,
            result: Types::parse(result),
            variadic,
        })
    }
}

static SIGNATURES: LazyLock<BTreeMap<&'static str, Signature>> = LazyLock::new(|| {
    let lines = TEXT.lines().filter_map(Signature::parse);
    lines.map(|signature| (signature.name, signature)).collect()
});

/// The signature of a function by its name: `regex.match`.
pub(in crate::policy) fn signature(name: &str) -> Option<&'static Signature> {
    SIGNATURES.get(name)
}
