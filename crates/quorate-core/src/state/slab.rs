//! Pages of equal slots, by size class. An entry that grows moves to a larger class; a page whose slots are all free
//! goes back. Nothing larger than a page is ever allocated or moved at once.

#[cfg(test)]
mod tests;

use super::entry::{CHANGED, LAYOUT_WORD};
use super::layout::Layouts;
use super::memory::{Claim, Memory};

/// Slot sizes in words, chosen for the common entries: a token bucket (12), one limit with 12, 28 or 60 stamps (26, 42,
/// 74), two limits new (42) and both saturated (144); between and beyond, about a quarter apart.
const CLASS_WORDS: [usize; 24] = [
    12, 18, 26, 34, 42, 58, 74, 92, 110, 128, 144, 176, 212, 256, 308, 372, 448, 540, 650, 780, 940, 1_130, 1_560,
    2_560,
];

/// A page is about so many words: 16 KiB.
const PAGE_WORDS: usize = 8_192;

/// The first page of a class is about so many: 512 bytes. Each further one is twice as large, so that a table of few
/// entries is small, however many classes they have.
const FIRST_PAGE_WORDS: usize = 256;

/// Slots are told apart in this many bits of a reference, pages in the rest.
const SLOT_BITS: u32 = 10;

/// What a page's bookkeeping counts for beside its words.
const PAGE_OVERHEAD_BYTES: usize = 48;

/// Where an entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotRef(pub u32);

impl SlotRef {
    fn new(page: usize, slot: usize) -> Self {
        let bits = page << SLOT_BITS | slot;
        Self(u32::try_from(bits).expect("fewer than 2^22 pages of 16 KiB: 64 GiB a table"))
    }

    fn page(self) -> usize {
        usize::try_from(self.0 >> SLOT_BITS).unwrap_or(usize::MAX)
    }

    fn slot(self) -> usize {
        usize::try_from(self.0 & ((1 << SLOT_BITS) - 1)).unwrap_or_default()
    }
}

/// 24 bytes: with a hundred entries a page, every eight of them are a tenth of a byte per entry.
#[derive(Debug)]
struct Page {
    class: u8,
    used: u16,
    /// The first free slot; free slots name the next in their first word. The number of slots for none.
    free: u16,
    /// It is in its class's list of pages with room.
    listed: bool,
    /// An entry of it may be marked as changed.
    changed: bool,
    words: Box<[u16]>,
}

impl Page {
    fn class(&self) -> usize {
        usize::from(self.class)
    }

    /// The words of a slot.
    fn size(&self) -> usize {
        CLASS_WORDS[self.class()]
    }

    fn slots(&self) -> usize {
        self.words.len() / self.size()
    }
}

/// All pages of a table.
#[derive(Debug, Default)]
pub struct Slab {
    pages: Vec<Option<Page>>,
    /// Places in `pages` that hold none.
    vacant: Vec<usize>,
    /// For each class, pages that had room when they were listed.
    roomy: [Vec<usize>; CLASS_WORDS.len()],
    /// For each class, free slots.
    free: [usize; CLASS_WORDS.len()],
    /// For each class, pages.
    pages_of: [u32; CLASS_WORDS.len()],
    bytes: u64,
}

/// The smallest class whose slots have so many words.
pub fn class_for(words: usize) -> Option<usize> {
    CLASS_WORDS.iter().position(|size| *size >= words)
}

/// The words of a class's slots.
pub fn class_words(class: usize) -> usize {
    CLASS_WORDS[class]
}

impl Slab {
    /// Bytes of all pages.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The words of a slot.
    pub fn words(&self, at: SlotRef) -> &[u16] {
        let page = self.page(at.page());
        let size = page.size();
        &page.words[at.slot() * size..(at.slot() + 1) * size]
    }

    /// Makes sure that `count` slots of the class are free, taking a page from memory if need be.
    pub fn reserve(&mut self, class: usize, count: usize, memory: &Memory, claim: Claim) -> bool {
        while self.free[class] < count {
            if !self.add_page(class, memory, claim) {
                return false;
            }
        }
        true
    }

    /// Takes a free slot of the class; `None` when none was reserved.
    pub fn take(&mut self, class: usize) -> Option<SlotRef> {
        loop {
            let number = *self.roomy[class].last()?;
            let size = CLASS_WORDS[class];
            match self.pages[number].as_mut() {
                Some(page) if page.class() == class && usize::from(page.free) < page.slots() => {
                    let slot = usize::from(page.free);
                    page.free = page.words[slot * size];
                    page.used += 1;
                    self.free[class] -= 1;
                    return Some(SlotRef::new(number, slot));
                }
                Some(page) if page.class() == class => page.listed = false,
                _ => {}
            }
            self.roomy[class].pop();
        }
    }

    /// Gives a slot back, and its page if that was the last slot used and the class has room elsewhere.
    pub fn give(&mut self, at: SlotRef, memory: &Memory) {
        let number = at.page();
        let page = self.pages[number]
            .as_mut()
            .expect("a reference names a page that exists");
        let (class, slot, size) = (page.class(), at.slot(), page.size());
        page.words[slot * size] = page.free;
        page.words[slot * size + LAYOUT_WORD] = Layouts::NONE;
        page.free = u16::try_from(slot).expect("slots are told in ten bits");
        page.used -= 1;
        self.free[class] += 1;
        if page.used == 0 && self.free[class] > page.slots() {
            self.free[class] -= page.slots();
            let bytes = page_bytes(&page.words);
            self.pages[number] = None;
            self.roomy[class].retain(|listed| *listed != number);
            self.pages_of[class] -= 1;
            self.vacant.push(number);
            self.bytes -= bytes;
            memory.give(bytes);
        } else if !page.listed {
            page.listed = true;
            self.roomy[class].push(number);
        }
    }

    /// The next used slot after `from`, looking at no more than `budget` slots and pages. The second value is where
    /// to go on; `None` after the last.
    pub fn scan(&self, from: SlotRef, budget: &mut usize) -> (Option<SlotRef>, Option<SlotRef>) {
        let (mut number, mut slot) = (from.page(), from.slot());
        while number < self.pages.len() {
            if *budget == 0 {
                return (None, Some(SlotRef::new(number, slot)));
            }
            if let Some(page) = &self.pages[number] {
                let (size, slots) = (page.size(), page.slots());
                while slot < slots {
                    if *budget == 0 {
                        return (None, Some(SlotRef::new(number, slot)));
                    }
                    *budget -= 1;
                    if page.words[slot * size + LAYOUT_WORD] != Layouts::NONE {
                        return (Some(SlotRef::new(number, slot)), Some(SlotRef::new(number, slot + 1)));
                    }
                    slot += 1;
                }
            }
            (number, slot) = (number + 1, 0);
            *budget = budget.saturating_sub(1);
        }
        (None, None)
    }

    /// The words of a slot, to be written and, if they are `changed`, to be marked as such.
    pub fn words_to_write(&mut self, at: SlotRef, changed: bool) -> &mut [u16] {
        let page = self.pages[at.page()]
            .as_mut()
            .expect("a reference names a page that exists");
        page.changed |= changed;
        let size = page.size();
        &mut page.words[at.slot() * size..(at.slot() + 1) * size]
    }

    /// Marks an entry as changed, or not.
    pub fn mark(&mut self, at: SlotRef, changed: bool) {
        super::entry::mark(self.words_to_write(at, changed), changed);
    }

    /// Whether an entry is marked as changed.
    pub fn is_marked(&self, at: SlotRef) -> bool {
        self.words(at)[LAYOUT_WORD] & CHANGED != 0
    }

    /// The first page from `from` on in which an entry may be marked as changed; `from` itself when it points into a
    /// page. The page is taken for unmarked from now on: whoever asks looks at all its slots. `None` after the last.
    pub fn next_changed(&mut self, from: SlotRef) -> Option<SlotRef> {
        if from.slot() > 0 {
            return Some(from);
        }
        let later = self.pages.get_mut(from.page()..)?;
        let skipped = later
            .iter()
            .position(|page| page.as_ref().is_some_and(|page| page.changed))?;
        if let Some(page) = &mut later[skipped] {
            page.changed = false;
        }
        Some(SlotRef::new(from.page() + skipped, 0))
    }

    /// Takes every page for one in which an entry may be marked as changed.
    pub fn suspect_all(&mut self) {
        for page in self.pages.iter_mut().flatten() {
            page.changed = true;
        }
    }

    /// The next used slot of the page that `from` points into, looking at no more than `budget` slots; and where to go
    /// on, in this page or the next. `None` for where after the last page.
    pub fn scan_page(&self, from: SlotRef, budget: &mut usize) -> (Option<SlotRef>, Option<SlotRef>) {
        let number = from.page();
        let Some(page) = self.pages.get(number) else {
            return (None, None);
        };
        *budget = budget.saturating_sub(1);
        if let Some(page) = page {
            for slot in from.slot()..page.slots() {
                if *budget == 0 {
                    return (None, Some(SlotRef::new(number, slot)));
                }
                *budget -= 1;
                if page.words[slot * page.size() + LAYOUT_WORD] != Layouts::NONE {
                    return (Some(SlotRef::new(number, slot)), Some(SlotRef::new(number, slot + 1)));
                }
            }
        }
        (None, Some(SlotRef::new(number + 1, 0)))
    }

    fn page(&self, number: usize) -> &Page {
        self.pages[number]
            .as_ref()
            .expect("a reference names a page that exists")
    }

    fn add_page(&mut self, class: usize, memory: &Memory, claim: Claim) -> bool {
        let size = CLASS_WORDS[class];
        // One less than the bits can tell, so that a scan can point behind the last slot.
        let words = PAGE_WORDS.min(FIRST_PAGE_WORDS << self.pages_of[class].min(u16::BITS));
        let slots = (words / size).clamp(1, (1 << SLOT_BITS) - 1);
        let bytes = u64::try_from(slots * size * size_of::<u16>() + PAGE_OVERHEAD_BYTES).unwrap_or(u64::MAX);
        if !memory.take(bytes, claim) {
            return false;
        }
        let mut words = vec![0_u16; slots * size].into_boxed_slice();
        for (slot, place) in words.chunks_exact_mut(size).enumerate() {
            place[0] = u16::try_from(slot + 1).unwrap_or(u16::MAX);
            place[LAYOUT_WORD] = Layouts::NONE;
        }
        let page = Page {
            class: u8::try_from(class).expect("few classes"),
            used: 0,
            free: 0,
            listed: true,
            changed: false,
            words,
        };
        let number = self.vacant.pop().unwrap_or(self.pages.len());
        if number == self.pages.len() {
            self.pages.push(Some(page));
        } else {
            self.pages[number] = Some(page);
        }
        self.roomy[class].push(number);
        self.free[class] += slots;
        self.pages_of[class] += 1;
        self.bytes += bytes;
        true
    }
}

fn page_bytes(words: &[u16]) -> u64 {
    u64::try_from(size_of_val(words) + PAGE_OVERHEAD_BYTES).unwrap_or(u64::MAX)
}
