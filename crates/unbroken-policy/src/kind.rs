//! Kinds of objects that hold pods: those of Kubernetes, and those that settings tell of.

/// A kind of objects, without its version: the API server converts between versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
}

/// A further kind and where the specifications of pods stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomKind {
    /// The kind.
    pub kind: GroupKind,
    /// The members that lead to each specification of a pod.
    pub pod_specs: Vec<Vec<String>>,
}

/// Where the specification of a pod stands in the kinds of Kubernetes.
pub const KINDS: [(&str, &str, &[&str]); 9] = [
    ("", "Pod", &["spec"]),
    ("", "PodTemplate", &["template", "spec"]),
    ("", "ReplicationController", &["spec", "template", "spec"]),
    ("apps", "DaemonSet", &["spec", "template", "spec"]),
    ("apps", "Deployment", &["spec", "template", "spec"]),
    ("apps", "ReplicaSet", &["spec", "template", "spec"]),
    ("apps", "StatefulSet", &["spec", "template", "spec"]),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
    ("batch", "Job", &["spec", "template", "spec"]),
];

impl GroupKind {
    /// Returns the members that lead to the specification of the pod, in a kind of Kubernetes.
    pub fn pod_spec(&self) -> Option<&'static [&'static str]> {
        let names = (self.group.as_str(), self.kind.as_str());
        KINDS.iter().find(|(group, kind, _)| (*group, *kind) == names).map(|(.., members)| *members)
    }

    /// Tells whether this is a kind of Kubernetes whose places of images are known here.
    pub fn is_built_in(&self) -> bool {
        self.pod_spec().is_some()
    }

    /// Tells whether this is the kind of pods themselves.
    pub fn is_pod(&self) -> bool {
        self.group.is_empty() && self.kind == "Pod"
    }
}
