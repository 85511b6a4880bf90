//! The key that secrets are sealed with, and sealing itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// The file in the data folder that holds the key, unless another is named.
pub const KEY_FILE: &str = "secret.key";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The first byte of what is sealed: how the rest is to be read.
const FORMAT: u8 = 1;

/// 256 bits of which the secrets are safe as long as nobody else has them.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY_BYTES]>);

/// A key is never shown.
impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is none.
    #[error("a secret key is 32 bytes, written as 64 hexadecimal digits or in base64")]
    NotAKey,
    /// The file holds none.
    #[error("{} holds no secret key: it is 32 bytes, written as 64 hexadecimal digits or in base64", .0.display())]
    NotAKeyFile(PathBuf),
    /// The file cannot be read or made.
    #[error("the secret key {} cannot be {what}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        what: &'static str,
        /// Why it cannot.
        error: io::Error,
    },
    /// Chance is missing.
    #[error("the system gives no random numbers: {0}")]
    Chance(getrandom::Error),
}

/// Where the key comes from.
#[derive(Clone, Debug, Default)]
pub enum KeySource {
    /// The file [`KEY_FILE`] in the data folder.
    #[default]
    Folder,
    /// This file.
    File(PathBuf),
    /// Itself.
    Given(SecretKey),
}

impl std::str::FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => from_hex(text),
            _ => STANDARD.decode(text).ok(),
        };
        let bytes = Zeroizing::new(bytes.ok_or(KeyError::NotAKey)?);
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| KeyError::NotAKey)?;
        Ok(Self(Zeroizing::new(key)))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn random() -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(key.as_mut()).map_err(KeyError::Chance)?;
        Ok(Self(key))
    }

    /// The key in a file.
    ///
    /// # Errors
    /// If it cannot be read or holds none.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(|error| file_error(path, "read", error))?;
        let text = Zeroizing::new(text);
        text.parse()
            .map_err(|_: KeyError| KeyError::NotAKeyFile(path.to_owned()))
    }

    /// The key in a file; if there is no file, it is made, for its user alone.
    ///
    /// # Errors
    /// If it cannot be read or made, or holds none.
    pub fn read_or_make(path: &Path) -> Result<Self, KeyError> {
        match Self::read(path) {
            Err(KeyError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            read => return read,
        }
        let key = Self::random()?;
        let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.0.as_ref())));
        let draft = path.with_extension("key.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        // Written aside and moved, so that a crash leaves a whole file or none.
        options
            .open(&draft)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, path))
            .map_err(|error| file_error(path, "written", error))?;
        Ok(key)
    }

    /// Seals a secret. What comes out can be opened under the same name only, so two secrets cannot be exchanged in the database.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn seal(&self, name: &str, secret: &str) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(KeyError::Chance)?;
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: &bound_to(name),
        };
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let Ok(sealed) = cipher.encrypt(&XNonce::from(nonce), payload) else {
            unreachable!("a secret is far shorter than what the cipher can take");
        };
        Ok([&[FORMAT], &nonce[..], &sealed].concat())
    }

    /// Opens what was sealed under a name; `None` if it was with another key or name, or is damaged.
    #[must_use]
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<String>> {
        let (&[FORMAT], rest) = sealed.split_at_checked(1)? else {
            return None;
        };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: &bound_to(name),
        };
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let opened = cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(opened).ok().map(Zeroizing::new)
    }
}

fn bound_to(name: &str) -> Vec<u8> {
    [b"pointwork secret ", name.as_bytes()].concat()
}

fn file_error(path: &Path, what: &'static str, error: io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        what,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_name_alone() {
        let key = SecretKey::random().expect("chance");
        let sealed = key.seal("smtp", "päss").expect("chance");
        assert_eq!(key.open("smtp", &sealed).expect("it opens").as_str(), "päss");
        assert_ne!(
            sealed,
            key.seal("smtp", "päss").expect("chance"),
            "never twice the same"
        );
        assert!(key.open("other", &sealed).is_none());
        assert!(
            SecretKey::random()
                .expect("chance")
                .open("smtp", &sealed)
                .is_none()
        );
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(key.open("smtp", &damaged).is_none(), "byte {at}");
            assert!(key.open("smtp", &sealed[..at]).is_none(), "the first {at} bytes");
        }
        assert_eq!(format!("{key:?}"), "SecretKey");
    }

    #[test]
    fn keys_are_read_from_text_and_files() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(KEY_FILE);
        let made = SecretKey::read_or_make(&path).expect("it is made");
        let again = SecretKey::read_or_make(&path).expect("it is there");
        assert_eq!(made.0, again.0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let hex: String = made.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.parse::<SecretKey>().expect("a key").0, made.0);
        for text in ["", "abc", &hex[1..], &"g".repeat(64), "c2hvcnQ="] {
            assert!(text.parse::<SecretKey>().is_err(), "{text}");
        }
        fs::write(&path, "rubbish").expect("written");
        let error = SecretKey::read_or_make(&path).expect_err("no key, and not overwritten");
        assert!(error.to_string().contains("holds no secret key"), "{error}");
    }
}
