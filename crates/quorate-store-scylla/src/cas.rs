//! Reads the answer to a conditional change.
//!
//! Its shape is not fixed. Cassandra sends `[applied]` alone when a change applied or found no row, and otherwise adds the
//! columns of the condition (of an update) or of the row (of an insert); ScyllaDB always adds columns, with the values
//! before the change. So columns are found by name, `[applied]` first, and none of the others is relied on.

use scylla::response::query_result::QueryResult;
use scylla::value::{CqlValue, Row};

/// The column that says whether the change applied.
const APPLIED: &str = "[applied]";

/// An answer.
pub(crate) struct Cas {
    /// Whether the change applied.
    pub applied: bool,
    /// What else was said, with its name.
    others: Vec<(String, CqlValue)>,
}

impl Cas {
    /// Reads an answer; the error says what it is instead.
    pub fn read(result: QueryResult) -> Result<Self, String> {
        let rows = result.into_rows_result().map_err(|error| error.to_string())?;
        let names: Vec<String> = rows.column_specs().iter().map(|spec| spec.name().to_owned()).collect();
        let row: Row = rows.single_row().map_err(|error| error.to_string())?;
        Self::of(names.into_iter().zip(row.columns))
    }

    fn of(columns: impl Iterator<Item = (String, Option<CqlValue>)>) -> Result<Self, String> {
        let mut applied = None;
        let mut others = Vec::new();
        for (name, value) in columns {
            match value {
                Some(value) if name == APPLIED => applied = value.as_boolean(),
                Some(value) => others.push((name, value)),
                None => {}
            }
        }
        let applied = applied.ok_or_else(|| format!("an answer without {APPLIED}"))?;
        Ok(Self { applied, others })
    }

    /// A column of the row as it was, if the database said it and it is not null.
    pub fn was(&self, name: &str) -> Option<&CqlValue> {
        let mut others = self.others.iter();
        others.find(|(column, _)| column == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests;
