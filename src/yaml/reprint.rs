//! Changes to a tree that happen when kustomize prints it and reads it again before the output. Its
//! result is what reaches the cluster.
//!
//! The printer (go-yaml v3) adds an empty line after every line of a folded block (`>`) that is not
//! indented. Before an indented line such a line break counts, so the text changes. Within `{…}`
//! and `[…]` it prints quotes for an empty value. And it prints some values in a way that cannot be
//! read.

use super::{Data, FileId, Kind, Node, Scalar, Style, Traced, read};

/// Replaces every value of an object that the printing changes. Annotations do not change, because
/// kustomize writes them without their style before it prints the object.
pub(crate) fn settle_object(object: &mut Node) {
    if object.at(&["metadata", "annotations"]).is_some_and(changes)
        && let Some(annotations) = object
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("annotations"))
            .and_then(Node::map_mut)
    {
        for entry in &mut annotations.entries {
            if let Data::Scalar(scalar) = &mut entry.value.data
                && scalar.style == Style::Folded
            {
                scalar.style = Style::Literal;
            }
        }
    }
    settle(object);
}

/// Replaces every value of a document that the printing changes.
pub(crate) fn settle(node: &mut Node) {
    if !changes(node) {
        return;
    }
    if let Data::Scalar(scalar) = &node.data {
        if scalar.kind == Kind::Null {
            node.data = Data::Scalar(Scalar::string(""));
        } else if scalar.kind == Kind::String {
            let text = reprinted(&scalar.text);
            node.data = Data::Scalar(Scalar {
                text: text.into(),
                style: Style::Literal,
                kind: Kind::String,
                traced: Traced::default(),
            });
        }
    } else if let Some(map) = node.map_mut() {
        map.entries
            .iter_mut()
            .for_each(|entry| settle(&mut entry.value));
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(settle);
    }
}

fn changes(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(scalar) => {
            scalar.style == Style::Folded
                || (scalar.kind == Kind::Null && scalar.style == Style::SingleQuoted)
        }
        Data::Map(map) => map.entries.iter().any(|entry| changes(&entry.value)),
        Data::List(list) => list.items.iter().any(changes),
    }
}

/// The first value of a document that kustomize cannot write, and why.
pub(crate) fn unwritable(node: &Node) -> Option<(&Node, &'static str)> {
    match &node.data {
        Data::Scalar(scalar) => match scalar.kind {
            Kind::Float
                if scalar
                    .text
                    .trim_start_matches(['-', '+', '.'])
                    .starts_with(['i', 'I', 'n', 'N']) =>
            {
                Some((
                    node,
                    "JSON has no infinity and no NaN, so kustomize refuses them; put the value in quotes if it is a text",
                ))
            }
            Kind::String
                if matches!(scalar.style, Style::Literal | Style::Folded)
                    && scalar.text.starts_with('\t')
                    && fits_block(&scalar.text) =>
            {
                Some((
                    node,
                    "kustomize cannot write a text of several lines that starts with a tab",
                ))
            }
            _ => None,
        },
        Data::Map(map) => map
            .entries
            .iter()
            .find_map(|entry| unwritable(&entry.value)),
        Data::List(list) => list.items.iter().find_map(unwritable),
    }
}

/// True if a block can hold a text. Other texts are printed in quotes, and do not change.
fn fits_block(text: &str) -> bool {
    !text.ends_with(' ')
        && !text.contains(" \n")
        && !text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n' && letter != '\t')
}

/// The text after it was printed and read again.
fn reprinted(text: &str) -> String {
    if !fits_block(text) {
        return text.to_string();
    }
    let letters: Vec<char> = text.chars().collect();
    let blank = |index: usize| {
        letters
            .get(index)
            .is_none_or(|letter| matches!(letter, ' ' | '\t' | '\n'))
    };
    let starts_blank = blank(letters.iter().take_while(|letter| **letter == '\n').count());
    let mut block = String::from("text: >");
    if matches!(letters.first(), Some(' ' | '\n')) {
        block.push('2');
    }
    match letters.as_slice() {
        [.., '\n', '\n'] | ['\n'] => block.push('+'),
        [.., '\n'] => {}
        _ => block.push('-'),
    }
    block.push('\n');
    let (mut breaks, mut leading) = (true, true);
    for letter in &letters {
        if *letter == '\n' {
            if !breaks && !leading && !starts_blank {
                block.push('\n');
            }
            block.push('\n');
            breaks = true;
            continue;
        }
        if breaks {
            block.push_str("  ");
            leading = matches!(letter, ' ' | '\t');
        }
        block.push(*letter);
        breaks = false;
    }
    let read = read::read(&block, FileId(0))
        .ok()
        .and_then(|documents| documents.documents.into_iter().next());
    let read = read
        .as_ref()
        .and_then(|document| document.get("text"))
        .and_then(Node::as_scalar);
    read.map_or_else(|| text.to_string(), |scalar| scalar.text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_folds_survive() {
        for text in [
            "one line",
            "two\nlines\n",
            "a\n\nb",
            "",
            "ends with a blank \n  x",
            "bell\u{7}\n  x",
        ] {
            assert_eq!(reprinted(text), text, "{text:?}");
        }
        let long = "word ".repeat(60);
        assert_eq!(reprinted(long.trim_end()), long.trim_end());
    }

    #[test]
    fn annotations_are_not_reprinted() {
        let text = "metadata:\n  annotations:\n    note: >\n      first\n       second\nspec:\n  note: >\n    first\n     second\n";
        let mut object = read::read(text, FileId(0)).unwrap().documents.remove(0);
        settle_object(&mut object);
        assert_eq!(
            object
                .at(&["metadata", "annotations", "note"])
                .and_then(Node::as_str),
            Some("first\n second\n")
        );
        assert_eq!(
            object.at(&["spec", "note"]).and_then(Node::as_str),
            Some("first\n\n second\n")
        );
    }

    #[test]
    fn indented_lines_are_pushed_away() {
        assert_eq!(
            reprinted("(time() -\n  max\n    by\n  )\n) > 0"),
            "(time() -\n\n  max\n    by\n  )\n) > 0"
        );
    }
}
