//! Tree to text in kustomize's style: sorted keys, two blanks, compact lists, Go's quoting rules,
//! literal blocks, folding at 80 columns.
//!
//! kustomize turns every object into JSON and prints that with go-yaml v2; the rules here are those
//! of that emitter (a libyaml port), so that `render` can be compared with `kustomize build` byte
//! for byte.

use std::cmp::Ordering;
use std::ops::Range;

use super::scalar::{self, Value};
use super::{Data, Entry, Kind, Node, Origin, Scalar};

/// Column after which the emitter folds a scalar at the next blank.
const WIDTH: usize = 80;
/// Keys longer than this are written in the explicit form, `? key`.
const SIMPLE_KEY_LENGTH: usize = 128;

/// Writes one document, without `---`, ending in a newline.
pub fn write(node: &Node) -> String {
    let mut writer = Writer::default();
    writer.document(node);
    writer.out
}

/// The layout of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Layout {
    /// Lists stand below their key without indentation, and long scalars are folded.
    #[default]
    Compact,
    /// Lists are indented, and nothing is folded.
    Indented,
}

/// Writes one document and tells which bytes of the text are which key or scalar, in order, by
/// their origin.
pub(crate) fn write_traced(node: &Node, layout: Layout) -> (String, Vec<(Range<usize>, Origin)>) {
    let mut writer = Writer {
        traces: Some(Vec::new()),
        layout,
        ..Writer::default()
    };
    writer.document(node);
    (writer.out, writer.traces.unwrap_or_default())
}

/// The tree as JSON, numbers normalised as kustomize prints them, keys sorted.
pub fn to_json(node: &Node) -> serde_json::Value {
    match &node.data {
        Data::Map(map) => {
            let mut entries: Vec<&Entry> = map.entries.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            serde_json::Value::Object(
                entries
                    .into_iter()
                    .map(|entry| (entry.key.to_string(), to_json(&entry.value)))
                    .collect(),
            )
        }
        Data::List(list) => serde_json::Value::Array(list.items.iter().map(to_json).collect()),
        Data::Scalar(scalar) => scalar_to_json(scalar),
    }
}

fn scalar_to_json(scalar: &Scalar) -> serde_json::Value {
    match scalar::value(scalar) {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => value.into(),
        Value::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => scalar.text.to_string().into(),
        },
        Value::Float(value) => serde_json::Number::from_f64(value)
            .map_or_else(|| scalar.text.to_string().into(), serde_json::Value::Number),
        Value::String(text) => text.into_owned().into(),
    }
}

/// The order of keys in a mapping: letters after everything else, runs of digits by their value.
///
/// It is not a total order (`a1b` < `a01` < `a10` < `a1b`), for which the sort of the standard
/// library may panic.
fn compare_keys(a: &str, b: &str) -> Ordering {
    let Some(at) = a
        .char_indices()
        .zip(b.chars())
        .find(|((_, x), y)| x != y)
        .map(|((at, _), _)| at)
    else {
        return a.len().cmp(&b.len());
    };
    let (head, a, b) = (&a[..at], &a[at..], &b[at..]);
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside a number counts: the digits before it are the same on both sides.
    let inside = (x == '0' || y == '0')
        && head
            .bytes()
            .rev()
            .take_while(u8::is_ascii_digit)
            .any(|digit| digit != b'0');
    let number = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit);
        digits.fold((i64::from(inside), 0usize), |(value, count), digit| {
            (
                value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')),
                count + 1,
            )
        })
    };
    number(a).cmp(&number(b)).then(x.cmp(&y))
}

/// The entries in the order of their keys. Merge sort ends for any comparison.
fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    if entries.len() < 2 {
        return entries.iter().collect();
    }
    let (left, right) = entries.split_at(entries.len() / 2);
    let (left, right) = (sorted(left), sorted(right));
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    let mut merged = Vec::with_capacity(entries.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare_keys(&b.key, &a.key) == Ordering::Less {
            right.next()
        } else {
            left.next()
        };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Characters since the last line break.
    column: usize,
    /// The bytes of each key and scalar, if they are asked for.
    traces: Option<Vec<(Range<usize>, Origin)>>,
    layout: Layout,
}

impl Writer {
    fn document(&mut self, node: &Node) {
        match &node.data {
            Data::Map(map) if !map.entries.is_empty() => self.map(&map.entries, 0, false),
            Data::List(list) if !list.items.is_empty() => self.list(&list.items, 0, false),
            _ => self.leaf(node, 2, false),
        }
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn is_too_wide(&self) -> bool {
        self.layout == Layout::Compact && self.column > WIDTH
    }

    fn trace(&mut self, start: usize, origin: Origin) {
        if let Some(traces) = &mut self.traces {
            traces.push((start..self.out.len(), origin));
        }
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// `inline`: the first entry continues the present line (after `- `).
    fn map(&mut self, entries: &[Entry], indent: usize, mut inline: bool) {
        for entry in sorted(entries) {
            if !std::mem::take(&mut inline) {
                self.line(indent);
            }
            let explicit = entry.key.len() > SIMPLE_KEY_LENGTH || entry.key.contains(is_break);
            if explicit {
                self.put("? ");
            }
            let start = self.out.len();
            self.string(&entry.key, indent + 2, !explicit);
            self.trace(start, entry.key_origin);
            if explicit {
                self.line(indent);
            }
            self.put(":");
            match &entry.value.data {
                Data::Map(map) if !map.entries.is_empty() => {
                    if explicit {
                        self.put(" ");
                    }
                    self.map(&map.entries, indent + 2, explicit);
                }
                Data::List(list) if !list.items.is_empty() => {
                    if explicit {
                        self.put(" ");
                    }
                    self.list(
                        &list.items,
                        if explicit || self.layout == Layout::Indented {
                            indent + 2
                        } else {
                            indent
                        },
                        explicit,
                    );
                }
                _ => {
                    self.put(" ");
                    self.leaf(&entry.value, indent + 2, false);
                }
            }
        }
    }

    fn list(&mut self, items: &[Node], indent: usize, mut inline: bool) {
        for item in items {
            if !std::mem::take(&mut inline) {
                self.line(indent);
            }
            self.put("- ");
            match &item.data {
                Data::Map(map) if !map.entries.is_empty() => {
                    self.map(&map.entries, indent + 2, true)
                }
                Data::List(list) if !list.items.is_empty() => {
                    self.list(&list.items, indent + 2, true)
                }
                _ => self.leaf(item, indent + 2, false),
            }
        }
    }

    fn leaf(&mut self, node: &Node, indent: usize, key: bool) {
        let start = self.out.len();
        match &node.data {
            Data::Map(_) => self.put("{}"),
            Data::List(_) => self.put("[]"),
            Data::Scalar(scalar) => match scalar_to_json(scalar) {
                serde_json::Value::String(text) => self.string(&text, indent, key),
                serde_json::Value::Number(number) => {
                    let text = match number.as_f64() {
                        Some(value) if number.is_f64() => format_float(value),
                        _ => number.to_string(),
                    };
                    self.put(&text);
                }
                other => self.put(&other.to_string()),
            },
        }
        self.trace(start, node.origin);
    }

    /// `indent` is that of continuation lines; `key`: a simple key, which is never broken.
    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let analysis = Analysis::of(text);
        if text.contains('\n') {
            if analysis.block && !key {
                self.literal(text, indent);
            } else {
                self.double_quoted(text, indent, key);
            }
        } else if reads_as_other_type(text) {
            self.double_quoted(text, indent, key);
        } else if analysis.plain {
            self.folded(text, indent, !key, 0..text.len(), None);
        } else if analysis.single_quoted {
            self.put("'");
            self.folded(
                text,
                indent,
                !key,
                1..text.len().saturating_sub(1),
                Some('\''),
            );
            self.put("'");
        } else {
            self.double_quoted(text, indent, key);
        }
    }

    /// Writes text that may be folded at single blanks whose byte offset is in `foldable`;
    /// doubles the quote character.
    fn folded(
        &mut self,
        text: &str,
        indent: usize,
        fold: bool,
        foldable: Range<usize>,
        quote: Option<char>,
    ) {
        let mut after_space = false;
        let mut after_break = false;
        for (at, c) in text.char_indices() {
            // of the breaks only those that look like characters come here
            if std::mem::replace(&mut after_break, is_break(c)) && !is_break(c) {
                self.put(&" ".repeat(indent));
            }
            if c == ' ' {
                let before_space = text.as_bytes().get(at + 1) == Some(&b' ');
                if fold
                    && !after_space
                    && self.is_too_wide()
                    && foldable.contains(&at)
                    && !before_space
                {
                    self.line(indent);
                } else {
                    self.put(" ");
                }
                after_space = true;
            } else {
                if Some(c) == quote {
                    self.put("'");
                }
                self.put(c.encode_utf8(&mut [0; 4]));
                after_space = false;
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, key: bool) {
        // libyaml looks for the byte-order mark at the start of the value, whichever character it
        // is writing
        let escape_all = text.starts_with('\u{feff}');
        let mut after_space = false;
        self.put("\"");
        for (at, c) in text.char_indices() {
            if escape_all || !printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.put(&escape(c));
                after_space = false;
            } else if c == ' ' {
                if !key && !after_space && self.is_too_wide() && at > 0 && at + 1 < text.len() {
                    self.line(indent);
                    if text.as_bytes().get(at + 1) == Some(&b' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                after_space = true;
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
                after_space = false;
            }
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        let mut breaks = text.chars().rev();
        match (
            breaks.next().is_some_and(is_break),
            breaks.next().map(is_break),
        ) {
            (false, _) => self.put("-"),
            (true, None | Some(true)) => self.put("+"),
            (true, Some(false)) => {}
        }
        for line in text.split_inclusive('\n') {
            self.out.push('\n');
            let content = line.trim_end_matches('\n');
            if !content.is_empty() {
                self.out.extend(std::iter::repeat_n(' ', indent));
                self.out.push_str(content);
            }
        }
        if text.ends_with('\n') {
            self.out.push('\n');
        }
        self.column = 0;
    }
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 64)`: scientific from 1e6 up (whole numbers that fit
/// 64 bits are printed as integers before) and below 1e-4.
pub(super) fn format_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

struct Analysis {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Analysis {
    /// The styles that the characters of a value allow (libyaml's analysis of a scalar in block
    /// context).
    fn of(text: &str) -> Analysis {
        if text.is_empty() {
            return Analysis {
                plain: true,
                single_quoted: true,
                block: false,
            };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut line_breaks, mut special, mut break_space, mut space_break) =
            (false, false, false, false);
        let mut previous = '\0';
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let before_blank = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            let after_blank = first || matches!(previous, ' ' | '\t') || is_break(previous);
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                | '%' | '@' | '`'
                    if first =>
                {
                    true
                }
                '?' | '-' if first => before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !printable(c);
            if c == ' ' {
                break_space |= is_break(previous) && !first;
            } else if is_break(c) {
                line_breaks = true;
                space_break |= previous == ' ';
            }
            previous = c;
            first = false;
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let edges = edge(text.chars().next()) || edge(text.chars().next_back());
        let broken = space_break || special;
        Analysis {
            plain: !edges && !break_space && !broken && !line_breaks && !indicators,
            single_quoted: !break_space && !broken,
            block: !text.ends_with(' ') && !broken,
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

fn escape(c: char) -> String {
    match c {
        '\0' => "\\0".into(),
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\u{b}' => "\\v".into(),
        '\u{c}' => "\\f".into(),
        '\r' => "\\r".into(),
        '\u{1b}' => "\\e".into(),
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\u{85}' => "\\N".into(),
        '\u{a0}' => "\\_".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        c if (c as u32) <= 0xff => format!("\\x{:02X}", c as u32),
        c if (c as u32) <= 0xffff => format!("\\u{:04X}", c as u32),
        c => format!("\\U{:08X}", c as u32),
    }
}

/// True if go-yaml v2 would read the unquoted text as something other than a string, such as a YAML
/// 1.1 boolean or a base-60 number.
fn reads_as_other_type(text: &str) -> bool {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO"
        | "off" | "Off" | "OFF" => true,
        _ => scalar::resolve(text) != Kind::String || is_base_60(text),
    }
}

fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = unsigned
        .split_once('.')
        .map_or(unsigned, |(whole, fraction)| {
            if fraction
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'_')
            {
                whole
            } else {
                ""
            }
        });
    let mut parts = whole.split(':');
    let head = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    head.starts_with(|c: char| c.is_ascii_digit())
        && head
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
        && rest.peek().is_some()
        && rest.all(|part| match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::super::{FileId, read};
    use super::*;

    fn rewrite(text: &str) -> String {
        write(&read::read(text, FileId(0)).unwrap().documents[0])
    }

    #[test]
    fn quotes_as_kustomize_does() {
        for (written, printed) in [
            ("'@x'", "'@x'"),
            ("'0b1'", "\"0b1\""),
            ("\"\\uFEFFx\"", "\"\\uFEFF\\x78\""),
            ("'a: b'", "'a: b'"),
            ("\"a\\r\\nb\"", "\"a\\r\\nb\""),
            ("-x", "-x"),
            ("'2024-01-01'", "\"2024-01-01\""),
            ("2024-01-01", "\"2024-01-01T00:00:00Z\""),
            ("say \"x\"", "say \"x\""),
            ("😀", "\"\\U0001F600\""),
            ("''", "\"\""),
            ("'='", "="),
            ("'<<'", "<<"),
            ("'a '", "'a '"),
            ("'yes'", "\"yes\""),
            ("yes", "\"yes\""),
            ("12:30:45", "\"12:30:45\""),
            ("0777", "511"),
            ("1_000", "1000"),
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1e21", "1e+21"),
            ("1e-7", "1e-07"),
            ("123456789012345678901", "1.2345678901234568e+20"),
            ("12345678901234567890", "12345678901234567890"),
            ("it's", "it's"),
            ("null", "null"),
            ("~", "null"),
            ("{}", "{}"),
        ] {
            assert_eq!(
                rewrite(&format!("a: {written}\n")),
                format!("a: {printed}\n")
            );
        }
    }

    #[test]
    fn blocks_lists_and_order() {
        assert_eq!(
            rewrite("b: \"a\\n b\\n\\n\"\na10: [[1, 2], {x: 1, w: []}]\na9: \" a\\nb\"\n"),
            "a9: |2-\n   a\n  b\na10:\n- - 1\n  - 2\n- w: []\n  x: 1\nb: |+\n  a\n   b\n\n"
        );
        assert_eq!(rewrite("x: \"a \\nb\"\n"), "x: \"a \\nb\"\n");
    }

    #[test]
    fn an_order_of_keys_with_cycles_harms_nobody() {
        let text: String = (0..60)
            .map(|n| format!("a{n:02}: 1\na{n}b: 1\nx{n}0: 1\n"))
            .collect();
        assert_eq!(rewrite(&text).lines().count(), 180);
    }

    #[test]
    fn folds_after_eighty_columns() {
        let long = format!("{} {} {}", "a".repeat(60), "b".repeat(30), "c".repeat(5));
        assert_eq!(
            rewrite(&format!("k: {long}\n")),
            format!(
                "k: {} {}\n  {}\n",
                "a".repeat(60),
                "b".repeat(30),
                "c".repeat(5)
            )
        );
    }

    /// Trees as JSON, with texts that look like something else.
    fn trees() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
        use proptest::prelude::*;
        use serde_json::Value;
        let text = prop_oneof![
            "(?s).{0,40}",
            "[ab\n\t :#'\"-]{0,20}",
            proptest::sample::select(
                &[
                    "1",
                    "0777",
                    "1e3",
                    "yes",
                    "null",
                    "~",
                    "2024-01-01",
                    "12:30",
                    "<<",
                    "a: b",
                    "- a",
                    " a",
                    "a\n b\n"
                ][..]
            )
            .prop_map(str::to_string),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(|number| Value::from(f64::from(number))),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::hash_map("[a-z0-9./ -]{1,12}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn a_tree_that_is_written_reads_back(tree in trees()) {
            let Ok(first) = read::read(&serde_json::json!({ "root": tree }).to_string(), FileId(0)) else { return Ok(()) };
            let written = write(&first.documents[0]);
            let again = read::read(&written, FileId(0)).map_err(|error| proptest::test_runner::TestCaseError::fail(format!("{error}\n{written}")))?;
            proptest::prop_assert!(first.documents[0].same_value(&again.documents[0]), "{}", written);
        }

        #[test]
        fn what_is_written_reads_back(texts in proptest::collection::vec("(?s).{0,100}|[ab\n\t :#'\"-]{0,40}", 1..6)) {
            let entries: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("k{n}: {}\n", serde_json::to_string(text).unwrap())).collect();
            let Ok(first) = read::read(&entries.concat(), FileId(0)) else { return Ok(()) };
            let written = write(&first.documents[0]);
            let again = read::read(&written, FileId(0)).map_err(|error| proptest::test_runner::TestCaseError::fail(format!("{error}\n{written}")))?;
            proptest::prop_assert!(first.documents[0].same_value(&again.documents[0]), "{}", written);
        }
    }

    fn holds_merge_text(node: &Node) -> bool {
        let mut entries = node.entries().iter();
        node.as_str() == Some("<<")
            || node.items().iter().any(holds_merge_text)
            || entries.any(|entry| &*entry.key == "<<" || holds_merge_text(&entry.value))
    }

    #[test]
    fn fuzz_writer() {
        let examples = [
            "a: [1, '2', {b: |\n  x\n }]\n",
            "a: |\n  text\n\n  more\nb: >\n  x\nc: '#'\nd: \" y\"\n",
            "- - a\n  - {}\n- []\n- ''\n- null\n",
        ];
        crate::fuzz::run("writer", &examples, crate::fuzz::YAML, |text| {
            // the reader refuses these wherever Go might end a line at them
            if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
                return;
            }
            let Ok(read) = read::read(text, FileId(0)) else {
                return;
            };
            // kustomize writes the text `<<` without quotes, and does not read it back itself
            let documents = read.documents.iter().filter(|node| !holds_merge_text(node));
            for document in documents {
                let written = write(document);
                let again = read::read(&written, FileId(0)).unwrap();
                match &again.documents[..] {
                    [] => assert!(document.is_null(), "{written:?}"),
                    [again, ..] => {
                        assert!(again.same_value(document), "{written:?}");
                        assert_eq!(write(again), written);
                    }
                }
            }
        });
    }
}
