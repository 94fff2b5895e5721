//! Shell patterns, as `${HOST%%.*}` uses them.

/// Shell patterns: `*`, `?`, `[a-z]`, `[^a-z]`, `\` before a character. A pattern that cannot be
/// read matches nothing.
pub(super) fn matches(pattern: &[char], text: &[char]) -> bool {
    // the usual two pointers: after a mismatch, the last star takes one character more
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < text.len() || at < pattern.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, place));
            at += 1;
            continue;
        }
        if let Some(next) = text
            .get(place)
            .and_then(|character| one(pattern, at, *character))
        {
            (at, place) = (next, place + 1);
            continue;
        }
        match star {
            Some((from, taken)) if taken < text.len() => {
                star = Some((from, taken + 1));
                (at, place) = (from + 1, taken + 1);
            }
            _ => return false,
        }
    }
    true
}

/// Where the pattern continues after it matched one character.
pub(super) fn one(pattern: &[char], at: usize, character: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => (pattern.get(at + 1) == Some(&character)).then_some(at + 2),
        '[' => {
            let negated = pattern.get(at + 1) == Some(&'^');
            let mut place = at + 1 + usize::from(negated);
            let (first, mut found) = (place, false);
            let escaped = |place: &mut usize| -> Option<char> {
                *place += usize::from(pattern.get(*place) == Some(&'\\'));
                let character = pattern.get(*place).copied();
                *place += 1;
                character
            };
            while place == first || pattern.get(place) != Some(&']') {
                let low = escaped(&mut place)?;
                let high = if pattern.get(place) == Some(&'-') {
                    place += 1;
                    escaped(&mut place)?
                } else {
                    low
                };
                found |= (low..=high).contains(&character);
            }
            (found != negated).then_some(place + 1)
        }
        other => (*other == character).then_some(at + 1),
    }
}
