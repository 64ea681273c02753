//! An image of one layer, for places that are not the testkit's own.

use unbroken_oci::content::Content;
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::manifest::{Due, Fetched};
use unbroken_oci::media_type;
use unbroken_oci::reference::Selector;

/// Pushes an image of one layer to a place of content.
///
/// # Panics
/// When the place does not take it.
pub fn push_image(content: &dyn Content, tag: &str, layer: &[u8]) -> Fetched {
    let layer_of = Descriptor::of("application/vnd.oci.image.layer.v1.tar", layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        layer_of.digest
    );
    let config_of = Descriptor::of(media_type::CONFIG, config.as_bytes());
    content.push_blob(&layer_of, &mut &*layer).expect("the place takes it");
    content.push_blob(&config_of, &mut config.as_bytes()).expect("the place takes it");
    let part = |of: &Descriptor| {
        format!(
            r#"{{"mediaType":"{}","digest":"{}","size":{}}}"#,
            of.media_type, of.digest, of.size
        )
    };
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
        media_type::MANIFEST,
        part(&config_of),
        part(&layer_of)
    );
    let limits = *content.limits();
    let fetched =
        Fetched::check("x", text.into_bytes(), None, &Due::Tag, &limits).expect("a manifest");
    content.push_manifest(&fetched, &Selector::Tag(tag.to_owned())).expect("the place takes it");
    fetched
}
