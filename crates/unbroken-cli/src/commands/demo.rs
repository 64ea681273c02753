//! `unbroken demo`: the whole pipeline in one go, and three attacks on it.

mod assemble;
mod builder;
mod pipeline;
mod scanner;
mod source;
pub(crate) mod step;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use unbroken_crypto::KeySet;
use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::limits::Limits;
use unbroken_record::atomic::Overwrite;
use unbroken_verify::{Budget, Options, Session, open_layout};

use self::builder::Builder;
use self::pipeline::{Keys, Workshop, signed_layout};
use crate::commands::verify::inspections::InspectionOptions;
use crate::commands::verify::options::text_style;
use crate::commands::verify::{Verdict, clock, facts, report};
use crate::error::{CliError, Result};
use crate::evidence::hand_in;
use crate::exit::Exit;
use crate::files;
use crate::output::Output;

/// Record, sign and verify a container pipeline, then tamper with it and see it rejected
///
/// Everything happens in one folder on this machine, without a network.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The folder to work in; what an earlier demo left there is replaced
    #[arg(value_name = "DIR", default_value = "unbroken-demo")]
    folder: PathBuf,
    /// Who builds the image
    #[arg(long, value_name = "BUILDER", default_value = "auto")]
    builder: Builder,
}

/// Marks a folder as one that a demo made, which the next demo may replace.
const MARK: &str = ".unbroken-demo";

impl Demo {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let begin = Instant::now();
        let folder = fresh_folder(&self.folder)?;
        let stage = Stage { folder: &folder, keys: Keys::make(&folder.join("keys"))?, output };
        stage.say("keys", "owner, builder, scanner (ed25519)", "keys/");

        let layout = signed_layout(&stage.keys, clock())?;
        files::write(&folder.join("root.layout"), &layout.to_bytes(), 0o644, Overwrite::Replace)?;
        stage.say(
            "layout",
            "3 steps, 1 inspection, closed with DISALLOW *, signed by owner",
            "root.layout",
        );

        let repository = folder.join("repository");
        source::make_repository(&repository)?;
        let workshop = Workshop::open(&folder)?;
        let builder = stage.pipeline(&workshop, &repository, self.builder)?;

        let verdict = stage.verify(&folder)?;
        output.data("\n");
        stage.show(&verdict);
        let Ok(chain) = &verdict else {
            return Err(CliError::undecided("the untouched chain was rejected"));
        };
        stage.admission(chain)?;

        let caught = [
            stage.changed_source(&repository, builder)?,
            stage.forged_link()?,
            stage.critical_vulnerability(&repository, builder)?,
        ];
        stage.clean_up(builder);
        let seconds = begin.elapsed().as_secs_f32();
        output.data(&self.farewell(seconds));
        if caught.iter().all(|caught| *caught) {
            return Ok(Exit::Success);
        }
        Err(CliError::undecided("an attack was not caught"))
    }

    fn farewell(&self, seconds: f32) -> String {
        let folder = self.folder.display();
        format!(
            "\nA pipeline verified, three attacks rejected, in {seconds:.1} s. Go on with:\n\
             \x20 cd {folder}\n\
             \x20 unbroken verify --layout root.layout --trust keys/owner.pub --link-dir links --product product\n\
             \x20 unbroken inspect links/build.*.link\n\
             \x20 unbroken explain rule-disallow\n\
             \x20 unbroken verify --layout root.layout --trust keys/owner.pub --link-dir links \\\n\
             \x20   --product product --format json\n"
        )
    }
}

/// The place of the demo and who acts in it.
struct Stage<'a> {
    folder: &'a Path,
    keys: Keys,
    output: &'a Output,
}

impl Stage<'_> {
    /// Tells one thing that was done.
    fn say(&self, what: &str, how: &str, place: &str) {
        let style = anstyle::AnsiColor::Green.on_default();
        self.output.data(&format!("{style}✓{style:#} {what:<9} {how:<66} {place}\n"));
    }

    /// Runs the three steps; a builder that fails where it was chosen for us is replaced.
    fn pipeline(&self, workshop: &Workshop, repository: &Path, wish: Builder) -> Result<Builder> {
        workshop.checkout(repository, &self.keys)?;
        self.say("checkout", "git clone, recorded and signed by builder", "product/src/");
        let mut builder = wish.choose();
        if let Err(error) = workshop.build(builder, &self.keys) {
            if wish != Builder::Auto || builder == Builder::Embedded {
                return Err(error);
            }
            self.output.warning(&format!("{} does not work here: {error}", builder.name()));
            builder = Builder::Embedded;
            workshop.build(builder, &self.keys)?;
        }
        let how = format!("image app:1.0 by {}, recorded and signed by builder", builder.name());
        self.say("build", &how, "product/image-digest.txt");
        let link = workshop.scan(false, &self.keys)?;
        let scanner =
            link.byproducts.get("stdout").and_then(|text| text.as_str()).unwrap_or_default();
        let how = format!("SBOM and scan report ({}), signed by scanner", scanner.trim());
        self.say("scan", &how, "product/scan/");
        Ok(builder)
    }

    /// Verifies what lies in a folder of the demo's form.
    fn verify(&self, folder: &Path) -> Result<Verdict> {
        let now = clock();
        let bytes = files::read(&self.folder.join("root.layout"))?;
        let owners = KeySet::new([self.keys.owner.public().clone()]);
        let in_force = match open_layout(&bytes, &owners, now) {
            Ok(in_force) => in_force,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let mut session =
            Session::open(in_force, now, Options::default(), Limits::default(), Budget::default());
        hand_in(&mut session, Some(&folder.join("links")), &[])?;
        Ok(match session.evaluate() {
            Err(rejection) => Err(rejection),
            Ok(waiting) => {
                let inspections = InspectionOptions::of_product(folder.join("product"));
                let outcomes = inspections.run(waiting.requests())?;
                waiting.conclude(outcomes)
            }
        })
    }

    fn show(&self, verdict: &Verdict) {
        let report = report(verdict, facts(Path::new("root.layout"), clock()));
        self.output.data(&report.to_text(&text_style(self.output)));
    }

    /// Answers as a cluster would: the image of the chain may run, another may not.
    fn admission(&self, chain: &unbroken_verify::VerifiedSupplyChain) -> Result<()> {
        let text = files::read(&self.folder.join("product/image-digest.txt"))?;
        let text = String::from_utf8_lossy(&text);
        let hex = text.trim().trim_start_matches("sha256:").to_owned();
        let built = Digest::from_hex(DigestAlgorithm::Sha256, &hex).map_err(|error| {
            CliError::undecided("image-digest.txt holds no digest").because(error)
        })?;
        let other =
            Digest::new(DigestAlgorithm::Sha256, &unbroken_crypto::hash::sha256(b"another image"));
        let answer = |image: &Digest| match chain.admits(image) {
            Ok(_) => "admitted: the chain made it",
            Err(_) => "denied: the chain did not make it",
        };
        self.output.data(&format!(
            "\nadmission  the built image  sha256:{}…  {}\n           another image    sha256:{}…  {}\n",
            built.short(),
            answer(&built),
            other.short(),
            answer(&other)
        ));
        Ok(())
    }

    /// Somebody changes a source file on the build machine between checkout and build.
    fn changed_source(&self, repository: &Path, builder: Builder) -> Result<bool> {
        self.attack("1", "a source file is changed between checkout and build", |folder| {
            let workshop = Workshop::open(folder)?;
            workshop.checkout(repository, &self.keys)?;
            append(&workshop.product.join("src/app.py"), "import backdoor\n")?;
            workshop.build(builder, &self.keys)?;
            workshop.scan(false, &self.keys).map(drop)
        })
    }

    /// Somebody without the builder's key rewrites the link of the build.
    fn forged_link(&self) -> Result<bool> {
        self.attack("2", "the link of the build is forged", |folder| {
            copy(&self.folder.join("links"), &folder.join("links"))?;
            copy(&self.folder.join("product"), &folder.join("product"))?;
            let id = self.keys.builder.public().key_id(unbroken_crypto::KeyIdStyle::default());
            let file = folder.join(format!("links/build.{}.link", id.get(..8).unwrap_or(&id)));
            let link = String::from_utf8_lossy(&files::read(&file)?).into_owned();
            let forged = link.replacen("\"return-value\": 0", "\"return-value\": 1", 1);
            files::write(&file, forged.as_bytes(), 0o644, Overwrite::Replace)
        })
    }

    /// The scanner finds a critical vulnerability, and says so honestly.
    fn critical_vulnerability(&self, repository: &Path, builder: Builder) -> Result<bool> {
        self.attack("3", "the scan reports a critical vulnerability", |folder| {
            let workshop = Workshop::open(folder)?;
            workshop.checkout(repository, &self.keys)?;
            workshop.build(builder, &self.keys)?;
            workshop.scan(true, &self.keys).map(drop)
        })
    }

    /// Takes the images of the demo out of the builder's own store.
    fn clean_up(&self, builder: Builder) {
        let places = ["product", "attacks/1/product", "attacks/3/product"];
        let files = places.map(|place| self.folder.join(place).join("image-digest.txt"));
        for file in files {
            if let Ok(id) = fs::read_to_string(file) {
                builder.remove(id.trim());
            }
        }
    }

    /// Plays an attack in a folder of its own, and tells whether it was caught.
    fn attack(
        &self,
        number: &str,
        what: &str,
        play: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<bool> {
        let style = anstyle::AnsiColor::Yellow.on_default().bold();
        self.output.data(&format!("\n{style}attack {number}{style:#}: {what}\n"));
        let folder = self.folder.join("attacks").join(number);
        play(&folder)?;
        let verdict = self.verify(&folder)?;
        self.show(&verdict);
        Ok(verdict.is_err())
    }
}

/// Makes an empty folder, replacing only what an earlier demo left.
fn fresh_folder(folder: &Path) -> Result<PathBuf> {
    let failed = |error| {
        CliError::undecided(format!("cannot make the folder {}", folder.display())).because(error)
    };
    if folder.join(MARK).exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    } else if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("the folder {} holds something that no demo made", folder.display());
        return Err(CliError::usage(message).remedy("name an empty folder: unbroken demo DIR"));
    }
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(folder.join(MARK), "").map_err(failed)?;
    folder.canonicalize().map_err(failed)
}

fn append(file: &Path, text: &str) -> Result<()> {
    let mut bytes = files::read(file)?;
    bytes.extend_from_slice(text.as_bytes());
    files::write(file, &bytes, 0o755, Overwrite::Replace)
}

/// Copies a folder of plain files.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed =
        |error| CliError::undecided(format!("cannot copy {}", from.display())).because(error);
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(failed)?;
        }
    }
    Ok(())
}
