//! Verification: what one run costs, and how it grows with the number of artifacts.

use std::path::Path;
use std::time::Duration;

use crate::process::{Failure, announce};

use super::Sizes;
use super::chain::Chain;
use super::measure::{mebibytes, median, once, peak_memory, quotient, seconds};
use super::table::Row;
use super::tools::Tools;

const START_UP_TARGET: Duration = Duration::from_millis(8);
const MANY_TARGET: Duration = Duration::from_millis(250);
const MANY_MEMORY_TARGET: u64 = 120 << 20;
/// Ten times the artifacts may cost ten times the time, and a quarter on top: the caches no longer hold it all.
const LINEAR_TARGET: f64 = 12.5;

/// A whole run over a small chain: process start, reading, three links, ten artifacts, exit.
pub(super) fn start_up(tools: &Tools, folder: &Path, sizes: &Sizes) -> Result<Vec<Row>, Failure> {
    announce("start-up: verify a chain of 3 steps and 10 files");
    let chain = make(tools, folder, 10)?;
    let ours = median(sizes.start_up_runs, || Ok(verify(tools, &chain)))?;
    let peer = match peer_verify(tools, &chain) {
        Some(_) => Some(median(sizes.start_up_runs / 8 + 1, || {
            peer_verify(tools, &chain).ok_or_else(|| "the peer went away".into())
        })?),
        None => None,
    };
    Ok(vec![Row {
        what: "start-up: verify 3 steps, 10 files".to_owned(),
        target: format!("<= {}", seconds(START_UP_TARGET)),
        measured: seconds(ours),
        peer: peer_cell(peer),
        ratio: faster(ours, peer),
        reached: ours <= START_UP_TARGET,
    }])
}

/// Many artifacts, then ten times as many.
pub(super) fn many_artifacts(
    tools: &Tools,
    folder: &Path,
    sizes: &Sizes,
) -> Result<Vec<Row>, Failure> {
    let (few, many) = (sizes.artifacts, sizes.artifacts * 10);
    announce(&format!("verify 3 steps x {few} artifacts with MATCH and DISALLOW"));
    let chain = make(tools, folder, few)?;
    let ours = median(sizes.repeats, || Ok(verify(tools, &chain)))?;
    let memory = peak_memory(verify(tools, &chain))?;
    let peer_time = peer_verify(tools, &chain).map(once).transpose()?;
    let peer_memory = peer_verify(tools, &chain).map(peak_memory).transpose()?;
    announce(&format!("the same with {many} artifacts"));
    let large = make(tools, folder, many)?;
    let ours_large = median(sizes.repeats.min(3), || Ok(verify(tools, &large)))?;
    let memory_large = peak_memory(verify(tools, &large))?;
    let growth = quotient(ours_large, ours);
    Ok(vec![
        Row {
            what: format!("verify 3 steps x {few} artifacts: time"),
            target: format!("<= {}", seconds(MANY_TARGET)),
            measured: seconds(ours),
            peer: peer_cell(peer_time),
            ratio: faster(ours, peer_time),
            reached: ours <= MANY_TARGET,
        },
        Row {
            what: format!("verify 3 steps x {few} artifacts: memory"),
            target: format!("<= {}", mebibytes(MANY_MEMORY_TARGET)),
            measured: mebibytes(memory),
            peer: peer_memory.map_or_else(no_peer, |bytes| format!("python {}", mebibytes(bytes))),
            ratio: String::new(),
            reached: memory <= MANY_MEMORY_TARGET,
        },
        Row {
            what: format!("the same x {many}: growth"),
            target: format!("<= {LINEAR_TARGET} times the time"),
            measured: format!(
                "{growth:.1} times ({}, {})",
                seconds(ours_large),
                mebibytes(memory_large)
            ),
            peer: "itself, a tenth of the artifacts".to_owned(),
            ratio: format!("{growth:.1} x"),
            reached: growth <= LINEAR_TARGET,
        },
    ])
}

fn make(tools: &Tools, folder: &Path, artifacts: usize) -> Result<Chain, Failure> {
    let folder = folder.join(format!("chain-{artifacts}"));
    std::fs::create_dir_all(&folder)?;
    Chain::make(tools, &folder, artifacts)
}

fn verify(tools: &Tools, chain: &Chain) -> std::process::Command {
    tools.verify(&chain.layout, &chain.trust, &chain.links, &chain.product)
}

fn peer_verify(tools: &Tools, chain: &Chain) -> Option<std::process::Command> {
    tools.peer_verify(&chain.layout, &chain.trust, &chain.links, &chain.product)
}

fn peer_cell(time: Option<Duration>) -> String {
    time.map_or_else(no_peer, |time| format!("python {}", seconds(time)))
}

fn no_peer() -> String {
    "not here".to_owned()
}

fn faster(ours: Duration, peer: Option<Duration>) -> String {
    peer.map_or_else(String::new, |peer| format!("{:.0} x faster", quotient(peer, ours)))
}
