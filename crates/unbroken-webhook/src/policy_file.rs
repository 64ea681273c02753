//! The file of policies and settings, read again as it changes.

use std::io;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use unbroken_model::timestamp::Timestamp;
use unbroken_policy::{Policy, PolicySet, Settings};

use crate::failure::Failed;
use crate::metrics::Reloaded;
use crate::options::load_policies;
use crate::server::Service;

/// How often it is looked at.
pub const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The file, and what was read of it last.
pub struct PolicyFile {
    path: PathBuf,
    clock: fn() -> Timestamp,
    settings: Settings,
    policies: Vec<Arc<Policy>>,
    looked: Instant,
    /// What is wrong with it, so that it is told once.
    fault: Option<String>,
}

impl PolicyFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`Failed`] for a file that holds no policies that can be told.
    pub fn open(path: PathBuf, clock: fn() -> Timestamp) -> Result<Self, Failed> {
        let PolicySet { settings, policies, .. } = load_policies(&path, clock())?;
        Ok(Self { path, clock, settings, policies, looked: Instant::now(), fault: None })
    }

    /// Returns what was read last.
    pub fn policies(&self) -> PolicySet {
        let (settings, policies) = (self.settings.clone(), self.policies.clone());
        PolicySet { settings, policies, ..PolicySet::default() }
    }

    /// Keeps the policies of a service as the file has them, in a thread of its own, until the service is gone.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn follow(mut self, service: Weak<Service>) -> io::Result<()> {
        let run = move || {
            while let Some(service) = service.upgrade() {
                self.look(&service);
                service.set_policies(self.policies());
                drop(service);
                std::thread::sleep(LOOK_AGAIN);
            }
        };
        Builder::new().spawn(run).map(drop)
    }

    /// Reads the file again, and the files that it names, when it is time. Where they hold no policies that
    /// can be told, those of before stay in force, which the log and the metrics say.
    pub fn look(&mut self, service: &Service) {
        if self.looked.elapsed() < LOOK_AGAIN {
            return;
        }
        self.looked = Instant::now();
        // A panic would end the thread, and nothing would be followed any more.
        let found = match catch_unwind(|| load_policies(&self.path, (self.clock)())) {
            Ok(Ok(PolicySet { settings, policies, .. })) => {
                (self.settings, self.policies) = (settings, policies);
                None
            }
            Ok(Err(failed)) => Some(failed.to_string()),
            Err(_) => Some("reading the policies ended in a panic".to_owned()),
        };
        if found.is_some() || self.fault.is_some() {
            service.metrics().reloaded(Reloaded::Policies, found.is_none());
        }
        if found != self.fault {
            let event = found.as_deref().unwrap_or("the policies can be used again");
            service.log().event(event);
        }
        self.fault = found;
    }
}
