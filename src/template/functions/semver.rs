//! `semver` and `semverCompare`, which any crate of charts for versions can use as well.

use super::{Function, fixed};
use crate::template::semver::{Constraints, Version};
use crate::template::value::{Data, Field, IntKind, Methods, Signature, Type, Value};

const TEXT: &[Type] = &[Type::String];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("semver", TEXT, |call| {
        let version = Version::parse(call.str(0))?;
        call.computed(version_value(version))
    }),
    fixed("semverCompare", &[Type::String, Type::String], |call| {
        let constraints = Constraints::parse(call.str(0))?;
        let version = Version::parse(call.str(1))?;
        call.computed(Value::bool(constraints.allow(&version)))
    }),
];

fn version_value(version: Version) -> Value {
    let number = |value: u64| Value::from(Data::Int(IntKind::Uint64, value as i64));
    let text = |text: &str| Value::string(text);
    let fields = [
        Field::new("major", number(version.major)),
        Field::new("minor", number(version.minor)),
        Field::new("patch", number(version.patch)),
        Field::new("pre", text(&version.prerelease)),
        Field::new("metadata", text(&version.metadata)),
        Field::new("original", text(&version.original)),
    ];
    Value::structure(
        Type::Version.name(),
        fields,
        Some(std::sync::Arc::new(version)),
    )
}

impl Methods for Version {
    fn signature(&self, method: &str) -> Option<Signature> {
        let parameters: &[Type] = match method {
            "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "Original" | "String"
            | "IncMajor" | "IncMinor" | "IncPatch" => &[],
            "Compare" | "Equal" | "LessThan" | "GreaterThan" | "LessThanEqual"
            | "GreaterThanEqual" => &[Type::Version],
            "SetPrerelease" | "SetMetadata" => TEXT,
            _ => return None,
        };
        Some(Signature {
            parameters,
            is_variadic: false,
        })
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        let number = |value: u64| Value::from(Data::Int(IntKind::Uint64, value as i64));
        let text = || {
            arguments
                .first()
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        Ok(match method {
            "Major" => number(self.major),
            "Minor" => number(self.minor),
            "Patch" => number(self.patch),
            "Prerelease" => Value::string(self.prerelease.as_str()),
            "Metadata" => Value::string(self.metadata.as_str()),
            "Original" => Value::string(self.original.as_str()),
            "String" => Value::string(self.to_string()),
            "IncMajor" => version_value(self.next(Version::next_major)),
            "IncMinor" => version_value(self.next(Version::next_minor)),
            "IncPatch" => version_value(self.next(Version::next_patch)),
            "SetPrerelease" => version_value(self.next(|next| next.prerelease = text().into())),
            "SetMetadata" => version_value(self.next(|next| next.metadata = text().into())),
            _ => {
                let other = arguments.first().map(|value| &value.data);
                let other = match other {
                    Some(Data::Object(object)) => {
                        let text = object.methods.as_ref().and_then(|other| other.to_text());
                        Version::parse(&text.unwrap_or_default())?
                    }
                    _ => return Err("invalid memory address or nil pointer dereference".into()),
                };
                let order = self.order(&other);
                match method {
                    "Equal" => Value::bool(order.is_eq()),
                    "LessThan" => Value::bool(order.is_lt()),
                    "GreaterThan" => Value::bool(order.is_gt()),
                    "LessThanEqual" => Value::bool(order.is_le()),
                    "GreaterThanEqual" => Value::bool(order.is_ge()),
                    _ => Value::int(order as i64),
                }
            }
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }
}
