//! A map that forgets what was not asked for lately once it has become too large.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map of bounded size, in two halves. What is asked for moves to the young half; when that is full
/// it becomes the old one, and what nobody asked for since is gone. Every operation takes the same
/// short time, whatever others put in.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    young: Half<K, V>,
    old: Half<K, V>,
    young_bytes: usize,
    old_bytes: usize,
    /// Of one half.
    most_entries: usize,
    most_bytes: usize,
    forgotten: Option<Half<K, V>>,
}

/// One half, or what was forgotten.
pub(super) type Half<K, V> = HashMap<K, Weighed<V>>;

#[derive(Debug)]
pub(super) struct Weighed<V> {
    value: V,
    bytes: usize,
}

impl<K: Hash + Eq, V: Clone> Bounded<K, V> {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            young_bytes: 0,
            old_bytes: 0,
            most_entries: entries / 2,
            most_bytes: bytes / 2,
            forgotten: None,
        }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some(found) = self.young.get(key) {
            return Some(found.value.clone());
        }
        let (key, found) = self.old.remove_entry(key)?;
        self.old_bytes = self.old_bytes.saturating_sub(found.bytes);
        let value = found.value.clone();
        self.put(key, found);
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        self.put(key, Weighed { value, bytes });
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(gone) = self.young.remove(key) {
            self.young_bytes = self.young_bytes.saturating_sub(gone.bytes);
        }
        if let Some(gone) = self.old.remove(key) {
            self.old_bytes = self.old_bytes.saturating_sub(gone.bytes);
        }
    }

    /// Hands out what was forgotten since, if that was much: dropping it takes long, and whoever has
    /// the map behind a lock does so afterwards.
    pub(super) fn forgotten(&mut self) -> Option<Half<K, V>> {
        self.forgotten.take()
    }

    pub(super) fn entries(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }

    fn put(&mut self, key: K, weighed: Weighed<V>) {
        if weighed.bytes > self.most_bytes || self.most_entries == 0 {
            return;
        }
        let bytes = self.young_bytes + weighed.bytes;
        if self.young.len() >= self.most_entries || bytes > self.most_bytes {
            let young = std::mem::take(&mut self.young);
            self.forgotten = Some(std::mem::replace(&mut self.old, young));
            self.old_bytes = std::mem::take(&mut self.young_bytes);
        }
        self.young_bytes += weighed.bytes;
        self.young.insert(key, weighed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_it_may_and_keeps_what_is_asked_for() {
        let mut map = Bounded::new(10, 1000);
        map.insert(0, "kept", 10);
        for key in 1..1000 {
            map.insert(key, "passing", 10);
            assert_eq!(map.get(&0), Some("kept"), "{key}");
            assert!(map.entries() <= 10 && map.bytes() <= 100, "{} {}", map.entries(), map.bytes());
        }
        assert_eq!(map.get(&1), None);
    }

    #[test]
    fn what_is_forgotten_is_dropped_by_whoever_takes_it() {
        let mut map = Bounded::new(4, 1000);
        let value = std::sync::Arc::new(());
        for key in 0..5 {
            map.insert(key, std::sync::Arc::clone(&value), 1);
        }
        assert_eq!((map.entries(), std::sync::Arc::strong_count(&value)), (3, 6));
        let forgotten = map.forgotten().unwrap();
        assert_eq!(forgotten.len(), 2);
        drop(forgotten);
        assert_eq!(std::sync::Arc::strong_count(&value), 4);
        assert!(map.forgotten().is_none());
    }

    #[test]
    fn bytes_bound_it_too_and_what_is_too_large_is_not_kept() {
        let mut map = Bounded::new(1000, 1000);
        for key in 0..1000 {
            map.insert(key, "value", 100);
            assert!(map.bytes() <= 1000, "{}", map.bytes());
        }
        map.insert(1000, "large", 501);
        assert_eq!(map.get(&1000), None);
        map.insert(999, "other", 1);
        map.remove(&999);
        map.insert(998, "again", 7);
        map.insert(998, "again", 7);
        assert_eq!((map.get(&999), map.get(&998)), (None, Some("again")));
        let mut nothing = Bounded::new(0, 1000);
        nothing.insert(1, "x", 1);
        assert_eq!(nothing.get(&1), None);
    }
}
