//! Limits on what templates may do. A pull request can contain any template.

use super::error::Problem;

/// The limit on the work of the templates of one release.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    steps: Meter,
    output: Meter,
}

#[derive(Clone, Debug)]
struct Meter {
    what: &'static str,
    used: u64,
    most: u64,
}

impl Meter {
    fn spend(&mut self, amount: u64) -> Result<(), Problem> {
        self.used = self.used.saturating_add(amount);
        if self.used > self.most {
            return Err(Problem::TooMuch {
                what: self.what,
                most: self.most,
            });
        }
        Ok(())
    }
}

impl Default for Budget {
    /// Enough for the largest public charts ten times over, and a few seconds of work.
    fn default() -> Budget {
        Budget::new(5_000_000, 64 << 20)
    }
}

impl Budget {
    /// A budget of evaluated expressions and loop rounds, and of bytes that they produce, results
    /// of `include` and of functions counted as well.
    pub(crate) fn new(steps: u64, output: u64) -> Budget {
        let meter = |what, most| Meter {
            what,
            used: 0,
            most,
        };
        Budget {
            steps: meter("steps", steps),
            output: meter("bytes of output", output),
        }
    }

    pub(super) fn step(&mut self) -> Result<(), Problem> {
        self.steps.spend(1)
    }

    pub(super) fn steps(&mut self, count: usize) -> Result<(), Problem> {
        self.steps.spend(count as u64)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<(), Problem> {
        self.output.spend(count as u64)
    }
}
