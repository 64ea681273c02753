//! Images in a registry on this machine: one is verified by its name, and a large one is copied, beside skopeo.

use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Failure, announce, find, output};

use super::Sizes;
use super::chain::Chain;
use super::measure::{mebibytes, median, median_of, once, peak_memory, quotient, seconds};
use super::table::Row;
use super::tools::Tools;

const VERIFY_TARGET: Duration = Duration::from_millis(60);
const MOST_REQUESTS: usize = 8;
/// Of the rate of skopeo.
const RATE_TARGET: f64 = 0.8;
const MEMORY_TARGET: u64 = 64 << 20;
/// Layers of the image that is copied: both programs move several at once.
const LAYERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(30);

/// A chain of three steps whose links lie beside the image: attached, and verified by its name, cold.
pub(super) fn by_name(tools: &Tools, folder: &Path, sizes: &Sizes) -> Result<Vec<Row>, Failure> {
    announce("verify an image by its name");
    let (folder, skopeo) = (folder.join("by-name"), program("skopeo")?);
    let registry = Registry::start(&folder.join("registry"))?;
    let image = Layout::make(&folder.join("image"), 1)?;
    let name = registry.app();
    output(&mut tools.image_copy(&image.place(), &name))?;
    let product = sha256(&write(&folder.join("digest.txt"), image.digest.as_bytes())?)?;
    let more = format!(r#","src/image-digest.txt":{{"sha256":"{product}"}}"#);
    fs::create_dir_all(folder.join("chain"))?;
    let chain = Chain::make_with(tools, &folder.join("chain"), 10, &more)?;
    let mut attaching = 0;
    for link in fs::read_dir(&chain.links)? {
        let before = registry.requests()?;
        output(&mut tools.image_attach(&name, &link?.path()))?;
        attaching = attaching.max(registry.requests()? - before);
    }
    let verify = || tools.verify_image(&name, &chain.layout, &chain.trust, &chain.product);
    let before = registry.requests()?;
    output(&mut verify())?;
    let verifying = registry.requests()? - before;
    let runs = sizes.start_up_runs / 8 + 1;
    let ours = median(runs, || Ok(verify()))?;
    let peer = median(runs, || {
        let mut command = Command::new(&skopeo);
        command.args(["inspect", "--raw", "--tls-verify=false"]).arg(format!("docker://{name}"));
        Ok(command)
    })?;
    let requests = |what: &str, count: usize| Row {
        what: what.to_owned(),
        target: format!("<= {MOST_REQUESTS} requests"),
        measured: format!("{count} requests"),
        peer: String::new(),
        ratio: String::new(),
        reached: count <= MOST_REQUESTS,
    };
    Ok(vec![
        Row {
            what: "verify 3 steps by the name of the image, cold".to_owned(),
            target: format!("<= {}", seconds(VERIFY_TARGET)),
            measured: seconds(ours),
            peer: format!("skopeo, the manifest alone: {}", seconds(peer)),
            ratio: format!("{:.1} x faster", quotient(peer, ours)),
            reached: ours <= VERIFY_TARGET,
        },
        requests("the same: requests", verifying),
        requests("attach a link to an image: requests", attaching),
    ])
}

/// A large image goes from an image layout to a registry, each time a new one: a registry that has
/// the layers is not sent them.
pub(super) fn copy(tools: &Tools, folder: &Path, sizes: &Sizes) -> Result<Vec<Row>, Failure> {
    let size = sizes.image_mebibytes;
    announce(&format!("copy an image of {size} MiB to a registry"));
    let (folder, skopeo) = (folder.join("copy"), program("skopeo")?);
    let image = Layout::make(&folder.join("image"), size)?;
    let ours = |name: &str| tools.image_copy(&image.place(), name);
    let theirs = |name: &str| {
        let mut command = Command::new(&skopeo);
        command.args(["--insecure-policy", "copy", "--dest-tls-verify=false"]);
        command.args(["--preserve-digests", &image.place(), &format!("docker://{name}")]);
        command
    };
    let new_registry = || Registry::start(&folder.join("registry"));
    let (mut times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..sizes.repeats {
        let registry = new_registry()?;
        times.push(once(ours(&registry.app()))?);
        drop(registry);
        let registry = new_registry()?;
        peer_times.push(once(theirs(&registry.app()))?);
    }
    let registry = new_registry()?;
    let memory = peak_memory(ours(&registry.app()))?;
    let (time, peer) = (median_of(times)?, median_of(peer_times)?);
    let ratio = quotient(peer, time);
    Ok(vec![
        Row {
            what: format!("copy an image of {size} MiB to a registry: time"),
            target: format!(">= {RATE_TARGET} of skopeo's rate"),
            measured: seconds(time),
            peer: format!("skopeo {}", seconds(peer)),
            ratio: format!("{ratio:.2} of its rate"),
            reached: ratio >= RATE_TARGET,
        },
        Row {
            what: format!("copy an image of {size} MiB to a registry: memory"),
            target: format!("< {}", mebibytes(MEMORY_TARGET)),
            measured: mebibytes(memory),
            peer: String::new(),
            ratio: String::new(),
            reached: memory < MEMORY_TARGET,
        },
    ])
}

fn program(name: &str) -> Result<PathBuf, Failure> {
    find(name).ok_or_else(|| format!("{name} is not here").into())
}

/// Debian's docker-registry with nothing in it; it ends when it is dropped.
struct Registry {
    child: Child,
    host: String,
    log: PathBuf,
}

impl Registry {
    fn start(folder: &Path) -> Result<Self, Failure> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let host = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let store = folder.join("store");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: \"{host}\"}}\n",
            store.display()
        );
        let config = write(&folder.join("config.yml"), config.as_bytes())?;
        let log = folder.join("requests.log");
        let mut command = Command::new(program("docker-registry")?);
        command.arg("serve").arg(config).stdin(Stdio::null());
        command.stdout(File::create(&log)?).stderr(Stdio::null());
        let registry = Self { child: command.spawn()?, host, log };
        let begin = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            if begin.elapsed() > PATIENCE {
                return Err("docker-registry does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    fn app(&self) -> String {
        format!("{}/app:1", self.host)
    }

    /// How many requests came: the registry logs a line for each.
    fn requests(&self) -> Result<usize, Failure> {
        Ok(fs::read_to_string(&self.log)?.lines().filter(|line| line.contains(" /v2/")).count())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An image layout with one image, of bytes that do not shrink.
struct Layout {
    folder: PathBuf,
    digest: String,
}

impl Layout {
    fn make(folder: &Path, mebibytes: usize) -> Result<Self, Failure> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        let layout = Self { folder: folder.to_owned(), digest: String::new() };
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let layer_type = "application/vnd.oci.image.layer.v1.tar";
        let mut layers = Vec::new();
        for _ in 0..LAYERS {
            let part = folder.join("part");
            let mut file = File::create(&part)?;
            for _ in 0..mebibytes.div_ceil(LAYERS) {
                file.write_all(&mebibyte(&mut seed))?;
            }
            layers.push(layout.adopt(&part, layer_type)?);
        }
        let ids: Vec<&str> = layers.iter().map(|(digest, _)| digest.as_str()).collect();
        let layers: Vec<&Value> = layers.iter().map(|(_, layer)| layer).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": ids },
        });
        let config = write(&folder.join("part"), config.to_string().as_bytes())?;
        let (_, config) = layout.adopt(&config, "application/vnd.oci.image.config.v1+json")?;
        let manifest_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers,
        });
        let manifest = write(&folder.join("part"), manifest.to_string().as_bytes())?;
        let (digest, entry) = layout.adopt(&manifest, manifest_type)?;
        let index = json!({ "schemaVersion": 2, "manifests": [entry] });
        write(&folder.join("index.json"), index.to_string().as_bytes())?;
        write(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { digest, ..layout })
    }

    /// Moves a file to where its digest says; returns the digest and the descriptor.
    fn adopt(&self, file: &Path, media_type: &str) -> Result<(String, Value), Failure> {
        let hex = sha256(file)?;
        let digest = format!("sha256:{hex}");
        let size = fs::metadata(file)?.len();
        fs::rename(file, self.folder.join("blobs/sha256").join(&hex))?;
        let described = json!({ "mediaType": media_type, "digest": digest, "size": size });
        Ok((digest, described))
    }

    fn place(&self) -> String {
        format!("oci:{}", self.folder.display())
    }
}

fn mebibyte(seed: &mut u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 << 20);
    while bytes.len() < 1 << 20 {
        // Marsaglia's xorshift.
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes
}

fn sha256(file: &Path) -> Result<String, Failure> {
    let answer = output(Command::new("sha256sum").arg(file))?;
    let text = String::from_utf8(answer.stdout)?;
    Ok(text.split_whitespace().next().ok_or("sha256sum printed nothing")?.to_owned())
}

fn write(file: &Path, bytes: &[u8]) -> Result<PathBuf, Failure> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, bytes)?;
    Ok(file.to_owned())
}
