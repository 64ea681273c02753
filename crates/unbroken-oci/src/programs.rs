//! Images in the stores of buildah, podman and docker, which only their programs can read.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use unbroken_model::digest::Digest;
use unbroken_model::json::Value;
use unbroken_model::limits::Limits as JsonLimits;

use crate::descriptor::{array, object, text};
use crate::digest;
use crate::error::{OciError, Result, short};

/// Where the programs are looked for: what `PATH` says may be a build step's choice.
const FOLDERS: [&str; 3] = ["/usr/bin", "/bin", "/usr/local/bin"];
/// The largest answer: docker tells the whole configuration of an image.
const LARGEST: usize = 4 << 20;

/// What a program knows of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    /// The digest of the manifest as it lies in the store; docker's classic store has none.
    /// A store may compress layers anew when it pushes, which gives another manifest.
    pub manifest: Option<Digest>,
    /// The digest of the configuration, the image's id; docker's containerd store tells none.
    pub config: Option<Digest>,
    /// The names of the image.
    pub names: Vec<String>,
}

/// Asks buildah or podman, whichever is there.
///
/// # Errors
/// [`OciError::Program`] when neither is there, or knows no such image.
pub fn containers_storage(name: &str) -> Result<StoredImage> {
    let (program, path, arguments): (_, _, &[&str]) = if let Some(path) = find("buildah") {
        const FORMAT: &str = "{{.FromImageDigest}} {{.FromImageID}} {{.FromImage}}";
        ("buildah", path, &["inspect", "--type", "image", "--format", FORMAT])
    } else if let Some(path) = find("podman") {
        const FORMAT: &str = "{{.Digest}} {{.Id}} {{range .RepoTags}}{{.}} {{end}}";
        ("podman", path, &["image", "inspect", "--format", FORMAT])
    } else {
        return Err(absent("buildah", name, "neither buildah nor podman is installed"));
    };
    let answer = ask(program, path, arguments, name)?;
    let mut words = answer.split_whitespace();
    let manifest = words.next().map(digest::parse).transpose()?;
    let config = words.next().map(|id| digest::parse(&format!("sha256:{id}"))).transpose()?;
    let names = words.map(str::to_owned).collect();
    Ok(StoredImage { manifest, config, names })
}

/// Asks docker.
///
/// # Errors
/// [`OciError::Program`] when it is not there, or knows no such image.
pub fn docker_daemon(name: &str) -> Result<StoredImage> {
    let path = find("docker").ok_or_else(|| absent("docker", name, "it is not installed"))?;
    let answer = ask("docker", path, &["image", "inspect"], name)?;
    docker_answer(&answer)
}

/// Reads what `docker image inspect` prints.
fn docker_answer(answer: &str) -> Result<StoredImage> {
    const PLACE: &str = "the answer of docker";
    let limits = JsonLimits { bytes: LARGEST, ..JsonLimits::default() };
    let value = Value::parse(answer.as_bytes(), &limits)
        .map_err(|error| OciError::malformed(PLACE, error.to_string()))?;
    let image = match value.as_array() {
        Some([image]) => object(image, PLACE)?,
        _ => return Err(OciError::malformed(PLACE, "it is not about one image")),
    };
    let id = text(image, "Id", PLACE)?.map(digest::parse).transpose()?;
    let names = array(image, "RepoTags", PLACE)?.unwrap_or_default();
    let names = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let descriptor = match image.get("Descriptor") {
        None | Some(Value::Null) => None,
        Some(value) => text(object(value, PLACE)?, "digest", PLACE)?.map(digest::parse),
    };
    let manifest = descriptor.transpose()?;
    // In the containerd store the id is the manifest's or the index's digest, not a configuration's.
    let config = id.filter(|_| manifest.is_none());
    Ok(StoredImage { manifest, config, names })
}

fn find(program: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| PathBuf::from(folder).join(program)).find(|path| path.is_file())
}

fn absent(program: &'static str, name: &str, fault: &str) -> OciError {
    OciError::Program { program, name: short(name), fault: fault.to_owned() }
}

fn ask(program: &'static str, path: PathBuf, arguments: &[&str], name: &str) -> Result<String> {
    let fault = |fault: String| OciError::Program { program, name: short(name), fault };
    if name.starts_with('-') {
        // It would pass for an option.
        return Err(fault("a name does not begin with '-'".to_owned()));
    }
    let output = Command::new(path)
        .args(arguments)
        .arg(name)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fault(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(fault(short(said.lines().last().unwrap_or("it failed without a word"))));
    }
    if output.stdout.len() > LARGEST {
        return Err(fault(format!("its answer is larger than {LARGEST} bytes")));
    }
    String::from_utf8(output.stdout).map_err(|_| fault("its answer is no text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_tells_an_id_or_a_manifest() {
        let digest = |text: &str| Some(digest::sha256(text.as_bytes()));
        let id = digest::sha256(b"config");
        let classic = format!(r#"[{{"Id":"{id}","RepoTags":["app:1"],"Size":1}}]"#);
        let image = docker_answer(&classic).unwrap();
        assert_eq!((image.manifest, image.config), (None, digest("config")));
        let manifest = digest::sha256(b"manifest");
        let containerd = format!(
            r#"[{{"Id":"{manifest}","RepoTags":null,"Descriptor":{{"digest":"{manifest}","size":1}}}}]"#
        );
        let image = docker_answer(&containerd).unwrap();
        assert_eq!((image.manifest, image.config), (digest("manifest"), None));
        for answer in ["[]", "{}", "", r#"[{"Id":"sha1:ab"}]"#] {
            assert!(docker_answer(answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_name_is_no_option() {
        assert!(containers_storage("--help").is_err());
    }
}
