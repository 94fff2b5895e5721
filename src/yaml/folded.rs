//! What a folded block (`>`) becomes when kustomize prints and reads it once more on its way to the output.
//!
//! Its printer (go-yaml v3) puts an empty line after every line that is not indented, also before one that is, where the line
//! break counts: such texts come out changed. Kustomize's result is what reaches the cluster.

use super::{Data, FileId, Kind, Node, Scalar, Style, read};

/// Replaces every folded text of an object by what kustomize makes of it. Annotations are written anew, without their style,
/// before the object is printed, so they stay what they are.
pub fn settle_object(object: &mut Node) {
    if object.at(&["metadata", "annotations"]).is_some_and(has_folded)
        && let Some(annotations) = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations")).and_then(Node::map_mut)
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

fn settle(node: &mut Node) {
    if !has_folded(node) {
        return;
    }
    if let Data::Scalar(scalar) = &node.data {
        if scalar.kind == Kind::String {
            let text = reprinted(&scalar.text);
            node.data = Data::Scalar(Scalar { text: text.into(), style: Style::Literal, kind: Kind::String });
        }
    } else if let Some(map) = node.map_mut() {
        map.entries.iter_mut().for_each(|entry| settle(&mut entry.value));
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(settle);
    }
}

fn has_folded(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(scalar) => scalar.style == Style::Folded,
        Data::Map(map) => map.entries.iter().any(|entry| has_folded(&entry.value)),
        Data::List(list) => list.items.iter().any(has_folded),
    }
}

/// The text after one more printing and reading.
fn reprinted(text: &str) -> String {
    // what a block cannot hold is printed in quotes, and comes out as it was
    if text.ends_with(' ') || text.contains(" \n") || text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
        return text.to_string();
    }
    let letters: Vec<char> = text.chars().collect();
    let blank = |index: usize| letters.get(index).is_none_or(|letter| matches!(letter, ' ' | '\t' | '\n'));
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
    let read = read::read(&block, FileId(0)).ok().and_then(|documents| documents.documents.into_iter().next());
    let read = read.as_ref().and_then(|document| document.get("text")).and_then(Node::as_scalar);
    read.map_or_else(|| text.to_string(), |scalar| scalar.text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_folds_survive() {
        for text in ["one line", "two\nlines\n", "a\n\nb", "", "ends with a blank \n  x", "bell\u{7}\n  x"] {
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
        assert_eq!(object.at(&["metadata", "annotations", "note"]).and_then(Node::as_str), Some("first\n second\n"));
        assert_eq!(object.at(&["spec", "note"]).and_then(Node::as_str), Some("first\n\n second\n"));
    }

    #[test]
    fn indented_lines_are_pushed_away() {
        assert_eq!(reprinted("(time() -\n  max\n    by\n  )\n) > 0"), "(time() -\n\n  max\n    by\n  )\n) > 0");
    }
}
