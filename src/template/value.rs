//! Values as templates see them: Go's types, and the places that each value came from.
//!
//! Maps are shared and can be changed by templates (`set`), as in Go. Everything else is immutable.
//! Cloning a value is cheap.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::inputs::Inputs;
use super::text::Text;

/// A value and the places that it came from.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(super) data: Data,
    pub(super) inputs: Inputs,
}

/// The content of a value.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Go's zero `reflect.Value`: what is not there at all. Prints `<no value>`.
    Missing,
    /// A null that is there.
    Nil,
    Bool(bool),
    Int(IntKind, i64),
    Float(f64),
    /// A `complex128`: its real and its imaginary part.
    Complex(f64, f64),
    String(Text),
    Bytes(Arc<[u8]>),
    List(List),
    Map(Map),
    /// A point in time: seconds since 1970, nanoseconds, and the offset of its zone in seconds.
    Time(Time),
    /// A span of time in nanoseconds.
    Duration(i64),
    Object(Object),
}

/// A point in time and the zone in which it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Time {
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
    pub(super) zone: Arc<str>,
    pub(super) offset: i32,
}

/// Go's integer types that occur in templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntKind {
    Int,
    Int64,
    Uint8,
    Uint64,
}

impl IntKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            IntKind::Int => "int",
            IntKind::Int64 => "int64",
            IntKind::Uint8 => "uint8",
            IntKind::Uint64 => "uint64",
        }
    }

    pub(super) fn is_unsigned(self) -> bool {
        matches!(self, IntKind::Uint8 | IntKind::Uint64)
    }
}

/// The type of a list's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    Any,
    Strings,
    Ints,
    Lists,
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(super) items: Arc<Nested<Vec<Value>>>,
    pub(super) of: Items,
    /// A list that was never made, which JSON writes as `null`.
    pub(super) is_nil: bool,
}

/// The type of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapKind {
    /// `map[string]interface {}`
    Any,
    /// `map[string]string`
    Strings,
    /// `map[string][]uint8`
    Bytes,
    /// A named type of maps, such as the one of Helm's values.
    Named(&'static str),
}

/// A map, ordered by its keys as Go iterates. Clones share their entries.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    entries: Arc<Mutex<Nested<BTreeMap<Arc<str>, Entry>>>>,
    pub(super) kind: MapKind,
    /// A map that was never made, which JSON writes as `null`.
    pub(super) is_nil: bool,
    /// Set for a map of which not all keys are known.
    unknown: Option<Unknown>,
}

/// Tells whether a template read something that is not known: a missing key of a map that may have
/// more keys than it shows, or all of its keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unknown(Arc<AtomicBool>);

impl Unknown {
    /// True if it happened.
    pub(crate) fn was_read(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn read(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Values within a value. Dropping them takes no more stack than one, however deep they nest.
#[derive(Clone, Debug, Default)]
pub(super) struct Nested<C: Children>(pub(super) C);

/// A collection of values that can be emptied.
pub(super) trait Children: Default {
    fn take_into(&mut self, pending: &mut Vec<Value>);
}

impl Children for Vec<Value> {
    fn take_into(&mut self, pending: &mut Vec<Value>) {
        pending.append(self);
    }
}

impl Children for BTreeMap<Arc<str>, Entry> {
    fn take_into(&mut self, pending: &mut Vec<Value>) {
        let entries = std::mem::take(self).into_values();
        pending.extend(entries.map(|entry| entry.value));
    }
}

impl<C: Children> Deref for Nested<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C: Children> DerefMut for Nested<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.0
    }
}

impl<C: Children> Drop for Nested<C> {
    fn drop(&mut self) {
        let mut pending = Vec::new();
        self.0.take_into(&mut pending);
        while let Some(value) = pending.pop() {
            match value.data {
                Data::List(list) => {
                    if let Some(mut items) = Arc::into_inner(list.items) {
                        items.0.take_into(&mut pending);
                    }
                }
                Data::Map(map) => {
                    let entries = Arc::into_inner(map.entries);
                    if let Some(mut entries) = entries.and_then(|entries| entries.into_inner().ok())
                    {
                        entries.0.take_into(&mut pending);
                    }
                }
                Data::Object(object) => pending.extend(Arc::into_inner(object.content)),
                _ => {}
            }
        }
    }
}

/// The value of a key, and the place of the key.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The value.
    pub value: Value,
    /// The place of the key itself, for templates that print keys.
    pub key: Inputs,
}

/// The types of parameters of functions and methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `interface {}`
    Any,
    /// `reflect.Value`: takes everything, nothing included.
    Reflect,
    /// `bool`
    Bool,
    /// `string`
    String,
    /// `int`
    Int,
    /// `uint32`
    Uint32,
    /// `float64`
    Float,
    /// `[]interface {}`
    List,
    /// `map[string]interface {}`
    Map,
    /// `time.Time`
    Time,
    /// A certificate of `genCA`, which other functions take.
    Certificate,
    /// `*semver.Version`
    Version,
}

impl Type {
    /// The name in Go's messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Any => "interface {}",
            Type::Reflect => "reflect.Value",
            Type::Bool => "bool",
            Type::String => "string",
            Type::Int => "int",
            Type::Uint32 => "uint32",
            Type::Float => "float64",
            Type::List => "[]interface {}",
            Type::Map => "map[string]interface {}",
            Type::Time => "time.Time",
            Type::Certificate => "sprig.certificate",
            Type::Version => "*semver.Version",
        }
    }
}

/// The parameters of a function or method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    /// The types of the parameters. Of a variadic function the last one is the type of each further
    /// argument.
    pub parameters: &'static [Type],
    /// True if the last parameter takes any number of arguments.
    pub is_variadic: bool,
}

/// The methods of an object, such as `.Files.Get` and `.Capabilities.APIVersions.Has`.
pub(crate) trait Methods: Debug + Send + Sync {
    /// The parameters of a method; `None` if there is no such method.
    fn signature(&self, method: &str) -> Option<Signature>;
    /// Calls a method with arguments of the types of its signature. The error is worded as Go words
    /// it.
    fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String>;
    /// The text of Go's `String` method, which printing uses; `None` if there is none.
    fn to_text(&self) -> Option<String> {
        None
    }
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in Go. Templates do not see a field whose name begins with a small letter.
    pub name: &'static str,
    /// Its name in JSON.
    pub json_name: &'static str,
    /// True if JSON leaves it out while it is empty.
    pub omits_empty: bool,
    /// Its value.
    pub value: Value,
}

impl Field {
    /// A field that has the same name in JSON.
    pub(crate) fn new(name: &'static str, value: Value) -> Field {
        Field {
            name,
            json_name: name,
            omits_empty: false,
            value,
        }
    }

    /// True if templates see it.
    fn is_exported(&self) -> bool {
        self.name.starts_with(|c: char| c.is_ascii_uppercase())
    }

    /// True if JSON has it.
    pub(super) fn is_in_json(&self) -> bool {
        self.is_exported() && (self.value.is_true() || !self.omits_empty)
    }
}

/// A value with a type of its own and methods.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The name of the type, as `typeOf` prints it: `common.KubeVersion`.
    pub(super) type_name: Arc<str>,
    /// True if a field that does not exist is an error, as it is for Go's structures.
    pub(super) is_struct: bool,
    /// The fields of a structure by name, or the map or list that the type is made of.
    pub(super) content: Arc<Value>,
    /// The fields of a structure in the order of Go.
    pub(super) fields: Arc<[Field]>,
    pub(super) methods: Option<Arc<dyn Methods>>,
}

impl From<Data> for Value {
    fn from(data: Data) -> Value {
        Value {
            data,
            inputs: Inputs::NONE,
        }
    }
}

impl Value {
    /// Null.
    pub(crate) fn nil() -> Value {
        Data::Nil.into()
    }

    /// Nothing at all.
    pub(super) fn missing() -> Value {
        Data::Missing.into()
    }

    /// A boolean.
    pub(crate) fn bool(value: bool) -> Value {
        Data::Bool(value).into()
    }

    /// An `int`.
    pub(crate) fn int(value: i64) -> Value {
        Data::Int(IntKind::Int, value).into()
    }

    /// An `int64`, as `--set` makes it.
    pub(crate) fn int64(value: i64) -> Value {
        Data::Int(IntKind::Int64, value).into()
    }

    /// A `float64`, as all numbers of values files are.
    pub(crate) fn float(value: f64) -> Value {
        Data::Float(value).into()
    }

    /// A string with or without pieces.
    pub(crate) fn string(text: impl Into<Text>) -> Value {
        Data::String(text.into()).into()
    }

    /// A `[]uint8`, such as the content of a file.
    pub(crate) fn bytes(bytes: impl Into<Arc<[u8]>>) -> Value {
        Data::Bytes(bytes.into()).into()
    }

    /// A `[]interface {}`.
    pub(crate) fn list(items: Vec<Value>) -> Value {
        Value::list_of(Items::Any, items)
    }

    /// A `[]string`.
    pub(crate) fn strings(items: impl IntoIterator<Item = Value>) -> Value {
        Value::list_of(Items::Strings, items.into_iter().collect())
    }

    pub(super) fn list_of(of: Items, items: Vec<Value>) -> Value {
        Data::List(List {
            items: Arc::new(Nested(items)),
            of,
            is_nil: false,
        })
        .into()
    }

    pub(super) fn nil_list() -> Value {
        Data::List(List {
            items: Arc::default(),
            of: Items::Any,
            is_nil: true,
        })
        .into()
    }

    /// A map.
    pub(crate) fn map(map: Map) -> Value {
        Data::Map(map).into()
    }

    /// A structure with fields, and methods if it has any: `.Capabilities`.
    pub(crate) fn structure(
        type_name: impl Into<Arc<str>>,
        fields: impl Into<Arc<[Field]>>,
        methods: Option<Arc<dyn Methods>>,
    ) -> Value {
        let fields = fields.into();
        let content = Map::new();
        for field in fields.iter().filter(|field| field.is_exported()) {
            content.set(field.name, field.value.clone());
        }
        Data::Object(Object {
            type_name: type_name.into(),
            is_struct: true,
            content: Arc::new(Value::map(content)),
            fields,
            methods,
        })
        .into()
    }

    /// A map or list of a named type with methods, which templates can range over and index as
    /// well: `.Files`, `.Capabilities.APIVersions`.
    pub(crate) fn named(
        type_name: impl Into<Arc<str>>,
        content: Value,
        methods: Arc<dyn Methods>,
    ) -> Value {
        Data::Object(Object {
            type_name: type_name.into(),
            is_struct: false,
            content: Arc::new(content),
            fields: Arc::new([]),
            methods: Some(methods),
        })
        .into()
    }

    /// The same value, which came from these places.
    pub(crate) fn with_inputs(mut self, inputs: Inputs) -> Value {
        self.inputs = inputs;
        self
    }

    /// The places that this value came from: those of its pieces for a string with pieces. The
    /// items of a list or map have their own.
    pub(crate) fn inputs(&self) -> Inputs {
        match &self.data {
            Data::String(text) if !text.pieces().is_empty() => text.inputs().and(&self.inputs),
            _ => self.inputs.clone(),
        }
    }

    /// The string, if this is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The string with its pieces, if this is one. A string without pieces gets one for the places
    /// that it came from.
    pub(crate) fn as_text(&self) -> Option<Text> {
        match &self.data {
            Data::String(text) => Some(traced(text, &self.inputs)),
            _ => None,
        }
    }

    /// The map, if this is one. An object gives its fields.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            Data::Object(object) => object.content.as_map(),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.data {
            Data::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// True for null and for what is missing.
    pub(crate) fn is_nil(&self) -> bool {
        matches!(self.data, Data::Nil | Data::Missing)
    }
}

/// A text with a piece for the places of a string without pieces.
pub(super) fn traced(text: &Text, inputs: &Inputs) -> Text {
    if inputs.is_empty() || !text.pieces().is_empty() {
        return text.clone();
    }
    let mut builder = super::text::TextBuilder::new();
    builder.push_from(text.as_str(), inputs);
    builder.finish()
}

impl Default for Map {
    fn default() -> Map {
        Map::new()
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub(crate) fn new() -> Map {
        Map::of(MapKind::Any)
    }

    /// An empty map of a named type: `common.Values`. Functions that want a plain map refuse it
    /// where Go does (`dig`), and take it elsewhere.
    pub(crate) fn named(type_name: &'static str) -> Map {
        Map::of(MapKind::Named(type_name))
    }

    pub(super) fn of(kind: MapKind) -> Map {
        Map {
            entries: Arc::default(),
            kind,
            is_nil: false,
            unknown: None,
        }
    }

    pub(super) fn nil() -> Map {
        Map {
            is_nil: true,
            ..Map::new()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Nested<BTreeMap<Arc<str>, Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty map of bytes, such as the content of files.
    pub(crate) fn bytes() -> Map {
        Map::of(MapKind::Bytes)
    }

    /// What Go finds under a key that does not exist.
    pub(super) fn zero(&self) -> Value {
        match self.kind {
            MapKind::Any | MapKind::Named(_) => Value::nil(),
            MapKind::Strings => Value::string(""),
            MapKind::Bytes => Value::bytes([]),
        }
    }

    /// An empty `map[string]string`.
    pub(crate) fn strings() -> Map {
        Map::of(MapKind::Strings)
    }

    /// The same entries as a map of another type. Both share them.
    pub(super) fn as_kind(&self, kind: MapKind) -> Map {
        Map {
            entries: self.entries.clone(),
            kind,
            is_nil: self.is_nil,
            unknown: self.unknown.clone(),
        }
    }

    /// The same entries as a map of a named type. Both share them.
    pub(crate) fn as_named(&self, type_name: &'static str) -> Map {
        self.as_kind(MapKind::Named(type_name))
    }

    /// The same entries as a map that may have more keys, which only somebody else knows.
    pub(crate) fn watched(&self, unknown: &Unknown) -> Map {
        Map {
            unknown: Some(unknown.clone()),
            ..self.clone()
        }
    }

    /// Something of the map was read that may not be all there is.
    fn read_unknown(&self) {
        if let Some(unknown) = &self.unknown {
            unknown.read();
        }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.read_unknown();
        self.lock().len()
    }

    /// True if there are no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        self.entry(key).map(|entry| entry.value)
    }

    /// The value of a key and the place of the key.
    pub(crate) fn entry(&self, key: &str) -> Option<Entry> {
        let found = self.lock().get(key).cloned();
        if found.is_none() {
            self.read_unknown();
        }
        found
    }

    /// True if the key exists, even with the value null.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Sets a key.
    pub(crate) fn set(&self, key: impl Into<Arc<str>>, value: Value) {
        self.insert(
            key.into(),
            Entry {
                value,
                key: Inputs::NONE,
            },
        );
    }

    /// Sets a key, with the place of the key.
    pub(crate) fn insert(&self, key: Arc<str>, entry: Entry) {
        // dropped after the lock is released: the old value may hold this very map
        let old = self.lock().insert(key, entry);
        drop(old);
    }

    /// Removes a key.
    pub(crate) fn remove(&self, key: &str) {
        let old = self.lock().remove(key);
        drop(old);
    }

    /// The entries in the order of their keys, as they are now.
    pub(crate) fn entries(&self) -> Vec<(Arc<str>, Entry)> {
        self.read_unknown();
        let entries = self.lock();
        let each = entries.iter();
        each.map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    /// True if both are the same map, not only equal.
    pub(super) fn is_same(&self, other: &Map) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }
}

impl FromIterator<(Arc<str>, Entry)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Entry)>>(entries: I) -> Map {
        Map {
            entries: Arc::new(Mutex::new(Nested(entries.into_iter().collect()))),
            kind: MapKind::Any,
            is_nil: false,
            unknown: None,
        }
    }
}

impl Time {
    /// The date and the time of day in its zone.
    pub(super) fn zoned(&self) -> jiff::ZonedDateTime {
        let moment = jiff::Timestamp::new(self.seconds, self.nanoseconds as i32);
        let offset = jiff::tz::Offset::from_seconds(self.offset);
        let zone = jiff::tz::TimeZone::fixed(offset.unwrap_or(jiff::tz::Offset::UTC));
        moment.unwrap_or_default().to_zoned_datetime(zone)
    }
}

/// As Go prints a time: `2006-01-02 15:04:05 +0000 UTC`.
impl std::fmt::Display for Time {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let zoned = self.zoned();
        let text = super::layout::format("2006-01-02 15:04:05.999999999 -0700", &zoned);
        write!(formatter, "{text} {}", self.zone)
    }
}
