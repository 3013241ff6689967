//! Content codings: which one the client wants (RFC 9110, 12.5.3), and the compressors.

use std::cell::RefCell;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use libdeflater::{CompressionLvl, Compressor};

thread_local! {
    /// The compressors of a thread for tiles, kept because a new one clears its tables for every tile.
    static GZIP: RefCell<Compressor> = RefCell::new(Compressor::new(quickest()));
    static ZSTD: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// A content coding that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Encoding {
    /// All, in the order in which we prefer them when the client does not care: Zstandard is quickest to make
    /// and smallest at its quickest, Brotli is slowest to make.
    const PREFERENCE: [Self; 4] = [Self::Zstd, Self::Gzip, Self::Brotli, Self::Identity];

    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The coding that the client likes best; ours decides between equals. A client that forbids everything
    /// gets identity, as RFC 9110 allows.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::ACCEPT_ENCODING).iter();
        let Some(first) = values.next() else { return Self::Identity };
        let mut wishes = Wishes::default();
        for value in std::iter::once(first).chain(values) {
            wishes.read(value);
        }
        wishes.best()
    }

    /// Compresses. `level` is meant for tiles made on demand ([`Effort::Live`]) or for files that are
    /// compressed once and served for ever ([`Effort::Once`]).
    ///
    /// # Errors
    /// When a compressor fails, which with output in memory does not happen.
    pub fn compress(self, bytes: &[u8], effort: Effort) -> std::io::Result<Bytes> {
        let once = effort == Effort::Once;
        match self {
            Self::Identity => Ok(Bytes::copy_from_slice(bytes)),
            Self::Gzip if once => gzip(&mut Compressor::new(CompressionLvl::best()), bytes),
            Self::Gzip => GZIP.with_borrow_mut(|compressor| gzip(compressor, bytes)),
            Self::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: if once { 9 } else { 3 },
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                let mut compressed = Vec::with_capacity(bytes.len() / 2 + 64);
                brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters)?;
                Ok(Bytes::from(compressed))
            }
            Self::Zstd if once => zstd::bulk::compress(bytes, 12).map(Bytes::from),
            Self::Zstd => ZSTD.with_borrow_mut(|slot| {
                let compressor = match slot {
                    Some(compressor) => compressor,
                    None => slot.insert(zstd::bulk::Compressor::new(1)?),
                };
                compressor.compress(bytes).map(Bytes::from)
            }),
        }
    }
}

/// Level 1, the quickest that compresses at all (what the library calls fastest, level 0, only stores).
fn quickest() -> CompressionLvl {
    CompressionLvl::new(1).unwrap_or_default()
}

fn gzip(compressor: &mut Compressor, bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut compressed = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut compressed).map_err(std::io::Error::other)?;
    compressed.truncate(length);
    // The bound is larger than the tile; a cache should hold what it counts.
    compressed.shrink_to_fit();
    Ok(Bytes::from(compressed))
}

/// How much time a compression is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Somebody waits.
    Live,
    /// Done once, served many times.
    Once,
}

/// Weights in thousandths; `None` = not named.
#[derive(Default)]
struct Wishes {
    named: [Option<u16>; 4],
    others: Option<u16>,
}

impl Wishes {
    fn read(&mut self, value: &HeaderValue) {
        let Ok(text) = value.to_str() else { return };
        for item in text.split(',') {
            let mut parts = item.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q=").or_else(|| part.trim().strip_prefix("Q=")))
                .map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok())
                .map_or(0, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16);
            if name == "*" {
                self.others = Some(weight);
            }
            for (slot, encoding) in self.named.iter_mut().zip(Encoding::PREFERENCE) {
                let alias = encoding == Encoding::Gzip && name.eq_ignore_ascii_case("x-gzip");
                if alias || name.eq_ignore_ascii_case(encoding.name()) {
                    *slot = Some(weight);
                }
            }
        }
    }

    fn best(&self) -> Encoding {
        let mut best = (Encoding::Identity, 0);
        for (named, encoding) in self.named.iter().zip(Encoding::PREFERENCE) {
            // Identity is acceptable unless forbidden, but never better than a coding that was asked for.
            let unnamed = if encoding == Encoding::Identity { u16::from(self.others != Some(0)) } else { 0 };
            let weight = named.or(if encoding == Encoding::Identity { None } else { self.others }).unwrap_or(unnamed);
            if weight > best.1 {
                best = (encoding, weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(accept).expect("header"));
        Encoding::negotiate(&headers)
    }

    #[test]
    fn weights_decide_and_preference_breaks_ties() {
        for (accept, expected) in [
            ("gzip", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("gzip, deflate, br", Encoding::Gzip),
            ("br", Encoding::Brotli),
            ("gzip;q=0.5, br;q=0.9", Encoding::Brotli),
            ("gzip;q=0", Encoding::Identity),
            ("*", Encoding::Zstd),
            ("zstd;q=0, *;q=0.3", Encoding::Gzip),
            ("identity", Encoding::Identity),
            ("identity;q=0.5, gzip;q=0.4", Encoding::Identity),
            ("deflate", Encoding::Identity),
            ("", Encoding::Identity),
            ("GZIP;Q=1", Encoding::Gzip),
            ("gzip;q=nonsense", Encoding::Identity),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
        assert_eq!(Encoding::negotiate(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn what_is_compressed_reads_back() {
        let bytes = b"Campo San Polo ".repeat(100);
        for effort in [Effort::Live, Effort::Once] {
            let gzip = Encoding::Gzip.compress(&bytes, effort).expect("gzip");
            let mut read = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut read).expect("gunzip");
            assert_eq!(read, bytes);
            let zstd = Encoding::Zstd.compress(&bytes, effort).expect("zstd");
            assert_eq!(zstd::decode_all(&zstd[..]).expect("unzstd"), bytes);
            let brotli = Encoding::Brotli.compress(&bytes, effort).expect("brotli");
            read.clear();
            brotli::BrotliDecompress(&mut &brotli[..], &mut read).expect("unbrotli");
            assert_eq!(read, bytes);
            assert!([gzip, zstd, brotli].iter().all(|packed| packed.len() < bytes.len() / 5), "hardly compressed");
        }
    }
}
