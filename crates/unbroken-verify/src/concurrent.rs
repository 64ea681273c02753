//! Work on all cores with the result of work on one.

use std::sync::Mutex;
use std::thread;

/// Applies a function to every item and returns the results in the order of the items.
///
/// Where threads cannot be had, the caller's own thread does all the work.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_on(thread::available_parallelism().map_or(1, usize::from), items, apply)
}

/// The same on so many cores, of which the result tells nothing.
fn map_on<T: Sync, R: Send>(cores: usize, items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(items.iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        // A thread that panicked held the lock for one step of an iterator: nothing is half done.
        while let Some((index, item)) =
            { next.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next() }
        {
            done.push((index, apply(item)));
        }
        done
    };
    let mut results = thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(items.len()))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut results = work();
        for other in others {
            match other.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..1000).collect();
        assert_eq!(
            map(&items, |item| item * 2),
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert!(map(&[0_u32; 0], |item| *item).is_empty());
    }

    #[test]
    fn the_number_of_threads_is_that_of_the_cores_and_changes_no_result() {
        for cores in 1..=8 {
            for count in [0, 1, 2, 3, 7, 64] {
                let items: Vec<usize> = (0..count).collect();
                let due = cores.min(count).max(1);
                let (together, seen) = (Barrier::new(due), Mutex::new(BTreeSet::new()));
                let results = map_on(cores, &items, |item| {
                    // The first item of each thread waits for all of them: so every thread has one.
                    if seen.lock().unwrap().insert(format!("{:?}", thread::current().id())) {
                        together.wait();
                    }
                    item * 2
                });
                let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
                assert_eq!(results, doubled, "{cores} cores");
                let threads = seen.into_inner().unwrap().len();
                assert_eq!(threads, due.min(count), "{cores} cores, {count} items");
            }
        }
    }
}
