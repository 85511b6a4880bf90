//! Taking apart what is loaded later.
//!
//! A function with `#[wasm_split(NAME)]` is where the code may be cut: what only such functions need goes into files of its own, which the
//! browser fetches when one of them is called first. All share memory, table and stack; a script between them fetches and links.

use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use wasm_split_cli_support::{Options, transform};

/// One app in parts.
pub(crate) struct Parts {
    /// What is loaded first; wasm-bindgen has not seen it yet.
    pub(crate) main: Vec<u8>,
    /// The script that fetches the others, with its file name, if there are others.
    pub(crate) link: Option<(String, Vec<u8>)>,
    /// The others by their file names.
    pub(crate) later: BTreeMap<String, Vec<u8>>,
}

/// Takes the compiler's WASM apart; it has to be linked with `--emit-relocs`. All files will lie beside the glue, which is `STEM.js`, and
/// begin with `STEM` as it does.
pub(crate) fn split(wasm: &[u8], stem: &str) -> Result<Parts> {
    let dir = tempfile::tempdir()?;
    let main = dir.path().join("main.wasm");
    let link = format!("{stem}_parts.js");
    let glue = format!("./{stem}.js");
    let from = format!("./{link}");
    let mut options = Options::new(wasm);
    options.output_dir = dir.path();
    options.main_out_path = &main;
    options.link_name = &from;
    options.main_module = &glue;
    let done = transform(options)
        .map_err(|error| anyhow!("{error:#}"))
        .context("taking the WASM apart")?;
    let mut script = std::fs::read_to_string(dir.path().join(&link))?;
    let mut later = BTreeMap::new();
    for path in &done.split_modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let plain = name.strip_prefix("split_").unwrap_or(&name);
        let named = format!("{stem}_{plain}");
        let (old, new) = (format!("\"./{name}\""), format!("\"./{named}\""));
        // It writes a file also where nothing is left for it, and then does not fetch it.
        if script.contains(&old) {
            script = script.replace(&old, &new);
            later.insert(named, std::fs::read(path)?);
        }
    }
    Ok(Parts {
        main: std::fs::read(&main)?,
        link: (!later.is_empty()).then_some((link, script.into_bytes())),
        later,
    })
}
