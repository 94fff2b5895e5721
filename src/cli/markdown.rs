//! Fits Markdown, such as the page of a rule, to the width of a terminal.

use crate::wording::wrapped;

/// The text with its paragraphs and items wrapped at the width. Code, tables and headings stay.
pub(super) fn reflowed(text: &str, columns: usize) -> String {
    let mut reflowed = String::with_capacity(text.len());
    let mut paragraph = String::new();
    let mut is_code = false;
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        let is_item = line.trim_start().starts_with("- ");
        if is_code || is_fence || line.trim().is_empty() || line.starts_with(['#', '|']) {
            flush(&mut paragraph, columns, &mut reflowed);
            reflowed.push_str(line);
            reflowed.push('\n');
        } else if is_item || paragraph.is_empty() {
            flush(&mut paragraph, columns, &mut reflowed);
            paragraph.push_str(line);
        } else {
            paragraph.push(' ');
            paragraph.push_str(line.trim_start());
        }
    }
    flush(&mut paragraph, columns, &mut reflowed);
    reflowed
}

/// Ends a paragraph. The lines of an item are indented as far as its text.
fn flush(paragraph: &mut String, columns: usize, reflowed: &mut String) {
    if paragraph.is_empty() {
        return;
    }
    let text = paragraph.trim_start();
    let dash = if text.starts_with("- ") { 2 } else { 0 };
    let indent = paragraph.len() - text.len() + dash;
    reflowed.push_str(&wrapped(paragraph, columns, indent));
    reflowed.push('\n');
    paragraph.clear();
}

#[cfg(test)]
mod tests {
    use super::reflowed;

    #[test]
    fn paragraphs_and_items_are_wrapped() {
        let text = "# a long heading\n\none two three\nfour\n\n- one two three\n  four\n- five\n\n```yaml\na: one two three four\n```\n";
        let expected = "# a long heading\n\none two\nthree four\n\n- one two\n  three four\n- five\n\n```yaml\na: one two three four\n```\n";
        assert_eq!(reflowed(text, 12), expected);
    }
}
