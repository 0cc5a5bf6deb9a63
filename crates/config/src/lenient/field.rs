//! The building blocks of the wire model.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use crate::source::Span;

/// Serde's name for [`Field`], by which the reader knows it.
pub(super) const FIELD: &str = "tieline::Field";
/// Serde's name for [`Short`], by which the reader knows it.
pub(super) const SHORT: &str = "tieline::Short";

/// A value that knows its place.
///
/// Without a place the key is not written (or is written without a value); with a place and
/// without a value it was wrong, which is already reported.
#[derive(Clone, Debug)]
pub(crate) struct Field<T> {
    /// Where its key is, or the value itself where it has none.
    pub(crate) key: Option<Span>,
    /// Where the value is.
    pub(crate) at: Option<Span>,
    pub(crate) value: Option<T>,
}

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self { key: None, at: None, value: None }
    }
}

impl<T> Field<T> {
    /// The value with its place.
    pub(crate) fn placed(&self) -> Option<(&T, Span)> {
        self.value.as_ref().zip(self.at)
    }

    /// Whether the key is written, rightly or wrongly.
    pub(crate) const fn is_written(&self) -> bool {
        self.at.is_some()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(FIELD, FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value and its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Field<T>, A::Error> {
        let key = parts.next_element()?;
        let at = parts.next_element()?;
        let value = parts.next_element()?;
        Ok(Field { key, at, value })
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A mapping from names to values, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Entries<T>(pub(crate) Vec<(Field<String>, Field<T>)>);

impl<T> Entries<T> {
    /// Each entry's name, the name's place and the value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Span, &Field<T>)> {
        self.0
            .iter()
            .filter_map(|(name, value)| name.placed().map(|(name, at)| (name.as_str(), at, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": values })
    }
}

/// A mapping that may be written as one string.
#[derive(Clone, Debug)]
pub(crate) struct Short<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + From<String>> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SHORT, ShortVisitor(PhantomData))
    }
}

struct ShortVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + From<String>> Visitor<'de> for ShortVisitor<T> {
    type Value = Short<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a mapping")
    }

    fn visit_str<E>(self, text: &str) -> Result<Short<T>, E> {
        Ok(Short(T::from(text.to_owned())))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, long: D) -> Result<Short<T>, D::Error> {
        T::deserialize(long).map(Short)
    }
}

impl<T: JsonSchema> JsonSchema for Short<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Short_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, long] })
    }
}
