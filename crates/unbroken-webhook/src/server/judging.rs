//! One review is judged: from what is remembered, or by asking registries; and it is told what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use unbroken_model::timestamp::Timestamp;
use unbroken_policy::PolicySet;

use super::{Service, Task};
use crate::admission::{Occasion, Verify, judge};
use crate::answer::answer;
use crate::metrics::Source;
use crate::mutation::pin_tags;
use crate::recall::judge_at_once;
use crate::review::{Answer, Request};
use crate::traces::{Parent, Trace, Traced};

/// What is left of the time where the answer is an admission anyway.
const HURRY: Duration = Duration::from_secs(1);

/// A review, and what it is judged by: of its object nothing else was read than these policies look at.
pub(super) struct Asked {
    pub(super) task: Task,
    pub(super) request: Request,
    pub(super) policies: Arc<PolicySet>,
    /// The trace that it belongs to.
    pub(super) parent: Option<Parent>,
}

impl Service {
    /// Answers from what is remembered; nothing, where a registry has to be asked.
    pub(super) fn recall(&self, asked: &Asked) -> Option<Answer> {
        let Asked { request, policies, parent, .. } = asked;
        let (now, begun) = ((self.clock)(), Instant::now());
        let occasion = Occasion { now, until: None };
        let trace = self.begin_trace(parent.as_ref());
        let of_request = self.verifier.for_request(request, None);
        let verifier = of_request.as_deref().unwrap_or(self.verifier.as_ref());
        let ruling = traced(trace.as_deref(), verifier, |verifier| {
            judge_at_once(request, policies, occasion, verifier)
        })?;
        self.metrics.ruled(&ruling);
        let answer = answer(request, &ruling);
        self.tell(asked, &answer, trace.as_deref(), (now, Source::AtOnce, begun));
        Some(answer)
    }

    pub(super) fn judge(&self, asked: &Asked, until: Instant) -> Answer {
        let Asked { request, policies, parent, task } = asked;
        let now = (self.clock)();
        let begun = Instant::now();
        // Who may let in what does not verify is not to fail because a registry takes its time.
        let user = &request.user;
        let glass = policies.break_glass(&user.name, &user.groups, &request.namespace, now);
        let hurry = glass.map(|_| HURRY);
        let until = until.checked_sub(hurry.unwrap_or_default()).unwrap_or(until);
        let occasion = Occasion { now, until: Some(until) };
        let trace = self.begin_trace(parent.as_ref());
        let watcher = trace.as_ref().map(Trace::watcher);
        let of_request = self.verifier.for_request(request, watcher);
        let verifier = of_request.as_deref().unwrap_or(self.verifier.as_ref());
        let answer = traced(trace.as_deref(), verifier, |verifier| match task {
            Task::Mutate => pin_tags(request, policies, occasion, verifier),
            Task::Verify => {
                let ruling = judge(request, policies, occasion, verifier);
                self.metrics.ruled(&ruling);
                answer(request, &ruling)
            }
        });
        self.tell(asked, &answer, trace.as_deref(), (now, Source::LookedUp, begun));
        answer
    }

    fn begin_trace(&self, parent: Option<&Parent>) -> Option<Arc<Trace>> {
        self.traces.get().and_then(|_| Trace::begin(parent.cloned()))
    }

    fn tell(
        &self,
        asked: &Asked,
        answer: &Answer,
        trace: Option<&Trace>,
        (now, source, begun): (Timestamp, Source, Instant),
    ) {
        let (took, request) = (begun.elapsed(), &asked.request);
        if let Some(events) = self.events.get() {
            events.tell(request, answer, now);
        }
        self.metrics.reviewed(asked.task.name(), answer);
        self.metrics.took(source, took);
        self.log.decision(now, request, answer, source, took);
        if let (Some(traces), Some(trace)) = (self.traces.get(), trace) {
            traces.end(trace, asked.task.name(), request, answer);
        }
    }
}

/// Lets a verifier be used, each answer of which is noted if there is a trace.
fn traced<T>(
    trace: Option<&Trace>,
    verifier: &dyn Verify,
    what: impl FnOnce(&dyn Verify) -> T,
) -> T {
    match trace {
        Some(trace) => what(&Traced { verifier, trace }),
        None => what(verifier),
    }
}
