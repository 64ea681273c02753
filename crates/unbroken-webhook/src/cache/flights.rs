//! Equal questions at the same time are asked once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is being looked up at the moment, by question.
#[derive(Debug)]
pub(crate) struct Flights<K, T> {
    under_way: Mutex<HashMap<K, Arc<Flight<T>>>>,
}

#[derive(Debug)]
struct Flight<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Clone, Debug)]
enum State<T> {
    UnderWay,
    Landed(T),
    /// It came to nothing that others could use: whoever waits asks for himself.
    Lost,
}

/// Whether an answer is good for those who wait for it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Shared,
    Own,
}

impl<K: Hash + Eq + Clone, T: Clone> Flights<K, T> {
    pub(crate) fn new() -> Self {
        Self { under_way: Mutex::default() }
    }

    /// Answers a question by `ask`, or waits for the answer of whoever asks the same already. Nothing
    /// comes of it when `until` is over before that.
    ///
    /// A flight that ends in a panic, or with an answer that is nobody else's, is shared with nobody.
    pub(crate) fn answer(
        &self,
        key: &K,
        until: Option<Instant>,
        ask: impl FnOnce() -> (T, Sharing),
    ) -> Option<T> {
        loop {
            let flight = {
                let mut under_way = lock(&self.under_way);
                let Some(flight) = under_way.get(key) else {
                    let state = Mutex::new(State::UnderWay);
                    let flight = Arc::new(Flight { state, changed: Condvar::new() });
                    under_way.insert(key.clone(), Arc::clone(&flight));
                    drop(under_way);
                    return Some(self.lead(key, &flight, ask));
                };
                Arc::clone(flight)
            };
            match flight.wait(until)? {
                State::Landed(answer) => return Some(answer),
                State::Lost | State::UnderWay => {}
            }
        }
    }

    fn lead(&self, key: &K, flight: &Flight<T>, ask: impl FnOnce() -> (T, Sharing)) -> T {
        // Dropped in a panic too: nobody waits for what never comes.
        let mut landing = Landing { flights: self, key, flight, state: State::Lost };
        let (answer, sharing) = ask();
        if sharing == Sharing::Shared {
            landing.state = State::Landed(answer.clone());
        }
        drop(landing);
        answer
    }
}

struct Landing<'a, K: Hash + Eq, T: Clone> {
    flights: &'a Flights<K, T>,
    key: &'a K,
    flight: &'a Flight<T>,
    state: State<T>,
}

impl<K: Hash + Eq, T: Clone> Drop for Landing<'_, K, T> {
    fn drop(&mut self) {
        lock(&self.flights.under_way).remove(self.key);
        *lock(&self.flight.state) = self.state.clone();
        self.flight.changed.notify_all();
    }
}

impl<T: Clone> Flight<T> {
    fn wait(&self, until: Option<Instant>) -> Option<State<T>> {
        let mut state = lock(&self.state);
        while matches!(*state, State::UnderWay) {
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.checked_duration_since(Instant::now())?;
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(state.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_who_ask_the_same_ask_once() {
        let (flights, asked) = (Flights::new(), AtomicUsize::new(0));
        let begin = Barrier::new(16);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    begin.wait();
                    let answer = flights.answer(&"image", None, || {
                        asked.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(300));
                        ("verdict", Sharing::Shared)
                    });
                    assert_eq!(answer, Some("verdict"));
                });
            }
        });
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // Nothing is kept here: who comes later asks again.
        flights.answer(&"image", None, || {
            asked.fetch_add(1, Ordering::Relaxed);
            ("verdict", Sharing::Shared)
        });
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn who_waits_has_his_own_time_and_does_not_inherit_a_failure() {
        let flights = Flights::new();
        let begun = Barrier::new(3);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                flights.answer(&1, None, || {
                    begun.wait();
                    std::thread::sleep(Duration::from_millis(500));
                    ("of the first alone", Sharing::Own)
                })
            });
            scope.spawn(|| {
                begun.wait();
                let begin = Instant::now();
                let until = Some(begin + Duration::from_millis(50));
                assert_eq!(flights.answer(&1, until, || ("late", Sharing::Shared)), None);
                assert!(begin.elapsed() < Duration::from_millis(400), "{:?}", begin.elapsed());
            });
            begun.wait();
            let own = flights.answer(&1, None, || ("own", Sharing::Shared));
            assert_eq!(own, Some("own"));
        });
    }

    #[test]
    fn a_panic_of_one_leaves_nobody_waiting() {
        let flights = Flights::<_, &str>::new();
        let begun = Barrier::new(2);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                flights.answer(&1, None, || {
                    begun.wait();
                    std::thread::sleep(Duration::from_millis(50));
                    panic!("of a test")
                })
            });
            begun.wait();
            assert_eq!(flights.answer(&1, None, || ("own", Sharing::Shared)), Some("own"));
            assert!(first.join().is_err());
        });
    }
}
