//! Makes the site that the server serves out of the compiled app: `make site` calls it.
//!
//! ```text
//! manifest.json            the names below, for the server
//! pkg/app-HASH.js          glue between browser and WASM, for each part of the app
//! pkg/app-HASH_bg.wasm     the part itself
//! pkg/app-HASH_parts.js    what fetches the code that a part wants later, if there is any
//! pkg/app-HASH_NAME.wasm   such code
//! pkg/app-HASH.css         for each part of the app every style/*.css and style/PART/*.css, in order of file name
//! …                        public/*, under their own names
//! ```
//!
//! Beside each file that shrinks by it lie `FILE.br` and `FILE.gz`. A hash in a name covers everything the
//! file is made from, so browsers may keep it for ever, and a second run takes over what it finds.

mod app;
mod compress;
mod css;
mod files;
mod names;
mod order;
mod places;
mod snip;
mod split;

use crate::compress::Effort;
use crate::files::{Fingerprint, Site, read_tree};
use anyhow::{Context, Result};
use clap::Parser;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bundles the site.
#[derive(Parser)]
struct Args {
    /// A part of the app and its code, as `cargo build --target wasm32-unknown-unknown` leaves it. Parts may share a file.
    #[arg(long, value_name = "PART=FILE", required = true, value_parser = part)]
    wasm: Vec<(String, PathBuf)>,
    /// Folder of the style sheets.
    #[arg(long, default_value = "style")]
    style: PathBuf,
    /// Folder of the files that are served as they are.
    #[arg(long, default_value = "public")]
    public: PathBuf,
    /// Folder of the site; it is replaced as a whole.
    #[arg(long, default_value = "target/site")]
    out: PathBuf,
    /// For development: names stay in the WASM, compression is light.
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let effort = if args.quick { Effort::Light } else { Effort::Best };

    // Another bundler might make something else of the same input.
    let tool = std::fs::read(std::env::current_exe()?)?;
    let base = Fingerprint::default().with(&tool).with(effort.name().as_bytes());

    let mut codes = BTreeMap::new();
    let mut parts = BTreeMap::new();
    for (part, file) in &args.wasm {
        let wasm = std::fs::read(file).with_context(|| {
            format!(
                "{part} is not at {}: build the crate `frontend` first",
                file.display()
            )
        })?;
        let names = CodeNames::new(&base.with(&wasm).hex());
        parts.insert(part.clone(), names.clone());
        codes.insert(names, wasm);
    }

    let styles = read_tree(&args.style)?;
    let mut sheets = BTreeMap::new();
    let mut named = BTreeMap::new();
    for part in parts.keys() {
        let css = css::concatenate(css::of_part(&styles, part).into_iter())?;
        let name = format!("pkg/app-{}.css", base.with(css.as_bytes()).hex());
        named.insert(part.clone(), name.clone());
        sheets.insert(name, css);
    }
    let public = read_tree(&args.public)?;

    let names = Names { css: named, parts };
    let stamp = public
        .iter()
        .fold(base, |stamp, (name, content)| {
            stamp.with(name.as_bytes()).with(content)
        })
        .with(names.manifest().as_bytes())
        .hex();
    if files::is_current(&args.out, &stamp) {
        return Ok(());
    }

    let mut site = Site::begin(&args.out, effort)?;
    for (names, wasm) in codes {
        if site.take_over(&names.stem)? {
            continue;
        }
        let built = app::build(&wasm, &names.stem, effort)?;
        for (name, content) in &built.files {
            site.add(&format!("pkg/{name}"), content)?;
        }
        for (name, content) in &built.snippets {
            site.add(&format!("pkg/snippets/{name}"), content)?;
        }
    }
    for (name, css) in &sheets {
        site.add(name, css.as_bytes())?;
    }
    for (name, content) in &public {
        site.add(name, content)?;
    }
    site.add("manifest.json", names.manifest().as_bytes())?;
    let sizes = site.finish(&stamp)?;
    report(&args.out, &names, &sizes)
}

/// `PART=FILE`.
fn part(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((part, file)) if !part.is_empty() && !file.is_empty() => Ok((part.to_owned(), file.into())),
        _ => Err("a part of the app and its file, as board=app.wasm".to_owned()),
    }
}

/// Where the browser finds what is named after its content, relative to the site.
struct Names {
    css: BTreeMap<String, String>,
    parts: BTreeMap<String, CodeNames>,
}

/// The files of one part of the app.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct CodeNames {
    stem: String,
    js: String,
    wasm: String,
}

impl CodeNames {
    fn new(hash: &str) -> Self {
        Self {
            stem: format!("app-{hash}"),
            js: format!("pkg/app-{hash}.js"),
            wasm: format!("pkg/app-{hash}_bg.wasm"),
        }
    }
}

impl Names {
    /// The manifest: addresses as the browser asks for them.
    fn manifest(&self) -> String {
        let bundles: serde_json::Map<_, _> = self
            .parts
            .iter()
            .map(|(part, CodeNames { js, wasm, .. })| {
                let css = self.css.get(part).map_or("", String::as_str);
                let files =
                    serde_json::json!({ "css": format!("/{css}"), "js": format!("/{js}"), "wasm": format!("/{wasm}") });
                (part.clone(), files)
            })
            .collect();
        serde_json::json!({ "bundles": bundles }).to_string()
    }
}

/// The size table: what a first visit loads.
fn report(out: &Path, names: &Names, sizes: &files::Sizes) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "site: {}", out.display())?;
    let code = names
        .parts
        .iter()
        .flat_map(|(part, names)| [(part.as_str(), &names.wasm), (part.as_str(), &names.js)]);
    let css = names.css.iter().map(|(part, name)| (part.as_str(), name));
    for (part, name) in code.chain(css) {
        if let Some((plain, sent)) = sizes.get(name) {
            writeln!(
                stdout,
                "site: {part:<8} {name:<36} {:>6} kB, {:>5} kB as brotli",
                plain.div_ceil(1000),
                sent.div_ceil(1000)
            )?;
        }
    }
    Ok(())
}
