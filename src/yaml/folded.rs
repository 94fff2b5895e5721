//! What a folded block (`>`) becomes when kustomize prints and reads it once more on its way to the output.
//!
//! Its printer (go-yaml v3) puts an empty line after every line that is not indented, and breaks lines after column 80 even
//! where they are indented, so that such texts come out changed. Kustomize's result is what reaches the cluster.

use super::{Data, FileId, Kind, Node, Scalar, Style, read};

/// Column after which the printer breaks a line at the next single space.
const WIDTH: usize = 80;

/// Replaces every folded text of a document by what kustomize makes of it.
pub fn settle(document: &mut Node) {
    if has_folded(document) {
        walk(document, 0);
    }
}

fn has_folded(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(scalar) => scalar.style == Style::Folded,
        Data::Map(map) => map.entries.iter().any(|entry| has_folded(&entry.value)),
        Data::List(list) => list.items.iter().any(has_folded),
    }
}

/// `indent` is the column of the node's keys or dashes.
fn walk(node: &mut Node, indent: usize) {
    if let Data::Scalar(scalar) = &node.data {
        if scalar.style == Style::Folded && scalar.kind == Kind::String {
            let text = reprinted(&scalar.text, indent);
            node.data = Data::Scalar(Scalar { text: text.into(), style: Style::Literal, kind: Kind::String });
        }
        return;
    }
    if let Some(map) = node.map_mut() {
        for entry in map.entries.iter_mut().filter(|entry| has_folded(&entry.value)) {
            let deeper = if entry.value.as_list().is_some() { indent } else { indent + 2 };
            walk(&mut entry.value, deeper);
        }
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().filter(|item| has_folded(item)).for_each(|item| walk(item, indent + 2));
    }
}

/// The text after one more printing and reading; `indent` is the column of the block's text.
fn reprinted(text: &str, indent: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let blank = |index: usize| letters.get(index).is_none_or(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r'));
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
    let (mut column, mut breaks, mut leading) = (0, true, true);
    for (index, letter) in letters.iter().enumerate() {
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
            column = indent;
            leading = matches!(letter, ' ' | '\t');
        }
        if !breaks && *letter == ' ' && letters.get(index + 1) != Some(&' ') && column > WIDTH {
            block.push_str("\n  ");
            column = indent;
        } else {
            block.push(*letter);
            column += 1;
        }
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
        for text in ["one line", "two\nlines\n", "a\n\nb", ""] {
            assert_eq!(reprinted(text, 2), text, "{text:?}");
        }
        let long = "word ".repeat(60);
        assert_eq!(reprinted(long.trim_end(), 2), long.trim_end());
    }

    #[test]
    fn indented_lines_are_pushed_away() {
        assert_eq!(reprinted("(time() -\n  max\n    by\n  )\n) > 0", 4), "(time() -\n\n  max\n    by\n  )\n) > 0");
    }

    #[test]
    fn long_indented_lines_are_broken() {
        let text = format!("a\n  {} tail", "x".repeat(90));
        assert_eq!(reprinted(&text, 2), format!("a\n\n  {}\ntail", "x".repeat(90)));
    }
}
