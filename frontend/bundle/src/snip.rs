//! Leaving out what never runs.
//!
//! Leptos can hydrate a page piece by piece, for routes whose code comes later, and from templates instead of the server's page. The app
//! does neither, but no linker knows that: every view carries the ways to do it, a twentieth of what a first visit loads.

use anyhow::{Context, Result};
use walrus::ir::{Instr, InstrLocId};
use walrus::{FunctionKind, ModuleConfig};

/// What the names of such functions have in common: hydration of a view whose type is erased, with its future; that of an attribute, from
/// a template.
const UNUSED: [&str; 2] = [
    "8into_any13hydrate_async",
    "13into_any_attr21hydrate_from_template",
];

/// The code without the bodies of such functions, and without what only they call. Names have to be in it still.
pub(crate) fn snip(wasm: &[u8]) -> Result<Vec<u8>> {
    // The compiler's names are needed here, and wasm-bindgen takes them away afterwards.
    let mut module = ModuleConfig::new()
        .generate_name_section(true)
        .generate_producers_section(false)
        .strict_validate(false)
        .parse(wasm)
        .context("the WASM of the compiler")?;
    for function in module.funcs.iter_mut() {
        let is_unused = function
            .name
            .as_ref()
            .is_some_and(|name| UNUSED.iter().any(|unused| name.contains(unused)));
        if let FunctionKind::Local(local) = &mut function.kind
            && is_unused
        {
            let entry = local.entry_block();
            local.block_mut(entry).instrs = vec![(
                Instr::Unreachable(walrus::ir::Unreachable {}),
                InstrLocId::default(),
            )];
        }
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::{FunctionBuilder, Module, ValType};

    /// A module that exports a function with a name which calls another one, nameless to the outside.
    fn module(name: &str) -> Vec<u8> {
        let mut module = Module::default();
        let mut called = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        called.name("called".to_owned()).func_body().i32_const(7);
        let called = called.finish(Vec::new(), &mut module.funcs);
        let mut outer = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        outer.name(name.to_owned()).func_body().call(called);
        let outer = outer.finish(Vec::new(), &mut module.funcs);
        module.exports.add("outer", outer);
        module.emit_wasm()
    }

    fn names(wasm: &[u8]) -> Vec<String> {
        let module = Module::from_buffer(wasm).expect("a module");
        let mut names: Vec<_> = module
            .funcs
            .iter()
            .filter_map(|function| function.name.clone())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_only_unused_functions_call_goes_with_them() {
        for unused in UNUSED {
            let unused = format!("_ZN1T{unused}17h0123456789abcdefE");
            let left = snip(&module(&unused)).expect("snipped");
            assert_eq!(names(&left), [unused]);
        }
    }

    #[test]
    fn everything_else_stays() {
        let left = snip(&module("_ZN1T8into_any7hydrate17h0123456789abcdefE")).expect("snipped");
        assert_eq!(
            names(&left),
            ["_ZN1T8into_any7hydrate17h0123456789abcdefE", "called"]
        );
    }
}
