//! Leaving out where in the source a panic would be.
//!
//! The compiler gives every `unwrap`, index and assertion the place it stands at: file, line and column, 16 bytes that do not compress, for
//! a message that the app of a release prints nowhere. The code refers to one and the same place here; the others, and the names of files
//! in them, are data that nothing needs then, and whoever takes the code apart leaves them out.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use wasmparser::{
    BinaryReader, DataKind, DefinedDataSymbol, KnownCustom, Linking, Operator, Parser, Payload,
    RelocationType, SymbolInfo,
};

/// Bytes of a place: the address and the length of the file's name, line and column.
const SIZE: u32 = 16;

/// The linked code with one place instead of all. It has to be linked with `--emit-relocs`; a code without what the linker says of it stays
/// as it is.
pub(crate) fn forget(wasm: &[u8]) -> Result<Vec<u8>> {
    let linked = Linked::read(wasm).context("what the linker says of the WASM")?;
    let mut places = linked.places(wasm);
    // Whatever refers to a place in another way keeps all of it.
    for reference in &linked.references {
        if places.contains_key(&reference.symbol) && !reference.is_plain {
            places.remove(&reference.symbol);
        }
    }
    let mut wasm = wasm.to_vec();
    let Some((&kept, &address)) = places.first_key_value() else {
        return Ok(wasm);
    };
    for reference in linked.references {
        if places.contains_key(&reference.symbol) && reference.symbol != kept {
            // The first symbol has the smallest number, so it fits where another one stood.
            put(&mut wasm[reference.index], i64::from(kept), false)?;
            put(&mut wasm[reference.value], i64::from(address), true)?;
        }
    }
    Ok(wasm)
}

/// What the linker tells of code and data.
#[derive(Default)]
struct Linked {
    /// Address and first byte in the file of each segment of data.
    segments: Vec<(u32, usize)>,
    /// The data symbols among all symbols, by their numbers.
    symbols: BTreeMap<u32, DefinedDataSymbol>,
    references: Vec<Reference>,
    /// The symbols that addresses in the data are of, by their first byte in the file.
    pointers: BTreeMap<usize, u32>,
}

/// An instruction, or a field of data, that holds the address of a symbol.
struct Reference {
    symbol: u32,
    /// Whether it is an instruction that holds the very address.
    is_plain: bool,
    /// The bytes of the symbol's number in what the linker tells.
    index: std::ops::Range<usize>,
    /// The bytes of the address.
    value: std::ops::Range<usize>,
}

impl Linked {
    fn read(wasm: &[u8]) -> Result<Self> {
        let mut read = Self::default();
        // First byte of each section.
        let mut sections = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            if let Some((_, range)) = payload.as_section() {
                sections.push(usize::try_from(range.start)?);
            }
            match payload {
                Payload::DataSection(reader) => {
                    for data in reader {
                        let data = data?;
                        let address = match data.kind {
                            DataKind::Active { offset_expr, .. } => {
                                match offset_expr.get_operators_reader().read()? {
                                    Operator::I32Const { value } => value.cast_unsigned(),
                                    _ => bail!("a segment of data is at no fixed address"),
                                }
                            }
                            DataKind::Passive => bail!("a segment of data has no address"),
                        };
                        read.segments
                            .push((address, usize::try_from(data.range.end)? - data.data.len()));
                    }
                }
                Payload::CustomSection(custom) => match custom.as_known() {
                    KnownCustom::Linking(linking) => {
                        for part in linking.subsections() {
                            if let Linking::SymbolTable(symbols) = part? {
                                for (number, symbol) in (0..).zip(symbols) {
                                    if let SymbolInfo::Data {
                                        symbol: Some(symbol), ..
                                    } = symbol?
                                    {
                                        read.symbols.insert(number, symbol);
                                    }
                                }
                            }
                        }
                    }
                    KnownCustom::Reloc(relocations) => {
                        let Some(&section) = sections.get(relocations.section_index() as usize) else {
                            bail!("relocations of a section that is not there");
                        };
                        read.relocations(wasm, section, relocations.entries())?;
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        Ok(read)
    }

    fn relocations(
        &mut self,
        wasm: &[u8],
        section: usize,
        entries: wasmparser::SectionLimited<'_, wasmparser::RelocationEntry>,
    ) -> Result<()> {
        for entry in entries.into_iter_with_offsets() {
            let (at, entry) = entry?;
            let range = entry.relocation_range()?;
            let value = section + range.start..section + range.end;
            // The entry is its type, where it applies, and the symbol's number.
            let at = usize::try_from(at)?;
            let mut reader = BinaryReader::new(&wasm[at..], 0);
            reader.read_u8()?;
            reader.read_var_u32()?;
            let start = at + reader.current_position();
            reader.read_var_u32()?;
            if matches!(entry.ty, RelocationType::MemoryAddrI32) {
                self.pointers.insert(value.start, entry.index);
            }
            self.references.push(Reference {
                symbol: entry.index,
                is_plain: matches!(entry.ty, RelocationType::MemoryAddrSleb) && entry.addend == 0,
                index: start..at + reader.current_position(),
                value,
            });
        }
        Ok(())
    }

    /// The symbols that are places, with their addresses.
    fn places(&self, wasm: &[u8]) -> BTreeMap<u32, u32> {
        let found = self.symbols.iter().filter_map(|(number, symbol)| {
            let (address, at) = self.at(symbol)?;
            let name = self.symbols.get(self.pointers.get(&at)?)?;
            let (_, first) = self.at(name)?;
            let length = u32::from_le_bytes(wasm.get(at + 4..at + 8)?.try_into().ok()?) as usize;
            let is_file = wasm.get(first..first + length)?.ends_with(b".rs");
            let is_place = symbol.size == SIZE && length <= name.size as usize && is_file;
            is_place.then_some((*number, address))
        });
        found.collect()
    }

    /// Address and first byte in the file of a symbol.
    fn at(&self, symbol: &DefinedDataSymbol) -> Option<(u32, usize)> {
        let (address, first) = self.segments.get(symbol.index as usize)?;
        Some((address + symbol.offset, first + symbol.offset as usize))
    }
}

/// Writes a number as LEB128 of exactly the length of the bytes.
fn put(bytes: &mut [u8], mut number: i64, is_signed: bool) -> Result<()> {
    let last = bytes.len().saturating_sub(1);
    for (ix, byte) in bytes.iter_mut().enumerate() {
        let more = if ix < last { 0x80 } else { 0 };
        *byte = (number & 0x7f) as u8 | more;
        number >>= 7;
    }
    let is_minus = is_signed && bytes.last().is_some_and(|byte| byte & 0x40 != 0);
    if number != 0 || is_minus {
        bail!("a number of the linker does not fit into {} bytes", bytes.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    /// A number as LEB128, five bytes long as the linker writes what it may change.
    fn five(number: u32) -> Vec<u8> {
        let mut bytes = vec![0; 5];
        put(&mut bytes, i64::from(number), false).expect("five bytes hold it");
        bytes
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id][..], &five(content.len() as u32), content].concat()
    }

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        section(0, &[&[name.len() as u8][..], name.as_bytes(), content].concat())
    }

    const BASE: u32 = 1024;

    /// Code that loads the addresses of `loads`, and data of a file's name, two places in it, and something else that points to a text.
    fn linked(loads: &[u8]) -> Vec<u8> {
        let field = u32::to_le_bytes;
        let place = |line, column| [field(BASE), field(8), field(line), field(column)].concat();
        let data = [&b"src/a.rs"[..], &place(3, 5), &place(7, 9), &place(1, 2)].concat();
        // Name and place of each symbol of the data: a name, the places, what points to a text of the same length, the text.
        let symbols = [
            ("file", 0, 8),
            ("one", 8, 16),
            ("two", 24, 16),
            ("other", 40, 16),
            ("text", 8, 8),
        ];
        let at = |symbol: u8| BASE + symbols[usize::from(symbol)].1;
        let instructions: Vec<u8> = loads
            .iter()
            .flat_map(|load| [&[0x41][..], &five(at(*load)), &[0x1a]].concat())
            .collect();
        let body = [&[0][..], &instructions, &[0x0b]].concat();
        let code = [&[1][..], &five(body.len() as u32), &body].concat();
        let table: Vec<u8> = symbols
            .iter()
            .flat_map(|(name, offset, size)| {
                [
                    &[1, 0, name.len() as u8][..],
                    name.as_bytes(),
                    &[0, *offset as u8, *size],
                ]
                .concat()
            })
            .collect();
        let table = [&[symbols.len() as u8][..], &table].concat();
        let linking = [&[2, 8][..], &five(table.len() as u32), &table].concat();
        // Behind count, size and locals, each is an instruction of 7 bytes.
        let loaded = loads
            .iter()
            .enumerate()
            .flat_map(|(ix, load)| [4, 8 + 7 * ix as u8, *load, 0]);
        let of_code: Vec<u8> = [1, loads.len() as u8].into_iter().chain(loaded).collect();
        // Behind count, flags and the segment's address, and its size.
        let first = 10;
        let of_data = [2, 3, 5, first + 8, 0, 0, 5, first + 24, 0, 0, 5, first + 40, 4, 0];
        [
            &b"\0asm\x01\0\0\0"[..],
            &section(3, &[1, 0]),
            &section(10, &code),
            &section(
                11,
                &[&[1, 0, 0x41][..], &five(BASE), &[0x0b, data.len() as u8], &data].concat(),
            ),
            &custom("linking", &linking),
            &custom("reloc.CODE", &of_code),
            &custom("reloc.DATA", &of_data),
        ]
        .concat()
    }

    /// What the code loads, and what is in the data.
    fn seen(wasm: &[u8]) -> String {
        let linked = Linked::read(wasm).expect("it is linked");
        let mut out = String::new();
        for reference in linked.references.iter().filter(|reference| reference.is_plain) {
            let value = &wasm[reference.value.clone()];
            let address = value
                .iter()
                .rev()
                .fold(0, |n, byte| n << 7 | u32::from(byte & 0x7f));
            out += &format!("loads {} of {}\n", address - BASE, reference.symbol);
        }
        for (number, symbol) in &linked.symbols {
            let (_, at) = linked.at(symbol).expect("it is in the data");
            out += &format!("{number} {:?}\n", &wasm[at..at + symbol.size as usize]);
        }
        out
    }

    #[test]
    fn all_places_become_the_first_one() {
        let wasm = forget(&linked(&[1, 2, 3, 2])).expect("forgotten");
        expect![[r#"
            loads 8 of 1
            loads 8 of 1
            loads 40 of 3
            loads 8 of 1
            0 [115, 114, 99, 47, 97, 46, 114, 115]
            1 [0, 4, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0]
            2 [0, 4, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0]
            3 [0, 4, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]
            4 [0, 4, 0, 0, 8, 0, 0, 0]
        "#]]
        .assert_eq(&seen(&wasm));
    }

    #[test]
    fn what_the_linker_said_nothing_of_stays() {
        let bare = b"\0asm\x01\0\0\0";
        assert_eq!(forget(bare).expect("nothing to forget"), bare);
    }
}
