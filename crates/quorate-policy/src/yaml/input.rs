//! Characters for the parser, with the white space that YAML 1.1 lets pass and the parser, which follows 1.2 to the letter,
//! does not: a tab alone between `:` and a word, a comment right behind what it follows, a byte order mark within the text.

use std::str::Chars;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{BufferedInput, Input};

/// The characters of a text.
pub(super) struct Lenient<'t>(BufferedInput<Chars<'t>>);

impl<'t> Lenient<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(BufferedInput::new(text.chars()))
    }
}

impl Input for Lenient<'_> {
    fn lookahead(&mut self, count: usize) {
        self.0.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.0.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.0.bufmaxlen()
    }

    fn raw_read_ch(&mut self) -> char {
        self.0.raw_read_ch()
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.0.raw_read_non_breakz_ch()
    }

    fn skip(&mut self) {
        self.0.skip();
    }

    fn skip_n(&mut self, count: usize) {
        self.0.skip_n(count);
    }

    fn peek(&self) -> char {
        self.0.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.0.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.0.peek_opt()
    }

    fn skip_ws_to_eol(&mut self, tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let mut skipped = 0;
        let mut found_tabs = false;
        loop {
            match self.look_ch() {
                ' ' => {}
                '\t' if tabs != SkipTabs::No => found_tabs = true,
                '#' => {
                    return (
                        skipped + self.skip_while_non_breakz(),
                        Ok(SkipTabs::Result(found_tabs, true)),
                    );
                }
                _ => return (skipped, Ok(SkipTabs::Result(found_tabs, true))),
            }
            self.skip();
            skipped += 1;
        }
    }
}
