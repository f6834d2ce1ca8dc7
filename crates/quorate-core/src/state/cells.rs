//! The cells of one request, in places that are used again and again.

use core::ops::{Deref, DerefMut};

use super::cell::Cell;
use crate::window::sliding::Log;

/// Cells, in order. A log has room for 128 stamps, of which few are kept: it is read where it stays, and neither cleared
/// before nor moved after. That was a tenth of a decision's instructions.
#[derive(Debug, Default)]
pub struct Cells {
    /// Behind the first `len` lies what was there before.
    all: Vec<Cell>,
    len: usize,
}

impl Cells {
    /// Forgets all.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// One more, which is whatever was there before.
    pub fn next_place(&mut self) -> &mut Cell {
        if self.len == self.all.len() {
            self.all.push(Cell::Log(Log::default()));
        }
        self.len += 1;
        &mut self.all[self.len - 1]
    }

    /// Adds one.
    pub fn push(&mut self, cell: Cell) {
        *self.next_place() = cell;
    }
}

impl Extend<Cell> for Cells {
    fn extend<I: IntoIterator<Item = Cell>>(&mut self, cells: I) {
        for cell in cells {
            self.push(cell);
        }
    }
}

impl Deref for Cells {
    type Target = [Cell];

    fn deref(&self) -> &[Cell] {
        &self.all[..self.len]
    }
}

impl DerefMut for Cells {
    fn deref_mut(&mut self) -> &mut [Cell] {
        &mut self.all[..self.len]
    }
}
