//! A small supply chain, verified by the real engine: checkout -> build -> scan, one inspection.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use unbroken_crypto::{
    KeyIdStyle, KeySet, Owner, SignatureBudget, SigningKey, authenticate, hash, sign,
};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Object;
use unbroken_model::layout::{Inspection, Layout, Step};
use unbroken_model::limits::Limits;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::name::StepName;
use unbroken_model::rule::ArtifactRule;
use unbroken_model::timestamp::Timestamp;
use unbroken_report::{Facts, Report, Subject};
use unbroken_verify::{
    Budget, Ending, InForce, InspectionOutcome, Options, Rejection, Session, Submission,
    layout_finding,
};

/// The digest of the image that the chain builds.
pub(crate) const IMAGE: &str = "9fc31a89d2b7aa510bd0a2c5d1ef3b90aa54c1d2e3f405162738495a6b7c8d9e";

/// A chain before its verification. Tests change what they are about.
pub(crate) struct World {
    pub(crate) layout: Layout,
    /// Who signs the layout; the owner is trusted in any case.
    pub(crate) layout_signer: SigningKey,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) outcome: Option<InspectionOutcome>,
    pub(crate) subject: Option<Subject>,
    pub(crate) options: Options,
    pub(crate) budget: Budget,
    pub(crate) now: Timestamp,
}

/// What is handed in for a step, also below a sublayout.
pub(crate) struct Evidence {
    pub(crate) step: StepName,
    pub(crate) source: String,
    pub(crate) bytes: Vec<u8>,
    /// The folder of the sublayout that it belongs to.
    pub(crate) folder: Option<String>,
}

/// Makes a key that is the same in every run.
pub(crate) fn key(seed: u8) -> SigningKey {
    let mut der = data_encoding::HEXLOWER.decode(b"302e020100300506032b657004220420").unwrap();
    der.extend([seed; 32]);
    let body = data_encoding::BASE64.encode(&der);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    SigningKey::read(pem.as_bytes(), None).unwrap()
}

pub(crate) fn owner() -> SigningKey {
    key(1)
}

pub(crate) fn alice() -> SigningKey {
    key(2)
}

pub(crate) fn builder() -> SigningKey {
    key(3)
}

pub(crate) fn scanner() -> SigningKey {
    key(4)
}

pub(crate) fn file(path: &str, content: &str) -> (String, DigestSet) {
    (path.to_owned(), DigestSet::sha256(hash::sha256(content.as_bytes())))
}

pub(crate) fn artifacts(files: &[(String, DigestSet)]) -> ArtifactSet {
    let entries = files.iter().map(|(path, digests)| (path.parse().unwrap(), digests.clone()));
    ArtifactSet::from_entries(entries.collect()).unwrap()
}

pub(crate) fn rules(texts: &[&str]) -> Vec<ArtifactRule> {
    texts.iter().map(|text| ArtifactRule::parse_text(text).unwrap()).collect()
}

pub(crate) fn step(name: &str, by: &[&SigningKey], materials: &[&str], products: &[&str]) -> Step {
    let id = |key: &&SigningKey| key.public().key_id(KeyIdStyle::default()).parse().unwrap();
    Step {
        name: name.parse().unwrap(),
        expected_materials: rules(materials),
        expected_products: rules(products),
        pubkeys: by.iter().map(id).collect(),
        cert_constraints: Vec::new(),
        expected_command: Vec::new(),
        threshold: NonZeroU32::MIN,
        extra: Object::new(),
    }
}

pub(crate) fn link(
    name: &str,
    materials: &[(String, DigestSet)],
    products: &[(String, DigestSet)],
) -> Link {
    Link {
        form: LinkForm::Plain,
        name: name.parse().unwrap(),
        command: vec!["make".to_owned(), name.to_owned()],
        materials: artifacts(materials),
        products: artifacts(products),
        byproducts: Object::new(),
        environment: Object::new(),
        extra: Object::new(),
    }
}

pub(crate) fn signed<T: Payload>(payload: &T, by: &SigningKey) -> Vec<u8> {
    let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, payload.to_value());
    sign(&mut envelope, by, KeyIdStyle::default()).unwrap();
    envelope.to_bytes()
}

pub(crate) fn layout(
    steps: Vec<Step>,
    inspections: Vec<Inspection>,
    keys: &[&SigningKey],
) -> Layout {
    let keys = keys.iter().map(|key| {
        let key = key.public().to_layout_key(KeyIdStyle::default()).unwrap();
        (key.id.clone(), key)
    });
    Layout {
        expires: "2027-05-22T00:00:00Z".parse().unwrap(),
        readme: "shop-api".to_owned(),
        keys: keys.collect(),
        root_cas: BTreeMap::new(),
        intermediate_cas: BTreeMap::new(),
        steps,
        inspections,
        extra: Object::new(),
    }
}

/// Returns the name of a link file without its ending.
pub(crate) fn stem(step: &str, by: &SigningKey) -> String {
    let id = by.public().key_id(KeyIdStyle::default());
    format!("{step}.{}", id.get(..8).unwrap())
}

pub(crate) fn evidence(by: &SigningKey, link: &Link) -> Evidence {
    Evidence {
        step: link.name.clone(),
        source: format!("links/{}.link", stem(link.name.as_str(), by)),
        bytes: signed(link, by),
        folder: None,
    }
}

/// The source files of the chain.
pub(crate) fn sources() -> Vec<(String, DigestSet)> {
    vec![
        file("src/Dockerfile", "FROM scratch"),
        file("src/app/main.py", "print('shop')"),
        file("src/app/util.py", "pass"),
    ]
}

pub(crate) fn image_digest_file() -> (String, DigestSet) {
    file("image-digest.txt", &format!("sha256:{IMAGE}\n"))
}

pub(crate) fn built(sources: &[(String, DigestSet)]) -> Link {
    let products: Vec<_> = sources.iter().cloned().chain([image_digest_file()]).collect();
    link("build", sources, &products)
}

pub(crate) fn inspected(
    files: &[(String, DigestSet)],
    ending: Ending,
    output: &str,
) -> InspectionOutcome {
    InspectionOutcome {
        materials: artifacts(files),
        products: artifacts(files),
        ending,
        isolated: true,
        output: output.to_owned(),
    }
}

impl World {
    /// A chain in which everything is in order.
    pub(crate) fn sound() -> Self {
        let steps = vec![
            step("checkout", &[&alice()], &["DISALLOW *"], &["CREATE src/*", "DISALLOW *"]),
            step(
                "build",
                &[&builder()],
                &["MATCH src/* WITH PRODUCTS FROM checkout", "DISALLOW *"],
                &[
                    "MATCH src/* WITH PRODUCTS FROM checkout",
                    "CREATE image-digest.txt",
                    "DISALLOW *",
                ],
            ),
            step(
                "scan",
                &[&scanner()],
                &["MATCH image-digest.txt WITH PRODUCTS FROM build", "DISALLOW *"],
                &[
                    "MATCH image-digest.txt WITH PRODUCTS FROM build",
                    "CREATE scan.json",
                    "REQUIRE image-digest.txt",
                    "DISALLOW *",
                ],
            ),
        ];
        // REQUIRE looks at what is left, so it stands before the rule that consumes.
        let mut steps = steps;
        steps[2].expected_products.swap(0, 2);
        let inspection = Inspection {
            name: "no-critical-vulnerabilities".parse().unwrap(),
            expected_materials: rules(&["MATCH * WITH PRODUCTS FROM scan", "DISALLOW *"]),
            expected_products: rules(&["MATCH * WITH PRODUCTS FROM scan", "DISALLOW *"]),
            run: vec!["scan-gate".to_owned(), "scan.json".to_owned()],
            extra: Object::new(),
        };
        let layout = layout(steps, vec![inspection], &[&alice(), &builder(), &scanner()]);
        let report = [image_digest_file(), file("scan.json", "[]")];
        let evidence = vec![
            evidence(&alice(), &link("checkout", &[], &sources())),
            evidence(&builder(), &built(&sources())),
            evidence(&scanner(), &link("scan", &[image_digest_file()], &report)),
        ];
        Self {
            layout,
            layout_signer: owner(),
            evidence,
            outcome: Some(inspected(&report, Ending::Exited(0), "")),
            subject: None,
            options: Options::default(),
            budget: Budget::default(),
            now: "2026-11-23T00:00:00Z".parse().unwrap(),
        }
    }

    /// Takes a copy of a world's step out, to be changed.
    pub(crate) fn step_mut(&mut self, name: &str) -> &mut Step {
        self.layout.steps.iter_mut().find(|step| step.name.as_str() == name).unwrap()
    }

    /// Puts other evidence in the place of a step's.
    pub(crate) fn replace(&mut self, name: &str, with: Vec<Evidence>) {
        self.evidence.retain(|piece| piece.step.as_str() != name);
        self.evidence.extend(with);
    }

    pub(crate) fn subject(mut self, hex: &str) -> Self {
        let digest = Digest::from_hex(DigestAlgorithm::Sha256, hex).unwrap();
        let name = "registry.example/shop-api:1.4".to_owned();
        self.subject = Some(Subject { name, digest, others: Vec::new() });
        self
    }

    /// Verifies the chain as the program does, and reports.
    pub(crate) fn report(&self) -> Report {
        let facts = Facts {
            layout: "shop/root.layout".to_owned(),
            now: self.now,
            tool_version: "0.1.0".to_owned(),
            subject: self.subject.clone(),
        };
        let limits = Limits::default();
        let bytes = signed(&self.layout, &self.layout_signer);
        let envelope = Envelope::parse(&bytes, &limits).unwrap();
        let owners = KeySet::<Owner>::new([owner().public().clone()]);
        let mut signatures = SignatureBudget::default();
        let threshold = owners.every_key().unwrap();
        let authentic =
            match authenticate::<Layout, _>(envelope, &owners, threshold, &limits, &mut signatures)
            {
                Ok(authentic) => authentic,
                Err(error) => {
                    return Report::rejected(&Rejection::of_layout(layout_finding(&error)), facts);
                }
            };
        let in_force = match InForce::at(&authentic, self.now) {
            Ok(in_force) => in_force,
            Err(finding) => return Report::rejected(&Rejection::of_layout(*finding), facts),
        };
        let (options, budget) = (self.options.clone(), self.budget.clone());
        let mut session = Session::open(in_force, self.now, options, limits, budget);
        self.submit(&mut session);
        let waiting = match session.evaluate() {
            Ok(waiting) => waiting,
            Err(rejection) => return Report::rejected(&rejection, facts),
        };
        let requests = waiting.requests();
        let outcomes = requests.into_iter().filter_map(|it| Some((it, self.outcome.clone()?)));
        match waiting.conclude(outcomes.collect()) {
            Ok(chain) => Report::verified(&chain, facts),
            Err(rejection) => Report::rejected(&rejection, facts),
        }
    }

    fn submit(&self, session: &mut Session) {
        loop {
            let requests = session.requests();
            if requests.is_empty() {
                return;
            }
            for request in requests {
                let folder = request.folders.last().and_then(|names| names.first());
                for piece in self.evidence.iter().filter(|piece| {
                    piece.folder.as_ref() == folder && request.steps.contains(&piece.step)
                }) {
                    let name = piece.source.rsplit('/').next().unwrap();
                    let submission = Submission {
                        step: &piece.step,
                        source: &piece.source,
                        stem: name.strip_suffix(".link").unwrap_or(name),
                        bytes: &piece.bytes,
                    };
                    session.submit(request.chain, submission);
                }
            }
        }
    }
}
