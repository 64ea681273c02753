//! PEM text (RFC 7468), as the many tools that make keys write it.
//!
//! The reading is lenient where tools differ (line width, line ends, text around the block,
//! headers of RFC 1421) and strict about the base64 itself.

use pem_rfc7468::LineEnding;
use zeroize::Zeroizing;

use crate::error::KeyError;

/// The largest text that is looked at: an RSA key of 8192 bits takes about 6,500 bytes.
const MAX_TEXT: usize = 64 << 10;

/// A PEM block with its contents decoded.
pub(crate) struct PemBlock {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
    /// How the contents are encrypted where the headers of RFC 1421 say that they are: the value of
    /// `DEK-Info`, empty when there is none.
    pub(crate) legacy_encryption: Option<String>,
    /// Whether another block follows.
    pub(crate) has_successor: bool,
}

/// Takes a key's text as a string, if it can be one.
pub(crate) fn key_text(text: &[u8]) -> Result<&str, KeyError> {
    if text.len() > MAX_TEXT {
        return Err(KeyError::TooLarge { size: text.len(), limit: MAX_TEXT });
    }
    std::str::from_utf8(text).map_err(|_| KeyError::NotAKey)
}

/// Finds the first block that is more than a curve's name, or `None` when there is no PEM at all.
pub(crate) fn first_block(text: &str) -> Result<Option<PemBlock>, KeyError> {
    next_block(text, &mut text.lines().map(str::trim))
}

/// Finds all blocks, or `None` when there are more than `most`.
pub(crate) fn blocks(text: &str, most: usize) -> Result<Option<Vec<PemBlock>>, KeyError> {
    let mut blocks = Vec::new();
    // Each looks at the rest of the text for a successor, which the number of blocks bounds.
    let mut lines = text.lines().map(str::trim);
    while let Some(block) = next_block(text, &mut lines)? {
        if blocks.len() == most {
            return Ok(None);
        }
        blocks.push(block);
    }
    Ok(Some(blocks))
}

fn next_block<'t>(
    text: &'t str,
    lines: &mut (impl Iterator<Item = &'t str> + Clone),
) -> Result<Option<PemBlock>, KeyError> {
    loop {
        let Some(label) = lines.by_ref().find_map(|line| boundary(line, "BEGIN ")) else {
            return Ok(None);
        };
        let end = format!("-----END {label}-----");
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        let (mut is_encrypted, mut dek_info) = (false, String::new());
        let mut complete = false;
        for line in lines.by_ref() {
            if line == end {
                complete = true;
                break;
            }
            // A header: base64 has no colon.
            if let Some((name, value)) = line.split_once(':') {
                is_encrypted |= name == "Proc-Type" && value.contains("ENCRYPTED");
                if name == "DEK-Info" {
                    value.trim().clone_into(&mut dek_info);
                }
            } else {
                body.push_str(line);
            }
        }
        if !complete {
            return Err(KeyError::Malformed { what: "PEM block: its end is missing" });
        }
        // `openssl ecparam -genkey` puts the curve into a block of its own before the key.
        if label == "EC PARAMETERS" {
            continue;
        }
        if body.is_empty() {
            return Err(KeyError::Malformed { what: "PEM block: it is empty" });
        }
        let der = decode(&body)?;
        let has_successor = lines.clone().any(|line| boundary(line, "BEGIN ").is_some());
        let label = label.to_owned();
        let legacy_encryption = is_encrypted.then_some(dek_info);
        return Ok(Some(PemBlock { label, der, legacy_encryption, has_successor }));
    }
}

/// Writes a block as OpenSSL does: lines of 64 characters, each ended by a line feed.
pub(crate) fn encode(label: &str, der: &[u8]) -> Result<Zeroizing<String>, KeyError> {
    pem_rfc7468::encode_string(label, LineEnding::LF, der)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Encoding)
}

fn boundary<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?.strip_suffix("-----")?.strip_prefix(kind)
}

/// Decodes base64 in constant time: the contents may be a private key. The library wants whole
/// blocks in lines of one width, so one is made.
fn decode(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut block = Zeroizing::new(String::with_capacity(body.len() + body.len() / 32 + 64));
    block.push_str("-----BEGIN KEY-----\n");
    for (index, character) in body.chars().filter(|c| !c.is_whitespace()).enumerate() {
        if index > 0 && index % 64 == 0 {
            block.push('\n');
        }
        block.push(character);
    }
    block.push_str("\n-----END KEY-----\n");
    match pem_rfc7468::decode_vec(block.as_bytes()) {
        Ok((_, der)) => Ok(Zeroizing::new(der)),
        Err(_) => Err(KeyError::Malformed { what: "PEM block: it is not base64" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> PemBlock {
        first_block(text).unwrap().unwrap()
    }

    #[test]
    fn line_ends_widths_headers_and_text_around_make_no_difference() {
        let plain = block("-----BEGIN PUBLIC KEY-----\nAAECAwQF\n-----END PUBLIC KEY-----\n");
        assert_eq!(
            (plain.label.as_str(), plain.der.as_slice()),
            ("PUBLIC KEY", &[0, 1, 2, 3, 4, 5][..])
        );
        for text in [
            "-----BEGIN PUBLIC KEY-----\r\nAAEC\r\nAwQF\r\n-----END PUBLIC KEY-----\r\n",
            "my key\n\n-----BEGIN PUBLIC KEY-----\nAAECAw\n QF\n-----END PUBLIC KEY-----\nbye",
            "-----BEGIN PUBLIC KEY-----\nComment: x\n\nAAECAwQF\n-----END PUBLIC KEY-----",
            "-----BEGIN EC PARAMETERS-----\nBg==\n-----END EC PARAMETERS-----\n\
             -----BEGIN PUBLIC KEY-----\nAAECAwQF\n-----END PUBLIC KEY-----\n",
        ] {
            assert_eq!(block(text).der, plain.der, "{text}");
        }
    }

    #[test]
    fn long_contents_survive_the_way_there_and_back() {
        let der: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let text = encode("PUBLIC KEY", &der).unwrap();
        assert!(text.lines().all(|line| line.len() <= 64) && text.ends_with("-----\n"));
        assert_eq!(block(&text).der.as_slice(), der);
    }

    #[test]
    fn headers_of_rfc_1421_encryption_are_noticed() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: \
                    AES-256-CBC,00\n\nAAEC\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(block(text).legacy_encryption.as_deref(), Some("AES-256-CBC,00"));
        let bare = text.replace("DEK-Info", "Comment");
        assert_eq!(block(&bare).legacy_encryption.as_deref(), Some(""));
        let plain = text.replace("4,ENCRYPTED", "4,MIC-CLEAR");
        assert_eq!(block(&plain).legacy_encryption, None);
    }

    #[test]
    fn what_is_no_pem_is_told_apart_from_broken_pem() {
        assert!(first_block("ssh-ed25519 AAAA").unwrap().is_none());
        for (text, reason) in [
            ("-----BEGIN X-----\nAAEC\n", "its end is missing"),
            ("-----BEGIN X-----\nAAEC\n-----END Y-----\n", "its end is missing"),
            ("-----BEGIN X-----\nAA*C\n-----END X-----\n", "not base64"),
            ("-----BEGIN X-----\nAB==\n-----END X-----\n", "not base64"),
            ("-----BEGIN X-----\n-----END X-----\n", "it is empty"),
        ] {
            match first_block(text) {
                Err(KeyError::Malformed { what }) => assert!(what.contains(reason), "{what}"),
                _ => panic!("{text} was read"),
            }
        }
        assert!(matches!(key_text(&vec![b'a'; MAX_TEXT + 1]), Err(KeyError::TooLarge { .. })));
        assert!(key_text(&vec![b'a'; MAX_TEXT]).is_ok());
        assert!(matches!(key_text(&[0xff]), Err(KeyError::NotAKey)));
    }

    #[test]
    fn as_many_blocks_are_read_as_may_be_and_no_more() {
        let one = "-----BEGIN X-----\nAAEC\n-----END X-----\n";
        let read = |count: usize, most| {
            let blocks = blocks(&format!("text\n{}", one.repeat(count)), most).unwrap()?;
            assert!(blocks.iter().all(|block| block.label == "X" && block.der[..] == [0, 1, 2]));
            Some(blocks.len())
        };
        assert_eq!(
            (read(0, 2), read(1, 2), read(2, 2), read(3, 2)),
            (Some(0), Some(1), Some(2), None)
        );
        assert!(blocks(&format!("{one}-----BEGIN X-----\n"), 5).is_err());
    }
}
