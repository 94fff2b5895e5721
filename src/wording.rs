//! Numbers and lists as people write them: `1 overlay`, `a, b and c`, `a and 3 more`.

/// `1 overlay`, `2 overlays`, `2 policies`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    let ends_in_vowel_and_y = ["ay", "ey", "oy", "uy"]
        .iter()
        .any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(stem) if !ends_in_vowel_and_y => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[impl AsRef<str>]) -> String {
    listed(items, items.len())
}

/// The first items of a list, and how many more there are: `a, b and 3 more`.
pub fn listed(items: &[impl AsRef<str>], at_most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(at_most).map(AsRef::as_ref).collect();
    let more = items.len() - shown.len();
    match &shown[..] {
        _ if more > 0 => format!("{} and {more} more", shown.join(", ")),
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => shown.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_noun() {
        for (number, noun, expected) in [
            (0, "overlay", "0 overlays"),
            (1, "policy", "1 policy"),
            (2, "policy", "2 policies"),
            (3, "more file", "3 more files"),
        ] {
            assert_eq!(count(number, noun), expected);
        }
    }

    #[test]
    fn lists_end_in_and() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a", "b", "c"], 1), "a and 2 more");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(list(&[] as &[&str]), "");
    }
}
