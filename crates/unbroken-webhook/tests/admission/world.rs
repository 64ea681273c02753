//! A registry with images and their evidence, policies for them, and reviews about them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::content::Content;
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::{Client, Settings};
use unbroken_policy::PolicySet;
use unbroken_policy::kind::CustomKind;
use unbroken_testkit::Chain;
use unbroken_testkit::registry::{Referrers, TestRegistry};
use unbroken_webhook::admission::{Occasion, judge};
use unbroken_webhook::answer::answer;
use unbroken_webhook::cache::Bounds;
use unbroken_webhook::review::{Answer, Request, Verdict};
use unbroken_webhook::verifier::RegistryVerifier;

/// The time of all decisions: the layout of the pipeline ends in 2030.
pub(crate) const NOW: &str = "2026-06-01T12:00:00Z";

pub(crate) struct World {
    pub(crate) registry: TestRegistry,
    pub(crate) folder: tempfile::TempDir,
    client: Client,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Referrers::Listed)
    }

    pub(crate) fn of(referrers: Referrers) -> Self {
        let world = Self {
            registry: TestRegistry::start(referrers),
            folder: tempfile::tempdir().unwrap(),
            client: Client::new(Settings::default()),
        };
        let chain = pipeline("sha256:00", |_| {});
        world.keep("root.layout", &chain.case().layout);
        let owner = unbroken_testkit::keys::key("owner").public().spki_pem();
        world.keep("owner.pub", owner.as_bytes());
        world
    }

    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Names a repository of the registry.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.host())
    }

    /// Pushes an image without evidence; returns its name with the digest.
    pub(crate) fn push(&self, name: &str) -> String {
        let digest = self.registry.put_image(name, "1", name.as_bytes());
        format!("{}@{digest}", self.repository(name))
    }

    /// Pushes an image and attaches the evidence of the pipeline, which is signed.
    pub(crate) fn push_signed(&self, name: &str) -> String {
        let image = self.push(name);
        self.attach(&image, |_| {});
        image
    }

    /// Attaches the evidence of the pipeline for an image, changed before it is signed.
    pub(crate) fn attach(&self, image: &str, change: impl FnOnce(&mut Chain)) {
        let place: Reference = image.parse().unwrap();
        self.attach_at(&place.repository().to_string(), image, change);
    }

    /// Does so in another repository than the image's.
    pub(crate) fn attach_at(&self, place: &str, image: &str, change: impl FnOnce(&mut Chain)) {
        let image: Reference = image.parse().unwrap();
        let chain = pipeline(&image.digest().unwrap().to_string(), change);
        let pieces = chain.case().evidence.into_iter().map(|(stem, bytes)| Piece {
            title: format!("{stem}.link"),
            media_type: None,
            bytes,
        });
        let repository = self.client.repository(image.repository());
        let digest = image.digest().unwrap().clone();
        let manifest = repository.manifest(&Selector::Digest(digest)).unwrap();
        let repository = self.client.repository(&place.parse().unwrap());
        attach(&repository, &manifest.descriptor, &pieces.collect::<Vec<_>>()).unwrap();
    }

    /// Reads policies. `HOST` stands for the registry.
    pub(crate) fn policies(&self, yaml: &str) -> PolicySet {
        self.read_policies(yaml).unwrap_or_else(|fault| panic!("{fault}\n{yaml}"))
    }

    pub(crate) fn read_policies(&self, yaml: &str) -> Result<PolicySet, String> {
        let yaml = yaml.replace("HOST", self.registry.host());
        PolicySet::parse(&yaml, self.folder(), now()).map_err(|fault| fault.to_string())
    }

    pub(crate) fn verifier(&self) -> RegistryVerifier {
        RegistryVerifier::new(self.client.clone())
    }

    /// Judges a request as the server does.
    pub(crate) fn judge(&self, policies: &PolicySet, request: &Value) -> Answer {
        self.judge_on(policies, request, now().into())
    }

    /// Judges a request at a time, within a time.
    pub(crate) fn judge_on(
        &self,
        policies: &PolicySet,
        request: &Value,
        occasion: Occasion,
    ) -> Answer {
        judge_by(&self.verifier(), policies, request, occasion)
    }

    /// Makes a verifier that remembers.
    pub(crate) fn remembering(&self, bounds: Bounds) -> RegistryVerifier {
        RegistryVerifier::remembering(self.client.clone(), bounds)
    }
}

/// Judges a request by a verifier.
pub(crate) fn judge_by(
    verifier: &RegistryVerifier,
    policies: &PolicySet,
    request: &Value,
    occasion: Occasion,
) -> Answer {
    let request = read_of(request, &policies.settings.kinds);
    answer(&request, &judge(&request, policies, occasion, verifier))
}

/// Reads a request as the server does.
pub(crate) fn read(request: &Value) -> Request {
    read_of(request, &[])
}

/// Reads a request that may be of other kinds than those of Kubernetes.
pub(crate) fn read_of(request: &Value, kinds: &[CustomKind]) -> Request {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    Request::parse(review.to_string().as_bytes(), kinds).unwrap()
}

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// The pipeline of the testkit without its inspection, whose build made the image of this digest.
pub(crate) fn pipeline(digest: &str, change: impl FnOnce(&mut Chain)) -> Chain {
    let mut chain = Chain::pipeline();
    chain.layout.set_json("inspect", "[]");
    let text = format!("{digest}\n");
    let recorded = unbroken_testkit::digest(&text);
    let place = "products/image-digest.txt/sha256";
    chain.link("build").set(place, recorded.iter().next().unwrap().hex().to_owned());
    change(&mut chain);
    chain
}

/// A policy for the repositories below `acme` of the registry.
pub(crate) const POLICY: &str = "
apiVersion: in-toto.io/v1alpha1
kind: ClusterSupplyChainPolicy
metadata: {name: acme}
spec:
  images: ['HOST/acme/**']
  layout: {file: root.layout}
  owners: [{file: owner.pub}]
";

/// The settings that go before policies.
pub(crate) fn settings(spec: &str) -> String {
    let kind = "apiVersion: in-toto.io/v1alpha1\nkind: AdmissionSettings\nmetadata: {name: s}";
    format!("{kind}\nspec: {{{spec}}}\n---")
}

/// The request to make a pod in the namespace `prod`.
pub(crate) fn pod(spec: &Value) -> Value {
    request("", "Pod", "CREATE", &json!({"metadata": {"name": "web"}, "spec": spec}))
}

/// The request to make a pod of one container.
pub(crate) fn pod_of(image: &str) -> Value {
    pod(&json!({"containers": [{"name": "app", "image": image}]}))
}

pub(crate) fn request(group: &str, kind: &str, operation: &str, object: &Value) -> Value {
    json!({
        "uid": "0b1e", "kind": {"group": group, "version": "v1", "kind": kind},
        "name": "web", "namespace": "prod", "operation": operation, "object": object,
    })
}

/// Expects an admission.
pub(crate) fn admitted(answer: &Answer) {
    assert_eq!(answer.verdict, Verdict::Allowed(Vec::new()), "{answer:?}");
}

/// Expects a denial for this reason; returns the message.
pub(crate) fn denied(answer: &Answer, status: u16, code: &str) -> String {
    match &answer.verdict {
        Verdict::Denied { status: found, message } => {
            assert_eq!(*found, status, "{message}");
            assert!(message.contains(&format!("[{code}]")), "{message}");
            message.clone()
        }
        Verdict::Allowed(_) => panic!("it was admitted: {answer:?}"),
    }
}
