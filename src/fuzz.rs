//! The driver of the fuzz targets: texts that are put together at random from words that mean
//! something to the code under test, and from damaged examples.
//!
//! A target is a test whose name begins with `fuzz_`, in the module that it tests. It must not panic
//! for any text. Files of `testdata/fuzz/<target>` are tried first: each was a failure once.
//!
//! ```sh
//! cargo test --lib fuzz_                                              # some thousand texts each
//! FUZZ_RUNS=10000000 cargo test --release --lib fuzz_reader -- --nocapture
//! ```
//!
//! `FUZZ_SEED` chooses other texts. The text of a failure is printed, as a Rust literal.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Texts that are tried if `FUZZ_RUNS` says nothing else, and the time after which no more are.
const RUNS: usize = 2_000;
const USUAL_TIME: Duration = Duration::from_secs(5);
/// The most bytes of a text.
const LONGEST: usize = 4_096;
/// The longest time for one text, if many are tried.
const TIME: Duration = Duration::from_secs(10);
/// Characters that matter to many formats.
const CHARACTERS: &[&str] = &[
    "\n", " ", "\t", "\"", "'", "\\", "/", ":", "-", "#", "*", "[", "]", "{", "}", "(", ")", "$",
    "%", "!", "&", ",", ".", "0", "1", "9", "a", "é", "\u{0}", "\u{85}", "\u{2028}", "\u{feff}",
    "\u{202e}", "\r", "😀",
];

/// Words of YAML.
pub(crate) const YAML: &[&str] = &[
    "a",
    "- ",
    "? ",
    ": ",
    "\n",
    "\n  ",
    "\n- ",
    "#",
    " # c\n",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "|2",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!binary ",
    "!t ",
    "\n---\n",
    "...\n",
    "%YAML 1.2\n",
    "\r\n",
    "\t",
    "a: b\n",
    "- a\n",
    "null",
    "0x1f",
    "2024-01-01",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "~",
];

/// Tries a target with many texts. `examples` are texts that it accepts, `words` what they are made
/// of.
pub(crate) fn run(name: &str, examples: &[&str], words: &[&str], target: impl Fn(&str) + Sync) {
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<usize>().ok();
    let (runs, seed) = (number("FUZZ_RUNS"), number("FUZZ_SEED").unwrap_or(1));
    let mut known: Vec<String> = examples.iter().map(|text| text.to_string()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/fuzz")
        .join(name);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        known.extend(std::fs::read_to_string(entry.path()));
    }
    known.sort();
    for text in &known {
        attempt(name, text, &target);
    }
    let wanted = runs.unwrap_or(RUNS);
    let threads = match runs {
        Some(_) => std::thread::available_parallelism().map_or(1, usize::from),
        None => 1,
    };
    let slowest = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (known, target, slowest) = (&known, &target, &slowest);
            scope.spawn(move || {
                let mut random = Random::new((seed * 1_000 + thread) as u64);
                for _ in (thread..wanted).step_by(threads) {
                    if runs.is_none() && start.elapsed() > USUAL_TIME {
                        break;
                    }
                    let text = random.text(known, words);
                    let begun = Instant::now();
                    attempt(name, &text, target);
                    let taken = begun.elapsed();
                    slowest.fetch_max(taken.as_micros() as usize, Ordering::Relaxed);
                    assert!(
                        runs.is_none() || taken < TIME,
                        "{name}: {taken:?} for {text:?}"
                    );
                }
            });
        }
    });
    if runs.is_some() {
        eprintln!(
            "{name}: {wanted} texts in {:.0} s, the slowest took {} ms",
            start.elapsed().as_secs_f64(),
            slowest.into_inner() / 1_000,
        );
    }
}

fn attempt(name: &str, text: &str, target: &impl Fn(&str)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(text))) {
        eprintln!("{name} fails for {text:?}");
        resume_unwind(panic);
    }
}

/// Numbers and texts that follow from a seed (xorshift).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn word<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let all = if words.is_empty() || self.below(6) == 0 {
            CHARACTERS
        } else {
            words
        };
        all[self.below(all.len())]
    }

    /// The byte of a character of a text, or its end.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn text(&mut self, known: &[String], words: &[&str]) -> String {
        let mut text = String::new();
        if known.is_empty() || self.below(4) == 0 {
            for _ in 0..1 + self.below(20) {
                text.push_str(self.word(words));
            }
            return text;
        }
        text.push_str(&known[self.below(known.len())]);
        for _ in 0..1 + self.below(5) {
            let (one, other) = (self.place(&text), self.place(&text));
            let (start, end) = (one.min(other), one.max(other));
            match self.below(7) {
                0 | 1 => text.insert_str(start, self.word(words)),
                2 => text.replace_range(start..end, ""),
                3 => text.replace_range(start..end, self.word(words)),
                4 => {
                    let part = text[start..end].to_string();
                    text.insert_str(start, &part);
                }
                5 => {
                    // a line in another place
                    let lines: Vec<&str> = text.split_inclusive('\n').collect();
                    let line = lines.get(self.below(lines.len())).copied();
                    let line = line.unwrap_or_default().to_string();
                    text.insert_str(start, &line);
                }
                _ => {
                    let other = &known[self.below(known.len())];
                    let from = self.place(other);
                    text.replace_range(start.., &other[from..]);
                }
            }
        }
        let mut end = LONGEST.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}
