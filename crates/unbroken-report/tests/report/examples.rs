//! The example on each finding's page is what the program prints: a chain with that one defect is
//! verified, and its report is held against the page.

use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::envelope::Envelope;
use unbroken_model::json::{Object, Value};
use unbroken_model::link::binding::bind;
use unbroken_report::{Facts, Report, Subject, TextStyle, explain};
use unbroken_testkit::certificates::{AltName, CertificateDraft, KEY_ENCIPHERMENT, authority_id};
use unbroken_testkit::timestamps::{self, TokenDraft};
use unbroken_testkit::{Chain, Draft, Signer, keys, link};
use unbroken_verify::{BindingDemands, BindingPolicy, Ending, FindingCode, LayoutPin, Pinning};

const RECIPE: (&str, &str) = ("src/Containerfile", "FROM scratch\nCOPY main /main\n");
const IMAGE: (&str, &str) = ("image.tar", "the layers of an image");

/// Makes the container pipeline have one defect.
fn defect(code: FindingCode, chain: &mut Chain) {
    let builder = keys::id("builder");
    let builder_link = keys::stem("build", "builder");
    let layout = &mut chain.layout;
    match code {
        FindingCode::EnvelopeMalformed => *layout = Draft::raw("{\"steps\": []}"),
        FindingCode::PayloadTypeMismatch => {
            *layout = Draft::of(&link("checkout", &[], &[])).signed_by("owner");
        }
        FindingCode::SignatureThresholdNotMet => {
            layout.unsign();
            *layout = layout.clone().signed_by("mallory");
        }
        FindingCode::LayoutMalformed => layout.set("expires", "2030-01-01"),
        FindingCode::LayoutEmpty => layout.set_json("steps", "[]"),
        FindingCode::LayoutExpired => chain.now = "2030-01-13T09:00:00Z".parse().unwrap(),
        FindingCode::ThresholdBelowOne => layout.set("steps/1/threshold", 0_i64),
        FindingCode::ThresholdAboveKeys => layout.set("steps/2/threshold", 3_i64),
        FindingCode::NameInvalid => layout.set("steps/1/name", "images/build"),
        FindingCode::NameDuplicate => layout.set("steps/2/name", "Build"),
        FindingCode::KeyIdInvalid => layout.set("steps/1/pubkeys/0", "8bf5a50700000000"),
        FindingCode::KeyListedTwice => {
            let key = layout.get(&format!("keys/{builder}")).clone();
            layout.set("keys/aabbccdd00112233", key);
            if builder_key_names_itself(layout) {
                layout.set("keys/aabbccdd00112233/keyid", "aabbccdd00112233");
            }
        }
        FindingCode::KeyUnusable => layout.set(&format!("keys/{builder}/scheme"), "rsassa-md5"),
        FindingCode::PrivateKeyInLayout => {
            layout.set(&format!("keys/{builder}/keyval/private"), "c2VjcmV0");
        }
        FindingCode::RuleMalformed => {
            layout.set_json("steps/0/expected_products/1", "[\"FORBID\", \"*\"]");
        }
        FindingCode::MatchSourceMissing => layout.set_rules(
            "steps/1/expected_materials",
            "MATCH src/* WITH PRODUCTS FROM chekout\nDISALLOW *",
        ),
        FindingCode::ParameterInvalid => {
            layout.set_json("steps/1/expected_command", "[\"make\", \"{tag}\", \"{version}\"]");
            chain.options.parameters.insert("tag".to_owned(), "1.4".to_owned());
        }
        FindingCode::LinkMalformed => chain.put(builder_link, Draft::raw("{\"_type\": \"link\"}")),
        FindingCode::LinkMissing => drop(chain.take(&builder_link)),
        FindingCode::LinkThresholdNotMet => {
            chain.authorise(2, "auditor");
            chain.layout.set("steps/2/threshold", 2_i64);
            chain.put_link("builder", &link("scan", &[IMAGE], &[]));
        }
        FindingCode::LinkNameMismatch => chain.link("scan").set("name", "build"),
        FindingCode::FunctionaryNotAuthorised => {
            let mut scan = chain.take(&keys::stem("scan", "scanner"));
            scan.unsign();
            chain.put(keys::stem("scan", "builder"), scan.signed_by("builder"));
        }
        FindingCode::LinkSignatureInvalid => chain.link("build").tamper("buildah", "docker"),
        FindingCode::LinksDisagree => {
            chain.authorise(1, "second-builder");
            let mut other = chain.link("build").clone();
            other.unsign();
            other.set("products/image.tar/sha256", "9d".repeat(32));
            let stem = keys::stem("build", "second-builder");
            chain.put(stem, other.signed_by("second-builder"));
        }
        FindingCode::PathNotNormal => set_product(chain, "./evil", "sha256", &"ab".repeat(32)),
        FindingCode::DigestInvalid => set_product(chain, "app", "sha256", "9c2e84a6"),
        FindingCode::DigestNotStrong => set_product(chain, "app", "md5", &"0c".repeat(16)),
        FindingCode::CommandDiffers => {
            chain.link("build").set_json("command", "[\"buildah\", \"build\", \"other\"]");
        }
        FindingCode::CommandFailed => {
            chain.link("scan").set_json("byproducts", "{\"return-value\": 1}");
        }
        FindingCode::RuleDisallow => {
            let changed = ("src/main.c", "int main(void) { return backdoor(); }\n");
            let added = ("src/backdoor.c", "int backdoor(void);\n");
            let materials = [changed, RECIPE, added];
            chain.put_link("builder", &link("build", &materials, &[IMAGE]));
        }
        FindingCode::RuleRequire => layout.set_rules(
            "steps/2/expected_products",
            "REQUIRE sbom.json\nCREATE report.json\nDISALLOW *",
        ),
        FindingCode::SublayoutRejected | FindingCode::BudgetExceeded => {
            let mut inner = Chain::compile();
            if code == FindingCode::BudgetExceeded {
                chain.budget.depth = 0;
            } else {
                inner.take(&keys::stem("compile", "compiler"));
            }
            chain.put_sublayout("build", "builder", inner);
        }
        FindingCode::SublayoutCycle => {
            let mut inner = Chain::compile();
            inner.authorise(0, "builder");
            let sublayout = inner.layout.signed_by("builder");
            chain.put(builder_link.clone(), sublayout.clone());
            let below = keys::stem("compile", "builder");
            chain.put(format!("{builder_link}/{below}"), sublayout);
        }
        FindingCode::SublayoutInspectionRefused => {
            let mut inner = Chain::compile();
            let inspections = chain.layout.get("inspect").clone();
            inner.layout.set("inspect", inspections);
            chain.put_sublayout("build", "builder", inner);
        }
        FindingCode::InspectionFailed => {
            let outcome = chain.outcome("no-critical");
            outcome.ending = Ending::Exited(1);
            "report.json: 2 critical vulnerabilities\n".clone_into(&mut outcome.output);
        }
        FindingCode::FunctionaryKeyMissing => {
            chain.authorise(1, "builder-too");
            let ids = ["builder", "builder-too"].map(keys::id).join(" ");
            chain.layout.set("readme", format!("unbroken: all-of {ids}"));
        }
        FindingCode::InspectorNotAuthorised => {
            chain.forget_outcome("no-critical");
            let link = inspected("an image");
            chain.put(keys::stem("no-critical", "builder"), link.signed_by("builder"));
        }
        FindingCode::InspectionLinkRefused => {
            let link = inspected("an earlier image");
            chain.put(keys::stem("no-critical", "owner"), link.signed_by("owner"));
        }
        FindingCode::InspectionNotRun => chain.forget_outcome("no-critical"),
        FindingCode::LayoutReplayed => {
            chain.layout.set("readme", "unbroken: layout-version 6");
            let seen = LayoutPin { version: 7, digest: [7; 32] };
            chain.options.freshness.pin = Pinning::Seen(seen);
        }
        FindingCode::LinkUnbound => {
            bound(chain, BindingDemands::default());
            chain.link("scan").set_json("environment", "{}");
        }
        FindingCode::LinkBoundElsewhere => {
            let nonce = Some("4712".to_owned());
            bound(chain, BindingDemands { nonce, not_before: None });
            chain.link("build").set("environment/bound_nonce", "4711");
        }
        FindingCode::LinkTimeRefused => {
            let not_before = Some("2026-05-31T12:00:00Z".parse().unwrap());
            bound(chain, BindingDemands { nonce: None, not_before });
            chain.link("scan").set("environment/bound_time", "2026-05-02T08:00:00Z");
        }
        FindingCode::SubjectNotCovered => {
            chain.subject = Some(Digest::new(DigestAlgorithm::Sha256, &[0xab; 32]));
        }
        other => certificate_defect(other, chain),
    }
}

/// Makes the build be done with a certificate that has one defect.
fn certificate_defect(code: FindingCode, chain: &mut Chain) {
    let id = "spiffe://example.com/build";
    let root = authority_id("ca");
    let constraint = format!(r#"{{"common_name": "*", "roots": ["{root}"], "uris": ["{id}"]}}"#);
    chain.layout.set_json("steps/1/pubkeys", "[]");
    chain.certify(1, "ca", &constraint);
    let mut certificate = CertificateDraft::of("workload").uri(id);
    let mut issuer = "ca";
    let named = |uri: &str| vec![AltName::Uri(uri.to_owned())];
    match code {
        FindingCode::CertificateAuthorityInvalid => {
            chain.layout.set("steps/1/cert_constraints/0/roots/0", "9f3ab3c1");
        }
        FindingCode::CertificateMalformed => {
            certificate.alternative = named("spiffe://example.com/scan/../build");
        }
        FindingCode::CertificateUsage => certificate.key_usage = Some(KEY_ENCIPHERMENT),
        FindingCode::CertificateExpired => {
            certificate.not_after = "2026-06-01T11:59:59Z".parse().unwrap();
        }
        FindingCode::CertificateUntrusted => issuer = "other-ca",
        FindingCode::CertificateConstraintNotMet => {
            certificate.alternative = named("spiffe://example.org/build");
        }
        FindingCode::TimestampInvalid => {
            chain.options.timestamp_authorities = timestamps::authorities();
            let mut token = TokenDraft::at("20260501123000Z");
            token.stamped = Some(b"another signature".to_vec());
            let signer = Signer::certified("workload", &certificate.pem_by(issuer));
            let mut link = chain.take(&keys::stem("build", "builder"));
            link.unsign();
            return chain.put_certified("build", "workload", link.signed(signer.stamped(token)));
        }
        other => panic!("{other} has no example"),
    }
    chain.sign_certified("build", "workload", &certificate.pem_by(issuer));
}

/// Makes a link of the inspection of a product with this image.
fn inspected(image: &str) -> Draft {
    let product = [("image.tar", image), ("report.json", "{\"critical\": 0}\n")];
    let mut link = link("no-critical", &product, &product);
    link.command = ["grep", "-q", "\"critical\": 0", "report.json"].map(str::to_owned).to_vec();
    Draft::of(&link)
}

/// Binds every link to the layout and the run 4712, and asks for that.
fn bound(chain: &mut Chain, demands: BindingDemands) {
    let bytes = chain.layout.bytes();
    let envelope = Envelope::parse(&bytes, &chain.limits).unwrap();
    let digest = unbroken_crypto::hash::sha256(envelope.signing_input());
    for step in ["checkout", "build", "scan"] {
        let mut environment = Object::new();
        bind(&mut environment, &digest, Some("4712"), chain.now);
        chain.link(step).set("environment", environment);
    }
    chain.options.bindings = BindingPolicy::Require(demands);
}

fn builder_key_names_itself(layout: &Draft) -> bool {
    let key = layout.get(&format!("keys/{}", keys::id("builder")));
    key.as_object().is_some_and(|key| key.get("keyid").is_some())
}

fn set_product(chain: &mut Chain, path: &str, algorithm: &str, value: &str) {
    let text = format!("{{\"{path}\": {{\"{algorithm}\": \"{value}\"}}}}");
    let products = Value::parse(text.as_bytes(), &chain.limits).unwrap().into_owned();
    chain.link("build").set("products", products);
}

fn report(chain: &Chain) -> Report {
    let subject = |digest: Digest| Subject { name: digest.to_string(), digest, others: Vec::new() };
    let facts = Facts {
        layout: "root.layout".to_owned(),
        now: chain.now,
        tool_version: "0.1.0".to_owned(),
        subject: chain.subject.clone().map(subject),
    };
    match chain.case().verify() {
        Ok(verified) => Report::verified(&verified, facts),
        Err(rejection) => Report::rejected(&rejection, facts),
    }
}

/// Takes the part of a text that is about a code.
fn about(text: &str, code: FindingCode) -> Option<&str> {
    let heads = ["error", "warning"].map(|severity| format!("{severity}[{code}]: "));
    text.split("\n\n").find(|part| heads.iter().any(|head| part.starts_with(head.as_str())))
}

fn example(code: FindingCode) -> &'static str {
    let rest = explain::page(code).split_once("```text\n").unwrap().1;
    rest.split_once("\n```").unwrap().0
}

#[test]
fn the_example_of_every_page_is_what_is_printed() {
    let mut wrong = Vec::new();
    for code in FindingCode::all() {
        let mut chain = Chain::pipeline();
        assert!(report(&chain).findings().is_empty());
        defect(code, &mut chain);
        let text = report(&chain).to_text(&TextStyle::default());
        let printed = about(&text, code).unwrap_or_else(|| panic!("{code} is not raised:\n{text}"));
        if printed != example(code) {
            wrong.push(format!("@@ {code}\n{printed}\n"));
        }
    }
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "pages whose example is not what is printed:\n{wrong}@@\n");
}
