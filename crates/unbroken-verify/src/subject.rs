//! What a verified chain vouches for: the binding of an image to the chain.

use unbroken_crypto::hash;
use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};
use unbroken_model::link::LinkForm;
use unbroken_model::name::StepName;

use crate::finding::{Finding, FindingCode};
use crate::verdict::VerifiedSupplyChain;

/// A proof that a verified chain names a digest.
#[derive(Debug)]
pub struct Admissible<'a> {
    binding: Binding<'a>,
}

/// How a chain names a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding<'a> {
    /// A product of a step has the digest.
    Product {
        /// The step.
        step: &'a StepName,
        /// The product.
        artifact: &'a str,
    },
    /// A subject of a step's link has the digest: the link is a statement, whose subjects are its products.
    Subject {
        /// The step.
        step: &'a StepName,
        /// The subject.
        artifact: &'a str,
    },
    /// A product of a step is a file that holds the digest's text: `sha256:...` or the bare
    /// hexadecimal digits, with or without one line feed.
    DigestFile {
        /// The step.
        step: &'a StepName,
        /// The file.
        artifact: &'a str,
    },
}

impl<'a> Admissible<'a> {
    /// Returns how the chain names the digest.
    pub fn binding(&self) -> &Binding<'a> {
        &self.binding
    }
}

impl VerifiedSupplyChain {
    /// Checks that the chain names a digest: that of an image's manifest or configuration, or of a
    /// file.
    ///
    /// # Errors
    /// A [`FindingCode::SubjectNotCovered`]: the chain may be in order, but it is another one's.
    pub fn admits(&self, subject: &Digest) -> Result<Admissible<'_>, Box<Finding>> {
        let texts = digest_files(subject);
        for (step, link) in self.links() {
            for (path, digests) in &link.products {
                if digests.iter().any(|digest| digest == *subject)
                    && subject.algorithm().is_strong()
                {
                    let artifact = path.as_str();
                    let binding = match link.form {
                        LinkForm::Plain => Binding::Product { step, artifact },
                        LinkForm::Statement => Binding::Subject { step, artifact },
                    };
                    return Ok(Admissible { binding });
                }
                if texts.contains(digests) {
                    let binding = Binding::DigestFile { step, artifact: path.as_str() };
                    return Ok(Admissible { binding });
                }
            }
        }
        let message = format!("no step of the chain made {subject}");
        let remedy = "verify the image that the chain built, or bring the chain of this image";
        Err(Box::new(Finding::error(FindingCode::SubjectNotCovered, message, remedy)))
    }
}

/// The records of the files that would hold the digest's text.
fn digest_files(subject: &Digest) -> Vec<DigestSet> {
    if *subject.algorithm() != DigestAlgorithm::Sha256 {
        return Vec::new();
    }
    let bare = subject.hex();
    let texts = [bare.to_owned(), format!("{bare}\n"), subject.to_string(), format!("{subject}\n")];
    texts.iter().map(|text| DigestSet::sha256(hash::sha256(text.as_bytes()))).collect()
}
