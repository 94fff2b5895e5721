//! Patterns of Go's `path/filepath.Match`: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a character, within
//! one segment of a path.

/// The steps that one comparison may take.
const STEPS: usize = 1 << 24;

enum Token {
    /// Any text without a slash.
    Star,
    /// One character.
    Any,
    /// One character of some ranges, or of none of them.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// This character.
    Literal(char),
}

/// True if a pattern matches a whole name. A pattern that Go refuses matches nothing.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    const SPECIAL: [char; 4] = ['*', '?', '[', '\\'];
    // most patterns are a name or `*.png`
    match pattern.strip_prefix('*') {
        _ if !pattern.contains(SPECIAL) => return pattern == name,
        Some(end) if !end.contains(SPECIAL) => {
            let start = name.strip_suffix(end);
            return start.is_some_and(|start| !start.contains('/'));
        }
        _ => {}
    }
    let Some(tokens) = tokens(pattern) else {
        return false;
    };
    let name: Vec<char> = name.chars().collect();
    if tokens.len().saturating_mul(name.len()) > STEPS {
        return false;
    }
    // the positions of the name that the tokens so far can end at
    let mut ends = vec![false; name.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    for token in &tokens {
        let mut next = vec![false; ends.len()];
        let mut open = false;
        for at in 0..ends.len() {
            let here = ends.get(at) == Some(&true);
            let before = at.checked_sub(1).and_then(|at| name.get(at));
            let follows = at > 0 && ends.get(at - 1) == Some(&true);
            let is_end = match token {
                Token::Star => {
                    open = here || open && before != Some(&'/');
                    open
                }
                Token::Any => follows && before != Some(&'/'),
                Token::Literal(wanted) => follows && before == Some(wanted),
                Token::Class { negated, ranges } => {
                    let within =
                        |one: &char| ranges.iter().any(|(low, high)| low <= one && one <= high);
                    follows && before.is_some_and(|one| within(one) != *negated)
                }
            };
            if let Some(slot) = next.get_mut(at) {
                *slot = is_end;
            }
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

/// The parts of a pattern; `None` if Go refuses it.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut letters = pattern.chars().peekable();
    let mut found = Vec::new();
    while let Some(letter) = letters.next() {
        found.push(match letter {
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::Literal(letters.next()?),
            '[' => {
                let negated = letters.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || letters.next_if_eq(&']').is_none() {
                    let low = bound(&mut letters)?;
                    let high = match letters.next_if_eq(&'-') {
                        Some(_) => bound(&mut letters)?,
                        None => low,
                    };
                    ranges.push((low, high));
                }
                Token::Class { negated, ranges }
            }
            letter => Token::Literal(letter),
        });
    }
    Some(found)
}

/// An end of a range.
fn bound(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let found = match letters.next()? {
        '-' | ']' => return None,
        '\\' => letters.next()?,
        letter => letter,
    };
    // a class has to be closed
    letters.peek().map(|_| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "a.yaml", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*", "a/b", false),
            ("?", "é", true),
            ("?.yaml", "ab.yaml", false),
            ("[ab].yaml", "b.yaml", true),
            ("[^ab].yaml", "c.yaml", true),
            ("[!a].yaml", "!.yaml", true),
            ("[!a].yaml", "b.yaml", false),
            ("[a-c]", "b", true),
            ("[]a]", "a", false),
            ("[-]", "-", false),
            ("[\\]]", "]", true),
            ("\\*", "*", true),
            ("a\\", "a", false),
            ("[", "[", false),
            ("{a,b}", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(10_000), &"a".repeat(100_000)));
    }
}
