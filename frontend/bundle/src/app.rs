//! From the compiler's WASM to what a browser loads: glue by wasm-bindgen.

use crate::compress::Effort;
use crate::files::read_tree;
use crate::names::shorten;
use crate::snip::snip;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use wasm_bindgen_cli_support::Bindgen;

/// The app as the browser loads it.
pub(crate) struct Built {
    pub(crate) js: String,
    pub(crate) wasm: Vec<u8>,
    /// Scripts that libraries bring along, by path; the glue imports them from `./snippets/`.
    pub(crate) snippets: BTreeMap<String, Vec<u8>>,
}

/// Makes the app out of the compiler's WASM.
pub(crate) fn build(wasm: Vec<u8>, effort: Effort) -> Result<Built> {
    let dir = tempfile::tempdir()?;
    let wasm = match effort {
        Effort::Best => snip(&wasm)?,
        Effort::Light => wasm,
    };
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

    let js = std::fs::read_to_string(dir.path().join("app.js"))?;
    let wasm = std::fs::read(dir.path().join("app_bg.wasm"))?;
    let (js, wasm) = match effort {
        Effort::Best => shorten(&js, &wasm)?,
        Effort::Light => (js, wasm),
    };
    let snippets = dir.path().join("snippets");
    Ok(Built {
        js,
        wasm,
        snippets: if snippets.exists() {
            read_tree(&snippets)?
        } else {
            BTreeMap::new()
        },
    })
}
