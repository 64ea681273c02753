//! Images in the stores of buildah, podman and docker: built and recorded there, pushed, and verified by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use unbroken_testkit::registry::RegistryProcess;
use unbroken_testkit::{Docker, DockerBuilder, containers_storage, skip};

use crate::image::layout;
use crate::site::write;
use crate::tools::{Run, component, unbroken};

/// A builder with a store of images.
enum Store {
    Buildah(PathBuf),
    Podman(PathBuf),
    Docker(Docker, DockerBuilder),
}

impl Store {
    /// The scheme of its places.
    fn scheme(&self) -> &'static str {
        if matches!(self, Self::Docker(..)) { "docker-daemon" } else { "containers-storage" }
    }

    /// Lets a command, or one that it runs, see the store: one of the test's own.
    fn tell(&self, mut command: Command, folder: &Path) -> Command {
        command.current_dir(folder);
        match self {
            Self::Docker(docker, builder) => docker.tell(&mut command, *builder),
            Self::Buildah(_) | Self::Podman(_) => {
                command.env("CONTAINERS_STORAGE_CONF", containers_storage(folder));
            }
        }
        command
    }

    fn run(&self, folder: &Path, words: &[&str]) -> String {
        let program = match self {
            Self::Buildah(program) | Self::Podman(program) => program.as_path(),
            Self::Docker(docker, _) => docker.program(),
        };
        Run::must(self.tell(Command::new(program), folder).args(words)).trim().to_owned()
    }

    /// Builds the image of the folder; returns its id.
    fn build(&self, folder: &Path, image: &str) -> String {
        let how: &[&str] = match self {
            Self::Buildah(_) => &["bud", "--isolation", "chroot"],
            Self::Podman(_) => &["build", "--isolation", "chroot"],
            Self::Docker(..) => &["build"],
        };
        self.run(folder, &[how, &["--quiet", "-t", image, "."]].concat());
        self.run(folder, &["images", "--no-trunc", "--quiet", image])
    }

    /// Writes what `docker save` writes.
    fn save(&self, folder: &Path, image: &str, file: &str) {
        let target = format!("docker-archive:{file}:{image}");
        let words: &[&str] = match self {
            Self::Buildah(_) => &["push", "--quiet", image, &target],
            Self::Podman(_) => {
                &["save", "--quiet", "--format", "docker-archive", "--output", file, image]
            }
            Self::Docker(..) => &["save", "--output", file, image],
        };
        self.run(folder, words);
    }

    fn push(&self, folder: &Path, image: &str) {
        let words: &[&str] = match self {
            Self::Docker(..) => &["push", "--quiet", image],
            _ => &["push", "--quiet", "--tls-verify=false", image],
        };
        self.run(folder, words);
    }
}

/// Builds, records, saves, pushes, and verifies by name; another image of the same name is rejected.
fn from_the_store_to_the_registry(store: &Store, name: &str) {
    let Some(registry) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let registry = RegistryProcess::docker(&registry, None);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    write(&folder.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
    let image = format!("{}/app:1", registry.host());
    let id = store.build(folder, &image);
    assert!(id.starts_with("sha256:"), "{id}");

    Run::must(unbroken(folder).args(["key", "generate", "owner"]));
    layout(folder, &["CREATE oci*", "DISALLOW *"]);
    let place = format!("{}:{image}", store.scheme());
    let mut record = store.tell(unbroken(folder), folder);
    record.args(["run", "build", "--key", "owner", "--materials", "Dockerfile"]);
    Run::must(record.args(["--image-product", &place]));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut links = files.filter(|path| path.extension().is_some_and(|end| end == "link"));
    let link = fs::read_to_string(links.next().unwrap()).unwrap();
    let artifact = format!("oci-config:{}/app", registry.host());
    assert!(link.contains(&artifact) && link.contains(&id["sha256:".len()..]), "{link}");

    // What docker saves of it has the same id.
    store.save(folder, &image, "saved.tar");
    for place in
        [format!("docker-archive:saved.tar:{image}"), "docker-archive:saved.tar".to_owned()]
    {
        let saved = Run::must(unbroken(folder).args(["image", "digest", &place]));
        assert_eq!(saved.trim(), id, "{place}");
    }

    // A push may compress the layers anew, which makes another manifest: the id stays.
    store.push(folder, &image);
    let verify =
        ["verify", &image, "--link-dir", ".", "--layout", "root.layout", "--trust", "owner.pub"];
    Run::must(unbroken(folder).args(verify));

    write(&folder.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /elsewhere\n");
    store.build(folder, &image);
    store.push(folder, &image);
    let run = Run::of(unbroken(folder).args(verify));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("error[subject-not-covered]"), "{run:?}");
}

#[test]
fn an_image_in_the_store_of_buildah_is_verified_where_it_was_pushed_to() {
    let name = "an_image_in_the_store_of_buildah_is_verified_where_it_was_pushed_to";
    let Some(buildah) = component("UNBROKEN_TEST_BUILDAH", name) else { return };
    from_the_store_to_the_registry(&Store::Buildah(buildah), name);
}

#[test]
fn an_image_in_the_store_of_podman_is_verified_where_it_was_pushed_to() {
    let name = "an_image_in_the_store_of_podman_is_verified_where_it_was_pushed_to";
    let Some(podman) = component("UNBROKEN_TEST_PODMAN", name) else { return };
    from_the_store_to_the_registry(&Store::Podman(podman), name);
}

#[test]
fn an_image_in_the_store_of_docker_is_verified_where_it_was_pushed_to() {
    let name = "an_image_in_the_store_of_docker_is_verified_where_it_was_pushed_to";
    for builder in [DockerBuilder::Classic, DockerBuilder::BuildKit] {
        let Some(docker) = Docker::find(name) else { return };
        from_the_store_to_the_registry(&Store::Docker(docker, builder), name);
    }
}

/// Runs the words behind it where there is no buildah: in a namespace with another `/usr/bin`.
const WITHOUT_BUILDAH: &str = r#"
mkdir real others
mount --bind /usr/bin real
cp -rs "$PWD/real/." others
rm others/buildah
mount --bind others /usr/bin
exec "$@"
"#;

#[test]
fn podman_tells_what_buildah_tells_also_of_an_image_without_a_name() {
    let name = "podman_tells_what_buildah_tells_also_of_an_image_without_a_name";
    let Some(podman) = component("UNBROKEN_TEST_PODMAN", name) else { return };
    let Some(_) = component("UNBROKEN_TEST_BUILDAH", name) else { return };
    let namespace = Run::of(Command::new("unshare").args(["--mount", "true"]));
    if namespace.code != 0 {
        return skip(name, "no namespace of mounts can be made");
    }
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    write(&folder.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
    let store = Store::Podman(podman);
    let image = "registry.example/app:1";
    let id = store.build(folder, image);
    let digest = |of: &str| ["image", "digest", "--format", "json", of].map(str::to_owned);
    let both = |place: &str| {
        let by_buildah = Run::must(store.tell(unbroken(folder), folder).args(digest(place)));
        let place_of_two = folder.join("namespace");
        fs::create_dir(&place_of_two).unwrap();
        let mut alone = store.tell(Command::new("unshare"), folder);
        alone.current_dir(&place_of_two).args(["--mount", "sh", "-euc", WITHOUT_BUILDAH, "sh"]);
        let by_podman = Run::must(alone.arg(unbroken(folder).get_program()).args(digest(place)));
        fs::remove_dir_all(place_of_two).unwrap();
        assert_eq!(by_podman, by_buildah);
        by_podman
    };
    let told = both(&format!("containers-storage:{image}"));
    assert!(told.contains(&id) && told.contains("registry.example/app"), "{told}");
    store.run(folder, &["untag", image]);
    let told = both(&format!("containers-storage:{}", &id["sha256:".len()..]));
    assert!(told.contains(&id) && !told.contains("registry.example"), "{told}");
}
