//! A message as it arrived, read in place as the core's request: texts are borrowed from its bytes, and only lists that
//! are not empty take memory.

use std::ops::Range;

use quorate_api::v1;
use quorate_core::limit::METERS_MAX;
use quorate_core::request::{ATTRIBUTES_MAX, BATCH_MAX, ChargeMode, InvalidRequest, Request, SCOPES_MAX, Subject};

use super::Rendering;
use crate::grpc::wire::{Fields, Malformed, Value, enum_number, varints};

/// The most amounts that one request can carry: one per meter other than `requests`.
const AMOUNTS_MAX: usize = METERS_MAX - 1;

/// How long an item of a batch is, at a guess: with a key and an org. Room for the items is taken once for most batches,
/// and is never a hundred times the message.
const ITEM_BYTES: usize = 32;

/// The lists of one request or of all requests of a batch, each request a range of each.
#[derive(Debug, Default)]
pub(crate) struct Lists<'a> {
    amounts: Vec<(&'a str, u64)>,
    attributes: Vec<(&'a str, &'a str)>,
    scopes: Vec<&'a str>,
}

/// A `ShouldAllowRequest` as it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<'a> {
    subject: Option<Subject<'a>>,
    org: &'a str,
    endpoint: &'a str,
    cost: Option<u64>,
    amounts: Range<usize>,
    attributes: Range<usize>,
    environment: &'a str,
    scopes: Range<usize>,
    check_only: bool,
    operation_id: &'a str,
    charge_mode: u64,
    refund: bool,
    rendering: Rendering,
    /// How many more there were than fit: amounts, attributes, scopes.
    excess: [usize; 3],
}

/// The fields of `ShouldAllowRequest` that are read here; a test holds it against the contract.
#[cfg(test)]
pub(super) const FIELDS: core::ops::RangeInclusive<i32> = 1..=15;

impl<'a> Asked<'a> {
    /// Reads a message; its lists go to the end of `lists`.
    pub(crate) fn read(message: &'a [u8], lists: &mut Lists<'a>) -> Result<Self, Malformed> {
        let mut asked = Self::starting(lists);
        asked.merge(message, lists)?;
        Ok(asked)
    }

    /// Nothing asked yet.
    fn starting(lists: &Lists<'a>) -> Self {
        let empty = |length: usize| length..length;
        Self {
            amounts: empty(lists.amounts.len()),
            attributes: empty(lists.attributes.len()),
            scopes: empty(lists.scopes.len()),
            ..Self::default()
        }
    }

    /// Reads a message into what was read before: what comes later counts, lists are added up.
    fn merge(&mut self, message: &'a [u8], lists: &mut Lists<'a>) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            let (number, value) = field?;
            match number {
                1 => self.subject = Some(Subject::Key(value.text(number)?)),
                2 => self.subject = Some(Subject::Credential(value.text(number)?)),
                3 => self.org = value.text(number)?,
                4 => self.endpoint = value.text(number)?,
                5 => self.cost = Some(value.uint(number)?),
                6 => self.amount(value.message(number)?, lists)?,
                7 => self.attribute(value.message(number)?, lists)?,
                8 => self.environment = value.text(number)?,
                9 => self.scope(value.text(number)?, lists),
                10 => self.check_only = value.bool(number)?,
                11 => self.operation_id = value.text(number)?,
                12 => self.include(number, value)?,
                13 => self.charge_mode = value.uint(number)?,
                14 => self.refund = value.bool(number)?,
                15 => self.rendering.jitter = value.bool(number)?,
                // A newer caller's field: it says what it may mean to a server that does not know it.
                _ => {}
            }
        }
        Ok(())
    }

    /// The org that was named; empty for none.
    pub(crate) const fn org(&self) -> &'a str {
        self.org
    }

    /// What of the answer is wanted.
    pub(crate) const fn rendering(&self) -> Rendering {
        self.rendering
    }

    /// As the core's request, for `org`.
    ///
    /// # Errors
    /// The subject is unset, an enum value is unknown, or a list is longer than any request's may be.
    pub(crate) fn request<'r>(&self, org: &'r str, lists: &'r Lists<'a>) -> Result<Request<'r>, InvalidRequest>
    where
        'a: 'r,
    {
        let [amounts, attributes, scopes] = self.excess;
        fits("amounts", self.amounts.len(), amounts)?;
        fits("attributes", self.attributes.len(), attributes)?;
        fits("scopes", self.scopes.len(), scopes)?;
        Ok(Request {
            subject: self.subject.ok_or(InvalidRequest::SubjectMissing)?,
            org,
            endpoint: self.endpoint,
            cost: self.cost,
            amounts: &lists.amounts[self.amounts.clone()],
            attributes: &lists.attributes[self.attributes.clone()],
            environment: self.environment,
            scopes: &lists.scopes[self.scopes.clone()],
            check_only: self.check_only,
            operation_id: self.operation_id,
            charge_mode: charge_mode(self.charge_mode)?,
            refund: self.refund,
        })
    }

    fn amount(&mut self, entry: &'a [u8], lists: &mut Lists<'a>) -> Result<(), Malformed> {
        let (mut meter, mut amount) = ("", 0);
        for field in Fields::of(entry) {
            match field? {
                (1, value) => meter = value.text(1)?,
                (2, value) => amount = value.uint(2)?,
                _ => {}
            }
        }
        put(
            &mut lists.amounts,
            &mut self.amounts,
            AMOUNTS_MAX,
            &mut self.excess[0],
            (meter, amount),
        );
        Ok(())
    }

    fn attribute(&mut self, entry: &'a [u8], lists: &mut Lists<'a>) -> Result<(), Malformed> {
        let (mut name, mut text) = ("", "");
        for field in Fields::of(entry) {
            match field? {
                (1, value) => name = value.text(1)?,
                (2, value) => text = value.text(2)?,
                _ => {}
            }
        }
        put(
            &mut lists.attributes,
            &mut self.attributes,
            ATTRIBUTES_MAX,
            &mut self.excess[1],
            (name, text),
        );
        Ok(())
    }

    fn scope(&mut self, scope: &'a str, lists: &mut Lists<'a>) {
        if self.scopes.len() < SCOPES_MAX {
            lists.scopes.push(scope);
            self.scopes.end += 1;
        } else {
            self.excess[2] += 1;
        }
    }

    fn include(&mut self, number: u32, value: Value<'_>) -> Result<(), Malformed> {
        match value {
            Value::Varint(include) => self.rendering.include(include),
            Value::Bytes(packed) => {
                for include in varints(packed) {
                    self.rendering.include(include?);
                }
            }
            Value::Fixed => return Err(Malformed::Type(number)),
        }
        Ok(())
    }
}

/// Puts an entry of a map into the list of the last request: a key that comes twice has the later value.
fn put<'a, T>(
    list: &mut Vec<(&'a str, T)>,
    range: &mut Range<usize>,
    max: usize,
    excess: &mut usize,
    entry: (&'a str, T),
) {
    if let Some(known) = list[range.clone()].iter_mut().find(|known| known.0 == entry.0) {
        *known = entry;
    } else if range.len() < max {
        list.push(entry);
        range.end += 1;
    } else {
        *excess += 1;
    }
}

fn fits(field: &'static str, max: usize, excess: usize) -> Result<(), InvalidRequest> {
    if excess > 0 {
        let count = max + excess;
        return Err(InvalidRequest::TooMany { field, count, max });
    }
    Ok(())
}

fn charge_mode(value: u64) -> Result<ChargeMode, InvalidRequest> {
    match v1::ChargeMode::try_from(enum_number(value)) {
        Ok(v1::ChargeMode::Unspecified | v1::ChargeMode::AllOrNone) => Ok(ChargeMode::AllOrNone),
        Ok(v1::ChargeMode::Each) => Ok(ChargeMode::Each),
        Ok(v1::ChargeMode::Record) => Ok(ChargeMode::Record),
        Err(_) => Err(InvalidRequest::Conflict {
            field: "charge_mode",
            problem: "this value is not known",
        }),
    }
}

/// A `ShouldAllowBatchRequest` as it was asked.
#[derive(Debug, Default)]
pub(crate) struct AskedBatch<'a> {
    pub(crate) items: Vec<Asked<'a>>,
    pub(crate) lists: Lists<'a>,
    pub(crate) all_or_nothing: bool,
    /// How many more items there were than any batch may have. They were not read: an item of two bytes must not
    /// take a hundred times as much memory.
    pub(crate) excess: usize,
}

impl<'a> AskedBatch<'a> {
    /// Reads a message.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut batch = Self {
            items: Vec::with_capacity((message.len() / ITEM_BYTES).min(BATCH_MAX)),
            ..Self::default()
        };
        for field in Fields::of(message) {
            match field? {
                (1, _) if batch.items.len() == BATCH_MAX => batch.excess += 1,
                (1, value) => {
                    // Read where it stays: an item is large. After an error the batch is given up.
                    batch.items.push(Asked::starting(&batch.lists));
                    if let Some(item) = batch.items.last_mut() {
                        item.merge(value.message(1)?, &mut batch.lists)?;
                    }
                }
                (2, value) => batch.all_or_nothing = value.bool(2)?,
                _ => {}
            }
        }
        Ok(batch)
    }
}

/// Reads the request within a `ShouldAllowStreamRequest`.
pub(crate) fn read_streamed<'a>(message: &'a [u8], lists: &mut Lists<'a>) -> Result<Asked<'a>, Malformed> {
    let mut asked = Asked::starting(lists);
    for field in Fields::of(message) {
        if let (1, value) = field? {
            asked.merge(value.message(1)?, lists)?;
        }
    }
    Ok(asked)
}
