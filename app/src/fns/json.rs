//! How answers travel.

use leptos::server_fn::codec::Post;
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use serde::Serialize;
use serde::de::{DeserializeOwned, Error};

/// JSON that is read as text, as what stands in a page is. The usual codec reads bytes, and what reads both is in the browser's code
/// twice, for every type that travels.
pub struct JsonText;

/// Answers of server functions.
pub type Json = Post<JsonText>;

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(output).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        let text = std::str::from_utf8(&bytes).map_err(Error::custom)?;
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_as_they_were_given() {
        let given = ("an \"answer\" – ü\u{2028}".to_owned(), 1.5, None::<bool>);
        let bytes = JsonText::encode(&given).expect("encoded");
        let read: (String, f64, Option<bool>) = JsonText::decode(bytes).expect("decoded");
        assert_eq!(read, given);
        let cut = <JsonText as Decodes<String>>::decode(Bytes::from_static(b"\"\xc3"));
        assert!(cut.is_err());
    }
}
