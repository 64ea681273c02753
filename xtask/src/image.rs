//! `cargo xtask image`: the image of the admission controller, made from what is committed, with a chain of its own.
//!
//! The steps are recorded by `unbroken` itself, and the image that comes out is verified before it is called made.

mod bill;
mod pack;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::components::install_musl;
use crate::process::{Failure, announce, output};
use crate::workspace::Workspace;

/// The static program needs nothing of an image: no libraries, no shell.
const TARGET: &str = "x86_64-unknown-linux-musl";
const PROGRAM: &str = "unbroken-webhook";

/// What is asked for beyond the image itself.
#[derive(Default)]
struct Wanted<'a> {
    folder: Option<&'a str>,
    program: Option<&'a str>,
    push: Option<&'a str>,
    twice: bool,
}

impl<'a> Wanted<'a> {
    fn parse(words: &[&'a str]) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        let mut rest = words;
        loop {
            rest = match rest {
                [] => return Ok(wanted),
                ["--twice", rest @ ..] => {
                    wanted.twice = true;
                    rest
                }
                ["--program", program, rest @ ..] => {
                    wanted.program = Some(program);
                    rest
                }
                ["--push", place, rest @ ..] => {
                    wanted.push = Some(place);
                    rest
                }
                [folder, rest @ ..] if !folder.starts_with('-') && wanted.folder.is_none() => {
                    wanted.folder = Some(folder);
                    rest
                }
                [word, ..] => return Err(format!("image does not take {word:?} here").into()),
            }
        }
    }
}

/// Builds the image into a folder; tells whether its chain verifies and, if it is built twice, whether both are the same.
pub(crate) fn run(words: &[&str]) -> Result<bool, Failure> {
    let wanted = Wanted::parse(words)?;
    let workspace = Workspace::load()?;
    let unbroken = if wanted.program.is_some() {
        env::current_exe()?.with_file_name("unbroken")
    } else {
        install_musl(TARGET)?;
        announce("unbroken");
        output(workspace.cargo().args(["build", "--locked", "--package", "unbroken-cli"]))?;
        workspace.target.join("debug/unbroken")
    };
    let folder = wanted.folder.map_or_else(|| workspace.target.join("image"), PathBuf::from);
    let place = |folder: &Path| fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
    let mut pipeline = Pipeline {
        unbroken: unbroken
            .canonicalize()
            .map_err(|error| format!("{}: {error}", unbroken.display()))?,
        program: wanted.program.map(Path::new).map(Path::canonicalize).transpose()?,
        folder: place(&folder)?,
        target: workspace.target.clone(),
        root: workspace.root,
    };
    let digest = pipeline.whole()?;
    if let Some(place) = wanted.push {
        pipeline.push(place, &digest)?;
    }
    let shown = pipeline.folder.display();
    eprintln!("    {shown}/image is the image, with its evidence: {digest}");
    if wanted.push.is_none() {
        eprintln!(
            "    unbroken image copy oci:{shown}/image:{PROGRAM} registry.example/{PROGRAM}:TAG"
        );
        eprintln!("    helm ... --set image=registry.example/{PROGRAM}@{digest}");
    }
    if !wanted.twice {
        return Ok(true);
    }
    // Elsewhere, and with nothing that was built before.
    pipeline.folder = place(&pipeline.folder.join("again"))?;
    pipeline.target = pipeline.folder.join("target");
    let again = pipeline.whole()?;
    eprintln!("    built again: {again}");
    fs::remove_dir_all(&pipeline.folder)?;
    Ok(digest == again)
}

/// Packs a program into an image and writes the bill of materials of its source.
pub(crate) fn assemble(
    program: &str,
    source: &str,
    image: &str,
    bill: &str,
) -> Result<bool, Failure> {
    pack::write(Path::new(image), PROGRAM, &fs::read(program)?)?;
    fs::write(bill, bill::of(Path::new(source), PROGRAM, TARGET)?.to_string())?;
    Ok(true)
}

fn is_link(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "link")
}

struct Pipeline {
    unbroken: PathBuf,
    /// The program, where it is built already.
    program: Option<PathBuf>,
    folder: PathBuf,
    /// Where cargo builds.
    target: PathBuf,
    /// The repository.
    root: PathBuf,
}

impl Pipeline {
    /// Makes the image with its evidence, verifies it, and returns its digest.
    fn whole(&self) -> Result<String, Failure> {
        self.keys_and_layout()?;
        self.steps()?;
        self.verify()?;
        Ok(self.unbroken(&["image", "digest", &image()])?.trim().to_owned())
    }

    fn unbroken(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(&self.unbroken);
        // Where it is built is nothing of the program: without this its messages of panics would say it.
        let cargo = env::var_os("CARGO_HOME").map_or_else(
            || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"),
            PathBuf::from,
        );
        let source = self.folder.join("source");
        let flags = [(&source, "/source"), (&self.target, "/target"), (&cargo, "/cargo")];
        let flags = flags.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        command.current_dir(&self.folder).args(arguments);
        Ok(String::from_utf8(output(&mut command)?.stdout)?)
    }

    /// Keys stay as they are where they are; the layout is written anew.
    fn keys_and_layout(&self) -> Result<(), Failure> {
        for name in ["owner", "builder"] {
            let key = format!("keys/{name}");
            if !self.folder.join(&key).exists() {
                fs::create_dir_all(self.folder.join("keys"))?;
                self.unbroken(&["key", "generate", &key])?;
            }
        }
        let show = |format| self.unbroken(&["key", "show", "keys/builder.pub", "--format", format]);
        let (key, id) = (show("layout")?, show("id")?);
        let step = |name: &str, materials: &str, products: &str| {
            format!(
                r#"{{"_type": "step", "name": "{name}", "threshold": 1, "pubkeys": ["{}"],
  "expected_command": [], "expected_materials": [{materials}["DISALLOW", "*"]],
  "expected_products": [{products}["DISALLOW", "*"]]}}"#,
                id.trim()
            )
        };
        let steps = [
            step("checkout", "", r#"["CREATE", "dir:source"], "#),
            step(
                "build",
                r#"["MATCH", "dir:source", "WITH", "PRODUCTS", "FROM", "checkout"], "#,
                &format!(r#"["CREATE", "{PROGRAM}"], "#),
            ),
            step(
                "image",
                &format!(
                    r#"["MATCH", "{PROGRAM}", "WITH", "PRODUCTS", "FROM", "build"],
  ["MATCH", "dir:source", "WITH", "PRODUCTS", "FROM", "checkout"], "#
                ),
                r#"["CREATE", "oci:*"], ["CREATE", "oci-config:*"], ["CREATE", "sbom.json"], "#,
            ),
        ];
        let text = format!(
            r#"{{"signatures": [], "signed": {{"_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "",
 "inspect": [], "keys": {{{key}}}, "steps": [{}]}}}}"#,
            steps.join(",\n")
        );
        fs::write(self.folder.join("root.layout"), text)?;
        self.unbroken(&["sign", "root.layout", "--key", "keys/owner"]).map(drop)
    }

    fn steps(&self) -> Result<(), Failure> {
        for stale in ["source", "image"] {
            let place = self.folder.join(stale);
            if place.exists() {
                fs::remove_dir_all(place)?;
            }
        }
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if is_link(&path) {
                fs::remove_file(path)?;
            }
        }
        let root = self.root.display().to_string();
        announce("checkout");
        // All files are of now: cargo would take one that is older than its last build for built.
        let checkout = r#"mkdir source && git -C "$0" archive HEAD | tar -x -m -C source"#;
        self.step("checkout", &["--products", "dir:source"], &["sh", "-c", checkout, &root])?;
        announce("build");
        let build = match &self.program {
            None => format!(
                "cd source && CC_x86_64_unknown_linux_musl=musl-gcc CARGO_TARGET_DIR=\"$0\" \
                 cargo build --locked --release --target {TARGET} --package {PROGRAM} && \
                 cp \"$0/{TARGET}/release/{PROGRAM}\" .."
            ),
            Some(_) => format!("cp \"$0\" {PROGRAM}"),
        };
        let from = self.program.as_ref().unwrap_or(&self.target).display().to_string();
        self.step(
            "build",
            &["--materials", "dir:source", "--products", PROGRAM],
            &["sh", "-c", &build, &from],
        )?;
        announce("image");
        let this = env::current_exe()?.display().to_string();
        let product = format!("{PROGRAM}={}", image());
        let of_image = [
            "--materials",
            PROGRAM,
            "dir:source",
            "--image-product",
            &product,
            "--products",
            "sbom.json",
        ];
        self.step("image", &of_image, &[&this, "assemble", PROGRAM, "source", "image", "sbom.json"])
    }

    fn step(&self, name: &str, artifacts: &[&str], command: &[&str]) -> Result<(), Failure> {
        let head = ["run", name, "--key", "keys/builder", "--bind", "root.layout"];
        self.unbroken(&[&head, artifacts, &["--"], command].concat()).map(drop)
    }

    fn verify(&self) -> Result<(), Failure> {
        announce("evidence beside the image, and its verification");
        let mut pieces = vec!["sbom.json".to_owned()];
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| is_link(&path)) {
                pieces.push(name.to_string_lossy().into_owned());
            }
        }
        let image = image();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        self.unbroken(&[&["image", "attach", &image], pieces.as_slice()].concat())?;
        let verify = ["verify", &image, "--layout", "root.layout", "--trust", "keys/owner.pub"];
        eprint!("{}", self.unbroken(&verify)?);
        Ok(())
    }

    /// Sends the image with its evidence, and writes the values of the chart that name it.
    fn push(&self, place: &str, digest: &str) -> Result<(), Failure> {
        announce(&format!("to {place}"));
        self.unbroken(&["image", "copy", &image(), place])?;
        // A colon behind the last slash is that of the tag: before it, that of a port.
        let name = place.rfind('/').map_or(place, |slash| {
            let colon = place.get(slash..).and_then(|rest| rest.find(':'));
            colon.and_then(|colon| place.get(..slash + colon)).unwrap_or(place)
        });
        let values = self.folder.join("values.yaml");
        fs::write(&values, format!("image: {name}@{digest}\n"))?;
        eprintln!("    helm ... --values {}", values.display());
        Ok(())
    }
}

fn image() -> String {
    format!("oci:image:{PROGRAM}")
}
