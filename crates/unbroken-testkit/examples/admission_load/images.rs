//! Images with the evidence of the pipeline, and the policies for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::content::Content;
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::manifest::{Fetched, Manifest};
use unbroken_oci::media_type;
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::Client;
use unbroken_testkit::Chain;
use unbroken_testkit::keys::key;

/// Writes the policy, the layout and its key.
pub(crate) fn write_policies(folder: &Path, hosts: &[&str]) {
    let images: Vec<String> = hosts.iter().map(|host| format!("'{host}/acme/**'")).collect();
    let policy = format!(
        "apiVersion: in-toto.io/v1alpha1\nkind: ClusterSupplyChainPolicy\nmetadata: {{name: acme}}\nspec:\n  images: [{}]\n  layout: {{file: root.layout}}\n  owners: [{{file: owner.pub}}]\n",
        images.join(", ")
    );
    let keep = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).expect("the folder is writable");
    };
    keep("policies.yaml", policy.as_bytes());
    keep("root.layout", &pipeline("sha256:00").case().layout);
    keep("owner.pub", key("owner").public().spki_pem().as_bytes());
}

/// The pipeline without its inspection, whose build made the image of this digest.
fn pipeline(digest: &str) -> Chain {
    let mut chain = Chain::pipeline();
    chain.layout.set_json("inspect", "[]");
    let recorded = unbroken_testkit::digest(&format!("{digest}\n"));
    let hex = recorded.iter().next().expect("a digest").hex().to_owned();
    chain.link("build").set("products/image-digest.txt/sha256", hex);
    chain
}

/// Pushes an image and attaches the evidence of the pipeline; returns its name by digest.
pub(crate) fn push(client: &Client, host: &str, number: usize) -> String {
    let name: Reference = format!("{host}/acme/app:{number}").parse().expect("a name");
    let repository = client.repository(name.repository());
    let blob = |media_type: &str, text: &str| {
        let descriptor = Descriptor::of(media_type, text.as_bytes());
        repository.push_blob(&descriptor, &mut text.as_bytes()).expect("the registry takes it");
        (descriptor.digest.to_string(), text.len())
    };
    let (config, size) = blob(media_type::CONFIG, "{\"architecture\":\"amd64\",\"os\":\"linux\"}");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{config}","size":{size}}},"layers":[],"annotations":{{"number":"{number}"}}}}"#,
        media_type::MANIFEST,
        media_type::CONFIG
    );
    let (parsed, _) = Manifest::parse(
        "the manifest",
        manifest.as_bytes(),
        Some(media_type::MANIFEST),
        client.limits(),
    )
    .expect("it is a manifest");
    let descriptor = Descriptor::of(media_type::MANIFEST, manifest.as_bytes());
    let fetched = Fetched { descriptor, bytes: manifest.into_bytes(), manifest: parsed };
    let selector = Selector::Digest(fetched.descriptor.digest.clone());
    repository.push_manifest(&fetched, &selector).expect("the registry takes it");
    let digest = &fetched.descriptor.digest;
    let pieces = pipeline(&digest.to_string()).case().evidence.into_iter();
    let pieces: Vec<Piece> = pieces
        .map(|(stem, bytes)| Piece { title: format!("{stem}.link"), media_type: None, bytes })
        .collect();
    attach(&repository, &fetched.descriptor, &pieces).expect("the registry takes it");
    format!("{}@{digest}", name.repository())
}

/// Pushes as many images, several at a time; returns their names in order.
pub(crate) fn push_all(client: &Client, host: &str, images: usize) -> Vec<String> {
    const AT_ONCE: usize = 4;
    let names = std::thread::scope(|scope| {
        let some = |first: usize| {
            let numbers = (first..images).step_by(AT_ONCE);
            numbers.map(|number| (number, push(client, host, number))).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|first| scope.spawn(move || some(first))).collect();
        threads.into_iter().flat_map(|it| it.join().expect("a thread")).collect::<BTreeMap<_, _>>()
    });
    names.into_values().collect()
}

/// How long the registry takes for a manifest over a connection that is kept, in microseconds.
pub(crate) fn round_trip(host: &str, images: &[String]) -> u128 {
    let agent = ureq::Agent::new_with_defaults();
    let mut times: Vec<u128> = Vec::new();
    for image in images {
        let digest = image.split_once('@').expect("a digest").1;
        let url = format!("http://{host}/v2/acme/app/manifests/{digest}");
        let begin = Instant::now();
        let mut answer =
            agent.get(url).header("accept", media_type::MANIFEST).call().expect("an answer");
        answer.body_mut().read_to_vec().expect("a manifest");
        times.push(begin.elapsed().as_micros());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
