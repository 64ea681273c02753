//! What one verification may spend in all, sublayouts included.

/// Counters that a verification and all its sublayouts draw from.
///
/// Whoever may sign for a step may hand in a sublayout; without common counters he could make a
/// verifier work for ever.
#[derive(Clone, Debug)]
pub struct Budget {
    /// How many sublayouts may stand inside one another. Real pipelines have one or two.
    pub depth: u32,
    /// How many sublayouts there may be in all.
    pub sublayouts: u32,
    /// How many pieces of evidence may be handed in.
    pub links: u32,
    /// How many signatures may be checked: each is a public-key operation of about 0.1 ms.
    pub signatures: u32,
    /// How many bytes of evidence may be handed in.
    pub bytes: u64,
    /// How many comparisons of a rule with an artifact may be made: about 30 s of work.
    pub comparisons: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            depth: 8,
            sublayouts: 64,
            links: 4096,
            signatures: 16_384,
            bytes: 2 << 30,
            comparisons: 1 << 30,
        }
    }
}

/// A counter that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    pub(crate) what: &'static str,
}

impl Exhausted {
    pub(crate) const SIGNATURES: Self = Self { what: "signature checks" };
}

impl Budget {
    pub(crate) fn spend_link(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.links = self.links.checked_sub(1).ok_or(Exhausted { what: "pieces of evidence" })?;
        self.bytes =
            self.bytes.checked_sub(bytes).ok_or(Exhausted { what: "bytes of evidence" })?;
        Ok(())
    }

    pub(crate) fn spend_sublayout(&mut self, depth: usize) -> Result<(), Exhausted> {
        if u32::try_from(depth).is_ok_and(|depth| depth <= self.depth) {
            self.sublayouts =
                self.sublayouts.checked_sub(1).ok_or(Exhausted { what: "sublayouts" })?;
            return Ok(());
        }
        Err(Exhausted { what: "sublayouts inside one another" })
    }

    pub(crate) fn spend_comparisons(&mut self, count: usize) -> Result<(), Exhausted> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let left = self.comparisons.checked_sub(count);
        self.comparisons = left.ok_or(Exhausted { what: "comparisons of rules with artifacts" })?;
        Ok(())
    }
}
