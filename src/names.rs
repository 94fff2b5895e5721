//! Misspelt names: which known name somebody meant, and the help that says so.

/// The known name that is most like an unknown one, if any is like it at all.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .iter()
        .map(|candidate| {
            (
                similar::TextDiff::from_chars(lower.as_str(), candidate.to_lowercase().as_str())
                    .ratio(),
                *candidate,
            )
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(ratio, _)| *ratio >= 0.6)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `error`?`` where a known name is like the unknown one, else `otherwise`.
pub fn did_you_mean(name: &str, known: &[&str], otherwise: impl FnOnce() -> String) -> String {
    nearest(name, known).map_or_else(otherwise, |meant| format!("did you mean `{meant}`?"))
}
