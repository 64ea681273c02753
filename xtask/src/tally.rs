//! Counts what the test runner reports: one `test result:` line for each test program.

use std::ops::AddAssign;

/// How many tests passed, failed and were ignored, over how many test programs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) programs: u64,
}

impl Tally {
    /// Reads one line of the runner's output; `None` when it is not a result line.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse::<u64>().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored")?,
            programs: 1,
        })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.programs += other.programs;
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn reads_a_result_line_with_failures() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.10s";
        let expected = Tally { passed: 12, failed: 3, ignored: 1, programs: 1 };
        assert_eq!(Tally::of_line(line), Some(expected));
    }

    #[test]
    fn a_line_of_a_single_test_is_no_result() {
        assert_eq!(Tally::of_line("test tally::tests::reads ... ok"), None);
        assert_eq!(Tally::of_line("test result: running"), None);
    }
}
