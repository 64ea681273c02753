//! Resources of the API server, and the paths of their objects.

use serde_json::Value;

/// A kind of objects that the API server keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The name in paths: `configmaps`.
    pub plural: &'static str,
}

/// A name that may stand in a path: none that the API server gives has a letter that means something there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// The namespace and the name of an object; the namespace is empty for objects of the whole cluster.
pub type Key = (String, String);

impl Name {
    /// Takes a name, where it has the form of one.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
        };
        let whole = !text.is_empty() && text.len() <= 253 && text.bytes().all(fits);
        // Two dots would be the folder above.
        (whole && !text.contains("..") && text != ".").then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Resource {
    /// Config maps.
    pub const CONFIG_MAPS: Self = Self::core("configmaps");
    /// Namespaces.
    pub const NAMESPACES: Self = Self::core("namespaces");
    /// Secrets.
    pub const SECRETS: Self = Self::core("secrets");
    /// Service accounts.
    pub const SERVICE_ACCOUNTS: Self = Self::core("serviceaccounts");
    /// Pods.
    pub const PODS: Self = Self::core("pods");
    /// Registrations of webhooks that judge.
    pub const VALIDATING: Self = Self::registrations("validatingwebhookconfigurations");
    /// Registrations of webhooks that change.
    pub const MUTATING: Self = Self::registrations("mutatingwebhookconfigurations");
    /// Leases.
    pub const LEASES: Self = Self { group: "coordination.k8s.io", version: "v1", plural: "leases" };
    /// Events.
    pub const EVENTS: Self = Self { group: "events.k8s.io", version: "v1", plural: "events" };
    /// Reports of a namespace.
    pub const OPEN_REPORTS: Self =
        Self { group: "openreports.io", version: "v1alpha1", plural: "reports" };
    /// Reports of a namespace, in their older form.
    pub const POLICY_REPORTS: Self =
        Self { group: "wgpolicyk8s.io", version: "v1alpha2", plural: "policyreports" };
    /// Policies of a namespace.
    pub const POLICIES: Self = Self::own("supplychainpolicies");
    /// Policies of the cluster.
    pub const CLUSTER_POLICIES: Self = Self::own("clustersupplychainpolicies");

    const fn core(plural: &'static str) -> Self {
        Self { group: "", version: "v1", plural }
    }

    const fn registrations(plural: &'static str) -> Self {
        Self { group: "admissionregistration.k8s.io", version: "v1", plural }
    }

    const fn own(plural: &'static str) -> Self {
        Self { group: "in-toto.io", version: "v1alpha1", plural }
    }

    /// Returns the path of all objects, or of those of a namespace.
    pub fn all(&self, namespace: Option<&Name>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        let namespace =
            namespace.map(|name| format!("/namespaces/{}", name.as_str())).unwrap_or_default();
        format!("{root}{namespace}/{}", self.plural)
    }

    /// Returns the path of one object.
    pub fn one(&self, namespace: Option<&Name>, name: &Name) -> String {
        format!("{}/{}", self.all(namespace), name.as_str())
    }
}

/// Returns a text of an object's metadata; empty where there is none.
pub fn metadata<'a>(object: &'a Value, member: &str) -> &'a str {
    let member = object.get("metadata").and_then(|metadata| metadata.get(member));
    member.and_then(Value::as_str).unwrap_or_default()
}

/// Returns the key of an object.
pub fn key_of(object: &Value) -> Key {
    (metadata(object, "namespace").to_owned(), metadata(object, "name").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_leave_their_place_in_a_path() {
        for text in ["", ".", "..", "a/b", "a..b", "../x", "a?b", "a%2fb", "A", "a b", "é"] {
            assert_eq!(Name::new(text), None, "{text}");
        }
        let prod = Name::new("prod").unwrap();
        let map = Name::new("kube-root-ca.crt").unwrap();
        let path = Resource::CONFIG_MAPS.one(Some(&prod), &map);
        assert_eq!(path, "/api/v1/namespaces/prod/configmaps/kube-root-ca.crt");
        let all = Resource::CLUSTER_POLICIES.all(None);
        assert_eq!(all, "/apis/in-toto.io/v1alpha1/clustersupplychainpolicies");
    }
}
