//! Keeps others from looking into this process.
//!
//! Keys and passphrases lie in its memory, and perhaps a passphrase in its environment. Whoever may
//! attach a debugger, read `/proc/PID`, or pick up a core dump would have them. Root looks everywhere.

use crate::error::{CliError, Result};

/// Closes the memory to other processes of the same user, and to core dumps.
///
/// A limit on the size of core dumps would do no more, and would bind the commands of steps as well:
/// they inherit limits, but begin open to the user like any program.
#[cfg(target_os = "linux")]
pub(crate) fn close() -> Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| {
        CliError::undecided("the memory of this process cannot be closed to others").because(error)
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn close() -> Result<()> {
    Ok(())
}
