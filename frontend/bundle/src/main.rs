//! Makes the site that the server serves out of the compiled app: `make site` calls it.
//!
//! ```text
//! manifest.json            the names below, for the server
//! pkg/app-HASH.js          glue between browser and WASM
//! pkg/app-HASH_bg.wasm     the app
//! pkg/app-HASH.css         every style/*.css, in order of file name
//! …                        public/*, under their own names
//! ```
//!
//! Beside each file that shrinks by it lie `FILE.br` and `FILE.gz`. A hash in a name covers everything the
//! file is made from, so browsers may keep it for ever, and a second run takes over what it finds.

mod app;
mod compress;
mod css;
mod files;

use crate::compress::Effort;
use crate::files::{Fingerprint, Site, read_tree};
use anyhow::{Context, Result};
use clap::Parser;
use std::path::{Path, PathBuf};

/// Bundles the site.
#[derive(Parser)]
struct Args {
    /// The compiled app, as `cargo build --target wasm32-unknown-unknown` leaves it.
    #[arg(long)]
    wasm: PathBuf,
    /// Folder of the style sheets.
    #[arg(long, default_value = "style")]
    style: PathBuf,
    /// Folder of the files that are served as they are.
    #[arg(long, default_value = "public")]
    public: PathBuf,
    /// Folder of the site; it is replaced as a whole.
    #[arg(long, default_value = "target/site")]
    out: PathBuf,
    /// The `wasm-opt` to make the app smaller with.
    #[arg(long)]
    wasm_opt: Option<PathBuf>,
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

    let wasm = std::fs::read(&args.wasm).with_context(|| {
        format!(
            "the compiled app is not at {}: build the crate `frontend` first",
            args.wasm.display()
        )
    })?;
    let optimizer = args.wasm_opt.as_deref().map(app::Optimizer::new).transpose()?;
    let app_hash = base
        .with(&wasm)
        .with(optimizer.as_ref().map_or("", |o| &o.version).as_bytes())
        .hex();

    let styles = read_tree(&args.style)?;
    let css = css::concatenate(styles.iter().filter(|(name, _)| name.ends_with(".css")))?;
    let css_hash = base.with(css.as_bytes()).hex();
    let public = read_tree(&args.public)?;

    let names = Names::new(&app_hash, &css_hash);
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
    if !site.take_over(&[&names.js, &names.wasm])? {
        let built = app::build(wasm, optimizer.as_ref(), effort)?;
        site.add(&names.js, built.js.as_bytes())?;
        site.add(&names.wasm, &built.wasm)?;
        for (name, content) in &built.snippets {
            site.add(&format!("pkg/snippets/{name}"), content)?;
        }
    }
    site.add(&names.css, css.as_bytes())?;
    for (name, content) in &public {
        site.add(name, content)?;
    }
    site.add("manifest.json", names.manifest().as_bytes())?;
    let sizes = site.finish(&stamp)?;
    report(&args.out, &names, &sizes)
}

/// Where the browser finds the parts that are named after their content, relative to the site.
struct Names {
    js: String,
    wasm: String,
    css: String,
}

impl Names {
    fn new(app: &str, css: &str) -> Self {
        Self {
            js: format!("pkg/app-{app}.js"),
            wasm: format!("pkg/app-{app}_bg.wasm"),
            css: format!("pkg/app-{css}.css"),
        }
    }

    /// The manifest: addresses as the browser asks for them.
    fn manifest(&self) -> String {
        let Self { js, wasm, css } = self;
        serde_json::json!({ "js": format!("/{js}"), "wasm": format!("/{wasm}"), "css": format!("/{css}") })
            .to_string()
    }
}

/// The size table: what a first visit loads.
fn report(out: &Path, names: &Names, sizes: &files::Sizes) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "site: {}", out.display())?;
    for name in [&names.wasm, &names.js, &names.css] {
        if let Some((plain, sent)) = sizes.get(name) {
            writeln!(
                stdout,
                "site: {name:<36} {:>6} kB, {:>5} kB as brotli",
                plain.div_ceil(1000),
                sent.div_ceil(1000)
            )?;
        }
    }
    Ok(())
}
