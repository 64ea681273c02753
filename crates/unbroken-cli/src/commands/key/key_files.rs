//! The two files of a key pair: NAME and NAME.pub.

use std::path::PathBuf;

use unbroken_crypto::{KeyError, KeyIdStyle, Passphrase, SigningKey};
use unbroken_record::atomic::Overwrite;

use crate::error::{CliError, Result};
use crate::files;
use crate::output::Output;

/// Where a key pair is written to.
pub(super) struct KeyFiles {
    private: PathBuf,
    public: PathBuf,
    overwrite: Overwrite,
}

impl KeyFiles {
    /// Checks that both files may be written, and makes their folder.
    pub(super) fn prepare(private: PathBuf, force: bool) -> Result<Self> {
        let mut file = private
            .file_name()
            .ok_or_else(|| CliError::usage(format!("{} names no file", private.display())))?
            .to_owned();
        file.push(".pub");
        let public = private.with_file_name(file);
        if !force && let Some(there) = [&private, &public].into_iter().find(|path| path.exists()) {
            return Err(CliError::usage(format!("{} is there already", there.display()))
                .remedy("choose another name, or use --force to replace it"));
        }
        // The rename that replaces a file would put a key where /dev/null was.
        let is_special =
            |path: &&PathBuf| path.metadata().is_ok_and(|metadata| !metadata.is_file());
        if let Some(special) = [&private, &public].into_iter().find(is_special) {
            return Err(CliError::usage(format!("{} is no file", special.display())));
        }
        if let Some(folder) = private.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                CliError::undecided(format!("cannot make the folder {}", folder.display()))
                    .because(error)
            })?;
        }
        let overwrite = if force { Overwrite::Replace } else { Overwrite::Refuse };
        Ok(Self { private, public, overwrite })
    }

    /// Writes both halves of a key, and says so.
    pub(super) fn write(
        &self,
        key: &SigningKey,
        passphrase: Option<&Passphrase>,
        output: &Output,
    ) -> Result<()> {
        let private = key.to_pkcs8_pem(passphrase).map_err(|error| match error {
            KeyError::PassphraseEmpty => CliError::usage("cannot make a key").because(error),
            error => CliError::undecided("cannot make a key").because(error),
        })?;
        self.write_private(private.as_bytes())?;
        files::write(&self.public, key.public().spki_pem().as_bytes(), 0o644, self.overwrite)?;
        output.talk(&format!(
            "{} (private{}) and {} (public)\nkey id {}",
            self.private.display(),
            if passphrase.is_some() { ", encrypted" } else { ", not encrypted" },
            self.public.display(),
            key.public().key_id(KeyIdStyle::default())
        ));
        Ok(())
    }

    /// Writes the private half, after the public half of the key that it replaces is gone: whoever ends
    /// the program in between leaves no public half that is another key's.
    fn write_private(&self, private: &[u8]) -> Result<()> {
        if self.overwrite == Overwrite::Replace {
            match std::fs::remove_file(&self.public) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let message = format!("cannot replace {}", self.public.display());
                    return Err(CliError::undecided(message).because(error));
                }
                _ => {}
            }
        }
        files::write(&self.private, private, 0o600, self.overwrite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_halves_no_public_half_is_of_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = (folder.path().join("key"), folder.path().join("key.pub"));
        for force in [false, true] {
            let files = KeyFiles::prepare(private.clone(), force).unwrap();
            files.write_private(force.to_string().as_bytes()).unwrap();
            assert!(!public.exists(), "{force}");
            std::fs::write(&public, "of the first key").unwrap();
        }
        assert_eq!(std::fs::read(&private).unwrap(), b"true");
    }
}
