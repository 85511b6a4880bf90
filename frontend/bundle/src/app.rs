//! From the compiler's WASM to what a browser loads: parts that come later taken apart, glue by wasm-bindgen.

use crate::compress::Effort;
use crate::files::read_tree;
use crate::names::shorten;
use crate::order::by_likeness;
use crate::places;
use crate::snip::snip;
use crate::split::{Parts, split};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use wasm_bindgen_cli_support::Bindgen;

/// The app as the browser loads it.
pub(crate) struct Built {
    /// Files that lie beside each other.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Scripts that libraries bring along, by path; the glue imports them from `./snippets/`.
    pub(crate) snippets: BTreeMap<String, Vec<u8>>,
}

/// Makes the app out of the compiler's WASM. Its files begin with `stem`: `STEM.js` is the glue, `STEM_bg.wasm` the code it is for.
pub(crate) fn build(wasm: &[u8], stem: &str, effort: Effort) -> Result<Built> {
    let dir = tempfile::tempdir()?;
    let Parts { main, link, later } = match effort {
        Effort::Best => split(&places::forget(wasm)?, stem)?,
        Effort::Light => split(wasm, stem)?,
    };
    let main = match effort {
        Effort::Best => snip(&main)?,
        Effort::Light => main,
    };
    Bindgen::new()
        .input_bytes("app", main)
        .web(true)?
        .typescript(false)
        // The page names the WASM by its hash, so the glue has no default for it.
        .omit_default_module_path(true)
        .remove_name_section(effort == Effort::Best)
        .remove_producers_section(true)
        // The parts that come later share the table.
        .keep_lld_exports(true)
        .generate(dir.path())
        .context("wasm-bindgen")?;

    let js = std::fs::read_to_string(dir.path().join("app.js"))?;
    let wasm = std::fs::read(dir.path().join("app_bg.wasm"))?;
    let (js, wasm) = match effort {
        Effort::Best => {
            let (js, wasm) = shorten(&js, &wasm)?;
            (js, by_likeness(&wasm)?)
        }
        Effort::Light => (js, wasm),
    };
    let mut files = BTreeMap::from([
        (format!("{stem}.js"), js.into_bytes()),
        (format!("{stem}_bg.wasm"), wasm),
    ]);
    for (name, content) in link.into_iter().chain(later) {
        let content = match effort {
            Effort::Best if name.ends_with(".wasm") => by_likeness(&snip(&content)?)?,
            _ => content,
        };
        files.insert(name, content);
    }
    let snippets = dir.path().join("snippets");
    Ok(Built {
        files,
        snippets: if snippets.exists() {
            read_tree(&snippets)?
        } else {
            BTreeMap::new()
        },
    })
}
