//! The flows a fresh server has, so that there is something to run and to learn from.

use anyhow::{Context, Result};
use engine::{Engine, EngineError, SaveFlow};
use flow::parse::Format;

/// Name and text of each.
const EXAMPLES: [(&str, &str); 4] = [
    ("hello", include_str!("../../examples/hello.yaml")),
    ("order-checks", include_str!("../../examples/order-checks.yaml")),
    ("health-report", include_str!("../../examples/health-report.yaml")),
    ("release", include_str!("../../examples/release.yaml")),
];

/// Saves the examples if there is no flow at all.
pub(crate) async fn save_if_empty(engine: &Engine) -> Result<()> {
    if !engine.flows(None, None, 1).await?.items.is_empty() {
        return Ok(());
    }
    for (name, source) in EXAMPLES {
        let source = source.as_bytes().to_vec();
        let save = SaveFlow {
            source,
            format: Format::Yaml,
            id: None,
            expected: Some(0),
            actor: "engine".to_owned(),
        };
        match engine.save_flow(save).await {
            // One that was archived is not wanted back.
            Ok(_) | Err(EngineError::VersionConflict { .. }) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot save the example {name}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::task_types::{BuiltinOptions, TypeRegistry};

    #[test]
    fn examples_have_no_problems() {
        let types = TypeRegistry::builtin(&BuiltinOptions::default());
        for (name, source) in EXAMPLES {
            let checked = flow::validate::check(source.as_bytes(), Format::Yaml, &types);
            assert!(checked.problems.is_empty(), "{name}: {:?}", checked.problems);
        }
    }
}
