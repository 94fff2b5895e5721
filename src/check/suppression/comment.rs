//! Reads the comments that suppress findings: `# gitops-lint: ignore[rule-id] reason`.
//!
//! A comment that only looks like one is read as well, with its flaw, so that nobody relies on a
//! suppression that has no effect.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::Date;

use crate::rules::Flaw;
use crate::source::SourceFile;
use crate::yaml::{By, Origin, comments};

const MARK: &str = "gitops-lint: ignore";
const NAME: &str = "gitops-lint";

/// Words that other linters use, and that people try.
const VERBS: &[&str] = &[
    "ignore", "disable", "suppress", "allow", "skip", "nolint", "noqa", "exclude",
];

/// One suppression in a comment.
pub(super) struct Comment {
    pub(super) origin: Origin,
    /// The rules in the brackets.
    pub(super) rules: Vec<String>,
    pub(super) until: Option<Date>,
    /// The missing or wrong part because of which the suppression is ignored.
    pub(super) flaw: Option<Flaw>,
}

/// True if a file is worth a closer look.
pub(super) fn may_have_comments(text: &str) -> bool {
    ["ops-lint", "ops-Lint", "OPS-LINT", "Ops-Lint"]
        .iter()
        .any(|name| text.contains(name))
}

/// The suppressions of a file.
#[derive(Default)]
pub(super) struct Found {
    /// Each with the lines that it covers. A comment behind a value covers its own line; a comment on
    /// a line of its own covers the next line that is not a comment.
    pub(super) comments: Vec<(Vec<usize>, Comment)>,
    /// The block scalars that begin on covered lines (`patch: |`), by the line of the key. What
    /// covers that line covers the block, whose lines cannot hold a comment.
    pub(super) blocks: BTreeMap<usize, RangeInclusive<usize>>,
}

/// Finds the suppressions of a file.
pub(super) fn of_file(file: &SourceFile) -> Found {
    let count = file.line_starts().len();
    let mut found = Found::default();
    // the next line that is not a comment; thousands of comments above one line share it
    let mut next = 0;
    for comment in comments::of(file).filter_map(read) {
        let position = file.position(comment.origin.start);
        let mut lines = vec![position.line];
        let before = file.line(position.line).chars().take(position.column - 1);
        if before.collect::<String>().trim().is_empty() {
            if next <= position.line {
                let mut below = position.line + 1..=count;
                let content = below.find(|number| {
                    let text = file.line(*number).trim_start();
                    !text.starts_with('#') && !text.is_empty()
                });
                next = content.unwrap_or(usize::MAX);
            }
            lines.extend(Some(next).filter(|next| *next <= count));
        }
        if let Some(last) = lines.last()
            && !found.blocks.contains_key(last)
            && let Some(block) = block_below(file, *last)
        {
            found.blocks.insert(*last, block);
        }
        found.comments.push((lines, comment));
    }
    let in_patches = within_patches(file).map(|comment| (Vec::new(), comment));
    found.comments.extend(in_patches);
    found
}

/// The lines of the block scalar that begins at the end of a line.
fn block_below(file: &SourceFile, line: usize) -> Option<RangeInclusive<usize>> {
    let header = file.line(line);
    let code = header.find(" #").map_or(header, |at| &header[..at]);
    let (before, style) = code.trim_end().rsplit_once([' ', '\t'])?;
    let is_style = style.starts_with(['|', '>'])
        && style[1..]
            .chars()
            .all(|character| matches!(character, '+' | '-' | '1'..='9'));
    // a tag or an anchor may stand between the key and the block
    let mut words = before.split_whitespace().rev();
    let key = words.find(|word| !word.starts_with(['!', '&']));
    if !is_style || !key.is_some_and(|key| key.ends_with(':') || key == "-") {
        return None;
    }
    let above = column_of_key(header);
    let is_inside = |number: &usize| {
        let text = file.line(*number);
        let content = text.trim_start();
        content.is_empty() || text.len() - content.len() > above
    };
    let inside = (line + 1..=file.line_starts().len()).take_while(is_inside);
    let last = inside
        .filter(|number| !file.line(*number).trim().is_empty())
        .last()?;
    Some(line + 1..=last)
}

/// The column of the key in a line, behind the dashes of a list; of the last dash if there is no
/// key.
fn column_of_key(line: &str) -> usize {
    let mut column = line.len() - line.trim_start().len();
    let mut rest = line.trim_start();
    while let Some(inner) = rest.strip_prefix("- ") {
        let inner = inner.trim_start();
        if inner.starts_with(['|', '>']) {
            break;
        }
        column += rest.len() - inner.len();
        rest = inner;
    }
    column
}

/// The suppressions within the inline patches of a kustomization. The text of other blocks, such as
/// a script in a ConfigMap, is nobody's suppression.
fn within_patches(file: &SourceFile) -> impl Iterator<Item = Comment> + '_ {
    let lines = 1..=file.line_starts().len();
    let is_patch = |number: &usize| {
        let line = file.line(*number).trim_start();
        line.trim_start_matches("- ").starts_with("patch:")
            || line.starts_with("- |") && is_below_patches(file, *number)
    };
    let blocks = lines
        .filter(is_patch)
        .filter_map(|number| block_below(file, number));
    blocks.flatten().filter_map(move |number| {
        let line = file.line(number);
        let at = line.find(MARK)?;
        let hash = line[..at].rfind('#')?;
        let start = file.line_starts().get(number - 1)? + hash as u32;
        let origin = Origin {
            file: file.id,
            start,
            end: start + (line.trim_end().len() - hash) as u32,
            by: By::Manifest,
        };
        line[hash + 1..at].trim().is_empty().then_some(Comment {
            origin,
            rules: Vec::new(),
            until: None,
            flaw: Some(Flaw::InText),
        })
    })
}

/// True if an item belongs to the list `patchesStrategicMerge`.
fn is_below_patches(file: &SourceFile, item: usize) -> bool {
    let column = |line: &str| line.len() - line.trim_start().len();
    let own = column(file.line(item));
    let is_key = |line: &&str| {
        let content = line.trim_start();
        !content.is_empty() && !content.starts_with(['-', '#']) && column(line) <= own
    };
    let mut above = (1..item).rev().map(|number| file.line(number));
    let key = above.find(is_key);
    key.is_some_and(|key| key.trim_start().starts_with("patchesStrategicMerge:"))
}

/// The suppression in a comment, or what looks like one. Another comment may precede it:
/// `# {"$imagepolicy": "apps:api"} # gitops-lint: ignore[…] …`.
fn read(comment: comments::Comment<'_>) -> Option<Comment> {
    let lower = comment.text.to_ascii_lowercase();
    let at = lower.find(NAME)?;
    let (before, text) = (&comment.text[..at], &comment.text[at..]);
    let hash = before.rfind('#')?;
    let is_apart = before[..hash]
        .chars()
        .next_back()
        .is_none_or(char::is_whitespace);
    let origin = Origin {
        start: comment.origin.start + hash as u32,
        ..comment.origin
    };
    let begins = before[hash + 1..].trim().is_empty();
    let exact = text.strip_prefix(MARK);
    if let Some(rest) = exact.filter(|rest| is_apart && begins && !continues(rest)) {
        return Some(parse(rest, origin));
    }
    let has_brackets = looks_alike(&lower[at + NAME.len()..])?;
    (is_apart && (begins || has_brackets)).then_some(Comment {
        origin,
        rules: Vec::new(),
        until: None,
        flaw: Some(Flaw::Misspelt),
    })
}

/// True if a word goes on: `ignore-next-line` is not `ignore`.
fn continues(rest: &str) -> bool {
    rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '-' | '_'))
}

/// True if brackets follow, if the text behind the name of the program looks like a suppression:
/// `:disable[x]`, ` ignore-next-line [x]`. A sentence such as `gitops-lint ignores it` does not.
fn looks_alike(text: &str) -> Option<bool> {
    let rest = text.trim_start_matches([':', ' ', '\t', '-']);
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let (word, behind) = rest.split_at(
        rest.find(|character| !is_part(character))
            .unwrap_or(rest.len()),
    );
    let verb = word.split(['-', '_']).next().unwrap_or_default();
    let has_brackets = behind.trim_start().starts_with(['[', '(']);
    let is_command = text.starts_with(':') && text.len() > rest.len();
    (VERBS.contains(&verb) && (has_brackets || is_command && behind.is_empty()))
        .then_some(has_brackets)
}

/// Reads what follows the mark: `[rule, rule] reason until 2027-01-31`.
fn parse(rest: &str, origin: Origin) -> Comment {
    let mut comment = Comment {
        origin,
        rules: Vec::new(),
        until: None,
        flaw: None,
    };
    let brackets = rest.trim_start().strip_prefix('[');
    let Some((rules, reason)) = brackets.and_then(|rest| rest.split_once(']')) else {
        comment.flaw = Some(Flaw::NoRule);
        return comment;
    };
    let rules = rules.split(',').map(str::trim);
    comment.rules = rules
        .filter(|rule| !rule.is_empty())
        .map(str::to_string)
        .collect();
    let mut words: Vec<&str> = reason.split_whitespace().collect();
    let is_until = |word: &&str| {
        let word = word.trim_start_matches('(').trim_end_matches(':');
        word.eq_ignore_ascii_case("until")
    };
    if let Some(index) = words.iter().position(is_until) {
        let date = words.get(index + 1);
        let date = date.map(|word| word.trim_end_matches([')', '.', ',', ';']));
        comment.until = date.and_then(|date| date.parse().ok());
        words.drain(index..(index + 2).min(words.len()));
        if comment.until.is_none() {
            comment.flaw = Some(Flaw::InvalidDate);
        }
    }
    let is_word = |word: &&str| word.chars().any(char::is_alphanumeric);
    if comment.rules.is_empty() {
        comment.flaw = Some(Flaw::NoRule);
    } else if comment.flaw.is_none() && !words.iter().any(is_word) {
        comment.flaw = Some(Flaw::NoReason);
    }
    comment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Files;

    fn read(text: &str) -> Vec<(Vec<usize>, Comment)> {
        let files = Files::default();
        let id = files.add("a.yaml", None, text.into());
        let found = of_file(&files.get(id));
        let with_blocks = |(mut lines, comment): (Vec<usize>, Comment)| {
            let block = lines.last().and_then(|last| found.blocks.get(last));
            lines.extend(block.cloned().into_iter().flatten());
            (lines, comment)
        };
        found.comments.into_iter().map(with_blocks).collect()
    }

    fn flaws(text: &str) -> Vec<Option<Flaw>> {
        read(text).iter().map(|(_, comment)| comment.flaw).collect()
    }

    #[test]
    fn a_comment_covers_its_own_line_or_the_next_that_is_no_comment() {
        let found = read(
            "a: 1 # gitops-lint: ignore[mutable-tag] pinned elsewhere\n# gitops-lint: ignore[a, b] why\n# more\n\nb: 2\n",
        );
        assert_eq!(found[0].0, [1]);
        assert_eq!(found[0].1.rules, ["mutable-tag"]);
        assert_eq!(found[1].0, [2, 5]);
        assert_eq!(found[1].1.rules, ["a", "b"]);
        assert!(found.iter().all(|(_, comment)| comment.flaw.is_none()));
    }

    #[test]
    fn a_date_is_taken_out_of_the_reason() {
        let found = read("# gitops-lint: ignore[x] vendor fixes it (until 2027-01-31)\na: 1\n");
        assert_eq!(found[0].1.until, Some(jiff::civil::date(2027, 1, 31)));
        assert_eq!(found[0].1.flaw, None);
        assert_eq!(
            read("# gitops-lint: ignore[x] until 2027-01-31\n")[0]
                .1
                .flaw,
            Some(Flaw::NoReason)
        );
        assert!(
            read("# gitops-lint: ignore[x] later until 2027-13-31\n")[0]
                .1
                .flaw
                .is_some()
        );
        assert!(read("# gitops-lint: ignore x\n")[0].1.flaw.is_some());
        for text in [
            "until the vendor answers",
            "until further notice",
            "later, until: tomorrow",
            "later (Until 2027-1-1)",
            "until",
        ] {
            let text = format!("# gitops-lint: ignore[x] {text}\n");
            assert_eq!(flaws(&text), [Some(Flaw::InvalidDate)], "{text}");
        }
    }

    #[test]
    fn other_text_is_no_suppression() {
        assert!(read("a: \"see gitops-lint: ignore[x] y\"\n").is_empty());
        assert!(read("a: b#gitops-lint: ignore[x] y\n").is_empty());
        assert!(read("# gitops-lint: see CONTRIBUTING.md; gitops-lint ignores it\n").is_empty());
        assert!(read("# run gitops-lint: ignore its infos\n").is_empty());
        assert!(
            read("a: |\n  # gitops-lint: ignore[x] y\nb: 'c\n  # gitops-lint: ignore[x] y'\n")
                .is_empty()
        );
    }

    #[test]
    fn another_comment_may_stand_before_it() {
        let found = read("a: 1 # {\"$imagepolicy\": \"f:a\"} # gitops-lint: ignore[x] why\n");
        assert_eq!(found[0].0, [1]);
        assert_eq!(found[0].1.flaw, None);
        assert_eq!(found[0].1.origin.start, 31);
    }

    #[test]
    fn what_looks_like_a_suppression_is_not_overlooked() {
        for text in [
            "# gitops-lint:ignore[x] why",
            "# Gitops-Lint: Ignore[x] why",
            "# gitops-lint: disable[x] why",
            "# gitops-lint ignore[x] why",
            "# gitops-lint: ignore-next-line[x] why",
            "a: 1 # see gitops-lint: ignore[x] why",
            "patches:\n- patch: |\n    a: 1 # gitops-lint: ignore[x] why",
        ] {
            let flaws = flaws(&format!("{text}\n"));
            assert!(matches!(flaws[..], [Some(_)]), "{text}: {flaws:?}");
        }
        assert_eq!(flaws("# gitops-lint: ignore [x] why\n"), [None]);
    }

    #[test]
    fn a_comment_at_the_key_of_a_block_covers_the_block() {
        let above = "patches:\n# gitops-lint: ignore[x] why\n- patch: |-\n    a: 1\n\n    b: 2\n  target: {kind: A}\n";
        assert_eq!(read(above)[0].0, [2, 3, 4, 5, 6]);
        let behind = "data:\n  a: > # gitops-lint: ignore[x] why\n   text\n  b: 1\n";
        assert_eq!(read(behind)[0].0, [2, 3]);
        let item = "list:\n- | # gitops-lint: ignore[x] why\n  text\n- 1\n";
        assert_eq!(read(item)[0].0, [2, 3]);
        let none = "a: b | # gitops-lint: ignore[x] why\n  c: 1\n";
        assert_eq!(read(none)[0].0, [1]);
    }

    #[test]
    fn fuzz_comments() {
        let words = &[
            "# gitops-lint",
            ": ignore",
            "[",
            "]",
            "mutable-tag",
            ", ",
            "reason",
            " -- ",
            "until ",
            "2026-01-01",
            "\n",
            "a: 1 ",
            "ignore-next-line",
            "ignore-file",
            "#",
            " ",
            ":",
            "- b\n",
            "'",
            "\"",
        ];
        let examples = [
            "a: 1 # gitops-lint: ignore[mutable-tag] because\n",
            "# gitops-lint: ignore[x, y] until 2026-01-01: why\na:\n  b: 1\n",
        ];
        crate::fuzz::run("comments", &examples, words, |text| drop(read(text)));
    }
}
