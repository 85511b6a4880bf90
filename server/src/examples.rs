//! The flows a fresh server has, so that there is something to run and to learn from.

use anyhow::{Context, Result};
use engine::{Engine, EngineError, SaveFlow};
use flow::parse::Format;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../examples"]
struct Examples;

/// Saves the examples if there is no flow at all.
pub(crate) async fn save_if_empty(engine: &Engine) -> Result<()> {
    if !engine.flows(None, None, 1).await?.items.is_empty() {
        return Ok(());
    }
    let names = Examples::iter().filter(|name| name.ends_with(".yaml") && !name.contains('/'));
    for name in names {
        let Some(file) = Examples::get(&name) else { continue };
        let source = file.data.into_owned();
        let save = SaveFlow { source, format: Format::Yaml, id: None, expected: Some(0), actor: "engine".to_owned() };
        match engine.save_flow(save).await {
            // One that was archived is not wanted back.
            Ok(_) | Err(EngineError::VersionConflict { .. }) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot save the example {name}")),
        }
    }
    Ok(())
}
