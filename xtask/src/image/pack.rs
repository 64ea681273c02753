//! An image of one program: a layer with it and with the authorities of TLS, and nothing else.

use std::fs;
use std::io;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Nobody of the image, and no root of the host.
const USER: &str = "65532:65532";

/// Writes an OCI image layout whose image has the program's name as its tag. The same program
/// gives the same image, byte for byte.
pub(super) fn write(image: &Path, program: &str, bytes: &[u8]) -> io::Result<()> {
    let blobs = image.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let layer = layer(&[
        (program, 0o755, bytes),
        ("etc/ssl/certs/ca-certificates.crt", 0o644, authorities().as_bytes()),
    ])?;
    let layer = blob(&blobs, "application/vnd.oci.image.layer.v1.tar", &layer)?;
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {
            "Entrypoint": [format!("/{program}")], "User": USER, "WorkingDir": "/",
            "Env": ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "ExposedPorts": {"8443/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.get("digest")]},
        "history": [{"created_by": "cargo xtask image"}],
    });
    let config =
        blob(&blobs, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes())?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
    let mut manifest = blob(&blobs, kind, manifest.to_string().as_bytes())?;
    if let Some(members) = manifest.as_object_mut() {
        let name = json!({"org.opencontainers.image.ref.name": program});
        members.insert("annotations".to_owned(), name);
    }
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [manifest]});
    fs::write(image.join("index.json"), index.to_string())?;
    fs::write(image.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())
}

/// Writes a blob under its digest, and returns its descriptor.
fn blob(blobs: &Path, media_type: &str, bytes: &[u8]) -> io::Result<Value> {
    let hex = HEXLOWER.encode(&Sha256::digest(bytes));
    fs::write(blobs.join(&hex), bytes)?;
    Ok(json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()}))
}

/// The authorities that registries are trusted by, of Mozilla's program: of the release in the lock file,
/// so that the machine that builds puts none of its own in.
fn authorities() -> String {
    let mut text = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in certificate.chunks(48) {
            text.push_str(&BASE64.encode(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

/// Packs files in the order that they come in, of nobody and of no time.
fn layer(files: &[(&str, u32, &[u8])]) -> io::Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).map_err(io::Error::other)?);
        header.set_mode(*mode);
        layer.append_data(&mut header, path, *bytes)?;
    }
    layer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn an_image_has_one_program_and_no_root() {
        let folder = std::env::temp_dir().join(format!("unbroken-pack-{}", std::process::id()));
        let [one, two] = ["one", "two"].map(|name| folder.join(name));
        for place in [&one, &two] {
            write(place, "program", b"binary").unwrap();
        }
        assert_eq!(read(&one.join("index.json")), read(&two.join("index.json")));
        let follow = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let path = one.join("blobs").join(digest.replace(':', "/"));
            let bytes = fs::read(&path).unwrap();
            assert_eq!(descriptor["size"], bytes.len());
            bytes
        };
        let index = read(&one.join("index.json"));
        let manifest: Value = serde_json::from_slice(&follow(&index["manifests"][0])).unwrap();
        let config: Value = serde_json::from_slice(&follow(&manifest["config"])).unwrap();
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/program"]));
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        let layer = follow(&manifest["layers"][0]);
        let mut archive = tar::Archive::new(layer.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap())
        });
        let due = [("program", 0o755), ("etc/ssl/certs/ca-certificates.crt", 0o644)];
        assert_eq!(
            entries.collect::<Vec<_>>(),
            due.map(|(path, mode)| (path.to_owned(), mode)).to_vec()
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
