//! How much the server remembers, and for how long, as it is told.

use std::time::Duration;

use clap::Args;

use super::Bounds;

/// What is remembered of images. A name with a tag never is, nor is what could not be decided.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Cache")]
pub struct CacheOptions {
    /// Images under policies that are remembered at most; 0 remembers none
    #[arg(long = "cache-entries", value_name = "NUMBER", default_value_t = 65_536)]
    entries: usize,
    /// The memory for that, in mebibytes
    #[arg(long = "cache-memory", value_name = "MIB", default_value_t = 64)]
    memory: usize,
    /// How long an admitted image is not looked up again
    #[arg(long = "cache-admitted", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=3600))]
    admitted: u32,
    /// How long a refused image is not looked up again: what is attached meanwhile is seen then
    #[arg(long = "cache-refused", value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(..=10))]
    refused: u32,
    /// How long the same evidence is not verified again, where nothing ends before
    #[arg(long = "cache-verdicts", value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(..=3600))]
    verdicts: u32,
}

impl CacheOptions {
    /// Returns the bounds.
    pub fn bounds(&self) -> Bounds {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Bounds {
            entries: self.entries,
            bytes: self.memory.saturating_mul(1 << 20),
            looks: seconds(self.admitted),
            refusals: seconds(self.refused),
            verdicts: seconds(self.verdicts),
        }
    }
}
