//! Reading: the fields of a message, one after the other, borrowed from its bytes.

use thiserror::Error;

/// The longest a varint may be: ten times seven bits hold 64.
const VARINT_BYTES_MAX: usize = 10;

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The bytes end within a field.
    #[error("it ends in the middle of a field")]
    Truncated,
    /// A number of more than 64 bits.
    #[error("it holds a number of more than 64 bits")]
    Varint,
    /// A field number or wire type that does not exist, or that nobody uses any more.
    #[error("it holds a tag that does not exist")]
    Tag,
    /// A field of another type than its number says.
    #[error("field {0} is of another type")]
    Type(u32),
    /// A text that is not UTF-8.
    #[error("field {0} is not UTF-8")]
    Text(u32),
}

/// The value of a field, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number.
    Varint(u64),
    /// A text, bytes, a message, or many numbers.
    Bytes(&'a [u8]),
    /// Eight or four bytes, or a group: no field that is read here.
    Fixed,
}

/// What stands next in a message.
enum Part<'a> {
    Field(u32, Value<'a>),
    Begin(u32),
    End(u32),
}

/// The most groups within each other that are passed over: as many as prost does.
const GROUPS_MAX: usize = 100;

/// The fields of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    groups: bool,
}

impl<'a> Fields<'a> {
    pub(crate) const fn of(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            groups: false,
        }
    }

    /// As prost reads them: groups, which no message here has, are passed over.
    pub(crate) const fn and_groups(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            groups: true,
        }
    }

    /// The bytes of the fields to come.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A field, or the end of a group.
    fn part(&mut self) -> Result<Part<'a>, Malformed> {
        let tag = u32::try_from(varint(&mut self.rest)?).map_err(|_| Malformed::Tag)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Malformed::Tag);
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => self.skip(8)?,
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| Malformed::Truncated)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            3 if self.groups => return Ok(Part::Begin(number)),
            4 if self.groups => return Ok(Part::End(number)),
            5 => self.skip(4)?,
            // Groups, which proto3 does not have, and what never was.
            _ => return Err(Malformed::Tag),
        };
        Ok(Part::Field(number, value))
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let number = match self.part()? {
            Part::Field(number, value) => return Ok((number, value)),
            Part::Begin(number) => number,
            Part::End(_) => return Err(Malformed::Tag),
        };
        let mut open = vec![number];
        while let Some(innermost) = open.pop() {
            match self.part()? {
                Part::End(number) if number == innermost => continue,
                Part::Begin(number) if open.len() + 1 < GROUPS_MAX => open.extend([innermost, number]),
                Part::Field(..) => open.push(innermost),
                Part::Begin(_) | Part::End(_) => return Err(Malformed::Tag),
            }
        }
        Ok((number, Value::Fixed))
    }

    fn skip(&mut self, length: usize) -> Result<Value<'a>, Malformed> {
        self.rest = self.rest.get(length..).ok_or(Malformed::Truncated)?;
        Ok(Value::Fixed)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            // Where the next field would begin is not known.
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    /// A number.
    pub(crate) fn uint(self, number: u32) -> Result<u64, Malformed> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Bytes(_) | Self::Fixed => Err(Malformed::Type(number)),
        }
    }

    /// A truth value: every number but 0 is true.
    pub(crate) fn bool(self, number: u32) -> Result<bool, Malformed> {
        self.uint(number).map(|value| value != 0)
    }

    /// A message.
    pub(crate) fn message(self, number: u32) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) | Self::Fixed => Err(Malformed::Type(number)),
        }
    }

    /// A text.
    pub(crate) fn text(self, number: u32) -> Result<&'a str, Malformed> {
        core::str::from_utf8(self.message(number)?).map_err(|_| Malformed::Text(number))
    }
}

/// Many numbers in one field.
pub(crate) fn varints(mut bytes: &[u8]) -> impl Iterator<Item = Result<u64, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let value = varint(&mut bytes);
        if value.is_err() {
            bytes = &[];
        }
        Some(value)
    })
}

/// The number of an enum value: 32 bits of what was written, as every reader of protobuf takes it.
pub(crate) fn enum_number(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    // Nearly every tag and length has one byte.
    if let [byte, rest @ ..] = *bytes
        && *byte < 0x80
    {
        *bytes = rest;
        return Ok(u64::from(*byte));
    }
    long_varint(bytes)
}

fn long_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        // The tenth byte holds the last bit of 64.
        if place == VARINT_BYTES_MAX - 1 && *byte > 1 {
            return Err(Malformed::Varint);
        }
        value |= u64::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            *bytes = &bytes[place + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < VARINT_BYTES_MAX {
        Malformed::Truncated
    } else {
        Malformed::Varint
    })
}
