//! Tells by one look that a file has not changed since a moment.
//!
//! A local file system stamps every change of a file with the kernel's coarse clock, and no user can
//! set that stamp. A stamp before a moment that was read from the same clock means that nothing has
//! changed since. Comparing two looks is weaker: two changes within one tick of the clock have one
//! stamp. On network file systems the clock is somebody else's.

use std::os::fd::AsFd;

use rustix::fs::Stat;

/// A moment of the clock that stamps the changes on one device.
pub(crate) struct Moment {
    device: u64,
    seconds: i128,
    nanoseconds: i128,
}

impl Moment {
    /// Tells whether a file was last changed before this moment, by the same clock.
    pub(crate) fn is_after(&self, file: &Stat) -> bool {
        let changed = (i128::from(file.st_ctime), i128::from(file.st_ctime_nsec));
        file.st_dev == self.device && changed < (self.seconds, self.nanoseconds)
    }
}

/// A device whose changes are stamped by this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalDevice(u64);

#[cfg(target_os = "linux")]
impl LocalDevice {
    /// Finds the device of an open folder, if its changes are stamped by our clock.
    ///
    /// `known` is the answer for the folder before it, which mostly lies on the same device.
    pub(crate) fn of(folder: &impl AsFd, known: Option<Self>) -> Option<Self> {
        /// ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs (whose writable layer is one of these).
        const STAMPED_HERE: [i128; 5] =
            [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630];
        let device = Self(rustix::fs::fstat(folder).ok()?.st_dev);
        if known == Some(device) {
            return known;
        }
        let kind = i128::from(rustix::fs::fstatfs(folder).ok()?.f_type);
        STAMPED_HERE.contains(&kind).then_some(device)
    }

    /// Reads the clock.
    pub(crate) fn now(self) -> Moment {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        Moment {
            device: self.0,
            seconds: i128::from(now.tv_sec),
            nanoseconds: i128::from(now.tv_nsec),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl LocalDevice {
    /// Knows no clock of other systems.
    pub(crate) fn of(_folder: &impl AsFd, _known: Option<Self>) -> Option<Self> {
        None
    }

    /// Makes a moment that is after nothing.
    pub(crate) fn now(self) -> Moment {
        Moment { device: self.0, seconds: i128::MIN, nanoseconds: 0 }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_change_after_the_moment_shows_and_one_before_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "1").unwrap();
        let opened = File::open(folder.path()).unwrap();
        // Where the temporary folder lies on another kind of file system there is nothing to test.
        let Some(device) = LocalDevice::of(&opened, None) else { return };
        assert_eq!(LocalDevice::of(&opened, Some(device)), Some(device));
        thread::sleep(Duration::from_millis(30));
        let moment = device.now();
        let stat = || rustix::fs::stat(&path).unwrap();
        assert!(moment.is_after(&stat()));
        fs::write(&path, "2").unwrap();
        assert!(!moment.is_after(&stat()));
        // A time of last modification that was set back hides nothing.
        thread::sleep(Duration::from_millis(30));
        let moment = device.now();
        let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
        assert!(!moment.is_after(&stat()));
        assert!(!Moment { device: device.0 + 1, ..device.now() }.is_after(&stat()));
    }

    #[test]
    fn proc_is_not_stamped_by_our_clock() {
        assert_eq!(LocalDevice::of(&File::open("/proc").unwrap(), None), None);
    }
}
