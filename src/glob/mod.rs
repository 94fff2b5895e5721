//! Globs from files that a pull request may have written: compiled in one place, within limits.
//!
//! Here: compiling, and [`Glob`], a glob of the configuration; `ignore` reads patterns as in
//! `.gitignore`. Not here: patterns of CODEOWNERS, which have their own syntax.

pub(crate) mod go;
pub(crate) mod ignore;

use globset::{GlobBuilder, GlobMatcher};

/// The longest glob, in bytes. Paths have at most 4096.
const LONGEST: usize = 4096;

/// The deepest nesting of alternatives such as `{a,{b,c}}`.
const DEEPEST: usize = 16;

/// The reach of `*` and `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stars {
    /// Everything but `/`.
    WithinFolder,
    /// `/` as well.
    AcrossFolders,
}

/// Why a glob cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GlobError {
    /// It is not a glob.
    #[error("{0}")]
    Invalid(String),
    /// It could take too much time or memory.
    #[error(
        "a glob may have at most {LONGEST} bytes, and braces nest at most {DEEPEST} levels deep"
    )]
    TooLarge,
}

/// Compiles a glob. All globs go through here: `globset` itself has no limits and panics on some
/// patterns.
pub(crate) fn compile(pattern: &str, stars: Stars) -> Result<GlobMatcher, GlobError> {
    if pattern.len() > LONGEST || depth(pattern) > DEEPEST {
        return Err(GlobError::TooLarge);
    }
    GlobBuilder::new(pattern)
        .literal_separator(stars == Stars::WithinFolder)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| GlobError::Invalid(error.kind().to_string()))
}

/// True if a glob can be compiled and matches a text.
pub(crate) fn matches(pattern: &str, stars: Stars, text: &str) -> bool {
    compile(pattern, stars).is_ok_and(|glob| glob.is_match(text))
}

/// A glob of the configuration, compiled once: `*` matches within one folder, `**` across folders.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    matcher: GlobMatcher,
}

impl Glob {
    /// Compiles a glob.
    pub(crate) fn new(text: String) -> Result<Glob, GlobError> {
        let matcher = compile(&text, Stars::WithinFolder)?;
        Ok(Glob { text, matcher })
    }

    /// True if it matches a path.
    pub fn is_match(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }

    /// The glob as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

/// The deepest nesting of braces. A brace that is escaped or in a class counts as well.
fn depth(pattern: &str) -> usize {
    let (mut open, mut deepest) = (0usize, 0);
    for byte in pattern.bytes() {
        match byte {
            b'{' => open += 1,
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_a_folder_or_not() {
        assert!(matches("apps/*/x", Stars::WithinFolder, "apps/a/x"));
        assert!(!matches("apps/*", Stars::WithinFolder, "apps/a/x"));
        assert!(matches("apps/*", Stars::AcrossFolders, "apps/a/x"));
        assert!(matches!(
            compile("{a", Stars::WithinFolder),
            Err(GlobError::Invalid(_))
        ));
    }

    #[test]
    fn patterns_that_would_cost_too_much_are_refused() {
        let deep = format!("{}a{}", "{".repeat(3000), "}".repeat(3000));
        let some = format!("{}a{}", "{".repeat(17), "}".repeat(17));
        let wide = format!("{{{}}}", "a,".repeat(20_000));
        for pattern in [deep, some, wide, "*".repeat(5000)] {
            assert_eq!(
                compile(&pattern, Stars::WithinFolder).err(),
                Some(GlobError::TooLarge)
            );
        }
    }

    #[test]
    fn whatever_is_within_the_limits_compiles_and_matches_soon() {
        let start = std::time::Instant::now();
        let path = "a/".repeat(2000);
        for part in ["**/", "*a", "?", "[!a]", "{a,b}", "{*,?}/", "\\*", "é"] {
            let pattern = part.repeat(LONGEST / part.len());
            if let Ok(glob) = compile(&pattern, Stars::WithinFolder) {
                glob.is_match(&path);
            }
        }
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }

    #[test]
    fn fuzz_globs() {
        let words = &[
            "*",
            "**",
            "/",
            "?",
            "[a-z]",
            "[!a",
            "[",
            "]",
            "{a,b}",
            "{",
            "}",
            ",",
            "a",
            "apps",
            "\\",
            "!",
            "-",
            "^",
            "{{a,b},{c,d}}",
            "**/",
            "/**",
            ".",
        ];
        let examples = [
            "apps/*/overlays/{staging,production}",
            "**/[a-c]?.yaml",
            "a\\*b",
        ];
        crate::fuzz::run("globs", &examples, words, |text| {
            for stars in [Stars::WithinFolder, Stars::AcrossFolders] {
                if let Ok(glob) = compile(text, stars) {
                    glob.is_match("apps/api/overlays/production");
                    glob.is_match(text);
                }
            }
        });
    }
}
