//! The embedded assembler: packs a folder into an OCI image layout without any other program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use unbroken_crypto::hash::sha256_hex;

/// Packs the files of `source` into an image below `image`, and writes the image's manifest digest
/// to `digest_file`. The same files give the same image, byte for byte.
pub(super) fn assemble(source: &Path, image: &Path, digest_file: &Path) -> io::Result<()> {
    let blobs = image.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let layer = layer(source)?;
    let layer_digest = blob(&blobs, &layer)?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Entrypoint": ["/app/app.py"] },
        "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
        "history": [{ "created_by": "unbroken demo" }],
    })
    .to_string();
    let config_digest = blob(&blobs, config.as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest,
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": layer_digest,
            "size": layer.len(),
        }],
    })
    .to_string();
    let manifest_digest = blob(&blobs, manifest.as_bytes())?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": manifest_digest,
            "size": manifest.len(),
            "annotations": { "org.opencontainers.image.ref.name": "app:1.0" },
        }],
    });
    fs::write(image.join("index.json"), index.to_string())?;
    fs::write(image.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;
    fs::write(digest_file, format!("{manifest_digest}\n"))
}

/// Writes a blob under its digest and returns the digest.
fn blob(blobs: &Path, bytes: &[u8]) -> io::Result<String> {
    let hex = sha256_hex(bytes);
    fs::write(blobs.join(&hex), bytes)?;
    Ok(format!("sha256:{hex}"))
}

/// Packs the files below a folder, in order, without owners and times.
fn layer(source: &Path) -> io::Result<Vec<u8>> {
    let mut files = Vec::new();
    collect(source, &mut files)?;
    files.sort();
    let mut layer = tar::Builder::new(Vec::new());
    layer.mode(tar::HeaderMode::Deterministic);
    for file in files {
        let relative = file.strip_prefix(source).map_err(io::Error::other)?;
        let mut header = tar::Header::new_gnu();
        let bytes = fs::read(&file)?;
        header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        header.set_mode(0o755);
        header.set_mtime(0);
        layer.append_data(&mut header, Path::new("app").join(relative), bytes.as_slice())?;
    }
    layer.into_inner()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_image() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("src");
        fs::create_dir_all(source.join("lib")).unwrap();
        fs::write(source.join("app.py"), "print(1)\n").unwrap();
        fs::write(source.join("lib/a.py"), "").unwrap();
        let digest = |name: &str| {
            let (image, file) =
                (folder.path().join(name), folder.path().join(format!("{name}.txt")));
            assemble(&source, &image, &file).unwrap();
            let digest = fs::read_to_string(file).unwrap();
            let hex = digest.trim().strip_prefix("sha256:").unwrap().to_owned();
            let manifest = fs::read(image.join("blobs/sha256").join(&hex)).unwrap();
            assert_eq!(sha256_hex(&manifest), hex);
            digest
        };
        let first = digest("one");
        assert_eq!(first, digest("two"));
        fs::write(source.join("app.py"), "print(2)\n").unwrap();
        assert_ne!(first, digest("three"));
    }
}
