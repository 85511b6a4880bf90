//! Reading the sources and writing the site, as a whole or not at all.

use crate::compress::{Effort, encodings};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Kept inside the site; the server does not serve names that begin with a dot.
const STAMP: &str = ".stamp";

/// A hash over a sequence of parts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the parts so far and this one.
    pub(crate) fn with(self, part: &[u8]) -> Self {
        Self(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(part)
                .finalize()
                .into(),
        )
    }

    /// The first 16 hexadecimal digits: enough that two builds never share a name.
    pub(crate) fn hex(self) -> String {
        self.0[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// All files below `dir`, by their path relative to it with `/`, in order of name.
pub(crate) fn read_tree(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), dir.to_owned())];
    while let Some((prefix, dir)) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push((format!("{name}/"), entry.path()));
            } else {
                found.insert(name, fs::read(entry.path())?);
            }
        }
    }
    Ok(found)
}

/// Was the site at `out` made from what `stamp` stands for?
pub(crate) fn is_current(out: &Path, stamp: &str) -> bool {
    fs::read_to_string(out.join(STAMP)).is_ok_and(|found| found == stamp)
}

/// Size of a file, and of the smallest form it can be sent in, in bytes.
pub(crate) type Sizes = BTreeMap<String, (usize, usize)>;

/// A site being written beside the one it will replace.
pub(crate) struct Site {
    out: PathBuf,
    new: PathBuf,
    effort: Effort,
    sizes: Sizes,
}

impl Site {
    pub(crate) fn begin(out: &Path, effort: Effort) -> Result<Self> {
        let new = out.with_extension("new");
        remove(&new)?;
        fs::create_dir_all(&new)?;
        Ok(Self {
            out: out.to_owned(),
            new,
            effort,
            sizes: Sizes::new(),
        })
    }

    /// Writes a file and its encodings.
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path(name)?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        let mut sent = content.len();
        for (ending, encoded) in encodings(name, content, self.effort)? {
            fs::write(self.path(&format!("{name}.{ending}"))?, &encoded)?;
            sent = sent.min(encoded.len());
        }
        self.sizes.insert(name.to_owned(), (content.len(), sent));
        Ok(())
    }

    /// Takes the files of an app, which carry its hash, and the snippets beside them from the old site. Says whether they were there.
    pub(crate) fn take_over(&self, stem: &str) -> Result<bool> {
        let own = read_names(&self.out.join("pkg"), "pkg/")?
            .into_iter()
            .filter(|name| {
                name.strip_prefix("pkg/")
                    .is_some_and(|name| name.starts_with(stem))
            });
        let mut taken: Vec<_> = own.collect();
        if !taken.contains(&format!("pkg/{stem}.js")) || !taken.contains(&format!("pkg/{stem}_bg.wasm")) {
            return Ok(false);
        }
        taken.extend(read_names(&self.out.join("pkg/snippets"), "pkg/snippets/")?);
        for name in taken {
            let new = self.path(&name)?;
            fs::copy(self.out.join(&name), new)?;
        }
        Ok(true)
    }

    /// Puts the new site in the place of the old one.
    pub(crate) fn finish(self, stamp: &str) -> Result<Sizes> {
        fs::write(self.new.join(STAMP), stamp)?;
        remove(&self.out)?;
        fs::rename(&self.new, &self.out).with_context(|| format!("cannot replace {}", self.out.display()))?;
        Ok(self.sizes)
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.new.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(path)
    }
}

fn read_names(dir: &Path, prefix: &str) -> Result<Vec<String>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    Ok(read_tree(dir)?
        .into_keys()
        .map(|name| format!("{prefix}{name}"))
        .collect())
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(out: &Path, stamp: &str, files: &[(&str, &str)]) {
        let mut site = Site::begin(out, Effort::Light).expect("begins");
        for (name, content) in files {
            site.add(name, content.as_bytes()).expect("adds");
        }
        site.finish(stamp).expect("finishes");
    }

    #[test]
    fn a_new_site_replaces_the_old_one_as_a_whole() {
        let dir = tempfile::tempdir().expect("makes a folder");
        let out = dir.path().join("site");
        write(&out, "one", &[("a.png", "first"), ("pkg/b.txt", "gone")]);
        assert!(is_current(&out, "one"));

        write(&out, "two", &[("a.png", "second")]);
        assert!(is_current(&out, "two") && !is_current(&out, "one"));
        let names: Vec<_> = read_tree(&out).expect("reads").into_keys().collect();
        assert_eq!(names, [".stamp", "a.png"]);
    }

    #[test]
    fn what_carries_its_hash_is_taken_over() {
        let dir = tempfile::tempdir().expect("makes a folder");
        let out = dir.path().join("site");
        write(
            &out,
            "one",
            &[
                ("pkg/app-1.js", "js"),
                ("pkg/app-1_bg.wasm", "wasm"),
                ("pkg/app-1_tools.wasm", "later"),
                ("pkg/app-3.js", "of another"),
                ("pkg/snippets/x/inline0.js", "x"),
            ],
        );

        let site = Site::begin(&out, Effort::Light).expect("begins");
        assert!(!site.take_over("app-2").expect("looks"));
        assert!(site.take_over("app-1").expect("takes over"));
        site.finish("two").expect("finishes");
        let names = read_tree(&out).expect("reads").into_keys();
        let plain: Vec<_> = names
            .filter(|name| !name.ends_with(".br") && !name.ends_with(".gz"))
            .collect();
        assert_eq!(
            plain,
            [
                ".stamp",
                "pkg/app-1.js",
                "pkg/app-1_bg.wasm",
                "pkg/app-1_tools.wasm",
                "pkg/snippets/x/inline0.js"
            ]
        );
        assert!(out.join("pkg/app-1_tools.wasm.br").exists());
    }

    #[test]
    fn the_same_bytes_cut_differently_have_another_fingerprint() {
        let cut = |parts: &[&str]| {
            parts
                .iter()
                .fold(Fingerprint::default(), |f, part| f.with(part.as_bytes()))
                .hex()
        };
        assert_ne!(cut(&["ab", "c"]), cut(&["a", "bc"]));
    }
}
