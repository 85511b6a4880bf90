//! Putting functions in an order that compresses.
//!
//! Most of the code is the same few functions again and again, each for other types. A compressor finds that easily as long as what is
//! alike lies close together: functions of one signature that begin alike do here, which is a twentieth of what a visit loads.

use anyhow::{Result, anyhow};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef,
};

/// The same module with its functions by signature, and within one by their code; without names and what else tools keep in it.
pub(crate) fn by_likeness(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut types = Vec::new();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::FunctionSection(functions) => types = functions.into_iter().collect::<Result<_, _>>()?,
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    let mut order: Vec<usize> = (0..bodies.len().min(types.len())).collect();
    order.sort_by_key(|&old| (types[old], bodies[old].as_bytes()));
    let mut places = vec![0; order.len()];
    for (new, &old) in (imported..).zip(&order) {
        places[old] = new;
    }
    let mut module = Module::new();
    Order {
        imported,
        order,
        places,
        types,
        bodies,
    }
    .parse_core_module(&mut module, Parser::new(0), wasm)
    .map_err(|error| anyhow!("ordering functions: {error}"))?;
    Ok(module.finish())
}

/// Another order for functions.
struct Order<'w> {
    /// Functions of others, which come first and stay.
    imported: u32,
    /// Which function comes next.
    order: Vec<usize>,
    /// The new number of each function.
    places: Vec<u32>,
    types: Vec<u32>,
    bodies: Vec<FunctionBody<'w>>,
}

impl Reencode for Order<'_> {
    type Error = Infallible;

    fn function_index(&mut self, old: u32) -> Result<u32, Error<Infallible>> {
        let own = old.checked_sub(self.imported);
        Ok(own.map_or(old, |own| self.places[own as usize]))
    }

    fn parse_custom_section(
        &mut self,
        _: &mut Module,
        _: CustomSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for &old in &self.order {
            functions.function(self.types[old]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for at in 0..self.order.len() {
            let body = self.bodies[self.order[at]].clone();
            self.parse_function_body(code, body)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use walrus::{FunctionBuilder, ValType};

    /// The exported functions with their numbers and what they give.
    fn told(wasm: &[u8]) -> String {
        let module = walrus::Module::from_buffer(wasm).expect("a module");
        let mut lines: Vec<String> = module
            .exports
            .iter()
            .map(|export| {
                let walrus::ExportItem::Function(id) = export.item else {
                    panic!("only functions are exported");
                };
                let function = module.funcs.get(id).kind.unwrap_local();
                let instructions = &function.block(function.entry_block()).instrs;
                format!(
                    "{} of {}: {:?}\n",
                    id.index(),
                    export.name,
                    instructions.iter().map(|(it, _)| it).collect::<Vec<_>>()
                )
            })
            .collect();
        lines.sort();
        lines.concat()
    }

    #[test]
    fn functions_that_are_alike_stand_together_and_are_found() {
        let mut module = walrus::Module::default();
        for (name, number) in [
            ("seven", Some(7)),
            ("nothing", None),
            ("three", Some(3)),
            ("five", Some(5)),
        ] {
            let results: &[ValType] = if number.is_some() { &[ValType::I32] } else { &[] };
            let mut builder = FunctionBuilder::new(&mut module.types, &[], results);
            if let Some(number) = number {
                builder.func_body().i32_const(number);
            }
            let function = builder.finish(Vec::new(), &mut module.funcs);
            module.exports.add(name, function);
        }
        let ordered = by_likeness(&module.emit_wasm()).expect("ordered");
        expect![[r#"
            0 of nothing: []
            1 of three: [Const(Const { value: I32(3) })]
            2 of five: [Const(Const { value: I32(5) })]
            3 of seven: [Const(Const { value: I32(7) })]
        "#]]
        .assert_eq(&told(&ordered));
    }
}
