//! A reader of nodes that keeps going after a mistake.
//!
//! It is a serde deserializer, so that the wire model's derives say what is allowed. Every value of
//! the model sits in a [`Field`]; a value that cannot be read leaves its field empty and a problem
//! on the list, and reading continues behind it.

use std::cell::RefCell;

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor,
        value::{SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

mod complaint;
mod field;

use complaint::Complaint;
pub(crate) use field::{Entries, Field, Short};

use crate::{
    problem::{Code, Problem},
    tree::{Node, Value},
};

type Sink = RefCell<Vec<Problem>>;

/// Reads a model from a tree, with all the mistakes on the way.
pub(crate) fn read<'de, T: Deserialize<'de>>(root: &Node) -> (Field<T>, Vec<Problem>) {
    let sink = Sink::default();
    let field = Field::deserialize(Reader { node: root, key: None, sink: &sink });
    (field.unwrap_or_default(), sink.into_inner())
}

/// A node about to be read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    /// The key the node belongs to; none for the root, keys and list items.
    key: Option<&'a Node>,
    sink: &'a Sink,
}

impl<'a> Reader<'a> {
    fn at(self, node: &'a Node) -> Self {
        Self { node, key: None, ..self }
    }

    fn report(self, complaint: Complaint) {
        self.sink.borrow_mut().push(complaint.about(self.node));
    }

    fn wrong_type(self, expected: &'static str) -> Complaint {
        Complaint::WrongType { expected }
    }

    fn map(self) -> Result<&'a [(Node, Node)], Complaint> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.wrong_type("a mapping")),
        }
    }

    /// The entries whose keys exist; the others are reported.
    fn known_entries(self, known: &[&str]) -> Result<Entry<'a>, Complaint> {
        let mut kept = Vec::new();
        for (key, value) in self.map()? {
            match &key.value {
                Value::Text(name) if known.contains(&name.as_str()) => kept.push((key, value)),
                Value::Text(name) => {
                    let message = format!("unknown key `{name}`");
                    let problem = Problem::new(Code::UnknownKey, key.span, message);
                    let problem = problem.with_found(name).suggesting(name, known);
                    self.sink.borrow_mut().push(problem);
                }
                _ => self.at(key).report(self.wrong_type("a name")),
            }
        }
        Ok(Entry::new(self, kept))
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Complaint;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(text) | Value::Text(text) => visitor.visit_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match self.node.value {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.wrong_type("`true` or `false`")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::Number(text) => match text.parse() {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => Err(Complaint::custom("a whole number from 0")),
            },
            _ => Err(self.wrong_type("a whole number")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::Number(text) => match text.parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(Complaint::custom("a number such as `0.95`")),
            },
            _ => Err(self.wrong_type("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::Text(text) | Value::Number(text) => visitor.visit_str(text),
            _ => Err(self.wrong_type("a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(Items { reader: self, rest: items.iter() }),
            _ => Err(self.wrong_type("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        let entries = self.map()?.iter().map(|(key, value)| (key, value)).collect();
        visitor.visit_map(Entry::new(self, entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        visitor.visit_map(self.known_entries(fields)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_enum(StrDeserializer::new(text)),
            _ => Err(self.wrong_type("a string")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        match (name, &self.node.value) {
            (field::FIELD, _) => visitor.visit_seq(Placed { reader: self, part: 0 }),
            (field::SHORT, Value::Text(text) | Value::Number(text)) => visitor.visit_str(text),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 char bytes byte_buf option unit unit_struct tuple
        tuple_struct identifier ignored_any
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        self.deserialize_u64(visitor)
    }
}

/// Gives a [`Field`] its place and, unless it cannot be read, its value.
struct Placed<'a> {
    reader: Reader<'a>,
    part: u8,
}

impl<'de> SeqAccess<'de> for Placed<'_> {
    type Error = Complaint;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Complaint> {
        let node = self.reader.node;
        if matches!(node.value, Value::Null) {
            return Ok(None);
        }
        self.part = self.part.saturating_add(1);
        let span = match self.part {
            1 => Some(self.reader.key.map_or(node.span, |key| key.span)),
            2 => Some(node.span),
            _ => None,
        };
        if let Some(span) = span {
            let numbers = [span.start, span.len, span.line, span.column];
            return seed.deserialize(SeqDeserializer::new(numbers.into_iter())).map(Some);
        }
        match seed.deserialize(self.reader) {
            Ok(value) => Ok(Some(value)),
            Err(complaint) => {
                self.reader.report(complaint);
                Ok(None)
            }
        }
    }
}

/// The items of a list.
struct Items<'a> {
    reader: Reader<'a>,
    rest: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Complaint;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Complaint> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let reader = self.reader.at(item);
        if matches!(item.value, Value::Null) {
            reader.report(reader.wrong_type("a value"));
        }
        seed.deserialize(reader).map(Some)
    }
}

/// The entries of a mapping.
struct Entry<'a> {
    reader: Reader<'a>,
    rest: std::vec::IntoIter<(&'a Node, &'a Node)>,
    current: Option<(&'a Node, &'a Node)>,
}

impl<'a> Entry<'a> {
    fn new(reader: Reader<'a>, entries: Vec<(&'a Node, &'a Node)>) -> Self {
        Self { reader, rest: entries.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Entry<'_> {
    type Error = Complaint;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Complaint> {
        self.current = self.rest.next();
        let Some((key, _)) = self.current else { return Ok(None) };
        seed.deserialize(self.reader.at(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Complaint> {
        let (key, value) = self.current.ok_or_else(|| Complaint::custom("a key and a value"))?;
        seed.deserialize(Reader { key: Some(key), ..self.reader.at(value) })
    }
}
