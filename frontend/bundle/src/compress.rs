//! Compressing once at build time, so that the server never has to.

use anyhow::Result;
use std::io::Write;

/// How long the bundler may think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A second or two, for the turn of edit and look.
    Light,
    /// As small as it gets.
    Best,
}

impl Effort {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Best => "best",
        }
    }
}

/// Endings of what is worth compressing; pictures and fonts are compressed already.
const TEXT: [&str; 10] = [
    "css",
    "html",
    "js",
    "json",
    "map",
    "svg",
    "txt",
    "wasm",
    "webmanifest",
    "xml",
];

/// The encodings of a file, by the ending they are stored under. None if that is of no use to such files; of the others, whoever carries
/// them carries the encodings alone, so even the smallest has them.
pub(crate) fn encodings(name: &str, content: &[u8], effort: Effort) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if !TEXT.contains(&ending) {
        return Ok(Vec::new());
    }
    Ok(vec![
        ("br", brotli(content, effort)?),
        ("gz", gzip(content, effort)?),
    ])
}

fn brotli(content: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let quality = match effort {
        Effort::Light => 5,
        Effort::Best => 11,
    };
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, 22);
    encoder.write_all(content)?;
    Ok(encoder.into_inner())
}

fn gzip(content: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let level = match effort {
        Effort::Light => flate2::Compression::fast(),
        Effort::Best => flate2::Compression::best(),
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn both_encodings_give_the_content_back() {
        let content = "pointwork ".repeat(1000);
        for effort in [Effort::Light, Effort::Best] {
            let encodings = encodings("a.css", content.as_bytes(), effort).expect("encodes");
            let mut plain = String::new();
            for (ending, encoded) in &encodings {
                plain.clear();
                match *ending {
                    "br" => brotli::Decompressor::new(&encoded[..], 4096).read_to_string(&mut plain),
                    _ => flate2::read::GzDecoder::new(&encoded[..]).read_to_string(&mut plain),
                }
                .expect("decodes");
                assert_eq!(plain, content, "{ending}");
            }
            assert_eq!(encodings.len(), 2);
        }
    }

    #[test]
    fn pictures_and_fonts_are_left_alone_and_nothing_else_is() {
        let n_encodings = |name| encodings(name, b"ab", Effort::Best).expect("encodes").len();
        assert_eq!(n_encodings("font.woff2"), 0);
        // A part of the app may be next to nothing.
        assert_eq!(n_encodings("pkg/app-1_chunk_2.wasm"), 2);
    }
}
