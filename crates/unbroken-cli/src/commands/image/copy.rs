//! `unbroken image copy`: copies an image with what lies beside it.

use clap::Args;
use unbroken_oci::content::Content;
use unbroken_oci::copy::{WithEvidence, copy};
use unbroken_oci::image_layout::ImageLayout;
use unbroken_oci::location::Location;
use unbroken_oci::open;

use crate::error::Result;
use crate::exit::Exit;
use crate::output::{Output, count};
use crate::progress::TransferBar;
use crate::registries::{RegistryOptions, oci_error};

/// Copy an image with the evidence that lies beside it
///
/// Between registries, image layouts and, to read from, OCI archives. The copy has the digests of the image:
/// what was verified there is verified here.
#[derive(Args, Debug)]
pub(crate) struct Copy {
    /// What is copied: registry/repository:TAG, oci:FOLDER:TAG or oci-archive:FILE:TAG
    from: Location,
    /// Where it goes: registry/repository:TAG or oci:FOLDER:TAG
    to: Location,
    /// Copy the image alone
    #[arg(long)]
    without_evidence: bool,
    #[command(flatten)]
    registries: RegistryOptions,
}

impl Copy {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let client = self.registries.client()?;
        let (from, selected) = open(&self.from, &client).map_err(|error| oci_error(&error))?;
        if let Location::Layout(folder, _) = &self.to {
            ImageLayout::create(folder, client.limits()).map_err(|error| oci_error(&error))?;
        }
        let (to, tag): (Box<dyn Content>, _) = match &self.to {
            Location::Layout(folder, tag) => {
                let layout = ImageLayout::open(folder, client.limits())
                    .map_err(|error| oci_error(&error))?;
                (Box::new(layout), tag.clone())
            }
            place => {
                let (content, selector) =
                    open(place, &client).map_err(|error| oci_error(&error))?;
                (content, Some(selector))
            }
        };
        let with = if self.without_evidence { WithEvidence::No } else { WithEvidence::Yes };
        let bar = TransferBar::new(output);
        let copied = copy((from.as_ref(), &selected), (to.as_ref(), tag.as_ref()), with, &bar);
        drop(bar);
        let copied = copied.map_err(|error| oci_error(&error))?;
        output.data(&format!("{}\n", copied.image.digest));
        output.talk(&format!("{} with {}", self.to, count(copied.evidence, "manifest beside it")));
        Ok(Exit::Success)
    }
}
