//! From the compiler's WASM to what a browser loads: glue by wasm-bindgen, then `wasm-opt`.

use crate::compress::Effort;
use crate::files::read_tree;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

/// What rustc's WASM uses of the standard; every browser that runs the app has had it since 2022.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The app as the browser loads it.
pub(crate) struct Built {
    pub(crate) js: String,
    pub(crate) wasm: Vec<u8>,
    /// Scripts that libraries bring along, by path; the glue imports them from `./snippets/`.
    pub(crate) snippets: BTreeMap<String, Vec<u8>>,
}

/// A `wasm-opt` that was found to run.
pub(crate) struct Optimizer {
    path: PathBuf,
    /// What it says of itself; it belongs to the fingerprint of what it makes.
    pub(crate) version: String,
}

impl Optimizer {
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let answer = Command::new(path)
            .arg("--version")
            .output()
            .with_context(|| format!("cannot run {}", path.display()))?;
        ensure!(
            answer.status.success(),
            "{} --version: {}",
            path.display(),
            answer.status
        );
        Ok(Self {
            path: path.to_owned(),
            version: String::from_utf8_lossy(&answer.stdout).into_owned(),
        })
    }

    fn shrink(&self, wasm: &Path) -> Result<()> {
        let status = Command::new(&self.path)
            .arg("-Oz")
            .args(FEATURES)
            .arg(wasm)
            .arg("-o")
            .arg(wasm)
            .status()?;
        ensure!(status.success(), "{} -Oz: {status}", self.path.display());
        Ok(())
    }
}

/// Makes the app out of the compiler's WASM.
pub(crate) fn build(wasm: Vec<u8>, optimizer: Option<&Optimizer>, effort: Effort) -> Result<Built> {
    let dir = tempfile::tempdir()?;
    Bindgen::new()
        .input_bytes("app", wasm)
        .web(true)?
        .typescript(false)
        // The page names the WASM by its hash, so the glue has no default for it.
        .omit_default_module_path(true)
        .remove_name_section(effort == Effort::Best)
        .remove_producers_section(true)
        .generate(dir.path())
        .context("wasm-bindgen")?;

    let wasm = dir.path().join("app_bg.wasm");
    if let Some(optimizer) = optimizer {
        optimizer.shrink(&wasm)?;
    }
    let snippets = dir.path().join("snippets");
    Ok(Built {
        js: std::fs::read_to_string(dir.path().join("app.js"))?,
        wasm: std::fs::read(&wasm)?,
        snippets: if snippets.exists() {
            read_tree(&snippets)?
        } else {
            BTreeMap::new()
        },
    })
}
