//! Short names between code and glue.
//!
//! wasm-bindgen names what the code imports after what it is, with a hash. Nothing is known by these names but the glue beside it, and a
//! hash does not compress: for a first visit they weigh as much as four pages of the app's own code.

use anyhow::{Context, Result};
use std::collections::HashMap;
use walrus::{ImportKind, ModuleConfig};

/// The module of the code's imports that the glue has the functions for.
const GLUE: &str = "./app_bg.js";

/// Glue and code that know each other's functions by numbers.
pub(crate) fn shorten(js: &str, wasm: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut module = ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .strict_validate(false)
        .parse(wasm)
        .context("the WASM of wasm-bindgen")?;
    let mut short = HashMap::new();
    for import in module.imports.iter_mut() {
        if matches!(import.kind, ImportKind::Function(_)) && import.module == GLUE {
            let number = short.len();
            let name = short
                .entry(import.name.clone())
                .or_insert_with(|| format!("i{number}"));
            import.name.clone_from(name);
        }
    }
    Ok((renamed(js, &short), module.emit_wasm()))
}

/// The script with other words for some of its words.
fn renamed(js: &str, words: &HashMap<String, String>) -> String {
    let mut out = String::with_capacity(js.len());
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut rest = js;
    while let Some(start) = rest.find(is_part) {
        let (between, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        out.push_str(between);
        out.push_str(words.get(word).map_or(word, String::as_str));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use walrus::Module;

    #[test]
    fn glue_and_code_keep_the_same_names() {
        let mut module = Module::default();
        let nothing = module.types.add(&[], &[]);
        for name in ["__wbg_call_fc92fee6137d452d", "__wbg_callback_4f1baf9a00be3c74"] {
            module.add_import_func("./app_bg.js", name, nothing);
        }
        let js = "const import0 = {\n    __proto__: null,\n    __wbg_callback_4f1baf9a00be3c74: function(arg0) { wasm.__wbg_call(arg0); },\n    \
                  __wbg_call_fc92fee6137d452d: function() {},\n};\n";
        let (js, wasm) = shorten(js, &module.emit_wasm()).expect("shortened");
        let module = Module::from_buffer(&wasm).expect("a module");
        let imports: Vec<_> = module.imports.iter().map(|import| import.name.as_str()).collect();
        expect![[r#"
            i0 i1
            const import0 = {
                __proto__: null,
                i1: function(arg0) { wasm.__wbg_call(arg0); },
                i0: function() {},
            };
        "#]]
        .assert_eq(&format!("{}\n{js}", imports.join(" ")));
    }
}
